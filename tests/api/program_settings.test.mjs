// The program as its owner sets it: what it is called, how its affiliates are paid, what is tracked, what is allowed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertLiveKeyNeeded, assertRefused, patch, sale } from "./affiliate_calls.mjs";
import { atOnce, click, get, post, select, signedUp, tally, unique } from "./calls.mjs";

const PROGRAM = "/v1/program";
const TERMS = "/v1/program/payment-terms";
const TRACKING = "/v1/program/tracking";
const RESTRICTIONS = "/v1/program/restrictions";

/** What a settings route shows. */
async function shown(ledger, path, options) {
  const answer = await get(ledger, path, options);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.success, true);
  return answer.json.data;
}

/** Changes settings, twice; what they are then. */
async function changed(ledger, path, change) {
  const first = await patch(ledger, path, change);
  assert.equal(first.status, 200, first.text);
  const second = await patch(ledger, path, change);
  assert.deepEqual([second.status, second.json], [200, first.json]);
  return second.json.data;
}

async function rulesVersion(ledger) {
  const [row] = await select(ledger, "SELECT rules_version FROM program WHERE id = ?", ledger.fixture.program.id);
  return row.rules_version;
}

const NEW_PROGRAM = {
  number: 1,
  name: "Program 1",
  tagline: null,
  category: null,
  description: null,
  website_url: null,
  logo_url: null,
  access_mode: "public",
  affiliate_links_enabled: true,
  attribution_model: "last_click",
  attribution_window_days: 60,
  currency: "USD",
  origins: ["https://shop.example"],
  plan: null,
  plan_features: null,
  created_at: "2026-01-01T00:00:00Z",
};

const NEW_TERMS = {
  commission_type: "percentage",
  commission_rate: 30,
  commission_duration: "forever",
  commission_duration_value: null,
  commission_duration_unit: null,
  payment_threshold: 0,
  payment_frequency: "monthly",
  cookie_lifetime: 60,
  auto_payout: false,
  invoice_required: false,
  invoice_company_name: null,
  invoice_address: null,
  invoice_city: null,
  invoice_state: null,
  invoice_postal_code: null,
  invoice_country: null,
  invoice_vat_id: null,
  owner_first_name: null,
  owner_last_name: null,
  owner_email: null,
};

const NEW_TRACKING = {
  default_referral_parameter: "atp",
  enabled_referral_parameters: ["aff", "via", "ref", "atp", "affonso"],
  track_email: true,
  email_tracking_enabled: true,
  email_policy: "full",
  track_name: true,
  name_tracking_enabled: true,
  trust_browser_leads: false,
  lead_auth: "open",
  honour_gpc: true,
  postbacks: [],
};

const ALLOWED = [
  ...["websites", "social_marketing", "organic_social", "email_marketing", "paid_ads"],
  ...["content_marketing", "coupon_sites", "review_sites", "incentivized_traffic", "trademark_bidding"],
];

const NEW_RESTRICTIONS = Object.fromEntries(ALLOWED.map((name) => [name, true]));

/** For each route: what a new program shows, and a change of each field. */
const CHANGES = [
  [
    PROGRAM,
    [
      { name: "Partners" },
      { tagline: "Sell more", category: "SaaS" },
      { description: "All that there is to say" },
      { website_url: "https://shop.example/", logo_url: "https://shop.example/logo.png" },
      { tagline: null, website_url: null },
      { access_mode: "invite" },
      { affiliate_links_enabled: false },
      { attribution_model: "first_click", attribution_window_days: 365 },
      { origins: ["http://localhost:3000", "https://app.shop.example"] },
      { origins: [] },
    ],
  ],
  [
    TERMS,
    [
      { payment_threshold: 49.99 },
      { payment_frequency: "biweekly", auto_payout: true },
      { cookie_lifetime: 30 },
      { invoice_required: true, invoice_company_name: "Shop Ltd", invoice_address: "1 Main St", invoice_city: "Ulm" },
      { invoice_state: "BW", invoice_postal_code: "89073", invoice_country: "DE", invoice_vat_id: "DE123456789" },
      { owner_first_name: "Ann", owner_last_name: "Smith", owner_email: "ann@shop.example" },
      { invoice_city: null, owner_email: null },
    ],
  ],
  [
    TRACKING,
    [
      { enabled_referral_parameters: ["atp", "partner_id", "via"] },
      { default_referral_parameter: "partner_id" },
      { enabled_referral_parameters: ["x"], default_referral_parameter: "x" },
      { trust_browser_leads: true, honour_gpc: false },
      { lead_auth: "server_required" },
      { postbacks: [{ url: "https://track.example.com/hit?x={id}", event: "referral.lead", enabled: false }] },
      { postbacks: [] },
    ],
  ],
  [RESTRICTIONS, ALLOWED.flatMap((name) => [{ [name]: false }, { [name]: true, paid_ads: false }])],
];

