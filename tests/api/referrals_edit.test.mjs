// A referral as its owner changes and removes it: what the customer is known by, how far they have come, what that does
// to what they earn, and what the history says.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { assertRefused, assertTaken, assertUnknown } from "./affiliate_calls.mjs";
import { atOnce, click, contents, get, post, refund, select, signedUp, STRANGERS, tally, unique } from "./calls.mjs";
import {
  change,
  lastTold,
  put,
  putInPayout,
  refer,
  referral,
  remove,
  sell,
  standing,
  stats,
  timeline,
  total,
} from "./referral_calls.mjs";

const LEAD = { trigger: "lead", kind: "fixed", amount_minor: 500 };
const SALE = { kind: "percentage", percent: "30" };

function assertNoTransition(answer, from, to) {
  assert.equal(answer.status, 409, answer.text);
  assert.deepEqual([answer.json.error.code, answer.json.error.field], ["INVALID_STATUS_TRANSITION", "status"]);
  assert.equal(answer.json.error.message, `A referral that is ${from} cannot become ${to}`);
}

test("every field is set by its value, emptied by null, and kept where it is not sent", async (t) => {
  const ledger = await startLedger(t);
  const made = await refer(ledger, { email: "jane@example.com", name: "Jane", metadata: { plan: "pro" } });
  const values = {
    email: "jane.doe@example.com",
    external_user_id: "user_9",
    customer_id: "cus_9",
    subscription_id: "sub_9",
    name: "Jane Doe",
    metadata: { plan: "team", seats: [1, 2] },
  };
  let expected = made;
  for (const [field, value] of Object.entries(values)) {
    expected = { ...expected, [field]: value, ...(field === "email" ? { email_masked: "j***@example.com" } : {}) };
    assert.deepEqual(await change(ledger, made.id, { [field]: value }), expected);
  }
  // Sales find the customer by the names that were set.
  for (const names of [{ external_user_id: "user_9" }, { customer_id: "cus_9" }]) {
    assert.equal((await sell(ledger, names)).referral_id, made.id);
  }
  expected = await referral(ledger, made.id);
  for (const field of Object.keys(values)) {
    expected = { ...expected, [field]: null, ...(field === "email" ? { email_masked: null } : {}) };
    assert.deepEqual(await change(ledger, made.id, { [field]: null }), expected);
  }
  assert.deepEqual(await select(ledger, "SELECT * FROM identity"), []);
  // An empty text is null, and the names are free.
  await change(ledger, made.id, { name: "X" });
  assert.equal((await change(ledger, made.id, { name: " " })).name, null);
  assert.notEqual((await refer(ledger, { email: "jane.doe@example.com", customer_id: "cus_9" })).id, made.id);
});

test("a name that another referral holds is a 409 with its field, and nothing is changed", async (t) => {
  const ledger = await startLedger(t);
  const taken = await refer(ledger, { email: "jane@example.com", customer_id: "cus_1", subscription_id: "sub_1" });
  await change(ledger, taken.id, { external_user_id: "user_1" });
  const { id } = await refer(ledger, {});
  const before = await contents(ledger);
  const cases = { email: "Jane@Example.com", customer_id: "cus_1", subscription_id: "sub_1", external_user_id: "user_1" };
  for (const [field, value] of Object.entries(cases)) {
    for (let twice = 0; twice < 2; twice += 1) {
      assertTaken(await put(ledger, id, { name: "New", [field]: value }), field);
    }
  }
  assert.deepEqual(await contents(ledger), before);
});

test("of fifty who want the same name at once one gets it", async (t) => {
  const ledger = await startLedger(t);
  const made = await Promise.all(Array.from({ length: 50 }, () => refer(ledger)));
  const answers = await atOnce(50, (number) => put(ledger, made[number].id, { customer_id: "cus_1" }));
  assert.deepEqual(tally(answers), { 200: 1, 409: 49 });
  const [{ count }] = await select(ledger, "SELECT COUNT(*) AS count FROM referral WHERE customer_id = 'cus_1'");
  assert.equal(count, 1);
});

