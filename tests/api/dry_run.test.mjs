// A sale that is only tried: it comes to what the real one comes to, and leaves nothing anywhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { click, contents, get, post, refund, select, STRANGERS, unique } from "./calls.mjs";
import { assertRefused, assertUnknown, customer, put, sell, withRecruiters } from "./commission_calls.mjs";

const attempt = (ledger, body, options) => post(ledger, "/v1/conversions", { ...body, dry_run: true }, options);

/** Everything that a call could leave: the rows of all tables, kept answers too. */
async function everything(ledger) {
  return { ...(await contents(ledger)), kept_answer: await select(ledger, "SELECT * FROM kept_answer ORDER BY 1, 4") };
}

/** Tries a sale twice; what the answer shows. Nothing is left by it. */
async function tried(ledger, body, options) {
  const before = await everything(ledger);
  const answers = [await attempt(ledger, body, options), await attempt(ledger, body, options)];
  for (const { status, text } of answers) assert.equal(status, 200, text);
  assert.deepEqual(await everything(ledger), before, "a try has written");
  const [first, second] = answers.map(({ json }) => json.data);
  assert.deepEqual(timeless(second), timeless(first));
  assert.equal(first.dry_run, true);
  return first;
}

/** Without what differs between two calls: moments, and the age of the click at them. */
function timeless({ created_at, updated_at, decision, considered, ...rest }) {
  const { click_age_days, ...inputs } = decision.inputs;
  assert.deepEqual([typeof created_at, typeof updated_at, typeof click_age_days], ["string", "string", "number"]);
  const rules = considered?.map(({ rule, verdict }) => [rule, verdict]);
  return { ...rest, decision: { ...decision, inputs }, considered: rules };
}

/** Tries a sale, then makes it: they agree in everything but ids. */
async function assertForeseen(ledger, body, options) {
  const foreseen = timeless(await tried(ledger, body, options));
  const answer = await post(ledger, "/v1/conversions", body, options);
  assert.equal(answer.status, 201, answer.text);
  const { id, earning_id, levels, considered: none, ...real } = timeless(answer.json.data);
  assert.equal(none, undefined);
  const { dry_run, sum, considered, ...rest } = foreseen;
  assert.deepEqual([dry_run, rest.id, rest.earning_id], [true, null, null]);
  for (const level of rest.levels) assert.equal(level.earning_id, null);
  assert.deepEqual(rest, {
    ...real,
    id: null,
    earning_id: null,
    levels: levels.map((level) => ({ ...level, earning_id: null })),
  });
  const explained = (await get(ledger, `/v1/conversions/${id}/explain`, options)).json.data;
  assert.deepEqual(explained.sum, sum);
  assert.deepEqual(
    explained.considered.map(({ rule, verdict }) => [rule, verdict]),
    considered,
  );
  return { id, earning_id, ...real };
}

test("a try comes to what the sale then comes to, also where there is a cap", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", cap_minor: 4000 }] });
  await withRecruiters(ledger);
  const referral_id = await customer(ledger);
  const earned = [];
  for (const key of ["order_1", "order_2", "order_3"]) {
    const body = { referral_id, sale_amount: 100, external_event_id: key, customer_id: "cus_1" };
    earned.push((await assertForeseen(ledger, body)).commission_amount);
  }
  assert.deepEqual(earned, [30, 10, null]);
});

test("a try shows every rule and the sum", async (t) => {
  const ledger = await startLedger(t);
  const data = await tried(ledger, { referral_id: await customer(ledger), sale_amount: 99 });
  assert.deepEqual(data.sum, ["99.00 USD × 30 % = 29.70 USD"]);
  assert.deepEqual(
    data.considered.map(({ rule }) => rule),
    ["referral", "attribution_window", "sales_status", "partnership", "incentive", "length"],
  );
  const { id, earning_id, commission_amount, status, reason, replayed } = data;
  assert.deepEqual(
    [id, earning_id, commission_amount, status, reason, replayed],
    [null, null, 29.7, "ready_for_payment", "commission_earned", false],
  );
});

