// What the tests of privacy share: a customer who leaves traces everywhere, all of them recognisable.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { IDENTITY_SECRET, emailHash, letters } from "../support/ledger.mjs";
import { addAffiliate, click, fromPage, post, refund } from "./calls.mjs";

/** A program's keyed hash of a visitor's network address, made here by hand: of IPv6 the first half counts. */
function ipHash(programId, ip) {
  const key = createHmac("sha256", IDENTITY_SECRET).update(`email:${programId}`).digest();
  return createHmac("sha256", key).update(`ip:${ip.replace("::1", "::")}`).digest("hex");
}

/** Somebody's names, each with a mark of its own, and what must be found nowhere once they are erased. */
export function somebody(ledger) {
  const mark = `zq${letters(12)}`.toLowerCase();
  const email = `${mark}@${mark}.example`;
  const group = () => (4096 + Math.floor(Math.random() * 60_000)).toString(16);
  const ip = `2001:db8:${group()}:${group()}::1`;
  const hashes = {
    "e-mail": emailHash(ledger.fixture.program.id, email),
    "network address": ipHash(ledger.fixture.program.id, ip),
  };
  const bytes = Object.entries(hashes).map(([name, hash]) => [`raw hash of the ${name}`, Buffer.from(hash, "hex")]);
  return {
    mark,
    email,
    ip,
    user: `user-${mark}`,
    customer: `cus-${mark}`,
    secrets: {
      mark,
      "network address": ip,
      ...Object.fromEntries(Object.entries(hashes).map(([name, hash]) => [`hash of the ${name}`, hash])),
      ...Object.fromEntries(bytes),
    },
  };
}

async function made(work, ...statuses) {
  const answer = await work;
  assert.ok(statuses.includes(answer.status), answer.text);
  return answer.json;
}

/**
 * Has somebody leave traces in every place that there is, in the mode of `key`: clicks with all their facts, a sign-up, an
 * alias, sales with everything that can be sent, refunds before and after their sale, milestones, an unattributed sale, a
 * test event, a referral that was rejected and one that was removed, and answers kept under keys that name them.
 *
 * @returns the referrals: the one that stands, and those that do not
 */
export async function leaveTraces(ledger, { mark, email, ip, user, customer }, { key } = {}) {
  const keyed = (name) => ({ key, headers: { "idempotency-key": `${name} ${mark}` } });
  const facts = { sub1: mark, sub2: mark, referrer: `https://${mark}.example/`, userAgent: `Mozilla ${mark}`, ip };
  const visit = () => click(ledger, { key, ...facts, utmSource: mark, gclid: mark });

  // Unknown as yet: a sale that is nobody's, and a refund of it that waits.
  const early = { external_user_id: user, sale_amount: 7, external_event_id: `early-${letters(8)}` };
  await made(post(ledger, "/v1/conversions", early, { key }), 404);
  const waiting = { amount: 3, reason: mark, allow_pending: true, external_event_id: `re-${letters(8)}` };
  await made(refund(ledger, early.external_event_id, waiting, keyed("waits")), 202);

  // A referral that is rejected, and one that is removed: their rows keep the names.
  const others = [];
  for (const end of ["rejected", "removed"]) {
    const id = await visit();
    await made(post(ledger, "/v1/signups", { click_id: id, external_user_id: user, email }, { key }), 201);
    const path = `/v1/referrals/${id}`;
    const body = end === "rejected" ? { status: "rejected" } : undefined;
    const method = end === "rejected" ? "PUT" : "DELETE";
    await made(ledger.request(method, path, { key: key ?? ledger.fixture.keys.live, body }), 200);
    others.push(id);
  }

  const referral = await visit();
  const signup = { click_id: referral, external_user_id: user, email, name: `Jane ${mark}` };
  await made(post(ledger, "/v1/signups", signup, keyed("signup")), 201);
  // A further click and a further name of the same person.
  const second = await visit();
  const alias = { click_id: second, external_user_id: `again-${mark}`, email };
  await made(post(ledger, "/v1/signups", alias, { key }), 200);
  const details = {
    referral_id: referral,
    customer_id: customer,
    sale_amount: 99,
    external_event_id: `order-${letters(8)}`,
    metadata: { note: mark },
  };
  await made(post(ledger, "/v1/conversions", details, keyed("sale")), 201);
  const part = { amount: 33, reason: `because of ${mark}`, external_event_id: `re-${letters(8)}` };
  await made(refund(ledger, details.external_event_id, part, keyed("refund")), 200);
  const milestone = { event_name: "kyc_passed", referral_id: referral, metadata: { note: mark } };
  await made(post(ledger, "/v1/events", milestone, keyed("event")), 201);
  const edited = { name: `Jane B. ${mark}`, metadata: { note: mark }, subscription_id: `sub-${mark}` };
  const put = { key: key ?? ledger.fixture.keys.live, body: edited };
  await made(ledger.request("PUT", `/v1/referrals/${referral}`, put), 200);
  const affiliate_id = await addAffiliate(ledger, { trackingId: `bob${letters(8)}` });
  const moved = { affiliate_id, reason: `${mark} is his customer`, unpaid_commissions: "keep" };
  await made(post(ledger, `/v1/referrals/${referral}/reassign`, moved, { key }), 200);
  const manual = { referral_id: referral, sale_amount: 80, commission_amount: 12, metadata: { note: mark } };
  await made(post(ledger, "/v1/commissions", manual, keyed("manual")), 201);

  const test = { customer_key: user, email, additional_data: { test_mode: true, note: mark } };
  const { program } = ledger.fixture;
  test.additional_data.program_id = program.number;
  await made(fromPage(ledger, "/api/v1/track/lead", test), 200);
  return { referral, others, second };
}

/** The same person through the other dialect, from a page: a claim with everything that a page sends. */
export async function claimFromPage(ledger, { mark, email, user }) {
  const visit = {
    affiliate_url: `https://shop.example/${mark}?aff=alice`,
    page_url: `https://shop.example/${mark}`,
    referrer_url: `https://${mark}.example/`,
    user_agent: `Mozilla ${mark}`,
    additional_data: { note: mark },
  };
  const { click_id } = await made(fromPage(ledger, "/api/v1/track/click", visit, { "user-agent": `Mozilla ${mark}` }), 200);
  const lead = { click_id, customer_key: user, email, name: mark, additional_data: { note: mark } };
  await made(fromPage(ledger, "/api/v1/track/lead", lead), 200);
  return click_id;
}
