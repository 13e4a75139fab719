// The routes of both dialects, by the documents: what each takes, and how it says that something is wrong.
import assert from "node:assert/strict";
import { PROGRAM_ACTION_ROUTES, PROGRAM_BODY_ROUTES, PROGRAM_READ_ROUTES } from "./program_routes.mjs";

const text = "a text";
const list = "a list of texts";
const oneOrSeveral = "a text or a list of texts";
const number = "a number";
const boolean = "true or false";
const object = "an object";
const reference = "a number or a text";

const texts = (...names) => Object.fromEntries(names.map((name) => [name, text]));

/** One value of every wrong type for each kind of field. `null` is an absent field everywhere. */
export const WRONG = {
  [text]: [5, 1.5, true, ["x"], { x: "x" }],
  [list]: ["x", 5, true, { x: "x" }, [5], [null]],
  [number]: ["99", true, [99], { x: 99 }],
  [oneOrSeveral]: [5, 1.5, true, { x: "x" }, [5], [null]],
  [boolean]: ["true", 1, [true], { x: true }],
  [object]: ["x", 5, true, ["x"]],
  [reference]: [true, ["x"], { x: "x" }],
};

const additional_data = object;

const affiliateFields = {
  ...texts("name", "email", "group_id", "recruited_by", "company_name", "country_code", "payout_method"),
  external_user_id: text,
  onboarding_completed: boolean,
  payout_details: object,
  metadata: object,
};

const overrideFields = {
  ...texts("name", "apply_to", "approval_type", "incentive_length"),
  amount: number,
  is_percentage: boolean,
  product_ids: list,
  hold_period_days: number,
  length_value: number,
  cap: number,
};

/**
 * Every route with a JSON body (POST, unless it says otherwise; the only method of its path, likewise): a body that only
 * lacks what the route looks up, the fields that are published, and whether it works without any: `emptyIs` is what it
 * answers then, unless that is a 404.
 */
