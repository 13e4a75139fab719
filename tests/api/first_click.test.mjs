// Which of two affiliates' links counts: the last one, or under the first-click model the first, while its window lasts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, click, eventually, fromPage, get, latestClicks, post, select } from "./calls.mjs";

const DAY = 86_400_000;
const link = (code) => `https://shop.example/?aff=${code}`;

/** Alice's link and Bob's, in a program with this model. */
async function withModel(t, attribution_model, program = {}) {
  const ledger = await startLedger(t, { program: { attribution_model, ...program } });
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  return { ledger, alice: ledger.fixture.affiliate.id, bob };
}

/** A visit through somebody's link, as the tracker tells of it; what the answer says. */
async function visit(ledger, code, existing_click_id) {
  const answer = await fromPage(ledger, "/api/v1/track/click", { affiliate_url: link(code), existing_click_id });
  assert.equal(answer.status, 200, answer.text);
  const { success, click_id, partner_code, cookie_window_days } = answer.json;
  assert.deepEqual([success, cookie_window_days], [true, 60]);
  return [click_id, partner_code];
}

/** Who earns by a visitor with this click who signs up and buys. */
async function earner(ledger, click_id, name) {
  const signup = await post(ledger, "/v1/signups", { click_id, external_user_id: name });
  assert.equal(signup.status, 201, signup.text);
  const sale = { external_user_id: name, sale_amount: 100, external_event_id: `order_${name}` };
  const sold = await post(ledger, "/v1/conversions", sale);
  assert.equal(sold.json.data.commission_amount, 30, sold.text);
  return sold.json.data.affiliate_id;
}

test("under last_click the visitor is whose link they came through last", async (t) => {
  const { ledger, alice, bob } = await withModel(t, "last_click");
  const [first, code] = await visit(ledger, "alice");
  assert.equal(code, "alice");
  const [second, bobs] = await visit(ledger, "bob", first);
  assert.notEqual(second, first);
  assert.equal(bobs, "bob");
  assert.equal(await earner(ledger, second, "user_1"), bob);
  assert.equal(await earner(ledger, first, "user_2"), alice);
});

test("under first_click the visitor stays whose link they came through first", async (t) => {
  const { ledger, alice } = await withModel(t, "first_click");
  const [first, code] = await visit(ledger, "alice");
  assert.equal(code, "alice");
  for (const again of ["bob", "alice", "bob"]) {
    assert.deepEqual(await visit(ledger, again, first), [first, "alice"]);
  }
  assert.equal(await earner(ledger, first, "user_1"), alice);
  // Also when they are a customer already.
  assert.deepEqual(await visit(ledger, "bob", first), [first, "alice"]);
});

test("every visit is counted for the affiliate whose link it came through", async (t) => {
  const { ledger, alice, bob } = await withModel(t, "first_click");
  const [first] = await visit(ledger, "alice");
  await visit(ledger, "bob", first);
  await visit(ledger, "bob", first);
  assert.equal((await latestClicks(ledger)).length, 3);
  await eventually(async () => {
    const counts = await select(ledger, "SELECT affiliate_id, SUM(clicks) AS clicks FROM click_count GROUP BY 1");
    assert.deepEqual(
      new Map(counts.map(({ affiliate_id, clicks }) => [affiliate_id, clicks])),
      new Map([
        [alice, 1],
        [bob, 2],
      ]),
    );
  });
});

test("a first click older than the attribution window counts no longer", async (t) => {
  const { ledger } = await withModel(t, "first_click", { attribution_window_days: 30 });
  const ago = (milliseconds) => click(ledger, { createdAt: new Date(Date.now() - milliseconds).toISOString() });
  const young = await ago(30 * DAY - 60_000);
  const old = await ago(30 * DAY + 60_000);
  assert.deepEqual(await visit(ledger, "bob", young), [young, "alice"]);
  const [now, code] = await visit(ledger, "bob", old);
  assert.notEqual(now, old);
  assert.equal(code, "bob");
  // The new one is the first from then on.
  assert.deepEqual(await visit(ledger, "alice", now), [now, "bob"]);
});

test("what is no click of the program and mode is no first click", async (t) => {
  const { ledger } = await withModel(t, "first_click");
  const { keys, other } = ledger.fixture;
  const foreign = await click(ledger, { key: other.keys.live, trackingId: "mallory" });
  const inTest = await click(ledger, { key: keys.test });
  for (const existing of [foreign, inTest, "nonsense", "cust_1_1700000000000", `${foreign.slice(0, -1)}x`, ""]) {
    const [id, code] = await visit(ledger, "bob", existing);
    assert.notEqual(id, existing);
    assert.equal(code, "bob");
  }
  // With a test key the first click of test mode counts.
  const body = { affiliate_url: link("bob"), existing_click_id: inTest };
  const answer = await post(ledger, "/api/v1/track/click", body, { key: keys.test });
  assert.deepEqual([answer.json.click_id, answer.json.partner_code], [inTest, "alice"]);
});

test("the same call with an Idempotency-Key is one click, and the same answer", async (t) => {
  const { ledger } = await withModel(t, "first_click");
  const [first] = await visit(ledger, "alice");
  const body = { affiliate_url: link("bob"), existing_click_id: first };
  const answers = [];
  for (let twice = 0; twice < 2; twice += 1) {
    answers.push(await fromPage(ledger, "/api/v1/track/click", body, { "idempotency-key": "visit-1" }));
  }
  assert.deepEqual(
    answers.map(({ json, headers }) => [json.click_id, json.partner_code, headers.get("idempotent-replayed")]),
    [
      [first, "alice", null],
      [first, "alice", "true"],
    ],
  );
  assert.equal((await latestClicks(ledger)).length, 2);
});

test("the owner chooses the model, and the next visit goes by it", async (t) => {
  const { ledger } = await withModel(t, "last_click");
  const [first] = await visit(ledger, "alice");
  assert.deepEqual((await visit(ledger, "bob", first))[1], "bob");
  const shown = await get(ledger, "/v1/program");
  assert.equal(shown.json.data.attribution_model, "last_click", shown.text);
  const answer = await ledger.request("PATCH", "/v1/program", {
    key: ledger.fixture.keys.live,
    body: { attribution_model: "first_click" },
  });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(await visit(ledger, "bob", first), [first, "alice"]);
});
