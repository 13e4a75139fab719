// POST /api/v1/track/refund: a sale is paid back in Affitor's dialect. Amounts are integers of the smallest unit,
// commissions 30 %, worked out by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { atOnce, contents, post, refund, saleInDatabase, signedUp, sold, tally, trackRefund } from "./calls.mjs";
import { assertError } from "./routes.mjs";

const PATH = "/api/v1/track/refund";
const SKIPPED = { success: true, status: "skipped", reason: "already reversed" };

/** A sale of 49.00 USD as a backend tracks it; the id of its commission, of 14.70 USD. */
async function tracked(ledger, transaction_id) {
  const click_id = await signedUp(ledger, `user of ${transaction_id}`);
  const body = { transaction_id, amount_cents: 4900, click_id };
  const answer = await post(ledger, "/api/v1/track/sale", body, { key: ledger.fixture.keys.token });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.commission_id;
}

/** The first call does this, the second is skipped and changes nothing. */
async function assertDoneOnce(ledger, body, expected) {
  const first = await trackRefund(ledger, body);
  assert.deepEqual([first.status, first.json], [200, expected]);
  const before = await contents(ledger);
  const second = await trackRefund(ledger, body);
  assert.deepEqual([second.status, second.json], [200, SKIPPED]);
  assert.deepEqual(await contents(ledger), before);
}

for (const [what, more] of [
  ["without an amount", {}],
  ["with 0", { refund_amount_cents: 0 }],
  ["with null", { refund_amount_cents: null }],
  ["with all of the sale", { refund_amount_cents: 4900 }],
]) {
  test(`a refund ${what} reverses the sale, and the repeat is skipped`, async (t) => {
    const ledger = await startLedger(t);
    const commission_id = await tracked(ledger, "txn_1");
    const reversed = { success: true, status: "reversed", deductionAmount: 14.7, commission_id };
    await assertDoneOnce(ledger, { transaction_id: "txn_1", refund_reason: "requested", ...more }, reversed);
    assert.deepEqual(await saleInDatabase(ledger, "txn_1"), {
      sold: 4900,
      refunded: 4900,
      sales_status: "refunded",
      earned: 0,
      status: "refunded",
      refunds: 1,
    });
  });
}

test("a part deducts its part, in dollars; another amount is a further part", async (t) => {
  const ledger = await startLedger(t);
  const commission_id = await tracked(ledger, "txn_1");
  const part = (refund_amount_cents) => ({ transaction_id: "txn_1", refund_amount_cents });
  const refunded = (deductionAmount) => ({ success: true, status: "refunded", deductionAmount, commission_id });
  await assertDoneOnce(ledger, part(1000), refunded(3));
  await assertDoneOnce(ledger, part(500), refunded(1.5));
  // 34.00 remain, and 10.20 of the commission.
  const { refunds, ...stored } = await saleInDatabase(ledger, "txn_1");
  assert.deepEqual([refunds, stored.refunded, stored.earned, stored.sales_status], [2, 1500, 1020, "partial_refunded"]);
  await assertDoneOnce(ledger, part(3400), { ...refunded(10.2), status: "reversed" });
  assert.equal((await saleInDatabase(ledger, "txn_1")).sales_status, "refunded");
});

test("a full refund after a part takes what remains", async (t) => {
  const ledger = await startLedger(t);
  const commission_id = await tracked(ledger, "txn_1");
  const part = { transaction_id: "txn_1", refund_amount_cents: 1000 };
  await assertDoneOnce(ledger, part, { success: true, status: "refunded", deductionAmount: 3, commission_id });
  const rest = { success: true, status: "reversed", deductionAmount: 11.7, commission_id };
  await assertDoneOnce(ledger, { transaction_id: "txn_1" }, rest);
});

test("refund ids tell two parts of one amount apart, and belong to their sale", async (t) => {
  const ledger = await startLedger(t);
  const commissions = { txn_1: await tracked(ledger, "txn_1"), txn_2: await tracked(ledger, "txn_2") };
  for (const [transaction_id, refund_id] of [
    ["txn_1", "re_1"],
    ["txn_1", "re_2"],
    ["txn_2", "re_1"],
  ]) {
    const body = { transaction_id, refund_amount_cents: 1000, additional_data: { refund_id } };
    const commission_id = commissions[transaction_id];
    await assertDoneOnce(ledger, body, { success: true, status: "refunded", deductionAmount: 3, commission_id });
  }
  assert.equal((await saleInDatabase(ledger, "txn_1")).refunded, 2000);
  assert.equal((await saleInDatabase(ledger, "txn_2")).refunded, 1000);
});

test("a refund id cannot be taken for an amount, nor for a refund of everything", async (t) => {
  const ledger = await startLedger(t);
  const commission_id = await tracked(ledger, "txn_1");
  for (const refund_id of ["1000", "full", "0"]) {
    const body = { transaction_id: "txn_1", refund_amount_cents: 100, additional_data: { refund_id } };
    await assertDoneOnce(ledger, body, { success: true, status: "refunded", deductionAmount: 0.3, commission_id });
  }
  const thousand = { transaction_id: "txn_1", refund_amount_cents: 1000 };
  await assertDoneOnce(ledger, thousand, { success: true, status: "refunded", deductionAmount: 3, commission_id });
  // 36.00 remain, and 10.80 of the commission.
  const rest = { success: true, status: "reversed", deductionAmount: 10.8, commission_id };
  await assertDoneOnce(ledger, { transaction_id: "txn_1" }, rest);
});

