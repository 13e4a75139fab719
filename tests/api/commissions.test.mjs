// Commissions, one by one: named by the owner, shown, corrected and removed; what that does to sums, caps and levels.
import assert from "node:assert/strict";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { contents, get, post, refund, rowCounts, select, STRANGERS, unique } from "./calls.mjs";
import {
  assertConflict,
  assertRefused,
  assertUnknown,
  change,
  commission,
  conversion,
  counted,
  customer,
  lines,
  name,
  named,
  put,
  remove,
  sell,
  told,
  withRecruiters,
} from "./commission_calls.mjs";

test("a commission is recorded as its owner says, and shown so", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const data = await named(ledger, {
    referral_id,
    sale_amount: 80.5,
    sale_amount_currency: "USD",
    commission_amount: 12.25,
    commission_currency: "USD",
    is_subscription: true,
    status: "ready_for_payment",
    sales_status: "complete",
    payment_intent_id: "pi_1",
    hold_period_days: 14,
    created_at: "2026-01-20T15:30:00Z",
    metadata: { invoice: "A-17" },
  });
  const { id, conversion_id, updated_at, ...rest } = data;
  assert.match(id, /^com_/);
  assert.match(conversion_id, /^conv_/);
  assert.ok(Date.parse(updated_at) > Date.parse("2026-01-20T15:30:00Z"));
  assert.deepEqual(rest, {
    referral_id,
    affiliate_id: ledger.fixture.affiliate.id,
    program_id: ledger.fixture.program.id,
    sale_amount: 80.5,
    sale_amount_currency: "USD",
    converted_sale_amount: 80.5,
    commission_amount: 12.25,
    commission_currency: "USD",
    earned_amount: 12.25,
    status: "ready_for_payment",
    sales_status: "complete",
    hold_period_days: 14,
    payment_intent_id: "pi_1",
    invoice_id: null,
    earning_id: id,
    earning_type: "manual_commission",
    level: 0,
    reason: "manual_commission",
    matched_incentive_id: null,
    payout_id: null,
    external_event_id: "pi_1",
    is_subscription: true,
    metadata: { invoice: "A-17" },
    sale_created_at: "2026-01-20T15:30:00Z",
    created_at: "2026-01-20T15:30:00Z",
  });
  assert.deepEqual(await commission(ledger, id), data);
  assert.deepEqual(await commission(ledger, conversion_id), data);
  const sale = await conversion(ledger, conversion_id);
  assert.deepEqual(
    [sale.earning_id, sale.calculation_mode, sale.payment_intent_id, sale.converted_sale_amount],
    [id, "manual", "pi_1", 80.5],
  );
  const referral = (await get(ledger, `/v1/referrals/${referral_id}`)).json.data;
  assert.deepEqual([referral.status, referral.converted_at], ["active", "2026-01-20T15:30:00Z"]);
  assert.deepEqual(await told(ledger), ["referral.lead", "referral.converted", "transaction.created"]);
  assert.deepEqual(await lines(ledger, referral_id), [
    "referral.lead: lead_recorded",
    "commission.recorded: manual_commission",
  ]);
});

test("what is left out, or empty, is the team's currency, pending and complete", async (t) => {
  const ledger = await startLedger(t);
  const none = { sale_amount: 0, commission_amount: 0, commission_currency: "" };
  const data = await named(ledger, { referral_id: await customer(ledger), ...none });
  const { sale_amount, commission_amount, sale_amount_currency, commission_currency } = data;
  assert.deepEqual([sale_amount, commission_amount], [0, 0]);
  assert.deepEqual([sale_amount_currency, commission_currency], ["USD", "USD"]);
  const { status, sales_status, hold_period_days, payment_intent_id, metadata, is_subscription } = data;
  assert.deepEqual([status, sales_status, hold_period_days], ["pending", "complete", null]);
  assert.deepEqual([payment_intent_id, metadata, is_subscription], [null, null, false]);
  assert.deepEqual([data.conversion_id !== null, data.converted_sale_amount], [true, 0]);
});

