// The list of conversions and of sales that are nobody's: every filter, every order, every page, every expansion.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, get, post, refund, select, STRANGERS } from "./calls.mjs";
import { assertRefused, conversion, customer, list, sell, withRecruiters } from "./commission_calls.mjs";

/** The newest first. */
const ALL = ["late", "gift", "opened", "pounds", "bobs", "sold"];

/** Six sales of three customers: what they are called here. */
async function withSales(t) {
  const gift = { kind: "fixed", amount_minor: 0, apply_to: "specific_products", product_ids: ["gift"] };
  const ledger = await startLedger(t, { incentives: [{ percent: "30" }, gift] });
  const { carol } = await withRecruiters(ledger);
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  const referral = await customer(ledger);
  const bobs = await customer(ledger, { trackingId: "bob" });
  const stranger = await customer(ledger);
  const far = "2099-01-01T00:00:00Z";
  const ids = {
    sold: await sell(ledger, referral, { customer_id: "cus_1", external_event_id: "order_1" }),
    bobs: await sell(ledger, bobs, { sale_amount: 250, status: "pending" }),
    pounds: await sell(ledger, bobs, { sale_amount: 10, sale_amount_currency: "GBP" }),
    opened: await sell(ledger, referral, { sale_amount: 70, sales_status: "open" }),
    gift: await sell(ledger, referral, { sale_amount: 20, product_ids: ["gift"] }),
    late: await sell(ledger, stranger, { created_at: far, sale_amount: 90, customer_id: "cus_2" }),
  };
  await refund(ledger, ids.sold.id, { amount: 60 });
  for (const [place, { id }] of Object.values(ids).slice(0, 5).entries()) {
    const statement = ledger.db.prepare("UPDATE conversion SET created_at = ? WHERE id = ?");
    await statement.bind(Date.parse(`2026-06-0${place + 1}T10:00:00Z`), id).run();
  }
  const names = Object.fromEntries(Object.entries(ids).map(([name, { id }]) => [id, name]));
  const found = async (query) => (await list(ledger, `/v1/conversions?${query}`)).data.map(({ id }) => names[id]);
  return { ledger, ids, names, found, referral, bobs, bob, carol, stranger };
}

test("the latest sale comes first, and each page knows its neighbours", async (t) => {
  const { ledger, found, names } = await withSales(t);
  assert.deepEqual(await found(""), ALL);
  const pages = [];
  for (const page of [1, 2, 3]) pages.push(await list(ledger, `/v1/conversions?limit=4&page=${page}`));
  assert.deepEqual(
    pages.map(({ data }) => data.map(({ id }) => names[id])),
    [ALL.slice(0, 4), ALL.slice(4), []],
  );
  assert.deepEqual(
    pages.map(({ pagination: { total, total_pages, has_next_page, has_prev_page } }) => [
      total,
      total_pages,
      has_next_page,
      has_prev_page,
    ]),
    [
      [6, 2, true, false],
      [6, 2, false, true],
      [6, 2, false, true],
    ],
  );
});

test("each one of a list is shown as by itself, with its levels", async (t) => {
  const { ledger, ids, carol } = await withSales(t);
  const { data } = await list(ledger, "/v1/conversions");
  for (const one of data) assert.deepEqual(await conversion(ledger, one.id), one);
  const sold = data.find(({ id }) => id === ids.sold.id);
  // Of 100.00 there are 40.00 left: 30 % of it, and a tenth of that; five hundredths of the sale.
  assert.deepEqual([sold.sale_amount, sold.converted_sale_amount, sold.commission_amount], [40, 40, 12]);
  assert.deepEqual(
    sold.levels.map(({ level, commission_amount }) => [level, commission_amount]),
    [
      [1, 1.2],
      [2, 2],
    ],
  );
  assert.equal(sold.levels[0].affiliate_id, carol);
  const pounds = data.find(({ id }) => id === ids.pounds.id);
  assert.deepEqual([pounds.converted_sale_amount, pounds.exchange_rate, pounds.reason], [null, null, "missing_rate"]);
});

test("every filter lets through what it says", async (t) => {
  const { ledger, found, referral, bobs, bob } = await withSales(t);
  const { affiliate, program, other } = ledger.fixture;
  const cases = {
    [`referral_id=${referral}`]: ["gift", "opened", "sold"],
    [`referral_id=${bobs}`]: ["pounds", "bobs"],
    "referral_id=ref_none": [],
    [`affiliate_id=${affiliate.id}`]: ["late", "gift", "opened", "sold"],
    [`affiliate_id=${bob}`]: ["pounds", "bobs"],
    [`affiliate_id=${other.affiliate.id}`]: [],
    [`program_id=${program.id}`]: ALL,
    [`program_id=${other.program.id}`]: [],
    "status=pending": ["pounds", "bobs"],
    "status=ready_for_payment": ["sold"],
    "status=paid": [],
    "sales_status=open": ["opened"],
    "sales_status=partial_refunded": ["sold"],
    "sales_status=complete": ["late", "gift", "pounds", "bobs"],
    "attributed=true": ["gift", "opened", "pounds", "bobs", "sold"],
    "attributed=false": ["late"],
    "reason=attribution_window_expired": ["late"],
    "reason=excluded_by_incentive": ["gift"],
    "reason=sale_not_complete": ["opened"],
    "reason=commission_earned": ["bobs", "sold"],
    "external_event_id=order_1": ["sold"],
    "external_event_id=order_none": [],
    // As the sale named them, and as the referral has been known since.
    "customer_id=cus_1": ["gift", "opened", "sold"],
    "customer_id=cus_2": ["late"],
    "customer_id=cus_none": [],
    "dateFrom=2026-06-04": ["late", "gift", "opened"],
    "dateTo=2026-06-02": ["bobs", "sold"],
    "dateFrom=2026-06-02T10:00:00Z&dateTo=2026-06-03T10:00:00Z": ["pounds", "bobs"],
    [`referral_id=${referral}&sales_status=complete&dateTo=2026-12-31`]: ["gift"],
    [`external_event_id=order_1&referral_id=${bobs}`]: [],
  };
  for (const [query, expected] of Object.entries(cases)) {
    assert.deepEqual(await found(query), expected, query);
    const { pagination } = await list(ledger, `/v1/conversions?limit=1&${query}`);
    assert.equal(pagination.total, expected.length, query);
  }
});

