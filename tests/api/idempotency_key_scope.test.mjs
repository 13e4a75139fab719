// What an Idempotency-Key is not kept for, and what it does not reach: refusals, other teams, modes, routes and callers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { atOnce, post, refund, rowCounts, saleInDatabase, signedUp, sold, tally } from "./calls.mjs";
import { assertFirst, assertReplay, KEYED_CALLS, known, prepared, send } from "./keyed_calls.mjs";
import { assertError } from "./routes.mjs";

const leadWithToken = KEYED_CALLS.find(({ name }) => name === "a lead, with a token");

/** Clicks are taken without D1: what cannot be committed there is not theirs. */
const COMMITTED_IN_D1 = KEYED_CALLS.filter(({ path }) => !path.endsWith("click") && !path.endsWith("clicks"));

for (const call of KEYED_CALLS.filter(({ refused }) => refused !== undefined)) {
  test(`${call.name}: a refusal is not kept, and the same key works when its cause is gone`, async (t) => {
    const ledger = await startLedger(t);
    const { status, ...made } = await call.refused();
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await send(ledger, call, made, "key_1");
      assertError(call.path, answer, status);
      assert.equal(answer.headers.get("idempotent-replayed"), null);
    }
    await call.remedy(ledger);
    const first = await send(ledger, call, made, "key_1");
    assertFirst(first, call.status);
    assertReplay(await send(ledger, call, made, "key_1"), first);
  });
}

for (const call of COMMITTED_IN_D1) {
  test(`${call.name}: what failed while D1 was away is not kept, and the same key works afterwards`, async (t) => {
    const ledger = await startLedger(t, { switchable: true });
    const made = await prepared(ledger, call);
    const before = await known(ledger);
    ledger.database.takeAway();
    for (let twice = 0; twice < 2; twice += 1) assertError(call.path, await send(ledger, call, made, "key_1"), 503);
    ledger.database.giveBack();
    assert.deepEqual(await known(ledger), before);
    const first = await send(ledger, call, made, "key_1");
    assertFirst(first, call.status);
    assertReplay(await send(ledger, call, made, "key_1"), first);
  });

  test(`${call.name}: a commit whose answer was lost is done, and the same key is told what was done`, async (t) => {
    const ledger = await startLedger(t, { switchable: true });
    const made = await prepared(ledger, call);
    ledger.database.loseNextAnswer();
    const first = await send(ledger, call, made, "key_1");
    assert.equal(first.status, call.status, first.text);
    const after = await known(ledger);
    assertReplay(await send(ledger, call, made, "key_1"), first);
    assert.deepEqual(await known(ledger), after);
  });
}

for (const call of KEYED_CALLS) {
  test(`${call.name}: another team's call with the same key is its own`, async (t) => {
    const ledger = await startLedger(t);
    const { fixture } = ledger;
    const owners = [fixture, fixture.other];
    const calls = [];
    for (const owner of owners) calls.push(await prepared(ledger, call, owner));
    const firsts = [];
    for (const [place, owner] of owners.entries()) {
      const first = await send(ledger, call, calls[place], "key_1", owner);
      assertFirst(first, call.status);
      firsts.push(first);
    }
    for (const [place, owner] of owners.entries()) {
      assertReplay(await send(ledger, call, calls[place], "key_1", owner), firsts[place]);
    }
  });
}

test("one key serves every route and caller once, each for its own call", async (t) => {
  const ledger = await startLedger(t);
  const done = [];
  for (const call of KEYED_CALLS) {
    const made = await prepared(ledger, call);
    const first = await send(ledger, call, made, "key_1");
    assertFirst(first, call.status);
    done.push({ call, made, first });
  }
  for (const { call, made, first } of done) assertReplay(await send(ledger, call, made, "key_1"), first);
});

