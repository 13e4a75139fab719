// Affiliates: made, changed and removed by their program's owner; what each change does to what they earn.
import assert from "node:assert/strict";
import { test } from "node:test";
import { emailHash, letters, startLedger } from "../support/ledger.mjs";
import { startReceiver } from "../support/receiver.mjs";
import {
  affiliate,
  assertLiveKeyNeeded,
  assertRefused,
  assertTaken,
  assertUnknown,
  change,
  enrol,
  put,
  remove,
  sale,
} from "./affiliate_calls.mjs";
import { atOnce, click, get, post, select, signedUp, tally, unique } from "./calls.mjs";
import { startTelling, subscribe } from "./webhook_calls.mjs";

const JANE = { name: "Jane Smith", email: "Jane@Partners.Example" };

const rulesVersion = async (ledger) => {
  const [{ rules_version }] = await select(
    ledger,
    "SELECT rules_version FROM program WHERE id = ?",
    ledger.fixture.program.id,
  );
  return rules_version;
};

const lines = (ledger, id) =>
  select(ledger, "SELECT seq, kind, reason, detail, messages, actor, is_test FROM event WHERE subject = ? ORDER BY seq", id);

test("an affiliate needs a name and an address, and may take part at once, in the default group", async (t) => {
  const ledger = await startLedger(t);
  const { program, group } = ledger.fixture;
  const { id, tracking_id, created_at, ...rest } = await enrol(ledger, JANE);
  assert.match(id, /^aff_\w{22}$/);
  assert.match(tracking_id, /^jane-smith-[a-z2-9]{6}$/);
  assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    name: "Jane Smith",
    email: "jane@partners.example",
    source: "api",
    partnership_status: "approved",
    onboarding_completed: false,
    program_id: program.id,
    group_id: group.id,
    external_user_id: null,
    metadata: null,
    recruited_by: null,
    company_name: null,
    country_code: null,
    updated_at: null,
  });
  assert.deepEqual(await affiliate(ledger, id), { id, tracking_id, created_at, ...rest });
  assert.ok(await click(ledger, { trackingId: tracking_id }));
});

test("everything that is sent of an affiliate is kept", async (t) => {
  const ledger = await startLedger(t);
  const { program, group, affiliate: alice } = ledger.fixture;
  const sent = {
    ...JANE,
    program_id: program.id,
    tracking_id: "JANE_2024-x",
    group_id: group.id,
    recruited_by: alice.id,
    company_name: "Jane LLC",
    country_code: "us",
    onboarding_completed: true,
    payout_method: "paypal",
    payout_details: { email: "jane@pay.example" },
    external_user_id: "user_123",
    metadata: { plan: "pro", nested: { list: [1, 2.5, null] } },
  };
  const { payout_method, payout_details, ...plain } = sent;
  const made = await enrol(ledger, sent);
  for (const [field, value] of Object.entries({ ...plain, email: "jane@partners.example", country_code: "US" })) {
    assert.deepEqual(made[field], value, field);
  }
  const shown = await affiliate(ledger, made.id, "?expand=payoutMethod,invoiceDetails,onboardingResponses,promoCodes");
  assert.deepEqual(shown.payoutMethod, { type: payout_method, details: payout_details });
  assert.deepEqual([shown.invoiceDetails.company_name, shown.invoiceDetails.country], ["Jane LLC", "US"]);
  assert.equal(shown.onboardingResponses, null);
  assert.deepEqual(shown.promoCodes, []);
  assert.ok(!("commissionOverrides" in shown));
});

test("a repeated call with an Idempotency-Key is answered as the first one, without one its address is taken", async (t) => {
  const ledger = await startLedger(t);
  const headers = { "idempotency-key": "enrol-jane" };
  const first = await post(ledger, "/v1/affiliates", JANE, { headers });
  const second = await post(ledger, "/v1/affiliates", JANE, { headers });
  assert.deepEqual([first.status, second.status], [201, 201]);
  assert.deepEqual(second.json, first.json);
  assert.equal(second.headers.get("idempotent-replayed"), "true");
  assertTaken(await post(ledger, "/v1/affiliates", JANE), "email");
});

