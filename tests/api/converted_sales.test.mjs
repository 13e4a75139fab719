// Sales in other currencies than the team's: converted with the rate of their day, or waiting for one until it comes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { click, eventually, get, post, select, unique } from "./calls.mjs";

const DAY = 86_400_000;

/** Everybody's rates, as the scheduled job stores them. */
async function publish(ledger, date, rates) {
  for (const [currency, rate] of Object.entries(rates)) {
    const sql = "INSERT INTO exchange_rate (base, currency, day, rate, recorded_at) VALUES ('EUR', ?, ?, ?, 0)";
    await ledger.db
      .prepare(sql)
      .bind(currency, Date.parse(date) / DAY, rate)
      .run();
  }
}

/** The team's own rates. */
async function set(ledger, date, rates, { base, key = ledger.fixture.keys.live } = {}) {
  const answer = await ledger.request("PUT", `/v1/rates/${date}`, { key, body: { base, rates } });
  assert.equal(answer.status, 200, answer.text);
}

/** A sale by a customer who came on the first of March; sent twice. */
async function sell(ledger, sale_amount, sale_amount_currency, created_at, { key, trackingId } = {}) {
  const id = await click(ledger, { key, trackingId, createdAt: "2026-03-01T00:00:00Z" });
  const signup = { click_id: id, external_user_id: unique("user") };
  assert.equal((await post(ledger, "/v1/signups", signup, { key })).status, 201);
  const external_event_id = unique("order");
  const body = { referral_id: id, sale_amount, sale_amount_currency, created_at, external_event_id };
  const first = await post(ledger, "/v1/conversions", body, { key });
  assert.equal(first.status, 201, first.text);
  const second = await post(ledger, "/v1/conversions", body, { key });
  assert.equal(second.status, 200, second.text);
  assert.deepEqual(
    [second.json.data.id, second.json.data.commission_amount],
    [first.json.data.id, first.json.data.commission_amount],
  );
  return first.json.data;
}

const shown = (sale) => [
  ...[sale.commission_amount, sale.commission_currency, sale.status],
  ...[sale.reason, sale.exchange_rate, sale.exchange_rate_date],
];

const show = async (ledger, { id }, key) => shown((await get(ledger, `/v1/conversions/${id}`, { key })).json.data);

/** Lets the scheduler run all its jobs: loaded anew, it does so at once. */
async function minute(ledger) {
  const moment = Date.now();
  await ledger.restart();
  await eventually(async () => {
    const { jobs } = (await get(ledger, "/healthz", { key: null })).json;
    const job = jobs.find(({ name }) => name === "settle_sales");
    assert.ok(Date.parse(job.last_run_at) >= moment);
    assert.equal(job.last_error_at, null);
  });
}

test("'S2-field-sale_amount_currency-converts': with the rate of its day, or the last one before it, and it keeps what it was", async (t) => {
  const ledger = await startLedger(t);
  await publish(ledger, "2026-03-06", { USD: "1.0900", JPY: "150" });
  await publish(ledger, "2026-03-09", { USD: "1.0956", JPY: "157.32" });
  const earned = (amount, ...rate) => [amount, "USD", "ready_for_payment", "commission_earned", ...rate];
  const cases = [
    // 100 × 1.0956 × 30 % = 32.868
    [100, "EUR", "2026-03-09T23:59:59Z", 10956, earned(32.87, "1.0956", "2026-03-09")],
    // 100 × 1.09 × 30 % = 32.7
    [100, "EUR", "2026-03-08T12:00:00Z", 10900, earned(32.7, "1.09", "2026-03-06")],
    // 10000 ÷ 157.32 × 1.0956 = 69.6414…; × 30 % = 20.8924…
    [10000, "JPY", "2026-03-20T00:00:00Z", 6964, earned(20.89, "0.0069641495042", "2026-03-09")],
    // 3 ÷ 150 × 1.09 = 0.0218; × 30 % = 0.00654
    [3, "JPY", "2026-03-07T00:00:00Z", 2, earned(0.01, "0.00726666666667", "2026-03-06")],
  ];
  for (const [amount, currency, at, converted, expected] of cases) {
    const sale = await sell(ledger, amount, currency, at);
    assert.deepEqual(shown(sale), expected, `${amount} ${currency}`);
    assert.deepEqual([sale.sale_amount, sale.sale_amount_currency], [amount, currency]);
    assert.deepEqual(await show(ledger, sale), expected);
    const rows = await select(ledger, "SELECT amount_minor, currency, converted_minor FROM conversion WHERE id = ?", sale.id);
    const minor = currency === "JPY" ? amount : amount * 100;
    assert.deepEqual(rows, [{ amount_minor: minor, currency, converted_minor: converted }]);
  }
});