export const BODY_ROUTES = [
  {
    path: "/v1/clicks",
    key: "live",
    body: { trackingId: "alice" },
    fields: texts(
      ...["programId", "trackingId", "sub1", "sub2", "sub3", "sub4", "sub5", "referrer", "ip", "userAgent"],
      ...["utmSource", "utmMedium", "utmCampaign", "utmTerm", "utmContent"],
      ...["gclid", "fbclid", "msclkid", "ttclid", "createdAt", "country"],
    ),
  },
  {
    path: "/v1/signups",
    key: "live",
    body: { click_id: "ref_none", external_user_id: "user_1" },
    fields: texts("click_id", "email", "external_user_id", "name"),
  },
  {
    path: "/v1/conversions",
    allow: "GET, POST",
    key: "live",
    body: { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" },
    fields: {
      ...texts("referral_id", "customer_id", "external_user_id", "click_id", "external_event_id"),
      ...texts("sale_amount_currency", "interval", "status", "sales_status", "created_at"),
      sale_amount: number,
      product_ids: list,
      price_ids: list,
      is_subscription: boolean,
      metadata: object,
      dry_run: boolean,
    },
  },
  {
    path: "/v1/conversions/conv_none",
    key: "live",
    method: "PUT",
    allow: "GET, PUT",
    body: { sales_status: "complete" },
    fields: { sales_status: text },
  },
  {
    path: "/v1/commissions",
    key: "live",
    allow: "GET, POST",
    body: { referral_id: "ref_none", sale_amount: 80, commission_amount: 12 },
    fields: {
      ...texts("referral_id", "sale_amount_currency", "commission_currency", "status", "sales_status"),
      ...texts("payment_intent_id", "created_at"),
      sale_amount: number,
      commission_amount: number,
      hold_period_days: number,
      is_subscription: boolean,
      metadata: object,
    },
  },
  {
    path: "/v1/commissions/com_none",
    key: "live",
    method: "PUT",
    allow: "GET, PUT, DELETE",
    body: { status: "declined" },
    fields: {
      ...texts("status", "sales_status", "sale_amount_currency", "commission_currency"),
      sale_amount: number,
      commission_amount: number,
      hold_period_days: number,
    },
  },
  {
    path: "/v1/conversions/conv_none/refund",
    key: "live",
    mayBeEmpty: true,
    body: { reason: "requested" },
    fields: {
      ...texts("currency", "reason", "external_event_id", "refunded_at"),
      amount: number,
      allow_pending: boolean,
    },
  },
  {
    path: "/v1/referrals",
    allow: "GET, POST",
    key: "live",
    body: { affiliate_id: "aff_none", email: "jane@example.com" },
    fields: {
      ...texts("affiliate_id", "email", "customer_id", "subscription_id", "click_id", "status", "created_at", "name"),
      metadata: object,
    },
  },
  {
    path: "/v1/referrals/ref_none",
    key: "live",
    method: "PUT",
    allow: "GET, PUT, DELETE",
    body: { name: "Jane" },
    fields: {
      ...texts("email", "external_user_id", "customer_id", "subscription_id", "status", "name"),
      metadata: object,
    },
  },
  {
    path: "/v1/referrals/ref_none/reassign",
    key: "live",
    body: { affiliate_id: "aff_none", reason: "his customer" },
    fields: texts("affiliate_id", "reason", "unpaid_commissions"),
  },
  {
    path: "/v1/events",
    allow: "GET, POST",
    key: "live",
    body: {
      event_name: "invoice_paid",
      event_type: "conversion",
      external_user_id: "user_1",
      sale_amount: 99,
      sale_amount_currency: "USD",
      external_event_id: "order_1",
    },
    fields: {
      ...texts("event_name", "event_type", "referral_id", "customer_id", "external_user_id", "click_id"),
      ...texts("external_event_id", "occurred_at", "sale_amount_currency", "interval"),
      sale_amount: number,
      product_ids: list,
      price_ids: list,
      is_subscription: boolean,
      metadata: object,
    },
  },
  ...["export", "erase"].map((path) => ({
    path: `/v1/customers/${path}`,
    key: "live",
    body: { external_user_id: "user_none" },
    fields: texts("external_user_id", "customer_id", "email"),
  })),
  {
    path: "/v1/affiliates",
    key: "live",
    allow: "GET, POST",
    body: { name: "Jane", email: "jane@partners.example", group_id: "grp_none" },
    fields: { ...affiliateFields, ...texts("program_id", "tracking_id") },
  },
  {
    path: "/v1/affiliates/aff_none",
    key: "live",
    method: "PUT",
    allow: "GET, PUT, DELETE",
    body: { name: "Jane" },
    fields: { ...affiliateFields, status: text },
  },
  {
    path: "/v1/affiliates/aff_none/overrides",
    key: "live",
    allow: "GET, POST",
    body: { name: "Own", amount: 40, is_percentage: true, apply_to: "all_plans" },
    fields: overrideFields,
  },
  ...["PATCH", "PUT"].map((method) => ({
    path: "/v1/affiliates/aff_none/overrides/inc_none",
    key: "live",
    method,
    allow: "GET, PATCH, PUT, DELETE",
    body: { amount: 40 },
    fields: overrideFields,
  })),
  {
    path: "/v1/coupons",
    key: "live",
    allow: "GET, POST",
    body: {
      affiliate_id: "aff_none",
      code: "SAVE25",
      discount_type: "percentage",
      discount_value: 25,
      duration: "forever",
    },
    fields: {
      ...texts("affiliate_id", "code", "discount_type", "duration", "currency"),
      discount_value: number,
      duration_in_months: number,
      product_ids: list,
    },
  },
  {
    path: "/v1/keys",
    key: "live",
    allow: "GET, POST",
    body: { name: "Shop" },
    fields: { ...texts("name", "form", "expires_at"), scopes: list },
  },
  {
    path: "/v1/keys/key_none/rotate",
    key: "live",
    mayBeEmpty: true,
    body: { overlap_hours: 48 },
    fields: { overlap_hours: number },
  },
  {
    path: "/v1/webhooks",
    key: "live",
    allow: "GET, POST",
    body: { url: "https://hooks.example.com/clickledger" },
    fields: { ...texts("url", "description"), events: list },
  },
  {
    path: "/v1/webhooks/whe_none",
    key: "live",
    method: "PUT",
    allow: "GET, PUT, DELETE",
    body: { url: "https://hooks.example.com/clickledger" },
    fields: { ...texts("url", "description"), events: list, enabled: boolean },
  },
  {
    path: "/v1/payouts",
    key: "live",
    allow: "GET, POST",
    mayBeEmpty: true,
    emptyIs: 200,
    body: { affiliate_id: "aff_none" },
    fields: texts("affiliate_id", "payment_method"),
  },
  {
    path: "/v1/payouts/pay_none",
    key: "live",
    method: "PUT",
    allow: "GET, PUT",
    body: { status: "completed" },
    fields: texts("status", "paymentMethod", "paymentReference"),
  },
  {
    path: "/v1/rates/2026-01-31",
    key: "live",
    method: "PUT",
    allow: "GET, PUT",
    body: { rates: { VND: 29000.5 } },
    fields: { base: text, rates: object },
  },
  ...PROGRAM_BODY_ROUTES,
  {
    path: "/api/v1/track/click",
    body: { affiliate_url: "https://shop.example/?aff=alice" },
    fields: {
      ...texts("affiliate_url", "page_url", "page_title", "referrer_url", "session_id", "user_agent"),
      ...texts("screen_resolution", "viewport_size", "language", "timezone", "existing_click_id"),
      ...texts("event_id", "cookie_domain", "landing"),
      program_id: reference,
      additional_data,
    },
  },
  {
    path: "/api/v1/track/lead",
    body: { click_id: "ref_none", customer_key: "user_1" },
    fields: { ...texts("click_id", "customer_key", "email", "name"), program_id: reference, additional_data },
  },
  {
    path: "/api/v1/track/sale",
    key: "token",
    body: { transaction_id: "txn_1", amount_cents: 4900, customer_key: "user_1" },
    fields: {
      ...texts("transaction_id", "customer_key", "click_id", "currency", "sale_type"),
      ...texts("subscription_id", "subscription_interval", "product_id"),
      amount_cents: number,
      is_recurring: boolean,
      additional_data,
    },
  },
  {
    path: "/api/v1/track/refund",
    key: "token",
    body: { transaction_id: "txn_none" },
    fields: {
      ...texts("transaction_id", "refund_reason"),
      refund_amount_cents: number,
      allow_pending: boolean,
      additional_data,
    },
  },
  {
    path: "/api/v1/cli/test-event",
    key: "token",
    body: { event_type: "lead" },
    fields: { type: text, event_type: text, program_id: reference },
  },
];

/** Routes that only read. */
export const READ_ROUTES = [
  { path: "/v1/conversions", key: "live", allow: "GET, POST" },
  { path: "/v1/conversions/unattributed", key: "live" },
  { path: "/v1/conversions/conv_none", key: "live", allow: "GET, PUT" },
  { path: "/v1/conversions/conv_none/explain", key: "live" },
  { path: "/v1/commissions", key: "live", allow: "GET, POST" },
  { path: "/v1/commissions/com_none", key: "live", allow: "GET, PUT, DELETE" },
  { path: "/v1/refunds/pending", key: "live" },
  { path: "/v1/events", key: "live", allow: "GET, POST" },
  { path: "/v1/referrals", key: "live", allow: "GET, POST" },
  { path: "/v1/referrals/ref_none", key: "live", allow: "GET, PUT, DELETE" },
  { path: "/v1/referrals/ref_none/timeline", key: "live" },
  { path: "/v1/payouts", key: "live", allow: "GET, POST" },
  { path: "/v1/payouts/pay_none", key: "live", allow: "GET, PUT" },
  { path: "/v1/commissions/summary", key: "live" },
  { path: "/v1/affiliates", key: "live", allow: "GET, POST" },
  { path: "/v1/affiliates/aff_none", key: "live", allow: "GET, PUT, DELETE" },
  { path: "/v1/affiliates/aff_none/overrides", key: "live", allow: "GET, POST" },
  { path: "/v1/affiliates/aff_none/overrides/inc_none", key: "live", allow: "GET, PATCH, PUT, DELETE" },
  { path: "/v1/coupons", key: "live", allow: "GET, POST" },
  { path: "/v1/coupons/cpn_none", key: "live", allow: "GET, DELETE" },
  { path: "/v1/rates", key: "live" },
  { path: "/v1/rates/missing", key: "live" },
  { path: "/v1/rates/2026-01-31", key: "live", allow: "GET, PUT" },
  { path: "/v1/keys", key: "live", allow: "GET, POST" },
  { path: "/v1/keys/key_none", key: "live", allow: "GET, DELETE" },
  { path: "/v1/webhooks", key: "live", allow: "GET, POST" },
  { path: "/v1/webhooks/whe_none", key: "live", allow: "GET, PUT, DELETE" },
  { path: "/v1/webhooks/whe_none/deliveries", key: "live" },
  ...PROGRAM_READ_ROUTES,
  { path: "/api/v1/programs/me/readiness", key: "token" },
  { path: "/dashboard/overview", key: "live" },
  { path: "/healthz" },
  { path: "/metrics" },
];

/** Routes that do something and take no body. */
export const ACTION_ROUTES = [
  { path: "/v1/commissions/com_none", key: "live", method: "DELETE", allow: "GET, PUT, DELETE" },
  { path: "/v1/referrals/ref_none", key: "live", method: "DELETE", allow: "GET, PUT, DELETE" },
  { path: "/v1/affiliates/aff_none", key: "live", method: "DELETE", allow: "GET, PUT, DELETE" },
  {
    path: "/v1/affiliates/aff_none/overrides/inc_none",
    key: "live",
    method: "DELETE",
    allow: "GET, PATCH, PUT, DELETE",
  },
  { path: "/v1/coupons/cpn_none", key: "live", method: "DELETE", allow: "GET, DELETE" },
  { path: "/v1/keys/key_none", key: "live", method: "DELETE", allow: "GET, DELETE" },
  { path: "/v1/webhooks/whe_none", key: "live", method: "DELETE", allow: "GET, PUT, DELETE" },
  { path: "/v1/webhooks/whe_none/rotate-secret", key: "live" },
  { path: "/v1/webhooks/whe_none/ping", key: "live" },
  { path: "/v1/webhooks/whe_none/deliveries/evt_none/replay", key: "live" },
  { path: "/v1/webhooks/whe_none/replay-failed", key: "live" },
  ...PROGRAM_ACTION_ROUTES,
];

/** Every route with the method that it is called by, and all that its path takes. */
export const ROUTES = [
  ...[...BODY_ROUTES, ...ACTION_ROUTES].map((route) => ({ method: "POST", allow: "POST", ...route })),
  ...READ_ROUTES.map((route) => ({ method: "GET", allow: "GET", ...route })),
];

export const isAffitor = (path) => path === "/api" || path.startsWith("/api/");

/** The key of a route, out of a team's keys; `undefined` for an open one. */
export const keyOf = (ledger, route) => (route.key === undefined ? undefined : ledger.fixture.keys[route.key]);

/** An answer in the error form of its dialect, and no other form; what it says. */
export function assertError(path, answer, status, code) {
  const shown = `${path}: ${answer.status} ${answer.text}`;
  assert.equal(answer.status, status, shown);
  assert.match(answer.headers.get("content-type") ?? "", /^application\/json/, shown);
  assert.match(answer.headers.get("x-request-id") ?? "", /^req_\w{22}$/, shown);
  if (isAffitor(path)) {
    assert.deepEqual(Object.keys(answer.json), ["error"], shown);
    assert.equal(typeof answer.json.error, "string", shown);
    return { message: answer.json.error, names: (field) => answer.json.error.includes(field) };
  }
  const { success, error, ...more } = answer.json;
  assert.deepEqual(more, {}, shown);
  assert.equal(success, false, shown);
  if (code !== undefined) assert.equal(error.code, code, shown);
  assert.equal(typeof error.message, "string", shown);
  return { message: error.message, names: (field) => (error.field ?? "").startsWith(field) };
}
