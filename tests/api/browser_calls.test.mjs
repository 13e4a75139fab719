// track/click and track/lead as a page calls them: which origins may, what the browser is told, who is not tracked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, fromPage, get, latestClicks, post, rowCounts, select } from "./calls.mjs";

const SHOP = "https://shop.example";
const CLICK = "/api/v1/track/click";
const LEAD = "/api/v1/track/lead";
const link = (code = "alice") => ({ affiliate_url: `${SHOP}/?aff=${code}`, page_url: `${SHOP}/` });

const corsHeaders = (answer) =>
  Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith("access-control-") || name === "vary"));

async function assertNothingTracked(ledger) {
  assert.deepEqual(await rowCounts(ledger), {});
  assert.deepEqual(await latestClicks(ledger), []);
  assert.deepEqual(await latestClicks(ledger, { key: ledger.fixture.other.keys.live }), []);
}

test("a page of an allowed origin tracks a click, then a lead, and may read both answers", async (t) => {
  const ledger = await startLedger(t);

  const click = await fromPage(ledger, CLICK, link());
  assert.equal(click.status, 200);
  assert.deepEqual(corsHeaders(click), { "access-control-allow-origin": SHOP, vary: "Origin" });
  const { click_id, ...rest } = click.json;
  assert.match(click_id, /^ref_\w{25}$/);
  assert.deepEqual(rest, { success: true, partner_code: "alice", cookie_window_days: 60 });

  for (let twice = 0; twice < 2; twice += 1) {
    const lead = await fromPage(ledger, LEAD, { click_id, customer_key: "user_1", email: "jane@example.com" });
    assert.deepEqual([lead.status, lead.json], [200, { success: true, message: "Lead tracked successfully" }]);
    assert.deepEqual(corsHeaders(lead), { "access-control-allow-origin": SHOP, vary: "Origin" });
  }
  assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 2, event: 1 });
  const [referral] = await select(ledger, "SELECT id, external_user_id, email, email_masked, verified FROM referral");
  assert.deepEqual(referral, {
    id: click_id,
    external_user_id: "user_1",
    email: null,
    email_masked: "j***@example.com",
    verified: 0,
  });
});

test("the cookie's life is the program's", async (t) => {
  const ledger = await startLedger(t, { program: { cookie_window_days: 90 } });
  assert.equal((await fromPage(ledger, CLICK, link())).json.cookie_window_days, 90);
});

test("a page of another origin is refused, is told why, and nothing is stored", async (t) => {
  const ledger = await startLedger(t);
  const { click_id } = (await fromPage(ledger, CLICK, link())).json;
  const others = [
    ...["https://evil.example", "http://shop.example", "https://shop.example:8443", "https://www.shop.example", "null"],
    ...[
      "https://shop.example.evil.example",
      "https://SHOP.example",
      "https://shop.example/",
      "https://evilshop.example",
    ],
  ];
  for (const origin of others) {
    const calls = [
      [CLICK, link()],
      [LEAD, { click_id, customer_key: "user_1" }],
    ];
    for (const [path, body] of [...calls, ...calls]) {
      const answer = await fromPage(ledger, path, body, { origin });
      assert.equal(answer.status, 403, `${path} from ${origin}: ${answer.text}`);
      assert.deepEqual(Object.keys(answer.json), ["error"]);
      assert.ok(answer.json.error.includes(origin), answer.text);
      assert.ok(answer.json.error.includes(ledger.fixture.program.id), answer.text);
      assert.equal(answer.headers.get("vary"), "Origin");
      assert.equal(answer.headers.get("access-control-allow-credentials"), null);
    }
  }
  assert.deepEqual(await rowCounts(ledger), {});
  assert.deepEqual(
    (await latestClicks(ledger)).map(({ id }) => id),
    [click_id],
  );
});

test("a key vouches for a lead wherever it comes from", async (t) => {
  const ledger = await startLedger(t);
  const { click_id } = (await fromPage(ledger, CLICK, link())).json;
  const headers = { origin: "https://evil.example" };
  const body = { click_id, customer_key: "user_1" };
  for (let twice = 0; twice < 2; twice += 1) {
    assert.equal((await post(ledger, LEAD, body, { key: ledger.fixture.keys.token, headers })).status, 200);
  }
});

test("a call without an origin is no page: it is taken, and its answer still varies by origin", async (t) => {
  const ledger = await startLedger(t);
  const click = await fromPage(ledger, CLICK, link(), { origin: null });
  const lead = await fromPage(ledger, LEAD, { click_id: click.json.click_id }, { origin: null });
  for (const answer of [click, lead]) {
    assert.equal(answer.status, 200);
    assert.deepEqual(corsHeaders(answer), { vary: "Origin" });
  }
});

