// Rates of exchange: a team's own, what applies on a day, and the sales that wait for one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { get, select } from "./calls.mjs";
import { assertError } from "./routes.mjs";

const DAY = 86_400_000;
const number = (date) => Date.parse(`${date}T00:00:00Z`) / DAY;
const today = (days = 0) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

const put = (ledger, date, body, { key = ledger.fixture.keys.live } = {}) =>
  ledger.request("PUT", `/v1/rates/${date}`, { key, body });

/** Puts rates; what is answered. */
async function set(ledger, date, rates, { base, key } = {}) {
  const answer = await put(ledger, date, { base, rates }, { key });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data;
}

/** What applies on a day: `EUR/USD 1.1 2026-03-09 own`. */
async function applied(ledger, date, { key } = {}) {
  const answer = await get(ledger, `/v1/rates${date === undefined ? "" : `/${date}`}`, { key });
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data.rates.map(({ base, currency, rate, day, source }) =>
    [`${base}/${currency}`, rate, day, source].join(" "),
  );
}

/** Everybody's rates, as the scheduled job stores them. */
async function publish(ledger, date, rates) {
  for (const [currency, rate] of Object.entries(rates)) {
    const sql = "INSERT INTO exchange_rate (base, currency, day, rate, recorded_at) VALUES ('EUR', ?, ?, ?, 0)";
    await ledger.db.prepare(sql).bind(currency, number(date), rate).run();
  }
}

/** A sale that waits for a rate, of the first team unless `owner` is another. */
async function waits(ledger, currency, minor, at, { owner = ledger.fixture, test = 0, converted = null } = {}) {
  const referral = `ref_${letters(22)}`;
  const columns = { team_id: owner.team.id, program_id: owner.program.id, is_test: test };
  await insert(ledger, "referral", {
    ...{ id: referral, ...columns, affiliate_id: owner.affiliate.id, status: "customer", verified: 1, seq: 1 },
    ...{ created_by_request: "req_1", created_at: 0, updated_at: 0 },
  });
  await insert(ledger, "conversion", {
    ...{ id: `conv_${letters(22)}`, ...columns, referral_id: referral, affiliate_id: owner.affiliate.id },
    ...{ amount_minor: minor, currency, converted_minor: converted, sales_status: "complete", attributed: 1 },
    ...{ details: "{}", decision: "{}", reason: "missing_rate" },
    ...{ created_at: Date.parse(at), recorded_at: 0, updated_at: 0 },
  });
}

