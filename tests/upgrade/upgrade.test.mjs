// The state of the previous version, in D1 and in the shards, under the present migrations and code: nothing is lost, sums and
// lists are what they were, what was called then is known, and the history goes on. fixture/ is made by make_fixture.mjs.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { get, latestClicks, post, refund, select } from "../api/calls.mjs";
import { counted } from "../restore/history.mjs";
import { imported } from "../restore/backup.mjs";
import { IDENTITY_SECRET, newKey } from "../support/ledger.mjs";
import { assertDescribed } from "../support/openapi.mjs";
import { startRuntime } from "../support/runtime.mjs";
import { putObjects } from "./objects.mjs";
import { EXPECTED, KEYED } from "./scene.mjs";

const read = (name) => readFileSync(join(import.meta.dirname, "fixture", name), "utf8");
const about = JSON.parse(read("about.json"));
const DAY = 24 * 60 * 60 * 1000;
const HOUR = DAY / 24;

/**
 * The fixture's text as if it had been made this minute: its moments, hours and months move along, since answers and clicks
 * are kept for a while only.
 */
function moved(text) {
  const by = Math.floor((Date.now() - about.made_at) / HOUR) * HOUR;
  const moments = text.replaceAll(/\b1[78]\d{11}\b/g, (digits) => {
    const isThen = Math.abs(Number(digits) - about.made_at) < DAY;
    return isThen ? String(Number(digits) + by) : digits;
  });
  const hourThen = Math.floor(about.made_at / HOUR);
  const hours = moments.replaceAll(/\b4\d{5}\b|\b5\d{5}\b/g, (digits) => {
    const isThen = Math.abs(Number(digits) - hourThen) < 24;
    return isThen ? String(Number(digits) + by / HOUR) : digits;
  });
  const month = (at) => new Date(at).toISOString().slice(0, 7).replace("-", "_");
  return hours.replaceAll(month(about.made_at), month(about.made_at + by));
}

/** Every row of every table that is no tool's own, and how many. */
async function everything(db) {
  const { results } = await db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'")
    .all();
  const tables = results.map(({ name }) => name).filter((name) => name !== "d1_migrations");
  const rows = {};
  for (const name of tables) rows[name] = (await db.prepare(`SELECT * FROM ${name}`).all()).results;
  return rows;
}

/** The present version over the state of the previous one, and what the database held before the migrations. */
async function upgraded(t) {
  const state = mkdtempSync(join(tmpdir(), "clickledger-upgrade-"));
  t.after(() => rmSync(state, { recursive: true, force: true }));
  putObjects(state, JSON.parse(moved(read("objects.json"))));
  let before;
  const prepare = async (db) => {
    await imported({ db }, moved(read("database.sql")));
    before = await everything(db);
  };
  const runtime = await startRuntime({ persist: state, vars: { IDENTITY_SECRET }, prepare });
  t.after(() => runtime.stop());
  const live = newKey("sk_live");
  const [{ team_id }] = before.program.filter(({ id }) => id === about.program_id);
  const ledger = {
    db: runtime.db,
    fixture: { keys: { live }, program: { id: about.program_id }, affiliate: { trackingId: "alice" } },
    async request(method, path, { key, body, headers = {} } = {}) {
      const response = await runtime.fetch(path, {
        method,
        headers: { ...(key && { authorization: `Bearer ${key}` }), ...(body && { "content-type": "application/json" }), ...headers },
        body: body && JSON.stringify(body),
      });
      const text = await response.text();
      const json = text.startsWith("{") ? JSON.parse(text) : undefined;
      const answer = { status: response.status, headers: response.headers, text, json };
      assertDescribed(method, path, answer);
      return answer;
    },
  };
  const after = await everything(runtime.db);
  await runtime.db
    .prepare("INSERT INTO api_key (key_hash, id, team_id, program_id, kind, is_test, created_at) VALUES (?, ?, ?, ?, 'secret', 0, 0)")
    .bind(createHash("sha256").update(live).digest("hex"), "key_of_the_upgrade", team_id, about.program_id)
    .run();
  return { ledger, before, after };
}

/** Rows as texts, in an order of their own. */
const texts = (rows, columns) => rows.map((row) => JSON.stringify(columns.map((name) => [name, row[name] ?? null]))).sort();

