// POST /v1/events: conversions, leads, trials and milestones, each once, however often it is sent.
import assert from "node:assert/strict";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { assertRefused, assertUnknown } from "./affiliate_calls.mjs";
import { addAffiliate, atOnce, click, contents, post, rowCounts, select, signedUp, STRANGERS, tally, unique } from "./calls.mjs";
import { change, lastTold, referral, remove, sell, standing, timeline, total } from "./referral_calls.mjs";

const send = (ledger, body, options) => post(ledger, "/v1/events", body, options);

/** Sends an event twice: 201 and what it says, then 200 and the same, and nothing new. */
async function once(ledger, body) {
  const first = await send(ledger, body);
  assert.equal(first.status, 201, first.text);
  const { kept_answer: _, ...before } = await contents(ledger);
  const second = await send(ledger, body);
  assert.equal(second.status, 200, second.text);
  assert.deepEqual(second.json.data, { ...first.json.data, replayed: true });
  const { kept_answer: __, ...after } = await contents(ledger);
  assert.deepEqual(after, before);
  return first.json.data;
}

const milestone = (names, fields = {}) => ({ event_name: "kyc_passed", external_event_id: unique("evt"), ...names, ...fields });

test("a milestone is a line of the history, and changes nothing else", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const before = await referral(ledger, id);
  const occurred_at = "2026-02-03T04:05:06.000Z";
  const body = milestone({ external_user_id: "user_1" }, { occurred_at, metadata: { level: 2 } });
  assert.deepEqual(await once(ledger, body), {
    referral_id: id,
    transaction_id: null,
    event_name: "kyc_passed",
    event_type: "milestone",
    external_event_id: body.external_event_id,
    action: "referral_updated",
    referral_status: "lead",
    replayed: false,
  });
  assert.deepEqual(await referral(ledger, id), before);
  const { event, reason, details, actor } = (await timeline(ledger, id)).at(-1);
  assert.deepEqual([event, reason, details.event_name], ["referral.milestone", "milestone_recorded", "kyc_passed"]);
  const { external_event_id } = body;
  const sent = { event_name: "kyc_passed", event_type: "milestone", external_event_id, occurred_at, metadata: { level: 2 } };
  assert.deepEqual({ ...details.sent, occurred_at: new Date(details.sent.occurred_at).toISOString() }, sent);
  assert.match(actor, /^key:/);
  assert.deepEqual(await lastTold(ledger, id), []);
});

test("a trial moves the referral to trialing, as of when it began", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const occurred_at = "2026-02-03T04:05:06.000Z";
  const body = { event_name: "trial_started", event_type: "trial", referral_id: id, external_event_id: "evt_1", occurred_at };
  const { referral_status, action, transaction_id } = await once(ledger, body);
  assert.deepEqual([referral_status, action, transaction_id], ["trialing", "referral_updated", null]);
  const { status, converted_at } = await referral(ledger, id);
  assert.deepEqual([status, Date.parse(converted_at)], ["trialing", Date.parse(occurred_at)]);
  assert.deepEqual(
    (await lastTold(ledger, id)).map(({ type, data }) => [type, data.status]),
    [
      ["referral.updated", "TRIALING"],
      ["referral.converted", "TRIALING"],
    ],
  );
});

test("a trial of somebody who cannot go back to one is put on record, and one who was rejected stays so", async (t) => {
  const ledger = await startLedger(t);
  for (const status of ["active", "rejected"]) {
    const id = await signedUp(ledger, unique("user"));
    await change(ledger, id, { status });
    const body = { event_name: "trial_started", event_type: "trial", referral_id: id, external_event_id: unique("evt") };
    assert.equal((await once(ledger, body)).referral_status, status);
    const line = (await timeline(ledger, id)).at(-1);
    assert.deepEqual([line.event, line.details.event_name], ["referral.milestone", "trial_started"]);
  }
});