test("what is wrong with an affiliate is a 400 that names the field, when made and when changed", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  const path = `/v1/affiliates/${id}`;
  const before = await affiliate(ledger, id);
  const wrong = {
    name: "x".repeat(101),
    email: "jane",
    company_name: "x".repeat(101),
    country_code: "USA",
    payout_method: "cash",
    external_user_id: "x".repeat(256),
  };
  for (const [field, value] of Object.entries(wrong)) {
    assertRefused(await post(ledger, "/v1/affiliates", { ...JANE, [field]: value }), field);
    assertRefused(await put(ledger, path, { [field]: value }), field);
  }
  for (const tracking_id of ["jane smith", "jäne", "a/b", "x".repeat(101)]) {
    assertRefused(await post(ledger, "/v1/affiliates", { ...JANE, tracking_id }), "tracking_id");
  }
  for (const program_id of [ledger.fixture.other.program.id, "prog_none"]) {
    assertRefused(await post(ledger, "/v1/affiliates", { ...JANE, program_id }), "program_id");
  }
  for (const [field, value] of [["name", ""], ["email", " "], ["status", "gone"]]) {
    assertRefused(await put(ledger, path, { [field]: value }), field);
  }
  assertRefused(await put(ledger, path, {}), "name");
  const empty = await post(ledger, "/v1/affiliates", {});
  assert.deepEqual(
    empty.json.error.details.map(({ field }) => field),
    ["name", "email"],
  );
  assert.deepEqual(await affiliate(ledger, id), before);
});

test("a group or a recruiter of nobody, or of another program, is a 404 that names the field", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  const { other } = ledger.fixture;
  for (const group_id of ["grp_none", other.group.id]) {
    assertUnknown(await post(ledger, "/v1/affiliates", { ...JANE, group_id }), "group_id");
    assertUnknown(await put(ledger, `/v1/affiliates/${id}`, { group_id }), "group_id");
  }
  for (const recruited_by of ["aff_none", other.affiliate.id]) {
    assertUnknown(await post(ledger, "/v1/affiliates", { ...JANE, recruited_by }), "recruited_by");
    assertUnknown(await put(ledger, `/v1/affiliates/${id}`, { recruited_by }), "recruited_by");
  }
});

test("tracking id, address and user are one affiliate's in a program, and another's in another program", async (t) => {
  const ledger = await startLedger(t);
  const { other, affiliate: alice } = ledger.fixture;
  const bob = await enrol(ledger, { email: "bob@partners.example", tracking_id: "bob", external_user_id: "user_bob" });
  const { id } = await enrol(ledger);
  for (const [field, value] of [
    ["tracking_id", "bob"],
    ["tracking_id", alice.trackingId],
    ["email", "BOB@partners.example"],
    ["email", alice.email],
    ["external_user_id", "user_bob"],
  ]) {
    assertTaken(await post(ledger, "/v1/affiliates", { ...JANE, [field]: value }), field);
    if (field !== "tracking_id") assertTaken(await put(ledger, `/v1/affiliates/${id}`, { [field]: value }), field);
  }
  const { email, tracking_id, external_user_id } = bob;
  await enrol(ledger, { email, tracking_id, external_user_id }, { key: other.keys.live });
  await enrol(ledger, { tracking_id: "Bob" });
});

test("of many who want the same address, tracking id or user at once, one gets it", async (t) => {
  const ledger = await startLedger(t);
  const attempts = [
    (number) => ({ email: "same@partners.example", name: `Number ${number}` }),
    (number) => ({ email: `t${number}@partners.example`, name: "T", tracking_id: "same" }),
    (number) => ({ email: `u${number}@partners.example`, name: "U", external_user_id: "same" }),
  ];
  for (const attempt of attempts) {
    const answers = await atOnce(10, (number) => post(ledger, "/v1/affiliates", attempt(number)));
    assert.deepEqual(tally(answers), { 201: 1, 409: 9 });
  }
});

test("many who are made at once are all made", async (t) => {
  const ledger = await startLedger(t);
  const answers = await atOnce(30, () => enrol(ledger, { name: "Jane Smith" }));
  assert.equal(new Set(answers.map(({ tracking_id }) => tracking_id)).size, 30);
});

test("a change changes what it names and nothing else, however often it is made", async (t) => {
  const ledger = await startLedger(t);
  const { affiliate: alice } = ledger.fixture;
  let expected = await enrol(ledger, JANE);
  const steps = [
    [{ name: "Jane Doe" }],
    [{ email: "JANE@elsewhere.example" }, { email: "jane@elsewhere.example" }],
    [{ company_name: "Jane LLC", country_code: "de" }, { company_name: "Jane LLC", country_code: "DE" }],
    [{ company_name: null, country_code: null }],
    [{ external_user_id: "user_1", metadata: { a: 1 } }],
    [{ external_user_id: null, metadata: null }],
    [{ onboarding_completed: true }],
    [{ status: "pending" }, { partnership_status: "pending" }],
    [{ status: "APPROVED" }, { partnership_status: "approved" }],
    [{ recruited_by: alice.id }],
    [{ recruited_by: null }],
    [{ group_id: null }],
    [{ group_id: ledger.fixture.group.id }],
    [{ name: null, email: null, status: null, onboarding_completed: false }, { onboarding_completed: false }],
  ];
  for (const [body, shown = body] of steps) {
    const { updated_at, ...changed } = await change(ledger, expected.id, body);
    const { updated_at: earlier, ...before } = expected;
    assert.deepEqual(changed, { ...before, ...shown }, JSON.stringify(body));
    assert.ok(Date.parse(updated_at) > Date.parse(earlier ?? 0));
    expected = { ...changed, updated_at };
    // The same again: it is so already.
    assert.deepEqual(await change(ledger, expected.id, body), expected);
  }
  assert.deepEqual(await affiliate(ledger, expected.id), expected);
  assert.equal((await lines(ledger, expected.id)).length, 1 + steps.length);
});

