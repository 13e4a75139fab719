// A cap is all that an affiliate may earn by one customer, however many sales come at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLedger } from "../support/ledger.mjs";
import { assertKeptOverRestart, atOnce, click, post, select, signedUp, tally } from "./calls.mjs";

// Whoever collides too often is asked to come back, and does.
async function patiently(call) {
  for (let tries = 0; tries < 15; tries += 1) {
    const answer = await call();
    if (answer.status !== 503) return answer;
    assert.ok(answer.headers.get("retry-after"));
    await sleep(500 + 500 * Math.random());
  }
  return call();
}

const capped = (product) => ({ percent: "30", cap_minor: 10_000, apply_to: "specific_products", product_ids: [product] });

const sums = (ledger) =>
  select(ledger, "SELECT COUNT(*) AS rows, SUM(amount_minor) AS sum FROM commission").then(([row]) => row);

for (const { name, gates } of [
  { name: "one referral", gates: (ledger) => signedUp(ledger, "user_1").then((id) => [id, id]) },
  { name: "two clicks of one customer", gates: async (ledger) => [await click(ledger), await click(ledger)] },
]) {
  test(`fifty sales of two products at once earn exactly the cap, over ${name}`, async (t) => {
    const ledger = await startLedger(t, { instances: 2, incentives: [capped("book"), capped("course")] });
    const ids = await gates(ledger);
    const sell = (number) =>
      patiently(() =>
        post(ledger, "/v1/conversions", {
          click_id: ids[number % 2],
          external_user_id: "user_1",
          sale_amount: 11,
          external_event_id: `order_${number}`,
          product_ids: [number % 4 < 2 ? "book" : "course"],
        }),
      );

    const answers = await atOnce(50, sell);

    assert.deepEqual(tally(answers), { 201: 50 });
    // 3.30 each: thirty times in full are 99.00, then 1.00, then nothing.
    assert.deepEqual(await sums(ledger), { rows: 31, sum: 10_000 });
    const amounts = Map.groupBy(answers, ({ json }) => json.data.commission_amount);
    assert.deepEqual([3.3, 1, null].map((amount) => amounts.get(amount)?.length), [30, 1, 19]);
    for (const { json } of amounts.get(null)) assert.equal(json.data.reason, "cap_reached");
    const totals = await select(ledger, "SELECT SUM(commission_total_minor) AS total FROM referral");
    assert.deepEqual(totals, [{ total: 10_000 }]);
    await assertKeptOverRestart(ledger);
    assert.deepEqual(tally(await atOnce(50, sell)), { 200: 50 });
    assert.deepEqual(await sums(ledger), { rows: 31, sum: 10_000 });
  });
}

test("a refund gives room under the cap again", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", cap_minor: 5_000 }] });
  await signedUp(ledger, "user_1");
  const sell = (order) =>
    post(ledger, "/v1/conversions", { external_user_id: "user_1", sale_amount: 99, external_event_id: order });
  const earned = async (order) => (await sell(order)).json.data.commission_amount;
  assert.deepEqual([await earned("order_1"), await earned("order_2"), await earned("order_3")], [29.7, 20.3, null]);
  for (let twice = 0; twice < 2; twice += 1) {
    assert.equal((await post(ledger, "/v1/conversions/order_2/refund", {})).status, 200);
  }
  assert.equal(await earned("order_4"), 20.3);
  assert.deepEqual(await sums(ledger), { rows: 3, sum: 5_000 });
});
