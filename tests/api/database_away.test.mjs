// With D1 away, clicks of known affiliates are acknowledged and kept; everything else is 503 with Retry-After, and
// never a wrong answer. When D1 is back, what was acknowledged is counted, what is asked for again works once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { lockDatabase } from "../support/database_lock.mjs";
import { letters, startLedger } from "../support/ledger.mjs";
import {
  atOnce,
  click,
  contents,
  eventually,
  fromPage,
  get,
  post,
  rowCounts,
  select,
  shardOf,
  signedUp,
  tally,
} from "./calls.mjs";

const switchable = { switchable: true };

/** An isolate remembers keys and affiliates for ten seconds. */
const FORGOTTEN_AFTER_MILLISECONDS = 10_500;

/** So many clicks are met by every one of four shards: one is left out once in 25,000 times. */
const CLICKS = 40;

const fromBackend = (ledger) => post(ledger, "/v1/clicks", { trackingId: "alice" });
const throughLink = (ledger) =>
  fromPage(ledger, "/api/v1/track/click", { affiliate_url: "https://shop.example/?aff=alice" });

/** Clicks of a known affiliate that are acknowledged as ever; their ids. */
async function acknowledgedClicks(ledger) {
  const backend = await atOnce(CLICKS, () => fromBackend(ledger));
  const pages = await atOnce(CLICKS, () => throughLink(ledger));
  assert.deepEqual([tally(backend), tally(pages)], [{ 201: CLICKS }, { 200: CLICKS }]);
  for (const { json } of pages) assert.deepEqual([json.success, json.partner_code], [true, "alice"]);
  const ids = [...backend.map(({ json }) => json.data.id), ...pages.map(({ json }) => json.click_id)];
  assert.equal(new Set(ids).size, 2 * CLICKS);
  assert.deepEqual([...new Set(ids.map(shardOf))].sort(), [0, 1, 2, 3]);
  return ids;
}

/** D1 counts exactly these clicks, within seconds and without being asked; and each of them can become a customer. */
async function assertKept(ledger, ids) {
  await eventually(async () => {
    assert.deepEqual(await select(ledger, "SELECT SUM(clicks) AS clicks FROM click_count"), [{ clicks: ids.length }]);
  });
  const signUp = (number) => post(ledger, "/v1/signups", { click_id: ids[number], external_user_id: `user_${number}` });
  assert.deepEqual(tally(await atOnce(ids.length, signUp)), { 201: ids.length });
  assert.deepEqual(tally(await atOnce(ids.length, signUp)), { 200: ids.length });
  assert.deepEqual(await rowCounts(ledger), { referral: ids.length, identity: ids.length, event: ids.length });
}

const FORGETTING = [
  ["at once", () => {}],
  ["after the Worker's memory is over", () => sleep(FORGOTTEN_AFTER_MILLISECONDS)],
  ["after a restart", (ledger) => ledger.restart()],
  ["after a crash", (ledger) => ledger.kill()],
];

for (const [when, forget] of FORGETTING) {
  test(`with D1 away, clicks of known affiliates are acknowledged, ${when}, and kept`, async (t) => {
    const ledger = await startLedger(t, switchable);
    const before = await acknowledgedClicks(ledger);
    ledger.database.takeAway();
    await forget(ledger);
    const meanwhile = await acknowledgedClicks(ledger);
    ledger.database.giveBack();
    await assertKept(ledger, [...before, ...meanwhile]);
  });
}

test("clicks that D1 has not counted when it goes away survive a crash, and are counted when it is back", async (t) => {
  const ledger = await startLedger(t, switchable);
  const ids = await acknowledgedClicks(ledger);
  ledger.database.takeAway();
  await ledger.kill();
  // Longer than it takes a shard to try, and to fail.
  await sleep(5_000);
  assert.deepEqual(await select(ledger, "SELECT * FROM click_count"), []);
  ledger.database.giveBack();
  await assertKept(ledger, ids);
});

