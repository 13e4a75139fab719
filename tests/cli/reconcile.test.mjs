// `reconcile`: Stripe's export of invoices, or its API, beside the ledger's sales.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { post, refund, select } from "../api/calls.mjs";
import { connect, deliver, event, invoice as billed } from "../api/stripe_calls.mjs";
import { startLedger } from "../support/ledger.mjs";
import { command, commandOf, good, serve } from "./command.mjs";

const CUSTOMERS = 40;
const INVOICES = 1_000;
const MONTH = ["--from", "2026-01-01", "--to", "2026-01-31"];
const TITLES = [
  "id",
  "Amount Due",
  "Amount Paid",
  "Currency",
  "Customer",
  "Customer Email",
  "Status",
  "Subscription",
  "Tax",
  "Total",
  "Paid At (UTC)",
];

/** An invoice of 99.00 USD and a fifth of tax on it, paid at noon of a day in January 2026, as Stripe's API has it. */
function invoice(number, fields = {}) {
  const customer = number % CUSTOMERS;
  const paid_at = Date.UTC(2026, 0, 1 + (number % 28), 12) / 1000;
  return billed({
    id: `in_${String(number).padStart(6, "0")}`,
    customer: `cus_${customer}`,
    customer_email: `user_${customer}@example.com`,
    amount_paid: 11_880,
    total: 11_880,
    total_excluding_tax: 9_900,
    created: paid_at - 60,
    livemode: true,
    status: "paid",
    status_transitions: { paid_at },
    ...fields,
  });
}

const paidAt = ({ status_transitions }) => new Date(status_transitions.paid_at * 1000).toISOString();

/** The same as the dashboard exports it. */
function csv(invoices) {
  const major = (minor) => (minor / 100).toFixed(2);
  const line = (one) =>
    [
      one.id,
      major(one.total),
      major(one.amount_paid),
      one.currency,
      one.customer,
      one.customer_email,
      one.status,
      one.parent.subscription_details.subscription,
      major(one.total - one.total_excluding_tax),
      major(one.total),
      paidAt(one).slice(0, 16).replace("T", " "),
    ].join(",");
  return [TITLES.join(","), ...invoices.map(line)].join("\n");
}

async function exported(cli, invoices) {
  await writeFile(join(cli.cwd, "invoices.csv"), csv(invoices));
}

const reconcile = (cli, ...more) => cli.run("reconcile", ...MONTH, "--invoices", "invoices.csv", "--json", ...more);

/** A customer of alice's since before the invoices: recorded without a click, so that no window ends. */
async function customer(ledger, number, fields = {}) {
  const names = { email: `user_${number}@example.com`, customer_id: `cus_${number}` };
  const answer = await post(ledger, "/v1/referrals", { affiliate_id: ledger.fixture.affiliate.id, ...names, ...fields });
  assert.equal(answer.status, 201, answer.text);
}

/** Records the invoice's sale, as a backend of the merchant does. */
async function record(ledger, one, fields = {}) {
  const names = { external_event_id: one.id, customer_id: one.customer };
  const answer = await post(ledger, "/v1/conversions", { ...names, sale_amount: 99, created_at: paidAt(one), ...fields });
  assert.equal(answer.status, 201, answer.text);
}

/** Tells the ledger of the invoice, as Stripe does. */
async function tell(ledger, one) {
  const answer = await deliver(ledger, event("invoice.paid", one));
  assert.equal(answer.status, 200, answer.text);
}

const inParallel = (items, count, work) => {
  const left = [...items];
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  return Promise.all(Array.from({ length: count }, worker));
};

const ids = (list) => list.map(({ invoice: id }) => id).toSorted();

