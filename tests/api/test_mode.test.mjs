// Test rows: seen by a test key, and by no list, no sum and no webhook of live rows. The lists are the route table's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { operations } from "../support/openapi.mjs";
import { startReceiver } from "../support/receiver.mjs";
import { addAffiliate, click, eventually, fromPage, get, post, refund, select, unique } from "./calls.mjs";
import { assertError, READ_ROUTES } from "./routes.mjs";
import { startLedger } from "../support/ledger.mjs";
import { startTelling, subscribe } from "./webhook_calls.mjs";

const TEST_EVENT = "/api/v1/cli/test-event";
const READINESS = "/api/v1/programs/me/readiness";

/** Every route that lists or adds up: what is read without naming a row. */
const LISTS = [
  ...new Set([
    ...operations.filter(({ method, path }) => method === "get" && !path.includes("{")).map(({ path }) => path),
    ...READ_ROUTES.map(({ path }) => path).filter((path) => !/_none|\d/.test(path.replace(/\/v1/g, ""))),
    "/v1/commissions/summary?group_by=affiliate,month",
    "/v1/conversions?expand=affiliate,referral",
    "/v1/payouts?format=csv",
  ]),
].filter((path) => /^\/(v1|api\/v1|dashboard)\//.test(path) && path !== READINESS);

/** Those that have something to show once somebody has used a mode. */
const FILLED = [
  "/v1/referrals",
  "/v1/conversions",
  "/v1/conversions/unattributed",
  "/v1/commissions",
  "/v1/commissions/summary?group_by=affiliate,month",
  "/v1/refunds/pending",
  "/v1/events",
  "/v1/payouts",
  "/v1/rates/missing",
  "/dashboard/overview",
];

/** Rows of every kind in the mode of a key. */
async function use(ledger, key) {
  const made = async (work, status) => {
    const answer = await work;
    assert.equal(answer.status, status, answer.text);
    return answer.json.data;
  };
  const { affiliate } = ledger.fixture;
  const referral_id = await click(ledger, { key });
  const signup = { click_id: referral_id, external_user_id: unique("user"), email: `${unique("jane")}@example.com` };
  await made(post(ledger, "/v1/signups", signup, { key }), 201);
  await click(ledger, { key });
  const order = unique("order");
  await made(post(ledger, "/v1/conversions", { referral_id, sale_amount: 99, external_event_id: order }, { key }), 201);
  await made(refund(ledger, order, { amount: 9, external_event_id: unique("re") }, { key }), 200);
  const inDong = { referral_id, sale_amount: 2_500_000, sale_amount_currency: "VND", external_event_id: unique("vnd") };
  await made(post(ledger, "/v1/conversions", inDong, { key }), 201);
  const nobody = { customer_id: unique("cus"), sale_amount: 5, external_event_id: unique("lost") };
  assert.equal((await post(ledger, "/v1/conversions", nobody, { key })).status, 404);
  await made(refund(ledger, unique("later"), { amount: 5, allow_pending: true }, { key }), 202);
  await made(post(ledger, "/v1/payouts", { affiliate_id: affiliate.id }, { key }), 201);
  return referral_id;
}

/** When a key was last used, and how far the lines of all programs have come: of no mode. */
const NEITHERS = /("last_used_at"|"next"):(?:"[^"]*"|null)/g;

/** What each list says to a key. */
async function readAll(ledger, key) {
  const said = {};
  for (const path of LISTS) {
    const answer = await get(ledger, path, { key });
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    said[path] = answer.text.replace(NEITHERS, "$1");
  }
  return said;
}

const ID = /\b(?:ref|conv|com|rfd)_\w{25}\b|\bpay_\w{22}\b/g;
const idsIn = (texts) => new Set(Object.values(texts).flatMap((text) => text.match(ID) ?? []));

test("the lists that are looked at are not few", () => {
  for (const path of FILLED) assert.ok(LISTS.includes(path), path);
  assert.ok(LISTS.length >= 20, LISTS.join(" "));
});

test("no list and no sum of live rows is changed by test rows, and none of test rows by live ones", async (t) => {
  const ledger = await startLedger(t);
  const { live, test: testKey, token } = ledger.fixture.keys;
  await use(ledger, live);
  await eventually(async () => assert.equal((await select(ledger, "SELECT SUM(clicks) AS n FROM click_count"))[0].n, 2));
  const before = await readAll(ledger, live);
  const empty = await readAll(ledger, testKey);

  await use(ledger, testKey);
  const event = { customer_key: unique("user"), additional_data: { test_mode: true } };
  assert.equal((await fromPage(ledger, "/api/v1/track/lead", event)).status, 200);
  for (const key of [live, token, testKey]) {
    const chain = await post(ledger, TEST_EVENT, { type: "chain" }, { key });
    assert.equal(chain.json.data?.attributed, true, chain.text);
  }
  await eventually(async () => {
    const [{ n }] = await select(ledger, "SELECT SUM(clicks) AS n FROM click_count WHERE is_test = 1");
    assert.equal(n, 5);
  });

  assert.deepEqual(await readAll(ledger, live), before);
  const after = await readAll(ledger, testKey);
  for (const path of FILLED) assert.notEqual(after[path], empty[path], `${path} shows nothing of test rows`);
  const [ofLive, ofTest] = [idsIn(before), idsIn(after)];
  assert.ok(ofLive.size >= 5 && ofTest.size >= 5);
  assert.deepEqual([...ofTest].filter((id) => ofLive.has(id)), []);
});

test("no live endpoint hears of a test row, by whatever way it came", async (t) => {
  const ledger = await startTelling(t);
  const { live, test: testKey, token } = ledger.fixture.keys;
  const receiver = await startReceiver(t);
  await subscribe(ledger, receiver.url);
  await use(ledger, testKey);
  for (const key of [live, token]) {
    assert.equal((await post(ledger, TEST_EVENT, { type: "chain" }, { key })).status, 200);
  }
  await fromPage(ledger, "/api/v1/track/lead", { additional_data: { test_mode: true } });
  const told = await select(ledger, "SELECT kind FROM event WHERE is_test = 1 AND messages <> '[]'");
  assert.deepEqual(told.filter(({ kind }) => !kind.startsWith("payout")), []);
  // A live row comes after all of them: when it has been told, so would they.
  const referral = await use(ledger, live);
  await receiver.received(1);
  await eventually(() => assert.ok(receiver.of("transaction.created").length >= 1));
  for (const { body, json } of receiver.requests) {
    if (json.data.referralId !== undefined) assert.equal(json.data.referralId, referral, body);
  }
});

test("a chain goes the way of a real customer, as test rows, priced by what holds", async (t) => {
  const ledger = await startLedger(t);
  const { token, live } = ledger.fixture.keys;
  const answer = await post(ledger, TEST_EVENT, { type: "chain" }, { key: token });
  assert.equal(answer.status, 200, answer.text);
  const { customer_key, ...data } = answer.json.data;
  assert.match(customer_key, /^aff_test_ck_\w{22}$/);
  assert.deepEqual(data, {
    type: "chain",
    short_code: "afftest1",
    verdict: { click: "attributed", lead: "attributed", sale: "attributed" },
    attributed: true,
  });
  const [referral] = await select(ledger, "SELECT * FROM referral");
  assert.deepEqual([referral.is_test, referral.external_user_id, referral.status], [1, customer_key, "customer"]);
  const [sale] = await select(ledger, "SELECT is_test, amount_minor, currency FROM conversion");
  assert.deepEqual(sale, { is_test: 1, amount_minor: 10_000, currency: "USD" });
  // 30 % of 100.00.
  const [commission] = await select(ledger, "SELECT is_test, amount_minor, affiliate_id FROM commission");
  assert.deepEqual(commission, { is_test: 1, amount_minor: 3_000, affiliate_id: ledger.fixture.affiliate.id });
  // Another call is another chain; the same Idempotency-Key is the same one.
  const headers = { "idempotency-key": unique("key") };
  const keyed = await post(ledger, TEST_EVENT, { type: "chain" }, { key: live, headers });
  const again = await post(ledger, TEST_EVENT, { type: "chain" }, { key: live, headers });
  assert.deepEqual([keyed.status, again.text], [200, keyed.text]);
  assert.equal((await select(ledger, "SELECT * FROM referral")).length, 2);
});

test("a chain of a program that credits nobody says so", async (t) => {
  const ledger = await startLedger(t);
  const run = async () => (await post(ledger, TEST_EVENT, { type: "chain" })).json.data;
  await ledger.db.prepare("UPDATE affiliate SET partnership = 'pending'").run();
  const none = await run();
  assert.deepEqual(none.verdict, { click: "unattributed", lead: "unattributed", sale: "unattributed" });
  assert.equal(none.attributed, false);
});

test("ten chains an hour, and then 429 with the seconds to wait; another team's are its own", async (t) => {
  const ledger = await startLedger(t);
  for (let run = 0; run < 10; run += 1) {
    assert.equal((await post(ledger, TEST_EVENT, { type: "chain" })).status, 200);
  }
  const before = await select(ledger, "SELECT COUNT(*) AS rows FROM referral");
  const refused = await post(ledger, TEST_EVENT, { type: "chain" });
  assertError(TEST_EVENT, refused, 429);
  const wait = Number(refused.headers.get("retry-after"));
  assert.ok(wait > 3_000 && wait <= 3_600, `${wait}`);
  assert.deepEqual(await select(ledger, "SELECT COUNT(*) AS rows FROM referral"), before);
  const key = ledger.fixture.other.keys.live;
  assert.equal((await post(ledger, TEST_EVENT, { type: "chain" }, { key })).status, 200);
  // An hour later there is room again.
  await ledger.db.prepare("UPDATE test_chain SET started_at = started_at - 3600000").run();
  assert.equal((await post(ledger, TEST_EVENT, { type: "chain" })).status, 200);
});

test("another type than a chain is a 400 that names the field", async (t) => {
  const ledger = await startLedger(t);
  for (const type of ["click", ""]) {
    assert.ok(assertError(TEST_EVENT, await post(ledger, TEST_EVENT, { type }), 400).names("type"));
  }
});

test("a program gets so many test events without a key in a day, and a key is not counted with them", async (t) => {
  const ledger = await startLedger(t);
  const { program, team, keys } = ledger.fixture;
  const numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)";
  await ledger.db
    .prepare(
      "INSERT INTO test_event (team_id, program_id, kind, body, created_at, expires_at) " +
        `${numbers} SELECT ?, ?, 'lead', '{}', ?, ? FROM n`,
    )
    .bind(team.id, program.id, Date.now(), Date.now() + 86_400_000)
    .run();
  const event = { customer_key: "user_1", additional_data: { test_mode: true, program_id: program.number } };
  const refused = await fromPage(ledger, "/api/v1/track/lead", event);
  assertError("/api/v1/track/lead", refused, 429);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  assert.equal((await post(ledger, "/api/v1/track/lead", event, { key: keys.token })).status, 200);
  const unclaimed = { customer_key: "user_1", additional_data: { test_mode: true } };
  assert.equal((await fromPage(ledger, "/api/v1/track/lead", unclaimed)).status, 200);
});

