// What somebody without a key can do to those who have one. A browser's lead is a claim, and proves nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, click, get, post, rowCounts, select, signedUp } from "./calls.mjs";

const LEAD = "/api/v1/track/lead";
const UNKNOWN = { error: "Customer not found. Provide a valid click_id or customer_key." };
const unkeyed = (ledger, body) => post(ledger, LEAD, body, { key: null });

/** Mallory clicks a link of their own and claims a customer whom they guessed. */
async function claimed(ledger, customer_key, email) {
  const id = await click(ledger, { trackingId: "mallory" });
  const claim = await unkeyed(ledger, { click_id: id, customer_key, email });
  assert.equal(claim.status, 200);
  return id;
}

async function withMallory(t, options) {
  const ledger = await startLedger(t, options);
  return { ledger, mallory: await addAffiliate(ledger, { trackingId: "mallory" }) };
}

test("a sign-up that a key vouches for overrides a browser's claim to the same user id", async (t) => {
  const { ledger } = await withMallory(t);
  await claimed(ledger, "user_77");
  const id = await click(ledger);
  const signup = await post(ledger, "/v1/signups", {
    click_id: id,
    external_user_id: "user_77",
    email: "jane@example.com",
  });
  assert.equal(signup.json.data.affiliate_id, ledger.fixture.affiliate.id);
  const sale = { external_user_id: "user_77", sale_amount: 99, external_event_id: "order_1" };
  const sold = await post(ledger, "/v1/conversions", sale);
  assert.equal(sold.json.data.affiliate_id, ledger.fixture.affiliate.id);
});

test("a sign-up that a key vouches for overrides a browser's claim to the same address", async (t) => {
  const { ledger } = await withMallory(t);
  await claimed(ledger, "x", "jane@example.com");
  const id = await click(ledger);
  const signup = await post(ledger, "/v1/signups", {
    click_id: id,
    external_user_id: "user_77",
    email: "jane@example.com",
  });
  assert.equal(signup.json.data.affiliate_id, ledger.fixture.affiliate.id);
});

test("a sale that names another click overrides a browser's claim to its customer", async (t) => {
  const { ledger } = await withMallory(t);
  await claimed(ledger, "user_77");
  const id = await click(ledger);
  const sale = { click_id: id, external_user_id: "user_77", sale_amount: 99, external_event_id: "order_1" };
  const sold = await post(ledger, "/v1/conversions", sale);
  assert.equal(sold.status, 201);
  assert.equal(sold.json.data.affiliate_id, ledger.fixture.affiliate.id);
});

test("a sign-up that a key vouches for corrects the claim on the same click", async (t) => {
  const incentives = [
    { kind: "percentage", percent: "30" },
    { trigger: "lead", kind: "fixed", amount_minor: 500 },
  ];
  const ledger = await startLedger(t, { incentives });
  const id = await click(ledger);
  await unkeyed(ledger, { click_id: id, customer_key: "visitor_1" });
  const body = { click_id: id, external_user_id: "user_1", name: "Jane" };
  for (let twice = 0; twice < 2; twice += 1) assert.equal((await post(ledger, "/v1/signups", body)).status, 200);
  assert.deepEqual(await select(ledger, "SELECT verified, name FROM referral"), [{ verified: 1, name: "Jane" }]);
  // The merchant's own id is what later sales name: without it they are nobody's.
  const sale = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  assert.equal((await post(ledger, "/v1/conversions", sale)).status, 201);
});

test("a lead incentive of a browser's claim waits for approval", async (t) => {
  const incentives = [{ trigger: "lead", kind: "fixed", amount_minor: 500 }];
  const { ledger, mallory } = await withMallory(t, { incentives });
  await claimed(ledger, "user_77");
  const commissions = await select(ledger, "SELECT affiliate_id, status, reason FROM commission");
  assert.deepEqual(commissions, [
    { affiliate_id: mallory, status: "pending_manual_approval", reason: "lead_awaits_approval" },
  ]);
});

test("a browser cannot take a customer from the one who holds them", async (t) => {
  const { ledger } = await withMallory(t);
  const referral = await signedUp(ledger, "user_1");
  const theirs = await claimed(ledger, "user_1");
  assert.equal((await get(ledger, `/v1/referrals/${theirs}`)).status, 404);
  const sale = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  const sold = await post(ledger, "/v1/conversions", sale);
  assert.equal(sold.json.data.referral_id, referral);
  assert.equal(sold.json.data.affiliate_id, ledger.fixture.affiliate.id);
});

test(
  "a browser cannot give a known customer further names",
  async (t) => {
    const { ledger } = await withMallory(t);
    const referral = await signedUp(ledger, "user_1");
    await claimed(ledger, "user_1", "victim@example.com");
    const [row] = await select(ledger, "SELECT email_masked, seq FROM referral WHERE id = ?", referral);
    assert.deepEqual(row, { email_masked: null, seq: 1 });
    assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 1, event: 1 });
  },
);

