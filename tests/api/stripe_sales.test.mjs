// What Stripe's events come to: amounts, tax, coupons, trials, products, refunds, disputes; and what waits for whom.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { click, eventually, get, post, refund, select, signedUp, unique } from "./calls.mjs";
import { charge, connect, deliver, deliverAll, event, invoice, lead, saleOf, seconds, session } from "./stripe_calls.mjs";

async function connected(t, options) {
  const ledger = await startLedger(t, options);
  await connect(ledger);
  return ledger;
}

const referralOf = async (ledger, id) => (await select(ledger, "SELECT * FROM referral WHERE id = ?", id))[0];

test("what counts is what was paid, after discounts and without tax", async (t) => {
  const ledger = await connected(t);
  const key = unique("user");
  await lead(ledger, key);
  const metadata = { affitor_customer_key: key };
  const cases = [
    // Invoices: the older shape's `tax`, the newer one's total without tax, and a part paid from a balance.
    [invoice({ metadata, amount_paid: 11_900, total: 11_900, total_excluding_tax: undefined, tax: 1_900 }), 10_000],
    [invoice({ metadata, amount_paid: 11_900, total: 11_900, total_excluding_tax: 10_000 }), 10_000],
    [invoice({ metadata, amount_paid: 5_950, total: 11_900, total_excluding_tax: 10_000 }), 5_000],
    [
      invoice({
        ...{ metadata, amount_paid: 11_900, total: 11_900, total_excluding_tax: undefined },
        total_taxes: [{ amount: 1_000 }, { amount: 900 }],
      }),
      10_000,
    ],
    // A coupon of 40 %: the total is what is left.
    [invoice({ metadata, amount_paid: 6_000, subtotal: 10_000, total: 6_000, total_excluding_tax: 6_000 }), 6_000],
    [invoice({ metadata, currency: "jpy", amount_paid: 1_000, total: 1_000, total_excluding_tax: 1_000 }), 1_000],
    [invoice({ metadata, currency: "kwd", amount_paid: 12_340, total: 12_340, total_excluding_tax: 12_340 }), 12_340],
    // Still written with two zeros, and without its two digits.
    [invoice({ metadata, currency: "isk", amount_paid: 50_000, total: 50_000, total_excluding_tax: 50_000 }), 500],
    [invoice({ metadata, currency: "mga", amount_paid: 500, total: 500, total_excluding_tax: 500 }), 50_000],
  ];
  for (const [object, sold] of cases) {
    await deliverAll(ledger, [event("invoice.paid", object)]);
    const sale = await saleOf(ledger, object.id);
    assert.deepEqual([sale.sold, sale.currency], [sold, object.currency.toUpperCase()], JSON.stringify(object));
  }
  const taxed = session({ metadata, amount_total: 5_950, total_details: { amount_tax: 950 } });
  await deliverAll(ledger, [event("checkout.session.completed", taxed)]);
  assert.equal((await saleOf(ledger, taxed.payment_intent)).sold, 5_000);
});

test("an invoice of nothing is no sale and no first one, but its customer is known from then on", async (t) => {
  const ledger = await connected(t);
  const key = unique("user");
  const id = await lead(ledger, key);
  const free = { amount_paid: 0, total: 0, total_excluding_tax: 0 };
  const trial = invoice({ metadata: { affitor_customer_key: key }, ...free, billing_reason: "subscription_create" });
  const subscription = trial.parent.subscription_details.subscription;
  const state = (status, at) =>
    event(
      "customer.subscription.updated",
      { id: subscription, object: "subscription", customer: trial.customer, status, metadata: {} },
      { at },
    );
  await deliverAll(ledger, [event("invoice.paid", trial), state("trialing", seconds() - 10)]);
  let referral = await referralOf(ledger, id);
  assert.deepEqual([referral.status, referral.first_sale_at, referral.paid_sales], ["trialing", null, 0]);
  assert.equal(await saleOf(ledger, trial.id), undefined);

  // The renewal names nobody.
  const renewal = invoice({ customer: trial.customer, parent: trial.parent, billing_reason: "subscription_cycle" });
  await deliverAll(ledger, [state("active", seconds() - 5), event("invoice.payment_succeeded", renewal)]);
  referral = await referralOf(ledger, id);
  assert.deepEqual([referral.status, referral.paid_sales], ["active", 1]);
  assert.equal((await saleOf(ledger, renewal.id)).earned, 3_000);
  await deliverAll(ledger, [state("canceled", seconds()), state("active", seconds() - 3)]);
  assert.equal((await referralOf(ledger, id)).status, "canceled");
});

