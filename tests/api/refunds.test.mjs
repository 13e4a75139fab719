// A sale is paid back, wholly or in part, over both dialects: what is answered, what the affiliate then earns, what is
// told. Commissions here are 30 %, worked out by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { contents, get, refund, saleInDatabase, select, sold, trackRefund } from "./calls.mjs";
import { assertError } from "./routes.mjs";

const PATH = "/v1/conversions/order_1/refund";

const shape = ({ status, json }) => ({ status, json });

/** What the answer shows of the sale's money. */
const money = ({ json: { data } }) => [data.sale_amount, data.commission_amount, data.sales_status, data.status];

/** Calls twice: this status both times, and the second call changes nothing. */
async function assertOnlyOnce(ledger, call, status = 200) {
  const first = await call();
  assert.equal(first.status, status, first.text);
  const before = await contents(ledger);
  const second = await call();
  assert.equal(second.status, status, second.text);
  assert.deepEqual(await contents(ledger), before);
  return [first, second];
}

/** The lines about the sale's referral, newest last, with what subscribers are told of them. */
async function told(ledger, referral) {
  const lines = await select(ledger, "SELECT messages FROM event WHERE subject = ? ORDER BY seq", referral);
  return lines.flatMap(({ messages }) => JSON.parse(messages));
}

test("a full refund takes the sale and its commission back, by the conversion's id, and only once", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger, "order_1");
  const [first, second] = await assertOnlyOnce(ledger, () => refund(ledger, sale.id));
  assert.deepEqual(money(first), [0, 0, "refunded", "refunded"]);
  assert.deepEqual(second.json, first.json);
  const { updated_at, ...before } = sale;
  const { updated_at: later, ...after } = first.json.data;
  assert.ok(Date.parse(later) >= Date.parse(updated_at));
  const zero = { sale_amount: 0, converted_sale_amount: 0, commission_amount: 0, sales_status: "refunded", status: "refunded" };
  assert.deepEqual(after, { ...before, ...zero });
  assert.deepEqual((await get(ledger, `/v1/conversions/${sale.id}`)).json, first.json);
  const stored = { sold: 9900, refunded: 9900, sales_status: "refunded", earned: 0, status: "refunded", refunds: 1 };
  assert.deepEqual(await saleInDatabase(ledger, "order_1"), stored);
});

/** Pays one sale of this name back in two parts, each named once in the path. */
async function assertRefundable(ledger, name) {
  const sale = await sold(ledger, name);
  for (const body of [{ amount: 33, external_event_id: `refund of ${name}` }, { reason: "all the rest" }]) {
    const [{ json }] = await assertOnlyOnce(ledger, () => refund(ledger, name, body));
    assert.equal(json.data.id, sale.id, name);
  }
  assert.equal((await saleInDatabase(ledger, name)).refunded, 9900);
}

test("a refund finds the sale by its external_event_id", async (t) => {
  const ledger = await startLedger(t);
  for (const name of ["order_1", "conv_not_an_id", "pending", "refund", "a.b-c~d"]) await assertRefundable(ledger, name);
});

test("an external_event_id that a path has to escape is found as well", async (t) => {
  const ledger = await startLedger(t);
  for (const name of ["order 1", "2026/1", "a:b|c", "5 % off?", "注文-7"]) await assertRefundable(ledger, name);
});

test("a partial refund reduces the commission by the same part", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const body = {
    amount: 33,
    currency: "USD",
    reason: "one of three came broken",
    external_event_id: "re_1",
    refunded_at: "2026-02-03T04:05:06Z",
  };
  const [first, second] = await assertOnlyOnce(ledger, () => refund(ledger, "order_1", body));
  // 30 % of 66.00.
  assert.deepEqual(money(first), [66, 19.8, "partial_refunded", "ready_for_payment"]);
  assert.deepEqual(second.json, first.json);
  const columns = "amount_minor, currency, deducted_minor, reason, refunded_at FROM refund";
  assert.deepEqual(await select(ledger, `SELECT ${columns}`), [
    {
      amount_minor: 3300,
      currency: "USD",
      deducted_minor: 990,
      reason: "one of three came broken",
      refunded_at: Date.parse("2026-02-03T04:05:06Z"),
    },
  ]);
});

