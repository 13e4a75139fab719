// Which pages may read which answers: every route × where the page is × whether it calls with credentials.
import assert from "node:assert/strict";
import { test } from "node:test";
import { newKey, startLedger } from "../support/ledger.mjs";
import { addAffiliate, fromPage } from "./calls.mjs";
import { keyOf, ROUTES } from "./routes.mjs";

const SHOP = "https://shop.example";

/** Where a page may be: on the program's own origin, on another program's, elsewhere, nowhere that it says. */
const ORIGINS = {
  allowed: SHOP,
  "another program's": "https://other.example",
  foreign: "https://evil.example",
  "nearly allowed": `${SHOP}.evil.example`,
  null: "null",
  none: undefined,
};

const BROWSER_ROUTES = ["/api/v1/track/click", "/api/v1/track/lead"];

/** What a page of any origin may load: it holds nothing of anybody's. */
const FOR_EVERYBODY = ["/js/tracker.js", "/openapi.json"];

const corsOf = ({ headers }) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-")));

async function start(t) {
  const ledger = await startLedger(t, { browser_origins: [SHOP] });
  const { program, team } = ledger.fixture.other;
  const sql = "INSERT INTO program_origin (program_id, origin, team_id) VALUES (?, ?, ?)";
  await ledger.db.prepare(sql).bind(program.id, ORIGINS["another program's"], team.id).run();
  return ledger;
}

for (const [where, origin] of Object.entries(ORIGINS)) {
  for (const cookie of [undefined, "session=1"]) {
    const headers = { ...(origin && { origin }), ...(cookie && { cookie }) };
    const how = `from ${where} origin${cookie ? " with a cookie" : ""}`;

    test(`no answer of a route for backends may be read by a page, ${how}`, async (t) => {
      const ledger = await start(t);
      for (const route of ROUTES.filter(({ path }) => !BROWSER_ROUTES.includes(path))) {
        for (const key of [keyOf(ledger, route), undefined, newKey("sk_live")]) {
          const answer = await ledger.request(route.method, route.path, { key, body: route.body, headers });
          assert.deepEqual(corsOf(answer), {}, `${route.method} ${route.path} (${answer.status})`);
        }
        const preflight = await ledger.request("OPTIONS", route.path, {
          headers: { ...headers, "access-control-request-method": route.method },
        });
        assert.deepEqual(corsOf(preflight), {}, `OPTIONS ${route.path}`);
      }
    });

    test(`a page tells its program and may read why not, never with credentials of elsewhere, ${how}`, async (t) => {
      const ledger = await start(t);
      const key = null;
      const link = { affiliate_url: `${SHOP}/?aff=alice`, page_url: `${SHOP}/` };
      const { click_id } = (await fromPage(ledger, BROWSER_ROUTES[0], link)).json;
      const bodies = [link, { click_id, customer_key: "user_1" }];
      const before = (await ledger.db.prepare("SELECT COUNT(*) AS rows FROM referral").first()).rows;
      for (const [place, path] of BROWSER_ROUTES.entries()) {
        const answer = await fromPage(ledger, path, bodies[place], { key, ...headers, origin: origin ?? null });
        const isTaken = where === "allowed" || where === "none";
        assert.equal(answer.status, isTaken ? 200 : 403, `${path}: ${answer.text}`);
        assert.deepEqual(corsOf(answer), origin === undefined ? {} : { "access-control-allow-origin": origin });
        assert.equal(answer.headers.get("vary"), "Origin");
        assert.equal(answer.headers.get("set-cookie"), null, "the page is on another site than the call");
      }
      const after = (await ledger.db.prepare("SELECT COUNT(*) AS rows FROM referral").first()).rows;
      assert.equal(after - before, where === "allowed" || where === "none" ? 1 : 0);
    });

    test(`a preflight passes where some program allows the origin, and may be kept for a day, ${how}`, async (t) => {
      const ledger = await start(t);
      for (const path of BROWSER_ROUTES) {
        const asked = { "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
        const answer = await ledger.request("OPTIONS", path, { headers: { ...headers, ...asked } });
        assert.equal(answer.status, 204);
        assert.equal(answer.headers.get("vary"), "Origin");
        const passes = where === "allowed" || where === "another program's";
        const expected = {
          "access-control-allow-headers": "content-type, authorization, idempotency-key",
          "access-control-allow-methods": "POST",
          "access-control-allow-origin": origin,
          "access-control-max-age": "86400",
        };
        assert.deepEqual(corsOf(answer), passes ? expected : {});
      }
    });

    test(`the tracker's files and the document may be read by anybody, ${how}`, async (t) => {
      const ledger = await start(t);
      for (const path of FOR_EVERYBODY) {
        const answer = await ledger.request("GET", path, { headers });
        assert.deepEqual(corsOf(answer), { "access-control-allow-origin": "*" }, path);
      }
    });
  }
}

test("credentials are for a page of the site that the call is on, where the cookie is set", async (t) => {
  const ledger = await start(t);
  await addAffiliate(ledger, { trackingId: "bob" });
  const onSite = { "x-forwarded-host": "track.shop.example" };
  const link = { affiliate_url: `${SHOP}/?aff=bob`, cookie_domain: "shop.example" };
  const [click, lead] = BROWSER_ROUTES;
  const own = await fromPage(ledger, click, link, onSite);
  assert.deepEqual(corsOf(own), { "access-control-allow-credentials": "true", "access-control-allow-origin": SHOP });
  assert.ok(own.headers.getSetCookie().length > 0);
  // Neither the other route, nor a page of another site, nor a backend with its key.
  const others = [
    await fromPage(ledger, lead, { click_id: own.json.click_id, customer_key: "user_1" }, onSite),
    await fromPage(ledger, click, link, { ...onSite, origin: "https://evil.example" }),
    await fromPage(ledger, click, link, { ...onSite, origin: "null" }),
    await fromPage(ledger, click, link, { ...onSite, origin: null }),
    await fromPage(ledger, click, link, { ...onSite, authorization: `Bearer ${ledger.fixture.keys.token}` }),
    await fromPage(ledger, click, link, {}),
  ];
  for (const answer of others) {
    assert.equal(answer.headers.get("access-control-allow-credentials"), null, answer.text);
    assert.deepEqual(answer.headers.getSetCookie(), []);
  }
});
