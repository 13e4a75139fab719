// Payouts: what is ready is collected, paid, or free again; what is told of it. Commissions are 30 % of 99.00: 29.70.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { startReceiver } from "../support/receiver.mjs";
import { addAffiliate, atOnce, contents, get, post, refund, rowCounts, select, sold, STRANGERS } from "./calls.mjs";
import { assertConsistent, assertNoTransition, end, ended, payOut, payout, payouts, statuses } from "./payout_calls.mjs";
import { startTelling, subscribe } from "./webhook_calls.mjs";

const shape = ({ status, json }) => ({ status, json });

const run = (ledger, sql, ...values) =>
  ledger.db
    .prepare(sql)
    .bind(...values)
    .run();

const threshold = (ledger, minor) =>
  run(ledger, "UPDATE program SET payment_threshold_minor = ? WHERE id = ?", minor, ledger.fixture.program.id);

test("a payout is what is ready: shown as it was made, with each commission", async (t) => {
  const ledger = await startLedger(t);
  const [first, second] = [await sold(ledger, "order_1"), await sold(ledger, "order_2", { sale_amount: 10 })];
  await sold(ledger, "order_3", { status: "pending_manual_approval" });
  const [made, ...more] = await payOut(ledger);
  assert.deepEqual(more, []);
  const { id, created_at, updated_at, ...rest } = made;
  assert.match(id, /^pay_\w{22}$/);
  assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000 && Date.parse(updated_at) >= Date.parse(created_at));
  const { affiliate, program } = ledger.fixture;
  assert.deepEqual(rest, {
    affiliate_id: affiliate.id,
    program_id: program.id,
    invoice_number: 1,
    // 29.70 and 3.00.
    amount: 32.7,
    currency: "USD",
    status: "pending",
    work: null,
    payment_method: null,
    payment_reference: null,
    processed_at: null,
    managed_payout: false,
    affiliate: { name: "alice", email: affiliate.email },
  });
  const { transactions, ...shown } = await payout(ledger, id);
  assert.deepEqual(shown, made);
  assert.equal(transactions.length, 2);
  for (const [number, sale, amount, commission] of [
    [0, first, 99, 29.7],
    [1, second, 10, 3],
  ]) {
    const { id: line, created_at: gathered, ...transaction } = transactions[number];
    assert.match(line, /^ptx_\w{22}$/);
    assert.ok(Date.parse(gathered) >= Date.parse(sale.created_at));
    assert.deepEqual(transaction, {
      amount: commission,
      commission: {
        id: sale.earning_id,
        amount,
        commission_amount: commission,
        created_at: sale.created_at,
        currency: "USD",
        commission_currency: "USD",
        earning_type: "direct_commission",
        level: 0,
        referral_id: sale.referral_id,
        conversion_id: sale.id,
      },
    });
  }
  assert.deepEqual(await statuses(ledger), { processing_payout: 2, pending_manual_approval: 1 });
  assert.deepEqual(await payOut(ledger, {}, { status: 200 }), []);
  await assertConsistent(ledger);
});

test("everybody who has enough gets a payout, numbered on in each mode by itself", async (t) => {
  const ledger = await startLedger(t);
  const { test: testKey } = ledger.fixture.keys;
  for (const trackingId of ["bob", "carol"]) await addAffiliate(ledger, { trackingId });
  for (const trackingId of ["alice", "bob", "carol"]) await sold(ledger, `order_${trackingId}`, { trackingId });
  await sold(ledger, "order_test", { key: testKey });
  const numbers = (made) => made.map(({ invoice_number }) => invoice_number).sort();
  assert.deepEqual(numbers(await payOut(ledger)), [1, 2, 3]);
  assert.deepEqual(numbers(await payOut(ledger, undefined, { key: testKey })), [1]);
  for (const trackingId of ["alice", "bob"]) await sold(ledger, `order_2_${trackingId}`, { trackingId });
  assert.deepEqual(numbers(await payOut(ledger)), [4, 5]);
  assert.deepEqual(await statuses(ledger), { processing_payout: 5 });
  assert.deepEqual(await statuses(ledger, 1), { processing_payout: 1 });
  await assertConsistent(ledger);
});

