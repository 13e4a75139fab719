// What is paid back, in both dialects: statuses and bodies as published, and what is then stored.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertKeptOverRestart, get, post, rowCounts, select, signedUp } from "./calls.mjs";
import { assertError } from "./routes.mjs";

/** A customer who has bought for 99.00, of which the affiliate has 29.70; the conversion. */
export async function sold(ledger, { order = "order_1", user = "user_1", amount = 99, ...sent } = {}, options = {}) {
  const known = await select(ledger, "SELECT 1 FROM identity WHERE value = ?", user);
  if (known.length === 0) await signedUp(ledger, user, options);
  const body = { external_user_id: user, sale_amount: amount, external_event_id: order, ...sent };
  const answer = await post(ledger, "/v1/conversions", body, options);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

const refund = (ledger, sale, body, options) => post(ledger, `/v1/conversions/${sale}/refund`, body, options);

const trackRefund = (ledger, body, options) =>
  post(ledger, "/api/v1/track/refund", body, { key: ledger.fixture.keys.token, ...options });

/** The sums that are stored: what was paid back, and what the affiliate still has. */
async function stored(ledger) {
  const [{ rows, paid_back }] = await select(
    ledger,
    "SELECT COUNT(*) AS rows, COALESCE(SUM(amount_minor), 0) AS paid_back FROM refund",
  );
  const [{ earned }] = await select(ledger, "SELECT SUM(amount_minor) AS earned FROM commission");
  const [{ total }] = await select(ledger, "SELECT SUM(commission_total_minor) AS total FROM referral");
  return { rows, paid_back, earned, total };
}

const shown = ({ sale_amount, commission_amount, status, sales_status }) => [
  sale_amount,
  commission_amount,
  status,
  sales_status,
];

test("a third of a conversion is refunded, then the rest", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger);
  const third = { amount: 33, currency: "USD", reason: "one of three was broken", external_event_id: "refund_1" };
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await refund(ledger, sale.id, third);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(shown(answer.json.data), [66, 19.8, "ready_for_payment", "partial_refunded"]);
    assert.equal(answer.json.data.id, sale.id);
    assert.equal(answer.json.success, true);
    assert.deepEqual(await stored(ledger), { rows: 1, paid_back: 3300, earned: 1980, total: 1980 });
  }
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await refund(ledger, sale.id);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(shown(answer.json.data), [0, 0, "refunded", "refunded"]);
    assert.deepEqual(await stored(ledger), { rows: 2, paid_back: 9900, earned: 0, total: 0 });
  }
  assert.deepEqual(shown((await get(ledger, `/v1/conversions/${sale.id}`)).json.data), [0, 0, "refunded", "refunded"]);
  await assertKeptOverRestart(ledger);
});

test("a conversion is refunded by the name that its caller gave it, too", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger);
  const answer = await refund(ledger, "order_1", { amount: 33 });
  assert.deepEqual([answer.status, answer.json.data.sale_amount], [200, 66]);
});

test("a sale that is repeated after its refund is the same sale, and nothing differs", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger);
  await refund(ledger, sale.id, { amount: 33, external_event_id: "refund_1" });
  const body = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  const answer = await post(ledger, "/v1/conversions", body);
  assert.deepEqual([answer.status, answer.json.data.id, answer.json.warnings ?? []], [200, sale.id, []]);
  assert.deepEqual(answer.json.data.warnings ?? [], []);
});

test("more than what remains, another currency and amounts that are none are refused", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger);
  await refund(ledger, sale.id, { amount: 60, external_event_id: "refund_1" });
  const cases = [
    [{ amount: 39.01 }, "amount", /39/],
    [{ amount: 10, currency: "EUR" }, "currency", /USD/],
    [{ amount: 10, currency: "XXXX" }, "currency", /./],
    [{ amount: 0 }, "amount", /./],
    [{ amount: -1 }, "amount", /./],
    [{ amount: 0.001 }, "amount", /./],
  ];
  for (const [body, field, says] of cases) {
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await refund(ledger, sale.id, body);
      const problem = assertError("/v1", answer, 400, "VALIDATION_ERROR");
      assert.ok(problem.names(field), `${JSON.stringify(body)}: ${answer.text}`);
      assert.match(problem.message, says);
    }
  }
  assert.deepEqual(await stored(ledger), { rows: 1, paid_back: 6000, earned: 1170, total: 1170 });
});

