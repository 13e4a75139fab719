// The scheduled job that fetches the European Central Bank's rates, against a server of the test's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { startReceiver } from "../support/receiver.mjs";
import { eventually, get, select } from "./calls.mjs";

/** A file of these days, in the bank's form. */
const file = (days) =>
  `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
	<gesmes:subject>Reference rates</gesmes:subject>
	<gesmes:Sender>
		<gesmes:name>European Central Bank</gesmes:name>
	</gesmes:Sender>
	<Cube>
${Object.entries(days).map(day).join("\n")}
	</Cube>
</gesmes:Envelope>`;

const day = ([time, rates]) =>
  `		<Cube time='${time}'>\n${Object.entries(rates)
    .map(([currency, rate]) => `			<Cube currency='${currency}' rate='${rate}'/>`)
    .join("\n")}\n		</Cube>`;

const GOOD = { status: 200, headers: { "content-type": "text/xml" }, body: file({ "2026-03-09": { USD: "1.0956" } }) };

/** A ledger whose rates come from a server that answers so. */
async function startFed(t, answer) {
  const bank = await startReceiver(t, answer);
  const ledger = await startLedger(t, { vars: { RATES_URL: `${bank.url}/eurofxref-daily.xml` } });
  return { bank, ledger };
}

/** What health says of the job, once it has run since `moment`. */
const ran = (ledger, moment = 0, milliseconds = 5_000) =>
  eventually(async () => {
    const { jobs } = (await get(ledger, "/healthz", { key: null })).json;
    const job = jobs?.find(({ name }) => name === "fetch_rates");
    assert.ok(Date.parse(job?.last_run_at) >= moment, `ran: ${JSON.stringify(job)}`);
    return job;
  }, milliseconds);

/** Loads the scheduler anew, which then runs all its jobs. */
async function ranAgain(ledger) {
  const moment = Date.now();
  await ledger.restart();
  return ran(ledger, moment);
}

const stored = async (ledger) => {
  const rows = await select(ledger, "SELECT * FROM exchange_rate ORDER BY day, currency");
  return rows.map(({ base, currency, team_id, day, rate }) => {
    const date = new Date(day * 86_400_000).toISOString().slice(0, 10);
    return [`${base}/${currency}`, rate, date, team_id].join(" ").trim();
  });
};

