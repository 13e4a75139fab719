// What the tests of Stripe share: its events as it sends them (tests/stripe/), signed as it signs them.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { letters } from "../support/ledger.mjs";
import { click, select } from "./calls.mjs";

export const LIVE_SECRET = "whsec_live0123456789abcdef";
export const TEST_SECRET = "whsec_test0123456789abcdef";

/** Tells the ledger the secrets of both modes. */
export async function connect(ledger, secrets = { live_signing_secret: LIVE_SECRET, test_signing_secret: TEST_SECRET }) {
  const { keys } = ledger.fixture;
  const answer = await ledger.request("PUT", "/v1/program/stripe", { key: keys.live, body: secrets });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

export const seconds = () => Math.floor(Date.now() / 1000);

/** The header over a body: `t=…,v1=…`. */
export function signature(body, { secret = LIVE_SECRET, at = seconds() } = {}) {
  const mac = createHmac("sha256", secret).update(`${at}.${body}`).digest("hex");
  return `t=${at},v1=${mac}`;
}

/** Sends an event, signed unless a header is given. */
export function deliver(ledger, event, { program = ledger.fixture.program.id, header, ...signed } = {}) {
  const body = typeof event === "string" ? event : JSON.stringify(event);
  const headers = { "content-type": "application/json", "stripe-signature": header ?? signature(body, signed) };
  return ledger.request("POST", `/webhooks/stripe/${program}`, { body, headers });
}

/** Sends events one after the other; each is taken. */
export async function deliverAll(ledger, events, options) {
  for (const event of events) {
    const answer = await deliver(ledger, event, options);
    assert.equal(answer.status, 200, `${event.type}: ${answer.text}`);
  }
}

const FILES = join(import.meta.dirname, "../stripe");

/** The two shapes of the API. */
export const VERSIONS = ["2024-06-20", "2025-03-31.basil"];

const files = Object.fromEntries(VERSIONS.map((name) => [name, readFileSync(join(FILES, `${name}.json`), "utf8")]));

/**
 * The events of one customer's subscription: checkout, two invoices, two partial refunds of the first, a dispute of the
 * second that is won, the end. `metadata` is what the merchant gave the checkout, `n` makes every id a new one.
 */
export function subscriptionEvents(version, { n = letters(10), at = seconds(), metadata = {}, email } = {}) {
  const filled = files[version]
    .replaceAll('"{{metadata}}"', JSON.stringify(metadata))
    .replaceAll("{{n}}", n)
    .replaceAll("{{email}}", email ?? `${n.toLowerCase()}@customers.example`)
    .replaceAll(/"\{\{at\+(\d+)\}\}"/g, (_, more) => String(at + Number(more)));
  return { n, events: JSON.parse(filled) };
}

let made = 0;

/** An event about an object. */
export function event(type, object, { livemode = true, at = seconds(), ...more } = {}) {
  made += 1;
  const id = `evt_${made}_${letters(8)}`;
  return { id, object: "event", api_version: "2025-03-31.basil", created: at, data: { object }, livemode, type, ...more };
}

/** A paid checkout without a subscription: 50.00 USD. */
export function session(fields = {}) {
  const n = letters(10);
  return {
    id: `cs_${n}`,
    object: "checkout.session",
    mode: "payment",
    payment_status: "paid",
    status: "complete",
    amount_total: 5_000,
    currency: "usd",
    customer: null,
    invoice: null,
    payment_intent: `pi_${n}`,
    subscription: null,
    metadata: {},
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ...fields,
  };
}

/** A paid invoice of one product: 100.00 USD. */
export function invoice(fields = {}) {
  const n = letters(10);
  const lines = { object: "list", data: [] };
  const parent = { subscription_details: { metadata: {}, subscription: `sub_${n}` }, type: "subscription_details" };
  const amounts = { amount_paid: 10_000, total: 10_000, total_excluding_tax: 10_000, total_taxes: [], currency: "usd" };
  return { id: `in_${n}`, object: "invoice", customer: `cus_${n}`, parent, lines, ...amounts, ...fields };
}

/** So much of the charge of a payment was paid back by now. */
export const charge = (payment_intent, amount, amount_refunded, fields = {}) => ({
  id: payment_intent.replace("pi_", "ch_"),
  object: "charge",
  amount,
  amount_refunded,
  currency: "usd",
  payment_intent,
  refunded: amount === amount_refunded,
  ...fields,
});

/** Signs a click's visitor up under this key. */
export async function lead(ledger, key, { email } = {}) {
  const click_id = await click(ledger);
  const body = { click_id, external_user_id: key, ...(email === undefined ? {} : { email }) };
  const answer = await ledger.request("POST", "/v1/signups", { key: ledger.fixture.keys.live, body });
  assert.ok([200, 201].includes(answer.status), answer.text);
  return click_id;
}

/** The sale under any of its keys, and what it earns. */
export async function saleOf(ledger, key, isTest = 0) {
  const [row] = await select(
    ledger,
    "SELECT v.sale_key, v.amount_minor AS sold, v.currency, v.refunded_minor AS refunded, v.sales_status, " +
      "c.amount_minor AS earned, c.status, v.referral_id FROM sale_key k JOIN conversion v ON v.id = k.conversion_id " +
      "LEFT JOIN commission c ON c.id = v.commission_id WHERE k.value = ? AND k.is_test = ?",
    key,
    isTest,
  );
  return row;
}
