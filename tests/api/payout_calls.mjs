// What the tests of payouts share: making and ending them, and what must hold of every row whatever has happened.
import assert from "node:assert/strict";
import { eventually, get, post, select } from "./calls.mjs";

/** Pays out what is ready; the payouts that came of it. */
export async function payOut(ledger, body, { status = 201, ...options } = {}) {
  const answer = await post(ledger, "/v1/payouts", body, options);
  assert.equal(answer.status, status, answer.text);
  return answer.json.data;
}

/** Says where a payout is. */
export const end = (ledger, id, body, { key = ledger.fixture.keys.live } = {}) =>
  ledger.request("PUT", `/v1/payouts/${id}`, { key, body: typeof body === "string" ? { status: body } : body });

/** Says where a payout is, and that it worked; what it shows of the payout. */
export async function ended(ledger, id, body, options) {
  const answer = await end(ledger, id, body, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** One payout, as it is shown. */
export async function payout(ledger, id, options) {
  const answer = await get(ledger, `/v1/payouts/${id}`, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** A list of payouts; `query` begins with `?`. */
export async function payouts(ledger, query = "", options) {
  const answer = await get(ledger, `/v1/payouts${query}`, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** How many commissions of the program and mode have each status: `{ paid: 2 }`. */
export async function statuses(ledger, isTest = 0) {
  const rows = await select(
    ledger,
    "SELECT status, COUNT(*) AS count FROM commission WHERE is_test = ? AND deleted_at IS NULL GROUP BY status",
    isTest,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

/** A 409 for a status that does not follow. */
export function assertNoTransition(answer) {
  assert.equal(answer.status, 409, answer.text);
  assert.deepEqual([answer.json.error.code, answer.json.error.field], ["INVALID_STATUS_TRANSITION", "status"]);
}

/**
 * What holds of all rows, by plain SQL:
 * - who is in a payout or was paid by one has its line there, with its amount, and is in no second one that stands;
 * - a payout that is at rest has told its end to every commission in it;
 * - a payout's version is the number of its lines in the ledger;
 * - none is left half way.
 */
export async function assertConsistent(ledger, { atWork = 0 } = {}) {
  const none = async (what, sql) => assert.deepEqual(await select(ledger, sql), [], what);
  const inPayout =
    "commission c JOIN payout_line l ON l.commission_id = c.id JOIN payout p ON p.id = l.payout_id " +
    "AND p.status NOT IN ('failed', 'cancelled') AND NOT (p.status = 'pending' AND p.work = 'settling')";
  await none("commissions in two payouts", `SELECT c.id FROM ${inPayout} GROUP BY c.id HAVING COUNT(*) > 1`);
  await none(
    "commissions without their line",
    "SELECT c.id FROM commission c WHERE c.payout_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payout_line l " +
      "WHERE l.payout_id = c.payout_id AND l.commission_id = c.id AND l.amount_minor = c.amount_minor " +
      "AND l.referral_id = c.referral_id)",
  );
  await none(
    "commissions of another affiliate, program or mode",
    `SELECT c.id FROM ${inPayout} WHERE c.program_id <> p.program_id OR c.is_test <> p.is_test ` +
      "OR c.affiliate_id <> p.affiliate_id OR c.currency <> p.currency",
  );
  await none(
    "ends that were not told",
    "SELECT c.id, c.status, p.status FROM commission c JOIN payout p ON p.id = c.payout_id WHERE p.work IS NULL AND " +
      "c.status <> CASE p.status WHEN 'completed' THEN 'paid' ELSE 'processing_payout' END",
  );
  await none(
    "payouts whose end freed nothing",
    "SELECT c.id FROM commission c JOIN payout p ON p.id = c.payout_id " +
      "WHERE p.work IS NULL AND p.status IN ('failed', 'cancelled')",
  );
  await none("lines of no payout", "SELECT * FROM payout_line WHERE payout_id NOT IN (SELECT id FROM payout)");
  await none(
    "versions without a line of the ledger",
    "SELECT p.id FROM payout p WHERE p.version <> (SELECT COUNT(*) FROM event e WHERE e.subject = p.id " +
      "AND e.seq BETWEEN 1 AND p.version AND e.is_test = p.is_test AND e.program_id = p.program_id)",
  );
  await none(
    "numbers given twice",
    "SELECT invoice_number FROM payout GROUP BY program_id, is_test, invoice_number HAVING COUNT(*) > 1",
  );
  const [{ count }] = await select(ledger, "SELECT COUNT(*) AS count FROM payout WHERE work IS NOT NULL");
  assert.equal(count, atWork, "payouts that are left half way");
}

/** Waits until the job has done what was left. A scheduler that was just loaded runs when it is spoken to. */
export async function jobDone(ledger) {
  await eventually(async () => {
    const { json } = await get(ledger, "/healthz", { key: null });
    assert.equal(json.payouts?.at_work, 0);
  }, 20_000);
}