test("what cannot be, or changes nothing that can be, is a 400 that names it", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await refer(ledger);
  const before = await contents(ledger);
  const cases = [
    [{ email: "nobody" }, "email"],
    [{ email: 5 }, "email"],
    [{ external_user_id: "x".repeat(256) }, "external_user_id"],
    [{ customer_id: ["x"] }, "customer_id"],
    [{ metadata: "x" }, "metadata"],
    [{ status: "deleted" }, "status"],
    [{ status: "click" }, "status"],
    [{ status: "Customer" }, "status"],
    [{ affiliate_id: ledger.fixture.affiliate.id, name: "Jane" }, "affiliate_id"],
    [{}, "email"],
    [{ nobody_reads_this: 1 }, "email"],
  ];
  for (const [body, field] of cases) assertRefused(await put(ledger, id, body), field);
  const { json } = await put(ledger, id, { affiliate_id: "aff_x" });
  assert.match(json.error.message, /POST \/v1\/referrals\/\{id\}\/reassign/);
  assert.deepEqual(await contents(ledger), before);
  assertUnknown(await put(ledger, `ref_000${letters(22)}`, { name: "Jane" }), undefined);
  assertUnknown(await put(ledger, "nonsense", { name: "Jane" }), undefined);
});

test("a status goes where the published table says, and nowhere else", async (t) => {
  const ledger = await startLedger(t);
  // By hand from docs/rules.md, section 7.
  const table = {
    lead: ["trialing", "customer", "active", "canceled", "rejected"],
    trialing: ["customer", "active", "canceled", "rejected"],
    customer: ["trialing", "active", "canceled", "rejected"],
    active: ["customer", "canceled", "rejected"],
    canceled: ["trialing", "customer", "active", "rejected"],
    rejected: ["lead", "trialing", "customer", "active", "canceled"],
  };
  for (const [from, allowed] of Object.entries(table)) {
    for (const to of Object.keys(table).filter((to) => to !== from)) {
      const made = await refer(ledger, { status: from });
      if (!allowed.includes(to)) {
        assertNoTransition(await put(ledger, made.id, { status: to }), from, to);
        continue;
      }
      const changed = await change(ledger, made.id, { status: to });
      assert.equal(changed.status, to, `${from} to ${to}`);
      assert.equal(changed.converted_at !== null, to !== "lead", `${from} to ${to}`);
    }
  }
});

test("who leaves lead is converted, once, and subscribers are told", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await refer(ledger);
  const { converted_at } = await change(ledger, id, { status: "customer" });
  assert.ok(Math.abs(Date.parse(converted_at) - Date.now()) < 60_000);
  const told = await lastTold(ledger, id);
  assert.deepEqual(
    told.map(({ type, data }) => [type, data.status]),
    [
      ["referral.updated", "CUSTOMER"],
      ["referral.converted", "CUSTOMER"],
    ],
  );
  assert.equal((await change(ledger, id, { status: "active" })).converted_at, converted_at);
  assert.deepEqual(
    (await lastTold(ledger, id)).map(({ type }) => type),
    ["referral.updated"],
  );
});