test("a lead makes an open click a lead, with what that earns; a known one is nothing new", async (t) => {
  const ledger = await startLedger(t, {
    incentives: [{ percent: "30" }, { trigger: "lead", kind: "fixed", amount_minor: 500 }],
  });
  const id = await click(ledger);
  const body = { event_name: "signup_completed", event_type: "lead", click_id: id, external_user_id: "user_1" };
  const keyed = { ...body, customer_id: "cus_1", external_event_id: "evt_1" };
  const { referral_id, referral_status } = await once(ledger, keyed);
  assert.deepEqual([referral_id, referral_status], [id, "lead"]);
  assert.deepEqual([await standing(ledger, id), await total(ledger, id)], [[["lead", 5, "ready_for_payment"]], 5]);
  const { external_user_id, customer_id } = await referral(ledger, id);
  assert.deepEqual([external_user_id, customer_id], ["user_1", "cus_1"]);
  const [line] = await timeline(ledger, id);
  assert.deepEqual([line.event, line.details.sent.event_name], ["referral.lead", "signup_completed"]);

  const before = await contents(ledger);
  for (const names of [{ external_user_id: "user_1" }, { customer_id: "cus_1" }, { referral_id: id }]) {
    const again = await send(ledger, { event_name: "signup_completed", event_type: "lead", ...names });
    assert.deepEqual([again.status, again.json.data.referral_id], [200, id]);
  }
  const { event } = await contents(ledger);
  assert.deepEqual(event, before.event);
  // Through another click the customer is the one who is known.
  const other = await send(ledger, { ...body, click_id: await click(ledger) });
  assert.deepEqual([other.status, other.json.data.referral_id], [200, id]);
  assert.equal(await total(ledger, id), 5);
});

test("a trial through an open click makes a lead of it first", async (t) => {
  const ledger = await startLedger(t);
  const id = await click(ledger);
  const body = { event_name: "trial_started", event_type: "trial", referral_id: id, external_user_id: "user_1", external_event_id: "evt_1" };
  assert.equal((await once(ledger, body)).referral_status, "trialing");
  assert.deepEqual(
    (await timeline(ledger, id)).map(({ event }) => event),
    ["referral.lead", "referral.milestone"],
  );
  assert.equal((await sell(ledger, { external_user_id: "user_1" })).referral_id, id);
});

test("names that nobody holds are learnt, in either spelling", async (t) => {
  const ledger = await startLedger(t);
  const id = await click(ledger);
  await send(ledger, { event_name: "signed_up", event_type: "lead", affonso_id: id, externalUserId: "user_1" });
  const answer = await send(ledger, { eventName: "kyc", eventType: "milestone", externalUserId: "user_1", customerId: "cus_1" });
  assert.equal(answer.status, 201, answer.text);
  assert.equal((await referral(ledger, id)).customer_id, "cus_1");
  assert.equal((await sell(ledger, { customer_id: "cus_1" })).referral_id, id);
});

test("a conversion is a sale like any other, and the same one as through its own route", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const sale = { external_user_id: "user_1", sale_amount: 99, sale_amount_currency: "USD", external_event_id: "order_1" };
  const body = { event_name: "invoice_paid", event_type: "conversion", occurred_at: "2026-02-03T04:05:06.000Z", ...sale };
  const paid = { ...body, occurred_at: new Date().toISOString(), product_ids: ["downstream"], is_subscription: true };
  const data = await once(ledger, paid);
  assert.deepEqual(
    [data.referral_id, data.commission_amount, data.status, data.attributed, data.reason],
    [id, 29.7, "ready_for_payment", true, "commission_earned"],
  );
  assert.deepEqual(
    [data.transaction_id, data.event_name, data.event_type, data.action, data.external_event_id],
    [data.id, "invoice_paid", "conversion", "conversion_recorded", "order_1"],
  );
  assert.equal(Date.parse(data.created_at), Date.parse(paid.occurred_at));
  assert.deepEqual(data.product_ids, ["downstream"]);
  assert.equal((await referral(ledger, id)).status, "active");

  const same = await post(ledger, "/v1/conversions", { ...sale, is_subscription: true, product_ids: ["downstream"] });
  assert.deepEqual([same.status, same.json.data.id, same.json.data.warnings], [200, data.id, undefined]);
  const first = await post(ledger, "/v1/conversions", { ...sale, external_event_id: "order_2" });
  const second = await send(ledger, { ...body, external_event_id: "order_2", occurred_at: undefined });
  assert.deepEqual([second.status, second.json.data.id, second.json.data.replayed], [200, first.json.data.id, true]);
  // Tried, it is answered and not written.
  const before = await contents(ledger);
  const tried = await send(ledger, { ...paid, external_event_id: "order_3", dry_run: true });
  assert.deepEqual([tried.status, tried.json.data.commission_amount, tried.json.data.id], [200, 29.7, null]);
  assert.deepEqual(await contents(ledger), before);
});

