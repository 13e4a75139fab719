// Why a sale was credited, or was not: every rule that was asked, in order, the sum in digits, and what happened since.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, click, contents, get, post, refund, signedUp, unique } from "./calls.mjs";
import {
  assertUnknown,
  change,
  conversion,
  customer,
  named,
  put,
  remove,
  sell,
  shown,
  withRecruiters,
} from "./commission_calls.mjs";

const explain = (ledger, id, options) => shown(ledger, `/v1/conversions/${id}/explain`, options);

/** Rules and verdicts, in order: `referral passed`. */
const asked = ({ considered }) => considered.map(({ rule, verdict }) => `${rule} ${verdict}`);

const because = ({ considered }, rule) => considered.filter((one) => one.rule === rule).map((one) => one.because);

const events = ({ changes }) => changes.map(({ event, reason }) => `${event}: ${reason}`);

/** What is asked of every sale that earns, before the incentives. */
const BEFORE = ["referral passed", "attribution_window passed", "sales_status passed", "partnership passed"];

test("a sale that earned says by which rules, and how much in digits", async (t) => {
  const ledger = await startLedger(t);
  const referral = await customer(ledger);
  const sale = await sell(ledger, referral, { sale_amount: 99 });
  const data = await explain(ledger, sale.id);
  assert.deepEqual(
    [data.conversion_id, data.referral_id, data.affiliate_id, data.attributed, data.sales_status],
    [sale.id, referral, ledger.fixture.affiliate.id, true, "complete"],
  );
  assert.equal(data.decision.reason, "commission_earned");
  assert.deepEqual(data.decision, sale.decision);
  assert.deepEqual(asked(data), [...BEFORE, "incentive applied", "length passed"]);
  assert.match(because(data, "attribution_window")[0], /within 60 days of the click/);
  assert.match(because(data, "incentive")[0], new RegExp(`${sale.matched_incentive_id} \\(all_plans\\)`));
  assert.deepEqual(data.sum, ["99.00 USD × 30 % = 29.70 USD"]);
  assert.deepEqual(data.amounts, {
    sale: { amount: 99, refunded: 0, remaining: 99, currency: "USD" },
    converted: { amount: 99, remaining: 99, currency: "USD", exchange_rate: null, exchange_rate_date: null },
    commission: {
      earning_id: sale.earning_id,
      affiliate_id: ledger.fixture.affiliate.id,
      level: 0,
      earned: 29.7,
      now: 29.7,
      currency: "USD",
      status: "ready_for_payment",
      reason: "commission_earned",
      payout_id: null,
    },
    levels: [],
    clawbacks: [],
  });
  assert.deepEqual([data.refunds, data.waiting], [[], null]);
  assert.deepEqual(events(data), ["sale.recorded: commission_earned"]);
  const [{ actor, request_id, at, details }] = data.changes;
  assert.match(actor, /^key:key_/);
  assert.match(request_id, /^req_/);
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
  assert.deepEqual([details.conversion_id, details.commission_amount], [sale.id, 29.7]);
});

test("every incentive is named with why it was, or was not, the one", async (t) => {
  const ledger = await startLedger(t, {
    incentives: [
      { id: "inc_all", percent: "30" },
      { id: "inc_young", percent: "35" },
      { id: "inc_yearly", percent: "20", apply_to: "yearly_plans" },
      { id: "inc_course", percent: "50", apply_to: "specific_products", product_ids: ["course"] },
    ],
  });
  const referral = await customer(ledger);
  const yearly = await explain(ledger, (await sell(ledger, referral, { interval: "yearly" })).id);
  const of = (data) => Object.fromEntries(because(data, "incentive").map((text) => [text.match(/inc_\w+/)[0], text]));
  assert.match(of(yearly).inc_yearly, /prices the purchase/);
  assert.match(of(yearly).inc_all, /less specific/);
  assert.match(of(yearly).inc_course, /does not cover/);
  assert.deepEqual(yearly.sum, ["100.00 USD × 20 % = 20.00 USD"]);
  const plain = of(await explain(ledger, (await sell(ledger, referral)).id));
  assert.match(plain.inc_all, /prices the purchase/);
  assert.match(plain.inc_young, /younger/);
});