test("a checkout that is not paid yet is nothing, and its payment then is the sale", async (t) => {
  const ledger = await connected(t);
  const open = session({ payment_status: "unpaid", metadata: { affonso_referral: await click(ledger) } });
  await deliverAll(ledger, [event("checkout.session.completed", open)]);
  assert.equal((await select(ledger, "SELECT id FROM referral")).length, 0);
  const paid = { ...open, payment_status: "paid" };
  const succeeded = event("checkout.session.async_payment_succeeded", paid);
  await deliverAll(ledger, [succeeded, event("checkout.session.completed", paid), succeeded]);
  const sale = await saleOf(ledger, open.id);
  assert.deepEqual([sale.sale_key, sale.sold, sale.earned], [open.payment_intent, 5_000, 1_500]);
  assert.equal((await select(ledger, "SELECT id FROM conversion")).length, 1);
});

test("products and intervals are known in both shapes, so that their incentives match", async (t) => {
  const forProducts = (...ids) => ({ apply_to: "specific_products", product_ids: ids });
  const ledger = await connected(t, {
    incentives: [
      { percent: "30" },
      { percent: "10", apply_to: "monthly_plans" },
      { percent: "20", apply_to: "yearly_plans" },
      { percent: "50", ...forProducts("prod_pro") },
      { percent: "40", ...forProducts("price_gold") },
    ],
  });
  const key = unique("user");
  await lead(ledger, key);
  const metadata = { customer_key: key };
  const day = 86_400;
  const newer = (product, price, days) => ({
    pricing: { price_details: { price, product }, type: "price_details" },
    period: { start: 1_767_225_600, end: 1_767_225_600 + days * day },
  });
  const older = (product, id, interval, more = {}) => ({ price: { id, product, recurring: { interval, interval_count: 1 } }, ...more });
  const expanded = { price: { id: "price_x", product: { id: "prod_pro", object: "product" }, recurring: { interval: "month" } } };
  const cases = [
    [[newer("prod_pro", "price_x", 31)], 5_000],
    [[newer("prod_x", "price_gold", 31)], 4_000],
    [[newer("prod_x", "price_x", 30)], 1_000],
    [[newer("prod_x", "price_x", 365)], 2_000],
    [[older("prod_x", "price_x", "month")], 1_000],
    [[older("prod_x", "price_x", "year")], 2_000],
    [[older("prod_x", "price_gold", "week")], 4_000],
    [[older("prod_x", "price_x", "week")], 3_000],
    [[expanded], 5_000],
    // What is settled of an older price is no purchase of it.
    [[older("prod_pro", "price_x", "month", { proration: true }), older("prod_x", "price_x", "year")], 2_000],
  ];
  for (const [data, earned] of cases) {
    const object = invoice({ metadata, lines: { object: "list", data } });
    await deliverAll(ledger, [event("invoice.paid", object)]);
    assert.equal((await saleOf(ledger, object.id)).earned, earned, JSON.stringify(data));
  }
});

test("refunds are running totals: in any order and any number of times they add up, never beyond the sale", async (t) => {
  const ledger = await connected(t);
  const totals = [1_000, 2_500, 4_000];
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0, 1, 2],
  ];
  for (const order of orders) {
    const object = session({ metadata: { affitor_click_id: await click(ledger) } });
    const back = order.map((place) =>
      event("charge.refunded", charge(object.payment_intent, 5_000, totals[place], { refunds: { data: [{ reason: "fraudulent" }] } })),
    );
    await deliverAll(ledger, [event("checkout.session.completed", object), ...back]);
    const sale = await saleOf(ledger, object.id);
    // 40.00 of 50.00 are back; 30 % of the rest are 3.00.
    assert.deepEqual([sale.refunded, sale.earned, sale.sales_status], [4_000, 300, "partial_refunded"], `${order}`);
    await deliverAll(ledger, [event("charge.refunded", charge(object.payment_intent, 5_000, 5_000)), ...back]);
    const all = await saleOf(ledger, object.id);
    assert.deepEqual([all.refunded, all.earned, all.status, all.sales_status], [5_000, 0, "refunded", "refunded"]);
  }
  // What was refunded by hand leaves less: nothing goes beyond the sale.
  const object = session({ metadata: { affitor_click_id: await click(ledger) } });
  await deliverAll(ledger, [event("checkout.session.completed", object)]);
  assert.equal((await refund(ledger, object.payment_intent, { amount: 30 })).status, 200);
  await deliverAll(ledger, [event("charge.refunded", charge(object.payment_intent, 5_000, 5_000))]);
  assert.equal((await saleOf(ledger, object.id)).refunded, 5_000);
});