const NEW = { [PROGRAM]: NEW_PROGRAM, [TERMS]: NEW_TERMS, [TRACKING]: NEW_TRACKING, [RESTRICTIONS]: NEW_RESTRICTIONS };

for (const [path, changes] of CHANGES) {
  test(`${path}: a new program's settings are shown, and a change changes what it names and nothing else`, async (t) => {
    const ledger = await startLedger(t);
    let expected = path === PROGRAM ? { id: ledger.fixture.program.id, ...NEW[path] } : NEW[path];
    assert.deepEqual(await shown(ledger, path), expected);
    for (const change of changes) {
      expected = { ...expected, ...change };
      const before = await rulesVersion(ledger);
      assert.deepEqual(await changed(ledger, path, change), expected);
      assert.equal(await rulesVersion(ledger), before + 2);
      assert.deepEqual(await shown(ledger, path), expected);
    }
  });
}

test("another team's program is never shown or changed, and a test key reads without changing", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const theirs = { id: other.program.id, ...NEW_PROGRAM, number: 2, name: "Program 2" };
  for (const [path, [change]] of CHANGES) {
    assert.deepEqual(await shown(ledger, path, { key: keys.test }), await shown(ledger, path));
    assertLiveKeyNeeded(await patch(ledger, path, change, { key: keys.test }));
    assert.equal((await patch(ledger, path, change, { key: keys.token })).status, 401);
    assert.equal((await get(ledger, path, { key: keys.token })).status, 401);
    assert.equal((await patch(ledger, path, change)).status, 200);
  }
  assert.deepEqual(await shown(ledger, PROGRAM, { key: other.keys.live }), theirs);
  assert.equal((await shown(ledger, TERMS, { key: other.keys.live })).payment_threshold, 0);
  assert.deepEqual(await shown(ledger, TRACKING, { key: other.keys.live }), NEW_TRACKING);
  assert.deepEqual(await shown(ledger, RESTRICTIONS, { key: other.keys.live }), NEW_RESTRICTIONS);
});

const LONG = "x".repeat(256);

const WRONG = {
  [PROGRAM]: {
    name: ["", " ", LONG],
    tagline: [LONG, "a\0b"],
    website_url: ["shop.example", "/about", "javascript:alert(1)", "ftp://shop.example/"],
    logo_url: ["logo.png"],
    access_mode: ["OPEN", ""],
    attribution_model: ["linear"],
    attribution_window_days: [0, 366, -1, 1.5],
    origins: [
      ...[["shop.example"], ["https://shop.example/"], ["https://shop.example/path"], ["https://SHOP.example"]],
      ...[["https://shop.example:443"], ["ftp://shop.example"], ["*"], ["null"], ["https://user@shop.example"]],
    ],
  },
  [TERMS]: {
    commission_type: ["credits"],
    commission_rate: [0, -1, 100.01, 0.00001, 101],
    commission_duration: ["lifetime"],
    commission_duration_value: [0, 1.5, 1201],
    commission_duration_unit: ["years"],
    payment_threshold: [-0.01, 0.001, 1e20],
    payment_frequency: ["daily"],
    cookie_lifetime: [0, 366],
    invoice_city: [LONG],
    owner_email: ["ann"],
  },
  [TRACKING]: {
    default_referral_parameter: ["", "REF", "a b", "x".repeat(33), "unknown"],
    enabled_referral_parameters: [[], ["via"], ["atp", "Via"], ["atp", "a?b"]],
    email_policy: ["hashed"],
  },
  [RESTRICTIONS]: {},
};