test("a cap, and levels, are in the sum", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", cap_minor: 4000 }] });
  const { carol, dave } = await withRecruiters(ledger);
  const referral = await customer(ledger);
  await sell(ledger, referral);
  const second = await sell(ledger, referral);
  const data = await explain(ledger, second.id);
  // 40.00 less the first 30.00; a tenth of what is left; five hundredths of the sale.
  assert.deepEqual(data.sum, [
    "100.00 USD × 30 % = 30.00 USD",
    "min(30.00, 40.00 − 30.00) = 10.00",
    "level 1: 10.00 × 10 % = 1.00",
    "level 2: 100.00 × 5 % = 5.00",
  ]);
  assert.deepEqual(asked(data).slice(-4), ["length passed", "cap applied", "level applied", "level applied"]);
  assert.equal(data.decision.reason, "reduced_to_cap");
  assert.deepEqual(
    data.amounts.levels.map(({ level, affiliate_id, earned, now }) => [level, affiliate_id, earned, now]),
    [
      [1, carol, 1, 1],
      [2, dave, 5, 5],
    ],
  );
  const third = await explain(ledger, (await sell(ledger, referral)).id);
  assert.deepEqual(asked(third).slice(-1), ["cap decided"]);
  assert.deepEqual([third.decision.reason, third.amounts.commission], ["cap_reached", null]);
});

test("the rule that ended the matter is the last one asked", async (t) => {
  const excluded = { kind: "fixed", amount_minor: 0, apply_to: "specific_products", product_ids: ["gift"] };
  const yearly = { percent: "30", apply_to: "yearly_plans" };
  const ledger = await startLedger(t, { incentives: [excluded, yearly] });
  const pending = await addAffiliate(ledger, { trackingId: "erin" });
  const clickId = await click(ledger, { createdAt: "2024-01-01T00:00:00Z" });
  await post(ledger, "/v1/signups", { click_id: clickId, external_user_id: unique("user") });
  const theirs = await customer(ledger, { trackingId: "erin" });
  await put(ledger, `/v1/affiliates/${pending}`, { status: "pending" });
  const referral = await customer(ledger);
  const cases = [
    [clickId, {}, "attribution_window decided", "attribution_window_expired", false],
    [referral, { created_at: "2020-01-01T00:00:00Z" }, "attribution_window decided", "sale_before_click", false],
    [referral, { sales_status: "trialing" }, "sales_status decided", "sale_not_complete", true],
    [theirs, {}, "partnership decided", "affiliate_not_approved", true],
    [referral, {}, "incentive decided", "no_matching_incentive", true],
    [referral, { product_ids: ["gift"] }, "exclusion decided", "excluded_by_incentive", true],
  ];
  for (const [referral_id, fields, last, reason, attributed] of cases) {
    const data = await explain(ledger, (await sell(ledger, referral_id, fields)).id);
    assert.deepEqual([asked(data).at(-1), data.decision.reason, data.attributed], [last, reason, attributed]);
    assert.deepEqual([data.sum, data.amounts.commission], [[], null]);
  }
  const reject = ledger.db.prepare("UPDATE referral SET status = 'rejected', seq = seq + 1 WHERE id = ?");
  await reject.bind(referral).run();
  const rejected = await explain(ledger, (await sell(ledger, referral)).id);
  assert.deepEqual([asked(rejected), rejected.decision.reason], [["referral decided"], "referral_rejected"]);
});

test("a sale in another currency shows rate and date, and one without a rate what it waits for", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", cap_minor: 9000 }] });
  await withRecruiters(ledger);
  const referral = await customer(ledger);
  const today = new Date().toISOString().slice(0, 10);
  const waiting = await explain(ledger, (await sell(ledger, referral, { sale_amount_currency: "GBP" })).id);
  assert.deepEqual([asked(waiting).at(-1), waiting.sum], ["rate_of_exchange decided", []]);
  assert.deepEqual(waiting.waiting, {
    for: "rate_of_exchange",
    from: "GBP",
    to: "USD",
    date: today,
    percentage: "30",
    cap: 90,
    status: "ready_for_payment",
    levels: true,
  });
  const { converted, commission } = waiting.amounts;
  assert.deepEqual([converted, commission.earned, commission.now, commission.status], [null, null, null, "pending"]);
  assert.equal((await put(ledger, `/v1/rates/${today}`, { base: "GBP", rates: { USD: 1.25 } })).status, 200);
  const sale = await sell(ledger, await customer(ledger), { sale_amount: 80, sale_amount_currency: "GBP" });
  const data = await explain(ledger, sale.id);
  assert.deepEqual(data.amounts.converted, {
    amount: 100,
    remaining: 100,
    currency: "USD",
    exchange_rate: "1.25",
    exchange_rate_date: today,
  });
  assert.equal(data.sum[0], "80.00 GBP × 1.25 × 30 % = 30.00 USD");
  assert.deepEqual(because(data, "rate_of_exchange"), [`1.25 of ${today}`]);
  await refund(ledger, sale.id, { amount: 20 });
  const half = await conversion(ledger, sale.id);
  // Of 80.00 pounds 60.00 are left, which were 75.00 dollars.
  assert.deepEqual([half.sale_amount, half.converted_sale_amount, half.commission_amount], [60, 75, 22.5]);
  assert.equal((await explain(ledger, sale.id)).amounts.converted.remaining, 75);
});