for (const [path, body] of [
  ["/api/v1/track/click", async () => ({ affiliate_url: "https://shop.example/?aff=alice" })],
  ["/api/v1/track/lead", async (ledger) => (await prepared(ledger, leadWithToken)).body],
]) {
  test(`${path}: a key used by a page is not the backend's, nor the other way round`, async (t) => {
    for (const order of [
      ["page", "token"],
      ["token", "page"],
    ]) {
      const ledger = await startLedger(t);
      const made = { path, body: await body(ledger) };
      const answers = [];
      for (const by of order) {
        const answer = await send(ledger, { by }, made, "key_1");
        assertFirst(answer, 200);
        answers.push(answer);
      }
      for (const [place, by] of order.entries()) assertReplay(await send(ledger, { by }, made, "key_1"), answers[place]);
    }
  });
}

test("live and test keys of one team do not meet at one Idempotency-Key", async (t) => {
  const ledger = await startLedger(t);
  const { keys } = ledger.fixture;
  const headers = { "idempotency-key": "key_1" };
  const answers = [];
  for (const key of [keys.live, keys.test]) {
    const body = { affiliate_id: ledger.fixture.affiliate.id, email: "jane@example.com" };
    const answer = await post(ledger, "/v1/referrals", body, { key, headers });
    assertFirst(answer, 201);
    answers.push(answer.json.data.id);
  }
  assert.equal(new Set(answers).size, 2);
  assert.equal((await rowCounts(ledger)).referral, 2);
});

test("one key for refunds of two sales is two calls: the sale is part of the route", async (t) => {
  const ledger = await startLedger(t);
  const headers = { "idempotency-key": "key_1" };
  for (const sale of ["order_1", "order_2"]) {
    await sold(ledger, sale);
    const first = await refund(ledger, sale, { amount: 33 }, { headers });
    assertFirst(first, 200);
    assertReplay(await refund(ledger, sale, { amount: 33 }, { headers }), first);
    assert.equal((await saleInDatabase(ledger, sale)).refunded, 3300);
  }
});

test("a refund without a body is kept like one with a body", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const headers = { "idempotency-key": "key_1" };
  const first = await refund(ledger, "order_1", undefined, { headers });
  assertFirst(first, 200);
  assertReplay(await refund(ledger, "order_1", undefined, { headers }), first);
  assert.equal((await saleInDatabase(ledger, "order_1")).refunds, 1);
});

test("a refund that waits is replayed as it was answered, also when its sale has come", async (t) => {
  const ledger = await startLedger(t);
  const headers = { "idempotency-key": "key_1" };
  const call = () => refund(ledger, "order_1", { amount: 33, allow_pending: true }, { headers });
  const first = await call();
  assertFirst(first, 202);
  assertReplay(await call(), first);
  await sold(ledger, "order_1");
  assertReplay(await call(), first);
  const { refunds, refunded } = await saleInDatabase(ledger, "order_1");
  assert.deepEqual([refunds, refunded], [1, 3300]);
});

test("a replayed answer is verbatim, also after what it was about has changed", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await signedUp(ledger, "user_1");
  const body = { referral_id, sale_amount: 99, external_event_id: "order_1" };
  const headers = { "idempotency-key": "key_1" };
  const first = await post(ledger, "/v1/conversions", body, { headers });
  assertFirst(first, 201);
  assert.equal((await refund(ledger, "order_1")).status, 200);
  assertReplay(await post(ledger, "/v1/conversions", body, { headers }), first);
  // Without the header the present object is answered.
  const present = await post(ledger, "/v1/conversions", body);
  assert.deepEqual([present.status, present.json.data.sale_amount], [200, 0]);
});

test("twenty partial refunds at once with keys of their own are twenty refunds", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  await sold(ledger, "order_1");
  const call = (number) =>
    refund(ledger, "order_1", { amount: 1 }, { headers: { "idempotency-key": `key_${number}` } });
  assert.deepEqual(tally(await atOnce(20, call)), { 200: 20 });
  assert.deepEqual(tally(await atOnce(20, call)), { 200: 20 });
  const { refunds, refunded } = await saleInDatabase(ledger, "order_1");
  assert.deepEqual([refunds, refunded], [20, 2000]);
});
