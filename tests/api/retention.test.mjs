// What is kept for a while is forgotten when that is over, by the scheduler, and nothing else goes. The clock is moved by
// making rows older; dates are by hand from docs/privacy.md.
import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { startRuntime } from "../support/runtime.mjs";
import { click, eventually, fromPage, get, post, select, signedUp, unique } from "./calls.mjs";

const DAY = 86_400_000;

/** A minute of the scheduler has passed since now: it runs at once in a process that was just started. */
async function aMinuteLater(ledger, check) {
  await ledger.restart();
  await eventually(async () => {
    await get(ledger, "/healthz", { key: null });
    await check();
  }, 60_000);
}

test("what subscribers were told is forgotten after 30 days, and the line stays", async (t) => {
  const ledger = await startLedger(t);
  const [old, young] = [await signedUp(ledger, "user_1"), await signedUp(ledger, "user_2")];
  await ledger.db.prepare("UPDATE event SET at = ? WHERE subject = ?").bind(Date.now() - 31 * DAY, old).run();
  await ledger.db.prepare("UPDATE event SET at = ? WHERE subject = ?").bind(Date.now() - 29 * DAY, young).run();
  const lines = () => select(ledger, "SELECT subject, seq, kind, reason, detail, actor, at FROM event ORDER BY position");
  const before = await lines();
  await aMinuteLater(ledger, async () => {
    const told = await select(ledger, "SELECT subject FROM event WHERE messages <> '[]'");
    assert.deepEqual(told, [{ subject: young }]);
  });
  assert.deepEqual(await lines(), before);
});