for (const [path, fields] of Object.entries(WRONG)) {
  test(`${path}: what cannot be is a 400 that names the field, and changes nothing`, async (t) => {
    const ledger = await startLedger(t);
    const [before, version] = [await shown(ledger, path), await rulesVersion(ledger)];
    for (const [field, values] of Object.entries(fields)) {
      for (const value of values) {
        const answer = await patch(ledger, path, { [field]: value });
        assert.equal(answer.status, 400, `${field}: ${JSON.stringify(value)}: ${answer.text}`);
        assert.equal(answer.json.error.code, "VALIDATION_ERROR");
        // Of a list, the entry.
        assert.equal(answer.json.error.field.replace(/\[\d+\]$/, ""), field, answer.text);
      }
    }
    for (const nothing of [{}, { nobody_reads_this: 1 }, { name: null, websites: null, track_email: null }]) {
      assert.equal((await patch(ledger, path, nothing)).status, 400);
    }
    assert.deepEqual([await shown(ledger, path), await rulesVersion(ledger)], [before, version]);
  });
}

test("all that is wrong is listed at once", async (t) => {
  const ledger = await startLedger(t);
  const answer = await patch(ledger, PROGRAM, { name: "", logo_url: "logo.png", attribution_window_days: 0 });
  const fields = answer.json.error.details.map(({ field }) => field);
  assert.deepEqual(fields, ["name", "logo_url", "attribution_window_days"]);
});

test("wrong postbacks are a 400 that names the one", async (t) => {
  const ledger = await startLedger(t);
  const good = { url: "https://track.example.com/", event: "lead" };
  const cases = [
    [{ ...good, url: "http://track.example.com/" }, "postbacks[1].url"],
    [{ ...good, url: "https://127.0.0.1/" }, "postbacks[1].url"],
    [{ url: good.url }, "postbacks[1].event"],
    [{ event: "lead" }, "postbacks[1].url"],
    [{ ...good, enabled: "yes" }, "postbacks[1].enabled"],
  ];
  for (const [wrong, field] of cases) {
    assertRefused(await patch(ledger, TRACKING, { postbacks: [good, wrong] }), field);
  }
  const full = Array.from({ length: 20 }, () => good);
  assert.equal((await changed(ledger, TRACKING, { postbacks: full })).postbacks.length, 20);
  assert.deepEqual((await shown(ledger, TRACKING)).postbacks[0], { ...good, enabled: true });
  assertRefused(await patch(ledger, TRACKING, { postbacks: [...full, good] }), "postbacks");
});

test("changes made at once are all kept", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const changes = [
    [PROGRAM, { name: "Partners" }],
    [PROGRAM, { tagline: "Sell more" }],
    [PROGRAM, { attribution_window_days: 30 }],
    [PROGRAM, { origins: ["https://new.example"] }],
    [TERMS, { payment_threshold: 50 }],
    [TERMS, { invoice_city: "Ulm" }],
    [TERMS, { invoice_country: "DE" }],
    [TERMS, { commission_rate: 12.5 }],
    [TERMS, { commission_duration: "custom", commission_duration_value: 6 }],
    [TRACKING, { track_name: false }],
    [TRACKING, { honour_gpc: false }],
    ...ALLOWED.map((name) => [RESTRICTIONS, { [name]: false }]),
  ];
  const answers = await Promise.all(changes.map(([path, change]) => patch(ledger, path, change)));
  assert.deepEqual(tally(answers), { 200: changes.length });
  for (const [path, change] of changes) {
    const settings = await shown(ledger, path);
    for (const [field, value] of Object.entries(change)) assert.deepEqual(settings[field], value, field);
  }
});

