// What the tests of commissions and conversions share: calls, a team of recruiters, and what is shown.
import assert from "node:assert/strict";
import { letters } from "../support/ledger.mjs";
import { addAffiliate, get, post, select, signedUp, unique } from "./calls.mjs";

/** Changes something with the team's live key, or with another one. */
export const put = (ledger, path, body, { key = ledger.fixture.keys.live, headers } = {}) =>
  ledger.request("PUT", path, { key, body, headers });

/** Removes something. */
export const remove = (ledger, path, { key = ledger.fixture.keys.live } = {}) =>
  ledger.request("DELETE", path, { key });

/** What a GET shows. */
export async function shown(ledger, path, options) {
  const answer = await get(ledger, path, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

export const commission = (ledger, id, query = "") => shown(ledger, `/v1/commissions/${id}${query}`);
export const conversion = (ledger, id, query = "") => shown(ledger, `/v1/conversions/${id}${query}`);

/** A list with its pagination. */
export async function list(ledger, path, options) {
  const answer = await get(ledger, path, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

/** Sells to a referred customer; what the answer shows. */
export async function sell(ledger, referral_id, fields = {}, options) {
  const body = { referral_id, sale_amount: 100, external_event_id: unique("order"), ...fields };
  const answer = await post(ledger, "/v1/conversions", body, options);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

/** A new customer's referral. */
export const customer = (ledger, options) => signedUp(ledger, unique("user"), options);

/** The owner names a commission: 12.00 of a sale of 80.00, unless `fields` say otherwise. */
export const name = (ledger, fields, options) =>
  post(ledger, "/v1/commissions", { sale_amount: 80, commission_amount: 12, ...fields }, options);

/** The same, which must be taken; what the answer shows. */
export async function named(ledger, fields, options) {
  const answer = await name(ledger, fields, options);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

/** Changes a commission; what the answer shows, which is also what it is shown as afterwards. */
export async function change(ledger, id, body) {
  const answer = await put(ledger, `/v1/commissions/${id}`, body);
  assert.equal(answer.status, 200, answer.text);
  const { data } = answer.json;
  assert.deepEqual(await commission(ledger, data.id), data);
  return data;
}

/** A 400 that names this field, and no other. */
export function assertRefused(answer, field) {
  assert.equal(answer.status, 400, answer.text);
  assert.equal(answer.json.error.code, "VALIDATION_ERROR");
  assert.deepEqual(
    answer.json.error.details.map((problem) => problem.field),
    [field],
    answer.text,
  );
}

/** A 404. */
export function assertUnknown(answer) {
  assert.equal(answer.status, 404, answer.text);
  assert.equal(answer.json.error.code, "NOT_FOUND");
}

/** A 409 with this code. */
export function assertConflict(answer, code, field) {
  assert.equal(answer.status, 409, answer.text);
  assert.deepEqual([answer.json.error.code, answer.json.error.field], [code, field]);
}

/**
 * Two who recruited: Carol the affiliate that every ledger has, and Dave Carol. Level 1 is a tenth of the commission,
 * level 2 five hundredths of the sale. Before anything else is called; their ids.
 */
export async function withRecruiters(ledger) {
  const { affiliate, group, program, team } = ledger.fixture;
  const carol = await addAffiliate(ledger, { trackingId: "carol" });
  const dave = await addAffiliate(ledger, { trackingId: "dave" });
  const recruited = ledger.db.prepare("UPDATE affiliate SET recruited_by = ? WHERE id = ?");
  const level = ledger.db.prepare(
    "INSERT INTO level (id, team_id, program_id, group_id, position, base, rate_ppm, created_at) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
  );
  const owner = [team.id, program.id, group.id];
  await ledger.db.batch([
    recruited.bind(carol, affiliate.id),
    recruited.bind(dave, carol),
    level.bind(`lvl_${letters(22)}`, ...owner, 1, "commission", 100_000),
    level.bind(`lvl_${letters(22)}`, ...owner, 2, "sale", 50_000),
  ]);
  return { carol, dave };
}

/** What the commissions of a sale's customer add up to, as caps count it. */
export async function counted(ledger, referral) {
  const [row] = await select(ledger, "SELECT commission_total_minor AS minor FROM referral WHERE id = ?", referral);
  return row.minor / 100;
}

/** The kinds and reasons of a referral's lines, in order. */
export async function lines(ledger, referral) {
  const timeline = await shown(ledger, `/v1/referrals/${referral}/timeline`);
  return timeline.map(({ event, reason }) => `${event}: ${reason}`);
}

/** The types of all that subscribers are told, in order. */
export async function told(ledger) {
  const rows = await select(ledger, "SELECT messages FROM event ORDER BY position");
  return rows.flatMap(({ messages }) => JSON.parse(messages)).map(({ type }) => type);
}