/** A customer with a sale, and a click that nobody has signed up through. */
async function startOfBusiness(t) {
  const ledger = await startLedger(t, switchable);
  const referral = await signedUp(ledger, "user_1");
  const sale = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  const sold = await post(ledger, "/v1/conversions", sale);
  assert.equal(sold.status, 201);
  const unused = await click(ledger);
  return { ledger, referral, conversion: sold.json.data.id, unused };
}

const affonso503 = {
  success: false,
  error: { code: "SERVICE_UNAVAILABLE", message: "The ledger is not available right now. Try again." },
};
const affitor503 = { error: "The ledger is not available right now. Try again." };

/** Everything that needs D1, with the answer of its dialect. */
function everythingElse({ ledger, referral, conversion, unused }) {
  const { keys, affiliate } = ledger.fixture;
  const sale = { sale_amount: 10, external_event_id: "order_2" };
  const affonso = {
    "a sign-up": () => post(ledger, "/v1/signups", { click_id: unused, external_user_id: "user_2" }),
    "a conversion": () => post(ledger, "/v1/conversions", { external_user_id: "user_1", ...sale }),
    "a conversion by referral": () => post(ledger, "/v1/conversions", { referral_id: referral, ...sale }),
    "a conversion of nobody": () => post(ledger, "/v1/conversions", { external_user_id: "nobody", ...sale }),
    "a direct referral": () =>
      post(ledger, "/v1/referrals", { affiliate_id: affiliate.id, email: "jane@example.com" }),
    "a referral": () => get(ledger, `/v1/referrals/${referral}`),
    "a referral that is not there": () => get(ledger, `/v1/referrals/${unused}`),
    "a timeline": () => get(ledger, `/v1/referrals/${referral}/timeline`),
    "a conversion's page": () => get(ledger, `/v1/conversions/${conversion}`),
    "the dashboard's figures": () => get(ledger, "/dashboard/overview"),
    "a click by a key that nobody has seen": () =>
      post(ledger, "/v1/clicks", { trackingId: "alice" }, { key: `sk_live_${letters(44)}` }),
    "a click of an affiliate that nobody has seen": () => post(ledger, "/v1/clicks", { trackingId: "bob" }),
  };
  const lead = { click_id: unused, customer_key: "user_2" };
  const payment = { customer_key: "user_1", amount_cents: 1000, transaction_id: "txn_1" };
  const track = (path, body, key) => post(ledger, `/api/v1/track/${path}`, body, { key });
  const affitor = {
    "track/lead": () => track("lead", lead, keys.token),
    "track/lead from a page": () => fromPage(ledger, "/api/v1/track/lead", lead),
    "track/sale": () => track("sale", payment, keys.token),
    "track/sale by a token that nobody has seen": () => track("sale", payment, `aff_${letters(44)}`),
    "track/click of an affiliate that nobody has seen": () =>
      fromPage(ledger, "/api/v1/track/click", { affiliate_url: "https://shop.example/?aff=bob" }),
  };
  return [
    ...Object.entries(affonso).map(([name, call]) => ({ name, call, body: affonso503 })),
    ...Object.entries(affitor).map(([name, call]) => ({ name, call, body: affitor503 })),
  ];
}

const ALREADY = [
  ["at once", () => {}],
  ["after a restart", (ledger) => ledger.restart()],
];

for (const [when, forget] of ALREADY) {
  test(`with D1 away, everything but a known affiliate's click is 503 with Retry-After, ${when}`, async (t) => {
    const business = await startOfBusiness(t);
    const { ledger } = business;
    const before = await contents(ledger);
    ledger.database.takeAway();
    await forget(ledger);
    for (const { name, call, body } of everythingElse(business)) {
      for (const answer of [await call(), await call()]) {
        assert.deepEqual([answer.status, answer.json], [503, body], name);
        assert.equal(answer.headers.get("retry-after"), "1", name);
      }
    }
    assert.deepEqual(await contents(ledger), before);
  });
}