test("of parameters and their default that are changed at once, the default is always enabled", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const answers = await atOnce(20, (number) =>
    number % 2 === 0
      ? patch(ledger, TRACKING, { enabled_referral_parameters: number % 4 === 0 ? ["atp", "via"] : ["via", "ref"] })
      : patch(ledger, TRACKING, { default_referral_parameter: number % 4 === 1 ? "atp" : "ref" }),
  );
  for (const { status } of answers) assert.ok([200, 400].includes(status));
  const settings = await shown(ledger, TRACKING);
  assert.ok(settings.enabled_referral_parameters.includes(settings.default_referral_parameter));
});

test("the next sale is decided by the new window, whichever Worker is asked", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const clicked = new Date(Date.now() - 3 * 24 * 60 * 60 * 1000).toISOString();
  const sell = async () => {
    const click_id = await click(ledger, { createdAt: clicked });
    const body = { click_id, sale_amount: 100, external_event_id: unique("order") };
    const { commission_amount, reason } = (await post(ledger, "/v1/conversions", body)).json.data;
    return [commission_amount, reason];
  };
  for (let each = 0; each < 4; each += 1) assert.deepEqual(await sell(), [30, "commission_earned"]);
  await changed(ledger, PROGRAM, { attribution_window_days: 2 });
  for (let each = 0; each < 4; each += 1) assert.deepEqual(await sell(), [null, "attribution_window_expired"]);
  await changed(ledger, PROGRAM, { attribution_window_days: 4 });
  for (let each = 0; each < 4; each += 1) assert.deepEqual(await sell(), [30, "commission_earned"]);
});

test("pages of an origin are let in from the change on, and kept out", async (t) => {
  const ledger = await startLedger(t);
  const lead = async (origin) => {
    const body = { click_id: await click(ledger), customer_key: unique("user") };
    return (await post(ledger, "/api/v1/track/lead", body, { key: null, headers: { origin } })).status;
  };
  const preflight = async (origin) => {
    const answer = await ledger.request("OPTIONS", "/api/v1/track/lead", { headers: { origin } });
    return answer.headers.get("access-control-allow-origin");
  };
  assert.deepEqual([await lead("https://shop.example"), await lead("https://new.example")], [200, 403]);
  assert.equal(await preflight("https://new.example"), null);
  await changed(ledger, PROGRAM, { origins: ["https://new.example", "https://new.example"] });
  assert.deepEqual((await shown(ledger, PROGRAM)).origins, ["https://new.example"]);
  assert.deepEqual([await lead("https://shop.example"), await lead("https://new.example")], [403, 200]);
  assert.equal(await preflight("https://new.example"), "https://new.example");
});

test("without tracked addresses and names none are kept, and a policy that masks goes on masking", async (t) => {
  const ledger = await startLedger(t);
  const signUp = async () => {
    const body = { click_id: await click(ledger), external_user_id: unique("user"), email: "j@example.com", name: "Jo" };
    body.email = `${unique("jo").toLowerCase()}@example.com`;
    const answer = await post(ledger, "/v1/signups", body);
    assert.equal(answer.status, 201, answer.text);
    const [row] = await select(ledger, "SELECT email, email_masked, name FROM referral WHERE id = ?", body.click_id);
    return [row.email === body.email, row.email_masked !== null, row.name];
  };
  assert.deepEqual(await signUp(), [true, true, "Jo"]);
  const off = await changed(ledger, TRACKING, { track_email: false, name_tracking_enabled: false });
  assert.deepEqual([off.track_email, off.email_policy, off.track_name], [false, "off", false]);
  assert.deepEqual(await signUp(), [false, false, null]);
  const on = await changed(ledger, TRACKING, { email_tracking_enabled: true, track_name: true });
  assert.deepEqual([on.track_email, on.email_policy, on.track_name], [true, "full", true]);
  assert.deepEqual(await signUp(), [true, true, "Jo"]);
  const masked = await changed(ledger, TRACKING, { email_policy: "masked" });
  assert.deepEqual([masked.track_email, masked.email_policy], [true, "masked"]);
  assert.equal((await changed(ledger, TRACKING, { track_email: true })).email_policy, "masked");
  assert.deepEqual(await signUp(), [false, true, "Jo"]);
});

