// A walk over every operation of the API: each is called well once, and each body that is taken is one that the OpenAPI
// document describes. That the answers are described is seen to by the ledger of the tests (support/ledger.mjs).
import assert from "node:assert/strict";
import { assertBodyDescribed } from "../support/openapi.mjs";
import { addAffiliate, click, get, signedUp, unique } from "./calls.mjs";
import { TEST_SECRET, deliver, event, session } from "./stripe_calls.mjs";

/** Opens the service's figures, on a ledger that has it. */
export const METRICS_TOKEN = "a token for the monitor, and only for it";

/** Makes a call that must be answered with this status; what it answers. */
async function call(ledger, method, path, status, body, { key = ledger.fixture.keys.live, headers } = {}) {
  const answer = await ledger.request(method, path, { key: key ?? undefined, body, headers });
  assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
  if (body !== undefined) assertBodyDescribed(method, path, body);
  return answer;
}

const data = async (...args) => (await call(...args)).json.data;

/** The list, one, a change of one that is sent twice, and its expansions. */
async function read(ledger, list, one, expansions) {
  await call(ledger, "GET", list, 200);
  await call(ledger, "GET", one, 200);
  if (expansions === undefined) return;
  await call(ledger, "GET", `${list}?expand=${expansions}`, 200);
  await call(ledger, "GET", `${one}?expand=${expansions}`, 200);
}

async function twice(ledger, method, path, body) {
  await call(ledger, method, path, 200, body);
  await call(ledger, method, path, 200, body);
}

async function customers(ledger) {
  const { affiliate } = ledger.fixture;
  const from = { referrer: "https://blog.example/", userAgent: "Mozilla/5.0", utmSource: "mail" };
  const clicked = await data(ledger, "POST", "/v1/clicks", 201, { trackingId: "alice", sub1: "spring", ...from });
  await call(ledger, "POST", "/v1/clicks", 200, { trackingId: "alice", userAgent: "Googlebot/2.1" });
  const signup = { click_id: clicked.id, external_user_id: unique("user"), email: "jane@example.com", name: "Jane" };
  await call(ledger, "POST", "/v1/signups", 201, signup);
  await call(ledger, "POST", "/v1/signups", 200, signup);
  const created = { affiliate_id: affiliate.id, email: "joe@example.com", metadata: { plan: "pro" }, status: "trialing" };
  const joe = await data(ledger, "POST", "/v1/referrals", 201, created);
  await read(ledger, "/v1/referrals", `/v1/referrals/${joe.id}`, "affiliate");
  await call(ledger, "GET", `/v1/referrals/${joe.id}?include=stats`, 200);
  await twice(ledger, "PUT", `/v1/referrals/${joe.id}`, { status: "active", customer_id: "cus_1", name: null });
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  const moved = { affiliate_id: bob, reason: "his customer", unpaid_commissions: "move" };
  await twice(ledger, "POST", `/v1/referrals/${joe.id}/reassign`, moved);
  await call(ledger, "GET", `/v1/referrals/${joe.id}/timeline`, 200);
  const passed = { event_name: "kyc_passed", referral_id: joe.id, external_event_id: "kyc_1" };
  await call(ledger, "POST", "/v1/events", 201, passed);
  await call(ledger, "POST", "/v1/events", 200, passed);
  const trial = { event_type: "trial", click_id: await click(ledger), external_user_id: unique("user") };
  await call(ledger, "POST", "/v1/events", 201, { event_name: "trial_started", ...trial });
  const sale = { sale_amount: 10, sale_amount_currency: "USD" };
  const paid = { event_name: "paid", event_type: "conversion", referral_id: joe.id, ...sale };
  await call(ledger, "POST", "/v1/events", 200, { ...paid, external_event_id: "paid_1", dry_run: true });
  await call(ledger, "POST", "/v1/events", 201, { ...paid, external_event_id: "paid_1" });
  await call(ledger, "POST", "/v1/events", 200, { ...paid, external_event_id: "paid_1" });
  await call(ledger, "GET", "/v1/events?after=0&limit=5", 200);
  await call(ledger, "DELETE", `/v1/referrals/${joe.id}`, 200);
}