test("each type has its own ids of events, and its own share of them", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const external_event_id = "evt_1";
  await once(ledger, { ...milestone({ referral_id: id }), external_event_id });
  await once(ledger, { event_name: "trial_started", event_type: "trial", referral_id: id, external_event_id });
  const sale = { referral_id: id, sale_amount: 10, sale_amount_currency: "USD", external_event_id };
  await once(ledger, { event_name: "paid", event_type: "conversion", ...sale });
  assert.deepEqual(
    (await timeline(ledger, id)).map(({ event }) => event),
    ["referral.lead", "referral.milestone", "referral.milestone", "sale.recorded"],
  );
});

test("of fifty of the same event at once one is recorded", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const body = milestone({ external_user_id: "user_1" });
  const answers = await atOnce(50, () => send(ledger, body));
  assert.deepEqual(tally(answers), { 200: 49, 201: 1 });
  assert.equal((await timeline(ledger, id)).length, 2);
  // Also where it makes an open click a lead.
  const open = await click(ledger);
  const lead = { event_name: "signed_up", event_type: "lead", click_id: open, external_event_id: "evt_lead" };
  assert.deepEqual(tally(await atOnce(20, () => send(ledger, lead))), { 200: 19, 201: 1 });
  assert.equal((await timeline(ledger, open)).length, 1);
});

test("without an id of its own every event is a new one, unless an Idempotency-Key says otherwise", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const body = { event_name: "logged_in", referral_id: id };
  for (const count of [2, 3]) {
    const answer = await send(ledger, body);
    assert.deepEqual([answer.status, answer.json.data.external_event_id], [201, null]);
    assert.equal((await timeline(ledger, id)).length, count);
  }
  const headers = { "idempotency-key": "key-1" };
  const first = await send(ledger, body, { headers });
  const second = await send(ledger, body, { headers });
  assert.deepEqual([second.status, second.text], [201, first.text]);
  assert.equal(second.headers.get("idempotent-replayed"), "true");
  assert.equal((await timeline(ledger, id)).length, 4);
  const other = await send(ledger, { ...body, event_name: "logged_out" }, { headers });
  assert.deepEqual([other.status, other.json.error.code], [422, "IDEMPOTENCY_KEY_REUSED"]);
});

test("an event may have both: the header's answer is the first one's, and the event's id holds without it", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const body = { ...milestone({ referral_id: id }), external_event_id: "evt_1" };
  const by = (value) => send(ledger, body, { headers: { "idempotency-key": value } });
  const first = await by("key-1");
  assert.deepEqual([first.status, first.headers.get("idempotent-replayed")], [201, null]);
  const again = await by("key-1");
  assert.deepEqual([again.status, again.text, again.headers.get("idempotent-replayed")], [201, first.text, "true"]);
  for (const answer of [await by("key-2"), await send(ledger, body)]) {
    assert.deepEqual([answer.status, answer.json.data], [200, { ...first.json.data, replayed: true }]);
  }
  assert.equal((await timeline(ledger, id)).length, 2);
});

test("a repeat is answered with what it was then, whatever has happened since", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const body = { event_name: "trial_started", event_type: "trial", external_user_id: "user_1", external_event_id: "evt_1" };
  const { json } = await send(ledger, body);
  await change(ledger, id, { status: "active" });
  await remove(ledger, id);
  const again = await send(ledger, body);
  assert.deepEqual([again.status, again.json.data], [200, { ...json.data, replayed: true }]);
  assertUnknown(await send(ledger, { ...body, external_event_id: "evt_2" }), undefined);
});

test("identifiers that nobody is known by are a 404, and those of two customers a 400", async (t) => {
  const ledger = await startLedger(t);
  const id = await signedUp(ledger, "user_1");
  const other = await signedUp(ledger, "user_2");
  const open = await click(ledger);
  const before = await contents(ledger);
  const unknown = [
    { referral_id: `ref_000${letters(22)}` },
    { click_id: "nonsense" },
    { external_user_id: "nobody" },
    { customer_id: "nobody" },
    // A milestone makes nothing of a click.
    { click_id: open },
  ];
  for (const names of unknown) {
    for (let twice = 0; twice < 2; twice += 1) assertUnknown(await send(ledger, milestone(names)), undefined);
  }
  for (const event_type of ["lead", "trial"]) {
    const body = { event_name: "x", event_type, external_user_id: "nobody" };
    assertUnknown(await send(ledger, body), undefined);
  }
  const disagreeing = [
    { referral_id: id, external_user_id: "user_2" },
    { referral_id: id, click_id: other },
  ];
  for (const names of disagreeing) {
    for (const event_type of ["milestone", "trial", "lead"]) {
      const answer = await send(ledger, milestone(names, { event_type }));
      assertRefused(answer, "referral_id");
      assert.ok(answer.text.includes(id) && answer.text.includes(other), answer.text);
    }
  }
  assert.deepEqual(await contents(ledger), before);
});

