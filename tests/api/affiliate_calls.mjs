// What the tests of affiliates and coupons share: making, changing and removing them, and what a sale earns.
import assert from "node:assert/strict";
import { get, post, unique } from "./calls.mjs";

/** Calls with the team's live key, or with another one. */
export const call = (ledger, method, path, body, { key = ledger.fixture.keys.live, headers } = {}) =>
  ledger.request(method, path, { key, body, headers });

export const put = (ledger, path, body, options) => call(ledger, "PUT", path, body, options);
export const patch = (ledger, path, body, options) => call(ledger, "PATCH", path, body, options);
export const remove = (ledger, path, options) => call(ledger, "DELETE", path, undefined, options);

/** Makes an affiliate; what the answer shows of them. */
export async function enrol(ledger, fields = {}, options) {
  const name = fields.name ?? unique("Partner");
  const body = { name, email: `${unique("partner")}@partners.example`, ...fields };
  const answer = await post(ledger, "/v1/affiliates", body, options);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

/** What an affiliate is shown as; `query` may begin with `?expand=`. */
export async function affiliate(ledger, id, query = "") {
  const answer = await get(ledger, `/v1/affiliates/${id}${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** Changes an affiliate; what the answer shows of them. */
export async function change(ledger, id, body) {
  const answer = await put(ledger, `/v1/affiliates/${id}`, body);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** A sale of 100.00 USD by a customer who is referred already; what it says of the commission. */
export async function sale(ledger, referral_id) {
  const body = { referral_id, sale_amount: 100, external_event_id: unique("order") };
  const answer = await post(ledger, "/v1/conversions", body);
  assert.equal(answer.status, 201, answer.text);
  const { commission_amount, reason, matched_incentive_id } = answer.json.data;
  return { commission_amount, reason, matched_incentive_id };
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

/** A 409 for what is taken, with its field. */
export function assertTaken(answer, field) {
  assert.equal(answer.status, 409, answer.text);
  assert.deepEqual([answer.json.error.code, answer.json.error.field], ["DUPLICATE_ERROR", field]);
}

/** A 404; with the field that named what there is not, if one did. */
export function assertUnknown(answer, field) {
  assert.equal(answer.status, 404, answer.text);
  assert.deepEqual([answer.json.error.code, answer.json.error.field], ["NOT_FOUND", field]);
}

/** A 403 for a test key where a live one is needed. */
export function assertLiveKeyNeeded(answer) {
  assert.equal(answer.status, 403, answer.text);
  assert.equal(answer.json.error.code, "FORBIDDEN");
  assert.match(answer.json.error.message, /live key/);
}