test("without a key every partial refund is a new one, and together they never exceed the sale", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const shown = [];
  for (let number = 0; number < 3; number += 1) {
    const answer = await refund(ledger, "order_1", { amount: 30 });
    assert.equal(answer.status, 200, answer.text);
    shown.push(money(answer));
  }
  assert.deepEqual(shown, [
    [69, 20.7, "partial_refunded", "ready_for_payment"],
    [39, 11.7, "partial_refunded", "ready_for_payment"],
    [9, 2.7, "partial_refunded", "ready_for_payment"],
  ]);
  const before = await contents(ledger);
  for (const amount of [9.01, 30, 99, 1_000_000]) {
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await refund(ledger, "order_1", { amount });
      assert.ok(assertError(PATH, answer, 400, "VALIDATION_ERROR").names("amount"));
    }
  }
  assert.deepEqual(await contents(ledger), before);
  // What exactly remains may be named: then all of it is refunded.
  assert.deepEqual(money(await refund(ledger, "order_1", { amount: 9 })), [0, 0, "refunded", "refunded"]);
  assert.equal((await saleInDatabase(ledger, "order_1")).refunded, 9900);
});

test("a partial refund of a sale that is refunded already is more than what remains", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  await assertOnlyOnce(ledger, () => refund(ledger, "order_1"));
  const answer = await refund(ledger, "order_1", { amount: 1 });
  assert.ok(assertError(PATH, answer, 400, "VALIDATION_ERROR").names("amount"));
});

test("parts that do not divide are rounded once, from what remains of the sale", async (t) => {
  const ledger = await startLedger(t);
  // 30 % of 10.01 is 3.003.
  const sale = await sold(ledger, "order_1", { sale_amount: 10.01 });
  assert.equal(sale.commission_amount, 3);
  const shown = [];
  for (const amount of [3.33, 3.34, 3.33]) shown.push(money(await refund(ledger, "order_1", { amount })).slice(0, 2));
  // 30 % of 6.68 is 2.004, of 3.34 it is 1.002, of 0.01 it is 0.003.
  assert.deepEqual(shown, [
    [6.68, 2],
    [3.34, 1],
    [0.01, 0],
  ]);
  assert.deepEqual(money(await refund(ledger, "order_1")), [0, 0, "refunded", "refunded"]);
});

test("yen have no decimals and dinars have three, also in refunds", async (t) => {
  for (const [currency, amount, part, remains, earned] of [
    ["JPY", 1000, 333, 667, 200],
    ["KWD", 10.005, 3.335, 6.67, 2.001],
  ]) {
    const ledger = await startLedger(t, { currency });
    await sold(ledger, "order_1", { sale_amount: amount, sale_amount_currency: currency });
    const answer = await refund(ledger, "order_1", { amount: part, currency });
    assert.deepEqual(money(answer), [remains, earned, "partial_refunded", "ready_for_payment"], currency);
    const finer = await refund(ledger, "order_1", { amount: part + 0.0001 });
    assert.ok(assertError(PATH, finer, 400, "VALIDATION_ERROR").names("amount"));
  }
});

for (const [what, body] of [
  ["an amount", { amount: 33, currency: "EUR" }],
  ["an amount in yen", { amount: 33, currency: "JPY" }],
  ["no amount", { currency: "EUR" }],
]) {
  test(`a refund in another currency than the sale's is refused: ${what}`, async (t) => {
    const ledger = await startLedger(t);
    await sold(ledger, "order_1");
    const before = await contents(ledger);
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await refund(ledger, "order_1", body);
      assert.ok(assertError(PATH, answer, 400, "VALIDATION_ERROR").names("currency"));
    }
    assert.deepEqual(await contents(ledger), before);
  });
}

test("the same external_event_id with another amount is a 422, and does nothing", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  await assertOnlyOnce(ledger, () => refund(ledger, "order_1", { amount: 33, external_event_id: "re_1" }));
  const before = await contents(ledger);
  for (const body of [{ amount: 32 }, { amount: 66 }, {}]) {
    for (let twice = 0; twice < 2; twice += 1) {
      assertError(PATH, await refund(ledger, "order_1", { ...body, external_event_id: "re_1" }), 422);
    }
  }
  assert.deepEqual(await contents(ledger), before);
});

