// `reconcile`: Stripe's export of invoices beside the ledger's sales.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { post, refund, select } from "../api/calls.mjs";
import { startLedger } from "../support/ledger.mjs";
import { command, commandOf, good } from "./command.mjs";

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
  "Paid At (UTC)",
  "affitor_customer_key (metadata)",
];

/** An invoice of 99.00 USD, paid at noon of a day in January 2026. */
function invoice(number, fields = {}) {
  const customer = number % CUSTOMERS;
  const day = String(1 + (number % 28)).padStart(2, "0");
  return {
    id: `in_${String(number).padStart(6, "0")}`,
    amount: "99.00",
    currency: "usd",
    customer: `cus_${customer}`,
    user: `user_${customer}`,
    email: `user_${customer}@example.com`,
    status: "paid",
    paidAt: `2026-01-${day} 12:00`,
    ...fields,
  };
}

function csv(invoices) {
  const line = ({ id, amount, currency, customer, email, status, paidAt, user }) =>
    [id, amount, amount, currency, customer, email, status, "sub_1", paidAt, user].join(",");
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
async function record(ledger, { id, amount, user, customer, paidAt }, fields = {}) {
  const body = {
    external_event_id: id,
    external_user_id: user,
    customer_id: customer,
    sale_amount: Number(amount),
    created_at: `${paidAt.replace(" ", "T")}:00Z`,
    ...fields,
  };
  return post(ledger, "/v1/conversions", body);
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
  await inParallel(invoices.filter((one) => !dropped.includes(one)), 8, async (one) => {
    const answer = await record(ledger, one);
    assert.equal(answer.status, 201, answer.text);
  });

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
  const organic = invoice(1, { user: "nobody", customer: "cus_nobody", email: "nobody@example.com" });
  const unpaid = invoice(2, { status: "open" });
  const free = invoice(3, { amount: "0.00" });
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
  await exported(cli, [invoice(1, { user: "", email: "Jane@Example.com" })]);
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
  const stranger = await command(t, { url: ledger.url, key: "sk_live_wrong" });
  await exported(stranger, [invoice(1)]);
  assert.equal((await reconcile(stranger)).code, 4);
});