/** What the history comes to, of live rows. */
async function figures(ledger) {
  const [row] = await select(
    ledger,
    "SELECT (SELECT SUM(clicks) FROM click_count WHERE is_test = 0) AS clicks, " +
      "(SELECT COUNT(*) FROM referral) AS referrals, COUNT(*) AS conversions, SUM(amount_minor) AS sold, " +
      "SUM(refunded_minor) AS refunded, (SELECT COUNT(*) FROM payout) AS payouts, " +
      "(SELECT COUNT(*) FROM parked_refund) AS parked, (SELECT COUNT(*) FROM unattributed_sale) AS unattributed FROM conversion",
  );
  const commissions = await select(
    ledger,
    "SELECT status, COUNT(*) AS n, SUM(amount_minor) AS earned FROM commission GROUP BY 1 ORDER BY 1",
  );
  return { ...row, commissions };
}

test("no row and no column of the previous version is lost or changed", async (t) => {
  const { before, after } = await upgraded(t);
  assert.ok(before.referral.length > 0 && before.event.length > 0);
  for (const [table, rows] of Object.entries(before)) {
    assert.ok(after[table] !== undefined, `${table} is gone`);
    const columns = rows.length > 0 ? Object.keys(rows[0]) : [];
    assert.deepEqual(texts(after[table], columns), texts(rows, columns), table);
  }
});

test("sums and lists are what they were", async (t) => {
  const { ledger } = await upgraded(t);
  assert.deepEqual(await figures(ledger), EXPECTED);
  const total = async (path) => {
    const { status, json, text } = await get(ledger, path);
    assert.equal(status, 200, text);
    return json.pagination?.total ?? json.data.length;
  };
  assert.equal(await total("/v1/referrals"), 4);
  assert.equal(await total("/v1/conversions"), 3);
  assert.equal(await total("/v1/commissions"), 3);
  assert.equal(await total("/v1/payouts"), 1);
  assert.equal(await total("/v1/affiliates"), 1);
  assert.equal(await total("/v1/refunds/pending"), 1);
  const [paid] = (await get(ledger, "/v1/payouts")).json.data;
  assert.equal(paid.status, "completed");
});

test("what was called then is known now", async (t) => {
  const { ledger } = await upgraded(t);
  const replayed = await post(ledger, KEYED.path, KEYED.body, { headers: KEYED.headers });
  assert.deepEqual([replayed.status, replayed.headers.get("idempotent-replayed")], [201, "true"]);
  const known = await post(ledger, KEYED.path, KEYED.body);
  assert.equal(known.status, 200);
  const other = await post(ledger, KEYED.path, { ...KEYED.body, sale_amount: 81 }, { headers: KEYED.headers });
  assert.equal(other.status, 422);
  const tracked = { customer_key: "user_3", transaction_id: "tx_3", amount_cents: 5_000, currency: "USD" };
  assert.equal((await post(ledger, "/api/v1/track/sale", tracked)).status, 409);
  assert.equal((await refund(ledger, "order_2", { amount: 20, external_event_id: "refund_2" })).status, 200);
  assert.deepEqual(await figures(ledger), EXPECTED);
});

test("the history goes on: a click of then becomes a customer, and sales, refunds and payouts count on", async (t) => {
  const { ledger } = await upgraded(t);
  const clicks = await latestClicks(ledger);
  assert.equal(clicks.length, EXPECTED.clicks);
  const taken = new Set((await select(ledger, "SELECT id FROM referral")).map(({ id }) => id));
  const waiting = clicks.filter(({ id }) => !taken.has(id));
  assert.equal(waiting.length, 1);
  const signup = { click_id: waiting[0].id, external_user_id: "user_5" };
  assert.equal((await post(ledger, "/v1/signups", signup)).status, 201);
  // 10.00 by a new customer and 40.00 by one of then earn 3.00 and 12.00; half of the 50.00 of then is paid back.
  const sale = (user, sale_amount) => ({ external_user_id: user, sale_amount, external_event_id: `new_${user}` });
  assert.equal((await post(ledger, "/v1/conversions", sale("user_5", 10))).status, 201);
  assert.equal((await post(ledger, "/v1/conversions", sale("user_1", 40))).status, 201);
  assert.ok([200, 201].includes((await refund(ledger, "tx_3", { amount: 25, external_event_id: "new_refund" })).status));
  const { commissions, conversions, sold, refunded, referrals } = await figures(ledger);
  assert.deepEqual([referrals, conversions, sold, refunded], [5, 5, 28_000, 4_500]);
  assert.deepEqual(commissions, [
    { status: "paid", n: 1, earned: 3_000 },
    { status: "ready_for_payment", n: 4, earned: 1_800 + 750 + 300 + 1_200 },
  ]);
  assert.equal((await post(ledger, "/v1/payouts", { all: true })).status, 201);
  // Counting goes on from where the shards of then had come.
  assert.equal((await post(ledger, "/v1/clicks", { trackingId: "alice" })).status, 201);
  await counted(ledger, EXPECTED.clicks + 2);
});