test("a hold that is not named is that of the incentive for everything", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", approval: "hold_period", hold_days: 21 }] });
  const referral_id = await customer(ledger);
  assert.equal((await named(ledger, { referral_id })).hold_period_days, 21);
  assert.equal((await named(ledger, { referral_id, hold_period_days: 0 })).hold_period_days, null);
});

test("a payment is recorded once, whoever says it", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const body = { referral_id, payment_intent_id: "pi_1" };
  await named(ledger, body);
  await sell(ledger, referral_id, { external_event_id: "order_1" });
  const before = await contents(ledger);
  assertConflict(await name(ledger, body), "DUPLICATE_ERROR", "payment_intent_id");
  assertConflict(
    await name(ledger, { ...body, payment_intent_id: "order_1" }),
    "DUPLICATE_ERROR",
    "payment_intent_id",
  );
  assert.deepEqual(await contents(ledger), before);
  // Another mode is another world.
  const key = ledger.fixture.keys.test;
  await named(ledger, { ...body, referral_id: await customer(ledger, { key }) }, { key });
});

test("the same Idempotency-Key records one commission, and another body under it none", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const options = { headers: { "idempotency-key": "key_1" } };
  const first = await name(ledger, { referral_id }, options);
  const again = await name(ledger, { referral_id }, options);
  assert.deepEqual([again.status, again.text], [first.status, first.text]);
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  assert.equal((await name(ledger, { referral_id, commission_amount: 13 }, options)).status, 422);
  assert.equal((await rowCounts(ledger)).commission, 1);
  // Without a key and a payment's id nobody can tell a repeat from a second one.
  await named(ledger, { referral_id });
  assert.equal((await rowCounts(ledger)).commission, 2);
});

test("every status and sales status can be named, and only three count", async (t) => {
  const ledger = await startLedger(t);
  const statuses = {
    pending: 12,
    pending_manual_approval: 12,
    ready_for_payment: 12,
    processing_payout: 12,
    paid: 12,
    declined: 0,
    refunded: 0,
    dispute: 12,
  };
  for (const [status, counts] of Object.entries(statuses)) {
    const referral_id = await customer(ledger);
    const data = await named(ledger, { referral_id, status });
    assert.deepEqual([data.status, data.commission_amount], [status, status === "refunded" ? 0 : 12]);
    assert.deepEqual([data.earned_amount, await counted(ledger, referral_id)], [12, counts], status);
  }
  for (const sales_status of ["open", "complete", "trialing", "failed", "refunded", "partial_refunded"]) {
    const data = await named(ledger, { referral_id: await customer(ledger), sales_status });
    assert.deepEqual([data.sales_status, data.status, data.commission_amount], [sales_status, "pending", 12]);
  }
});

test("what is named counts towards the incentive's cap", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", cap_minor: 4000 }] });
  const referral_id = await customer(ledger);
  await named(ledger, { referral_id, commission_amount: 35, status: "ready_for_payment" });
  // 40.00 less 35.00 leaves 5.00 of 30.00.
  const sale = await sell(ledger, referral_id);
  assert.deepEqual([sale.commission_amount, sale.reason], [5, "reduced_to_cap"]);
});

