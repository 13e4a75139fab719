// What fraud rules do to sign-ups and sales, and how a release puts it right. Each figure is worked out by hand: a sign-up
// earns 5.00, a sale 30 %.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { put } from "./affiliate_calls.mjs";
import { addAffiliate, atOnce, click, fromPage, get, post, rowCounts, select, signedUp, tally } from "./calls.mjs";

const INCENTIVES = [
  { kind: "percentage", percent: "30" },
  { trigger: "lead", kind: "fixed", amount_minor: 500 },
];

const guarded = (t, program, options) => startLedger(t, { program, incentives: INCENTIVES, ...options });

/** The types of all messages, in the order of their events. */
async function told(ledger) {
  const rows = await select(ledger, "SELECT messages FROM event ORDER BY position");
  return rows.flatMap((row) => JSON.parse(row.messages).map((message) => message.type));
}

const timeline = async (ledger, id) => (await get(ledger, `/v1/referrals/${id}/timeline`)).json.data;

/** Signs somebody up whom a rule blocks, twice; their referral's id. */
async function blocked(ledger, body, reason) {
  const first = await post(ledger, "/v1/signups", body);
  assert.deepEqual([first.status, first.json.data.status], [201, "rejected"], first.text);
  assert.equal(first.json.decision.reason, reason);
  const second = await post(ledger, "/v1/signups", body);
  assert.deepEqual([second.status, second.json.data], [200, first.json.data]);
  return first.json.data.id;
}

test("a blocked sign-up answers 201 with a rejected referral and says why, and neither event is sent", async (t) => {
  const ledger = await guarded(t, { paid_traffic_mode: "block" });
  const click_id = await click(ledger, { gclid: "abc", utmCampaign: "spring" });
  await blocked(ledger, { click_id, email: "jane@example.com", external_user_id: "user_1" }, "paid_traffic_blocked");
  assert.deepEqual(await told(ledger), []);
  assert.deepEqual(await rowCounts(ledger), { referral: 1, event: 1 });
  const { fraud } = (await get(ledger, `/v1/referrals/${click_id}`)).json.data;
  assert.deepEqual(fraud, { rules: ["paid_traffic"], blocked_by: "paid_traffic", cleared: false });
  const [line] = await timeline(ledger, click_id);
  assert.equal(line.reason, "paid_traffic_blocked");
  assert.deepEqual(line.details.fraud_rules, [
    { rule: "paid_traffic", mode: "block", found: "hit", because: "the landing has gclid" },
  ]);
  // The customer is free: another affiliate's link brings them.
  await addAffiliate(ledger, { trackingId: "bob" });
  assert.equal((await get(ledger, `/v1/referrals/${await signedUp(ledger, "user_1", { trackingId: "bob" })}`)).json.data.status, "lead");
});