test("one affiliate is paid out alone; one that the program does not have is a 404", async (t) => {
  const ledger = await startLedger(t);
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  for (const trackingId of ["alice", "bob"]) await sold(ledger, `order_${trackingId}`, { trackingId });
  for (const affiliate_id of ["aff_nobody", ledger.fixture.other.affiliate.id]) {
    const answer = await post(ledger, "/v1/payouts", { affiliate_id });
    assert.equal(answer.status, 404, answer.text);
    assert.deepEqual([answer.json.error.code, answer.json.error.field], ["NOT_FOUND", "affiliate_id"]);
  }
  const [made, ...more] = await payOut(ledger, { affiliateId: bob });
  assert.deepEqual([made.affiliate_id, made.amount, more], [bob, 29.7, []]);
  assert.deepEqual(await statuses(ledger), { processing_payout: 1, ready_for_payment: 1 });
  assert.deepEqual(await payOut(ledger, { affiliate_id: bob }, { status: 200 }), []);
});

test("how an affiliate wants to be paid counts, unless the call says otherwise", async (t) => {
  const ledger = await startLedger(t);
  await run(ledger, "UPDATE affiliate SET payout_method = 'wise' WHERE id = ?", ledger.fixture.affiliate.id);
  await sold(ledger, "order_1");
  assert.equal((await payOut(ledger))[0].payment_method, "wise");
  await sold(ledger, "order_2");
  assert.equal((await payOut(ledger, { payment_method: "cheque" }))[0].payment_method, "cheque");
});

test("below the threshold nothing is made, at it something is", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  await threshold(ledger, 5941);
  assert.deepEqual(await payOut(ledger, undefined, { status: 200 }), []);
  await sold(ledger, "order_2");
  assert.deepEqual(await payOut(ledger, undefined, { status: 200 }), []);
  assert.deepEqual(await rowCounts(ledger).then(({ payout }) => payout), undefined);
  await threshold(ledger, 5940);
  const [made] = await payOut(ledger);
  assert.equal(made.amount, 59.4);
  await assertConsistent(ledger);
});

test("what is negative is taken with the rest, and waits where there is too little of it", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger, "order_1");
  const [first] = await payOut(ledger);
  await ended(ledger, first.id, "completed");
  await refund(ledger, sale.id, { amount: 66 });
  // 30 % of the 33.00 that remain is 9.90: 19.80 are to come back.
  assert.deepEqual(await payOut(ledger, undefined, { status: 200 }), []);
  await sold(ledger, "order_2", { sale_amount: 66 });
  assert.deepEqual(await payOut(ledger, undefined, { status: 200 }), []);
  assert.deepEqual(await statuses(ledger), { paid: 1, ready_for_payment: 2 });
  await sold(ledger, "order_3", { sale_amount: 10 });
  const [made] = await payOut(ledger);
  assert.equal(made.amount, 3);
  const { transactions } = await payout(ledger, made.id);
  const amounts = transactions.map(({ amount, commission }) => [amount, commission.earning_type]);
  assert.deepEqual(amounts.sort(([one], [other]) => one - other), [
    [-19.8, "clawback"],
    [3, "direct_commission"],
    [19.8, "direct_commission"],
  ]);
  await ended(ledger, made.id, "completed");
  assert.deepEqual(await statuses(ledger), { paid: 4 });
  await assertConsistent(ledger);
});

test("leads are paid out too, without a sale", async (t) => {
  const ledger = await startLedger(t, {
    incentives: [{ trigger: "lead", kind: "fixed", amount_minor: 500 }],
  });
  const sale = await sold(ledger, "order_1");
  const [made] = await payOut(ledger);
  const [{ amount, commission }, ...more] = (await payout(ledger, made.id)).transactions;
  assert.deepEqual([made.amount, amount, more], [5, 5, []]);
  const { amount: sold_for, earning_type, conversion_id, referral_id } = commission;
  assert.deepEqual(
    { sold_for, earning_type, conversion_id, referral_id },
    { sold_for: 0, earning_type: "lead_commission", conversion_id: null, referral_id: sale.referral_id },
  );
});

// --- its end ---------------------------------------------------------------------------------------------------------

const FOLLOWS = {
  pending: ["processing", "completed", "failed", "cancelled"],
  processing: ["completed", "failed", "cancelled"],
  completed: [],
  failed: [],
  cancelled: [],
};

const AFTER = { pending: "processing_payout", processing: "processing_payout", completed: "paid" };

