// The list of commissions: every filter, every order, every page, every expansion, and what is wrong with a parameter.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, get, refund } from "./calls.mjs";
import {
  assertRefused,
  change,
  commission,
  customer,
  list,
  named,
  remove,
  sell,
  withRecruiters,
} from "./commission_calls.mjs";

/** Made then, so that orders and dates are known; by what they are called here. */
const MADE = {
  lead: "2026-01-10T08:00:00Z",
  sale: "2026-01-10T23:59:59.999Z",
  first: "2026-01-11T00:00:00Z",
  second: "2026-01-11T12:00:00Z",
  waits: "2026-01-20T10:00:00Z",
  manual: "2026-02-01T10:00:00Z",
  back: "2026-02-03T10:00:00Z",
};

/** The newest first. */
const ALL = ["back", "manual", "waits", "second", "first", "sale", "lead"];

/**
 * One commission of every kind: a lead's 5.00, a sale's 30.00 (paid, half of it taken back), the levels' of it, one that
 * waits for its rate, one that the owner named for another affiliate's customer.
 */
async function withAll(t) {
  const ledger = await startLedger(t, {
    incentives: [{ percent: "30" }, { trigger: "lead", kind: "fixed", amount_minor: 500 }],
  });
  const { carol } = await withRecruiters(ledger);
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  const referral = await customer(ledger);
  const sale = await sell(ledger, referral, { status: "paid" });
  await refund(ledger, sale.id, { amount: 50 });
  const bobs = await customer(ledger, { trackingId: "bob" });
  const waits = await sell(ledger, bobs, { sale_amount: 500, sale_amount_currency: "GBP", interval: "monthly" });
  const manual = await named(ledger, { referral_id: bobs, status: "pending", payment_intent_id: "pi_1" });
  const kinds = await list(ledger, "/v1/commissions?limit=200");
  const of = (kind, referral_id) =>
    kinds.data.find((one) => one.earning_type === kind && one.referral_id === referral_id).id;
  const ids = {
    lead: of("lead_commission", referral),
    sale: sale.earning_id,
    first: sale.levels[0].earning_id,
    second: sale.levels[1].earning_id,
    back: kinds.data.find((one) => one.commission_amount === -15).id,
    waits: waits.earning_id,
    manual: manual.id,
  };
  for (const [name, at] of Object.entries(MADE)) {
    const statement = ledger.db.prepare("UPDATE commission SET created_at = ?, updated_at = ? WHERE id = ?");
    await statement.bind(Date.parse(at), -Date.parse(at), ids[name]).run();
  }
  // What else there is (Bob's lead, what the levels give back) is removed, so that seven are left.
  for (const { id } of kinds.data.filter((one) => !Object.values(ids).includes(one.id))) {
    await ledger.db.prepare("UPDATE commission SET deleted_at = 1 WHERE id = ?").bind(id).run();
  }
  const names = Object.fromEntries(Object.entries(ids).map(([name, id]) => [id, name]));
  const found = async (query) => (await list(ledger, `/v1/commissions?${query}`)).data.map(({ id }) => names[id]);
  return { ledger, ids, found, referral, bobs, bob, carol, sale, names };
}

test("the newest comes first, and each page knows its neighbours", async (t) => {
  const { ledger, found, names } = await withAll(t);
  assert.deepEqual(await found(""), ALL);
  const pages = [];
  for (const page of [1, 2, 3, 4]) pages.push(await list(ledger, `/v1/commissions?limit=3&page=${page}`));
  assert.deepEqual(
    pages.map(({ data }) => data.map(({ id }) => names[id])),
    [ALL.slice(0, 3), ALL.slice(3, 6), ALL.slice(6), []],
  );
  assert.deepEqual(
    pages.map(({ pagination }) => pagination),
    [1, 2, 3, 4].map((page) => ({
      page,
      limit: 3,
      total: 7,
      total_pages: 3,
      has_next_page: page < 3,
      has_prev_page: page > 1,
    })),
  );
  assert.equal((await list(ledger, "/v1/commissions")).pagination.limit, 50);
});

