// The tracker on a site's own domain: under any prefix, under names that the operator chooses, and nothing else there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { fromPage, get, latestClicks, post, rowCounts } from "./calls.mjs";

const SHOP = "https://shop.example";
const link = { affiliate_url: `${SHOP}/?aff=alice`, page_url: `${SHOP}/` };

/** A visit and a sign-up through these paths: both are recorded, once. */
async function assertTracks(ledger, clickPath, leadPath, name) {
  const click = await fromPage(ledger, clickPath, link);
  assert.equal(click.status, 200, `${clickPath}: ${click.text}`);
  assert.equal(click.headers.get("access-control-allow-origin"), SHOP);
  const lead = { click_id: click.json.click_id, customer_key: name };
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await fromPage(ledger, leadPath, lead);
    assert.deepEqual([answer.status, answer.json.success], [200, true], `${leadPath}: ${answer.text}`);
  }
  return click.json.click_id;
}

test("files and browser endpoints answer under any prefix of up to four segments", async (t) => {
  const ledger = await startLedger(t);
  const script = (await get(ledger, "/js/tracker.js", { key: null })).text;
  const prefixes = ["/x", "/a/b", "/a/b/c/d", "/v1", "/api", "/js", "/d%C3%A4/x"];
  for (const [number, prefix] of prefixes.entries()) {
    for (const name of ["tracker.js", "pixel.min.js"]) {
      const answer = await get(ledger, `${prefix}/js/${name}`, { key: null });
      assert.deepEqual([answer.status, answer.text === script], [200, true], prefix);
    }
    const endpoint = `${prefix}/api/v1/track`;
    await assertTracks(ledger, `${endpoint}/click`, `${endpoint}/lead`, `user_${number}`);
  }
  assert.deepEqual(await rowCounts(ledger), {
    referral: prefixes.length,
    identity: prefixes.length,
    event: prefixes.length,
  });
  for (const path of ["/a/b/c/d/e/js/tracker.js", "/a/b/c/d/e/api/v1/track/click", "/x/js/deeper/tracker.js"]) {
    assert.equal((await fromPage(ledger, path, link)).status, 404, path);
    assert.equal((await get(ledger, path, { key: null })).status, 404, path);
  }
});

test("a preflight passes under a prefix as it does without one, and methods are the route's", async (t) => {
  const ledger = await startLedger(t);
  const headers = { origin: SHOP, "access-control-request-method": "POST" };
  const preflight = await ledger.request("OPTIONS", "/x/api/v1/track/click", { headers });
  assert.deepEqual(
    [preflight.status, preflight.headers.get("access-control-allow-origin"), preflight.headers.get("vary")],
    [204, SHOP, "Origin"],
  );
  assert.equal((await get(ledger, "/x/api/v1/track/click", { key: null })).status, 405);
  assert.equal((await post(ledger, "/x/js/tracker.js", {})).status, 405);
});

const MANAGEMENT = [
  ...["/v1/clicks", "/v1/signups", "/v1/conversions", "/v1/referrals", "/v1/program", "/v1/webhooks"],
  ...["/api/v1/track/sale", "/api/v1/track/refund", "/api/v1/cli/test-event", "/dashboard", "/dashboard/overview"],
  ...["/demo", "/demo/shop.js", "/healthz", "/favicon.ico"],
];

test("nothing else answers under a prefix, with a key or without", async (t) => {
  const ledger = await startLedger(t, { demo: true });
  for (const path of MANAGEMENT) {
    for (const method of ["GET", "POST"]) {
      const answer = await ledger.request(method, `/x${path}`, {
        key: ledger.fixture.keys.live,
        body: method === "POST" ? { trackingId: "alice" } : undefined,
      });
      assert.equal(answer.status, 404, `${method} /x${path}`);
    }
  }
  assert.deepEqual(await latestClicks(ledger), []);
});

test("the tracker has the names that the operator gives it", async (t) => {
  const vars = { PATH_ALIASES: "/a/b.js=/js/tracker.js, /a/*=/js/*\n/z/*=/api/v1/track/*  /t=/api/v1/track/click" };
  const ledger = await startLedger(t, { vars });
  const script = (await get(ledger, "/js/tracker.js", { key: null })).text;
  for (const path of ["/a/b.js", "/a/tracker.js", "/a/affitor-tracker.js"]) {
    const answer = await get(ledger, path, { key: null });
    assert.deepEqual([answer.status, answer.text === script], [200, true], path);
    assert.equal(answer.headers.get("cache-control"), "public, max-age=300");
  }
  await assertTracks(ledger, "/z/click", "/z/lead", "user_1");
  await assertTracks(ledger, "/t", "/z/lead", "user_2");
  const preflight = await ledger.request("OPTIONS", "/z/lead", { headers: { origin: SHOP } });
  assert.equal(preflight.headers.get("access-control-allow-origin"), SHOP);
  for (const path of ["/z/sale", "/z/refund", "/a/nothing.js", "/a/x/tracker.js", "/z/..%2Fcli%2Ftest-event", "/t/"]) {
    assert.equal((await post(ledger, path, {}, { key: ledger.fixture.keys.token })).status, 404, path);
  }
});

test("an Idempotency-Key is the same call's under every name of its path", async (t) => {
  const ledger = await startLedger(t, { vars: { PATH_ALIASES: "/z/*=/api/v1/track/*" } });
  const ids = [];
  for (const path of ["/api/v1/track/click", "/x/api/v1/track/click", "/z/click"]) {
    ids.push((await fromPage(ledger, path, link, { "idempotency-key": "visit-1" })).json.click_id);
  }
  assert.equal(new Set(ids).size, 1);
});

test("an alias is no second door, nor does it stand before a route; what is ignored is named by /healthz", async (t) => {
  const bad = ["/m/*=/v1/*", "/s=/api/v1/track/sale", "/d=/dashboard", "/h=/js/nothing.js", "nonsense", "/a*=/js/tracker.js"];
  const taken = ["/healthz=/js/tracker.js", "/v1/clicks=/api/v1/track/click"];
  const ledger = await startLedger(t, { vars: { PATH_ALIASES: [...bad, ...taken, "/ok.js=/js/tracker.js"].join(" ") } });
  for (const path of ["/m/clicks", "/m/program", "/s", "/d", "/h"]) {
    assert.equal((await post(ledger, path, { trackingId: "alice" })).status, 404, path);
  }
  assert.equal((await get(ledger, "/ok.js", { key: null })).status, 200);
  const health = await get(ledger, "/healthz", { key: null });
  assert.deepEqual([health.status, health.json.status], [200, "ok"]);
  const ignored = health.json.settings.PATH_ALIASES;
  assert.deepEqual(
    ignored.map((line) => line.split(" is ignored: ")[0]),
    bad,
  );
  assert.equal((await post(ledger, "/v1/clicks", { trackingId: "alice" })).status, 201);
});

test("without aliases /healthz says nothing of settings", async (t) => {
  const ledger = await startLedger(t);
  assert.equal((await get(ledger, "/healthz", { key: null })).json.settings, undefined);
});
