// Payouts at once, and payouts that are interrupted: every commission is in exactly one, whatever happens and wherever.
// Two Workers that remember separately share database and objects.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, atOnce, eventually, get, post, refund, select, sold, tally } from "./calls.mjs";
import { assertConsistent, end, ended, jobDone, payOut, payout, payouts, statuses } from "./payout_calls.mjs";

const run = (ledger, sql, ...values) =>
  ledger.db
    .prepare(sql)
    .bind(...values)
    .run();

/** Calls until the ledger is not busy: it says 503, and has done nothing that a repeat would do twice. */
async function patiently(call) {
  for (let tries = 0; tries < 10; tries += 1) {
    const answer = await call();
    if (answer.status !== 503) return answer;
    await sleep(500 + 500 * Math.random());
  }
  return call();
}

/** Gives Alice so many more referrals, each with a sale of 99.00 like this one, and so with 29.70 ready. */
async function multiply(ledger, sale, count) {
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) INSERT INTO`;
  const copy = async (table, id, changed) => {
    const columns = (await select(ledger, "SELECT name FROM pragma_table_info(?)", table)).map(({ name }) => name);
    const values = columns.map((name) => changed[name] ?? name);
    await run(
      ledger,
      `${numbers} ${table} (${columns.join(", ")}) SELECT ${values.join(", ")} FROM ${table}, n WHERE id = ?`,
      id,
    );
  };
  // Over four shards.
  const [referral, conversion, commission] = ["ref", "conv", "com"].map(
    (prefix) => `'${prefix}_00' || (i % 4) || printf('%022d', i)`,
  );
  await copy("referral", sale.referral_id, { id: referral, external_user_id: "'user_' || i" });
  await copy("conversion", sale.id, {
    id: conversion,
    referral_id: referral,
    commission_id: commission,
    sale_key: "'copy_' || i",
  });
  await copy("commission", sale.earning_id, { id: commission, referral_id: referral, conversion_id: conversion });
}

test("twenty who pay out at once make one payout for each affiliate, with every commission once", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const names = ["alice", "bob", "carol", "dan", "eve"];
  for (const trackingId of names.slice(1)) await addAffiliate(ledger, { trackingId });
  await atOnce(20, (number) => sold(ledger, `order_${number}`, { trackingId: names[number % 5] }));

  const answers = await atOnce(20, () => patiently(() => post(ledger, "/v1/payouts", {})));

  for (const { status, json } of answers) assert.equal(status, json.data.length > 0 ? 201 : 200);
  const made = answers.flatMap(({ json }) => json.data);
  assert.equal(new Set(made.map(({ id }) => id)).size, made.length);
  await eventually(async () => assert.deepEqual(await statuses(ledger), { processing_payout: 20 }), 10_000);
  await jobDone(ledger);
  await assertConsistent(ledger);
  const shown = await payouts(ledger);
  assert.deepEqual(
    shown.map(({ amount, status }) => [amount, status]),
    Array(5).fill([118.8, "pending"]),
  );
  assert.equal(new Set(shown.map(({ affiliate_id }) => affiliate_id)).size, 5);
  assert.deepEqual((await payOut(ledger, {}, { status: 200 })), []);
});

test("sales, refunds and payouts at once: what was paid, is being paid and is to be paid adds up", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const sales = await atOnce(12, (number) => sold(ledger, `order_${number}`));
  const calls = [
    ...sales.flatMap(({ id }) => [{ amount: 33, external_event_id: `half_${id}` }].map((body) => () => refund(ledger, id, body))),
    ...Array.from({ length: 6 }, () => () => post(ledger, "/v1/payouts", {})),
    ...Array.from({ length: 6 }, (_, number) => () => sold(ledger, `late_${number}`).then(() => ({ status: 201 }))),
  ];
  const shuffled = calls.map((call, number) => [(number * 7) % calls.length, call]).sort(([one], [other]) => one - other);
  const answers = await Promise.all(shuffled.map(([, call]) => patiently(call)));
  for (const { status, text } of answers) assert.ok([200, 201].includes(status), text);
  await jobDone(ledger);
  await assertConsistent(ledger);
  for (const { id } of await payouts(ledger)) await ended(ledger, id, "completed");
  const last = await payOut(ledger, {}, { status: (await statuses(ledger)).ready_for_payment ? 201 : 200 });
  for (const { id } of last) await ended(ledger, id, "completed");
  // Twelve sales of which 66.00 remain, and six of 99.00: 30 % of each.
  const paid = (await payouts(ledger)).reduce((sum, { amount }) => sum + Math.round(amount * 100), 0);
  assert.equal(paid, 12 * 1980 + 6 * 2970);
  assert.deepEqual(Object.keys(await statuses(ledger)), ["paid"]);
  await assertConsistent(ledger);
});

test("several who end a payout at once: one end, and everybody in it hears of that one", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  await atOnce(6, (number) => sold(ledger, `order_${number}`));
  const [{ id }] = await payOut(ledger);
  const ends = ["completed", "failed", "cancelled"];
  const answers = await atOnce(18, (number) => patiently(() => end(ledger, id, ends[number % 3])));
  assert.deepEqual(tally(answers), { 200: 6, 409: 12 });
  const { status } = await payout(ledger, id);
  for (const [number, answer] of answers.entries()) {
    assert.equal(answer.status, ends[number % 3] === status ? 200 : 409, answer.text);
  }
  await jobDone(ledger);
  assert.deepEqual(await statuses(ledger), { [status === "completed" ? "paid" : "ready_for_payment"]: 6 });
  await assertConsistent(ledger);
});

// --- interrupted -----------------------------------------------------------------------------------------------------

/** Waits until so many rows are there and no longer, by looking into D1's file: a question to D1 would wait its turn. */
async function atLeast(ledger, count, sql) {
  const folder = join(ledger.state, "d1/miniflare-D1DatabaseObject");
  const [file] = readdirSync(folder).filter((name) => name.endsWith(".sqlite") && !name.startsWith("metadata"));
  const database = new DatabaseSync(join(folder, file), { readOnly: true });
  try {
    const counting = database.prepare(`SELECT COUNT(*) AS count FROM ${sql}`);
    const end = Date.now() + 20_000;
    while (counting.get().count < count) {
      assert.ok(Date.now() < end, `${counting.get().count} of ${count} came`);
      await sleep(5);
    }
  } finally {
    database.close();
  }
}

/**
 * From the 50th row on each further one takes D1 some 30 ms, until the answer is called: there is time to be killed in,
 * however quick or busy the machine.
 */
async function slowFrom50(ledger, change, counted) {
  const number = (limit) => `SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${limit}`;
  await run(ledger, `CREATE VIEW a_while AS WITH RECURSIVE n (i) AS (${number(200_000)}) SELECT COUNT(*) AS n FROM n`);
  await run(
    ledger,
    `CREATE TRIGGER slow AFTER ${change} WHEN (SELECT COUNT(*) FROM ${counted}) >= 50 BEGIN SELECT n FROM a_while; END`,
  );
  return async () => {
    await run(ledger, "DROP TRIGGER slow");
    await run(ledger, "DROP VIEW a_while");
  };
}

test("whoever pays out dies half way: the job makes the payout whole", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger, "order_1");
  await multiply(ledger, sale, 199);
  const quickAgain = await slowFrom50(ledger, "INSERT ON payout_line", "payout_line");
  const dying = post(ledger, "/v1/payouts", {}).catch(() => undefined);
  await atLeast(ledger, 50, "payout_line");
  await ledger.kill();
  await dying;
  await quickAgain();
  const [{ work }] = await select(ledger, "SELECT work FROM payout");
  assert.equal(work, "gathering", "it was killed before its end");
  await jobDone(ledger);
  await assertConsistent(ledger);
  const [made, ...more] = await payouts(ledger);
  // 200 times 29.70.
  assert.deepEqual([made.amount, made.status, more], [5940, "pending", []]);
  assert.deepEqual(await statuses(ledger), { processing_payout: 200 });
  const lines = await select(ledger, "SELECT kind, actor FROM event WHERE subject = ? ORDER BY seq", made.id);
  assert.deepEqual(lines.map(({ kind }) => kind), ["payout.begun", "payout.created"]);
  assert.equal(lines[1].actor, "schedule:work_on_payouts");

  const paid = "commission WHERE status = 'paid'";
  const quickOnceMore = await slowFrom50(ledger, "UPDATE OF status ON commission", paid);
  const paying = end(ledger, made.id, "completed").catch(() => undefined);
  await atLeast(ledger, 50, paid);
  await ledger.kill();
  await paying;
  await quickOnceMore();
  assert.ok((await statuses(ledger)).processing_payout > 0, "it was killed before its end");
  await jobDone(ledger);
  await assertConsistent(ledger);
  assert.deepEqual(await statuses(ledger), { paid: 200 });
  assert.equal((await payout(ledger, made.id)).status, "completed");
});

test("what is more than one call does is done by the job, and until then nobody takes it for done", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger, "order_1");
  await multiply(ledger, sale, 219);
  const [{ id, work, amount }] = await payOut(ledger);
  // 200 of 220 gates.
  assert.deepEqual([work, amount], ["gathering", 5940]);
  assert.deepEqual(await payouts(ledger), []);
  const early = await end(ledger, id, "completed");
  assert.deepEqual([early.status, early.json.error.code], [409, "PAYOUT_GATHERING"]);
  assert.deepEqual(await payOut(ledger, {}, { status: 200 }), []);
  await jobDone(ledger);
  const made = await payout(ledger, id);
  assert.deepEqual([made.work, made.amount, made.transactions.length], [null, 6534, 220]);
  assert.equal((await ended(ledger, id, "completed")).work, "settling");
  assert.deepEqual(await statuses(ledger), { paid: 200, processing_payout: 20 });
  // The same call again goes on with it.
  assert.equal((await ended(ledger, id, "completed")).work, null);
  assert.deepEqual(await statuses(ledger), { paid: 220 });
  await assertConsistent(ledger);
});

/** A payout as it is left by who dies right after its row. */
async function leaveRow(ledger) {
  const { team, program, affiliate } = ledger.fixture;
  const owner = [team.id, program.id];
  await run(
    ledger,
    "INSERT INTO payout (id, team_id, program_id, is_test, affiliate_id, invoice_number, currency, status, work, " +
      "version, created_at, updated_at) VALUES ('pay_left', ?, ?, 0, ?, 1, 'USD', 'pending', 'gathering', 1, 0, 0)",
    ...owner,
    affiliate.id,
  );
  await run(
    ledger,
    "INSERT INTO event (subject, seq, team_id, program_id, is_test, kind, reason, detail, messages, actor, " +
      "request_id, rules_version, at) VALUES ('pay_left', 1, ?, ?, 0, 'payout.begun', 'edited_by_owner', '{}', '[]', " +
      "'key:k', 'req_1', 1, 0)",
    ...owner,
  );
  return "pay_left";
}

/** A payout as it is left by who dies after the last gate: it has everything, and does not know it. */
async function leaveAfterLastGate(ledger) {
  const [{ id }] = await payOut(ledger);
  await run(ledger, "UPDATE payout SET work = 'gathering', version = 1 WHERE id = ?", id);
  await run(ledger, "DELETE FROM event WHERE subject = ? AND seq = 2", id);
  return id;
}

/** A payout as it is left by who dies between two gates. */
async function leaveBetweenGates(ledger) {
  const id = await leaveAfterLastGate(ledger);
  const [{ commission_id }] = await select(ledger, "SELECT commission_id FROM payout_line LIMIT 1");
  await run(ledger, "DELETE FROM payout_line WHERE commission_id = ?", commission_id);
  const free = "UPDATE commission SET status = 'ready_for_payment', payout_id = NULL WHERE id = ?";
  await run(ledger, free, commission_id);
  return id;
}

for (const [where, leave] of [
  ["after the row", leaveRow],
  ["between two gates", leaveBetweenGates],
  ["after the last gate", leaveAfterLastGate],
]) {
  test(`a payout that was left ${where} is made whole by the job, once`, async (t) => {
    const ledger = await startLedger(t);
    for (const order of ["order_1", "order_2", "order_3"]) await sold(ledger, order);
    const id = await leave(ledger);
    // Whoever pays out meanwhile makes no second one.
    assert.deepEqual(await payOut(ledger, {}, { status: 200 }), []);
    await jobDone(ledger);
    await assertConsistent(ledger);
    const shown = await payouts(ledger);
    assert.deepEqual(
      shown.map(({ id, amount, status }) => [id, amount, status]),
      [[id, 89.1, "pending"]],
    );
    assert.deepEqual(await statuses(ledger), { processing_payout: 3 });
  });

  test(`a payout that was left ${where} and comes to too little is taken back by the job`, async (t) => {
    const ledger = await startLedger(t);
    for (const order of ["order_1", "order_2", "order_3"]) await sold(ledger, order);
    const id = await leave(ledger);
    const sql = "UPDATE program SET payment_threshold_minor = 8911 WHERE id = ?";
    await run(ledger, sql, ledger.fixture.program.id);
    await jobDone(ledger);
    await assertConsistent(ledger);
    assert.deepEqual(await payouts(ledger), []);
    assert.equal((await get(ledger, `/v1/payouts/${id}`)).status, 404);
    assert.deepEqual(await statuses(ledger), { ready_for_payment: 3 });
    const lines = await select(ledger, "SELECT kind, reason, messages FROM event WHERE subject = ? AND seq = 2", id);
    assert.deepEqual(lines, [{ kind: "payout.given_up", reason: "too_little_to_pay_out", messages: "[]" }]);
    // Its number is given again.
    await run(ledger, sql.replace("8911", "0"), ledger.fixture.program.id);
    assert.equal((await payOut(ledger))[0].invoice_number, 1);
  });
}

test("what others took while it was gathered leaves no payout behind", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger, "order_1");
  const id = await leaveRow(ledger);
  await refund(ledger, sale.id, {});
  await jobDone(ledger);
  assert.equal((await get(ledger, `/v1/payouts/${id}`)).status, 404);
  assert.deepEqual(await statuses(ledger), { refunded: 1 });
  await assertConsistent(ledger);
});

for (const [status, after] of [
  ["completed", "paid"],
  ["failed", "ready_for_payment"],
  ["cancelled", "ready_for_payment"],
]) {
  test(`a payout that was left while ${status} was told to its commissions is told to the rest by the job`, async (t) => {
    const ledger = await startLedger(t);
    for (const order of ["order_1", "order_2", "order_3"]) await sold(ledger, order);
    const [{ id }] = await payOut(ledger);
    await ended(ledger, id, status);
    await run(ledger, "UPDATE payout SET work = 'settling' WHERE id = ?", id);
    await run(
      ledger,
      "UPDATE commission SET status = 'processing_payout', payout_id = ? WHERE id IN (SELECT id FROM commission LIMIT 2)",
      id,
    );
    await jobDone(ledger);
    assert.deepEqual(await statuses(ledger), { [after]: 3 });
    const shown = await payout(ledger, id);
    assert.deepEqual([shown.status, shown.work, shown.amount], [status, null, 89.1]);
    await assertConsistent(ledger);
  });
}