test("a refund's key with another amount is a 422", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger);
  assert.equal((await refund(ledger, sale.id, { amount: 33, external_event_id: "refund_1" })).status, 200);
  for (const amount of [34, undefined]) {
    for (let twice = 0; twice < 2; twice += 1) {
      assertError("/v1", await refund(ledger, sale.id, { amount, external_event_id: "refund_1" }), 422);
    }
  }
  assert.equal((await stored(ledger)).paid_back, 3300);
});

test("track/refund reverses a sale and skips it the second time", async (t) => {
  const ledger = await startLedger(t);
  const { keys } = ledger.fixture;
  await signedUp(ledger, "user_1");
  const body = { transaction_id: "txn_1", amount_cents: 9900, customer_key: "user_1" };
  const sale = await post(ledger, "/api/v1/track/sale", body, { key: keys.token });
  assert.equal(sale.status, 200, sale.text);
  const { commission_id } = sale.json;
  const reversed = await trackRefund(ledger, { transaction_id: "txn_1", refund_reason: "asked for" });
  const first = { success: true, status: "reversed", deductionAmount: 29.7, commission_id };
  assert.deepEqual([reversed.status, reversed.json], [200, first]);
  const skipped = { success: true, status: "skipped", reason: "already reversed" };
  for (const again of [{}, { refund_amount_cents: 0 }, { refund_amount_cents: null }]) {
    const answer = await trackRefund(ledger, { transaction_id: "txn_1", ...again });
    assert.deepEqual([answer.status, answer.json], [200, skipped]);
  }
  assert.deepEqual(await stored(ledger), { rows: 1, paid_back: 9900, earned: 0, total: 0 });
});

test("track/refund tells partial refunds apart by their id, else by their amount", async (t) => {
  const ledger = await startLedger(t);
  const { commission_id = (await sold(ledger)).earning_id } = {};
  const named = (refund_id, refund_amount_cents) => ({
    transaction_id: "order_1",
    refund_amount_cents,
    additional_data: { refund_id },
  });
  const calls = [
    [{ transaction_id: "order_1", refund_amount_cents: 1000 }, 3],
    [{ transaction_id: "order_1", refund_amount_cents: 2000 }, 6],
    [named("re_1", 1000), 3],
    [named("re_2", 1000), 3],
    // An id that reads like an amount, or like the word for everything, is neither.
    [named("500", 1000), 3],
    [{ transaction_id: "order_1", refund_amount_cents: 500 }, 1.5],
    [named("full", 500), 1.5],
  ];
  for (const [body, deductionAmount] of calls) {
    const first = await trackRefund(ledger, body);
    const expected = { success: true, status: "refunded", deductionAmount, commission_id };
    assert.deepEqual([first.status, first.json], [200, expected], JSON.stringify(body));
    const second = await trackRefund(ledger, body);
    assert.deepEqual([second.status, second.json.status], [200, "skipped"]);
  }
  const rest = await trackRefund(ledger, { transaction_id: "order_1" });
  // 70.00 were paid back; 30 % of the last 29.00.
  assert.deepEqual([rest.json.status, rest.json.deductionAmount], ["reversed", 8.7]);
  assert.deepEqual(await stored(ledger), { rows: 8, paid_back: 9900, earned: 0, total: 0 });
});

test("transactions whose names run into each other's refunds are two", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, { order: "a" });
  await sold(ledger, { order: "a refund b" });
  const first = { transaction_id: "a", refund_amount_cents: 100, additional_data: { refund_id: "b refund c" } };
  const second = { transaction_id: "a refund b", refund_amount_cents: 100, additional_data: { refund_id: "c" } };
  for (const body of [first, second]) assert.equal((await trackRefund(ledger, body)).json.status, "refunded");
  assert.equal((await stored(ledger)).paid_back, 200);
});