async function sales(ledger) {
  const referral_id = await signedUp(ledger, unique("user"));
  const body = { referral_id, sale_amount: 99, external_event_id: "order_1", product_ids: ["p1"], interval: "monthly" };
  await call(ledger, "POST", "/v1/conversions", 200, { ...body, dry_run: true });
  const { id } = await data(ledger, "POST", "/v1/conversions", 201, body);
  await call(ledger, "POST", "/v1/conversions", 200, { ...body, sale_amount: 98 });
  await call(ledger, "POST", "/v1/conversions", 200, { ...body, dry_run: true });
  const open = { referral_id, sale_amount: 20, external_event_id: "order_2", sales_status: "open" };
  const { id: waiting } = await data(ledger, "POST", "/v1/conversions", 201, open);
  await twice(ledger, "PUT", `/v1/conversions/${waiting}`, { sales_status: "complete" });
  const inDong = { referral_id, sale_amount: 2_500_000, sale_amount_currency: "VND", external_event_id: "order_3" };
  const { id: unpriced } = await data(ledger, "POST", "/v1/conversions", 201, inDong);
  await call(ledger, "GET", `/v1/conversions/${unpriced}/explain`, 200);
  await call(ledger, "GET", "/v1/rates/missing", 200);
  await call(ledger, "POST", "/v1/conversions", 404, { customer_id: "nobody", sale_amount: 5 });
  await call(ledger, "GET", "/v1/conversions/unattributed", 200);
  await read(ledger, "/v1/conversions", `/v1/conversions/${id}`, "affiliate,referral");
  const part = { amount: 10, reason: "requested", external_event_id: "refund_1" };
  await call(ledger, "POST", `/v1/conversions/${id}/refund`, 200, part);
  await call(ledger, "POST", "/v1/conversions/order_1/refund", 200, part);
  await call(ledger, "POST", "/v1/conversions/order_9/refund", 202, { allow_pending: true, amount: 5 });
  await call(ledger, "GET", "/v1/refunds/pending", 200);
  await call(ledger, "GET", `/v1/conversions/${id}/explain`, 200);
  return referral_id;
}

async function commissions(ledger, referral_id) {
  const named = { referral_id, sale_amount: 80, commission_amount: 12, payment_intent_id: "pi_1", hold_period_days: 3 };
  const { id } = await data(ledger, "POST", "/v1/commissions", 201, named);
  await read(ledger, "/v1/commissions", `/v1/commissions/${id}`, "affiliate,affiliate_program,referral");
  await twice(ledger, "PUT", `/v1/commissions/${id}`, { commission_amount: 15, status: "ready_for_payment" });
  for (const by of ["affiliate", "month", "affiliate,month"]) {
    await call(ledger, "GET", `/v1/commissions/summary?group_by=${by}`, 200);
  }
  await call(ledger, "POST", "/v1/payouts", 201, { affiliate_id: ledger.fixture.affiliate.id, payment_method: "paypal" });
  await call(ledger, "POST", "/v1/payouts", 200);
  const [made] = await data(ledger, "GET", "/v1/payouts", 200);
  await read(ledger, "/v1/payouts", `/v1/payouts/${made.id}`);
  for (const path of ["/v1/payouts", `/v1/payouts/${made.id}`]) await call(ledger, "GET", `${path}?format=csv`, 200);
  await twice(ledger, "PUT", `/v1/payouts/${made.id}`, { status: "completed", paymentReference: "P-1" });
  const other = await data(ledger, "POST", "/v1/commissions", 201, { ...named, payment_intent_id: "pi_2" });
  await call(ledger, "DELETE", `/v1/commissions/${other.id}`, 200);
  // What was paid out is taken back by a negative line.
  await call(ledger, "POST", "/v1/conversions/order_1/refund", 200);
  await call(ledger, "GET", "/v1/commissions?earning_type=clawback", 200);
}

const INCENTIVES = [
  { name: "Yearly", amount: 40, is_percentage: true, apply_to: "yearly_plans", cap: 100 },
  { name: "Signups", amount: 5, is_percentage: false, apply_to: "signups", approval_type: "manual" },
  {
    name: "Products",
    amount: 0,
    is_percentage: false,
    apply_to: "specific_products",
    product_ids: ["p9"],
    approval_type: "hold_period",
    hold_period_days: 30,
    incentive_length: "time_limited",
    length_value: 12,
  },
];

async function incentives(ledger, at) {
  let last;
  for (const body of INCENTIVES) last = await data(ledger, "POST", at, 201, body);
  await read(ledger, at, `${at}/${last.id}`);
  await twice(ledger, "PATCH", `${at}/${last.id}`, { amount: 20 });
  await twice(ledger, "PUT", `${at}/${last.id}`, { cap: null, name: "Other" });
  await call(ledger, "DELETE", `${at}/${last.id}`, 200);
}