test("two transactions and refund ids that run into one another are told apart", async (t) => {
  const ledger = await startLedger(t);
  const names = ["a", "a refund b"];
  const commissions = [await tracked(ledger, names[0]), await tracked(ledger, names[1])];
  for (const [number, refund_id] of ["b refund c", "c"].entries()) {
    const commission_id = commissions[number];
    const body = { transaction_id: names[number], refund_amount_cents: 1000, additional_data: { refund_id } };
    await assertDoneOnce(ledger, body, { success: true, status: "refunded", deductionAmount: 3, commission_id });
  }
});

test("more than what remains is refused, and nothing changes", async (t) => {
  const ledger = await startLedger(t);
  const commission_id = await tracked(ledger, "txn_1");
  const part = { transaction_id: "txn_1", refund_amount_cents: 4000 };
  await assertDoneOnce(ledger, part, { success: true, status: "refunded", deductionAmount: 12, commission_id });
  const before = await contents(ledger);
  for (const refund_amount_cents of [901, 4900, 9_007_199_254_740_991]) {
    for (let twice = 0; twice < 2; twice += 1) {
      assertError(PATH, await trackRefund(ledger, { transaction_id: "txn_1", refund_amount_cents }), 400);
    }
  }
  assert.deepEqual(await contents(ledger), before);
});

test("without a transaction the published text says so", async (t) => {
  const ledger = await startLedger(t);
  for (const body of [{}, { refund_amount_cents: 100 }, { transaction_id: null }, { transaction_id: "" }]) {
    const answer = await trackRefund(ledger, body);
    assert.deepEqual([answer.status, answer.json], [400, { error: "transaction_id is required" }]);
  }
});

test("an amount that is no whole number of cents is a 400", async (t) => {
  const ledger = await startLedger(t);
  await tracked(ledger, "txn_1");
  const before = await contents(ledger);
  for (const refund_amount_cents of [-1, 0.5, "1000", true, [1000], {}, 1e20]) {
    assertError(PATH, await trackRefund(ledger, { transaction_id: "txn_1", refund_amount_cents }), 400);
  }
  for (const refund_id of [5, true, ["re_1"], { id: "re_1" }]) {
    const body = { transaction_id: "txn_1", additional_data: { refund_id } };
    assertError(PATH, await trackRefund(ledger, body), 400);
  }
  assert.deepEqual(await contents(ledger), before);
});

test("a sale of either dialect can be refunded in the other", async (t) => {
  const ledger = await startLedger(t);
  const { earning_id: commission_id } = await sold(ledger, "order_1");
  const reversed = { success: true, status: "reversed", deductionAmount: 29.7, commission_id };
  await assertDoneOnce(ledger, { transaction_id: "order_1" }, reversed);
  await tracked(ledger, "txn_1");
  for (let twice = 0; twice < 2; twice += 1) {
    const { data } = (await refund(ledger, "txn_1", {})).json;
    assert.deepEqual([data.sale_amount, data.commission_amount, data.status], [0, 0, "refunded"]);
  }
  const late = await trackRefund(ledger, { transaction_id: "txn_1" });
  assert.deepEqual([late.status, late.json], [200, SKIPPED]);
  assert.equal((await saleInDatabase(ledger, "txn_1")).refunds, 1);
});

test("fifty identical refunds at once over two Workers: one is done, the rest are skipped", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const commission_id = await tracked(ledger, "txn_1");
  const body = { transaction_id: "txn_1", refund_amount_cents: 1000 };
  const answers = await atOnce(50, () => trackRefund(ledger, body));
  assert.deepEqual(tally(answers), { 200: 50 });
  const done = answers.filter(({ json }) => json.status !== "skipped").map(({ json }) => json);
  assert.deepEqual(done, [{ success: true, status: "refunded", deductionAmount: 3, commission_id }]);
  assert.equal((await saleInDatabase(ledger, "txn_1")).refunded, 1000);
});

test("fifty different parts at once never take more than the sale", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  await tracked(ledger, "txn_1");
  const part = (number) => trackRefund(ledger, { transaction_id: "txn_1", refund_amount_cents: 1000 + number });
  const answers = await atOnce(50, part);
  // 10.00, 10.01 and so on: four of them fit into 49.00, whichever they are, and a fifth does not.
  assert.deepEqual(tally(answers), { 200: 4, 400: 46 });
  const { refunded, refunds, sales_status } = await saleInDatabase(ledger, "txn_1");
  assert.deepEqual([refunds, sales_status], [4, "partial_refunded"]);
  const taken = answers.flatMap(({ status }, number) => (status === 200 ? [1000 + number] : []));
  assert.equal(refunded, taken.reduce((sum, amount) => sum + amount));
});