test(
  "without a key and without a click nobody learns how far a customer has come",
  async (t) => {
    const ledger = await startLedger(t);
    await signedUp(ledger, "user_1");
    await signedUp(ledger, "user_2");
    await post(ledger, "/v1/conversions", {
      external_user_id: "user_2",
      sale_amount: 99,
      external_event_id: "order_1",
    });
    const program_id = ledger.fixture.program.number;
    const answers = [];
    for (const customer_key of ["user_1", "user_2", "nobody"]) {
      const { status, json } = await unkeyed(ledger, { customer_key, program_id });
      answers.push({ status, json });
    }
    // Lead, customer and nobody cannot be told apart.
    for (const answer of answers) assert.deepEqual(answer, { status: 400, json: UNKNOWN });
  },
);

test("an unkeyed answer never shows another click's customer", async (t) => {
  const { ledger } = await withMallory(t);
  const referral = await signedUp(ledger, "user_1");
  const sale = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  await post(ledger, "/v1/conversions", sale);
  const id = await click(ledger, { trackingId: "mallory" });
  for (const customer_key of ["user_1", "user_1", "user_2"]) {
    const answer = await unkeyed(ledger, { click_id: id, customer_key });
    assert.deepEqual([answer.status, answer.json], [200, { success: true, message: "Lead tracked successfully" }]);
    assert.ok(!answer.text.includes(referral));
  }
});

test(
  "a lead of a page that names another program than the click's is refused",
  async (t) => {
    const ledger = await startLedger(t);
    const click_id = await click(ledger);
    const program_id = ledger.fixture.other.program.id;
    const answer = await unkeyed(ledger, { click_id, customer_key: "user_1", program_id });
    assert.equal(answer.status, 400);
    assert.deepEqual(answer.json, { error: "Customer does not belong to this program" });
    assert.deepEqual(await rowCounts(ledger), {});
  },
);

test(
  "a sale from before its click is not credited to it",
  async (t) => {
    const ledger = await startLedger(t);
    const click_id = await click(ledger);
    const body = { click_id, sale_amount: 99, external_event_id: "order_1", created_at: "2020-01-01T00:00:00Z" };
    const answer = await post(ledger, "/v1/conversions", body);
    assert.equal(answer.json.data.attributed, false);
    assert.equal(answer.json.data.commission_amount, null);
  },
);

test(
  "an identifier that means no referral of the caller's is passed over: the known customer's affiliate is credited",
  async (t) => {
    const ledger = await startLedger(t);
    await signedUp(ledger, "user_1");
    const theirs = await click(ledger, { key: ledger.fixture.other.keys.live, trackingId: "mallory" });
    const open = await click(ledger);
    for (const click_id of [theirs, open, "ref_0000000000000000000000000"]) {
      const body = { click_id, external_user_id: "user_1", sale_amount: 99, external_event_id: `order_${click_id}` };
      const answer = await post(ledger, "/v1/conversions", body);
      assert.equal(answer.status, 201, click_id);
      assert.equal(answer.json.data.affiliate_id, ledger.fixture.affiliate.id);
      assert.equal(answer.json.data.external_user_id, "user_1");
    }
  },
);

const PROVISIONAL = {
  success: true,
  provisional: true,
  message: "Lead recorded as provisional. It counts once it comes with a key, or with the first sale.",
};

const LEAD_PAYS = [
  { kind: "percentage", percent: "30" },
  { trigger: "lead", kind: "fixed", amount_minor: 500 },
];

async function told(ledger) {
  const rows = await select(ledger, "SELECT messages FROM event ORDER BY position");
  return rows.flatMap((row) => JSON.parse(row.messages).map((message) => message.type));
}

test("where the program wants a key a page's lead is provisional until a call with a key says so too", async (t) => {
  const ledger = await startLedger(t, { program: { lead_auth: "server_required" }, incentives: LEAD_PAYS });
  const id = await click(ledger);
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await unkeyed(ledger, { click_id: id, customer_key: "user_1" });
    assert.deepEqual([answer.status, answer.json], [200, PROVISIONAL]);
  }
  assert.deepEqual(await told(ledger), []);
  assert.deepEqual(await select(ledger, "SELECT id FROM commission"), []);
  const keyed = { click_id: id, customer_key: "user_1" };
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await post(ledger, LEAD, keyed, { key: ledger.fixture.keys.token });
    assert.deepEqual([answer.status, answer.json], [200, { success: true, message: "Lead tracked successfully" }]);
  }
  assert.deepEqual(await told(ledger), ["referral.lead", "transaction.created"]);
  assert.deepEqual(await select(ledger, "SELECT amount_minor, status FROM commission"), [
    { amount_minor: 500, status: "ready_for_payment" },
  ]);
  const again = await unkeyed(ledger, { click_id: id, customer_key: "user_1" });
  assert.deepEqual(again.json, { success: true, message: "Lead tracked successfully" });
  // Of somebody who came through another click, a page hears what it hears of anybody.
  const other = await click(ledger);
  assert.deepEqual((await unkeyed(ledger, { click_id: other, customer_key: "user_1" })).json, PROVISIONAL);
});

