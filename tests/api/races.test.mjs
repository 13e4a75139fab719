// The same thing asked for many times at once, over two Workers that remember separately and share database and
// objects: it happens once, everybody is told the same, and after a restart they are told so again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import {
  assertKeptOverRestart,
  atOnce,
  click,
  contents,
  get,
  post,
  rowCounts,
  select,
  shardOf,
  signedUp,
  tally,
} from "./calls.mjs";

const saleAndLead = [
  { kind: "percentage", percent: "30" },
  { trigger: "lead", kind: "fixed", amount_minor: 500 },
];

/** So many ask at once, of two Workers in turn. */
const CALLERS = 200;
const twoWorkers = { instances: 2 };

const dataOf = (answers) => answers.map(({ json }) => json.data);
const distinct = (values) => [...new Set(values)];

/** A restart changes nothing that was committed, and all callers who come again at once are told that it is known. */
async function assertSameAfterRestart(ledger, call, status) {
  await assertKeptOverRestart(ledger);
  const before = await contents(ledger);
  const answers = await atOnce(CALLERS, call);
  assert.deepEqual(tally(answers), { [status]: CALLERS });
  assert.deepEqual(await contents(ledger), before);
  return answers;
}

test("two Workers remember separately: what one of them has seen, the other has to look up", async (t) => {
  const ledger = await startLedger(t, twoWorkers);
  const statuses = async () => {
    const answers = [];
    for (let call = 0; call < 4; call += 1) answers.push(await post(ledger, "/v1/clicks", { trackingId: "alice" }));
    return answers.map(({ status }) => status);
  };
  await post(ledger, "/v1/clicks", { trackingId: "alice" });
  await post(ledger, "/v1/clicks", { trackingId: "alice" });
  await ledger.db.prepare("UPDATE api_key SET disabled_at = 1").run();
  // Two calls in turn: the second Worker reads the key now, the first one still knows it as it was.
  assert.deepEqual(await statuses(), [401, 401, 201, 201]);
});

test("two hundred identical sign-ups at once make one lead", async (t) => {
  const ledger = await startLedger(t, { ...twoWorkers, incentives: saleAndLead });
  const id = await click(ledger);
  const body = { click_id: id, external_user_id: "user_1", email: "jane@example.com", name: "Jane" };
  const signUp = () => post(ledger, "/v1/signups", body);

  const answers = await atOnce(CALLERS, signUp);

  assert.deepEqual(tally(answers), { 200: CALLERS - 1, 201: 1 });
  const [first, ...others] = dataOf(answers);
  for (const other of others) assert.deepEqual(other, first);
  assert.equal(first.id, id);
  assert.equal(first.status, "lead");
  assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 2, commission: 1, event: 1 });
  assert.deepEqual(await select(ledger, "SELECT seq, kind FROM event"), [{ seq: 1, kind: "referral.lead" }]);
  await assertSameAfterRestart(ledger, signUp, 200);
});

test("two hundred identical conversions at once make one sale and one commission", async (t) => {
  const ledger = await startLedger(t, twoWorkers);
  const referral = await signedUp(ledger, "user_1");
  const body = {
    external_user_id: "user_1",
    sale_amount: 99,
    sale_amount_currency: "USD",
    external_event_id: "order_1",
  };
  const sell = () => post(ledger, "/v1/conversions", body);

  const answers = await atOnce(CALLERS, sell);

  assert.deepEqual(tally(answers), { 200: CALLERS - 1, 201: 1 });
  assert.equal(distinct(dataOf(answers).map(({ id }) => id)).length, 1);
  assert.equal(distinct(dataOf(answers).map(({ earning_id }) => earning_id)).length, 1);
  assert.deepEqual(dataOf(answers).filter(({ replayed }) => !replayed).length, 1);
  assert.deepEqual(await select(ledger, "SELECT referral_id, amount_minor FROM conversion"), [
    { referral_id: referral, amount_minor: 9900 },
  ]);
  assert.deepEqual(await select(ledger, "SELECT amount_minor, status FROM commission"), [
    { amount_minor: 2970, status: "ready_for_payment" },
  ]);
  assert.deepEqual(await select(ledger, "SELECT seq, kind FROM event ORDER BY seq"), [
    { seq: 1, kind: "referral.lead" },
    { seq: 2, kind: "sale.recorded" },
  ]);
  await assertSameAfterRestart(ledger, sell, 200);
});