test("kept answers, test events, chains and finished erasures are forgotten, each in its time", async (t) => {
  const ledger = await startLedger(t);
  const headers = () => ({ "idempotency-key": unique("key") });
  for (const user of ["user_1", "user_2"]) {
    const body = { click_id: await click(ledger), external_user_id: user };
    assert.equal((await post(ledger, "/v1/signups", body, { headers: headers() })).status, 201);
  }
  for (let time = 0; time < 2; time += 1) {
    assert.equal((await fromPage(ledger, "/api/v1/track/lead", { additional_data: { test_mode: true } })).status, 200);
    assert.equal((await post(ledger, "/api/v1/cli/test-event", { type: "chain" })).status, 200);
    const erased = await post(ledger, "/v1/customers/erase", { external_user_id: `user_${time + 1}` });
    assert.equal(erased.json.data.status, "complete");
  }
  const now = Date.now();
  // The first row of each is just over its age, the second just under it.
  const ages = [
    ["kept_answer", "value", "created_at", now - 30 * DAY],
    ["test_event", "event_id", "expires_at", now],
    ["test_chain", "run", "started_at", now - 30 * DAY],
    ["erasure", "id", "finished_at", now - 365 * DAY],
  ];
  const young = {};
  for (const [table, id, column, edge] of ages) {
    const rows = await select(ledger, `SELECT ${id} AS id FROM ${table} ORDER BY ${id}`);
    assert.equal(rows.length, 2, table);
    young[table] = rows[1].id;
    const age = (row, at) => ledger.db.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${id} = ?`).bind(at, row).run();
    await age(rows[0].id, edge - 60_000);
    await age(rows[1].id, edge + DAY);
  }
  await aMinuteLater(ledger, async () => {
    for (const [table, id] of ages) {
      assert.deepEqual(await select(ledger, `SELECT ${id} AS id FROM ${table}`), [{ id: young[table] }], table);
    }
  });
});

test("the network address of a page's lead is forgotten after a day, also where it was erased, and the lead stays", async (t) => {
  const ledger = await startLedger(t);
  for (const user of ["old", "young"]) {
    const body = { click_id: await click(ledger), customer_key: user };
    const answer = await fromPage(ledger, "/api/v1/track/lead", body, { "cf-connecting-ip": "192.0.2.7" });
    assert.equal(answer.status, 200, answer.text);
  }
  const claims = () =>
    select(ledger, "SELECT external_user_id AS user, claimed_from IS NOT NULL AS is_known FROM referral ORDER BY user");
  assert.deepEqual(await claims(), [{ user: "old", is_known: 1 }, { user: "young", is_known: 1 }]);
  const old = ledger.db.prepare("UPDATE referral SET created_at = ? WHERE external_user_id = 'old'");
  await old.bind(Date.now() - DAY - 60_000).run();
  await aMinuteLater(ledger, async () =>
    assert.deepEqual(await claims(), [{ user: "old", is_known: 0 }, { user: "young", is_known: 1 }]),
  );
});

test("an erasure that is not finished is never forgotten unfinished", async (t) => {
  const ledger = await startLedger(t);
  await signedUp(ledger, "user_1");
  await post(ledger, "/v1/customers/erase", { external_user_id: "user_1" });
  await ledger.db.prepare("UPDATE erasure SET requested_at = 0, finished_at = NULL").run();
  await aMinuteLater(ledger, async () => {
    const [row] = await select(ledger, "SELECT finished_at FROM erasure");
    assert.ok(row.finished_at > 0);
  });
});

/** The SQLite files of the shards. */
function shardFiles(state) {
  const folder = join(state, "do");
  const kind = readdirSync(folder).find((name) => name.endsWith("ClickLedger"));
  const files = readdirSync(join(folder, kind)).filter((name) => name.endsWith(".sqlite") && !name.startsWith("metadata"));
  return files.map((name) => join(folder, kind, name));
}

const months = (file) => {
  const database = new DatabaseSync(file);
  const rows = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'click_2%'").all();
  database.close();
  return rows.map(({ name }) => name).sort();
};

/** The month that many days ago, as tables are called. */
const monthOf = (days) => `click_${new Date(Date.now() - days * DAY).toISOString().slice(0, 7).replace("-", "_")}`;

test("a shard drops months of clicks 30 days after the longest window, also when no click comes", async (t) => {
  const state = await mkdtemp(join(tmpdir(), "clickledger-retention-"));
  const ends = [() => rmSync(state, { recursive: true, force: true })];
  t.after(async () => {
    for (const end of ends.reverse()) await end();
  });
  const stops = [];
  const ledger = await startLedger({ after: (stop) => stops.push(stop) }, { persist: state });
  for (let number = 0; number < 40; number += 1) await click(ledger);
  const counted = () => select(ledger, "SELECT SUM(clicks) AS n FROM click_count");
  await eventually(async () => assert.deepEqual(await counted(), [{ n: 40 }]));
  for (const stop of stops) await stop();

  // Of each shard's only month two copies: one that is over, and one whose last day a window may still reach.
  const [over, open] = [monthOf(395 + 31), monthOf(390)];
  for (const file of shardFiles(state)) {
    const [now] = months(file);
    const database = new DatabaseSync(file);
    for (const month of [over, open]) {
      database.exec(`CREATE TABLE ${month} AS SELECT * FROM ${now}`);
      database.exec(`INSERT INTO counted (month, position) SELECT '${month.slice(6)}', position FROM counted LIMIT 1`);
    }
    database.close();
    assert.deepEqual(months(file), [over, open, now].sort());
  }

  const again = await startRuntime({ persist: state, vars: { IDENTITY_SECRET: "a secret for tests, and only for them" } });
  ends.push(() => again.stop());
  await eventually(async () => {
    assert.equal((await again.fetch("/healthz")).status, 200);
    for (const file of shardFiles(state)) assert.ok(!months(file).includes(over), file);
  }, 60_000);
  for (const file of shardFiles(state)) assert.equal(months(file).length, 2);
  const { results } = await again.db.prepare("SELECT SUM(clicks) AS n FROM click_count").all();
  assert.deepEqual(results, [{ n: 40 }]);
});
