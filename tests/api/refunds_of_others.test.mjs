// A refund reaches sales of its own team, program and mode only: any other sale is like one that does not exist.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { contents, get, refund, rowCounts, select, sold, STRANGERS, trackRefund } from "./calls.mjs";
import { assertError } from "./routes.mjs";

const shape = ({ status, json }) => ({ status, json });
const PATH = "/v1/conversions/order_1/refund";

for (const { name, of, by } of STRANGERS) {
  test(`a sale cannot be refunded by ${name}, and does not even seem to exist`, async (t) => {
    const ledger = await startLedger(t);
    const owner = ledger.fixture.keys[of];
    const sale = await sold(ledger, "order_1", { key: owner });
    const key = by(ledger.fixture);
    const before = await contents(ledger);
    const unknown = shape(await refund(ledger, "conv_unknown", {}, { key }));
    for (const named of [sale.id, "order_1"]) {
      for (const body of [undefined, { amount: 33 }, { external_event_id: "re_1" }]) {
        const answer = await refund(ledger, named, body, { key });
        assertError(PATH, answer, 404, "NOT_FOUND");
        assert.deepEqual(shape(answer), unknown);
      }
      const tracked = await trackRefund(ledger, { transaction_id: named }, { key });
      assert.deepEqual(shape(tracked), { status: 404, json: { error: "Sale not found for transaction_id" } });
    }
    assert.deepEqual(await contents(ledger), before);
    assert.equal((await refund(ledger, "order_1", {}, { key: owner })).json.data.sale_amount, 0);
  });

  test(`a refund that waits is neither shown to ${name} nor settled by a sale of theirs`, async (t) => {
    const ledger = await startLedger(t);
    const owner = ledger.fixture.keys[of];
    const stranger = by(ledger.fixture);
    const isOther = Object.values(ledger.fixture.other.keys).includes(stranger);
    const trackingId = isOther ? "mallory" : "alice";
    const waits = await refund(ledger, "order_1", { external_event_id: "re_1", allow_pending: true }, { key: owner });
    assert.equal(waits.status, 202, waits.text);
    const pending = async (key) => (await get(ledger, "/v1/refunds/pending", { key })).json.data;
    assert.deepEqual(await pending(stranger), []);
    // The same names in another place are other names.
    const theirs = await sold(ledger, "order_1", { key: stranger, trackingId });
    assert.equal(theirs.sale_amount, 99);
    const same = await refund(ledger, "order_1", { amount: 33, external_event_id: "re_1" }, { key: stranger });
    assert.deepEqual([same.status, same.json.data?.sale_amount], [200, 66]);
    assert.deepEqual(await pending(owner), [waits.json.data]);
    assert.equal((await rowCounts(ledger)).parked_refund, 1);
    assert.equal((await sold(ledger, "order_1", { key: owner })).sale_amount, 0);
    assert.deepEqual(await pending(owner), []);
  });
}

test("a refund of a test sale causes no webhook", async (t) => {
  const ledger = await startLedger(t);
  const { test: key } = ledger.fixture.keys;
  await sold(ledger, "order_1", { key });
  assert.equal((await refund(ledger, "order_1", { amount: 33 }, { key })).status, 200);
  assert.equal((await refund(ledger, "order_1", {}, { key })).status, 200);
  const lines = await select(ledger, "SELECT is_test, messages FROM event");
  assert.equal(lines.length, 4);
  for (const line of lines) assert.deepEqual(line, { is_test: 1, messages: "[]" });
});