test("sales of every kind are foreseen", async (t) => {
  const excluded = { kind: "fixed", amount_minor: 0, apply_to: "specific_products", product_ids: ["gift"] };
  const ledger = await startLedger(t, { incentives: [{ percent: "30", approval: "hold_period", hold_days: 30 }, excluded] });
  const today = new Date().toISOString().slice(0, 10);
  await put(ledger, `/v1/rates/${today}`, { base: "GBP", rates: { USD: 1.25 } });
  const kinds = [
    [{ sale_amount: 80, sale_amount_currency: "GBP" }, 30],
    [{ sale_amount: 100, sale_amount_currency: "KWD" }, null],
    [{ sale_amount: 100, product_ids: ["gift"] }, null],
    [{ sale_amount: 100, sales_status: "open" }, null],
    [{ sale_amount: 100, status: "declined" }, 30],
    [{ sale_amount: 100, status: "refunded" }, 0],
    [{ sale_amount: 100, created_at: "2099-01-01T00:00:00Z" }, null],
  ];
  for (const [fields, amount] of kinds) {
    const body = { ...fields, referral_id: await customer(ledger), external_event_id: unique("order") };
    assert.equal((await assertForeseen(ledger, body)).commission_amount, amount, JSON.stringify(fields));
  }
  // A click becomes a referral by its first sale, and not by a try.
  const click_id = await click(ledger);
  const body = { click_id, sale_amount: 100, external_event_id: unique("order") };
  assert.equal((await assertForeseen(ledger, body)).referral_id, click_id);
});

test("a refund that waits for the sale is taken off, and goes on waiting", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  await refund(ledger, "order_1", { amount: 40, allow_pending: true });
  const body = { referral_id, sale_amount: 100, external_event_id: "order_1" };
  assert.equal((await assertForeseen(ledger, body)).commission_amount, 18);
});

test("what is in force is asked, and not a copy", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ id: "inc_all", percent: "30" }] });
  const referral_id = await customer(ledger);
  await sell(ledger, referral_id);
  // Behind every cache's back.
  await ledger.db.batch([
    ledger.db.prepare("UPDATE incentive SET rate_ppm = 500000 WHERE id = 'inc_all'"),
    ledger.db.prepare("UPDATE program SET rules_version = rules_version + 1 WHERE id = ?").bind(ledger.fixture.program.id),
  ]);
  assert.equal((await tried(ledger, { referral_id, sale_amount: 100 })).commission_amount, 50);
});

test("a try of a sale that is recorded answers that sale", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const sale = await sell(ledger, referral_id, { external_event_id: "order_1" });
  const data = await tried(ledger, { referral_id, sale_amount: 50, external_event_id: "order_1" });
  assert.deepEqual(
    [data.id, data.earning_id, data.commission_amount, data.replayed],
    [sale.id, sale.earning_id, 30, true],
  );
  assert.deepEqual(
    data.warnings.map(({ field }) => field),
    ["sale_amount"],
  );
});

test("a key is not used up by a try, and a used one does not answer it", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const options = { headers: { "idempotency-key": "key_1" } };
  const body = { referral_id, sale_amount: 100 };
  await tried(ledger, body, options);
  const first = await post(ledger, "/v1/conversions", body, options);
  assert.deepEqual([first.status, first.headers.get("idempotent-replayed")], [201, null], first.text);
  const data = await tried(ledger, { ...body, sale_amount: 10 }, options);
  assert.deepEqual([data.id, data.commission_amount], [null, 3]);
  const again = await post(ledger, "/v1/conversions", body, options);
  assert.deepEqual([again.text, again.headers.get("idempotent-replayed")], [first.text, "true"]);
});

test("a try between a sale and its repeat does not disturb what is remembered", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const body = { referral_id, sale_amount: 100, external_event_id: "order_1" };
  const sale = await sell(ledger, referral_id, { external_event_id: "order_1" });
  await tried(ledger, { ...body, external_event_id: "order_2" });
  const again = await post(ledger, "/v1/conversions", body);
  assert.deepEqual([again.status, again.json.data.id], [200, sale.id]);
  assert.equal((await sell(ledger, referral_id, { external_event_id: "order_2" })).commission_amount, 30);
});

test("nobody's sale is refused as the real one is, and not listed", async (t) => {
  const ledger = await startLedger(t);
  const body = { external_user_id: "nobody", sale_amount: 100, external_event_id: "order_1" };
  const before = await everything(ledger);
  for (let twice = 0; twice < 2; twice += 1) assertUnknown(await attempt(ledger, body));
  assert.deepEqual(await everything(ledger), before);
  assertRefused(await attempt(ledger, { ...body, sale_amount: -1 }), "sale_amount");
  assertRefused(await post(ledger, "/v1/conversions", { ...body, dry_run: "yes" }), "dry_run");
});

for (const { name, of, by } of STRANGERS) {
  test(`a sale to a customer cannot be tried by ${name}`, async (t) => {
    const ledger = await startLedger(t);
    const owner = { key: ledger.fixture.keys[of] };
    const referral_id = await customer(ledger, owner);
    const body = { referral_id, sale_amount: 100 };
    assertUnknown(await attempt(ledger, body, { key: by(ledger.fixture) }));
    assert.equal((await tried(ledger, body, owner)).commission_amount, 30);
  });
}