const dispute = (object, status, fields = {}) =>
  event(`charge.dispute.${["won", "lost", "warning_closed"].includes(status) ? "closed" : "created"}`, {
    id: object.payment_intent.replace("pi_", "dp_"),
    object: "dispute",
    amount: 5_000,
    charge: object.payment_intent.replace("pi_", "ch_"),
    payment_intent: object.payment_intent,
    currency: "usd",
    status,
    ...fields,
  });

test("a dispute makes the commission wait; won it is back, lost it is a refund; whichever comes first", async (t) => {
  const ledger = await connected(t);
  const soldBy = async () => {
    const object = session({ metadata: { affitor_click_id: await click(ledger) } });
    return [object, event("checkout.session.completed", object)];
  };
  const [open, opened] = await soldBy();
  await deliverAll(ledger, [opened, dispute(open, "needs_response"), dispute(open, "needs_response")]);
  assert.deepEqual([(await saleOf(ledger, open.id)).status, (await saleOf(ledger, open.id)).earned], ["dispute", 1_500]);
  const inquiry = await soldBy();
  await deliverAll(ledger, [inquiry[1], dispute(inquiry[0], "warning_needs_response"), dispute(inquiry[0], "warning_closed")]);
  assert.equal((await saleOf(ledger, inquiry[0].id)).status, "ready_for_payment");

  for (const [end, status, earned, refunded] of [
    ["won", "ready_for_payment", 1_500, 0],
    ["lost", "refunded", 0, 5_000],
  ]) {
    for (const order of [[0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 0, 1, 1, 0]]) {
      const [object, paid] = await soldBy();
      const events = [paid, dispute(object, "needs_response"), dispute(object, end)];
      await deliverAll(ledger, order.map((place) => events[place]));
      const sale = await saleOf(ledger, object.id);
      assert.deepEqual([sale.status, sale.earned, sale.refunded], [status, earned, refunded], `${end} ${order}`);
    }
  }
  // Two fifths are disputed and lost; what remains is on its way again.
  const [part, paid] = await soldBy();
  await deliverAll(ledger, [paid, dispute(part, "under_review", { amount: 2_000 }), dispute(part, "lost", { amount: 2_000 })]);
  const sale = await saleOf(ledger, part.id);
  assert.deepEqual([sale.status, sale.earned, sale.refunded], ["ready_for_payment", 900, 2_000]);
});

test("a held commission waits for the end of its hold again when its dispute is won", async (t) => {
  const ledger = await connected(t, { incentives: [{ percent: "30", approval: "hold_period", hold_days: 30 }] });
  const object = session({ metadata: { affitor_click_id: await click(ledger) } });
  await deliverAll(ledger, [event("checkout.session.completed", object), dispute(object, "needs_response")]);
  const held = "SELECT status, hold_until - created_at AS hold FROM commission";
  assert.deepEqual(await select(ledger, held), [{ status: "dispute", hold: null }]);
  await deliverAll(ledger, [dispute(object, "won")]);
  assert.deepEqual(await select(ledger, held), [{ status: "pending", hold: 30 * 86_400_000 }]);
});

