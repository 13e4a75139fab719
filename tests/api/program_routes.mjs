// The routes below /v1/program, for the tables of routes.mjs.

const [text, list, number, boolean] = ["a text", "a list of texts", "a number", "true or false"];
const object = "an object";
const oneOrSeveral = "a text or a list of texts";

const all = (kind, ...names) => Object.fromEntries(names.map((name) => [name, kind]));

const incentive = {
  ...all(text, "name", "type", "apply_to", "approval_type", "incentive_length"),
  ...all(number, "amount", "hold_period_days", "length_value", "cap"),
  ...all(boolean, "is_percentage", "variable_commission"),
  product_ids: list,
};

const group = { ...all(text, "name", "description"), is_default: boolean };

const invoice = all(
  text,
  ...["invoice_company_name", "invoice_address", "invoice_city", "invoice_state", "invoice_postal_code"],
  ...["invoice_country", "invoice_vat_id", "owner_first_name", "owner_last_name", "owner_email"],
);

const settings = { key: "live", method: "PATCH", allow: "GET, PATCH" };

const ONE_INCENTIVE = "GET, PATCH, PUT, DELETE";

/** As BODY_ROUTES. */
export const PROGRAM_BODY_ROUTES = [
  {
    ...settings,
    path: "/v1/program",
    body: { name: "Partners" },
    fields: {
      ...all(text, "name", "tagline", "category", "description", "website_url", "logo_url"),
      ...all(text, "access_mode", "attribution_model"),
      affiliate_links_enabled: boolean,
      attribution_window_days: number,
      origins: list,
    },
  },
  {
    ...settings,
    path: "/v1/program/payment-terms",
    body: { cookie_lifetime: 60 },
    fields: {
      ...invoice,
      ...all(text, "commission_type", "commission_duration", "commission_duration_unit", "payment_frequency"),
      ...all(number, "commission_rate", "commission_duration_value", "payment_threshold", "cookie_lifetime"),
      ...all(boolean, "auto_payout", "invoice_required"),
    },
  },
  {
    ...settings,
    path: "/v1/program/tracking",
    body: { track_email: true },
    fields: {
      ...all(text, "default_referral_parameter", "email_policy", "lead_auth"),
      ...all(boolean, "track_email", "email_tracking_enabled", "track_name", "name_tracking_enabled"),
      ...all(boolean, "trust_browser_leads", "honour_gpc"),
      ...all(list, "enabled_referral_parameters", "postbacks"),
    },
  },
  {
    ...settings,
    path: "/v1/program/restrictions",
    body: { websites: true },
    fields: all(
      boolean,
      ...["websites", "social_marketing", "organic_social", "email_marketing", "paid_ads", "content_marketing"],
      ...["coupon_sites", "review_sites", "incentivized_traffic", "trademark_bidding"],
    ),
  },
  {
    ...settings,
    path: "/v1/program/fraud-rules",
    body: { self_referral_mode: "detect" },
    fields: {
      ...all(text, "self_referral_mode", "self_referral", "suspicious_email_mode", "paid_traffic_mode"),
      ...all(text, "banned_referral_mode", "blocked_country_mode", "duplicate_ip_mode", "duplicate_ip"),
      ...all(text, "fast_signup_mode", "cross_program_ban_mode", "duplicate_payout_mode", "vpn_proxy"),
      ...all(text, "suspicious_conversion"),
      ...all(object, "paid_traffic_config", "banned_referral_config", "blocked_country_config"),
      ...all(object, "duplicate_ip_config", "fast_signup_config"),
    },
  },
  {
    path: "/v1/program/stripe",
    key: "live",
    method: "PUT",
    allow: "GET, PUT",
    body: { test_signing_secret: "whsec_1234567890abcdef" },
    fields: all(oneOrSeveral, "live_signing_secret", "test_signing_secret"),
  },
  { path: "/v1/program/groups", key: "live", allow: "GET, POST", body: { name: "Gold" }, fields: group },
  {
    path: "/v1/program/groups/grp_none",
    key: "live",
    method: "PATCH",
    allow: "GET, PATCH, DELETE",
    body: { name: "Gold" },
    fields: group,
  },
  {
    path: "/v1/program/groups/grp_none/incentives",
    key: "live",
    allow: "GET, POST",
    body: { name: "Twenty", amount: 20, is_percentage: true },
    fields: incentive,
  },
  ...["PATCH", "PUT"].map((method) => ({
    path: "/v1/program/groups/grp_none/incentives/inc_none",
    key: "live",
    method,
    allow: ONE_INCENTIVE,
    body: { amount: 20 },
    fields: incentive,
  })),
  {
    path: "/v1/program/groups/grp_none/levels",
    key: "live",
    method: "PUT",
    allow: "GET, PUT",
    body: { levels: [] },
    fields: { levels: list },
  },
];

/** As READ_ROUTES. */
export const PROGRAM_READ_ROUTES = [
  ...["", "/payment-terms", "/tracking", "/restrictions", "/fraud-rules"].map((rest) => ({
    path: `/v1/program${rest}`,
    key: "live",
    allow: "GET, PATCH",
  })),
  { path: "/v1/program/stripe", key: "live", allow: "GET, PUT" },
  { path: "/v1/program/groups", key: "live", allow: "GET, POST" },
  { path: "/v1/program/groups/grp_none", key: "live", allow: "GET, PATCH, DELETE" },
  { path: "/v1/program/groups/grp_none/incentives", key: "live", allow: "GET, POST" },
  { path: "/v1/program/groups/grp_none/incentives/inc_none", key: "live", allow: ONE_INCENTIVE },
  { path: "/v1/program/groups/grp_none/levels", key: "live", allow: "GET, PUT" },
];

/** As ACTION_ROUTES. */
export const PROGRAM_ACTION_ROUTES = [
  { path: "/v1/program/groups/grp_none", key: "live", method: "DELETE", allow: "GET, PATCH, DELETE" },
  {
    path: "/v1/program/groups/grp_none/incentives/inc_none",
    key: "live",
    method: "DELETE",
    allow: ONE_INCENTIVE,
  },
];
