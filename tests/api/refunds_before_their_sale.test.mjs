// A refund that comes before its sale: refused, unless it may wait; then it meets its sale, whichever of them is first.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import {
  assertKeptOverRestart,
  atOnce,
  contents,
  get,
  post,
  refund,
  rowCounts,
  saleInDatabase,
  select,
  signedUp,
  sold,
  tally,
  trackRefund,
} from "./calls.mjs";
import { assertError } from "./routes.mjs";

const DAY = 24 * 60 * 60 * 1000;
const PATH = "/v1/conversions/order_1/refund";

const money = ({ json: { data } }) => [data.sale_amount, data.commission_amount, data.sales_status, data.status];

async function pending(ledger, key) {
  const answer = await get(ledger, "/v1/refunds/pending", { key });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.success, true);
  return answer.json.data;
}

/** Calls twice: 202 both times, and the second call changes nothing. */
async function assertParkedOnce(ledger, call) {
  const first = await call();
  assert.equal(first.status, 202, first.text);
  const before = await contents(ledger);
  const second = await call();
  assert.deepEqual([second.status, second.json], [202, first.json]);
  assert.deepEqual(await contents(ledger), before);
  return first;
}

const sellNow = (ledger, referral_id, body = {}) =>
  post(ledger, "/v1/conversions", { referral_id, sale_amount: 99, external_event_id: "order_1", ...body });

test("a refund that may wait is a 202, listed with what it asks for, for thirty days", async (t) => {
  const ledger = await startLedger(t);
  assert.deepEqual(await pending(ledger), []);
  const asks = { amount: 33, currency: "USD", reason: "came broken", external_event_id: "re_1" };
  const body = { ...asks, refunded_at: "2026-02-03T04:05:06.000Z", allow_pending: true };
  const { json } = await assertParkedOnce(ledger, () => refund(ledger, "order_1", body));
  assert.equal(json.success, true);
  const { allow_pending, ...told } = body;
  assert.equal(allow_pending, true);
  const { id, status, created_at, expires_at, ...shown } = json.data;
  assert.equal(typeof id, "string");
  assert.equal(status, "pending");
  assert.deepEqual({ ...shown, refunded_at: Date.parse(shown.refunded_at) }, {
    ...told,
    sale: "order_1",
    refunded_at: Date.parse(body.refunded_at),
  });
  assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);
  assert.equal(Date.parse(expires_at) - Date.parse(created_at), 30 * DAY);
  assert.deepEqual(await pending(ledger), [json.data]);
  await assertKeptOverRestart(ledger);
  assert.deepEqual(await pending(ledger), [json.data]);
});

test("in Affitor's dialect it is a 202 as well, and is listed", async (t) => {
  const ledger = await startLedger(t);
  const body = { transaction_id: "txn_1", refund_amount_cents: 1000, allow_pending: true };
  const { json } = await assertParkedOnce(ledger, () => trackRefund(ledger, body));
  assert.deepEqual([json.success, json.status], [true, "pending"]);
  const [listed, ...more] = await pending(ledger);
  assert.deepEqual(more, []);
  assert.deepEqual([listed.sale, listed.amount, listed.currency, listed.status], ["txn_1", 10, "USD", "pending"]);
});

for (const [what, body, expected, told] of [
  ["in part", { amount: 33 }, [66, 19.8, "partial_refunded", "ready_for_payment"], "transaction.updated"],
  ["wholly", {}, [0, 0, "refunded", "refunded"], "transaction.rejected"],
]) {
  test(`a sale whose refund waits ${what} is answered with it taken off`, async (t) => {
    const ledger = await startLedger(t);
    const referral = await signedUp(ledger, "user_1");
    const waits = { ...body, external_event_id: "re_1", allow_pending: true };
    await assertParkedOnce(ledger, () => refund(ledger, "order_1", waits));

    const sale = await sellNow(ledger, referral);

    assert.equal(sale.status, 201, sale.text);
    assert.deepEqual(money(sale), expected);
    assert.deepEqual(await pending(ledger), []);
    const { parked_refund, refund: refunds, conversion } = await rowCounts(ledger);
    assert.deepEqual([parked_refund, refunds, conversion], [undefined, 1, 1]);
    const stored = await saleInDatabase(ledger, "order_1");
    assert.equal(stored.sold - stored.refunded, expected[0] * 100);
    assert.equal(stored.earned, Math.round(expected[1] * 100));
    // The line of the sale, and of its refund, in one order.
    const lines = await select(ledger, "SELECT messages FROM event WHERE subject = ? ORDER BY seq", referral);
    const types = lines.flatMap(({ messages }) => JSON.parse(messages)).map(({ type }) => type);
    assert.ok(types.indexOf("transaction.created") > 0, `${types}`);
    assert.ok(types.indexOf(told) > types.indexOf("transaction.created"), `${types}`);
    // Both calls again: what was done is known.
    const before = await contents(ledger);
    const again = await refund(ledger, "order_1", waits);
    assert.deepEqual([again.status, money(again)], [200, expected]);
    const repeated = await sellNow(ledger, referral);
    assert.deepEqual([repeated.status, money(repeated)], [200, expected]);
    assert.deepEqual(await contents(ledger), before);
  });
}