function insert(ledger, table, row) {
  const names = Object.keys(row);
  const sql = `INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
  return ledger.db
    .prepare(sql)
    .bind(...Object.values(row))
    .run();
}

test("a team's own rates are answered as they were sent, and the same PUT twice is the same 200", async (t) => {
  const ledger = await startLedger(t);
  const expected = {
    date: "2026-03-09",
    rates: [
      { currency: "KWD", base: "EUR", rate: 0.336, day: "2026-03-09", source: "own" },
      { currency: "VND", base: "EUR", rate: 29000.5, day: "2026-03-09", source: "own" },
    ],
  };
  assert.deepEqual(await set(ledger, "2026-03-09", { VND: 29000.5, kwd: "0.336" }), expected);
  const rows = await select(ledger, "SELECT * FROM exchange_rate ORDER BY currency");
  assert.deepEqual(
    rows.map(({ base, currency, team_id, day, rate }) => [base, currency, team_id, day, rate]),
    [
      ["EUR", "KWD", ledger.fixture.team.id, number("2026-03-09"), "0.336"],
      ["EUR", "VND", ledger.fixture.team.id, number("2026-03-09"), "29000.5"],
    ],
  );
  assert.deepEqual(await set(ledger, "2026-03-09", { VND: 29000.5, kwd: "0.336" }), expected);
  assert.deepEqual(await select(ledger, "SELECT * FROM exchange_rate ORDER BY currency"), rows);
});

test("a PUT replaces the rates that it names and leaves the others", async (t) => {
  const ledger = await startLedger(t);
  await set(ledger, "2026-03-08", { VND: 1 });
  await set(ledger, "2026-03-09", { VND: 29000, KWD: 0.33 });
  await set(ledger, "2026-03-09", { VND: 26000, JPY: 150 }, { base: "usd" });
  const { rates } = await set(ledger, "2026-03-09", { VND: 29500 }, { base: "" });
  assert.deepEqual(
    rates.map(({ base, currency, rate }) => [base, currency, rate]),
    [
      ["EUR", "KWD", 0.33],
      ["EUR", "VND", 29500],
      ["USD", "JPY", 150],
      ["USD", "VND", 26000],
    ],
  );
  assert.deepEqual(await applied(ledger, "2026-03-08"), ["EUR/VND 1 2026-03-08 own"]);
});

test("a rate of fifteen digits is kept to the last one, and one with an exponent is written plainly", async (t) => {
  const ledger = await startLedger(t);
  const body = '{"rates": {"VND": 29000.1234567891, "KWD": "0.000000000001", "JPY": 1.570E+2, "CLF": 2.5e-7}}';
  const answer = await put(ledger, "2026-03-09", body);
  assert.equal(answer.status, 200, answer.text);
  for (const text of ["29000.1234567891", "0.000000000001", "157", "0.00000025"]) {
    assert.ok(answer.text.includes(`"rate":${text},`), `${text} in ${answer.text}`);
  }
});

const WRONG_RATES = [
  ["an unknown currency", { ZZZ: 1 }, "rates.ZZZ"],
  ["gold", { XAU: 1 }, "rates.XAU"],
  ["no currency", { "": 1 }, "rates."],
  ["the base", { EUR: 1 }, "rates.EUR"],
  ["zero", { VND: 0 }, "rates.VND"],
  ["less than nothing", { VND: -29000 }, "rates.VND"],
  ["no number", { VND: "N/A" }, "rates.VND"],
  ["nothing", { VND: "" }, "rates.VND"],
  ["null", { VND: null }, "rates.VND"],
  ["a list", { VND: [29000] }, "rates.VND"],
  ["a truth", { VND: true }, "rates.VND"],
  ["sixteen digits", { VND: "29000.12345678901" }, "rates.VND"],
  ["thirteen digits after the point", { VND: "0.0000000000001" }, "rates.VND"],
  ["too much", { VND: 1e15 }, "rates.VND"],
  ["far too much", { VND: "1e999999999" }, "rates.VND"],
  ["a currency twice", { VND: 29000, vnd: 29500 }, "rates.vnd"],
  ["no rates", {}, "rates"],
];

test("wrong rates are a 400 that names each, and nothing is stored", async (t) => {
  const ledger = await startLedger(t);
  for (const [what, rates, field] of WRONG_RATES) {
    const answer = await put(ledger, "2026-03-09", { rates: { ...(field === "rates" ? {} : { USD: 1.1 }), ...rates } });
    assertError("/v1/rates", answer, 400, "VALIDATION_ERROR");
    assert.deepEqual(
      answer.json.error.details.map((detail) => detail.field),
      [field],
      `${what}: ${answer.text}`,
    );
  }
  const several = await put(ledger, "2026-03-09", { base: "ZZZ", rates: { VND: 0 } });
  assert.equal(several.json.error.field, "base");
  const both = await put(ledger, "2026-03-09", { rates: { VND: 0, ZZZ: 1, USD: 1.1 } });
  assert.deepEqual(
    both.json.error.details.map(({ field }) => field),
    ["rates.VND", "rates.ZZZ"],
  );
  const twice = await put(ledger, "2026-03-09", '{"rates": {"VND": 29000, "VND": 29500}}');
  assert.equal(twice.json.error.field, "rates.VND", twice.text);
  const many = Object.fromEntries(Array.from({ length: 201 }, (_, code) => [`A${code}`, 1]));
  assert.equal((await put(ledger, "2026-03-09", { rates: many })).json.error.details[0].field, "rates");
  assert.deepEqual(await select(ledger, "SELECT * FROM exchange_rate"), []);
});

test("a date is a day, and no more than one ahead", async (t) => {
  const ledger = await startLedger(t);
  const rates = { VND: 29000 };
  for (const date of ["today", "2026-3-9", "2026-02-30", "2026-03-09T00:00:00Z", "1969-12-31", "10000-01-01", "%00"]) {
    for (const answer of [await put(ledger, date, { rates }), await get(ledger, `/v1/rates/${date}`)]) {
      assertError("/v1/rates", answer, 400, "VALIDATION_ERROR");
      assert.equal(answer.json.error.field, "date", answer.text);
    }
  }
  const ahead = await put(ledger, today(2), { rates });
  assert.deepEqual([ahead.status, ahead.json.error.field], [400, "date"]);
  await set(ledger, today(1), rates);
  assert.deepEqual(await applied(ledger), []);
  assert.deepEqual(await applied(ledger, today(1)), [`EUR/VND 29000 ${today(1)} own`]);
  assert.deepEqual(await applied(ledger, "2999-12-31"), [`EUR/VND 29000 ${today(1)} own`]);
});

test("on a day the last rate up to it applies, and of the same day the team's own", async (t) => {
  const ledger = await startLedger(t);
  await publish(ledger, "2026-03-06", { USD: "1.0900", JPY: "157" });
  await publish(ledger, "2026-03-09", { USD: "1.0956", GBP: "0.85" });
  await set(ledger, "2026-03-08", { USD: 1.2, VND: 29000 });
  await set(ledger, "2026-03-10", { USD: 1.3 });
  assert.deepEqual(await applied(ledger, "2026-03-05"), []);
  assert.deepEqual(await applied(ledger, "2026-03-07"), ["EUR/JPY 157 2026-03-06 ecb", "EUR/USD 1.09 2026-03-06 ecb"]);
  const last = ["EUR/GBP 0.85 2026-03-09 ecb", "EUR/JPY 157 2026-03-06 ecb"];
  const vnd = "EUR/VND 29000 2026-03-08 own";
  assert.deepEqual(await applied(ledger, "2026-03-09"), [...last, "EUR/USD 1.0956 2026-03-09 ecb", vnd]);
  await set(ledger, "2026-03-09", { USD: 1.25 });
  assert.deepEqual(await applied(ledger, "2026-03-09"), [...last, "EUR/USD 1.25 2026-03-09 own", vnd]);
  assert.deepEqual(await applied(ledger), [...last, "EUR/USD 1.3 2026-03-10 own", vnd]);
});

test("another team neither sees a team's rates nor changes them", async (t) => {
  const ledger = await startLedger(t);
  const { other } = ledger.fixture;
  await publish(ledger, "2026-03-09", { USD: "1.0956" });
  await set(ledger, "2026-03-09", { USD: 1.2, VND: 29000 });
  assert.deepEqual(await applied(ledger, "2026-03-09", { key: other.keys.live }), [
    "EUR/USD 1.0956 2026-03-09 ecb",
  ]);
  await set(ledger, "2026-03-09", { USD: 1.5 }, { key: other.keys.live });
  const mine = ["EUR/USD 1.2 2026-03-09 own", "EUR/VND 29000 2026-03-09 own"];
  assert.deepEqual(await applied(ledger, "2026-03-09"), mine);
  assert.deepEqual(await applied(ledger, "2026-03-09", { key: ledger.fixture.keys.test }), mine);
});

test("a test key reads rates and sets none", async (t) => {
  const ledger = await startLedger(t);
  const answer = await put(ledger, "2026-03-09", { rates: { VND: 29000 } }, { key: ledger.fixture.keys.test });
  assertError("/v1/rates", answer, 403, "FORBIDDEN");
  assert.deepEqual(await select(ledger, "SELECT * FROM exchange_rate"), []);
  assert.deepEqual(await applied(ledger, undefined, { key: ledger.fixture.keys.test }), []);
});

test("the latest rates say whether the team's currency has any, and what was sold without one", async (t) => {
  const ledger = await startLedger(t);
  const flags = async () => {
    const { rates, ...flags } = (await get(ledger, "/v1/rates")).json.data;
    assert.ok(Array.isArray(rates));
    return flags;
  };
  const nothing = { date: today(), team_currency: "USD", team_currency_has_rates: false, currencies_without_rates: [] };
  assert.deepEqual(await flags(), nothing);
  await waits(ledger, "VND", 500_000, "2026-03-09T10:00:00Z");
  await waits(ledger, "KWD", 1234, "2026-03-09T10:00:00Z");
  await waits(ledger, "JPY", 100, "2026-03-09T10:00:00Z", { converted: 65 });
  assert.deepEqual(await flags(), { ...nothing, currencies_without_rates: ["KWD", "VND"] });
  await publish(ledger, "2026-03-10", { USD: "1.0956" });
  await set(ledger, "2026-03-11", { VND: 29000 });
  const expected = { ...nothing, team_currency_has_rates: true, currencies_without_rates: ["KWD"] };
  assert.deepEqual(await flags(), expected);
});

test("a team whose currency is the euro needs no rate for it", async (t) => {
  const ledger = await startLedger(t);
  await ledger.db.prepare("UPDATE team SET currency = 'EUR' WHERE id = ?").bind(ledger.fixture.team.id).run();
  const { team_currency, team_currency_has_rates } = (await get(ledger, "/v1/rates")).json.data;
  assert.deepEqual([team_currency, team_currency_has_rates], ["EUR", true]);
});

test("sales that wait for a rate are listed by currency, each program's and mode's its own", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const missing = async (key) => (await get(ledger, "/v1/rates/missing", { key })).json;
  assert.deepEqual(await missing(), { success: true, data: [] });
  await waits(ledger, "VND", 500_000, "2026-03-09T23:59:59Z");
  await waits(ledger, "VND", 250_000, "2026-03-07T00:00:00Z");
  await waits(ledger, "VND", 1, "2026-03-08T12:00:00Z");
  await waits(ledger, "KWD", 1234, "2026-03-09T10:00:00Z");
  await waits(ledger, "USD", 9900, "2026-03-01T10:00:00Z", { converted: 9900 });
  await waits(ledger, "JPY", 7, "2026-03-02T10:00:00Z", { test: 1 });
  await waits(ledger, "CHF", 7, "2026-03-02T10:00:00Z", { owner: other });
  await publish(ledger, "2026-03-10", { KWD: "0.336" });
  assert.deepEqual((await missing()).data, [
    {
      ...{ currency: "KWD", count: 1, oldest_day: "2026-03-09", newest_day: "2026-03-09" },
      ...{ amount: 1.234, has_rates: true },
    },
    {
      ...{ currency: "VND", count: 3, oldest_day: "2026-03-07", newest_day: "2026-03-09" },
      ...{ amount: 750_001, has_rates: false },
    },
  ]);
  const currencies = async (key) => (await missing(key)).data.map(({ currency }) => currency);
  assert.deepEqual(await currencies(keys.test), ["JPY"]);
  assert.deepEqual(await currencies(other.keys.live), ["CHF"]);
});