test("a rejected lead earns nothing, and released it waits for approval: the lead's commission too", async (t) => {
  const ledger = await startLedger(t, { incentives: [SALE, LEAD] });
  const id = await signedUp(ledger, "user_1");
  assert.deepEqual(await standing(ledger, id), [["lead", 5, "ready_for_payment"]]);
  await sell(ledger, { referral_id: id });
  assert.deepEqual([await total(ledger, id), (await stats(ledger, id)).total_commission], [35, 35]);

  await change(ledger, id, { status: "rejected" });
  assert.deepEqual(await standing(ledger, id), [
    ["lead", 5, "declined"],
    ["sale", 30, "declined"],
  ]);
  assert.deepEqual([await total(ledger, id), (await stats(ledger, id)).total_commission], [0, 0]);
  assert.deepEqual(
    (await lastTold(ledger, id)).map(({ type }) => type),
    ["referral.updated", "transaction.rejected", "transaction.rejected"],
  );
  const overview = await get(ledger, "/dashboard/overview");
  assert.equal(overview.json.totals.commission, "0.00", overview.text);
  assert.equal((await sell(ledger, { referral_id: id })).reason, "referral_rejected");

  const released = await change(ledger, id, { status: "lead" });
  assert.deepEqual([released.status, released.converted_at], ["lead", null]);
  assert.deepEqual(await standing(ledger, id), [
    ["lead", 5, "pending_manual_approval"],
    ["sale", 30, "pending_manual_approval"],
  ]);
  assert.deepEqual([await total(ledger, id), (await stats(ledger, id)).total_commission], [35, 35]);
  const sold = await sell(ledger, { external_user_id: "user_1" });
  assert.deepEqual([sold.referral_id, sold.commission_amount], [id, 30]);
});

test("a rejection frees the customer, who may come by another way, and then there is no release", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  await change(ledger, id, { status: "rejected" });
  const again = await signedUp(ledger, "user_1");
  assert.notEqual(again, id);
  assertTaken(await put(ledger, id, { status: "customer" }), "external_user_id");
  // What the other one is no longer known by can be taken back.
  await change(ledger, again, { external_user_id: null });
  assert.equal((await change(ledger, id, { status: "customer" })).status, "customer");
  assert.equal((await sell(ledger, { external_user_id: "user_1" })).referral_id, id);
});

test("what is paid or in a payout is not declined", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  await sell(ledger, { referral_id: id });
  await putInPayout(ledger, ledger.fixture.affiliate.id, "paid");
  await sell(ledger, { referral_id: id }, { sale_amount: 50 });
  await putInPayout(ledger, ledger.fixture.affiliate.id, "processing_payout");
  await sell(ledger, { referral_id: id }, { sale_amount: 10 });
  await change(ledger, id, { status: "rejected" });
  assert.deepEqual(await standing(ledger, id), [
    ["sale", 30, "paid"],
    ["sale", 15, "processing_payout"],
    ["sale", 3, "declined"],
  ]);
  assert.equal(await total(ledger, id), 45);
});

test("a removed referral is gone, what it was owed is declined, and its customer may come again", async (t) => {
  const ledger = await startLedger(t, { incentives: [SALE, LEAD] });
  const id = await signedUp(ledger, "user_1");
  await sell(ledger, { referral_id: id });
  const answer = await remove(ledger, id);
  assert.deepEqual([answer.status, answer.json], [200, { success: true, message: "Referral deleted successfully" }]);
  assert.deepEqual(
    (await lastTold(ledger, id)).map(({ type, data }) => [type, data.status ?? data.commissionStatus]),
    [
      ["referral.deleted", "DELETED"],
      ["transaction.rejected", "DECLINED"],
      ["transaction.rejected", "DECLINED"],
    ],
  );
  assert.deepEqual(await standing(ledger, id), [
    ["lead", 5, "declined"],
    ["sale", 30, "declined"],
  ]);
  const before = await contents(ledger);
  assertUnknown(await remove(ledger, id), undefined);
  for (const path of ["", "/timeline", "?include=stats"]) {
    assertUnknown(await get(ledger, `/v1/referrals/${id}${path}`), undefined);
  }
  assertUnknown(await put(ledger, id, { status: "lead" }), undefined);
  assert.deepEqual(await contents(ledger), before);
  for (const names of [{ referral_id: id }, { external_user_id: "user_1" }]) {
    const sale = { ...names, sale_amount: 10, external_event_id: unique("order") };
    assert.equal((await post(ledger, "/v1/conversions", sale)).status, 404);
  }
  const signup = { click_id: id, external_user_id: "user_2" };
  assert.equal((await post(ledger, "/v1/signups", signup)).status, 404);
  const again = await signedUp(ledger, "user_1");
  assert.equal((await sell(ledger, { external_user_id: "user_1" })).referral_id, again);
});

