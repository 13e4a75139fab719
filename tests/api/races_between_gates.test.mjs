// Calls at once whose gates are different and who meet at one customer: nothing in memory keeps them apart, only the
// commit does. Two Workers that remember separately share database and objects.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLedger } from "../support/ledger.mjs";
import { assertKeptOverRestart, atOnce, click, post, rowCounts, select, signedUp, tally } from "./calls.mjs";

const dataOf = (answers) => answers.map(({ json }) => json.data);
const distinct = (values) => [...new Set(values)];

test("sales of two referrals at once that name one new customer: one referral has it, the other is told", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
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
  const ledger = await startLedger(t, { instances: 2 });
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
  // 30 % of 10.00, fifty times.
  const sums = "SELECT COUNT(*) AS rows, SUM(amount_minor) AS sum FROM commission";
  assert.deepEqual(await select(ledger, sums), [{ rows: 50, sum: 15_000 }]);
  await assertKeptOverRestart(ledger);
  assert.deepEqual(tally(await atOnce(50, sell)), { 200: 50 });
  assert.deepEqual(await select(ledger, sums), [{ rows: 50, sum: 15_000 }]);
});

test("one customer who signs up over fifty clicks with fifty addresses at once is referred once", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const clicks = await atOnce(50, () => click(ledger));
  const signUp = (click_id, number) =>
    patiently(() =>
      post(ledger, "/v1/signups", { click_id, external_user_id: "user_1", email: `jane.${number}@example.com` }),
    );
  const answers = await Promise.all(clicks.map(signUp));
  assert.deepEqual(distinct(dataOf(answers).map((data) => data?.id)).length, 1);
  assert.deepEqual(tally(answers), { 200: 49, 201: 1 });
  const referrals = "SELECT COUNT(*) AS rows FROM referral";
  assert.deepEqual(await select(ledger, referrals), [{ rows: 1 }]);
  await assertKeptOverRestart(ledger);
  assert.deepEqual(tally(await Promise.all(clicks.map(signUp))), { 200: 50 });
  assert.deepEqual(await select(ledger, referrals), [{ rows: 1 }]);
});