test("two names of one setting that say different things are a 400", async (t) => {
  const ledger = await startLedger(t);
  const cases = [
    [{ track_email: true, email_tracking_enabled: false }, "email_tracking_enabled"],
    [{ track_name: false, name_tracking_enabled: true }, "name_tracking_enabled"],
    [{ track_email: false, email_policy: "full" }, "email_policy"],
    [{ track_email: true, email_policy: "off" }, "email_policy"],
  ];
  for (const [body, field] of cases) assertRefused(await patch(ledger, TRACKING, body), field);
  assert.deepEqual(await shown(ledger, TRACKING), NEW_TRACKING);
});

test("the commission of the terms is what the next sale earns, whichever Worker is asked", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const referral = await signedUp(ledger, unique("user"));
  const earned = async () => (await sale(ledger, referral)).commission_amount;
  for (let each = 0; each < 4; each += 1) assert.equal(await earned(), 30);
  // 100.00 × 12.3456 % = 12.3456, which is 12.35 when rounded.
  const share = await changed(ledger, TERMS, { commission_rate: 12.3456 });
  assert.deepEqual([share.commission_type, share.commission_rate], ["percentage", 12.3456]);
  for (let each = 0; each < 4; each += 1) assert.equal(await earned(), 12.35);
  const fixed = await changed(ledger, TERMS, { commission_type: "FIXED", commission_rate: 7.5 });
  assert.deepEqual([fixed.commission_type, fixed.commission_rate], ["fixed", 7.5]);
  for (let each = 0; each < 4; each += 1) assert.equal(await earned(), 7.5);
  assertRefused(await patch(ledger, TERMS, { commission_type: "percentage" }), "commission_rate");
  assert.equal(await earned(), 7.5);
});

test("the duration of the terms is the length of the incentive", async (t) => {
  const ledger = await startLedger(t);
  const sql = "SELECT length, length_value FROM incentive WHERE program_id = ?";
  const incentive = async () => (await select(ledger, sql, ledger.fixture.program.id))[0];
  const cases = [
    [{ commission_duration: "once" }, "payment_limited", 1, ["once", null, "payments"]],
    [{ commission_duration: "first_month" }, "time_limited", 1, ["first_month", null, "months"]],
    [
      { commission_duration: "custom", commission_duration_value: 12 },
      ...["time_limited", 12, ["custom", 12, "months"]],
    ],
    [{ commission_duration_value: 24 }, "time_limited", 24, ["custom", 24, "months"]],
    [
      { commission_duration_unit: "payments", commission_duration_value: 3 },
      ...["payment_limited", 3, ["custom", 3, "payments"]],
    ],
    [{ commission_duration_value: 4 }, "payment_limited", 4, ["custom", 4, "payments"]],
    [{ commission_duration: "FOREVER" }, "customer_lifetime", null, ["forever", null, null]],
  ];
  for (const [change, length, length_value, [duration, value, unit]] of cases) {
    const terms = await changed(ledger, TERMS, change);
    const { commission_duration, commission_duration_value, commission_duration_unit } = terms;
    assert.deepEqual([commission_duration, commission_duration_value, commission_duration_unit], [duration, value, unit]);
    assert.deepEqual(await incentive(), { length, length_value });
    assert.equal(terms.commission_rate, 30);
    // What is shown can be sent back.
    assert.deepEqual(await changed(ledger, TERMS, { ...terms, commission_duration_value: value ?? undefined }), terms);
  }
  assertRefused(await patch(ledger, TERMS, { commission_duration: "custom" }), "commission_duration_value");
  assertRefused(await patch(ledger, TERMS, { commission_duration_value: 3 }), "commission_duration_value");
  assertRefused(await patch(ledger, TERMS, { commission_duration_unit: "months" }), "commission_duration_unit");

  const referral = await signedUp(ledger, unique("user"));
  await changed(ledger, TERMS, { commission_duration: "once" });
  assert.equal((await sale(ledger, referral)).commission_amount, 30);
  const { commission_amount, reason } = await sale(ledger, referral);
  assert.deepEqual([commission_amount, reason], [null, "incentive_length_over"]);
});