test("of ten who remove a referral at once one does", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await refer(ledger);
  assert.deepEqual(tally(await atOnce(10, () => remove(ledger, id))), { 200: 1, 404: 9 });
  const lines = await select(ledger, "SELECT kind FROM event WHERE subject = ? ORDER BY seq", id);
  assert.deepEqual(
    lines.map(({ kind }) => kind),
    ["referral.lead", "referral.deleted"],
  );
});

test("the sums are what is left of sales and commissions, in the team's currency", async (t) => {
  const ledger = await startLedger(t, { incentives: [SALE, LEAD] });
  const id = await signedUp(ledger, "user_1");
  const nothing = { total_revenue: 0, total_commission: 5, total_orders: 0, orders_without_rate: 0, last_order_at: null };
  assert.deepEqual(await stats(ledger, id), nothing);
  const rates = { rates: { EUR: 0.8 } };
  const day = new Date().toISOString().slice(0, 10);
  const set = await ledger.request("PUT", `/v1/rates/${day}`, { key: ledger.fixture.keys.live, body: { base: "USD", ...rates } });
  assert.ok(set.status < 300, set.text);

  const at = new Date(Date.now() - 1000).toISOString();
  const first = await sell(ledger, { referral_id: id }, { created_at: at });
  // 40 EUR at 0.80 EUR for a dollar are 50.00, which earns 15.00.
  await sell(ledger, { referral_id: id }, { sale_amount: 40, sale_amount_currency: "EUR", created_at: at });
  await sell(ledger, { referral_id: id }, { sale_amount: 1000, sale_amount_currency: "VND" });
  await sell(ledger, { referral_id: id }, { sale_amount: 7, sales_status: "open" });
  assert.equal((await refund(ledger, first.id, { amount: 25 })).status, 200);
  const { last_order_at, ...sums } = await stats(ledger, id);
  // 75 + 50, and 5 + 22.50 + 15.
  assert.deepEqual(sums, { total_revenue: 125, total_commission: 42.5, total_orders: 3, orders_without_rate: 1 });
  assert.ok(Date.parse(last_order_at) > Date.parse(at));
  assert.equal((await referral(ledger, id)).stats, undefined);
});

test("the history says what happened, in which fields, why and by whom, and no value that is the customer's", async (t) => {
  const ledger = await startLedger(t, { incentives: [SALE] });
  const [{ id: key }] = await select(
    ledger,
    "SELECT id FROM api_key WHERE team_id = ? AND kind = 'secret' AND is_test = 0",
    ledger.fixture.team.id,
  );
  const id = await signedUp(ledger, "user_1");
  // A refund that comes before its sale waits for it.
  const early = await refund(ledger, "order_1", { amount: 10, allow_pending: true, external_event_id: "re_1" });
  assert.equal(early.status, 202, early.text);
  await sell(ledger, { referral_id: id }, { external_event_id: "order_1" });
  await change(ledger, id, { customer_id: "cus_secret", name: "Secret Jane" });
  await change(ledger, id, { status: "rejected" });
  await change(ledger, id, { status: "active" });
  const lines = await timeline(ledger, id);
  const shown = lines.map(({ event, reason, refund_id }) => [event, reason, refund_id]);
  const refundId = early.json.data.id;
  assert.deepEqual(shown, [
    ["referral.lead", "lead_recorded", null],
    ["refund.parked", "refund_waits_for_its_sale", refundId],
    ["refund.settled", "refund_met_its_sale", refundId],
    ["sale.recorded", "commission_earned", null],
    ["referral.updated", "referral_updated", null],
    ["referral.rejected", "referral_rejected", null],
    ["referral.released", "referral_released", null],
  ]);
  for (const { actor, request_id } of lines) {
    assert.equal(actor, `key:${key}`);
    assert.match(request_id, /^req_\w{22}$/);
  }
  const [updated, rejected, released] = lines.slice(4).map(({ details }) => details);
  assert.deepEqual(updated.fields, ["customer_id", "name"]);
  assert.deepEqual([rejected.status_before, rejected.status, rejected.commission_ids.length], ["customer", "rejected", 1]);
  assert.deepEqual([released.status_before, released.status, released.commission_ids.length], ["rejected", "active", 1]);
  assert.ok(!/cus_secret|Secret/.test(JSON.stringify(lines)), JSON.stringify(lines));
});