test("each one of a list is shown as by itself", async (t) => {
  const { ledger } = await withAll(t);
  const { data } = await list(ledger, "/v1/commissions");
  for (const one of data) assert.deepEqual(await commission(ledger, one.id), one);
  const by = Object.fromEntries(data.map((one) => [one.earning_type + (one.level || ""), one]));
  const { lead_commission, direct_commission, level_commission1, level_commission2, clawback } = by;
  assert.deepEqual(
    [lead_commission, level_commission1, level_commission2, clawback].map((one) => [
      one.sale_amount,
      one.sale_amount_currency,
      one.commission_amount,
      one.earned_amount,
      one.sales_status,
    ]),
    [
      [0, "USD", 5, 5, "complete"],
      [50, "USD", 1.5, 3, "partial_refunded"],
      [50, "USD", 2.5, 5, "partial_refunded"],
      [50, "USD", -15, -15, "partial_refunded"],
    ],
  );
  assert.deepEqual([lead_commission.conversion_id, lead_commission.converted_sale_amount], [null, 0]);
  assert.ok(data.some((one) => one.id === direct_commission.id));
});

test("every filter lets through what it says", async (t) => {
  const { found, ledger, referral, bobs, bob, carol } = await withAll(t);
  const { affiliate, program, other } = ledger.fixture;
  const cases = {
    "status=paid": ["sale"],
    "status=PAID": ["sale"],
    "status=pending": ["manual", "waits"],
    "status=ready_for_payment": ["back", "second", "first", "lead"],
    "status=dispute": [],
    "sales_status=complete": ["manual", "waits", "lead"],
    "sales_status=partial_refunded": ["back", "second", "first", "sale"],
    "sales_status=refunded": [],
    [`referral_id=${referral}`]: ["back", "second", "first", "sale", "lead"],
    [`referral_id=${bobs}`]: ["manual", "waits"],
    "referral_id=ref_none": [],
    [`affiliate_id=${affiliate.id}`]: ["back", "sale", "lead"],
    [`affiliate_id=${bob}`]: ["manual", "waits"],
    [`affiliate_id=${carol}`]: ["first"],
    [`affiliate_id=${other.affiliate.id}`]: [],
    [`affiliate_id=${carol}&referral_id=${referral}`]: ["first"],
    [`affiliate_id=${carol}&referral_id=${bobs}`]: [],
    [`program_id=${program.id}`]: ALL,
    [`program_id=${other.program.id}`]: [],
    "reason=missing_rate": ["waits"],
    "reason=manual_commission": ["manual"],
    "reason=level_earned": ["second", "first"],
    "reason=nothing_of_the_kind": [],
    "earning_type=direct_commission": ["waits", "sale"],
    "earning_type=lead_commission": ["lead"],
    "earning_type=level_commission": ["second", "first"],
    "earning_type=clawback": ["back"],
    "earning_type=manual_commission": ["manual"],
    "dateFrom=2026-01-11": ["back", "manual", "waits", "second", "first"],
    "dateTo=2026-01-10": ["sale", "lead"],
    "dateFrom=2026-01-10T23:59:59.999Z&dateTo=2026-01-11T00:00:00Z": ["first", "sale"],
    "dateFrom=2026-03-01": [],
    [`affiliate_id=${bob}&dateTo=2026-01-31&status=pending`]: ["waits"],
    [`referral_id=${referral}&earning_type=level_commission&dateFrom=2026-01-11T06:00:00Z`]: ["second"],
  };
  for (const [query, expected] of Object.entries(cases)) assert.deepEqual(await found(query), expected, query);
  for (const [query, expected] of Object.entries(cases)) {
    const { pagination, data } = await list(ledger, `/v1/commissions?limit=1&${query}`);
    assert.deepEqual([pagination.total, data.length], [expected.length, Math.min(expected.length, 1)], query);
  }
});