test("two hundred identical conversions at once on a mere click make one referral and one sale", async (t) => {
  const ledger = await startLedger(t, twoWorkers);
  const id = await click(ledger);
  const body = { click_id: id, external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  const sell = () => post(ledger, "/v1/conversions", body);

  const answers = await atOnce(CALLERS, sell);

  assert.deepEqual(tally(answers), { 200: CALLERS - 1, 201: 1 });
  assert.deepEqual(await rowCounts(ledger), {
    referral: 1,
    identity: 1,
    conversion: 1,
    commission: 1,
    sale_key: 1,
    event: 1,
  });
  await assertSameAfterRestart(ledger, sell, 200);
});

test("two hundred calls of track/sale at once with one transaction: one is taken, the rest are told so", async (t) => {
  const ledger = await startLedger(t, twoWorkers);
  await signedUp(ledger, "user_1");
  const body = { transaction_id: "txn_1", amount_cents: 4900, customer_key: "user_1" };
  const track = () => post(ledger, "/api/v1/track/sale", body, { key: ledger.fixture.keys.token });

  const answers = await atOnce(CALLERS, track);

  assert.deepEqual(tally(answers), { 200: 1, 409: CALLERS - 1 });
  const refused = { error: "Duplicate transaction_id. This sale has already been recorded." };
  for (const { json } of answers.filter(({ status }) => status === 409)) assert.deepEqual(json, refused);
  assert.deepEqual(await select(ledger, "SELECT amount_minor FROM conversion"), [{ amount_minor: 4900 }]);
  assert.deepEqual(await select(ledger, "SELECT amount_minor FROM commission"), [{ amount_minor: 1470 }]);
  await assertSameAfterRestart(ledger, track, 409);
});

test("one customer who signs up 200 times at once over fifty clicks on all shards is referred once", async (t) => {
  const ledger = await startLedger(t, { ...twoWorkers, incentives: saleAndLead });
  const clicks = await atOnce(50, () => click(ledger));
  assert.deepEqual(distinct(clicks.map(shardOf)).sort(), [0, 1, 2, 3]);
  const signUp = (number) =>
    post(ledger, "/v1/signups", { click_id: clicks[number % 50], external_user_id: "user_1" });

  const answers = await atOnce(CALLERS, signUp);

  assert.deepEqual(tally(answers), { 200: CALLERS - 1, 201: 1 });
  const [winner, ...others] = distinct(dataOf(answers).map(({ id }) => id));
  assert.deepEqual(others, []);
  assert.equal(clicks.includes(winner), true);
  assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 1, commission: 1, event: 1 });
  assert.deepEqual(await select(ledger, "SELECT amount_minor, referral_id FROM commission"), [
    { amount_minor: 500, referral_id: winner },
  ]);
  // The other clicks stay clicks: no referral can be read, and another customer may still sign up through one.
  const loser = clicks.find((id) => id !== winner);
  assert.equal((await get(ledger, `/v1/referrals/${loser}`)).status, 404);
  const again = await assertSameAfterRestart(ledger, signUp, 200);
  assert.deepEqual(distinct(dataOf(again).map(({ id }) => id)), [winner]);
  const other = await post(ledger, "/v1/signups", { click_id: loser, external_user_id: "user_2" });
  assert.equal(other.status, 201);
  assert.equal(other.json.data.id, loser);
});

test("fifty direct referrals of one customer at once: one is taken, the rest are conflicts", async (t) => {
  const ledger = await startLedger(t, { ...twoWorkers, incentives: saleAndLead });
  const body = { affiliate_id: ledger.fixture.affiliate.id, email: "jane@example.com" };

  const answers = await atOnce(50, () => post(ledger, "/v1/referrals", body));

  assert.deepEqual(tally(answers), { 201: 1, 409: 49 });
  for (const { json } of answers.filter(({ status }) => status === 409)) assert.equal(json.error.field, "email");
  assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 1, commission: 1, event: 1 });
  await assertKeptOverRestart(ledger);
  assert.equal((await post(ledger, "/v1/referrals", body)).status, 409);
});

test("one sale at once over two referrals is one sale", async (t) => {
  const ledger = await startLedger(t, twoWorkers);
  const referrals = [await signedUp(ledger, "user_1"), await signedUp(ledger, "user_2")];
  const sell = (number) =>
    post(ledger, "/v1/conversions", {
      referral_id: referrals[number % 2],
      sale_amount: 99,
      external_event_id: "order_1",
    });

  const answers = await atOnce(CALLERS, sell);

  assert.deepEqual(tally(answers), { 200: CALLERS - 1, 201: 1 });
  assert.equal(distinct(dataOf(answers).map(({ id }) => id)).length, 1);
  const credited = distinct(dataOf(answers).map(({ referral_id }) => referral_id));
  assert.equal(credited.length, 1);
  assert.deepEqual(await rowCounts(ledger), {
    referral: 2,
    identity: 2,
    conversion: 1,
    commission: 1,
    sale_key: 1,
    event: 3,
  });
  const sums = await select(ledger, "SELECT id, seq, paid_sales, commission_total_minor AS earned FROM referral");
  for (const { id, ...row } of sums) {
    const expected =
      id === credited[0] ? { seq: 2, paid_sales: 1, earned: 2970 } : { seq: 1, paid_sales: 0, earned: 0 };
    assert.deepEqual(row, expected);
  }
  const again = await assertSameAfterRestart(ledger, sell, 200);
  assert.deepEqual(distinct(dataOf(again).map(({ referral_id }) => referral_id)), credited);
});

test("twenty different sales of one referral at once are twenty sales, in an unbroken line of events", async (t) => {
  const ledger = await startLedger(t, twoWorkers);
  const referral = await signedUp(ledger, "user_1");
  const sell = (number) =>
    post(ledger, "/v1/conversions", { referral_id: referral, sale_amount: 10, external_event_id: `order_${number}` });

  const answers = await atOnce(20, sell);

  assert.deepEqual(tally(answers), { 201: 20 });
  assert.equal(distinct(dataOf(answers).map(({ id }) => id)).length, 20);
  assert.deepEqual(await select(ledger, "SELECT seq, paid_sales, commission_total_minor, status FROM referral"), [
    { seq: 21, paid_sales: 20, commission_total_minor: 6000, status: "customer" },
  ]);
  const numbers = await select(ledger, "SELECT seq FROM event WHERE subject = ? ORDER BY seq", referral);
  assert.deepEqual(
    numbers.map(({ seq }) => seq),
    Array.from({ length: 21 }, (_, index) => index + 1),
  );
  assert.deepEqual(await select(ledger, "SELECT COUNT(*) AS rows, SUM(amount_minor) AS sum FROM commission"), [
    { rows: 20, sum: 6000 },
  ]);
  await assertKeptOverRestart(ledger);
  assert.deepEqual(tally(await atOnce(20, sell)), { 200: 20 });
});