for (const { name, of, by } of STRANGERS) {
  test(`nothing of a referral is changed by ${name}`, async (t) => {
    const ledger = await startLedger(t);
    const key = ledger.fixture.keys[of];
    const { id } = await refer(ledger, {}, { key });
    const before = await contents(ledger);
    const stranger = { key: by(ledger.fixture) };
    for (let twice = 0; twice < 2; twice += 1) {
      assertUnknown(await put(ledger, id, { status: "rejected" }, stranger), undefined);
      assertUnknown(await remove(ledger, id, stranger), undefined);
      const give = { affiliate_id: ledger.fixture.affiliate.id, reason: "mine" };
      assertUnknown(await post(ledger, `/v1/referrals/${id}/reassign`, give, stranger), undefined);
    }
    assert.deepEqual(await contents(ledger), before);
  });
}

test("a test key changes test rows, and nobody is told", async (t) => {
  const ledger = await startLedger(t);
  const key = ledger.fixture.keys.test;
  const live = await signedUp(ledger, "user_1");
  const id = await click(ledger, { key });
  await post(ledger, "/v1/signups", { click_id: id, external_user_id: "user_2" }, { key });
  const answer = await put(ledger, id, { external_user_id: "user_1", status: "rejected" }, { key });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(await lastTold(ledger, id), []);
  assert.equal((await referral(ledger, live)).status, "lead");
  assert.equal((await remove(ledger, id, { key })).status, 200);
});

/** Another program of the first team, and a live key of it. */
async function secondProgram(ledger) {
  const key = `sk_live_${letters(44)}`;
  const [program, team] = [`prog_${letters(22)}`, ledger.fixture.team.id];
  const run = (sql, ...values) =>
    ledger.db
      .prepare(sql)
      .bind(...values)
      .run();
  await run(
    "INSERT INTO program (id, number, team_id, name, created_at, rules_version) VALUES (?, 3, ?, 'Program 3', 0, 5)",
    program,
    team,
  );
  await run(
    "INSERT INTO api_key (key_hash, id, team_id, program_id, kind, is_test, created_at) " +
      "VALUES (?, 'key_3', ?, ?, 'secret', 0, 0)",
    createHash("sha256").update(key).digest("hex"),
    team,
    program,
  );
  return { key };
}

test("a referral is changed by a key of another program of the team, under its own program's rules", async (t) => {
  const ledger = await startLedger(t);
  const other = await secondProgram(ledger);
  const { id } = await refer(ledger, { email: "jane@example.com" });
  assert.equal((await get(ledger, `/v1/referrals/${id}`, other)).status, 200);
  const answer = await put(ledger, id, { customer_id: "cus_1" }, other);
  assert.equal(answer.status, 200, answer.text);
  const [row] = await select(ledger, "SELECT program_id, referral_id FROM identity WHERE kind = 'customer_id'");
  assert.deepEqual(row, { program_id: ledger.fixture.program.id, referral_id: id });
  // That program's list has none, and its events know nobody of this one.
  assert.deepEqual((await get(ledger, "/v1/referrals", other)).json.data, []);
  const event = { referral_id: id, event_name: "kyc_passed" };
  assert.equal((await post(ledger, "/v1/events", event, other)).status, 404);
  assert.equal((await remove(ledger, id, other)).status, 200);
});