test("changes made at once are all kept", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  await Promise.all([
    change(ledger, id, { name: "New name" }),
    change(ledger, id, { company_name: "New company" }),
    change(ledger, id, { metadata: { new: true } }),
    change(ledger, id, { group_id: null }),
  ]);
  const { name, company_name, metadata, group_id } = await affiliate(ledger, id);
  assert.deepEqual({ name, company_name, metadata, group_id }, {
    name: "New name",
    company_name: "New company",
    metadata: { new: true },
    group_id: null,
  });
});

test("how an affiliate is paid is replaced as a whole, and taken back by none", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  const paid = async () => (await affiliate(ledger, id, "?expand=payoutMethod")).payoutMethod;
  assert.equal(await paid(), null);
  await change(ledger, id, { payout_method: "Wise", payout_details: { email: "jane@pay.example", colour: "red" } });
  assert.deepEqual(await paid(), { type: "wise", details: { email: "jane@pay.example" } });
  await change(ledger, id, { payout_method: "wise" });
  assert.deepEqual(await paid(), { type: "wise", details: { email: "jane@pay.example" } });
  await change(ledger, id, { payout_method: "wire_transfer", payout_details: { bank_name: "Bank", iban: "DE00" } });
  assert.deepEqual(await paid(), { type: "wire_transfer", details: { bankName: "Bank", iban: "DE00" } });
  await change(ledger, id, { payout_method: "bitcoin" });
  assert.deepEqual(await paid(), { type: "bitcoin", details: {} });
  await change(ledger, id, { payout_method: "none" });
  assert.equal(await paid(), null);
});

test("nobody recruits themselves, not through others either, and not when two name each other at once", async (t) => {
  const ledger = await startLedger(t);
  const [ann, bob, carol] = [await enrol(ledger), await enrol(ledger), await enrol(ledger)];
  const recruit = (whom, by) => put(ledger, `/v1/affiliates/${whom.id}`, { recruited_by: by.id });
  assertRefused(await recruit(ann, ann), "recruited_by");
  await change(ledger, bob.id, { recruited_by: ann.id });
  await change(ledger, carol.id, { recruited_by: bob.id });
  assertRefused(await recruit(ann, carol), "recruited_by");
  assertRefused(await recruit(ann, bob), "recruited_by");
  await change(ledger, carol.id, { recruited_by: ann.id });
  for (let round = 0; round < 5; round += 1) {
    const [one, other] = [await enrol(ledger), await enrol(ledger)];
    const answers = await Promise.all([recruit(one, other), recruit(other, one)]);
    assert.deepEqual(tally(answers), { 200: 1, 400: 1 });
  }
});

test("who is not approved gets no clicks and earns nothing until they are", async (t) => {
  const ledger = await startLedger(t);
  const { id, tracking_id } = await enrol(ledger);
  const referral = await signedUp(ledger, unique("user"), { trackingId: tracking_id });
  assert.deepEqual((await sale(ledger, referral)).commission_amount, 30);
  for (const status of ["pending", "rejected"]) {
    await change(ledger, id, { status });
    const refused = await post(ledger, "/v1/clicks", { trackingId: tracking_id });
    assert.equal(refused.status, 400, refused.text);
    const { commission_amount, reason } = await sale(ledger, referral);
    assert.deepEqual([commission_amount, reason], [null, "affiliate_not_approved"]);
  }
  await change(ledger, id, { status: "approved" });
  assert.equal((await sale(ledger, referral)).commission_amount, 30);
});