test("of 1,000 invoices whose events came but for 3, exactly those 3 are named, and credited once", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  for (let number = 0; number < CUSTOMERS; number += 1) await customer(ledger, number);
  const invoices = Array.from({ length: INVOICES }, (_, number) => invoice(number));
  await exported(cli, invoices);
  const dropped = [invoices[17], invoices[500], invoices[999]];
  await connect(ledger);
  await inParallel(invoices.filter((one) => !dropped.includes(one)), 8, (one) => tell(ledger, one));

  for (let time = 0; time < 2; time += 1) {
    const { code, json } = await reconcile(cli);
    assert.equal(code, 1);
    assert.deepEqual(ids(json.missing), ["in_000017", "in_000500", "in_000999"]);
    assert.deepEqual([json.invoices, json.recorded, json.differing, json.unattributed], [1_000, 997, [], []]);
  }
  const before = await sums(ledger);
  const applied = await reconcile(cli, "--apply");
  assert.equal(applied.code, 0, applied.stderr);
  // 30 % of 99.00.
  assert.deepEqual(applied.json.applied.map(({ outcome, commission }) => [outcome, commission]), [
    ["recorded", "29.7 USD"],
    ["recorded", "29.7 USD"],
    ["recorded", "29.7 USD"],
  ]);
  const after = await sums(ledger);
  assert.deepEqual(after, { sales: before.sales + 3, earned: before.earned + 3 * 2970 });
  const again = await reconcile(cli, "--apply");
  assert.deepEqual([again.code, again.json.missing, again.json.applied, again.json.recorded], [0, [], [], 1_000]);
  // Late, their events come after all.
  for (const late of dropped) await tell(ledger, late);
  assert.deepEqual(await sums(ledger), after);
});

async function sums(ledger) {
  const [sums] = await select(ledger, "SELECT COUNT(*) AS sales, SUM(amount_minor) AS earned FROM commission");
  return sums;
}

test("what is recorded otherwise is told with both amounts, and what only the ledger knows", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  for (let number = 1; number <= 5; number += 1) await customer(ledger, number);
  const [right, other, inEuros, paidBack, strange] = [1, 2, 3, 4, 5].map((number) => invoice(number));
  await record(ledger, right);
  await record(ledger, other, { sale_amount: 49 });
  await record(ledger, inEuros, { sale_amount_currency: "EUR" });
  await record(ledger, paidBack);
  assert.equal((await refund(ledger, paidBack.id, { amount: 10 })).status, 200);
  await record(ledger, strange);
  await exported(cli, [right, other, inEuros, paidBack]);

  const { code, json } = await reconcile(cli);
  assert.equal(code, 1);
  assert.deepEqual([json.recorded, json.missing], [2, []]);
  assert.deepEqual(
    json.differing.map(({ invoice: id, field, reason }) => [id, field, reason]),
    [
      ["in_000002", "amount", "paid 99.00 USD, recorded 49.00 USD"],
      ["in_000003", "currency", "paid 99.00 USD, recorded 99.00 EUR"],
      ["in_000005", "invoice", "recorded 99.00 USD, and the provider has no such paid invoice"],
    ],
  );
});

test("a customer whom nobody referred is no gap", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const organic = invoice(1, { customer: "cus_nobody", customer_email: "nobody@example.com" });
  const unpaid = invoice(2, { status: "open" });
  const free = invoice(3, { amount_paid: 0, total: 0, total_excluding_tax: 0 });
  await exported(cli, [organic, unpaid, free]);
  const missing = await reconcile(cli);
  assert.deepEqual([missing.code, ids(missing.json.missing)], [1, [organic.id]]);
  assert.deepEqual(missing.json.skipped, { not_paid: 1, nothing_paid: 1 });
  const applied = await reconcile(cli, "--apply");
  assert.deepEqual([applied.code, applied.json.applied[0].outcome], [0, "unattributed"]);
  for (let time = 0; time < 2; time += 1) {
    const { code, json } = await reconcile(cli, "--apply");
    assert.deepEqual([code, json.missing, json.applied, ids(json.unattributed)], [0, [], [], [organic.id]]);
  }
});

test("an invoice without metadata finds its customer by the address", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  await customer(ledger, 1, { email: "jane@example.com", customer_id: undefined });
  await exported(cli, [invoice(1, { customer_email: "Jane@Example.com" })]);
  const { code, json } = await reconcile(cli, "--apply");
  assert.deepEqual([code, json.applied[0].outcome, json.applied[0].commission], [0, "recorded", "29.7 USD"]);
});

test("what an incentive for other products might price is left to its owner", async (t) => {
  const incentives = [{ percent: "30" }, { percent: "50", apply_to: "specific_products", product_ids: ["prod_1"] }];
  const ledger = await startLedger(t, { incentives });
  const cli = await commandOf(t, ledger);
  await customer(ledger, 1);
  await exported(cli, [invoice(1)]);
  for (let time = 0; time < 2; time += 1) {
    const { code, json } = await reconcile(cli, "--apply");
    assert.deepEqual([code, json.applied[0].outcome], [1, "left_alone"]);
    assert.match(json.applied[0].reason, /does not cover the purchase$/);
  }
  assert.deepEqual(await select(ledger, "SELECT id FROM conversion"), []);
});

