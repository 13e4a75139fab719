// The same thing asked for many times at once: it happens once, and everybody is told the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLedger } from "../support/ledger.mjs";
import {
  assertKeptOverRestart,
  atOnce,
  click,
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

const dataOf = (answers) => answers.map(({ json }) => json.data);
const distinct = (values) => [...new Set(values)];

test("fifty identical sign-ups at once make one lead", async (t) => {
  const ledger = await startLedger(t, { incentives: saleAndLead });
  const id = await click(ledger);
  const body = { click_id: id, external_user_id: "user_1", email: "jane@example.com", name: "Jane" };

  const answers = await atOnce(50, () => post(ledger, "/v1/signups", body));

  assert.deepEqual(tally(answers), { 200: 49, 201: 1 });
  const [first, ...others] = dataOf(answers);
  for (const other of others) assert.deepEqual(other, first);
  assert.equal(first.id, id);
  assert.equal(first.status, "lead");
  assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 2, commission: 1, event: 1 });
  assert.deepEqual(await select(ledger, "SELECT seq, kind FROM event"), [{ seq: 1, kind: "referral.lead" }]);
  await assertKeptOverRestart(ledger);
  assert.equal((await post(ledger, "/v1/signups", body)).status, 200);
});

test("fifty identical conversions at once make one sale and one commission", async (t) => {
  const ledger = await startLedger(t);
  const referral = await signedUp(ledger, "user_1");
  const body = {
    external_user_id: "user_1",
    sale_amount: 99,
    sale_amount_currency: "USD",
    external_event_id: "order_1",
  };

  const answers = await atOnce(50, () => post(ledger, "/v1/conversions", body));

  assert.deepEqual(tally(answers), { 200: 49, 201: 1 });
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
  await assertKeptOverRestart(ledger);
  assert.equal((await post(ledger, "/v1/conversions", body)).status, 200);
});

test("fifty identical conversions at once on a mere click make one referral and one sale", async (t) => {
  const ledger = await startLedger(t);
  const id = await click(ledger);
  const body = { click_id: id, external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };

  const answers = await atOnce(50, () => post(ledger, "/v1/conversions", body));

  assert.deepEqual(tally(answers), { 200: 49, 201: 1 });
  assert.deepEqual(await rowCounts(ledger), {
    referral: 1,
    identity: 1,
    conversion: 1,
    commission: 1,
    sale_key: 1,
    event: 1,
  });
  await assertKeptOverRestart(ledger);
});

test("fifty calls of track/sale at once with one transaction: one is taken, the rest are told so", async (t) => {
  const ledger = await startLedger(t);
  await signedUp(ledger, "user_1");
  const body = { transaction_id: "txn_1", amount_cents: 4900, customer_key: "user_1" };
  const track = () => post(ledger, "/api/v1/track/sale", body, { key: ledger.fixture.keys.token });

  const answers = await atOnce(50, track);

  assert.deepEqual(tally(answers), { 200: 1, 409: 49 });
  const refused = { error: "Duplicate transaction_id. This sale has already been recorded." };
  for (const { json } of answers.filter(({ status }) => status === 409)) assert.deepEqual(json, refused);
  assert.deepEqual(await select(ledger, "SELECT amount_minor FROM conversion"), [{ amount_minor: 4900 }]);
  assert.deepEqual(await select(ledger, "SELECT amount_minor FROM commission"), [{ amount_minor: 1470 }]);
  await assertKeptOverRestart(ledger);
  assert.equal((await track()).status, 409);
});

test("one customer who signs up over fifty clicks on all shards at once is referred once", async (t) => {
  const ledger = await startLedger(t, { incentives: saleAndLead });
  const clicks = await atOnce(50, () => click(ledger));
  assert.deepEqual(distinct(clicks.map(shardOf)).sort(), [0, 1, 2, 3]);
  const signUp = (click_id) => post(ledger, "/v1/signups", { click_id, external_user_id: "user_1" });

  const answers = await Promise.all(clicks.map(signUp));

  assert.deepEqual(tally(answers), { 200: 49, 201: 1 });
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
  await assertKeptOverRestart(ledger);
  const again = await Promise.all(clicks.map(signUp));
  assert.deepEqual(tally(again), { 200: 50 });
  assert.deepEqual(distinct(dataOf(again).map(({ id }) => id)), [winner]);
  const other = await post(ledger, "/v1/signups", { click_id: loser, external_user_id: "user_2" });
  assert.equal(other.status, 201);
  assert.equal(other.json.data.id, loser);
});

