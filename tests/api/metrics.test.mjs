// What a monitor is told: the service's figures as text, behind the operator's own token; and what /healthz says beside.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { startReceiver } from "../support/receiver.mjs";
import { click, eventually, get, post, refund, signedUp } from "./calls.mjs";
import { connect, deliver, event, invoice } from "./stripe_calls.mjs";
import { deliveries, lead, startTelling, subscribe } from "./webhook_calls.mjs";

const TOKEN = "a token for the monitor, and only for it";
const VARS = { METRICS_TOKEN: TOKEN };

const scrape = (ledger, token = TOKEN) =>
  ledger.request("GET", "/metrics", { headers: token === null ? {} : { authorization: `Bearer ${token}` } });

const health = async (ledger) => (await get(ledger, "/healthz", { key: null })).json;

/** The samples of a text: `{ "clickledger_database_up": 1, … }`; every other line must be one that the format knows. */
function samples(text) {
  const lines = text.split("\n");
  assert.deepEqual(lines.slice(-2), ["# EOF", ""]);
  const found = {};
  const types = new Set();
  for (const line of lines.slice(0, -2)) {
    const type = line.match(/^# TYPE (\w+) gauge$/)?.[1];
    if (type !== undefined) {
      assert.ok(!types.has(type), `${type} is there twice`);
      types.add(type);
      continue;
    }
    if (/^# HELP \w+ \S/.test(line)) continue;
    const [, name, labels = "", value] = line.match(/^(\w+)(\{job="\w+"\})? (-?\d+)$/) ?? assert.fail(`no sample: ${line}`);
    assert.ok(types.has(name), `${name} has no type before it`);
    assert.ok(!(name + labels in found), `${name}${labels} is there twice`);
    found[name + labels] = Number(value);
  }
  return found;
}

test("without a token there is no such route, and with one no other opens it", async (t) => {
  const closed = await startLedger(t);
  for (const token of [null, TOKEN, ""]) {
    const answer = await scrape(closed, token);
    assert.deepEqual([answer.status, answer.json.error.code], [404, "NOT_FOUND"]);
  }
  const short = await startLedger(t, { vars: { METRICS_TOKEN: "short" } });
  assert.equal((await scrape(short, "short")).status, 404);
  const ledger = await startLedger(t, { vars: VARS });
  for (const token of [null, "", `${TOKEN}x`, TOKEN.slice(1), ledger.fixture.keys.live]) {
    const answer = await scrape(ledger, token);
    assert.equal(answer.status, 401, String(token));
    assert.equal(answer.headers.get("www-authenticate"), "Bearer");
  }
  assert.equal((await ledger.request("POST", "/metrics", { body: {} })).status, 405);
});

test("the figures are OpenMetrics text, and few", async (t) => {
  const ledger = await startLedger(t, { vars: VARS });
  await eventually(async () => assert.ok((await health(ledger)).jobs.length > 0));
  const answer = await scrape(ledger);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
  assert.equal(answer.headers.get("cache-control"), "no-store");
  const found = samples(answer.text);
  const expected = {
    clickledger_database_up: 1,
    clickledger_objects_up: 1,
    clickledger_scheduler_up: 1,
    clickledger_epoch: 0,
    clickledger_paused: 0,
    clickledger_migrations_missing: 0,
    clickledger_clicks_uncounted: 0,
    clickledger_payouts_at_work: 0,
    clickledger_refunds_parked: 0,
    clickledger_sales_without_rate: 0,
    clickledger_provider_facts_waiting: 0,
    clickledger_webhook_endpoints: 0,
    clickledger_outbox_lag_lines: 0,
    clickledger_webhook_deliveries_pending: 0,
    clickledger_webhook_deliveries_failed: 0,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(found[name], value, name);
  const now = Date.now() / 1000;
  const lastRun = found['clickledger_job_last_run_timestamp_seconds{job="end_holds"}'];
  assert.ok(Math.abs(lastRun - now) < 120, String(lastRun));
  assert.ok(Object.keys(found).length < 60);
});

test("what waits is counted, and nobody is named", async (t) => {
  const ledger = await startTelling(t, { vars: VARS });
  const receiver = await startReceiver(t, () => 500);
  await subscribe(ledger, receiver.url);
  await lead(ledger);
  await signedUp(ledger, "customer_of_note");
  const parked = await refund(ledger, "order_never", { amount: 5, external_event_id: "r", allow_pending: true });
  assert.equal(parked.status, 202);
  await post(ledger, "/v1/conversions", {
    external_user_id: "customer_of_note",
    sale_amount: 10,
    sale_amount_currency: "KWD",
    external_event_id: "order_of_note",
  });
  await connect(ledger);
  assert.equal((await deliver(ledger, event("invoice.paid", invoice()))).status, 200);
  await receiver.received(1);
  const found = samples((await scrape(ledger)).text);
  assert.equal(found.clickledger_refunds_parked, 1);
  assert.equal(found.clickledger_sales_without_rate, 1);
  assert.equal(found.clickledger_provider_facts_waiting, 1);
  const { waiting } = await health(ledger);
  assert.deepEqual(waiting, { parked_refunds: 1, sales_without_rate: 1, provider_facts: 1 });

  // The scheduler of a new process learns of the endpoint in its first minute.
  await ledger.restart();
  await eventually(async () => {
    const { clickledger_webhook_endpoints: endpoints, clickledger_webhook_deliveries_pending: pending } =
      samples((await scrape(ledger)).text);
    assert.equal(endpoints, 1);
    assert.equal(pending, (await deliveries(ledger, (await get(ledger, "/v1/webhooks")).json.data[0].id, "?status=pending")).length);
  }, 90_000);
  const { text } = await scrape(ledger);
  const { program, affiliate, team, keys } = ledger.fixture;
  for (const name of [program.id, affiliate.id, affiliate.trackingId, team.id, keys.live, "of_note", "order_", receiver.url]) {
    assert.ok(!text.includes(name), `${name} is in the figures`);
  }
});

test("clicks whose counts have not arrived are seen, and are no longer once they have", async (t) => {
  const ledger = await startLedger(t, { vars: VARS, switchable: true });
  await click(ledger);
  ledger.database.takeAway();
  const before = Date.now();
  for (let number = 0; number < 3; number += 1) await click(ledger);
  await eventually(async () => {
    const { clicks } = await health(ledger);
    assert.ok(clicks.uncounted >= 3, JSON.stringify(clicks));
    const oldest = Date.parse(clicks.oldest_uncounted_at);
    assert.ok(oldest <= Date.now() && oldest > before - 3_600_000 - 60_000);
  });
  const found = samples((await scrape(ledger)).text);
  assert.equal(found.clickledger_database_up, 0);
  assert.ok(found.clickledger_clicks_uncounted >= 3);
  ledger.database.giveBack();
  await eventually(async () => {
    assert.deepEqual((await health(ledger)).clicks, { uncounted: 0, oldest_uncounted_at: null });
  }, 30_000);
});

test("/healthz says which epoch it is, whether it is paused, and where the data must stay", async (t) => {
  const ledger = await startLedger(t, { vars: { LEDGER_EPOCH: "3" } });
  const { epoch, paused, jurisdiction } = await health(ledger);
  assert.deepEqual([epoch, paused, jurisdiction], [3, false, null]);
});

test("a setting that makes no sense is named, and nothing is served", async (t) => {
  for (const [name, value] of [["LEDGER_EPOCH", "two"], ["LEDGER_EPOCH", "4096"], ["LEDGER_EPOCH", "-1"], ["JURISDICTION", "mars"]]) {
    const ledger = await startLedger(t, { vars: { [name]: value } });
    const answer = await get(ledger, "/healthz", { key: null });
    assert.equal(answer.status, 503, `${name}=${value}`);
    assert.deepEqual(Object.keys(answer.json.settings), [name]);
    assert.equal((await post(ledger, "/v1/clicks", { trackingId: "alice" })).status, 503);
  }
});
