// Every POST of the ledger in both dialects, as it is made with an Idempotency-Key: one table for all tests of that.
import assert from "node:assert/strict";
import { addAffiliate, click, contents, fromPage, latestClicks, post, signedUp, unique } from "./calls.mjs";

const link = (owner) => `https://shop.example/?aff=${owner.affiliate.trackingId}`;
const of = (owner) => ({ key: owner.keys.live, trackingId: owner.affiliate.trackingId });

/** A sale of 99.00 by a new customer of this owner; its external_event_id. */
async function saleOf(ledger, owner) {
  const external_event_id = unique("order");
  const body = { referral_id: await signedUp(ledger, unique("user"), of(owner)), sale_amount: 99, external_event_id };
  const answer = await post(ledger, "/v1/conversions", body, of(owner));
  assert.equal(answer.status, 201, answer.text);
  return external_event_id;
}

/**
 * `path` and `by`: the route and who calls it, with a key or from a page; `status` of success; `prepare`: what the call
 * needs (a body, or `{ path, body }`); `other`: another body that would be taken as well; `refused`: a call whose cause
 * of refusal `remedy` takes away.
 */
export const KEYED_CALLS = [
  {
    name: "a click, by a backend",
    path: "/v1/clicks",
    by: "live",
    status: 201,
    prepare: async (_, owner) => ({ trackingId: owner.affiliate.trackingId, sub1: "spring" }),
    other: (body) => ({ ...body, sub1: "autumn" }),
    refused: async () => ({ status: 404, body: { trackingId: "carol" } }),
    remedy: (ledger) => addAffiliate(ledger, { trackingId: "carol" }),
  },
  {
    name: "a sign-up",
    path: "/v1/signups",
    by: "live",
    status: 201,
    prepare: async (ledger, owner) => ({ click_id: await click(ledger, of(owner)), external_user_id: unique("user") }),
    other: (body) => ({ ...body, external_user_id: unique("user") }),
  },
  {
    name: "a conversion",
    path: "/v1/conversions",
    by: "live",
    status: 201,
    // Without a natural key only the header tells a repeat from a second sale.
    prepare: async (ledger, owner) => ({
      referral_id: await signedUp(ledger, unique("user"), of(owner)),
      sale_amount: 99,
    }),
    other: (body) => ({ ...body, sale_amount: 98 }),
    refused: async () => ({ status: 404, body: { external_user_id: "late", sale_amount: 99 } }),
    remedy: (ledger) => signedUp(ledger, "late"),
  },
  {
    name: "a commission that its owner names",
    path: "/v1/commissions",
    by: "live",
    status: 201,
    prepare: async (ledger, owner) => ({
      referral_id: await signedUp(ledger, unique("user"), of(owner)),
      sale_amount: 80,
      commission_amount: 12,
    }),
    other: (body) => ({ ...body, commission_amount: 13 }),
  },
  {
    name: "a referral",
    path: "/v1/referrals",
    by: "live",
    status: 201,
    prepare: async (_, owner) => ({ affiliate_id: owner.affiliate.id, email: `${unique("jane")}@example.com` }),
    other: (body) => ({ ...body, email: `${unique("jane")}@example.com` }),
  },
  {
    name: "a reassignment",
    path: "/v1/referrals/{id}/reassign",
    by: "live",
    status: 200,
    prepare: async (ledger, owner) => ({
      path: `/v1/referrals/${await signedUp(ledger, unique("user"), of(owner))}/reassign`,
      body: { affiliate_id: await addAffiliate(ledger, { trackingId: unique("bob"), owner }), reason: "his customer" },
    }),
    other: (body) => ({ ...body, reason: "his customer after all" }),
  },
  {
    name: "an event",
    path: "/v1/events",
    by: "live",
    status: 201,
    prepare: async (ledger, owner) => ({
      referral_id: await signedUp(ledger, unique("user"), of(owner)),
      event_name: "kyc_passed",
    }),
    other: (body) => ({ ...body, event_name: "kyc_failed" }),
    refused: async () => ({ status: 404, body: { external_user_id: "late", event_name: "kyc_passed" } }),
    remedy: (ledger) => signedUp(ledger, "late"),
  },
  {
    name: "a refund",
    path: "/v1/conversions/{id}/refund",
    by: "live",
    status: 200,
    prepare: async (ledger, owner) => ({
      path: `/v1/conversions/${await saleOf(ledger, owner)}/refund`,
      body: { amount: 10 },
    }),
    other: (body) => ({ ...body, amount: 11 }),
    refused: async () => ({ status: 404, path: "/v1/conversions/order_late/refund", body: { amount: 10 } }),
    remedy: async (ledger) => {
      const referral_id = await signedUp(ledger, unique("user"));
      await post(ledger, "/v1/conversions", { referral_id, sale_amount: 99, external_event_id: "order_late" });
    },
  },
  {
    name: "a click, from a page",
    path: "/api/v1/track/click",
    by: "page",
    status: 200,
    prepare: async (_, owner) => ({ affiliate_url: link(owner), page_title: "Spring" }),
    other: (body) => ({ ...body, page_title: "Autumn" }),
    refused: async () => ({ status: 400, body: { affiliate_url: "https://shop.example/?aff=carol" } }),
    remedy: (ledger) => addAffiliate(ledger, { trackingId: "carol" }),
  },
  {
    name: "a click, with a token",
    path: "/api/v1/track/click",
    by: "token",
    status: 200,
    prepare: async (_, owner) => ({ affiliate_url: link(owner), page_title: "Spring" }),
    other: (body) => ({ ...body, page_title: "Autumn" }),
    refused: async () => ({ status: 400, body: { affiliate_url: "https://shop.example/?aff=carol" } }),
    remedy: (ledger) => addAffiliate(ledger, { trackingId: "carol" }),
  },
  {
    name: "a lead, from a page",
    path: "/api/v1/track/lead",
    by: "page",
    status: 200,
    prepare: async (ledger, owner) => ({ click_id: await click(ledger, of(owner)), customer_key: unique("user") }),
    other: (body) => ({ ...body, customer_key: unique("user") }),
  },
  {
    name: "a lead, with a token",
    path: "/api/v1/track/lead",
    by: "token",
    status: 200,
    prepare: async (ledger, owner) => ({ click_id: await click(ledger, of(owner)), customer_key: unique("user") }),
    other: (body) => ({ ...body, customer_key: unique("user") }),
    refused: async () => ({ status: 400, body: { customer_key: "late" } }),
    remedy: (ledger) => signedUp(ledger, "late"),
  },
  {
    name: "a tracked sale",
    path: "/api/v1/track/sale",
    by: "token",
    status: 200,
    prepare: async (ledger, owner) => ({
      transaction_id: unique("txn"),
      amount_cents: 4900,
      click_id: await signedUp(ledger, unique("user"), of(owner)),
    }),
    other: (body) => ({ ...body, transaction_id: unique("txn") }),
    refused: async () => ({
      status: 400,
      body: { transaction_id: "txn_late", amount_cents: 4900, customer_key: "late" },
    }),
    remedy: (ledger) => signedUp(ledger, "late"),
  },
  {
    name: "a tracked refund",
    path: "/api/v1/track/refund",
    by: "token",
    status: 200,
    prepare: async (ledger, owner) => ({ transaction_id: await saleOf(ledger, owner), refund_amount_cents: 1000 }),
    other: (body) => ({ ...body, refund_amount_cents: 1100 }),
    refused: async () => ({ status: 404, body: { transaction_id: "txn_late", refund_amount_cents: 1000 } }),
    remedy: async (ledger) => {
      const click_id = await signedUp(ledger, unique("user"));
      const body = { transaction_id: "txn_late", amount_cents: 4900, click_id };
      await post(ledger, "/api/v1/track/sale", body, { key: ledger.fixture.keys.token });
    },
  },
];

