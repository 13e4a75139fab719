// /v1/program/fraud-rules: what is set, what is refused, and that rules are looked at as soon as they are set.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertLiveKeyNeeded, assertRefused, patch } from "./affiliate_calls.mjs";
import { click, get, post, select } from "./calls.mjs";

const RULES = "/v1/program/fraud-rules";

/** What a new program has, written down from docs/fraud.md and the published fields. */
const NEW = {
  self_referral_mode: "off",
  cross_program_ban_mode: "off",
  duplicate_payout_mode: "off",
  suspicious_email_mode: "off",
  banned_referral_mode: "off",
  banned_referral_config: null,
  paid_traffic_mode: "off",
  paid_traffic_config: { allowed_campaigns: [], further_click_ids: [] },
  blocked_country_mode: "off",
  blocked_country_config: null,
  duplicate_ip_mode: "off",
  fast_signup_mode: "off",
  fast_signup_config: { seconds: 3 },
  self_referral: "off",
  self_referral_config: null,
  duplicate_ip: "off",
  duplicate_ip_config: { threshold: 1, window_hours: 24 },
  vpn_proxy: "off",
  vpn_proxy_config: null,
  suspicious_conversion: "off",
  suspicious_conversion_config: null,
};

/** Changes rules, twice; what they are then. */
async function changed(ledger, change) {
  const first = await patch(ledger, RULES, change);
  assert.equal(first.status, 200, first.text);
  const second = await patch(ledger, RULES, change);
  assert.deepEqual([second.status, second.json], [200, first.json]);
  return second.json.data;
}

async function rulesVersion(ledger) {
  const [row] = await select(ledger, "SELECT rules_version FROM program WHERE id = ?", ledger.fixture.program.id);
  return row.rules_version;
}

test("each rule is set by itself, and what is not sent stays", async (t) => {
  const ledger = await startLedger(t);
  assert.deepEqual((await get(ledger, RULES)).json, { success: true, data: NEW });
  let expected = NEW;
  const steps = [
    [{ self_referral_mode: "block" }, { self_referral: "block" }],
    [{ self_referral: "detect" }, { self_referral_mode: "detect" }],
    [{ duplicate_ip: "block", duplicate_ip_config: { threshold: 3, window_hours: 1 } }, { duplicate_ip_mode: "block" }],
    [{ suspicious_email_mode: "detect", fast_signup_mode: "block" }, {}],
    [{ fast_signup_config: { seconds: 10 } }, {}],
    [{ paid_traffic_mode: "BLOCK" }, { paid_traffic_mode: "block" }],
    [
      { paid_traffic_config: { allowed_campaigns: ["Summer"], further_click_ids: ["FBCLID"] } },
      { paid_traffic_config: { allowed_campaigns: ["summer"], further_click_ids: ["fbclid"] } },
    ],
    [
      { banned_referral_mode: "block", banned_referral_config: { domains: ["Coupons.Example", "coupons.example"] } },
      { banned_referral_config: { domains: ["coupons.example"] } },
    ],
    [
      { blocked_country_mode: "block", blocked_country_config: { countries: ["cn", "RU"] } },
      { blocked_country_config: { countries: ["CN", "RU"] } },
    ],
    [{ blocked_country_config: null }, {}],
    [{ banned_referral_config: { domains: [] } }, { banned_referral_config: null }],
    [{ duplicate_ip_config: { threshold: 5 } }, { duplicate_ip_config: { threshold: 5, window_hours: 24 } }],
    [{ duplicate_ip_config: null, fast_signup_config: null }, { duplicate_ip_config: NEW.duplicate_ip_config, fast_signup_config: NEW.fast_signup_config }],
  ];
  for (const [change, shownAs] of steps) {
    expected = { ...expected, ...change, ...shownAs };
    assert.deepEqual(await changed(ledger, change), expected, JSON.stringify(change));
  }
  // Nobody else's.
  const { live } = ledger.fixture.other.keys;
  assert.deepEqual((await get(ledger, RULES, { key: live })).json.data, NEW);
});

test("what makes no sense is refused and changes nothing", async (t) => {
  const ledger = await startLedger(t);
  const version = await rulesVersion(ledger);
  const refused = [
    [{}, "self_referral_mode"],
    [{ self_referral_mode: "on" }, "self_referral_mode"],
    [{ self_referral_mode: "block", self_referral: "off" }, "self_referral"],
    [{ duplicate_ip_mode: "block", duplicate_ip: "detect" }, "duplicate_ip"],
    [{ vpn_proxy: "detect" }, "vpn_proxy"],
    [{ cross_program_ban_mode: "block" }, "cross_program_ban_mode"],
    [{ duplicate_payout_mode: "block" }, "duplicate_payout_mode"],
    [{ suspicious_conversion: "block" }, "suspicious_conversion"],
    [{ self_referral_config: { threshold: 1 } }, "self_referral_config"],
    [{ banned_referral_config: { domains: ["https://coupons.example/"] } }, "banned_referral_config.domains"],
    [{ banned_referral_config: { domains: ["coupons"] } }, "banned_referral_config.domains"],
    [{ banned_referral_config: { domains: "coupons.example" } }, "banned_referral_config.domains"],
    [{ banned_referral_config: ["coupons.example"] }, "banned_referral_config[0]"],
    [{ blocked_country_config: { countries: ["Germany"] } }, "blocked_country_config.countries"],
    [{ paid_traffic_config: { allowed_campaigns: [""] } }, "paid_traffic_config.allowed_campaigns"],
    [{ paid_traffic_config: { further_click_ids: ["a b"] } }, "paid_traffic_config.further_click_ids"],
    [{ duplicate_ip_config: { threshold: 0 } }, "duplicate_ip_config.threshold"],
    [{ duplicate_ip_config: { window_hours: 721 } }, "duplicate_ip_config.window_hours"],
    [{ duplicate_ip_config: { threshold: 1.5 } }, "duplicate_ip_config.threshold"],
    [{ fast_signup_config: { seconds: 3601 } }, "fast_signup_config.seconds"],
  ];
  for (const [body, field] of refused) assertRefused(await patch(ledger, RULES, body), field);
  assertLiveKeyNeeded(await patch(ledger, RULES, { self_referral_mode: "block" }, { key: ledger.fixture.keys.test }));
  assert.deepEqual((await get(ledger, RULES)).json.data, NEW);
  assert.equal(await rulesVersion(ledger), version);
  // To say of a rule that is not here that it is off is no mistake, and no change.
  assert.deepEqual(await changed(ledger, { vpn_proxy: "off", cross_program_ban_mode: "off" }), NEW);
  assert.equal(await rulesVersion(ledger), version);
});

test("a change raises the rules' version, and the next sign-up follows it", async (t) => {
  const ledger = await startLedger(t);
  const version = await rulesVersion(ledger);
  const before = await post(ledger, "/v1/signups", { click_id: await click(ledger), email: "a@mailinator.com" });
  assert.equal(before.json.data.status, "lead");
  await changed(ledger, { suspicious_email_mode: "block" });
  assert.equal(await rulesVersion(ledger), version + 2);
  const after = await post(ledger, "/v1/signups", { click_id: await click(ledger), email: "b@mailinator.com" });
  assert.deepEqual([after.status, after.json.data.status], [201, "rejected"]);
});