test("without a group an affiliate earns nothing, and by the group's incentives when back in it", async (t) => {
  const ledger = await startLedger(t);
  const { id, tracking_id } = await enrol(ledger);
  const referral = await signedUp(ledger, unique("user"), { trackingId: tracking_id });
  assert.equal((await sale(ledger, referral)).commission_amount, 30);
  await change(ledger, id, { group_id: null });
  assert.equal((await sale(ledger, referral)).reason, "no_matching_incentive");
  await change(ledger, id, { group_id: ledger.fixture.group.id });
  assert.equal((await sale(ledger, referral)).commission_amount, 30);
});

test("who signs up through their own link is recognised by the address that they were made or renamed with", async (t) => {
  const ledger = await startLedger(t, { program: { self_referral_mode: "block" } });
  const { id, tracking_id } = await enrol(ledger, JANE);
  const signUp = async (email) => {
    const body = { click_id: await click(ledger, { trackingId: tracking_id }), email };
    return (await post(ledger, "/v1/signups", body)).json.data.status;
  };
  assert.equal(await signUp("JANE@partners.example"), "rejected");
  await change(ledger, id, { email: "new@partners.example" });
  assert.equal(await signUp("new@partners.example"), "rejected");
  assert.equal(await signUp("somebody@example.com"), "lead");
  const [{ email_hash }] = await select(ledger, "SELECT email_hash FROM affiliate WHERE id = ?", id);
  assert.equal(email_hash, emailHash(ledger.fixture.program.id, "new@partners.example"));
});

test("what the rules read raises their version, and nothing else does", async (t) => {
  const ledger = await startLedger(t);
  const version = await rulesVersion(ledger);
  const { id } = await enrol(ledger);
  await change(ledger, id, { name: "Another", company_name: "Company", metadata: { a: 1 }, payout_method: "manual" });
  assert.equal(await rulesVersion(ledger), version);
  const steps = [
    { status: "pending" },
    { group_id: null },
    { email: "another@partners.example" },
    { recruited_by: ledger.fixture.affiliate.id },
    { group_id: ledger.fixture.group.id, status: "approved" },
  ];
  for (const [number, body] of steps.entries()) {
    await change(ledger, id, body);
    await change(ledger, id, body);
    assert.equal(await rulesVersion(ledger), version + number + 1, JSON.stringify(body));
  }
  await remove(ledger, `/v1/affiliates/${id}`);
  assert.equal(await rulesVersion(ledger), version + steps.length + 1);
});

test("a deleted affiliate is gone, earns nothing more, and keeps what was earned", async (t) => {
  const ledger = await startLedger(t);
  const { id, tracking_id } = await enrol(ledger, JANE);
  const path = `/v1/affiliates/${id}`;
  const referral = await signedUp(ledger, "user_1", { trackingId: tracking_id });
  const early = await click(ledger, { trackingId: tracking_id });
  assert.equal((await sale(ledger, referral)).commission_amount, 30);

  const answer = await remove(ledger, path);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json, { success: true, message: "Affiliate deleted successfully" });
  assertUnknown(await remove(ledger, path));
  assertUnknown(await get(ledger, path));
  assertUnknown(await put(ledger, path, { name: "Back" }));
  assertUnknown(await get(ledger, `${path}/overrides`));

  // Their code is nobody's: unknown for clicks, and never given again; the address may be.
  const unknown = await post(ledger, "/v1/clicks", { trackingId: "nobodys_code" });
  const late = await post(ledger, "/v1/clicks", { trackingId: tracking_id });
  assert.deepEqual([late.status, late.json], [unknown.status, unknown.json]);
  assertTaken(await post(ledger, "/v1/affiliates", { ...JANE, tracking_id }), "tracking_id");
  assert.notEqual((await enrol(ledger, JANE)).id, id);
  assertUnknown(await post(ledger, "/v1/affiliates", { ...JANE, email: "x@partners.example", recruited_by: id }), "recruited_by");

  // Open customers stay theirs and earn them nothing.
  const { commission_amount, reason } = await sale(ledger, referral);
  assert.deepEqual([commission_amount, reason], [null, "affiliate_not_approved"]);
  const shown = (await get(ledger, `/v1/referrals/${referral}`)).json.data;
  assert.equal(shown.affiliate_id, id);
  const signup = await post(ledger, "/v1/signups", { click_id: early, external_user_id: "user_2" });
  assert.ok(signup.status < 500, signup.text);
  const earned = await select(ledger, "SELECT amount_minor, status FROM commission WHERE affiliate_id = ?", id);
  assert.deepEqual(earned, [{ amount_minor: 3000, status: "ready_for_payment" }]);
  const [row] = await select(ledger, "SELECT partnership, deleted_at FROM affiliate WHERE id = ?", id);
  assert.equal(row.partnership, "rejected");
  assert.ok(row.deleted_at > 0);
});