test("a sale before its lead waits, is counted as nobody's, and is credited by the sign-up itself", async (t) => {
  const ledger = await connected(t);
  const key = unique("user");
  const object = session({ metadata: { affitor_customer_key: key } });
  const paid = event("checkout.session.completed", object);
  await deliverAll(ledger, [event("charge.refunded", charge(object.payment_intent, 5_000, 2_000)), paid, paid]);
  const listed = (await get(ledger, "/v1/conversions/unattributed")).json.data;
  assert.equal(listed.length, 1);
  const { identifiers, ...row } = listed[0];
  assert.deepEqual(
    [row.external_event_id, row.sale_amount, row.reason, row.conversion_id],
    [object.payment_intent, 50, "referral_not_found", null],
  );
  assert.deepEqual([identifiers.provider, identifiers.event_id, identifiers.event_type], ["stripe", paid.id, paid.type]);
  assert.deepEqual(identifiers.tried, [{ name: "external_user_id", value: key, referral_id: null }]);

  await lead(ledger, key);
  const sale = await saleOf(ledger, object.id);
  assert.deepEqual([sale.sold, sale.refunded, sale.earned], [5_000, 2_000, 900]);
  assert.deepEqual((await get(ledger, "/v1/conversions/unattributed")).json.data, []);
  for (const table of ["provider_fact", "provider_fact_name"]) {
    assert.deepEqual(await select(ledger, `SELECT * FROM ${table}`), []);
  }
  await deliverAll(ledger, [paid]);
  assert.equal((await select(ledger, "SELECT id FROM commission")).length, 1);
});

test("what waits is found by address too, and no address is stored with it", async (t) => {
  const ledger = await connected(t);
  const object = invoice({ customer_email: "Jane.Doe@Customers.example", customer_name: "Jane Doe" });
  await deliverAll(ledger, [event("invoice.paid", object)]);
  const stored = await select(ledger, "SELECT fact FROM provider_fact");
  assert.equal(stored.length, 1);
  assert.ok(!/jane/i.test(stored[0].fact), stored[0].fact);
  const [{ identifiers }] = (await get(ledger, "/v1/conversions/unattributed")).json.data;
  const address = identifiers.tried.find(({ name }) => name === "email");
  assert.deepEqual(address, { name: "email", value: "j***@customers.example", referral_id: null });
  await lead(ledger, unique("user"), { email: "jane.doe@customers.example" });
  assert.equal((await saleOf(ledger, object.id)).earned, 3_000);
});

test("what a call left undone is done by the scheduler's minute", async (t) => {
  const ledger = await connected(t);
  const key = unique("user");
  const object = session({ metadata: { affitor_customer_key: key } });
  await deliverAll(ledger, [event("checkout.session.completed", object)]);
  // The sign-up's own look-up never happened: the isolate that took it did not know of Stripe.
  await ledger.db.prepare("UPDATE provider_fact SET waits = 0").run();
  await lead(ledger, key);
  assert.equal(await saleOf(ledger, object.id), undefined);
  await ledger.db.prepare("UPDATE provider_fact SET waits = 1").run();
  await ledger.restart();
  // Health wakes the scheduler, which runs as soon as it is spoken to.
  await eventually(async () => {
    await get(ledger, "/healthz", { key: null });
    assert.equal((await saleOf(ledger, object.id))?.earned, 1_500);
  }, 90_000);
});

test("a sale that has waited thirty days stays in the list of those that are nobody's", async (t) => {
  const ledger = await connected(t);
  const object = session({ metadata: { affitor_customer_key: unique("user") } });
  await deliverAll(ledger, [event("checkout.session.completed", object)]);
  const [{ days }] = await select(ledger, "SELECT (expires_at - stored_at) / 86400000 AS days FROM provider_fact");
  assert.equal(days, 30);
  await ledger.db.prepare("UPDATE provider_fact SET expires_at = 1").run();
  await ledger.restart();
  await eventually(async () => {
    await get(ledger, "/healthz", { key: null });
    assert.deepEqual(await select(ledger, "SELECT object FROM provider_fact"), []);
  }, 90_000);
  assert.deepEqual(await select(ledger, "SELECT object FROM provider_fact_name"), []);
  assert.equal((await get(ledger, "/v1/conversions/unattributed")).json.data.length, 1);
});

