// Stripe's events in any order and any number of times: one history, one sum. Each order is a new customer's in one
// ledger; the seed of the orders is printed, and SEED repeats them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { click, eventually, get, post, select, unique } from "./calls.mjs";
import { connect, deliver, subscriptionEvents } from "./stripe_calls.mjs";

const ORDERS = 100;
const TIMES = 3;
const AT_ONCE = 4;

const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

/** A small generator that is the same everywhere (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(list, random) {
  const rest = [...list];
  for (let last = rest.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [rest[last], rest[other]] = [rest[other], rest[last]];
  }
  return rest;
}

/**
 * How a customer is known. A click in the metadata needs no sign-up; a user key is signed up at some moment among the
 * events, before, between or behind them; an address is all that there is.
 */
const CUSTOMERS = [
  {
    name: "a click in the metadata, newer shape",
    version: "2025-03-31.basil",
    // Only the checkout names the click, and it knows the address.
    knowsAddress: true,
    begin: async (ledger) => ({ metadata: { affitor_click_id: await click(ledger) }, more: [] }),
  },
  {
    name: "a user key, signed up at any moment, newer shape",
    version: "2025-03-31.basil",
    // The sign-up gives none, and a payment teaches none.
    knowsAddress: false,
    begin: async (ledger) => signedUpLater(ledger, (key) => ({ metadata: { affitor_customer_key: key } })),
  },
  {
    name: "a click under the other product's key, older shape",
    version: "2024-06-20",
    // What opens the click may be the subscription, which knows no address: the only thing that an order decides.
    knowsAddress: undefined,
    begin: async (ledger) => ({ metadata: { affonso_referral: await click(ledger) }, more: [] }),
  },
  {
    name: "an address only, signed up at any moment, older shape",
    version: "2024-06-20",
    knowsAddress: true,
    begin: async (ledger) => {
      const email = `${unique("jane").toLowerCase()}@customers.example`;
      return { ...(await signedUpLater(ledger, () => ({ metadata: {} }), email)), email };
    },
  },
];

async function signedUpLater(ledger, given, email) {
  const [key, click_id] = [unique("user"), await click(ledger)];
  const body = { click_id, external_user_id: key, ...(email === undefined ? {} : { email }) };
  const signUp = async () => {
    const answer = await post(ledger, "/v1/signups", body);
    assert.ok([200, 201].includes(answer.status), answer.text);
  };
  return { ...given(key), more: [signUp] };
}

async function runOrder(ledger, customer, order) {
  const random = randomFrom(SEED + order);
  const { metadata, more, email } = await customer.begin(ledger);
  const { n, events } = subscriptionEvents(customer.version, { metadata, email });
  const send = (event) => async () => {
    const answer = await deliver(ledger, event);
    assert.equal(answer.status, 200, `${event.type}: ${answer.text}`);
    assert.deepEqual(answer.json, { received: true, handled: true }, event.type);
  };
  const calls = [...events.map(send), ...more].flatMap((call) => Array.from({ length: TIMES }, () => call));
  for (const call of shuffled(calls, random)) await call();
  return n;
}

/** All that the ledger holds of one customer, without ids that it makes and without moments. */
async function history(ledger, n) {
  const sales = await select(
    ledger,
    "SELECT v.sale_key, v.amount_minor, v.currency, v.refunded_minor, v.sales_status, v.attributed, v.reason, " +
      "v.details ->> '$.purchase' AS purchase, v.referral_id, c.amount_minor AS earned, c.status, " +
      "(SELECT SUM(amount_minor) FROM refund WHERE conversion_id = v.id) AS paid_back " +
      "FROM conversion v JOIN commission c ON c.conversion_id = v.id WHERE v.sale_key LIKE ? ORDER BY v.sale_key",
    `in_%${n}`,
  );
  const [referral] = await select(
    ledger,
    "SELECT status, paid_sales, commission_total_minor FROM referral WHERE id = ?",
    sales[0]?.referral_id ?? "",
  );
  const names = await select(
    ledger,
    "SELECT kind FROM identity WHERE referral_id = ? AND kind <> 'external_user_id' ORDER BY kind",
    sales[0]?.referral_id ?? "",
  );
  const keys = await select(ledger, "SELECT value FROM sale_key WHERE value LIKE ? ORDER BY value", `%${n}`);
  return {
    sales: sales.map(({ referral_id, ...sale }) => ({ ...sale, sale_key: sale.sale_key.replace(`_${n}`, "") })),
    referral,
    names: names.map(({ kind }) => kind),
    keys: keys.map(({ value }) => value.replace(`_${n}`, "")),
    waiting: await select(ledger, "SELECT object FROM provider_fact WHERE object LIKE ? AND waits = 1", `%${n}%`),
    unattributed: await select(ledger, "SELECT sale_key FROM unattributed_sale WHERE sale_key LIKE ?", `%${n}`),
  };
}