/** Stripe's API with these invoices, newest first, a page at a time; what it was asked for. */
async function stripe(t, invoices) {
  const asked = [];
  const url = await serve(t, (request, response) => {
    asked.push(request);
    const { searchParams: query } = new URL(request.url, "http://stripe.test");
    const isKnown = request.headers.authorization === "Bearer rk_live_read";
    const within = invoices.filter(({ created }) => created >= Number(query.get("created[gte]")));
    const from = 1 + within.findIndex(({ id }) => id === query.get("starting_after"));
    const data = within.slice(from, from + Number(query.get("limit")));
    const listed = { object: "list", url: "/v1/invoices", data, has_more: from + data.length < within.length };
    response.writeHead(isKnown ? 200 : 401, { "content-type": "application/json" });
    response.end(JSON.stringify(isKnown ? listed : { error: { message: "Invalid API Key provided" } }));
  });
  return { url, asked };
}

test("with a key of Stripe's its API is asked, page by page, and says what was bought", async (t) => {
  const incentives = [{ percent: "30" }, { percent: "50", apply_to: "specific_products", product_ids: ["prod_pro"] }];
  const ledger = await startLedger(t, { incentives });
  for (let number = 0; number < CUSTOMERS; number += 1) await customer(ledger, number);
  const price = { id: "price_pro", object: "price", product: "prod_pro", recurring: { interval: "month", interval_count: 1 } };
  const lines = { object: "list", data: [{ id: "il_1", object: "line_item", price }] };
  const invoices = Array.from({ length: 250 }, (_, number) => invoice(250 - number, { lines }));
  const missing = [invoices[3], invoices[249]];
  await connect(ledger);
  await inParallel(invoices.filter((one) => !missing.includes(one)), 8, (one) => tell(ledger, one));
  const { url, asked } = await stripe(t, invoices);
  const cli = await commandOf(t, ledger, { env: { STRIPE_API_KEY: "rk_live_read", STRIPE_API_URL: url } });

  const named = await cli.run("reconcile", ...MONTH, "--json");
  assert.equal(named.code, 1, named.stderr);
  assert.deepEqual(ids(named.json.missing), ["in_000001", "in_000247"]);
  assert.equal(asked.length, 3, "pages");
  // 50 % of 99.00: the incentive for this product.
  const applied = await cli.run("reconcile", ...MONTH, "--apply", "--json");
  assert.deepEqual(applied.json.applied.map(({ commission }) => commission), ["49.5 USD", "49.5 USD"]);
  const again = await cli.run("reconcile", ...MONTH, "--apply", "--json");
  assert.deepEqual([again.code, again.json.missing, again.json.applied], [0, [], []]);

  const stranger = await commandOf(t, ledger, { env: { STRIPE_API_KEY: "rk_live_other", STRIPE_API_URL: url } });
  const refused = await stranger.run("reconcile", ...MONTH, "--json");
  assert.deepEqual([refused.code, refused.json.error.code], [2, "bad_stripe_key"]);
  assert.ok(!refused.stdout.includes("rk_live_other") && !refused.stderr.includes("rk_live_other"));
});

test("a period, a file or a key that makes no sense is named", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  await exported(cli, [invoice(1)]);
  const outside = await good(cli, "reconcile", "--from", "2026-02-01", "--invoices", "invoices.csv");
  assert.equal(outside.invoices, 0);
  const day = await cli.run("reconcile", "--from", "january", "--invoices", "invoices.csv", "--json");
  assert.deepEqual([day.code, day.json.error.code], [2, "bad_argument"]);
  await writeFile(join(cli.cwd, "wrong.csv"), "name,email\nx,y\n");
  const wrong = await cli.run("reconcile", "--invoices", "wrong.csv", "--json");
  assert.deepEqual([wrong.code, wrong.json.error.code], [2, "bad_file"]);
  assert.match(wrong.json.error.message, /wrong\.csv: no column has an id/);
  const none = await cli.run("reconcile", ...MONTH, "--json");
  assert.deepEqual([none.code, none.json.error.code], [2, "no_invoices"]);
  const stranger = await command(t, { url: ledger.url, key: "sk_live_wrong" });
  await exported(stranger, [invoice(1)]);
  assert.equal((await reconcile(stranger)).code, 4);
});