test("fifty direct referrals of one customer at once: one is taken, the rest are conflicts", async (t) => {
  const ledger = await startLedger(t, { incentives: saleAndLead });
  const body = { affiliate_id: ledger.fixture.affiliate.id, email: "jane@example.com" };

  const answers = await atOnce(50, () => post(ledger, "/v1/referrals", body));

  assert.deepEqual(tally(answers), { 201: 1, 409: 49 });
  for (const { json } of answers.filter(({ status }) => status === 409)) assert.equal(json.error.field, "email");
  assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 1, commission: 1, event: 1 });
  await assertKeptOverRestart(ledger);
  assert.equal((await post(ledger, "/v1/referrals", body)).status, 409);
});

test("one sale at once over two referrals is one sale", async (t) => {
  const ledger = await startLedger(t);
  const referrals = [await signedUp(ledger, "user_1"), await signedUp(ledger, "user_2")];
  const sell = (number) =>
    post(ledger, "/v1/conversions", {
      referral_id: referrals[number % 2],
      sale_amount: 99,
      external_event_id: "order_1",
    });

  const answers = await atOnce(50, sell);

  assert.deepEqual(tally(answers), { 200: 49, 201: 1 });
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
  await assertKeptOverRestart(ledger);
  assert.deepEqual(tally(await atOnce(2, sell)), { 200: 2 });
});

test("twenty different sales of one referral at once are twenty sales, in an unbroken line of events", async (t) => {
  const ledger = await startLedger(t);
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

test("sales of two referrals at once that name one new customer: one referral has it, the other is told", async (t) => {
  const ledger = await startLedger(t);
  const referrals = [await signedUp(ledger, "user_1"), await signedUp(ledger, "user_2")];
  const sell = (number) =>
    post(ledger, "/v1/conversions", {
      referral_id: referrals[number % 2],
      customer_id: "cus_new",
      sale_amount: 10,
      external_event_id: `order_${number}`,
    });

  const answers = await atOnce(20, sell);

  assert.deepEqual(tally(answers), { 201: 10, 400: 10 });
  const [{ referral_id: winner }] = await select(ledger, "SELECT referral_id FROM identity WHERE kind = 'customer_id'");
  const loser = referrals.find((id) => id !== winner);
  for (const { status, json } of answers) {
    if (status === 201) {
      assert.equal(json.data.referral_id, winner);
    } else {
      assert.match(json.error.message, new RegExp(winner));
      assert.match(json.error.message, new RegExp(loser));
    }
  }
  assert.deepEqual(await select(ledger, "SELECT id, customer_id, seq FROM referral WHERE id = ?", loser), [
    { id: loser, customer_id: null, seq: 1 },
  ]);
  assert.deepEqual(await rowCounts(ledger), {
    referral: 2,
    identity: 3,
    conversion: 10,
    commission: 10,
    sale_key: 10,
    event: 12,
  });
  await assertKeptOverRestart(ledger);
  assert.deepEqual(tally(await atOnce(20, sell)), { 200: 10, 400: 10 });
});

// Calls through different gates meet at one referral. After five attempts the ledger answers 503 with Retry-After and
// has written nothing; a client that comes back as it is told is answered like everybody else.
async function patiently(call) {
  for (let tries = 0; tries < 10; tries += 1) {
    const answer = await call();
    if (answer.status !== 503) return answer;
    assert.equal(answer.headers.get("retry-after"), "1");
    await sleep(1000 + 500 * Math.random());
  }
  return call();
}

test("sales of one customer at once over two clicks are all recorded", async (t) => {
  const ledger = await startLedger(t);
  const clicks = [await click(ledger), await click(ledger)];
  const sell = (number) =>
    patiently(() =>
      post(ledger, "/v1/conversions", {
        click_id: clicks[number % 2],
        external_user_id: "user_1",
        sale_amount: 10,
        external_event_id: `order_${number}`,
      }),
    );
  const answers = await atOnce(50, sell);
  assert.deepEqual(tally(answers), { 201: 50 });
  assert.deepEqual((await select(ledger, "SELECT COUNT(*) AS rows FROM commission"))[0], { rows: 50 });
});

test("one customer who signs up over fifty clicks with fifty addresses at once is referred once", async (t) => {
  const ledger = await startLedger(t);
  const clicks = await atOnce(50, () => click(ledger));
  const signUp = (click_id, number) =>
    patiently(() =>
      post(ledger, "/v1/signups", { click_id, external_user_id: "user_1", email: `jane.${number}@example.com` }),
    );
  const answers = await Promise.all(clicks.map(signUp));
  assert.deepEqual(distinct(dataOf(answers).map((data) => data?.id)).length, 1);
  assert.deepEqual(tally(answers), { 200: 49, 201: 1 });
  assert.deepEqual((await select(ledger, "SELECT COUNT(*) AS rows FROM referral"))[0], { rows: 1 });
});