test("a preflight of an allowed origin passes, of any other it does not", async (t) => {
  const ledger = await startLedger(t);
  const preflight = (path, origin) =>
    ledger.request("OPTIONS", path, {
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
    });
  for (const path of [CLICK, LEAD]) {
    for (const origin of [SHOP, SHOP]) {
      const { vary, "access-control-max-age": age, ...headers } = corsHeaders(await preflight(path, origin));
      assert.equal(vary, "Origin");
      assert.ok(Number(age) > 0);
      assert.deepEqual(headers, {
        "access-control-allow-origin": SHOP,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type, authorization, idempotency-key",
      });
    }
    for (const origin of ["https://evil.example", "null", `${SHOP}.evil.example`]) {
      assert.deepEqual(corsHeaders(await preflight(path, origin)), { vary: "Origin" });
    }
    assert.deepEqual(corsHeaders(await ledger.request("OPTIONS", path)), { vary: "Origin" });
  }
});

test("no other route can be read by a page", async (t) => {
  const ledger = await startLedger(t);
  const { live, token } = ledger.fixture.keys;
  const headers = { origin: SHOP };
  const answers = [
    await post(ledger, "/v1/clicks", { trackingId: "alice" }, { headers }),
    await post(ledger, "/v1/signups", {}, { headers }),
    await post(ledger, "/v1/conversions", {}, { headers }),
    await post(ledger, "/v1/referrals", {}, { headers }),
    await get(ledger, "/v1/referrals/ref_1", { headers }),
    await get(ledger, "/dashboard/overview", { headers }),
    await post(ledger, "/api/v1/track/sale", {}, { key: token, headers }),
    await post(ledger, "/api/v1/cli/test-event", {}, { key: token, headers }),
    await ledger.request("OPTIONS", "/v1/clicks", { key: live, headers }),
    await ledger.request("OPTIONS", "/api/v1/track/sale", { headers }),
    await get(ledger, "/healthz", { headers }),
  ];
  for (const answer of answers) {
    const names = Object.keys(corsHeaders(answer)).filter((name) => name !== "vary");
    assert.deepEqual(names, [], answer.text);
  }
});

const unseen = {
  "a visitor with Global Privacy Control": [{ "sec-gpc": "1" }, "gpc"],
  "a prefetched page": [{ "sec-purpose": "prefetch" }, "prefetch"],
  "a prerendered page": [{ "sec-purpose": "prefetch;prerender" }, "prefetch"],
  "a page prefetched by an older browser": [{ purpose: "prefetch" }, "prefetch"],
};

for (const [who, [headers, reason]] of Object.entries(unseen)) {
  test(`${who} is not tracked, and gets no id`, async (t) => {
    const ledger = await startLedger(t);
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await fromPage(ledger, CLICK, link(), headers);
      assert.deepEqual([answer.status, answer.json], [200, { success: true, tracked: false, reason }]);
      assert.deepEqual(corsHeaders(answer), { "access-control-allow-origin": SHOP, vary: "Origin" });
    }
    await assertNothingTracked(ledger);
  });
}

test("a program may choose not to honour Global Privacy Control", async (t) => {
  const ledger = await startLedger(t, { program: { honour_gpc: 0 } });
  assert.match((await fromPage(ledger, CLICK, link(), { "sec-gpc": "1" })).json.click_id, /^ref_/);
});

for (const partnership of ["pending", "rejected"]) {
  test(`a link of a ${partnership} partnership is inactive`, async (t) => {
    const ledger = await startLedger(t);
    await addAffiliate(ledger, { trackingId: "bob", partnership });
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await fromPage(ledger, CLICK, link("bob"));
      assert.deepEqual([answer.status, answer.json], [200, { success: false, message: "Referral link is inactive" }]);
    }
    const keyed = await post(ledger, "/v1/clicks", { trackingId: "bob" });
    assert.deepEqual([keyed.status, keyed.json.error.field], [400, "trackingId"]);
    await assertNothingTracked(ledger);
  });
}

test("links that lead nowhere are refused in the published words", async (t) => {
  const ledger = await startLedger(t);
  const refusals = [
    [{}, "affiliate_url is required"],
    [{ affiliate_url: "" }, "affiliate_url is required"],
    [{ affiliate_url: "no url" }, "Invalid affiliate_url"],
    [{ affiliate_url: "/?aff=alice" }, "Invalid affiliate_url"],
    [{ affiliate_url: `${SHOP}/` }, "No aff parameter found in affiliate_url"],
    [{ affiliate_url: `${SHOP}/?aff=` }, "No aff parameter found in affiliate_url"],
    [{ affiliate_url: `${SHOP}/?aff=nobody` }, "Referral link not found"],
    [{ affiliate_url: `${SHOP}/?aff=ALICE` }, "Referral link not found"],
    [{ affiliate_url: `${SHOP}/?aff=%00` }, "Referral link not found"],
    [{ affiliate_url: `${SHOP}/?aff=${"a".repeat(10_000)}` }, "Referral link not found"],
  ];
  for (const [body, error] of refusals) {
    const answer = await fromPage(ledger, CLICK, body);
    assert.deepEqual([answer.status, answer.json], [400, { error }], JSON.stringify(body).slice(0, 100));
  }
  await assertNothingTracked(ledger);
});