// By hand: both invoices are 119.00 with 19.00 of tax, and 30 % of 100.00 is 30.00. 89.25 of 119.00 are three quarters:
// 75.00 of the first sale are paid back, 7.50 remain. The second one's dispute is won, and the subscription ends.
const PURCHASE = { product_ids: ["prod_pro"], price_ids: ["price_pro"], interval: "monthly", is_subscription: true };
const sale = { amount_minor: 10_000, currency: "USD", attributed: 1, reason: "commission_earned" };
const EXPECTED = {
  sales: [
    {
      ...{ sale_key: "in_first", ...sale, refunded_minor: 7_500, sales_status: "partial_refunded" },
      ...{ earned: 750, status: "ready_for_payment", paid_back: 7_500 },
    },
    {
      ...{ sale_key: "in_second", ...sale, refunded_minor: 0, sales_status: "complete" },
      ...{ earned: 3_000, status: "ready_for_payment", paid_back: null },
    },
  ],
  referral: { status: "canceled", paid_sales: 2, commission_total_minor: 3_750 },
  names: ["email_hash", "provider_customer_id", "subscription_id"],
  keys: ["ch_first", "ch_second", "in_first", "in_second", "pi_first", "pi_second"],
  waiting: [],
  unattributed: [],
};

function assertHistory(found, { knowsAddress, shown }) {
  const { sales, names, keys, ...rest } = found;
  const plain = sales.map(({ purchase, ...one }) => {
    assert.deepEqual(JSON.parse(purchase), PURCHASE, shown);
    return one;
  });
  const wanted = (knowsAddress ?? names.includes("email_hash")) ? EXPECTED.names : EXPECTED.names.slice(1);
  const own = keys.filter((key) => key !== "cs");
  assert.deepEqual({ sales: plain, names, keys: own, ...rest }, { ...EXPECTED, names: wanted }, shown);
}

test(`every event ${TIMES} times, shuffled over ${ORDERS} orders: one history, one sum`, async (t) => {
  const ledger = await startLedger(t);
  await connect(ledger);
  const orders = Array.from({ length: ORDERS }, (_, order) => order);
  const customers = [];
  const work = async () => {
    for (let order = orders.shift(); order !== undefined; order = orders.shift()) {
      const customer = CUSTOMERS[order % CUSTOMERS.length];
      const shown = `order ${order}, SEED=${SEED}: ${customer.name}`;
      const n = await runOrder(ledger, customer, order).catch((cause) => {
        throw new Error(`${shown}: ${cause.message}`, { cause });
      });
      customers.push({ n, shown, knowsAddress: customer.knowsAddress });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  for (const customer of customers) assertHistory(await history(ledger, customer.n), customer);
  assert.equal(customers.length, ORDERS);

  const [sums] = await select(
    ledger,
    "SELECT (SELECT COUNT(*) FROM conversion) AS sales, (SELECT COUNT(*) FROM commission) AS commissions, " +
      "(SELECT SUM(amount_minor) FROM commission) AS earned, (SELECT SUM(amount_minor) FROM refund) AS paid_back",
  );
  const each = { sales: 2, commissions: 2, earned: 3_750, paid_back: 7_500 };
  assert.deepEqual(sums, Object.fromEntries(Object.entries(each).map(([name, sum]) => [name, sum * ORDERS])));
  await eventually(async () => {
    const health = await get(ledger, "/healthz", { key: null });
    for (const { name, last_error_at } of health.json.jobs) assert.equal(last_error_at, null, name);
  });
});