test("a wrong commission is a 400 that names the field, and leaves nothing", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const before = await contents(ledger);
  const good = { referral_id, sale_amount: 80, commission_amount: 12 };
  const wrong = [
    [{ referral_id: undefined }, "referral_id"],
    [{ sale_amount: undefined }, "sale_amount"],
    [{ sale_amount: -1 }, "sale_amount"],
    [{ sale_amount: 1.001 }, "sale_amount"],
    [{ sale_amount: 1e20 }, "sale_amount"],
    [{ sale_amount_currency: "XXZ" }, "sale_amount_currency"],
    [{ sale_amount_currency: "JPY", sale_amount: 1.5 }, "sale_amount"],
    [{ commission_amount: undefined }, "commission_amount"],
    [{ commission_amount: -0.01 }, "commission_amount"],
    [{ commission_amount: 0.001 }, "commission_amount"],
    [{ commission_currency: "EUR" }, "commission_currency"],
    [{ commission_currency: "euro" }, "commission_currency"],
    [{ sale_amount_currency: "GBP", commission_currency: "EUR" }, "commission_currency"],
    [{ status: "approved" }, "status"],
    [{ sales_status: "done" }, "sales_status"],
    [{ hold_period_days: -1 }, "hold_period_days"],
    [{ hold_period_days: 366 }, "hold_period_days"],
    [{ created_at: "yesterday" }, "created_at"],
    [{ payment_intent_id: "x".repeat(256) }, "payment_intent_id"],
    [{ metadata: "A-17" }, "metadata"],
    // No rate from the sale's currency is known.
    [{ sale_amount_currency: "GBP", commission_currency: "GBP" }, "commission_currency"],
  ];
  for (const [fields, field] of wrong) {
    for (let twice = 0; twice < 2; twice += 1) assertRefused(await name(ledger, { ...good, ...fields }), field);
  }
  assert.deepEqual(await contents(ledger), before);
});

test("only a referral of the caller's can earn a commission", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const referral_id = await customer(ledger);
  const before = await contents(ledger);
  for (const key of [other.keys.live, other.keys.test, keys.test]) {
    for (let twice = 0; twice < 2; twice += 1) assertUnknown(await name(ledger, { referral_id }, { key }));
  }
  for (const unknown of [`ref_000${letters(22)}`, `ref_zzz${letters(22)}`, "ref_x", "user_1"]) {
    assertUnknown(await name(ledger, { referral_id: unknown }));
  }
  assert.deepEqual(await contents(ledger), before);
});

test("a sale's id shows its own commission; one that earned nothing shows the sale", async (t) => {
  const ledger = await startLedger(t, {
    incentives: [{ percent: "30" }, { kind: "fixed", amount_minor: 0, apply_to: "specific_products", product_ids: ["gift"] }],
  });
  const referral_id = await customer(ledger);
  const sale = await sell(ledger, referral_id, { sale_amount: 99 });
  const own = await commission(ledger, sale.id);
  assert.deepEqual(
    [own.id, own.conversion_id, own.commission_amount, own.earning_type, own.matched_incentive_id],
    [sale.earning_id, sale.id, 29.7, "direct_commission", sale.matched_incentive_id],
  );
  assert.deepEqual(await commission(ledger, sale.earning_id), own);
  const gift = await sell(ledger, referral_id, { product_ids: ["gift"] });
  const none = await commission(ledger, gift.id);
  assert.deepEqual([none.id, none.conversion_id, none.reason], [gift.id, gift.id, "excluded_by_incentive"]);
  const { commission_amount, commission_currency, earned_amount, status, earning_id, earning_type, level } = none;
  for (const field of [commission_amount, commission_currency, earned_amount, status, earning_id, earning_type, level]) {
    assert.equal(field, null);
  }
  assert.deepEqual([none.sale_amount, none.sales_status, none.affiliate_id], [100, "complete", sale.affiliate_id]);
  assert.deepEqual((await ledgerList(ledger)).length, 1);
});

const ledgerList = async (ledger) => (await get(ledger, "/v1/commissions")).json.data;

test("refunds are taken off, and what was earned before them stays visible", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sell(ledger, await customer(ledger));
  await refund(ledger, sale.id, { amount: 40 });
  const reduced = await commission(ledger, sale.id);
  // 30 % of the 60.00 that remain.
  assert.deepEqual([reduced.sale_amount, reduced.commission_amount, reduced.earned_amount], [60, 18, 30]);
  assert.deepEqual([reduced.sales_status, reduced.converted_sale_amount], ["partial_refunded", 60]);
  await refund(ledger, sale.id, {});
  const gone = await commission(ledger, sale.id);
  assert.deepEqual([gone.sale_amount, gone.commission_amount, gone.earned_amount], [0, 0, 30]);
  assert.deepEqual([gone.sales_status, gone.status], ["refunded", "refunded"]);
});

