// What an affiliate may earn by one customer is capped: a commission is reduced to fit, then there is none. Each sale is
// recorded all the same, and says why.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, assertKeptOverRestart, atOnce, get, post, select, signedUp, tally } from "./calls.mjs";

/** 30 % of two products, 50.00 in all. */
const CAP = 5000;
const capped = [{ kind: "percentage", percent: "30", cap_minor: CAP }];
const cappedForProducts = [{ ...capped[0], apply_to: "specific_products", product_ids: ["book", "course"] }];

/** What the two products cost, and 30 % of that. */
const PRODUCTS = {
  book: { sale_amount: 10, commission_amount: 3 },
  course: { sale_amount: 7, commission_amount: 2.1 },
};
const NAMES = Object.keys(PRODUCTS);

const sell = (ledger, referral_id, number, product = NAMES[number % 2]) =>
  post(ledger, "/v1/conversions", {
    referral_id,
    sale_amount: PRODUCTS[product].sale_amount,
    product_ids: [product],
    external_event_id: `order_${number}`,
  });

const commissions = (ledger) =>
  select(ledger, "SELECT COUNT(*) AS rows, SUM(amount_minor) AS sum FROM commission WHERE status <> 'refunded'");

/** Fifty sales were answered: each is recorded, the cap is used up exactly, and each says what became of it. */
async function assertCapUsedUp(ledger, answers) {
  assert.deepEqual(tally(answers), { 201: 50 });
  const sales = answers.map(({ json }) => json.data);
  assert.equal(new Set(sales.map(({ id }) => id)).size, 50);
  assert.deepEqual(await select(ledger, "SELECT COUNT(*) AS rows, SUM(amount_minor) AS sum FROM conversion"), [
    { rows: 50, sum: 25 * 1000 + 25 * 700 },
  ]);
  const [{ rows, sum }] = await commissions(ledger);
  assert.equal(sum, CAP);
  const earning = sales.filter(({ commission_amount }) => commission_amount !== null);
  assert.equal(earning.length, rows);
  const full = (sale) => PRODUCTS[sale.product_ids[0]].commission_amount;
  const reduced = earning.filter((sale) => sale.commission_amount !== full(sale));
  // 3.00 and 2.10 are multiples of 0.30, and 50.00 is none: whatever comes first, one is reduced.
  assert.equal(reduced.length, 1);
  for (const sale of reduced) {
    assert.ok(sale.commission_amount > 0 && sale.commission_amount < full(sale), `${sale.commission_amount}`);
  }
  for (const sale of earning) assert.deepEqual([sale.status, sale.attributed], ["ready_for_payment", true]);
  const none = sales.filter(({ commission_amount }) => commission_amount === null);
  for (const sale of none) {
    assert.deepEqual([sale.reason, sale.decision.reason, sale.attributed], ["cap_reached", "cap_reached", true]);
    const { commission_currency, status, earning_id, sales_status } = sale;
    assert.deepEqual([commission_currency, status, earning_id, sales_status], [null, null, null, "complete"]);
  }
  for (const sale of earning) assert.notEqual(sale.reason, "cap_reached");
  for (const { id, ...sale } of sales) {
    const { data } = (await get(ledger, `/v1/conversions/${id}`)).json;
    assert.deepEqual([data.commission_amount, data.reason], [sale.commission_amount, sale.reason]);
  }
}

for (const [how, incentives] of [
  ["of two products that one incentive names", cappedForProducts],
  ["of two products under an incentive for everything", capped],
]) {
  for (const instances of [1, 2]) {
    const where = instances === 1 ? "one Worker" : "two Workers that remember separately";
    test(`fifty sales at once ${how} earn exactly the cap, over ${where}`, async (t) => {
      const ledger = await startLedger(t, { incentives, instances });
      const referral = await signedUp(ledger, "user_1");
      const call = (number) => sell(ledger, referral, number);
      await assertCapUsedUp(ledger, await atOnce(50, call));
      await assertKeptOverRestart(ledger);
      assert.deepEqual(tally(await atOnce(50, call)), { 200: 50 });
      assert.equal((await commissions(ledger))[0].sum, CAP);
    });
  }
}

test("the sale that meets the cap is reduced to fit, and the next one earns nothing", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ ...capped[0], cap_minor: 800 }] });
  const referral = await signedUp(ledger, "user_1");
  const earned = [];
  for (let number = 0; number < 5; number += 1) {
    const { data } = (await sell(ledger, referral, number, "book")).json;
    earned.push(data.commission_amount);
    const again = (await sell(ledger, referral, number, "book")).json.data;
    assert.deepEqual([again.id, again.commission_amount], [data.id, data.commission_amount]);
  }
  assert.deepEqual(earned, [3, 3, 2, null, null]);
});

test("a cap that is met exactly reduces nothing, and then ends it", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ ...capped[0], cap_minor: 600 }] });
  const referral = await signedUp(ledger, "user_1");
  const earned = [];
  for (let number = 0; number < 3; number += 1) {
    earned.push((await sell(ledger, referral, number, "book")).json.data.commission_amount);
  }
  assert.deepEqual(earned, [3, 3, null]);
});

test("a reduced commission says so with what it was reduced from", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ ...capped[0], cap_minor: 200 }] });
  const { data } = (await sell(ledger, await signedUp(ledger, "user_1"), 1, "book")).json;
  assert.equal(data.commission_amount, 2);
  // Every outcome has its inputs: without the cap among them nobody can see why 30 % of 10.00 is 2.00.
  assert.match(JSON.stringify(data.decision.inputs), /cap/i);
});

test("a cap is each customer's, and each affiliate's", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ ...capped[0], cap_minor: 400 }] });
  await addAffiliate(ledger, { trackingId: "bob" });
  const referrals = [
    await signedUp(ledger, "user_1"),
    await signedUp(ledger, "user_2"),
    await signedUp(ledger, "user_3", { trackingId: "bob" }),
  ];
  const earned = [];
  for (const [place, referral] of referrals.entries()) {
    for (const number of [1, 2, 3]) {
      const { data } = (await sell(ledger, referral, 10 * place + number, "book")).json;
      earned.push(data.commission_amount);
    }
  }
  assert.deepEqual(earned, [3, 1, null, 3, 1, null, 3, 1, null]);
});

test("sales of Affitor's dialect come under the same cap", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ ...capped[0], cap_minor: 400 }] });
  const referral = await signedUp(ledger, "user_1");
  const key = ledger.fixture.keys.token;
  const track = (number) => {
    const body = { transaction_id: `txn_${number}`, amount_cents: 1000, click_id: referral };
    return post(ledger, "/api/v1/track/sale", body, { key });
  };
  assert.equal((await sell(ledger, referral, 1, "book")).json.data.commission_amount, 3);
  for (const number of [1, 2]) {
    const { status, json } = await track(number);
    assert.deepEqual([status, json.success, typeof json.sale_id], [200, true, "string"]);
    assert.equal(json.commission_id === null, number === 2);
  }
  assert.deepEqual(await commissions(ledger), [{ rows: 2, sum: 400 }]);
});

test("fixed commissions are capped like parts of the price", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ kind: "fixed", amount_minor: 250, cap_minor: 600 }] });
  const referral = await signedUp(ledger, "user_1");
  const answers = await atOnce(10, (number) => sell(ledger, referral, number));
  assert.deepEqual(tally(answers), { 201: 10 });
  const earned = answers.map(({ json }) => json.data.commission_amount).filter((amount) => amount !== null);
  assert.deepEqual(
    earned.sort((one, other) => one - other),
    [1, 2.5, 2.5],
  );
});