test("every order is kept, and its opposite", async (t) => {
  const { found, bob } = await withAll(t);
  const orders = {
    created_at: ALL.toReversed(),
    // Set to the opposite of when they were made.
    updated_at: ALL,
    // Without a rate it has no amount; then −15.00, 1.50, 2.50, 5.00, 12.00, 15.00.
    commission_amount: ["waits", "back", "first", "second", "lead", "manual", "sale"],
  };
  for (const [name, expected] of Object.entries(orders)) {
    assert.deepEqual(await found(`sort=${name}`), expected, name);
    assert.deepEqual(await found(`sort=-${name}`), expected.toReversed(), `-${name}`);
    assert.deepEqual(await found(`sort=${name}:desc`), expected.toReversed(), `${name}:desc`);
  }
  // By what is left of the sale in the team's currency: unknown, nothing, four of 50.00, 80.00.
  const bySale = await found("sort=sale_amount");
  assert.deepEqual([bySale.at(0), bySale.at(1), bySale.at(-1)], ["waits", "lead", "manual"]);
  assert.deepEqual(await found("sort=-sale_amount"), bySale.toReversed());
  assert.deepEqual(await found(`sort=sale_amount&affiliate_id=${bob}`), ["waits", "manual"]);
});

test("what a commission names can be shown with it", async (t) => {
  const { ledger, ids, bobs, bob } = await withAll(t);
  const plain = await commission(ledger, ids.manual);
  const query = "?expand=affiliate,affiliate_program,referral";
  const whole = await commission(ledger, ids.manual, query);
  const { affiliate, affiliate_program, referral, ...rest } = whole;
  assert.deepEqual(rest, plain);
  assert.deepEqual([affiliate.id, affiliate.tracking_id], [bob, "bob"]);
  assert.deepEqual([affiliate_program.id, affiliate_program.name], [ledger.fixture.program.id, "Program 1"]);
  assert.deepEqual(referral, (await get(ledger, `/v1/referrals/${bobs}`)).json.data);
  const { data } = await list(ledger, `/v1/commissions${query}`);
  assert.equal(data.length, 7);
  for (const one of data) {
    assert.deepEqual([one.affiliate.id, one.referral.id], [one.affiliate_id, one.referral_id]);
    assert.equal(one.affiliate_program.id, ledger.fixture.program.id);
  }
  const onlyOne = await list(ledger, "/v1/commissions?expand=referral&limit=1");
  assert.deepEqual([onlyOne.data[0].affiliate, onlyOne.data[0].referral.id], [undefined, onlyOne.data[0].referral_id]);
  // The affiliate goes; what they earned stays theirs.
  await remove(ledger, `/v1/affiliates/${bob}`);
  assert.deepEqual((await commission(ledger, ids.manual, "?expand=affiliate")).affiliate, null);
});

test("whatever is wrong with a parameter is a 400 that names it", async (t) => {
  const ledger = await startLedger(t);
  const wrong = {
    "page=0": "page",
    "limit=201": "limit",
    "status=approved": "status",
    "sales_status=done": "sales_status",
    "earning_type=bonus": "earning_type",
    "sort=affiliate_id": "sort",
    "expand=coupon": "expand",
    "dateFrom=yesterday": "dateFrom",
    "dateTo=2026-02-30": "dateTo",
  };
  for (const [query, field] of Object.entries(wrong)) {
    assertRefused(await get(ledger, `/v1/commissions?${query}`), field);
  }
  assertRefused(await get(ledger, "/v1/commissions/com_none?expand=coupon"), "expand");
  assert.deepEqual((await list(ledger, "/v1/commissions")).data, []);
});

test("a list follows what happens to its commissions", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", approval: "manual" }] });
  const { earning_id } = await sell(ledger, await customer(ledger));
  const waiting = async () => (await list(ledger, "/v1/commissions?status=pending_manual_approval")).data.length;
  assert.equal(await waiting(), 1);
  await change(ledger, earning_id, { status: "ready_for_payment" });
  assert.equal(await waiting(), 0);
  assert.equal((await list(ledger, "/v1/commissions?status=ready_for_payment")).data.length, 1);
  await remove(ledger, `/v1/commissions/${earning_id}`);
  assert.equal((await list(ledger, "/v1/commissions")).pagination.total, 0);
});

test("live and test rows are two lists", async (t) => {
  const ledger = await startLedger(t);
  const { keys } = ledger.fixture;
  const places = [keys.live, keys.test].map((key) => ({ key }));
  const made = [];
  for (const place of places) made.push((await sell(ledger, await customer(ledger, place), {}, place)).earning_id);
  for (const [number, place] of places.entries()) {
    const { data } = await list(ledger, "/v1/commissions", place);
    assert.deepEqual(
      data.map(({ id }) => id),
      [made[number]],
    );
  }
});