test("a body in which something is missing or wrong is a 400 that names all of it", async (t) => {
  const ledger = await startLedger(t);
  await signedUp(ledger, "user_1");
  const before = await rowCounts(ledger);
  const good = { event_name: "x", external_user_id: "user_1" };
  const sale = { ...good, event_type: "conversion", sale_amount: 10, sale_amount_currency: "USD", external_event_id: "o" };
  const cases = [
    [{ external_user_id: "user_1" }, ["event_name"]],
    [{ ...good, event_name: "x".repeat(256) }, ["event_name"]],
    [{ event_name: "x" }, ["referral_id"]],
    [{ ...good, event_type: "purchase" }, ["event_type"]],
    [{ ...good, occurred_at: "yesterday" }, ["occurred_at"]],
    [{ ...good, external_event_id: "x".repeat(256) }, ["external_event_id"]],
    [{ ...good, metadata: "x" }, ["metadata"]],
    [{ ...good, dry_run: true }, ["dry_run"]],
    [{ ...good, sale_amount: "10" }, ["sale_amount"]],
    [{ ...sale, external_event_id: undefined }, ["external_event_id"]],
    [{ ...sale, external_event_id: " " }, ["external_event_id"]],
    [{ ...sale, sale_amount_currency: undefined }, ["sale_amount_currency"]],
    [{ ...sale, sale_amount: undefined }, ["sale_amount"]],
    [{ ...sale, sale_amount: -1 }, ["sale_amount"]],
    [{ ...sale, interval: "daily" }, ["interval"]],
    [{ event_type: "conversion" }, ["event_name", "external_event_id", "referral_id", "sale_amount", "sale_amount_currency"]],
  ];
  for (const [body, fields] of cases) {
    const answer = await send(ledger, body);
    assert.equal(answer.status, 400, answer.text);
    assert.deepEqual(answer.json.error.details.map(({ field }) => field).sort(), fields, answer.text);
  }
  assert.deepEqual(await rowCounts(ledger), before);
});

for (const { name, of, by } of STRANGERS) {
  test(`nothing is recorded of a customer by ${name}`, async (t) => {
    const ledger = await startLedger(t);
    const owner = ledger.fixture.keys[of];
    const id = await signedUp(ledger, "user_1", { key: owner });
    const open = await click(ledger, { key: owner });
    const { unattributed_sale: _, ...before } = await contents(ledger);
    const options = { key: by(ledger.fixture) };
    for (const names of [{ referral_id: id }, { external_user_id: "user_1" }, { click_id: open }]) {
      for (const event_type of ["milestone", "trial", "lead"]) {
        assert.equal((await send(ledger, milestone(names, { event_type }), options)).status, 404);
      }
      const sale = { event_type: "conversion", sale_amount: 10, sale_amount_currency: "USD" };
      assert.equal((await send(ledger, milestone(names, sale), options)).status, 404);
    }
    const { unattributed_sale: __, ...after } = await contents(ledger);
    assert.deepEqual(after, before);
  });
}

test("a test key records events of test rows, and nobody is told", async (t) => {
  const ledger = await startLedger(t);
  const key = ledger.fixture.keys.test;
  const id = await signedUp(ledger, "user_1", { key });
  const body = { event_name: "trial_started", event_type: "trial", external_user_id: "user_1", external_event_id: "evt_1" };
  const live = await signedUp(ledger, "user_1");
  assert.equal((await send(ledger, body, { key })).json.data.referral_id, id);
  assert.equal((await send(ledger, body)).json.data.referral_id, live);
  const events = await select(ledger, "SELECT messages FROM event WHERE subject = ?", id);
  for (const { messages } of events) assert.equal(messages, "[]");
});

test("after a reassignment an event's customer is the new affiliate's", async (t) => {
  const ledger = await startLedger(t);
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  const id = await signedUp(ledger, "user_1");
  await post(ledger, `/v1/referrals/${id}/reassign`, { affiliate_id: bob, reason: "x" });
  await once(ledger, { event_name: "trial", event_type: "trial", external_user_id: "user_1", external_event_id: "evt_1" });
  const [updated] = await lastTold(ledger, id);
  assert.deepEqual([updated.data.affiliateId, updated.data.trackingId], [bob, "bob"]);
});