test("browsers that come through a deleted affiliate's link are told what they are told of an unknown one", async (t) => {
  const ledger = await startLedger(t);
  const { id, tracking_id } = await enrol(ledger);
  const track = (code) =>
    post(ledger, "/api/v1/track/click", { affiliate_url: `https://shop.example/?aff=${code}` }, {
      key: null,
      headers: { origin: "https://shop.example" },
    });
  assert.equal((await track(tracking_id)).json.success, true);
  await remove(ledger, `/v1/affiliates/${id}`);
  const [late, unknown] = [await track(tracking_id), await track("nobodys_code")];
  assert.deepEqual([late.status, late.json], [unknown.status, unknown.json]);
});

test("every edit is a line that says who made it, and subscribers are told", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  await subscribe(ledger, receiver.url);
  const made = await enrol(ledger, { ...JANE, external_user_id: "user_1" });
  const { id } = made;
  await change(ledger, id, { status: "pending" });
  await change(ledger, id, { status: "approved" });
  await change(ledger, id, { name: "Jane Doe" });
  await remove(ledger, `/v1/affiliates/${id}`);
  await receiver.received(6);

  const told = receiver.requests.map(({ json }) => [json.type, json.seq, json.data.status]);
  assert.deepEqual(told, [
    ["affiliate.created", 1, "APPROVED"],
    ["affiliate.updated", 2, "PENDING"],
    ["affiliate.confirmed", 3, "APPROVED"],
    ["affiliate.updated", 3, "APPROVED"],
    ["affiliate.updated", 4, "APPROVED"],
    ["affiliate.deleted", 5, "REJECTED"],
  ]);
  const { data } = receiver.requests[0].json;
  assert.deepEqual(data, {
    affiliateId: id,
    affiliateProgramId: ledger.fixture.program.id,
    name: "Jane Smith",
    email: "jane@partners.example",
    trackingId: made.tracking_id,
    status: "APPROVED",
    partnershipStatus: "APPROVED",
    groupId: ledger.fixture.group.id,
    externalUserId: "user_1",
    source: "api",
    onboardingCompleted: false,
    country: null,
    createdAt: made.created_at,
    updatedAt: null,
  });
  const written = await lines(ledger, id);
  assert.deepEqual(
    written.map(({ seq, kind }) => [seq, kind]),
    [
      [1, "affiliate.created"],
      [2, "affiliate.updated"],
      [3, "affiliate.updated"],
      [4, "affiliate.updated"],
      [5, "affiliate.deleted"],
    ],
  );
  for (const { actor, is_test, reason, detail } of written) {
    assert.match(actor, /^key:key_\w{22}$/);
    assert.deepEqual([is_test, reason], [0, "edited_by_owner"]);
    assert.ok(!detail.includes("@"), detail);
  }
  assert.deepEqual(JSON.parse(written[1].detail), { partnership: { from: "approved", to: "pending" } });
});

test("a test key sees the affiliates and changes none", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  const key = ledger.fixture.keys.test;
  assert.equal((await get(ledger, "/v1/affiliates", { key })).json.pagination.total, 2);
  assert.equal((await get(ledger, `/v1/affiliates/${id}`, { key })).status, 200);
  assertLiveKeyNeeded(await post(ledger, "/v1/affiliates", JANE, { key }));
  assertLiveKeyNeeded(await put(ledger, `/v1/affiliates/${id}`, { name: "X" }, { key }));
  assertLiveKeyNeeded(await remove(ledger, `/v1/affiliates/${id}`, { key }));
  assert.equal((await get(ledger, "/v1/affiliates")).json.pagination.total, 2);
});

test("another team's affiliate is not found, whatever is done with it", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger, JANE);
  const path = `/v1/affiliates/${id}`;
  const before = await affiliate(ledger, id);
  const key = ledger.fixture.other.keys.live;
  for (let twice = 0; twice < 2; twice += 1) {
    for (const [own, unknown] of [[path, `/v1/affiliates/aff_${letters(22)}`]]) {
      const answers = await Promise.all([
        ...[own, unknown].map((one) => get(ledger, one, { key })),
        ...[own, unknown].map((one) => put(ledger, one, { name: "X" }, { key })),
        ...[own, unknown].map((one) => remove(ledger, one, { key })),
      ]);
      for (const answer of answers) assertUnknown(answer);
      assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    }
  }
  const others = (await get(ledger, "/v1/affiliates", { key })).json.data;
  assert.deepEqual(
    others.map((one) => one.id),
    [ledger.fixture.other.affiliate.id],
  );
  assert.deepEqual(await affiliate(ledger, id), before);
});