test("a hit that is only detected changes nothing and is found", async (t) => {
  const ledger = await guarded(t, { suspicious_email_mode: "detect", paid_traffic_mode: "detect" });
  const click_id = await click(ledger, { utmMedium: "cpc" });
  const signup = await post(ledger, "/v1/signups", { click_id, email: "jane@mailinator.com" });
  assert.deepEqual([signup.status, signup.json.data.status], [201, "lead"]);
  assert.deepEqual(await told(ledger), ["referral.lead", "transaction.created"]);
  const clean = await signedUp(ledger, "user_2");
  const ids = async (fraud) => {
    const answer = await get(ledger, `/v1/referrals?fraud=${fraud}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json.data.map((referral) => referral.id);
  };
  for (const fraud of ["any", "detected", "paid_traffic", "suspicious_email"]) assert.deepEqual(await ids(fraud), [click_id]);
  for (const fraud of ["blocked", "self_referral"]) assert.deepEqual(await ids(fraud), []);
  assert.equal((await get(ledger, "/v1/referrals?fraud=maybe")).status, 400);
  assert.equal((await get(ledger, `/v1/referrals/${clean}`)).json.data.fraud, null);
  const [line] = await timeline(ledger, click_id);
  assert.deepEqual(line.details.fraud_rules.map(({ rule, found }) => [rule, found]), [
    ["suspicious_email", "hit"],
    ["paid_traffic", "hit"],
  ]);
  // No address stands anywhere in it.
  assert.ok(!JSON.stringify(line).includes("jane"));
});

test("every rule is asked of a page's visit, too", async (t) => {
  const program = {
    banned_referral_mode: "detect",
    banned_domains: JSON.stringify(["coupons.example"]),
    blocked_country_mode: "detect",
    blocked_countries: JSON.stringify(["RU"]),
    paid_traffic_mode: "detect",
  };
  const ledger = await guarded(t, program);
  const visit = {
    affiliate_url: "https://shop.example/?aff=alice",
    page_url: "https://shop.example/?aff=alice&utm_medium=paid-social",
    referrer_url: "https://www.coupons.example/deal",
  };
  // The local runtime says of a call what this header says; on the platform nobody can send it.
  const headers = { "mf-cf-blob": JSON.stringify({ country: "RU" }) };
  const tracked = await fromPage(ledger, "/api/v1/track/click", visit, headers);
  const { click_id } = tracked.json;
  await fromPage(ledger, "/api/v1/track/lead", { click_id, customer_key: "user_1" });
  const { fraud } = (await get(ledger, `/v1/referrals/${click_id}`)).json.data;
  assert.deepEqual(fraud.rules, ["paid_traffic", "banned_referral", "blocked_country"]);
});

test("a backend names its visitor's country, and its own address is nobody's", async (t) => {
  const program = { blocked_country_mode: "block", blocked_countries: JSON.stringify(["RU"]), duplicate_ip_mode: "detect" };
  const ledger = await guarded(t, program);
  const from = async (country) => click(ledger, { country });
  await blocked(ledger, { click_id: await from("ru"), external_user_id: "user_1" }, "blocked_country_blocked");
  const signup = await post(ledger, "/v1/signups", { click_id: await from("DE"), external_user_id: "user_2" });
  assert.equal(signup.json.data.status, "lead");
  const wrong = await post(ledger, "/v1/clicks", { trackingId: "alice", country: "Russia" });
  assert.deepEqual([wrong.status, wrong.json.error.field], [400, "country"]);
  // A key's click on the browser's route comes from the backend's address, not from the visitor's.
  const body = { affiliate_url: "https://shop.example/?aff=alice" };
  const tracked = await post(ledger, "/api/v1/track/click", body, { headers: { "cf-connecting-ip": "192.0.2.9" } });
  const keyed = await post(ledger, "/v1/signups", { click_id: tracked.json.click_id, external_user_id: "user_3" });
  const [line] = await timeline(ledger, keyed.json.data.id);
  assert.equal(line.details.fraud_rules.find(({ rule }) => rule === "duplicate_ip").found, "unknown");
});

test("sign-ups from one network address are counted for one affiliate", async (t) => {
  const ledger = await guarded(t, { duplicate_ip_mode: "block", duplicate_ip_threshold: 2 });
  const signUp = async (number, ip, options) => {
    const body = { click_id: await click(ledger, { ip, ...options }), external_user_id: `user_${number}` };
    return (await post(ledger, "/v1/signups", body)).json.data.status;
  };
  await addAffiliate(ledger, { trackingId: "bob" });
  assert.deepEqual([await signUp(1, "192.0.2.1"), await signUp(2, "192.0.2.1")], ["lead", "lead"]);
  assert.equal(await signUp(3, "192.0.2.1"), "rejected");
  assert.equal(await signUp(4, "192.0.2.2"), "lead");
  assert.equal(await signUp(5, "192.0.2.1", { trackingId: "bob" }), "lead");
  // Two addresses of one network of IPv6 are one.
  const statuses = [];
  for (const [number, host] of ["::1", ":ffff::2", ":a:b:c:d"].entries()) {
    statuses.push(await signUp(10 + number, `2001:db8:1:2${host}`));
  }
  assert.deepEqual(statuses, ["lead", "lead", "rejected"]);
  // Nothing that was stored is an address.
  const stored = JSON.stringify(await select(ledger, "SELECT * FROM referral"))
    + JSON.stringify(await select(ledger, "SELECT * FROM event"));
  for (const text of ["192.0.2", "2001:db8"]) assert.ok(!stored.includes(text), text);
});

test("a sign-up sooner after its click than a person can be is too fast", async (t) => {
  const ledger = await guarded(t, { fast_signup_mode: "block", fast_signup_seconds: 3600 });
  await blocked(ledger, { click_id: await click(ledger), external_user_id: "user_1" }, "fast_signup_blocked");
  const createdAt = new Date(Date.now() - 2 * 3_600_000).toISOString();
  const body = { click_id: await click(ledger, { createdAt }), external_user_id: "user_2" };
  assert.equal((await post(ledger, "/v1/signups", body)).json.data.status, "lead");
});

test("an affiliate is recognised by their user id and behind a tagged address", async (t) => {
  const ledger = await guarded(t, { self_referral_mode: "block" });
  const { id, email } = ledger.fixture.affiliate;
  const tagged = email.replace("@", "+me@");
  await blocked(ledger, { click_id: await click(ledger), email: tagged }, "self_referral_blocked");
  const named = await put(ledger, `/v1/affiliates/${id}`, { external_user_id: "user_alice" });
  assert.equal(named.status, 200, named.text);
  await blocked(ledger, { click_id: await click(ledger), external_user_id: "user_alice" }, "self_referral_blocked");
});

test("a release puts a blocked sign-up right once, however often and however fast it is sent", async (t) => {
  const ledger = await guarded(t, { paid_traffic_mode: "block" });
  const click_id = await click(ledger, { gclid: "abc" });
  const id = await blocked(ledger, { click_id, email: "jane@example.com", external_user_id: "user_1" }, "paid_traffic_blocked");
  const other = { key: ledger.fixture.other.keys.live };
  assert.equal((await put(ledger, `/v1/referrals/${id}`, { status: "lead" }, other)).status, 404);
  const answers = await atOnce(5, () => put(ledger, `/v1/referrals/${id}`, { status: "lead" }));
  assert.deepEqual(tally(answers), { 200: 5 });
  const released = (await put(ledger, `/v1/referrals/${id}`, { status: "lead" })).json.data;
  assert.equal(released.status, "lead");
  assert.deepEqual(released.fraud, { rules: ["paid_traffic"], blocked_by: "paid_traffic", cleared: true });
  assert.deepEqual(await told(ledger), ["referral.updated", "referral.lead", "transaction.created"]);
  const commissions = await select(ledger, "SELECT kind, amount_minor, status FROM commission");
  assert.deepEqual(commissions, [{ kind: "lead", amount_minor: 500, status: "ready_for_payment" }]);
  const [{ commission_total_minor }] = await select(ledger, "SELECT commission_total_minor FROM referral");
  assert.equal(commission_total_minor, 500);
  // Its names are its own again, and its sales earn: 30 % of 100.
  const sale = { external_user_id: "user_1", sale_amount: 100, external_event_id: "order_1" };
  const sold = await post(ledger, "/v1/conversions", sale);
  assert.deepEqual([sold.json.data.referral_id, sold.json.data.commission_amount], [id, 30]);
});

test("a sale that a rule blocks is recorded without commission, and explains itself", async (t) => {
  const ledger = await guarded(t, {});
  const click_id = await click(ledger, { msclkid: "abc" });
  await post(ledger, "/v1/signups", { click_id, external_user_id: "user_1" });
  await ledger.request("PATCH", "/v1/program/fraud-rules", {
    key: ledger.fixture.keys.live,
    body: { paid_traffic_mode: "block" },
  });
  const sale = { external_user_id: "user_1", sale_amount: 100, external_event_id: "order_1" };
  const first = await post(ledger, "/v1/conversions", sale);
  assert.equal(first.status, 201, first.text);
  const { attributed, reason, commission_amount } = first.json.data;
  assert.deepEqual([attributed, reason, commission_amount], [false, "paid_traffic_blocked", null]);
  assert.equal((await post(ledger, "/v1/conversions", sale)).status, 200);
  const explained = (await get(ledger, `/v1/conversions/${first.json.data.id}/explain`)).json.data;
  const asked = explained.considered.find(({ rule }) => rule === "paid_traffic");
  assert.deepEqual(asked, { rule: "paid_traffic", verdict: "decided", because: "the landing has msclkid" });
  assert.deepEqual(explained.decision.inputs.fraud_rules, ["paid_traffic"]);
  // The other API says so in its words.
  const flat = { transaction_id: "order_2", amount_cents: 100, customer_key: "user_1" };
  const tracked = await post(ledger, "/api/v1/track/sale", flat, { key: ledger.fixture.keys.token });
  assert.deepEqual([tracked.status, tracked.json.attributed, tracked.json.reason], [200, false, "paid_traffic_blocked"]);
  // What was only noted at a sale can be looked for, and the referral stands.
  const [found] = (await get(ledger, "/v1/referrals?fraud=detected")).json.data;
  assert.deepEqual([found.id, found.status], [click_id, "lead"]);
});
