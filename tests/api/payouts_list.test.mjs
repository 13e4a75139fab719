// Lists of payouts: every filter, order and page; what is being made is in none of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, get, sold } from "./calls.mjs";
import { end, ended, payOut, payout, payouts } from "./payout_calls.mjs";

const DAY = 24 * 60 * 60 * 1000;

/** Three payouts: Alice's of 29.70, completed; Bob's of 3.00, failed; Alice's of 15.00, pending. A day between each. */
async function three(t) {
  const ledger = await startLedger(t);
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  const made = [];
  const begin = Date.parse("2026-03-01T12:00:00Z");
  for (const [number, trackingId, sale_amount, status] of [
    [0, "alice", 99, "completed"],
    [1, "bob", 10, "failed"],
    [2, "alice", 50, "pending"],
  ]) {
    await sold(ledger, `order_${number}`, { trackingId, sale_amount });
    const [{ id }] = await payOut(ledger, { affiliate_id: trackingId === "bob" ? bob : ledger.fixture.affiliate.id });
    await ended(ledger, id, status);
    await ledger.db
      .prepare("UPDATE payout SET created_at = ? WHERE id = ?")
      .bind(begin + number * DAY, id)
      .run();
    made.push(id);
  }
  return { ledger, bob, made };
}

test("a list shows each as it is shown alone, the newest first, in pages", async (t) => {
  const { ledger, made } = await three(t);
  const expected = [];
  for (const id of made.toReversed()) {
    const { transactions, ...shown } = await payout(ledger, id);
    expected.push(shown);
  }
  assert.deepEqual(await payouts(ledger), expected);
  for (const [page, next, prev] of [
    [1, true, false],
    [2, true, true],
    [3, false, true],
    [4, false, true],
  ]) {
    const { data, pagination } = (await get(ledger, `/v1/payouts?limit=1&page=${page}`)).json;
    assert.deepEqual(data, expected.slice(page - 1, page));
    const rest = { limit: 1, total: 3, total_pages: 3, has_next_page: next, has_prev_page: prev };
    assert.deepEqual(pagination, { page, ...rest });
  }
});

test("each filter lets through what it says, and filters add up", async (t) => {
  const { ledger, bob, made } = await three(t);
  const [first, second, third] = made;
  const alice = ledger.fixture.affiliate.id;
  for (const [query, expected] of [
    ["status=completed", [first]],
    ["status=failed", [second]],
    ["status=pending", [third]],
    ["status=processing", []],
    ["status=cancelled", []],
    [`affiliateId=${alice}`, [third, first]],
    [`affiliate_id=${bob}`, [second]],
    ["affiliateId=aff_nobody", []],
    [`affiliateId=${alice}&status=completed`, [first]],
    [`affiliateId=${bob}&status=completed`, []],
    ["dateFrom=2026-03-02", [third, second]],
    ["dateTo=2026-03-02", [second, first]],
    ["dateFrom=2026-03-02&dateTo=2026-03-02", [second]],
    ["dateFrom=2026-03-01T12:00:00.001Z&dateTo=2026-03-03T12:00:00Z", [third, second]],
    ["created_gte=2026-03-03", [third]],
    ["search=nothing", [third, second, first]],
  ]) {
    assert.deepEqual(
      (await payouts(ledger, `?${query}`)).map(({ id }) => id),
      expected,
      query,
    );
    const table = await get(ledger, `/v1/payouts?${query}&format=csv`);
    assert.equal(table.text.split("\r\n").length, expected.length + 2, query);
  }
});

test("each order is kept", async (t) => {
  const { ledger, made } = await three(t);
  const [first, second, third] = made;
  for (const [sort, expected] of [
    ["created_at", [first, second, third]],
    ["created_at:desc", [third, second, first]],
    ["-createdAt", [third, second, first]],
    ["amount", [second, third, first]],
    ["amount:desc", [first, third, second]],
    ["invoice_number:asc", [first, second, third]],
    ["invoiceNumber:desc", [third, second, first]],
  ]) {
    assert.deepEqual(
      (await payouts(ledger, `?sort=${sort}`)).map(({ id }) => id),
      expected,
      sort,
    );
  }
});

test("a parameter that is wrong is a 400 that names it", async (t) => {
  const ledger = await startLedger(t);
  for (const [query, field] of [
    ["status=paid", "status"],
    ["sort=status", "sort"],
    ["page=0", "page"],
    ["limit=201", "limit"],
    ["dateFrom=yesterday", "dateFrom"],
    ["format=xml", "format"],
  ]) {
    const answer = await get(ledger, `/v1/payouts?${query}`);
    assert.equal(answer.status, 400, answer.text);
    assert.deepEqual([answer.json.error.code, answer.json.error.field], ["VALIDATION_ERROR", field]);
  }
  assert.equal((await get(ledger, "/v1/payouts/pay_none?format=xml")).status, 400);
});

test("what is being made is in no list, is shown as such, and cannot be changed yet", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const [{ id }] = await payOut(ledger);
  for (const work of ["gathering", "settling"]) {
    await ledger.db.prepare("UPDATE payout SET work = ? WHERE id = ?").bind(work, id).run();
    assert.deepEqual(await payouts(ledger), []);
    assert.equal((await payout(ledger, id)).work, work);
    for (const status of ["completed", "failed", "pending"]) {
      const answer = await end(ledger, id, status);
      assert.deepEqual([answer.status, answer.json.error.code], [409, "PAYOUT_GATHERING"], answer.text);
      assert.equal(answer.headers.get("retry-after"), "1");
    }
    await ledger.db.prepare("UPDATE payout SET work = NULL").run();
  }
  assert.equal((await payouts(ledger)).length, 1);
});

test("health shows how many payouts have work to do, and since when", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const [{ id }] = await payOut(ledger);
  const health = async () => (await get(ledger, "/healthz", { key: null })).json.payouts;
  assert.deepEqual(await health(), { at_work: 0, oldest_at: null });
  const sql = "UPDATE payout SET status = 'completed', work = 'settling', updated_at = 1000 WHERE id = ?";
  await ledger.db.prepare(sql).bind(id).run();
  const { at_work, oldest_at } = await health();
  assert.deepEqual([at_work, oldest_at], [1, "1970-01-01T00:00:01Z"]);
});
