// A referral is given to another affiliate: who earns from then on, and what becomes of what was earned.
import assert from "node:assert/strict";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { assertRefused, assertUnknown } from "./affiliate_calls.mjs";
import { addAffiliate, contents, post, refund, select, signedUp } from "./calls.mjs";
import {
  change,
  commissions,
  lastTold,
  putInPayout,
  reassign,
  refer,
  referral,
  sell,
  stats,
  timeline,
  total,
} from "./referral_calls.mjs";

/** John was referred by Alice; Bob is there too. */
async function withBob(t, options) {
  const ledger = await startLedger(t, options);
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  return { ledger, alice: ledger.fixture.affiliate.id, bob, id: await signedUp(ledger, "user_1") };
}

/** Reassigns, twice: the second call is answered the same, and nothing comes of it. */
async function give(ledger, id, body) {
  const first = await reassign(ledger, id, { reason: "he brought them", ...body });
  assert.equal(first.status, 200, first.text);
  const before = await contents(ledger);
  const second = await reassign(ledger, id, { reason: "he brought them", ...body });
  assert.deepEqual([second.status, second.json], [200, first.json]);
  assert.deepEqual(await contents(ledger), before);
  assert.deepEqual(await referral(ledger, id), first.json.data);
  return first.json.data;
}

test("from then on sales earn for the new affiliate, and what was earned stays whose it was", async (t) => {
  const { ledger, alice, bob, id } = await withBob(t);
  const first = await sell(ledger, { referral_id: id });
  const given = await give(ledger, id, { affiliate_id: bob });
  assert.equal(given.affiliate_id, bob);
  const second = await sell(ledger, { external_user_id: "user_1" }, { sale_amount: 50 });
  assert.equal(second.affiliate_id, bob);
  assert.deepEqual(await commissions(ledger, id), [
    ["sale", 30, "ready_for_payment", alice],
    ["sale", 15, "ready_for_payment", bob],
  ]);
  assert.deepEqual([await total(ledger, id), (await stats(ledger, id)).total_commission], [15, 45]);
  // A refund of Alice's sale takes from Alice.
  assert.equal((await refund(ledger, first.id, { amount: 50 })).status, 200);
  assert.deepEqual((await commissions(ledger, id))[0], ["sale", 15, "ready_for_payment", alice]);
  assert.equal(await total(ledger, id), 15);

  const line = (await timeline(ledger, id)).find(({ event }) => event === "referral.reassigned");
  const { affiliate_before, affiliate_id, because, unpaid_commissions, fields } = line.details;
  assert.deepEqual(
    { affiliate_before, affiliate_id, because, unpaid_commissions, fields },
    {
      affiliate_before: alice,
      affiliate_id: bob,
      because: "he brought them",
      unpaid_commissions: "keep",
      fields: ["affiliate_id"],
    },
  );
  assert.match(line.actor, /^key:/);
});

test("unpaid commissions move where that is asked for; what is paid, in a payout or refunded does not", async (t) => {
  const { ledger, alice, bob, id } = await withBob(t, {
    incentives: [{ percent: "30" }, { trigger: "lead", kind: "fixed", amount_minor: 500 }],
  });
  await putInPayout(ledger, alice, "paid");
  await sell(ledger, { referral_id: id }, { sale_amount: 10 });
  await putInPayout(ledger, alice, "processing_payout");
  const refunded = await sell(ledger, { referral_id: id }, { sale_amount: 20 });
  assert.equal((await refund(ledger, refunded.id)).status, 200);
  const open = await sell(ledger, { referral_id: id }, { sale_amount: 40 });
  await give(ledger, id, { affiliate_id: bob, unpaid_commissions: "move" });
  assert.deepEqual(await commissions(ledger, id), [
    ["lead", 5, "paid", alice],
    ["sale", 3, "processing_payout", alice],
    ["sale", 0, "refunded", alice],
    ["sale", 12, "ready_for_payment", bob],
  ]);
  assert.equal(await total(ledger, id), 12);
  const sales = await select(ledger, "SELECT id, affiliate_id FROM conversion ORDER BY recorded_at");
  assert.deepEqual(
    sales.map(({ affiliate_id }) => affiliate_id),
    [alice, alice, bob],
  );
  assert.equal(sales[2].id, open.id);
  const told = await lastTold(ledger, id);
  assert.deepEqual(
    told.map(({ type, data }) => [type, data.affiliateId]),
    [
      ["referral.updated", bob],
      ["transaction.updated", bob],
    ],
  );
});