test("a tracked sale settles a tracked refund, and the repeat of that is skipped", async (t) => {
  const ledger = await startLedger(t);
  await signedUp(ledger, "user_1");
  const body = { transaction_id: "txn_1", refund_amount_cents: 1000, allow_pending: true };
  await assertParkedOnce(ledger, () => trackRefund(ledger, body));
  const sale = { transaction_id: "txn_1", amount_cents: 4900, customer_key: "user_1" };
  const answer = await post(ledger, "/api/v1/track/sale", sale, { key: ledger.fixture.keys.token });
  assert.deepEqual([answer.status, answer.json.message], [200, "Sale tracked successfully"]);
  const expected = { sold: 4900, refunded: 1000, earned: 1170, sales_status: "partial_refunded", refunds: 1 };
  assert.deepEqual(await saleInDatabase(ledger, "txn_1"), { ...expected, status: "ready_for_payment" });
  assert.deepEqual(await pending(ledger), []);
  const again = await trackRefund(ledger, body);
  assert.deepEqual([again.status, again.json], [200, { success: true, status: "skipped", reason: "already reversed" }]);
  assert.equal((await saleInDatabase(ledger, "txn_1")).refunds, 1);
});

test("several refunds may wait for one sale, and all of them are taken off, in both dialects", async (t) => {
  const ledger = await startLedger(t);
  const referral = await signedUp(ledger, "user_1");
  for (const number of [1, 2]) {
    const body = { amount: 10, external_event_id: `re_${number}`, allow_pending: true };
    await assertParkedOnce(ledger, () => refund(ledger, "order_1", body));
  }
  const tracked = { transaction_id: "order_1", refund_amount_cents: 1000, allow_pending: true };
  await assertParkedOnce(ledger, () => trackRefund(ledger, tracked));
  assert.equal((await pending(ledger)).length, 3);
  // 30 % of 69.00.
  assert.deepEqual(money(await sellNow(ledger, referral)), [69, 20.7, "partial_refunded", "ready_for_payment"]);
  assert.equal((await saleInDatabase(ledger, "order_1")).refunds, 3);
  assert.deepEqual(await pending(ledger), []);
});

test("refunds that wait for more than the sale never take more than it", async (t) => {
  const ledger = await startLedger(t);
  const referral = await signedUp(ledger, "user_1");
  for (const number of [1, 2]) {
    const body = { amount: 60, external_event_id: `re_${number}`, allow_pending: true };
    await assertParkedOnce(ledger, () => refund(ledger, "order_1", body));
  }
  assert.equal((await sellNow(ledger, referral)).status, 201);
  const { sold: amount, refunded, earned } = await saleInDatabase(ledger, "order_1");
  assert.ok(refunded >= 6000 && refunded <= amount, `${refunded}`);
  // 30 % of what is left of it.
  assert.equal(earned, Math.round(0.3 * (amount - refunded)));
  const [{ sum }] = await select(ledger, "SELECT SUM(amount_minor) AS sum FROM refund");
  assert.equal(sum, refunded);
});

test("a refund that waits, asked for again with another amount, is a 422", async (t) => {
  const ledger = await startLedger(t);
  const body = { amount: 33, external_event_id: "re_1", allow_pending: true };
  await assertParkedOnce(ledger, () => refund(ledger, "order_1", body));
  const before = await contents(ledger);
  for (const amount of [32, undefined]) {
    for (let twice = 0; twice < 2; twice += 1) {
      assertError(PATH, await refund(ledger, "order_1", { ...body, amount }), 422);
    }
  }
  assert.deepEqual(await contents(ledger), before);
});