test("a commission goes its way by the published table, and says who moved it", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", approval: "manual" }] });
  const referral_id = await customer(ledger);
  const { earning_id: id } = await sell(ledger, referral_id);
  for (const status of ["pending", "ready_for_payment", "dispute", "pending_manual_approval", "declined"]) {
    assert.equal((await change(ledger, id, { status })).status, status);
    const before = await contents(ledger);
    // What is so already changes nothing.
    assert.equal((await change(ledger, id, { status })).status, status);
    assert.deepEqual(await contents(ledger), before);
  }
  for (const status of ["paid", "processing_payout", "refunded", "dispute"]) {
    assertConflict(await put(ledger, `/v1/commissions/${id}`, { status }), "INVALID_STATUS_TRANSITION", "status");
  }
  for (const status of ["ready_for_payment", "paid"]) await change(ledger, id, { status });
  for (const status of ["pending", "declined", "ready_for_payment"]) {
    assertConflict(await put(ledger, `/v1/commissions/${id}`, { status }), "INVALID_STATUS_TRANSITION", "status");
  }
  const last = (await lines(ledger, referral_id)).at(-1);
  assert.equal(last, "commission.updated: commission_updated");
  const timeline = (await get(ledger, `/v1/referrals/${referral_id}/timeline`)).json.data.at(-1);
  assert.match(timeline.actor, /^key:key_/);
  assert.deepEqual([timeline.details.status_before, timeline.details.status], ["ready_for_payment", "paid"]);
  assert.deepEqual((await told(ledger)).slice(-3), ["transaction.rejected", "transaction.approved", "transaction.paid"]);
});

test("what is declined counts no longer, and comes back where there is room", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", cap_minor: 4000 }] });
  const referral_id = await customer(ledger);
  const { earning_id } = await sell(ledger, referral_id);
  await change(ledger, earning_id, { status: "declined" });
  assert.equal(await counted(ledger, referral_id), 0);
  const second = await sell(ledger, referral_id);
  assert.equal(second.commission_amount, 30);
  // 40.00 less 30.00 is less than 30.00.
  const answer = await put(ledger, `/v1/commissions/${earning_id}`, { status: "pending" });
  assertConflict(answer, "CAP_REACHED", "status");
  await change(ledger, second.earning_id, { status: "declined" });
  await change(ledger, earning_id, { status: "ready_for_payment" });
  assert.equal(await counted(ledger, referral_id), 30);
});

test("amounts and the hold are corrected while nothing is paid", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", approval: "hold_period", hold_days: 30 }] });
  const referral_id = await customer(ledger);
  const sale = await sell(ledger, referral_id);
  const changed = await change(ledger, sale.id, { commission_amount: 25.5, commission_currency: "USD" });
  assert.deepEqual(
    [changed.id, changed.commission_amount, changed.earned_amount, changed.reason],
    [sale.earning_id, 25.5, 25.5, "manual_commission"],
  );
  assert.equal(await counted(ledger, referral_id), 25.5);
  const amount = await change(ledger, sale.earning_id, { sale_amount: 85 });
  assert.deepEqual([amount.sale_amount, amount.converted_sale_amount, amount.commission_amount], [85, 85, 25.5]);
  const foreign = await change(ledger, sale.earning_id, { sale_amount: 70, sale_amount_currency: "GBP" });
  assert.deepEqual(
    [foreign.sale_amount, foreign.sale_amount_currency, foreign.converted_sale_amount],
    [70, "GBP", null],
  );
  const hold = await change(ledger, sale.earning_id, { hold_period_days: 0 });
  assert.equal(hold.hold_period_days, 0);
  const all = { status: "ready_for_payment", commission_amount: 20, sale_amount: 60, sale_amount_currency: "USD" };
  const together = await change(ledger, sale.earning_id, all);
  assert.deepEqual([together.status, together.commission_amount, together.sale_amount], ["ready_for_payment", 20, 60]);
  // Half of the sale is paid back: half of what its owner named goes with it.
  await refund(ledger, sale.id, { amount: 30 });
  assert.equal((await commission(ledger, sale.id)).commission_amount, 10);
  const again = await put(ledger, `/v1/commissions/${sale.earning_id}`, { commission_amount: 15 });
  assertConflict(again, "SALE_REFUNDED");
  // Days of hold are noted with any status; they run while the commission is pending.
  const noted = await change(ledger, sale.earning_id, { hold_period_days: 5 });
  assert.deepEqual([noted.hold_period_days, noted.status], [5, "ready_for_payment"]);
  await change(ledger, sale.earning_id, { status: "paid" });
  assertConflict(
    await put(ledger, `/v1/commissions/${sale.earning_id}`, { commission_amount: 15 }),
    "COMMISSION_PAID_OUT",
  );
});