test("the first sale makes a provisional lead good", async (t) => {
  const ledger = await startLedger(t, { program: { lead_auth: "server_required" }, incentives: LEAD_PAYS });
  const id = await click(ledger);
  await unkeyed(ledger, { click_id: id, customer_key: "user_1" });
  const sale = { external_user_id: "user_1", sale_amount: 100, external_event_id: "order_1" };
  for (const status of [201, 200]) assert.equal((await post(ledger, "/v1/conversions", sale)).status, status);
  assert.deepEqual(await told(ledger), [
    ...["referral.lead", "transaction.created"],
    ...["referral.converted", "transaction.created"],
  ]);
  const paid = await select(ledger, "SELECT kind, amount_minor FROM commission ORDER BY kind");
  assert.deepEqual(paid, [
    { kind: "lead", amount_minor: 500 },
    { kind: "sale", amount_minor: 3000 },
  ]);
});

/** Leads that only pages vouch for, as they are stored. */
async function claims(ledger, count, { affiliate = ledger.fixture.affiliate.id, from = null }) {
  const { team, program } = ledger.fixture;
  const rows = `WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
    INSERT INTO referral (id, team_id, program_id, is_test, affiliate_id, status, verified, seq, created_by_request,
      created_at, updated_at, claimed_from)
    SELECT 'ref_claim_' || ? || n, ?, ?, 0, ?, 'lead', 0, 1, 'req', ?, ?, ? FROM number`;
  const mark = `${affiliate}_${from}_`;
  const now = Date.now();
  await ledger.db.prepare(rows).bind(count, mark, team.id, program.id, affiliate, now, now, from).run();
}

test("one affiliate has so many claims within an hour, and no more", async (t) => {
  const { ledger, mallory } = await withMallory(t);
  await claims(ledger, 999, { affiliate: mallory });
  await claimed(ledger, "user_1");
  const id = await click(ledger, { trackingId: "mallory" });
  const over = await unkeyed(ledger, { click_id: id, customer_key: "user_2" });
  assert.deepEqual([over.status, over.json], [429, { error: "Too many leads without a key. Try again later." }]);
  assert.match(over.headers.get("retry-after"), /^[1-9][0-9]*$/);
  assert.equal((await get(ledger, `/v1/referrals/${id}`)).status, 404);
  // Others, and calls with a key, are not concerned; what was claimed an hour ago counts no longer.
  const own = await click(ledger);
  assert.equal((await unkeyed(ledger, { click_id: own, customer_key: "user_3" })).status, 200);
  const keyed = await post(ledger, "/v1/signups", { click_id: id, external_user_id: "user_2" });
  assert.equal(keyed.status, 201);
  await ledger.db.prepare("UPDATE referral SET created_at = created_at - 3600001 WHERE id LIKE 'ref_claim_%'").run();
  await claimed(ledger, "user_4");
});

test("one network address claims so much within an hour, and no more", async (t) => {
  const ledger = await startLedger(t);
  const from = (ip) => ({ key: null, headers: { "cf-connecting-ip": ip } });
  const claim = async (number, ip) =>
    post(ledger, LEAD, { click_id: await click(ledger), customer_key: `user_${number}` }, from(ip));
  assert.equal((await claim(1, "192.0.2.1")).status, 200);
  const [{ claimed_from }] = await select(ledger, "SELECT claimed_from FROM referral");
  assert.match(claimed_from, /^[0-9a-f]{64}$/);
  await claims(ledger, 58, { from: claimed_from });
  assert.equal((await claim(2, "192.0.2.1")).status, 200);
  assert.equal((await claim(3, "192.0.2.1")).status, 429);
  assert.equal((await claim(4, "192.0.2.2")).status, 200);
  // A key's word makes it no claim any more, and the address is forgotten.
  const [{ id }] = await select(ledger, "SELECT id FROM referral WHERE external_user_id = 'user_1'");
  await post(ledger, "/v1/signups", { click_id: id, external_user_id: "user_1" });
  const [row] = await select(ledger, "SELECT verified, claimed_from FROM referral WHERE id = ?", id);
  assert.deepEqual(row, { verified: 1, claimed_from: null });
  assert.equal((await claim(5, "192.0.2.1")).status, 200);
});