test("only what the table says follows, and saying it again changes nothing", async (t) => {
  const ledger = await startLedger(t);
  for (const from of Object.keys(FOLLOWS)) {
    for (const to of Object.keys(FOLLOWS)) {
      const sale = await sold(ledger, `order_${from}_${to}`);
      const [{ id }] = await payOut(ledger);
      if (from !== "pending") await ended(ledger, id, from);
      const before = await contents(ledger);
      const answer = await end(ledger, id, to);
      const follows = FOLLOWS[from].includes(to);
      if (!follows && from !== to) {
        assertNoTransition(answer);
        assert.deepEqual(await contents(ledger), before, `${from} to ${to}`);
      } else {
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual([answer.json.data.status, answer.json.data.work], [to, null]);
        const after = await contents(ledger);
        if (from === to) assert.deepEqual(after, before);
        assert.deepEqual(shape(await end(ledger, id, to)), shape(answer));
        assert.deepEqual(await contents(ledger), after);
        const [row] = await select(ledger, "SELECT status, payout_id FROM commission WHERE id = ?", sale.earning_id);
        const isFree = AFTER[to] === undefined;
        assert.deepEqual(row, { status: AFTER[to] ?? "ready_for_payment", payout_id: isFree ? null : id });
      }
      await assertConsistent(ledger);
      // Out of the way of the next one.
      await run(ledger, "UPDATE commission SET status = 'declined' WHERE status = 'ready_for_payment'");
    }
  }
});

test("a completed payout says when and how it was paid, and that can be told later", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const [{ id }] = await payOut(ledger);
  const body = { status: "completed", paymentMethod: "wise", paymentReference: "wire 1" };
  const done = await ended(ledger, id, body);
  assert.ok(Math.abs(Date.parse(done.processed_at) - Date.now()) < 60_000);
  assert.deepEqual([done.payment_method, done.payment_reference, done.amount], ["wise", "wire 1", 29.7]);
  assert.equal(done.transactions.length, 1);
  assert.deepEqual(await ended(ledger, id, body), done);
  const later = await ended(ledger, id, { status: "completed", payment_reference: "wire 2" });
  const { updated_at, ...rest } = later;
  const { updated_at: before, ...expected } = done;
  assert.ok(Date.parse(updated_at) >= Date.parse(before));
  assert.deepEqual(rest, { ...expected, payment_reference: "wire 2" });
  assert.deepEqual(await ended(ledger, id, { status: "completed", payment_method: "wise" }), later);
  await assertConsistent(ledger);
});

test("what a failed payout frees is in the next one, with what was paid back meanwhile", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger, "order_1");
  await sold(ledger, "order_2");
  const [first] = await payOut(ledger);
  await refund(ledger, sale.id, { amount: 33 });
  const failed = await ended(ledger, first.id, "failed");
  // Its lines stay, so that it can be seen what it was.
  assert.deepEqual([failed.amount, failed.transactions.length, failed.processed_at], [59.4, 2, null]);
  // Nothing was paid, so the commission pays less, and no negative line is left.
  assert.deepEqual(await statuses(ledger), { ready_for_payment: 2 });
  const [second] = await payOut(ledger);
  assert.deepEqual([second.amount, second.invoice_number], [49.5, 2]);
  await ended(ledger, second.id, "completed");
  assert.deepEqual(await statuses(ledger), { paid: 2 });
  await refund(ledger, sale.id, {});
  const [owed] = await select(ledger, "SELECT SUM(amount_minor) AS sum FROM commission WHERE deleted_at IS NULL");
  assert.equal(owed.sum, 2970);
  await assertConsistent(ledger);
});