test("with D1 away, a repeated sign-up is told what it was told before, or 503", async (t) => {
  const { ledger, referral } = await startOfBusiness(t);
  const repeat = () => post(ledger, "/v1/signups", { click_id: referral, external_user_id: "user_1" });
  const known = await repeat();
  ledger.database.takeAway();
  for (const answer of [await repeat(), await repeat()]) {
    if (answer.status !== 503) assert.deepEqual([answer.status, answer.json.data], [200, known.json.data]);
  }
});

test("with D1 away, what needs no D1 to be refused is refused as ever, and /healthz says what is away", async (t) => {
  const ledger = await startLedger(t, switchable);
  ledger.database.takeAway();
  const body = { trackingId: "alice" };
  assert.equal((await post(ledger, "/v1/clicks", body, { key: null })).json.error.code, "MISSING_API_KEY");
  assert.equal((await post(ledger, "/v1/clicks", body, { key: "hello" })).json.error.code, "INVALID_API_KEY_FORMAT");
  const health = await get(ledger, "/healthz", { key: null });
  const { status, database, objects } = health.json;
  assert.deepEqual([health.status, status, database, objects], [503, "unavailable", "unavailable", "ok"]);
  ledger.database.giveBack();
  assert.equal((await get(ledger, "/healthz", { key: null })).status, 200);
});

/** Once each: of 99.00, 30 % is 29.70; of 49.00, 14.70. */
async function assertRecordedOnce(ledger, { signUp, sell, track }) {
  for (const [call, first, again] of [
    [signUp, 201, 200],
    [sell, 201, 200],
    [track, 200, 409],
  ]) {
    assert.deepEqual([(await call()).status, (await call()).status], [first, again]);
  }
  const counts = { referral: 1, identity: 1, conversion: 2, commission: 2, sale_key: 2, event: 3 };
  assert.deepEqual(await rowCounts(ledger), counts);
  assert.deepEqual(await select(ledger, "SELECT seq, paid_sales, commission_total_minor FROM referral"), [
    { seq: 3, paid_sales: 2, commission_total_minor: 4440 },
  ]);
}

/** One customer's sign-up, conversion and track/sale. */
async function oneCustomer(ledger) {
  const signup = { click_id: await click(ledger), external_user_id: "user_1" };
  const sale = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  const payment = { customer_key: "user_1", amount_cents: 4900, transaction_id: "txn_1" };
  return {
    signUp: () => post(ledger, "/v1/signups", signup),
    sell: () => post(ledger, "/v1/conversions", sale),
    track: () => post(ledger, "/api/v1/track/sale", payment, { key: ledger.fixture.keys.token }),
  };
}

test("what was answered 503 works once when D1 is back", async (t) => {
  const ledger = await startLedger(t, switchable);
  const customer = await oneCustomer(ledger);
  ledger.database.takeAway();
  for (const call of Object.values(customer)) assert.deepEqual(tally(await atOnce(5, call)), { 503: 5 });
  ledger.database.giveBack();
  await assertRecordedOnce(ledger, customer);
});

test("with D1 readable but not writable, reads and clicks go on, writes are 503 and work once later", async (t) => {
  const ledger = await startLedger(t);
  const ids = [await click(ledger), await click(ledger)];
  const customer = await oneCustomer(ledger);
  const unlock = lockDatabase(ledger);
  assert.equal((await fromBackend(ledger)).status, 201);
  const refused = await customer.signUp();
  assert.deepEqual([refused.status, refused.json, refused.headers.get("retry-after")], [503, affonso503, "1"]);
  assert.equal((await get(ledger, `/v1/referrals/${ids[0]}`)).status, 404);
  assert.equal((await get(ledger, "/dashboard/overview")).json.totals.leads, 0);
  unlock();
  await assertRecordedOnce(ledger, customer);
  await eventually(async () => {
    assert.deepEqual(await select(ledger, "SELECT SUM(clicks) AS clicks FROM click_count"), [{ clicks: 4 }]);
  });
});