async function affiliates(ledger) {
  const expansions = "promoCodes,commissionOverrides,invoiceDetails,payoutMethod,onboardingResponses";
  const body = {
    name: "Carol",
    email: "carol@partners.example",
    tracking_id: "carol",
    company_name: "Carol Ltd",
    country_code: "DE",
    payout_method: "paypal",
    payout_details: { email: "carol@pay.example" },
    metadata: { tier: 1 },
  };
  const { id } = await data(ledger, "POST", "/v1/affiliates", 201, body);
  await incentives(ledger, `/v1/affiliates/${id}/overrides`);
  const share = { discount_type: "percentage", discount_value: 25, duration: "repeating", duration_in_months: 6 };
  const made = await data(ledger, "POST", "/v1/coupons", 201, { affiliate_id: id, code: "save25", ...share });
  const fixed = { discount_type: "fixed", discount_value: 10, duration: "once" };
  await call(ledger, "POST", "/v1/coupons", 201, { affiliate_id: id, code: "TEN", ...fixed });
  await read(ledger, "/v1/affiliates", `/v1/affiliates/${id}`, expansions);
  await read(ledger, "/v1/coupons", `/v1/coupons/${made.id}`, "affiliate");
  await twice(ledger, "PUT", `/v1/affiliates/${id}`, { status: "rejected", company_name: null });
  await call(ledger, "DELETE", `/v1/coupons/${made.id}`, 200);
  await call(ledger, "DELETE", `/v1/affiliates/${id}`, 200);
}

const SETTINGS = {
  "/v1/program": { tagline: "Earn", attribution_window_days: 90, origins: ["https://shop.example"] },
  "/v1/program/payment-terms": { commission_rate: 25, commission_duration: "custom", commission_duration_value: 6 },
  "/v1/program/tracking": { email_policy: "full", postbacks: [{ url: "https://hooks.example.com/", event: "lead" }] },
  "/v1/program/restrictions": { paid_ads: false },
};

async function program(ledger) {
  for (const [path, body] of Object.entries(SETTINGS)) {
    await call(ledger, "GET", path, 200);
    await twice(ledger, "PATCH", path, body);
  }
  const group = await data(ledger, "POST", "/v1/program/groups", 201, { name: "Top", description: "The best" });
  const at = `/v1/program/groups/${group.id}`;
  await incentives(ledger, `${at}/incentives`);
  const levels = [{ level: 1, base: "commission", percentage: 10 }, { level: 2, base: "sale", percentage: 0.5 }];
  await twice(ledger, "PUT", `${at}/levels`, { levels });
  await call(ledger, "GET", `${at}/levels`, 200);
  await read(ledger, "/v1/program/groups", at, "incentives,multi_level_incentives");
  await twice(ledger, "PATCH", at, { description: null, name: "Best" });
  await call(ledger, "DELETE", at, 200);
  await twice(ledger, "PUT", "/v1/rates/2026-01-31", { rates: { VND: 29000.5, KWD: "0.3312" } });
  for (const path of ["/v1/rates", "/v1/rates/2026-02-01"]) await call(ledger, "GET", path, 200);
}

async function webhooks(ledger) {
  const made = { url: "https://hooks.example.com/", events: ["referral.lead", "*"], description: "CRM" };
  const headers = { "idempotency-key": unique("key") };
  const { id, secret } = await data(ledger, "POST", "/v1/webhooks", 201, made, { headers });
  assert.ok(secret);
  // The repetition is without the secret.
  assert.equal((await data(ledger, "POST", "/v1/webhooks", 201, made, { headers })).secret, undefined);
  const at = `/v1/webhooks/${id}`;
  await read(ledger, "/v1/webhooks", at);
  const ping = await data(ledger, "POST", `${at}/ping`, 202);
  await call(ledger, "GET", `${at}/deliveries?limit=5`, 200);
  await call(ledger, "POST", `${at}/deliveries/${ping.id}/replay`, 202);
  await call(ledger, "POST", `${at}/replay-failed`, 202);
  await call(ledger, "POST", `${at}/rotate-secret`, 200);
  await twice(ledger, "PUT", at, { enabled: false });
  await call(ledger, "POST", `${at}/ping`, 409);
  await call(ledger, "DELETE", at, 200);
}

async function keys(ledger) {
  const { id, secret } = await data(ledger, "POST", "/v1/keys", 201, { name: "Shop", scopes: ["create:clicks"] });
  await call(ledger, "POST", "/v1/clicks", 201, { trackingId: "alice" }, { key: secret });
  await call(ledger, "GET", "/v1/keys", 403, undefined, { key: secret });
  await call(ledger, "POST", "/api/v1/track/sale", 403, { transaction_id: "txn_k", amount_cents: 1 }, { key: secret });
  await read(ledger, "/v1/keys", `/v1/keys/${id}`);
  await call(ledger, "POST", `/v1/keys/${id}/rotate`, 201, { overlap_hours: 0 });
  await call(ledger, "POST", `/v1/keys/${id}/rotate`, 409);
  await call(ledger, "DELETE", `/v1/keys/${id}`, 200);
  await call(ledger, "DELETE", `/v1/keys/${id}`, 200);
}