test("the file of the day is fetched and stored, without currencies that nobody knows", async (t) => {
  const rates = { USD: "1.0956", JPY: "157.32", ZZZ: "7", KRW: "1600.50" };
  const { bank, ledger } = await startFed(t, () => ({ ...GOOD, body: file({ "2026-03-09": rates }) }));
  assert.equal((await ran(ledger)).last_error_at, null);
  assert.deepEqual(await stored(ledger), [
    "EUR/JPY 157.32 2026-03-09",
    "EUR/KRW 1600.50 2026-03-09",
    "EUR/USD 1.0956 2026-03-09",
  ]);
  const [{ method, path, headers }] = bank.requests;
  assert.deepEqual([method, path], ["GET", "/eurofxref-daily.xml"]);
  assert.match(headers["user-agent"], /^Clickledger\//);
});

test("what was fetched is not fetched again within the hour, by a scheduler loaded anew neither", async (t) => {
  const { bank, ledger } = await startFed(t, () => GOOD);
  await ran(ledger);
  for (let twice = 0; twice < 2; twice += 1) assert.equal((await ranAgain(ledger)).last_error_at, null);
  assert.equal(bank.requests.length, 1);
  assert.deepEqual(await stored(ledger), ["EUR/USD 1.0956 2026-03-09"]);
});

test("a file of several days is stored whole, and a corrected rate replaces the old one", async (t) => {
  const days = { "2026-03-09": { USD: "1.0956" }, "2026-03-06": { USD: "1.0900", VND: "29000" } };
  const { ledger } = await startFed(t, () => ({ ...GOOD, body: file(days) }));
  const sql = "INSERT INTO exchange_rate (base, currency, team_id, day, rate, recorded_at) VALUES ('EUR', ?, ?, ?, ?, 1)";
  const sixth = Date.parse("2026-03-06") / 86_400_000;
  await ledger.db.batch([
    ledger.db.prepare(sql).bind("USD", "", sixth, "9"),
    ledger.db.prepare(sql).bind("VND", "", sixth, "29000"),
    ledger.db.prepare(sql).bind("USD", "team_own", sixth, "2"),
  ]);
  assert.equal((await ran(ledger)).last_error_at, null);
  assert.deepEqual((await stored(ledger)).sort(), [
    "EUR/USD 1.0900 2026-03-06",
    "EUR/USD 1.0956 2026-03-09",
    "EUR/USD 2 2026-03-06 team_own",
    "EUR/VND 29000 2026-03-06",
  ]);
  const untouched = await select(ledger, "SELECT currency, team_id FROM exchange_rate WHERE recorded_at = 1 ORDER BY 1");
  assert.deepEqual(untouched, [
    { currency: "USD", team_id: "team_own" },
    { currency: "VND", team_id: "" },
  ]);
});

const WRONG = [
  ["a 500", 500],
  ["a 404", { ...GOOD, status: 404 }],
  ["a 204", 204],
  ["no answer", "nothing"],
  ["an empty file", { ...GOOD, body: "" }],
  ["a page", { ...GOOD, body: "<html><body>We are sorry</body></html>" }],
  ["half a file", { ...GOOD, body: GOOD.body.slice(0, -40) }],
  ["a file without days", { ...GOOD, body: file({}) }],
  ["a day without rates", { ...GOOD, body: file({ "2026-03-09": { USD: "1.0956" }, "2026-03-06": {} }) }],
  ["no day", { ...GOOD, body: file({ yesterday: { USD: "1.0956" } }) }],
  ["a rate that is none", { ...GOOD, body: file({ "2026-03-09": { USD: "1.0956", JPY: "N/A" } }) }],
  ["more than a megabyte", { ...GOOD, body: GOOD.body + " ".repeat(1024 * 1024) }],
  ["no text", { ...GOOD, body: Buffer.from([0xff, 0xfe, 0x3c]) }],
];

test("anything but a whole file changes nothing and shows in health; the next good one is taken", async (t) => {
  let answer = WRONG[0][1];
  const { bank, ledger } = await startFed(t, () => answer);
  let count = 0;
  for (const [what, wrong] of WRONG) {
    answer = wrong;
    const began = Date.now();
    const { last_error_at } = await (count === 0 ? ran(ledger) : ranAgain(ledger));
    count += 1;
    assert.equal(bank.requests.length, count, what);
    // The first run may have begun with the ledger.
    assert.ok(Date.parse(last_error_at) >= (count > 1 ? began : 0), `${what}: ${last_error_at}`);
    assert.deepEqual(await stored(ledger), [], what);
  }
  answer = GOOD;
  await ranAgain(ledger);
  assert.deepEqual(await stored(ledger), ["EUR/USD 1.0956 2026-03-09"]);
});

test("a source that drags on is given up after fifteen seconds", async (t) => {
  const { ledger } = await startFed(t, () => "silence");
  const began = Date.now();
  const { last_error_at } = await ran(ledger, 0, 30_000);
  assert.notEqual(last_error_at, null);
  assert.ok(Date.now() - began >= 14_000);
  assert.deepEqual(await stored(ledger), []);
  const { status } = (await get(ledger, "/healthz", { key: null })).json;
  assert.equal(status, "ok");
});

test("without an address nobody is asked, and one that is none is the job's failure", async (t) => {
  const off = await startLedger(t);
  assert.equal((await ran(off)).last_error_at, null);
  const wrong = await startLedger(t, { vars: { RATES_URL: "the bank" } });
  assert.notEqual((await ran(wrong)).last_error_at, null);
});