test("what happened since is told in order, with who did it", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", approval: "manual" }] });
  const { carol } = await withRecruiters(ledger);
  const referral = await customer(ledger);
  const sale = await sell(ledger, referral);
  await sell(ledger, referral);
  await change(ledger, sale.earning_id, { commission_amount: 24 });
  await change(ledger, sale.earning_id, { status: "ready_for_payment" });
  await refund(ledger, sale.id, { amount: 25, reason: "requested", external_event_id: "refund_1" });
  await change(ledger, sale.levels[0].earning_id, { status: "declined" });
  await change(ledger, sale.earning_id, { status: "paid" });
  await refund(ledger, sale.id, { amount: 25 });
  const data = await explain(ledger, sale.id);
  assert.deepEqual(events(data), [
    "sale.recorded: commission_earned",
    "commission.updated: commission_updated",
    "commission.updated: commission_updated",
    "sale.refunded: sale_partly_refunded",
    "commission.updated: commission_updated",
    "commission.updated: commission_updated",
    "sale.refunded: sale_partly_refunded",
  ]);
  for (const { actor, request_id } of data.changes) {
    assert.match(actor, /^key:key_/);
    assert.match(request_id, /^req_/);
  }
  // 24.00 × 75/100 = 18.00 were paid; of 24.00 × 50/100 = 12.00 there are 6.00 too many.
  const [first, second] = data.refunds;
  assert.deepEqual(
    [first.amount, first.deducted, first.reason, first.external_event_id, first.clawback_id],
    [25, 6, "requested", "refund_1", null],
  );
  assert.deepEqual([second.amount, second.deducted, second.reason], [25, 6, null]);
  const { commission, clawbacks, levels, sale: amounts } = data.amounts;
  assert.deepEqual([commission.earned, commission.now, commission.status], [24, 12, "paid"]);
  assert.deepEqual(clawbacks.map(({ earning_id, now }) => [earning_id, now]), [[second.clawback_id, -6]]);
  assert.deepEqual(amounts, { amount: 100, refunded: 50, remaining: 50, currency: "USD" });
  const ofCarol = levels.find(({ affiliate_id }) => affiliate_id === carol);
  assert.deepEqual([ofCarol.earned, ofCarol.now, ofCarol.status], [3, 1.5, "declined"]);
  // What it says of the decision is as it was decided.
  assert.deepEqual(data.sum, [
    "100.00 USD × 30 % = 30.00 USD",
    "level 1: 30.00 × 10 % = 3.00",
    "level 2: 100.00 × 5 % = 5.00",
  ]);
});

test("a refund that waited for its sale is told with it", async (t) => {
  const ledger = await startLedger(t);
  const referral = await customer(ledger);
  const early = await refund(ledger, "order_1", { amount: 40, allow_pending: true });
  assert.equal(early.status, 202, early.text);
  const sale = await sell(ledger, referral, { external_event_id: "order_1" });
  const data = await explain(ledger, sale.id);
  assert.deepEqual(events(data).toSorted(), [
    "refund.parked: refund_waits_for_its_sale",
    "refund.settled: refund_met_its_sale",
    "sale.recorded: commission_earned",
  ]);
  assert.deepEqual([data.refunds.length, data.amounts.commission.earned, data.amounts.commission.now], [1, 30, 18]);
});

test("a named commission, a removed one and a changed status are explained", async (t) => {
  const ledger = await startLedger(t);
  const { conversion_id, id } = await named(ledger, { referral_id: await customer(ledger) });
  const manual = await explain(ledger, conversion_id);
  assert.deepEqual([manual.decision.reason, manual.considered], ["manual_commission", []]);
  assert.deepEqual(manual.sum, ["named by the owner: 12.00 USD"]);
  await remove(ledger, `/v1/commissions/${id}`);
  const removed = await explain(ledger, conversion_id);
  assert.deepEqual([removed.decision.reason, removed.amounts.commission], ["commission_deleted", null]);
  const opened = await sell(ledger, await customer(ledger), { sales_status: "open" });
  await put(ledger, `/v1/conversions/${opened.id}`, { sales_status: "complete" });
  const completed = await explain(ledger, opened.id);
  assert.deepEqual(events(completed), ["sale.recorded: sale_not_complete", "sale.status_changed: sales_status_changed"]);
  assert.deepEqual([completed.decision.reason, completed.sum.length], ["commission_earned", 1]);
});

test("explaining changes nothing, and what there is not cannot be explained", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sell(ledger, await signedUp(ledger, "user_1"));
  const before = await contents(ledger);
  assert.deepEqual(await explain(ledger, sale.id), await explain(ledger, sale.id));
  for (const id of ["conv_none", sale.earning_id, sale.referral_id, "unattributed"]) {
    assertUnknown(await get(ledger, `/v1/conversions/${id}/explain`));
  }
  assert.deepEqual(await contents(ledger), before);
});