test("readiness goes from a draft to live sales, one gate after the other", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  const { live, test: testKey, token } = ledger.fixture.keys;
  const ready = async (key = token) => {
    const answer = await get(ledger, READINESS, { key });
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  };
  const first = await ready();
  assert.deepEqual(
    [first.program_id, first.state, first.blocker.gate, first.last_event_at, first.poll],
    [1, "draft", "profile", null, { retry_after_seconds: 5 }],
  );
  assert.deepEqual(first.gates, {
    profile: "fail",
    economics: "fail",
    payout: "unknown",
    tracking: "unknown",
    live: "unknown",
  });
  const site = { website_url: "https://shop.example/" };
  assert.equal((await ledger.request("PATCH", "/v1/program", { key: live, body: site })).status, 200);
  const configuring = await ready();
  assert.deepEqual([configuring.state, configuring.blocker.gate], ["configuring", "economics"]);

  const incentive = { name: "All", amount: 30, is_percentage: true, apply_to: "all_plans" };
  const made = await post(ledger, `/v1/program/groups/${ledger.fixture.group.id}/incentives`, incentive);
  assert.equal(made.status, 201, made.text);
  const set = await ready();
  assert.deepEqual([set.state, set.blocker.gate, set.gates.economics], ["ready", "tracking", "pass"]);

  assert.equal((await post(ledger, TEST_EVENT, { type: "chain" }, { key: token })).json.data.attributed, true);
  const tested = await ready();
  assert.deepEqual([tested.state, tested.blocker, tested.gates.tracking], ["integration_verified", null, "pass"]);
  // The chain is no live row.
  assert.deepEqual([tested.counts_24h, tested.last_event_at], [{ clicks: 0, leads: 0, sales: 0 }, null]);
  assert.equal((await ready(testKey)).counts_24h.leads, 1);

  const payout = { payout_method: "paypal" };
  const path = `/v1/affiliates/${ledger.fixture.affiliate.id}`;
  assert.equal((await ledger.request("PUT", path, { key: live, body: payout })).status, 200);
  const referral_id = await click(ledger);
  const sale = { referral_id, sale_amount: 10, external_event_id: "order_1" };
  assert.equal((await post(ledger, "/v1/conversions", sale)).status, 201);
  const done = await ready();
  assert.deepEqual([done.state, done.gates.live, done.gates.payout], ["live_verified", "pass", "pass"]);
  assert.deepEqual([done.counts_24h.leads, done.counts_24h.sales], [1, 1]);
  assert.ok(Math.abs(Date.parse(done.last_event_at) - Date.now()) < 3_600_000);
  // Another program's is its own, and nobody's without a key.
  assert.equal((await ready(ledger.fixture.other.keys.live)).state, "configuring");
  assertError(READINESS, await get(ledger, READINESS, { key: null }), 401);
});

test("affiliates and settings are shared by both modes, and only a live key changes them", async (t) => {
  const ledger = await startLedger(t);
  await addAffiliate(ledger, { trackingId: "bob" });
  const { live, test: testKey } = ledger.fixture.keys;
  const of = async (key) => (await get(ledger, "/v1/affiliates", { key })).json.data.map(({ id }) => id);
  assert.deepEqual(await of(testKey), await of(live));
  const body = { name: "Carol", email: "carol@partners.example", tracking_id: "carol" };
  assertError("/v1/affiliates", await post(ledger, "/v1/affiliates", body, { key: testKey }), 403, "FORBIDDEN");
});
