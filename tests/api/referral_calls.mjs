// What the tests of referrals share: making, showing, changing and removing them, and what they earn.
import assert from "node:assert/strict";
import { get, post, select, unique } from "./calls.mjs";

/** Calls with the team's live key, or with another one. */
export const put = (ledger, id, body, { key = ledger.fixture.keys.live, headers } = {}) =>
  ledger.request("PUT", `/v1/referrals/${id}`, { key, body, headers });

export const remove = (ledger, id, { key = ledger.fixture.keys.live } = {}) =>
  ledger.request("DELETE", `/v1/referrals/${id}`, { key });

export const reassign = (ledger, id, body, options) => post(ledger, `/v1/referrals/${id}/reassign`, body, options);

/** Records a referral, of the first affiliate unless it says otherwise; what the answer shows. */
export async function refer(ledger, fields = {}, { key, owner = ledger.fixture } = {}) {
  const body = { affiliate_id: owner.affiliate.id, email: `${unique("jane").toLowerCase()}@example.com`, ...fields };
  const answer = await post(ledger, "/v1/referrals", body, { key });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

/** What a referral is shown as; `query` may begin with `?expand=`. */
export async function referral(ledger, id, query = "") {
  const answer = await get(ledger, `/v1/referrals/${id}${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** Changes a referral, twice: the second call is answered the same, and nothing comes of it. What the answer shows. */
export async function change(ledger, id, body) {
  const first = await put(ledger, id, body);
  assert.equal(first.status, 200, first.text);
  const lines = await select(ledger, "SELECT COUNT(*) AS lines FROM event");
  const second = await put(ledger, id, body);
  assert.deepEqual([second.status, second.json], [200, first.json]);
  assert.deepEqual(await select(ledger, "SELECT COUNT(*) AS lines FROM event"), lines);
  assert.deepEqual(await referral(ledger, id), first.json.data);
  return first.json.data;
}

/** A sale to a customer who is referred already; what its answer shows. */
export async function sell(ledger, names, fields = {}) {
  const body = { ...names, sale_amount: 100, external_event_id: unique("order"), ...fields };
  const answer = await post(ledger, "/v1/conversions", body);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

/** The sums of a referral. */
export const stats = async (ledger, id) => (await referral(ledger, id, "?include=stats")).stats;

/** The history of a referral. */
export async function timeline(ledger, id) {
  const answer = await get(ledger, `/v1/referrals/${id}/timeline`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** The commissions of a referral: what for, how much, where, whose; the oldest first. */
export async function commissions(ledger, id) {
  const sql =
    "SELECT kind, amount_minor, status, affiliate_id FROM commission WHERE referral_id = ? AND deleted_at IS NULL " +
    "ORDER BY created_at, level, id";
  const rows = await select(ledger, sql, id);
  return rows.map(({ kind, amount_minor, status, affiliate_id }) => [kind, amount_minor / 100, status, affiliate_id]);
}

/** The same without whose. */
export const standing = async (ledger, id) =>
  (await commissions(ledger, id)).map(([kind, amount, status]) => [kind, amount, status]);

/** What the referral's affiliate may keep by it, as its row adds up. */
export async function total(ledger, id) {
  const [row] = await select(ledger, "SELECT commission_total_minor AS minor FROM referral WHERE id = ?", id);
  return row.minor / 100;
}

/** What subscribers were to be told with the last line of a referral. */
export async function lastTold(ledger, id) {
  const [row] = await select(ledger, "SELECT messages FROM event WHERE subject = ? ORDER BY seq DESC LIMIT 1", id);
  return JSON.parse(row.messages);
}

/** Puts the ready commissions of an affiliate into a payout, as far as their rows go. */
export async function putInPayout(ledger, affiliate, status = "paid") {
  const sql = "UPDATE commission SET status = ?, payout_id = 'pay_1' WHERE affiliate_id = ? AND status = 'ready_for_payment'";
  await ledger.db.prepare(sql).bind(status, affiliate).run();
}