test("the cap of the new pair counts what is theirs, and what has moved to them", async (t) => {
  const incentives = [{ percent: "50", cap_minor: 10_000 }];
  for (const [unpaid_commissions, room] of [
    ["keep", 100],
    ["move", 20],
  ]) {
    const { ledger, bob, id } = await withBob(t, { incentives });
    await sell(ledger, { referral_id: id }, { sale_amount: 160 });
    await give(ledger, id, { affiliate_id: bob, unpaid_commissions });
    const sold = await sell(ledger, { referral_id: id }, { sale_amount: 1000 });
    assert.deepEqual([sold.commission_amount, sold.reason], [room, "reduced_to_cap"], unpaid_commissions);
    assert.equal((await sell(ledger, { referral_id: id })).reason, "cap_reached");
  }
});

test("the new affiliate's own incentive prices what comes", async (t) => {
  const { ledger, bob, id } = await withBob(t);
  const own = { name: "Bob's", amount: 50, is_percentage: true, apply_to: "all_plans" };
  assert.equal((await post(ledger, `/v1/affiliates/${bob}/overrides`, own)).status, 201);
  await give(ledger, id, { affiliate_id: bob });
  assert.equal((await sell(ledger, { referral_id: id })).commission_amount, 50);
});

test("whose it is already keeps it, and nothing comes of that, also where they are not approved", async (t) => {
  const { ledger, alice, id } = await withBob(t);
  await sell(ledger, { referral_id: id });
  await ledger.db.prepare("UPDATE affiliate SET partnership = 'rejected' WHERE id = ?").bind(alice).run();
  const before = await contents(ledger);
  const answer = await reassign(ledger, id, { affiliate_id: alice, reason: "hers", unpaid_commissions: "move" });
  assert.deepEqual([answer.status, answer.json.data], [200, await referral(ledger, id)]);
  assert.deepEqual(await contents(ledger), before);
});

test("who is not there, of another program, or not approved gets nothing", async (t) => {
  const { ledger, id } = await withBob(t);
  const pending = await addAffiliate(ledger, { trackingId: "pending", partnership: "pending" });
  const deleted = await addAffiliate(ledger, { trackingId: "deleted" });
  const removed = await ledger.request("DELETE", `/v1/affiliates/${deleted}`, { key: ledger.fixture.keys.live });
  assert.equal(removed.status, 200, removed.text);
  const before = await contents(ledger);
  const to = (affiliate_id) => reassign(ledger, id, { affiliate_id, reason: "x" });
  for (const stranger of [`aff_${letters(22)}`, ledger.fixture.other.affiliate.id]) {
    assertUnknown(await to(stranger), "affiliate_id");
  }
  for (const affiliate of [pending, deleted]) {
    const answer = await to(affiliate);
    assert.ok([400, 404].includes(answer.status), answer.text);
    assert.equal(answer.json.error.field, "affiliate_id");
  }
  assertRefused(await to(pending), "affiliate_id");
  assert.deepEqual(await contents(ledger), before);
});

test("a body in which something is missing or wrong is a 400 that names it", async (t) => {
  const { ledger, bob, id } = await withBob(t);
  const before = await contents(ledger);
  const cases = [
    [{ reason: "x" }, "affiliate_id"],
    [{ affiliate_id: bob }, "reason"],
    [{ affiliate_id: bob, reason: " " }, "reason"],
    [{ affiliate_id: bob, reason: "x".repeat(256) }, "reason"],
    [{ affiliate_id: bob, reason: 5 }, "reason"],
    [{ affiliate_id: bob, reason: "x", unpaid_commissions: "all" }, "unpaid_commissions"],
  ];
  for (const [body, field] of cases) assertRefused(await reassign(ledger, id, body), field);
  assert.deepEqual(await contents(ledger), before);
  assertUnknown(await reassign(ledger, `ref_000${letters(22)}`, { affiliate_id: bob, reason: "x" }), undefined);
});

test("a rejected referral can be given away, and earns for its new affiliate once it is released", async (t) => {
  const { ledger, bob, id } = await withBob(t);
  await sell(ledger, { referral_id: id });
  await change(ledger, id, { status: "rejected" });
  await give(ledger, id, { affiliate_id: bob, unpaid_commissions: "move" });
  assert.equal((await sell(ledger, { referral_id: id })).reason, "referral_rejected");
  await change(ledger, id, { status: "customer" });
  assert.deepEqual(await commissions(ledger, id), [["sale", 30, "pending_manual_approval", bob]]);
  assert.equal((await sell(ledger, { referral_id: id })).affiliate_id, bob);
});

test("a test key gives test rows away", async (t) => {
  const { ledger, bob, id } = await withBob(t);
  const key = ledger.fixture.keys.test;
  const made = await refer(ledger, {}, { key });
  const answer = await reassign(ledger, made.id, { affiliate_id: bob, reason: "x" }, { key });
  assert.deepEqual([answer.status, answer.json.data.affiliate_id], [200, bob]);
  assertUnknown(await reassign(ledger, id, { affiliate_id: bob, reason: "x" }, { key }), undefined);
});