/** A call of a page, by a browser of this name. */
const fromPage = (name) => ({ key: null, headers: { origin: "https://shop.example", "user-agent": name } });

const FROM_PAGE = fromPage("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");

async function tracking(ledger) {
  const test_mode = { additional_data: { test_mode: true, program_id: 1 } };
  const token = { key: ledger.fixture.keys.token };
  const link = { affiliate_url: "https://shop.example/?aff=alice" };
  const landed = { ...link, page_title: "Spring", event_id: "e1" };
  const clicked = await call(ledger, "POST", "/api/v1/track/click", 200, landed, FROM_PAGE);
  await call(ledger, "POST", "/api/v1/track/click", 200, link, fromPage("Googlebot/2.1"));
  await call(ledger, "POST", "/api/v1/track/click", 200, { ...link, ...test_mode }, FROM_PAGE);
  const { click_id } = clicked.json;
  const lead = { click_id, customer_key: "u1", email: "u1@example.com" };
  await call(ledger, "POST", "/api/v1/track/lead", 200, lead, FROM_PAGE);
  await call(ledger, "POST", "/api/v1/track/lead", 200, { ...test_mode, customer_key: "u1" }, FROM_PAGE);
  const sale = { transaction_id: "txn_1", amount_cents: 4900, customer_key: "u1", sale_type: "payment" };
  await call(ledger, "POST", "/api/v1/track/sale", 200, sale, token);
  await call(ledger, "POST", "/api/v1/track/sale", 409, sale, token);
  await call(ledger, "POST", "/api/v1/track/sale", 200, { ...sale, ...test_mode }, token);
  const refund = { transaction_id: "txn_1", refund_amount_cents: 1000 };
  for (let time = 0; time < 2; time += 1) await call(ledger, "POST", "/api/v1/track/refund", 200, refund, token);
  await call(ledger, "POST", "/api/v1/track/refund", 202, { transaction_id: "txn_9", allow_pending: true }, token);
  await call(ledger, "POST", "/api/v1/track/refund", 200, { ...refund, ...test_mode }, token);
  await call(ledger, "POST", "/api/v1/cli/test-event", 200, { event_type: "lead" }, token);
  await call(ledger, "GET", "/api/v1/programs/me/readiness?force_recheck=1", 200, undefined, token);
  await call(ledger, "POST", "/api/v1/cli/test-event", 200, { type: "chain" }, token);
  await call(ledger, "GET", "/api/v1/programs/me/readiness", 200, undefined, token);
}

async function forgotten(ledger) {
  const external_user_id = unique("user");
  await signedUp(ledger, external_user_id);
  await call(ledger, "POST", "/v1/customers/export", 200, { external_user_id });
  for (let time = 0; time < 2; time += 1) await call(ledger, "POST", "/v1/customers/erase", 200, { external_user_id });
}

async function service(ledger) {
  for (const path of ["/healthz", "/openapi.json", "/js/tracker.js", "/js/integrity.json"]) await call(ledger, "GET", path, 200);
  await call(ledger, "GET", "/js/nothing.js", 404);
  await twice(ledger, "PUT", "/v1/program/stripe", { test_signing_secret: TEST_SECRET });
  await call(ledger, "GET", "/v1/program/stripe", 200);
  const paid = event("checkout.session.completed", session(), { livemode: false });
  assertBodyDescribed("POST", "/webhooks/stripe/1", paid);
  assert.equal((await deliver(ledger, paid, { secret: TEST_SECRET })).status, 200);
  assert.equal((await deliver(ledger, paid, { secret: "whsec_of_somebody_else" })).status, 400);
  await call(ledger, "GET", "/metrics", 200, undefined, { key: METRICS_TOKEN });
  await call(ledger, "GET", "/dashboard/overview?test=1", 200);
}

/** Calls every operation well, and some of them in every way that they have. */
export async function walk(ledger) {
  await customers(ledger);
  const referral = await sales(ledger);
  await commissions(ledger, referral);
  await affiliates(ledger);
  await program(ledger);
  await webhooks(ledger);
  await keys(ledger);
  await tracking(ledger);
  await forgotten(ledger);
  await service(ledger);
}

/** Two pages of every list, and a parameter that is wrong. */
export async function walkLists(ledger, operations) {
  for (const { path, operation } of operations) {
    const parameters = (operation.parameters ?? []).map(({ $ref }) => $ref?.split("/").at(-1));
    if (path.includes("{") || !parameters.some((name) => ["limit", "cursor_limit"].includes(name))) continue;
    assert.equal((await get(ledger, `${path}?limit=1`)).status, 200, path);
    assert.equal((await get(ledger, `${path}?limit=0`)).status, 400, path);
  }
}