test("a wrong name in the metadata is listed with what it was compared to, also where the sale is credited", async (t) => {
  const ledger = await connected(t);
  const key = unique("user");
  const id = await lead(ledger, key);
  const known = invoice({ metadata: { affitor_customer_key: key } });
  await deliverAll(ledger, [event("invoice.paid", known)]);
  assert.deepEqual((await get(ledger, "/v1/conversions/unattributed")).json.data, []);

  const wrong = invoice({ customer: known.customer, metadata: { affitor_customer_key: "nobody" } });
  await deliverAll(ledger, [event("invoice.paid", wrong), event("invoice.paid", wrong)]);
  const sale = await saleOf(ledger, wrong.id);
  assert.equal(sale.earned, 3_000);
  const listed = (await get(ledger, "/v1/conversions/unattributed?credited=true")).json.data;
  assert.equal(listed.length, 1);
  assert.deepEqual([listed[0].reason, listed[0].external_event_id], ["identifier_unknown", wrong.id]);
  const conversion = await get(ledger, `/v1/conversions/${listed[0].conversion_id}`);
  assert.equal(conversion.json.data.referral_id, id);
  const { tried } = listed[0].identifiers;
  assert.deepEqual(tried[0], { name: "external_user_id", value: "nobody", referral_id: null });
  assert.deepEqual(tried[1], { name: "provider_customer_id", value: known.customer, referral_id: id });
  assert.deepEqual((await get(ledger, "/v1/conversions/unattributed?credited=false")).json.data, []);
  const overview = (await get(ledger, "/dashboard/overview")).json;
  assert.equal(overview.totals.unattributed_sales, 0);
});

test("names come in their order: click, user, Stripe's customer, address; the first that is known wins", async (t) => {
  const ledger = await connected(t);
  const [one, two] = [unique("user"), unique("user")];
  const [first, second] = [await lead(ledger, one), await lead(ledger, two, { email: "two@customers.example" })];
  const byBoth = session({ metadata: { affitor_click_id: first, affitor_customer_key: two } });
  const byUser = session({ metadata: { affitor_customer_key: one }, customer_details: { email: "two@customers.example" } });
  const byReference = session({ client_reference_id: second });
  const byUserReference = session({ client_reference_id: one });
  const events = [byBoth, byUser, byReference, byUserReference].map((object) => event("checkout.session.completed", object));
  await deliverAll(ledger, events);
  const owners = [];
  for (const { id } of [byBoth, byUser, byReference, byUserReference]) owners.push((await saleOf(ledger, id)).referral_id);
  assert.deepEqual(owners, [first, first, second, first]);
});

test("an expanded object is as good as its id, and unknown fields are passed over", async (t) => {
  const ledger = await connected(t);
  const id = await signedUp(ledger, unique("user"));
  const customer = { id: "cus_expanded", object: "customer", email: "x@customers.example", new_field: [1, 2, { deep: {} }] };
  const payment_intent = { id: "pi_expanded", object: "payment_intent", metadata: { affonso_referral: id } };
  const object = session({ customer, payment_intent, new_field: { a: 1 } });
  const answer = await deliver(ledger, event("checkout.session.completed", object, { account: "acct_1", new_field: 1 }));
  assert.equal(answer.status, 200, answer.text);
  const sale = await saleOf(ledger, "pi_expanded");
  assert.deepEqual([sale.referral_id, sale.earned], [id, 1_500]);
  const [{ details }] = await select(ledger, "SELECT details FROM conversion");
  assert.equal(JSON.parse(details).metadata.stripe.account, "acct_1");
  const names = await select(ledger, "SELECT kind, value FROM identity WHERE kind = 'provider_customer_id'");
  assert.deepEqual(names, [{ kind: "provider_customer_id", value: "cus_expanded" }]);
});

test("a sale that the API told as open is complete once Stripe says that it is paid", async (t) => {
  const ledger = await connected(t);
  const key = unique("user");
  await lead(ledger, key);
  const paid = invoice({});
  const body = { external_user_id: key, sale_amount: 100, external_event_id: paid.id, sales_status: "open" };
  assert.equal((await post(ledger, "/v1/conversions", body)).status, 201);
  await deliverAll(ledger, [event("invoice.paid", paid)]);
  const sale = await saleOf(ledger, paid.id);
  assert.deepEqual([sale.sales_status, sale.earned], ["complete", 3_000]);
});