test("a wrong correction is a 400 that names the field", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30" }, { trigger: "lead", kind: "fixed", amount_minor: 500 }] });
  const { earning_id: id } = await sell(ledger, await customer(ledger));
  const wrong = [
    [{}, "status"],
    [{ unknown: 1 }, "status"],
    [{ commission_currency: "USD" }, "status"],
    [{ status: "approved" }, "status"],
    [{ sales_status: "done" }, "sales_status"],
    [{ hold_period_days: 400 }, "hold_period_days"],
    [{ commission_amount: -1 }, "commission_amount"],
    [{ commission_amount: 1.001 }, "commission_amount"],
    [{ commission_amount: 1, commission_currency: "EUR" }, "commission_currency"],
    [{ sale_amount: -1 }, "sale_amount"],
    [{ sale_amount: 1.5, sale_amount_currency: "JPY" }, "sale_amount"],
    [{ sale_amount_currency: "EUR" }, "sale_amount_currency"],
    [{ sales_status: "refunded", status: "declined" }, "sales_status"],
    [{ sales_status: "partial_refunded" }, "sales_status"],
  ];
  const before = await contents(ledger);
  for (const [body, field] of wrong) {
    for (let twice = 0; twice < 2; twice += 1) {
      assertRefused(await put(ledger, `/v1/commissions/${id}`, body), field);
    }
  }
  const leads = (await get(ledger, "/v1/commissions?earning_type=lead_commission")).json.data;
  assert.equal(leads.length, 1);
  assertRefused(await put(ledger, `/v1/commissions/${leads[0].id}`, { sale_amount: 5 }), "sale_amount");
  assertRefused(await put(ledger, `/v1/commissions/${leads[0].id}`, { sales_status: "failed" }), "sales_status");
  const none = await sell(ledger, await customer(ledger), { sales_status: "open" });
  const { referral_id } = none;
  assertRefused(await put(ledger, `/v1/commissions/${none.id}`, { commission_amount: 5 }), "commission_amount");
  assert.deepEqual((await conversion(ledger, none.id)).referral_id, referral_id);
  assert.deepEqual(
    (await contents(ledger)).commission.filter(({ id: one }) => one === id),
    before.commission.filter(({ id: one }) => one === id),
  );
});

