// GET /v1/events: every line of a program's ledger once, in the order of the commits, however it is read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertRefused } from "./affiliate_calls.mjs";
import { get, select, sold, STRANGERS } from "./calls.mjs";
import { timeline } from "./referral_calls.mjs";

async function feed(ledger, query = "", key) {
  const answer = await get(ledger, `/v1/events${query}`, { key });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

/** Everything behind a place, page by page. */
async function everything(ledger, after, limit, key) {
  const lines = [];
  for (let place = after; ; ) {
    const { data, has_more, next } = await feed(ledger, `?after=${place}&limit=${limit}`, key);
    assert.ok(data.length <= limit);
    lines.push(...data);
    place = next;
    if (!has_more) return { lines, next };
  }
}

test("every line is shown once, in order, whatever the pages' length", async (t) => {
  const ledger = await startLedger(t);
  const sales = [];
  for (let number = 0; number < 3; number += 1) sales.push(await sold(ledger, `order_${number}`));
  const expected = [];
  for (const { referral_id } of sales) {
    expected.push(...(await timeline(ledger, referral_id)).map((line) => ({ ...line, subject: referral_id })));
  }
  assert.equal(expected.length, 6);
  for (const limit of [1, 2, 5, 200]) assert.deepEqual((await everything(ledger, 0, limit)).lines, expected);
  const latest = await feed(ledger, "?limit=2");
  assert.deepEqual([latest.data, latest.has_more], [expected.slice(-2), false]);

  // What comes later is behind the last place, and nothing else is.
  const { referral_id } = await sold(ledger, "order_9");
  const { lines } = await everything(ledger, latest.next, 1);
  assert.deepEqual(lines.map(({ subject }) => subject), [referral_id, referral_id]);
  const end = await feed(ledger, `?after=${(await feed(ledger)).next}`);
  assert.deepEqual([end.data, end.has_more], [[], false]);
});

test("a long stretch of other programs' lines is passed over without an end", async (t) => {
  const ledger = await startLedger(t);
  const { referral_id } = await sold(ledger, "order_1");
  // As if others had written 12,000 lines since.
  const kept = "is_test, kind, reason, detail, messages, actor, request_id, rules_version, at";
  const columns = `subject, seq, team_id, program_id, ${kept}`;
  const others = columns.replace("seq,", "seq + ?2,").replace("program_id", "'prog_other'");
  await ledger.db
    .prepare(`INSERT INTO event (position, ${columns}) SELECT position + 12000, ${others} FROM event WHERE subject = ?1`)
    .bind(referral_id, 100)
    .run();
  const { referral_id: later } = await sold(ledger, "order_2");
  const { lines } = await everything(ledger, 0, 200);
  assert.deepEqual(lines.map(({ subject }) => subject), [referral_id, referral_id, later, later]);
  assert.deepEqual((await feed(ledger)).data.map(({ subject }) => subject), [later, later]);
});

for (const { name, of, by } of STRANGERS) {
  test(`lines are not shown to ${name}`, async (t) => {
    const ledger = await startLedger(t);
    await sold(ledger, "order_1", { key: ledger.fixture.keys[of] });
    assert.equal((await everything(ledger, 0, 10, ledger.fixture.keys[of])).lines.length, 2);
    const stranger = by(ledger.fixture);
    assert.deepEqual((await everything(ledger, 0, 10, stranger)).lines, []);
    assert.deepEqual((await feed(ledger, "", stranger)).data, []);
  });
}

test("a place behind the end begins at the end, and what is no place is refused", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const [{ head }] = await select(ledger, "SELECT MAX(position) AS head FROM event");
  assert.deepEqual(
    await feed(ledger, "?after=999999"),
    { success: true, data: [], has_more: false, next: String(head) },
  );
  for (const after of ["-1", "x", "1.5", "9007199254740992", "99999999999999999999"]) assertRefused(
    await get(ledger, `/v1/events?after=${after}`),
    "after",
  );
  for (const limit of ["0", "201", "x"]) assertRefused(await get(ledger, `/v1/events?limit=${limit}`), "limit");
});