/** What the call of the table needs, made ready: `{ path, body }`. */
export async function prepared(ledger, call, owner = ledger.fixture) {
  const made = await call.prepare(ledger, owner);
  return made.path === undefined ? { path: call.path, body: made } : made;
}

/** Makes a call of the table with this Idempotency-Key (undefined: none). */
export function send(ledger, call, { path = call.path, body }, value, owner = ledger.fixture) {
  const headers = value === undefined ? {} : { "idempotency-key": value };
  if (call.by === "page") return fromPage(ledger, path, body, headers);
  return post(ledger, path, body, { key: owner.keys[call.by], headers });
}

/** Everything that the ledger knows: rows, and the ids of clicks. */
export async function known(ledger) {
  const clicks = await latestClicks(ledger);
  return { ...(await contents(ledger)), clicks: clicks.map(({ id }) => id).sort() };
}

/** How much there is of everything in it. */
export const amounts = (all) => Object.fromEntries(Object.entries(all).map(([what, rows]) => [what, rows.length]));

export const isReplay = ({ headers }) => headers.get("idempotent-replayed") === "true";

/** An answer that is the first of its key. */
export function assertFirst(answer, status) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.headers.get("idempotent-replayed"), null);
}

/** The same answer again, and it says that it is. */
export function assertReplay(answer, first) {
  assert.deepEqual([answer.status, answer.text], [first.status, first.text]);
  assert.equal(answer.headers.get("idempotent-replayed"), "true");
}