test("a removed commission is gone with its levels; the sale stays, and the cap has room again", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", cap_minor: 3000 }] });
  await withRecruiters(ledger);
  const referral_id = await customer(ledger);
  const sale = await sell(ledger, referral_id);
  assert.equal(sale.levels.length, 2);
  const answer = await remove(ledger, `/v1/commissions/${sale.earning_id}`);
  assert.deepEqual([answer.status, answer.json], [
    200,
    { success: true, message: "Commission deleted successfully" },
  ]);
  for (const id of [sale.earning_id, ...sale.levels.map(({ earning_id }) => earning_id)]) {
    assertUnknown(await remove(ledger, `/v1/commissions/${id}`));
    assertUnknown(await get(ledger, `/v1/commissions/${id}`));
    assertUnknown(await put(ledger, `/v1/commissions/${id}`, { status: "declined" }));
  }
  assertUnknown(await remove(ledger, `/v1/commissions/${sale.id}`));
  assert.deepEqual(await ledgerList(ledger), []);
  const left = await conversion(ledger, sale.id);
  assert.deepEqual(
    [left.sale_amount, left.commission_amount, left.earning_id, left.reason, left.levels],
    [100, null, null, "commission_deleted", []],
  );
  assert.equal((await commission(ledger, sale.id)).earning_id, null);
  assert.equal((await sell(ledger, referral_id)).commission_amount, 30);
  const types = await told(ledger);
  assert.equal(types.filter((type) => type === "transaction.deleted").length, 3);
});

test("what is paid is neither removed nor changed", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await named(ledger, { referral_id: await customer(ledger), status: "paid" });
  const before = await contents(ledger);
  for (let twice = 0; twice < 2; twice += 1) {
    assertConflict(await remove(ledger, `/v1/commissions/${id}`), "COMMISSION_PAID_OUT");
  }
  assert.deepEqual(await contents(ledger), before);
});

test("a level is a commission of its own, and its sale's amount is not its to change", async (t) => {
  const ledger = await startLedger(t);
  const { carol, dave } = await withRecruiters(ledger);
  const sale = await sell(ledger, await customer(ledger));
  // A tenth of 30.00, and five hundredths of 100.00.
  assert.deepEqual(
    sale.levels.map(({ level, affiliate_id, commission_amount }) => [level, affiliate_id, commission_amount]),
    [
      [1, carol, 3],
      [2, dave, 5],
    ],
  );
  assert.deepEqual((await conversion(ledger, sale.id)).levels, sale.levels);
  const [{ earning_id }] = sale.levels;
  const level = await commission(ledger, earning_id);
  assert.deepEqual(
    [level.id, level.level, level.earning_type, level.affiliate_id, level.conversion_id, level.sale_amount],
    [earning_id, 1, "level_commission", carol, sale.id, 100],
  );
  assertRefused(await put(ledger, `/v1/commissions/${earning_id}`, { sale_amount: 50 }), "sale_amount");
  assert.equal((await change(ledger, earning_id, { status: "declined" })).status, "declined");
  assert.equal((await commission(ledger, sale.id)).status, "ready_for_payment");
  await refund(ledger, sale.id, { amount: 50 });
  assert.equal((await commission(ledger, sale.levels[1].earning_id)).commission_amount, 2.5);
  // A dispute is the sale's: what may follow follows.
  await change(ledger, sale.earning_id, { status: "dispute" });
  assert.equal((await commission(ledger, sale.levels[1].earning_id)).status, "dispute");
});

test("what takes a paid commission back is shown as what it is, and cannot be touched", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sell(ledger, await customer(ledger), { status: "paid" });
  await refund(ledger, sale.id, { amount: 50 });
  const [back] = (await get(ledger, "/v1/commissions?earning_type=clawback")).json.data;
  assert.deepEqual(
    [back.commission_amount, back.status, back.conversion_id, back.reason],
    [-15, "ready_for_payment", sale.id, "paid_commission_clawed_back"],
  );
  const paid = await commission(ledger, sale.id);
  assert.deepEqual([paid.status, paid.commission_amount, paid.earned_amount], ["paid", 15, 30]);
  const before = await contents(ledger);
  assertConflict(await put(ledger, `/v1/commissions/${back.id}`, { commission_amount: 1 }), "IS_CLAWBACK");
  assertConflict(await remove(ledger, `/v1/commissions/${back.id}`), "IS_CLAWBACK");
  assert.deepEqual(await contents(ledger), before);
});