test("every order is kept, and its opposite", async (t) => {
  const { found } = await withSales(t);
  const orders = {
    created_at: ALL.toReversed(),
    // What is left, in the team's currency: unknown, 20.00, 40.00 of 100.00, 70.00, 90.00, 250.00.
    sale_amount: ["pounds", "gift", "sold", "opened", "late", "bobs"],
  };
  for (const [name, expected] of Object.entries(orders)) {
    assert.deepEqual(await found(`sort=${name}`), expected, name);
    assert.deepEqual(await found(`sort=-${name}`), expected.toReversed(), `-${name}`);
  }
});

test("whom a sale names can be shown with it", async (t) => {
  const { ledger, ids, referral } = await withSales(t);
  const { data } = await list(ledger, "/v1/conversions?expand=referral,affiliate");
  for (const one of data) {
    assert.deepEqual([one.referral.id, one.affiliate.id], [one.referral_id, one.affiliate_id]);
  }
  const one = await conversion(ledger, ids.sold.id, "?expand=referral");
  assert.deepEqual(one.referral, (await get(ledger, `/v1/referrals/${referral}`)).json.data);
  assert.equal(one.affiliate, undefined);
});

test("whatever is wrong with a parameter is a 400 that names it", async (t) => {
  const ledger = await startLedger(t);
  const wrong = {
    "page=x": "page",
    "limit=0": "limit",
    "status=done": "status",
    "sales_status=paid": "sales_status",
    "attributed=perhaps": "attributed",
    "sort=commission_amount": "sort",
    "expand=affiliate_program": "expand",
    "dateFrom=2026-13-01": "dateFrom",
  };
  for (const [query, field] of Object.entries(wrong)) {
    assertRefused(await get(ledger, `/v1/conversions?${query}`), field);
  }
  assertRefused(await get(ledger, "/v1/conversions/conv_none?expand=x"), "expand");
  assertRefused(await get(ledger, "/v1/conversions/unattributed?sort=sale_amount"), "sort");
});

const STRAY = { external_user_id: "nobody", sale_amount: 12.5, sale_amount_currency: "EUR" };

test("sales that are nobody's are listed until they find somebody", async (t) => {
  const ledger = await startLedger(t);
  const report = (fields, options) => post(ledger, "/v1/conversions", { ...STRAY, ...fields }, options);
  for (const key of ["order_1", "order_1", "order_2"]) {
    assert.equal((await report({ external_event_id: key })).status, 404);
  }
  const unkeyed = await report({ customer_id: "cus_9" });
  const days = { order_1: "2026-03-01", order_2: "2026-03-02", [unkeyed.headers.get("x-request-id")]: "2026-03-03" };
  for (const [key, day] of Object.entries(days)) {
    const statement = ledger.db.prepare("UPDATE unattributed_sale SET created_at = ? WHERE sale_key = ?");
    await statement.bind(Date.parse(`${day}T10:00:00Z`), key).run();
  }
  const { data, pagination } = await list(ledger, "/v1/conversions/unattributed");
  assert.equal(pagination.total, 3);
  const [newest, , oldest] = data;
  assert.deepEqual(oldest, {
    external_event_id: "order_1",
    sale_amount: 12.5,
    sale_amount_currency: "EUR",
    reason: "referral_not_found",
    explanation: oldest.explanation,
    identifiers: { referral_id: null, click_id: null, external_user_id: "nobody", customer_id: null },
    conversion_id: null,
    request_id: oldest.request_id,
    created_at: "2026-03-01T10:00:00Z",
  });
  assert.match(oldest.explanation, /No referral/);
  assert.deepEqual([newest.external_event_id, newest.identifiers.customer_id], [null, "cus_9"]);
  const found = async (query) =>
    (await list(ledger, `/v1/conversions/unattributed?${query}`)).data.map(({ created_at }) => created_at.slice(8, 10));
  assert.deepEqual(await found("sort=created_at"), ["01", "02", "03"]);
  assert.deepEqual(await found("limit=2&page=2"), ["01"]);
  assert.deepEqual(await found("external_event_id=order_2"), ["02"]);
  assert.deepEqual(await found("dateFrom=2026-03-02&dateTo=2026-03-02"), ["02"]);
  // Order 2 finds its customer.
  const referral_id = await customer(ledger);
  await sell(ledger, referral_id, { external_event_id: "order_2" });
  assert.deepEqual(await found(""), ["03", "01"]);
});

for (const { name, of, by } of STRANGERS) {
  test(`sales that are nobody's are not seen by ${name}`, async (t) => {
    const ledger = await startLedger(t);
    const key = ledger.fixture.keys[of];
    assert.equal((await post(ledger, "/v1/conversions", STRAY, { key })).status, 404);
    const stranger = { key: by(ledger.fixture) };
    assert.deepEqual((await list(ledger, "/v1/conversions/unattributed", stranger)).data, []);
    assert.equal((await list(ledger, "/v1/conversions/unattributed", { key })).data.length, 1);
    assert.equal((await select(ledger, "SELECT * FROM unattributed_sale")).length, 1);
  });
}
