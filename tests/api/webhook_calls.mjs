// What the tests of webhooks share: an endpoint, what it is told, its log.
import assert from "node:assert/strict";
import { startLedger } from "../support/ledger.mjs";
import { get, post, unique } from "./calls.mjs";

/** A ledger whose webhooks may go to this machine. */
export const startTelling = (t, options = {}) =>
  startLedger(t, { ...options, vars: { WEBHOOK_ALLOW_LOOPBACK: "1", ...options.vars } });

/** Makes an endpoint; what the API says of it, its secret included. */
export async function subscribe(ledger, url, { key, ...fields } = {}) {
  const answer = await post(ledger, "/v1/webhooks", { url, ...fields }, { key });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

/** Records a referral, which is one line with one `referral.lead`; its id. */
export async function lead(ledger, { key } = {}) {
  const email = `${unique("customer")}@example.com`.toLowerCase();
  const answer = await post(ledger, "/v1/referrals", { affiliate_id: ledger.fixture.affiliate.id, email }, { key });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data.id;
}

/** A line as a commit leaves it, without the wake that follows one. */
export async function commitSilently(ledger, referralId, seq) {
  const messages = JSON.stringify([{ type: "referral.updated", data: { referralId, status: "LEAD" } }]);
  await ledger.db
    .prepare(
      "INSERT INTO event (subject, seq, team_id, program_id, is_test, kind, reason, detail, messages, actor, " +
        "request_id, rules_version, at) SELECT subject, ?, team_id, program_id, is_test, kind, reason, detail, ?, " +
        "actor, request_id, rules_version, at FROM event WHERE subject = ? LIMIT 1",
    )
    .bind(seq, messages, referralId)
    .run();
}

/** The log of an endpoint, newest first. */
export async function deliveries(ledger, id, query = "") {
  const answer = await get(ledger, `/v1/webhooks/${id}/deliveries${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** Changes an endpoint. */
export const put = (ledger, id, body, { key = ledger.fixture.keys.live } = {}) =>
  ledger.request("PUT", `/v1/webhooks/${id}`, { key, body });

/** Asks for something that needs no body. */
export const act = (ledger, path, { key = ledger.fixture.keys.live, method = "POST" } = {}) =>
  ledger.request(method, `/v1/webhooks/${path}`, { key });