test("what is paid back of a payout that is under way waits for its end, and stops no other payout", async (t) => {
  const ledger = await startLedger(t);
  const levels = [{ level: 1, base: "commission", percentage: 50 }];
  await ledger.request("PUT", `/v1/program/groups/${ledger.fixture.group.id}/levels`, {
    key: ledger.fixture.keys.live,
    body: { levels },
  });
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  await run(ledger, "UPDATE affiliate SET recruited_by = ? WHERE id = ?", ledger.fixture.affiliate.id, bob);
  const sale = await sold(ledger, "order_1", { trackingId: "bob" });
  const first = await payOut(ledger);
  // Bob's 29.70, and half as much for Alice.
  assert.deepEqual(first.map(({ amount }) => amount).sort(), [14.85, 29.7]);
  await refund(ledger, sale.id, {});
  for (const trackingId of ["alice", "bob"]) await sold(ledger, `order_${trackingId}`, { trackingId, sale_amount: 10 });
  // Alice: 3.00 and half of Bob's 3.00.
  const second = await payOut(ledger);
  assert.deepEqual(second.map(({ amount }) => amount).sort(), [3, 4.5]);
  for (const { id } of first) await ended(ledger, id, "completed");
  assert.deepEqual(await payOut(ledger, {}, { status: 200 }), []);
  for (const { id } of second) await ended(ledger, id, "cancelled");
  // Now the negative lines are due, and they are more than what there is.
  assert.deepEqual(await payOut(ledger, {}, { status: 200 }), []);
  for (const trackingId of ["alice", "bob"]) await sold(ledger, `more_${trackingId}`, { trackingId });
  const third = await payOut(ledger);
  assert.deepEqual(third.map(({ amount }) => amount).sort(), [3, 34.2]);
  for (const { id } of third) await ended(ledger, id, "completed");
  await assertConsistent(ledger);
});

test("a body that is wrong is a 400 that names the field", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const [{ id }] = await payOut(ledger);
  for (const [body, field] of [
    [{}, "status"],
    [{ paymentReference: "x" }, "status"],
    [{ status: "paid" }, "status"],
    [{ status: "" }, "status"],
    [{ status: "completed", paymentMethod: "x".repeat(256) }, "paymentMethod"],
    [{ status: "completed", payment_reference: 5 }, "payment_reference"],
  ]) {
    const answer = await end(ledger, id, body);
    assert.equal(answer.status, 400, answer.text);
    assert.deepEqual([answer.json.error.code, answer.json.error.field], ["VALIDATION_ERROR", field]);
  }
  for (const [body, field] of [
    [{ affiliate_id: 5 }, "affiliate_id"],
    [{ payment_method: "x".repeat(256) }, "payment_method"],
  ]) {
    const answer = await post(ledger, "/v1/payouts", body);
    assert.deepEqual([answer.status, answer.json.error.field], [400, field]);
  }
  assert.equal((await payout(ledger, id)).status, "pending");
});

test("the same Idempotency-Key pays out once, and is answered the same", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const headers = { "idempotency-key": "may" };
  const first = await post(ledger, "/v1/payouts", {}, { headers });
  assert.equal(first.status, 201, first.text);
  await sold(ledger, "order_2");
  const again = await post(ledger, "/v1/payouts", {}, { headers });
  assert.deepEqual(shape(again), shape(first));
  assert.equal(again.headers.get("idempotent-replayed"), "true");
  const other = await post(ledger, "/v1/payouts", { payment_method: "wise" }, { headers });
  assert.equal(other.status, 422, other.text);
  assert.deepEqual(await statuses(ledger), { processing_payout: 1, ready_for_payment: 1 });
});

// --- what is told ----------------------------------------------------------------------------------------------------

test("subscribers hear of a payout that stands, of each change, and of its end", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  const events = ["payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.deleted"];
  await subscribe(ledger, receiver.url, { events });
  await sold(ledger, "order_1");
  const [{ id }] = await payOut(ledger);
  await ended(ledger, id, "processing");
  await ended(ledger, id, { status: "completed", paymentMethod: "wise", paymentReference: "wire 1" });
  await ended(ledger, id, "completed");
  await sold(ledger, "order_2");
  const [{ id: second }] = await payOut(ledger);
  await ended(ledger, second, "failed");
  const [{ id: third }] = await payOut(ledger);
  await ended(ledger, third, "cancelled");
  await receiver.received(7);
  const told = (of) => {
    const messages = receiver.requests.map(({ json }) => json).filter(({ data }) => data.payoutId === of);
    return messages.map(({ type, seq, data }) => [type, seq, data.status]);
  };
  assert.deepEqual(told(id), [
    ["payout.created", 2, "PENDING"],
    ["payout.updated", 3, "PROCESSING"],
    ["payout.paid", 4, "COMPLETED"],
  ]);
  assert.deepEqual(told(second), [
    ["payout.created", 2, "PENDING"],
    ["payout.failed", 3, "FAILED"],
  ]);
  assert.deepEqual(told(third), [
    ["payout.created", 2, "PENDING"],
    ["payout.updated", 3, "CANCELLED"],
  ]);
  const [{ json: paid }] = receiver.of("payout.paid");
  const { paidAt, createdAt, updatedAt, ...data } = paid.data;
  assert.ok(Date.parse(createdAt) <= Date.parse(paidAt) && Date.parse(paidAt) <= Date.parse(updatedAt));
  assert.deepEqual(data, {
    payoutId: id,
    affiliateId: ledger.fixture.affiliate.id,
    affiliateProgramId: ledger.fixture.program.id,
    invoiceNumber: 1,
    amount: 29.7,
    currency: "USD",
    status: "COMPLETED",
    isManagedPayout: false,
    paymentMethod: "wise",
    paymentReference: "wire 1",
  });
  await assertConsistent(ledger);
});