test("of the same day the team's own rate is used, and a direct one before the way through the euro", async (t) => {
  const ledger = await startLedger(t);
  const { other } = ledger.fixture;
  await publish(ledger, "2026-03-09", { USD: "1.0956", JPY: "157.32" });
  await set(ledger, "2026-03-09", { USD: "1.2" });
  await set(ledger, "2026-03-09", { JPY: "125" }, { base: "USD" });
  const at = "2026-03-09T12:00:00Z";
  // 100 × 1.2 × 30 % = 36
  assert.equal((await sell(ledger, 100, "EUR", at)).commission_amount, 36);
  // 10000 ÷ 125 × 30 % = 24
  assert.equal((await sell(ledger, 10000, "JPY", at)).commission_amount, 24);
  const others = { key: other.keys.live, trackingId: other.affiliate.trackingId };
  assert.equal((await sell(ledger, 100, "EUR", at, others)).commission_amount, 32.87);
});

test("a sale in VND waits, is listed, and is settled by the upload", async (t) => {
  const ledger = await startLedger(t);
  const { keys } = ledger.fixture;
  await publish(ledger, "2026-03-09", { USD: "1.0956" });
  const waiting = [null, "USD", "pending", "missing_rate", null, null];
  const sale = await sell(ledger, 1_000_000, "VND", "2026-03-10T10:00:00Z");
  const tried = await sell(ledger, 1_000_000, "VND", "2026-03-10T10:00:00Z", { key: keys.test });
  const early = await sell(ledger, 500_000, "VND", "2026-03-08T10:00:00Z");
  const dinar = await sell(ledger, 12.345, "KWD", "2026-03-10T10:00:00Z");
  for (const each of [sale, early, dinar]) assert.deepEqual(shown(each), waiting);
  const missing = async () =>
    (await get(ledger, "/v1/rates/missing")).json.data.map(({ currency, count, amount }) => [currency, count, amount]);
  const dinars = ["KWD", 1, 12.345];
  assert.deepEqual(await missing(), [dinars, ["VND", 2, 1_500_000]]);

  await minute(ledger);
  assert.deepEqual(await show(ledger, sale), waiting);

  await set(ledger, "2026-03-09", { VND: "29000.5" });
  await minute(ledger);
  // 1000000 ÷ 29000.5 × 1.0956 = 37.7786…; × 30 % = 11.3335…
  const settled = [11.33, "USD", "ready_for_payment"];
  const rate = ["0.0000377786589886", "2026-03-09"];
  for (const [each, key] of [[sale], [tried, keys.test]]) {
    const [amount, currency, status, , ...used] = await show(ledger, each, key);
    assert.deepEqual([[amount, currency, status], used], [settled, rate]);
  }
  // Its day was before the upload's.
  assert.deepEqual(await show(ledger, early), waiting);
  assert.deepEqual(await missing(), [dinars, ["VND", 1, 500_000]]);

  const before = await show(ledger, sale);
  await set(ledger, "2026-03-09", { VND: "20000" });
  await set(ledger, "2026-03-07", { VND: "30000" });
  await set(ledger, "2026-03-07", { USD: "1.2" });
  await minute(ledger);
  assert.deepEqual(await show(ledger, sale), before, "what was settled stays");
  // 500000 ÷ 30000 × 1.2 × 30 % = 6
  assert.equal((await show(ledger, early))[0], 6);
  assert.deepEqual(await missing(), [dinars]);
  assert.deepEqual(await show(ledger, dinar), waiting);
});

test("a team whose own currency nobody quotes has its sales wait until it does", async (t) => {
  const ledger = await startLedger(t);
  await ledger.db.prepare("UPDATE team SET currency = 'KWD' WHERE id = ?").bind(ledger.fixture.team.id).run();
  await publish(ledger, "2026-03-09", { USD: "1.0956", JPY: "157.32" });
  const yen = await sell(ledger, 10000, "JPY", "2026-03-10T10:00:00Z");
  const euro = await sell(ledger, 100, "EUR", "2026-03-10T10:00:00Z");
  const own = await sell(ledger, 10, "KWD", "2026-03-10T10:00:00Z");
  assert.deepEqual([yen, euro, own].map((sale) => sale.commission_amount), [null, null, 3]);
  const { team_currency, team_currency_has_rates } = (await get(ledger, "/v1/rates")).json.data;
  assert.deepEqual([team_currency, team_currency_has_rates], ["KWD", false]);
  await set(ledger, "2026-03-10", { KWD: "0.336" });
  await minute(ledger);
  // 10000 ÷ 157.32 × 0.336 × 30 % = 6.40732…; 100 × 0.336 × 30 % = 10.08
  assert.deepEqual((await show(ledger, yen)).slice(0, 3), [6.407, "KWD", "ready_for_payment"]);
  assert.deepEqual((await show(ledger, euro)).slice(0, 3), [10.08, "KWD", "ready_for_payment"]);
});