test("terms of a default group without an incentive show nothing, and make one when they are set", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ kind: "fixed", amount_minor: 500, trigger: "lead" }] });
  const { commission_type, commission_rate, commission_duration } = await shown(ledger, TERMS);
  assert.deepEqual([commission_type, commission_rate, commission_duration], ["percentage", 0, "forever"]);
  assertRefused(await patch(ledger, TERMS, { commission_duration: "once" }), "commission_rate");
  // The cookie's life needs no incentive.
  await changed(ledger, TERMS, { cookie_lifetime: 30 });
  assert.equal((await sale(ledger, await signedUp(ledger, unique("user")))).commission_amount, null);

  const answers = await atOnce(5, () => patch(ledger, TERMS, { commission_rate: 20, payment_threshold: 10 }));
  assert.deepEqual(tally(answers), { 200: 5 });
  const rows = await select(
    ledger,
    "SELECT group_id, rate_ppm, approval FROM incentive WHERE program_id = ? AND pays_for = 'sale'",
    ledger.fixture.program.id,
  );
  assert.deepEqual(rows, [{ group_id: ledger.fixture.group.id, rate_ppm: 200_000, approval: "automatic" }]);
  const terms = await shown(ledger, TERMS);
  assert.deepEqual([terms.commission_rate, terms.payment_threshold, terms.cookie_lifetime], [20, 10, 30]);
  assert.equal((await sale(ledger, await signedUp(ledger, unique("user")))).commission_amount, 20);
});

test("amounts of the terms are in the team's currency", async (t) => {
  const ledger = await startLedger(t);
  await ledger.db.prepare("UPDATE team SET currency = 'JPY' WHERE id = ?").bind(ledger.fixture.team.id).run();
  assert.equal((await changed(ledger, TERMS, { payment_threshold: 5000 })).payment_threshold, 5000);
  const [{ payment_threshold_minor }] = await select(
    ledger,
    "SELECT payment_threshold_minor FROM program WHERE id = ?",
    ledger.fixture.program.id,
  );
  assert.equal(payment_threshold_minor, 5000);
  assertRefused(await patch(ledger, TERMS, { payment_threshold: 0.5 }), "payment_threshold");
  assert.equal((await shown(ledger, PROGRAM)).currency, "JPY");
});

test("a sale that races changes of the rate earns by one of the rates, and the last change holds", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const referrals = await Promise.all(Array.from({ length: 6 }, () => signedUp(ledger, unique("user"))));
  const [answers, ...sales] = await Promise.all([
    (async () => {
      const answers = [];
      for (const commission_rate of [20, 10, 20, 10]) answers.push(await patch(ledger, TERMS, { commission_rate }));
      return answers;
    })(),
    ...referrals.map(async (referral) => {
      for (let tries = 0; ; tries += 1) {
        const body = { referral_id: referral, sale_amount: 100, external_event_id: `order_${referral}` };
        const answer = await post(ledger, "/v1/conversions", body);
        if (answer.status !== 503 || tries === 5) return answer.json.data.commission_amount;
      }
    }),
  ]);
  assert.deepEqual(tally(answers), { 200: 4 });
  for (const earned of sales) assert.ok([30, 20, 10].includes(earned), String(earned));
  for (const referral of referrals) assert.equal((await sale(ledger, referral)).commission_amount, 10);
});
