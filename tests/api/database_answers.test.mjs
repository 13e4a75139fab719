// A commit whose answer is lost, and one that lands late: nobody knows at that moment whether it happened, and still
// everything is recorded once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLedger } from "../support/ledger.mjs";
import { atOnce, click, contents, post, rowCounts, select, shardOf, signedUp, tally } from "./calls.mjs";

/** Sale and lead pay: 30 % of 99.00 is 29.70, of 49.00 it is 14.70; a lead earns 5.00. */
const options = {
  switchable: true,
  incentives: [
    { kind: "percentage", percent: "30" },
    { trigger: "lead", kind: "fixed", amount_minor: 500 },
  ],
};

/** The three calls that commit, with what they say of something new and of something known. */
const KINDS = {
  "a sign-up": {
    first: 201,
    again: 200,
    rows: { referral: 1, identity: 1, commission: 1, event: 1 },
    async prepare(ledger) {
      const body = { click_id: await click(ledger), external_user_id: "user_1" };
      return () => post(ledger, "/v1/signups", body);
    },
  },
  "a conversion": {
    first: 201,
    again: 200,
    rows: { referral: 1, identity: 1, conversion: 1, commission: 2, sale_key: 1, event: 2 },
    async prepare(ledger) {
      await signedUp(ledger, "user_1");
      const body = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
      return () => post(ledger, "/v1/conversions", body);
    },
  },
  "track/sale": {
    first: 200,
    again: 409,
    rows: { referral: 1, identity: 1, conversion: 1, commission: 2, sale_key: 1, event: 2 },
    async prepare(ledger) {
      await signedUp(ledger, "user_1");
      const body = { customer_key: "user_1", transaction_id: "order_1", amount_cents: 9900 };
      return () => post(ledger, "/api/v1/track/sale", body, { key: ledger.fixture.keys.token });
    },
  },
};

for (const [name, { first, again, rows, prepare }] of Object.entries(KINDS)) {
  test(`${name} whose commit is not confirmed is found to be its own, and answered as new`, async (t) => {
    const ledger = await startLedger(t, options);
    const call = await prepare(ledger);
    ledger.database.loseNextAnswer();
    assert.equal((await call()).status, first);
    assert.deepEqual(await rowCounts(ledger), rows);
    const stored = await contents(ledger);
    assert.equal((await call()).status, again);
    assert.deepEqual(await contents(ledger), stored);
  });

  test(`${name} that is committed while D1 goes away is 503, and known when it comes again`, async (t) => {
    const ledger = await startLedger(t, options);
    const call = await prepare(ledger);
    ledger.database.loseNextAnswer({ andGoAway: true });
    assert.equal((await call()).status, 503);
    assert.deepEqual(await rowCounts(ledger), rows);
    const stored = await contents(ledger);
    ledger.database.giveBack();
    assert.deepEqual(tally(await atOnce(5, call)), { [again]: 5 });
    assert.deepEqual(await contents(ledger), stored);
  });

  test(`${name} whose commit lands after the same call was asked again is recorded once`, async (t) => {
    const ledger = await startLedger(t, options);
    const call = await prepare(ledger);
    const commit = ledger.database.holdNextCommit();
    const held = call();
    await commit.reached;
    const others = atOnce(5, call);
    await sleep(200);
    commit.letGo();
    assert.deepEqual(tally([await held, ...(await others)]), { [first]: 1, [again]: 5 });
    assert.deepEqual(await rowCounts(ledger), rows);
  });
}

/** Two clicks in different shards: nothing but the commit keeps their gates apart. */
async function clicksOfTwoShards(ledger) {
  const clicks = await atOnce(20, () => click(ledger));
  return [clicks[0], clicks.find((id) => shardOf(id) !== shardOf(clicks[0]))];
}

test("a sign-up that lands late finds the customer referred through another click", async (t) => {
  const ledger = await startLedger(t, options);
  const [late, early] = await clicksOfTwoShards(ledger);
  const signUp = (click_id) => post(ledger, "/v1/signups", { click_id, external_user_id: "user_1" });
  const commit = ledger.database.holdNextCommit();
  const held = signUp(late);
  await commit.reached;
  const taken = await signUp(early);
  assert.deepEqual([taken.status, taken.json.data.id], [201, early]);
  commit.letGo();
  const { status, json } = await held;
  assert.deepEqual([status, json.data.id, json.decision.reason], [200, early, "customer_already_referred"]);
  assert.deepEqual(await rowCounts(ledger), { referral: 1, identity: 1, commission: 1, event: 1 });
});

test("a sale that lands late, after another of its customer, is decided again and recorded behind it", async (t) => {
  const ledger = await startLedger(t, options);
  const [referral, other] = await clicksOfTwoShards(ledger);
  await post(ledger, "/v1/signups", { click_id: referral, external_user_id: "user_1" });
  const sell = (gate, amount, key) =>
    post(ledger, "/v1/conversions", { ...gate, sale_amount: amount, external_event_id: key });
  const commit = ledger.database.holdNextCommit();
  const held = sell({ referral_id: referral }, 99, "order_late");
  await commit.reached;
  // The same customer, named by another click: another gate.
  const early = await sell({ click_id: other, external_user_id: "user_1" }, 49, "order_early");
  assert.equal(early.status, 201);
  commit.letGo();
  assert.equal((await held).status, 201);
  assert.deepEqual(await select(ledger, "SELECT seq, paid_sales, commission_total_minor AS earned FROM referral"), [
    { seq: 3, paid_sales: 2, earned: 500 + 1470 + 2970 },
  ]);
  assert.deepEqual(await select(ledger, "SELECT seq, kind FROM event ORDER BY seq"), [
    { seq: 1, kind: "referral.lead" },
    { seq: 2, kind: "sale.recorded" },
    { seq: 3, kind: "sale.recorded" },
  ]);
  assert.deepEqual(await select(ledger, "SELECT amount_minor FROM commission ORDER BY amount_minor"), [
    { amount_minor: 500 },
    { amount_minor: 1470 },
    { amount_minor: 2970 },
  ]);
});

test("one sale key whose commit lands late over another referral is one sale", async (t) => {
  const ledger = await startLedger(t, options);
  const [late, early] = await clicksOfTwoShards(ledger);
  const referrals = { [late]: "user_late", [early]: "user_early" };
  for (const [click_id, external_user_id] of Object.entries(referrals)) {
    await post(ledger, "/v1/signups", { click_id, external_user_id });
  }
  const sell = (referral_id) =>
    post(ledger, "/v1/conversions", { referral_id, sale_amount: 99, external_event_id: "order_1" });
  const commit = ledger.database.holdNextCommit();
  const held = sell(late);
  await commit.reached;
  const taken = await sell(early);
  assert.equal(taken.status, 201);
  commit.letGo();
  const { status, json } = await held;
  assert.deepEqual([status, json.data.id, json.data.referral_id], [200, taken.json.data.id, early]);
  assert.deepEqual(await select(ledger, "SELECT referral_id, amount_minor FROM conversion"), [
    { referral_id: early, amount_minor: 9900 },
  ]);
  assert.deepEqual(await select(ledger, "SELECT id, seq FROM referral ORDER BY seq"), [
    { id: late, seq: 1 },
    { id: early, seq: 2 },
  ]);
});