test("a refund that waits for another sale stays where it is", async (t) => {
  const ledger = await startLedger(t);
  await refund(ledger, "order_2", { external_event_id: "re_2", allow_pending: true });
  assert.equal((await sold(ledger, "order_1")).sale_amount, 99);
  assert.deepEqual(
    (await pending(ledger)).map(({ sale }) => sale),
    ["order_2"],
  );
});

test("leave to wait changes nothing where the sale is there already", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const answer = await refund(ledger, "order_1", { amount: 33, external_event_id: "re_1", allow_pending: true });
  assert.deepEqual([answer.status, answer.json.data.sale_amount], [200, 66]);
  assert.deepEqual(await pending(ledger), []);
});

test("fifty identical refunds at once wait as one", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const body = { external_event_id: "re_1", allow_pending: true };
  const answers = await atOnce(50, () => refund(ledger, "order_1", body));
  assert.deepEqual(tally(answers), { 202: 50 });
  assert.equal(new Set(answers.map(({ json }) => json.data.id)).size, 1);
  assert.equal((await pending(ledger)).length, 1);
  assert.equal((await rowCounts(ledger)).parked_refund, 1);
});

for (const dialect of ["Affonso", "Affitor"]) {
  test(`twenty sales and their refunds at the same time always meet, in ${dialect}'s dialect`, async (t) => {
    const ledger = await startLedger(t, { instances: 2 });
    const customers = await atOnce(20, (number) => signedUp(ledger, `user_${number}`));
    const key = ledger.fixture.keys.token;
    const calls = {
      Affonso: {
        sell: (n) => sellNow(ledger, customers[n], { external_event_id: `order_${n}` }),
        payBack: (n) => refund(ledger, `order_${n}`, { external_event_id: `re_${n}`, allow_pending: true }),
      },
      Affitor: {
        sell: (n) => {
          const body = { transaction_id: `order_${n}`, amount_cents: 9900, click_id: customers[n] };
          return post(ledger, "/api/v1/track/sale", body, { key });
        },
        payBack: (n) => trackRefund(ledger, { transaction_id: `order_${n}`, allow_pending: true }),
      },
    }[dialect];

    // Every other pair begins with its refund.
    const answers = await atOnce(40, (number) => {
      const pair = number >> 1;
      return (number + pair) % 2 === 0 ? calls.sell(pair) : calls.payBack(pair);
    });

    for (const { status, text } of answers) assert.ok([200, 201, 202].includes(status), text);
    const { parked_refund, refund: refunds, conversion } = await rowCounts(ledger);
    assert.deepEqual([parked_refund, refunds, conversion], [undefined, 20, 20]);
    const once = { sold: 9900, refunded: 9900, sales_status: "refunded", earned: 0, status: "refunded", refunds: 1 };
    for (let pair = 0; pair < 20; pair += 1) assert.deepEqual(await saleInDatabase(ledger, `order_${pair}`), once);
    assert.deepEqual(await pending(ledger), []);
    await assertKeptOverRestart(ledger);
    assert.deepEqual(tally(await atOnce(20, calls.payBack)), { 200: 20 });
    assert.equal((await rowCounts(ledger)).refund, 20);
  });
}

for (const [what, asks, sale] of [
  ["in another currency than its sale", { amount: 33, currency: "EUR" }, { sale_amount: 99 }],
  [
    "without a currency, for a sale in yen",
    { amount: 33 },
    { sale_amount: 5000, sale_amount_currency: "JPY" },
  ],
]) {
  test(`a refund that waits ${what} is never taken off as a raw number`, async (t) => {
    const ledger = await startLedger(t);
    const referral = await signedUp(ledger, "user_1");
    const body = { ...asks, external_event_id: "re_1", allow_pending: true };
    await assertParkedOnce(ledger, () => refund(ledger, "order_1", body));
    assert.equal((await sellNow(ledger, referral, sale)).status, 201);
    const { refunded } = await saleInDatabase(ledger, "order_1");
    // 33 yen are what the second one may have meant; 33.00 of one currency are never 33.00, or 3300, of another.
    assert.ok(refunded === 0 || (sale.sale_amount_currency === "JPY" && refunded === 33), `${refunded}`);
    // It is acknowledged: if it is not taken off, it waits on, or a line says what became of it.
    const kinds = await select(ledger, "SELECT kind FROM event WHERE kind LIKE '%refund%' AND kind <> 'refund.parked'");
    assert.ok(refunded > 0 || (await pending(ledger)).length === 1 || kinds.length > 0);
  });
}