test("every version of a payout has its line: by whom, why, on what", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const [{ id }] = await payOut(ledger);
  await ended(ledger, id, "completed");
  const sql = "SELECT seq, kind, reason, detail, actor FROM event WHERE subject = ? ORDER BY seq";
  const lines = await select(ledger, sql, id);
  const affiliate_id = ledger.fixture.affiliate.id;
  assert.deepEqual(
    lines.map(({ detail, actor, ...line }) => ({ ...line, detail: JSON.parse(detail), byKey: /^key:key_/.test(actor) })),
    [
      { seq: 1, kind: "payout.begun", reason: "edited_by_owner", detail: { affiliate_id, ready: 29.7 }, byKey: true },
      {
        seq: 2,
        kind: "payout.created",
        reason: "commissions_gathered",
        detail: { affiliate_id, amount: 29.7, commissions: 1, payment_threshold: 0 },
        byKey: true,
      },
      {
        seq: 3,
        kind: "payout.updated",
        reason: "edited_by_owner",
        detail: { affiliate_id, status: { from: "pending", to: "completed" }, amount: 29.7 },
        byKey: true,
      },
    ],
  );
});

test("of test rows nobody is told", async (t) => {
  const ledger = await startLedger(t);
  const key = ledger.fixture.keys.test;
  await sold(ledger, "order_1", { key });
  const [{ id }] = await payOut(ledger, undefined, { key });
  await ended(ledger, id, "completed", { key });
  const lines = await select(ledger, "SELECT is_test, messages FROM event WHERE subject = ?", id);
  assert.deepEqual(lines, Array(3).fill({ is_test: 1, messages: "[]" }));
  assert.deepEqual(await statuses(ledger, 1), { paid: 1 });
  await assertConsistent(ledger);
});

// --- who reaches it --------------------------------------------------------------------------------------------------

for (const { name, of, by } of STRANGERS) {
  test(`a payout cannot be seen, changed or made by ${name}`, async (t) => {
    const ledger = await startLedger(t);
    const key = ledger.fixture.keys[of];
    await sold(ledger, "order_1", { key });
    const [{ id }] = await payOut(ledger, undefined, { key });
    await sold(ledger, "order_2", { key });
    const stranger = { key: by(ledger.fixture) };
    const before = await contents(ledger);
    for (let twice = 0; twice < 2; twice += 1) {
      for (const [path, unknown] of [
        [`/v1/payouts/${id}`, "/v1/payouts/pay_none"],
        [`/v1/payouts/${id}?format=csv`, "/v1/payouts/pay_none?format=csv"],
      ]) {
        const answers = [await get(ledger, path, stranger), await get(ledger, unknown, stranger)];
        assert.equal(answers[0].status, 404);
        assert.deepEqual(shape(answers[0]), shape(answers[1]));
      }
      const answers = [await end(ledger, id, "completed", stranger), await end(ledger, "pay_none", "completed", stranger)];
      assert.equal(answers[0].status, 404);
      assert.deepEqual(shape(answers[0]), shape(answers[1]));
      assert.deepEqual(await payouts(ledger, "", stranger), []);
      assert.deepEqual(await payOut(ledger, undefined, { ...stranger, status: 200 }), []);
    }
    assert.deepEqual(await contents(ledger), before);
  });
}

test("a program token pays nobody", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  for (const key of [ledger.fixture.keys.token, null]) {
    const calls = await atOnce(2, () => post(ledger, "/v1/payouts", {}, { key }));
    for (const answer of calls) assert.equal(answer.status, 401, answer.text);
  }
  assert.deepEqual(await statuses(ledger), { ready_for_payment: 1 });
});