test("a commission that waits for a rate has no amount, and can only be declined", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sell(ledger, await customer(ledger), { sale_amount_currency: "GBP" });
  const waits = await commission(ledger, sale.id);
  assert.deepEqual(
    [waits.status, waits.commission_amount, waits.earned_amount, waits.reason, waits.converted_sale_amount],
    ["pending", null, null, "missing_rate", null],
  );
  const path = `/v1/commissions/${sale.earning_id}`;
  assertConflict(await put(ledger, path, { status: "ready_for_payment" }), "MISSING_RATE");
  assertConflict(await put(ledger, path, { commission_amount: 5 }), "MISSING_RATE");
  assert.equal((await change(ledger, sale.earning_id, { status: "declined" })).commission_amount, null);
});

test("an Idempotency-Key works for corrections too", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await named(ledger, { referral_id: await customer(ledger) });
  const options = { headers: { "idempotency-key": unique("key") } };
  const call = (body) => put(ledger, `/v1/commissions/${id}`, body, options);
  const first = await call({ commission_amount: 20 });
  await change(ledger, id, { commission_amount: 10 });
  const again = await call({ commission_amount: 20 });
  assert.deepEqual([again.status, again.text], [200, first.text]);
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  assert.equal((await commission(ledger, id)).commission_amount, 10);
});

for (const { name: who, of, by } of STRANGERS) {
  test(`a commission cannot be seen, changed or removed by ${who}`, async (t) => {
    const ledger = await startLedger(t);
    const owner = { key: ledger.fixture.keys[of] };
    const referral_id = await customer(ledger, owner);
    const sale = await sell(ledger, referral_id, {}, owner);
    const stranger = { key: by(ledger.fixture) };
    const before = await contents(ledger);
    for (const id of [sale.id, sale.earning_id]) {
      const path = `/v1/commissions/${id}`;
      for (let twice = 0; twice < 2; twice += 1) {
        assertUnknown(await get(ledger, path, stranger));
        assertUnknown(await put(ledger, path, { status: "declined" }, stranger));
        assertUnknown(await put(ledger, path, { sales_status: "refunded" }, stranger));
        assertUnknown(await remove(ledger, path, stranger));
      }
      assert.equal((await get(ledger, path, owner)).status, 200);
    }
    assertUnknown(await put(ledger, `/v1/conversions/${sale.id}`, { sales_status: "refunded" }, stranger));
    assertUnknown(await get(ledger, `/v1/conversions/${sale.id}/explain`, stranger));
    assertUnknown(await name(ledger, { referral_id }, stranger));
    for (const path of ["/v1/commissions", `/v1/commissions?referral_id=${referral_id}`, "/v1/conversions"]) {
      assert.deepEqual((await get(ledger, path, stranger)).json.data, []);
      assert.equal((await get(ledger, path, owner)).json.data.length, 1);
    }
    assert.deepEqual(await contents(ledger), before);
  });
}

test("fifty corrections and refunds at once leave sums that agree", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const sales = [];
  for (let number = 0; number < 5; number += 1) sales.push(await sell(ledger, referral_id));
  const calls = sales.flatMap((sale) => [
    put(ledger, `/v1/commissions/${sale.id}`, { commission_amount: 20 }),
    put(ledger, `/v1/commissions/${sale.id}`, { status: "declined" }),
    put(ledger, `/v1/commissions/${sale.id}`, { status: "pending" }),
    refund(ledger, sale.id, { amount: 50 }),
    remove(ledger, `/v1/commissions/${sale.earning_id}`),
  ]);
  for (const { status, text } of await Promise.all(calls)) {
    // What comes after the removal finds a sale without a commission.
    assert.ok([200, 404, 409].includes(status) || text.includes("has no commission"), text);
  }
  const [{ sum }] = await select(
    ledger,
    "SELECT COALESCE(SUM(amount_minor), 0) AS sum FROM commission " +
      "WHERE deleted_at IS NULL AND status NOT IN ('declined', 'refunded')",
  );
  assert.equal(sum / 100, await counted(ledger, referral_id));
});