test("a refund's key that was used for another sale is never answered as done with nothing done", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  await sold(ledger, "order_2");
  const body = { amount: 33, external_event_id: "re_1" };
  await assertOnlyOnce(ledger, () => refund(ledger, "order_1", body));
  const answer = await refund(ledger, "order_2", body);
  const { refunded } = await saleInDatabase(ledger, "order_2");
  assert.ok([`200 3300`, `422 0`].includes(`${answer.status} ${refunded}`), `${refunded}: ${answer.text}`);
  assert.equal((await saleInDatabase(ledger, "order_1")).refunded, 3300);
});

test("a sale that earned nothing is refunded as well, in both dialects", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  await sold(ledger, "order_1");
  await sold(ledger, "order_2");
  const [first] = await assertOnlyOnce(ledger, () => refund(ledger, "order_1"));
  assert.deepEqual(money(first), [0, null, "refunded", null]);
  const [{ json }] = await assertOnlyOnce(ledger, () => trackRefund(ledger, { transaction_id: "order_2" }));
  const { message, ...rest } = json;
  assert.deepEqual(rest, { success: true, status: "no_commission" });
  assert.equal(typeof message, "string");
});

test("what was paid out is taken back by a negative line, and the paid one stays as it is", async (t) => {
  const ledger = await startLedger(t);
  const { earning_id: paid } = await sold(ledger, "order_1", { status: "paid" });
  const rows = () => select(ledger, "SELECT id, amount_minor, status FROM commission ORDER BY id = ? DESC, id", paid);
  await assertOnlyOnce(ledger, () => refund(ledger, "order_1", { amount: 33, external_event_id: "re_1" }));
  await assertOnlyOnce(ledger, () => trackRefund(ledger, { transaction_id: "order_1" }));
  const [first, ...negative] = await rows();
  assert.deepEqual(first, { id: paid, amount_minor: 2970, status: "paid" });
  assert.deepEqual(
    negative.map(({ amount_minor }) => amount_minor).sort((one, other) => one - other),
    [-1980, -990],
  );
});

test("a part tells transaction.updated, all of it transaction.rejected, a repeat nothing", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger, "order_1");
  const already = (await told(ledger, sale.referral_id)).length;
  const part = { amount: 33, external_event_id: "re_1" };
  await assertOnlyOnce(ledger, () => refund(ledger, "order_1", part));
  await assertOnlyOnce(ledger, () => refund(ledger, "order_1"));
  const messages = (await told(ledger, sale.referral_id)).slice(already);
  const seen = messages.map(({ type, data }) => [type, data.saleAmount, data.saleStatus, data.commissionAmount]);
  assert.deepEqual(seen, [
    ["transaction.updated", 66, "PARTIAL_REFUNDED", 19.8],
    ["transaction.rejected", 0, "REFUNDED", 0],
  ]);
  for (const { data } of messages) {
    assert.deepEqual([data.transactionId, data.referralId, data.saleCurrency], [sale.id, sale.referral_id, "USD"]);
  }
  assert.equal(messages.at(-1).data.commissionStatus, "REFUNDED");
});

test("a sale that is unknown is a 404 in both dialects, and nothing is kept of it", async (t) => {
  const ledger = await startLedger(t);
  const before = await contents(ledger);
  for (const body of [undefined, {}, { amount: 5 }, { external_event_id: "re_1" }, { allow_pending: false }]) {
    assertError(PATH, await refund(ledger, "order_1", body), 404, "NOT_FOUND");
    assertError(PATH, await refund(ledger, "order_1", body), 404, "NOT_FOUND");
  }
  for (const more of [{}, { refund_amount_cents: 0 }, { refund_amount_cents: 5 }, { allow_pending: false }]) {
    const answer = await trackRefund(ledger, { transaction_id: "order_1", ...more });
    assert.deepEqual(shape(answer), { status: 404, json: { error: "Sale not found for transaction_id" } });
  }
  assert.deepEqual(await contents(ledger), before);
  // And the sale that comes afterwards is a whole one.
  assert.equal((await sold(ledger, "order_1")).sale_amount, 99);
});