test("track/refund of a sale that earned nothing says so", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  await sold(ledger);
  const answer = await trackRefund(ledger, { transaction_id: "order_1" });
  assert.equal(answer.status, 200, answer.text);
  const { message, ...rest } = answer.json;
  assert.deepEqual(rest, { success: true, status: "no_commission" });
  assert.equal(typeof message, "string");
  assert.equal((await trackRefund(ledger, { transaction_id: "order_1" })).json.status, "skipped");
});

test("what track/refund cannot do it says in the published words", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger);
  const cases = [
    [{}, 400, /^transaction_id is required/],
    [{ transaction_id: "" }, 400, /^transaction_id is required/],
    [{ transaction_id: "txn_none" }, 404, /^Sale not found for transaction_id$/],
    [{ transaction_id: "order_1", refund_amount_cents: 9901 }, 400, /refund_amount_cents.*99/],
    [{ transaction_id: "order_1", refund_amount_cents: -1 }, 400, /refund_amount_cents/],
    [{ transaction_id: "order_1", refund_amount_cents: 1.5 }, 400, /refund_amount_cents/],
  ];
  for (const [body, status, says] of cases) {
    for (let twice = 0; twice < 2; twice += 1) {
      assert.match(assertError("/api", await trackRefund(ledger, body), status).message, says);
    }
  }
  assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 1, conversion: 1, commission: 1, sale_key: 1, event: 2 });
});

test("a test refund leaves a live sale as it is", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger);
  const body = { transaction_id: "order_1", additional_data: { test_mode: true } };
  const answer = await trackRefund(ledger, body);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.json.success, answer.json.data?.test_mode], [true, true]);
  assert.deepEqual(await select(ledger, "SELECT kind FROM test_event"), [{ kind: "refund" }]);
  assert.deepEqual(await stored(ledger), { rows: 0, paid_back: 0, earned: 2970, total: 2970 });
});

test("a sale of one dialect is refunded in the other", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger);
  assert.equal((await trackRefund(ledger, { transaction_id: "order_1", refund_amount_cents: 3300 })).status, 200);
  const rest = await refund(ledger, sale.id);
  assert.deepEqual(shown(rest.json.data), [0, 0, "refunded", "refunded"]);
  assert.equal((await trackRefund(ledger, { transaction_id: "order_1" })).json.status, "skipped");
});

test("nobody else refunds a sale: not another team, not the other mode", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const sale = await sold(ledger);
  const unknown = await refund(ledger, "conv_none", {});
  assertError("/v1", unknown, 404, "NOT_FOUND");
  for (const key of [other.keys.live, other.keys.test, keys.test]) {
    for (const name of [sale.id, "order_1"]) {
      const answer = await refund(ledger, name, {}, { key });
      assert.deepEqual([answer.status, answer.json], [404, unknown.json]);
    }
    const answer = await trackRefund(ledger, { transaction_id: "order_1" }, { key });
    assert.deepEqual([answer.status, answer.json], [404, { error: "Sale not found for transaction_id" }]);
  }
  assert.deepEqual(await stored(ledger), { rows: 0, paid_back: 0, earned: 2970, total: 2970 });
  // A test sale of the same name is another sale.
  const ofTest = await sold(ledger, { user: "user_t" }, { key: keys.test });
  await refund(ledger, ofTest.id, {}, { key: keys.test });
  assert.deepEqual(await stored(ledger), { rows: 1, paid_back: 9900, earned: 2970, total: 2970 });
});

test("fifty partial refunds at once pay back no more than the sale", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const sale = await sold(ledger);
  const calls = Array.from({ length: 50 }, (_, number) =>
    refund(ledger, sale.id, { amount: 3, external_event_id: `refund_${number}` }),
  );
  const answers = await Promise.all(calls);
  // 33 times 3.00 are 99.00.
  assert.equal(answers.filter(({ status }) => status === 200).length, 33);
  assert.equal(answers.filter(({ status }) => status === 400).length, 17);
  assert.deepEqual(await stored(ledger), { rows: 33, paid_back: 9900, earned: 0, total: 0 });
});
