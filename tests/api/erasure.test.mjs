// A customer is erased: nothing that names them is left in any file of the state, every sum is what it was, and the same
// person is a new customer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startReceiver } from "../support/receiver.mjs";
import { letters, startLedger } from "../support/ledger.mjs";
import { occurrences, storedFiles } from "../support/stored_bytes.mjs";
import { click, contents, eventually, get, latestClicks, post, select, signedUp } from "./calls.mjs";
import { claimFromPage, leaveTraces, somebody } from "./customer_calls.mjs";
import { assertError } from "./routes.mjs";
import { startTelling, subscribe } from "./webhook_calls.mjs";

const ERASE = "/v1/customers/erase";
const EXPORT = "/v1/customers/export";

/** What is stored of somebody, by secret and file. */
const stored = (ledger, { secrets }) => occurrences(storedFiles(ledger.state), secrets);

/** What must have been there before, or a search after it proves nothing. */
function assertWasThere(found, { secrets }) {
  const kinds = Object.keys(secrets).filter((name) => !name.startsWith("raw") && name !== "network address");
  for (const kind of kinds) assert.ok(found[kind] !== undefined, `${kind} was never stored`);
  const files = new Set(Object.values(found).flatMap((places) => Object.keys(places)));
  assert.ok([...files].some((name) => name.startsWith("d1/")), "nothing was in D1");
  assert.ok([...files].some((name) => name.startsWith("do/")), "nothing was in a shard");
}

/** Erases; what the answer says. */
async function erased(ledger, names, { key, status = 200 } = {}) {
  const answer = await post(ledger, ERASE, names, { key });
  assert.equal(answer.status, status, answer.text);
  return answer.json.data;
}

/** Everything that adds up, by affiliate. */
async function sums(ledger) {
  const summary = await get(ledger, "/v1/commissions/summary?group_by=affiliate,month");
  assert.equal(summary.status, 200, summary.text);
  return {
    summary: summary.json,
    commissions: await select(
      ledger,
      "SELECT id, affiliate_id, amount_minor, earned_minor, currency, status FROM commission ORDER BY id",
    ),
    sales: await select(
      ledger,
      "SELECT id, affiliate_id, amount_minor, refunded_minor, currency, sales_status, sale_key, attributed, decision " +
        "FROM conversion ORDER BY id",
    ),
    refunds: await select(ledger, "SELECT id, amount_minor, deducted_minor, refund_key FROM refund ORDER BY id"),
    referrals: await select(
      ledger,
      "SELECT id, affiliate_id, status, paid_sales, commission_total_minor, created_at, converted_at FROM referral " +
        "ORDER BY id",
    ),
    unattributed: await select(ledger, "SELECT sale_key, amount_minor, currency FROM unattributed_sale ORDER BY 1"),
    waiting: await select(ledger, "SELECT id, sale_key, amount_minor FROM parked_refund ORDER BY 1"),
    keys: await select(ledger, "SELECT * FROM sale_key ORDER BY 1, 2, 3"),
  };
}

for (const [by, names] of [
  ["user id", ({ user }) => ({ external_user_id: user })],
  ["a further user id", ({ mark }) => ({ external_user_id: `again-${mark}` })],
  ["billing customer", ({ customer }) => ({ customer_id: customer })],
  ["e-mail address, written otherwise", ({ email }) => ({ email: ` ${email.toUpperCase()} ` })],
]) {
  test(`after an erasure by ${by} no file holds anything that names the customer, and every sum stays`, async (t) => {
    const ledger = await startLedger(t);
    const jane = somebody(ledger);
    const { referral, others } = await leaveTraces(ledger, jane);
    const joe = somebody(ledger);
    await leaveTraces(ledger, joe);
    assertWasThere(stored(ledger, jane), jane);
    const before = await sums(ledger);
    const ofJoe = Object.keys(stored(ledger, joe));

    const data = await erased(ledger, names(jane));
    assert.equal(data.status, "complete");
    assert.match(data.erasure_id, /^era_\w{22}$/);
    assert.deepEqual(data.referral_ids.toSorted(), [referral, ...others].toSorted());
    assert.deepEqual([data.unattributed_sales, data.test_events], [1, 1]);

    assert.deepEqual(stored(ledger, jane), {});
    assert.deepEqual(await sums(ledger), before);
    // Joe is somebody else: not one of his traces is gone.
    assert.deepEqual(Object.keys(stored(ledger, joe)), ofJoe);

    const rows = await contents(ledger);
    const again = await erased(ledger, names(jane));
    assert.deepEqual(again, {
      erasure_id: null,
      status: "complete",
      referral_ids: [],
      unattributed_sales: 0,
      test_events: 0,
    });
    assert.deepEqual(await contents(ledger), rows);
    await ledger.restart();
    assert.deepEqual(stored(ledger, jane), {});
  });
}

test("the history says who had the customer erased, and the sale is still explained", async (t) => {
  const ledger = await startLedger(t);
  const jane = somebody(ledger);
  const { referral } = await leaveTraces(ledger, jane);
  const lines = async () => (await get(ledger, `/v1/referrals/${referral}/timeline`)).json.data;
  const before = await lines();
  await erased(ledger, { external_user_id: jane.user });
  const after = await lines();
  const key = (line) => [line.seq, line.event, line.reason, line.actor, line.at];
  assert.deepEqual(after.slice(0, -1).map(key), before.map(key));
  const { event, reason, actor } = after.at(-1);
  const mine = "SELECT id FROM api_key WHERE kind = 'secret' AND is_test = 0 AND team_id = ?";
  const [{ id }] = await select(ledger, mine, ledger.fixture.team.id);
  assert.deepEqual([event, reason, actor], ["customer.erased", "customer_erased", `key:${id}`]);
  for (const { id: sale } of await select(ledger, "SELECT id FROM conversion")) {
    const explained = await get(ledger, `/v1/conversions/${sale}/explain`);
    assert.equal(explained.status, 200, explained.text);
    assert.ok(!explained.text.includes(jane.mark));
  }
});

test("the same person is a new customer after it, and the old click is nobody's any more", async (t) => {
  const ledger = await startLedger(t);
  const jane = somebody(ledger);
  const { referral } = await leaveTraces(ledger, jane);
  await erased(ledger, { email: jane.email });
  const names = { external_user_id: jane.user, email: jane.email };
  const old = await post(ledger, "/v1/signups", { click_id: referral, ...names });
  assertError("/v1/signups", old, 404, "NOT_FOUND");
  const sale = { referral_id: referral, sale_amount: 5, external_event_id: "order_late", external_user_id: jane.user };
  for (let twice = 0; twice < 2; twice += 1) {
    assertError("/v1/conversions", await post(ledger, "/v1/conversions", sale), 404, "NOT_FOUND");
  }
  const fresh = await click(ledger);
  const anew = await post(ledger, "/v1/signups", { click_id: fresh, ...names });
  assert.deepEqual([anew.status, anew.json.data.id], [201, fresh], anew.text);
  assert.equal((await post(ledger, "/v1/signups", { click_id: fresh, ...names })).status, 200);
});

test("a refund, a payout and a rejection of what was earned go on after an erasure", async (t) => {
  const ledger = await startLedger(t);
  const jane = somebody(ledger);
  const { referral } = await leaveTraces(ledger, jane);
  await erased(ledger, { external_user_id: jane.user });
  const [{ sale_key }] = await select(ledger, "SELECT sale_key FROM conversion WHERE amount_minor = 9900");
  const rest = await post(ledger, `/v1/conversions/${sale_key}/refund`, { external_event_id: "rest" });
  assert.equal(rest.status, 200, rest.text);
  const [{ refunded_minor }] = await select(ledger, "SELECT refunded_minor FROM conversion WHERE amount_minor = 9900");
  assert.equal(refunded_minor, 9900);
  const key = ledger.fixture.keys.live;
  const rejected = await ledger.request("PUT", `/v1/referrals/${referral}`, { key, body: { status: "rejected" } });
  assert.equal(rejected.status, 200, rejected.text);
  const named = await ledger.request("PUT", `/v1/referrals/${referral}`, { key, body: { name: "Jane" } });
  assertError("/v1/referrals", named, 404, "NOT_FOUND");
});

test("what a subscriber was not told yet names nobody any more", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t, () => 500);
  const { id } = await subscribe(ledger, receiver.url);
  const jane = somebody(ledger);
  await leaveTraces(ledger, jane);
  await receiver.received(1);
  await erased(ledger, { external_user_id: jane.user });
  assert.deepEqual(stored(ledger, jane), {});
  receiver.requests.length = 0;
  receiver.answer = () => 200;
  // Those that wait for their next attempt are sent now.
  const page = await get(ledger, `/v1/webhooks/${id}/deliveries?limit=100`);
  for (const delivery of page.json.data) {
    const answer = await post(ledger, `/v1/webhooks/${id}/deliveries/${delivery.id}/replay`);
    assert.ok([200, 202].includes(answer.status), answer.text);
  }
  const sent = await receiver.received(page.json.data.length);
  for (const { body } of sent) assert.ok(!body.includes(jane.mark), body);
  assert.ok(sent.some(({ json }) => json.type === "transaction.created" && json.data.saleAmount === 99));
});

test("a claim of a page, and what its key has overridden, is erased with the customer", async (t) => {
  const ledger = await startLedger(t);
  const jane = somebody(ledger);
  const claim = await claimFromPage(ledger, jane);
  const referral = await click(ledger);
  const signup = { click_id: referral, external_user_id: jane.user, email: jane.email, name: jane.mark };
  assert.equal((await post(ledger, "/v1/signups", signup)).status, 201);
  const [{ status }] = await select(ledger, "SELECT status FROM referral WHERE id = ?", claim);
  assert.equal(status, "rejected");
  const { referral_ids } = await erased(ledger, { external_user_id: jane.user });
  assert.ok(referral_ids.includes(claim) && referral_ids.includes(referral));
  assert.deepEqual(stored(ledger, jane), {});
  for (const { facts } of await latestClicks(ledger)) assert.ok(!JSON.stringify(facts ?? {}).includes(jane.mark));
});

test("live and test rows of one person are erased by a key of their own mode", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const jane = somebody(ledger);
  await leaveTraces(ledger, jane, { key: keys.test });
  const before = await contents(ledger);
  for (const key of [other.keys.live, other.keys.test]) {
    assert.deepEqual((await erased(ledger, { external_user_id: jane.user, email: jane.email }, { key })).referral_ids, []);
  }
  assert.deepEqual(await contents(ledger), before);
  // Test events belong to both modes; nothing else of a test row is a live key's.
  assert.deepEqual((await erased(ledger, { external_user_id: jane.user })).referral_ids, []);
  assert.equal((await erased(ledger, { external_user_id: jane.user }, { key: keys.test })).referral_ids.length, 3);
  assert.deepEqual(stored(ledger, jane), {});
});

test("names that two customers hold are a 400 that names both, and erase nothing", async (t) => {
  const ledger = await startLedger(t);
  const [one, two] = [await signedUp(ledger, "user_1"), await signedUp(ledger, "user_2")];
  const sale = { referral_id: two, customer_id: "cus_2", sale_amount: 10, external_event_id: "order_2" };
  assert.equal((await post(ledger, "/v1/conversions", sale)).status, 201);
  const before = await contents(ledger);
  for (const path of [ERASE, EXPORT]) {
    const answer = await post(ledger, path, { external_user_id: "user_1", customer_id: "cus_2" });
    const { message } = assertError(path, answer, 400);
    assert.ok(message.includes(one) && message.includes(two), message);
  }
  assert.deepEqual(await contents(ledger), before);
});

test("a call that names nobody, or no address, is a 400 that names the field", async (t) => {
  const ledger = await startLedger(t);
  for (const path of [ERASE, EXPORT]) {
    assert.ok(assertError(path, await post(ledger, path, {}), 400, "VALIDATION_ERROR").names("external_user_id"));
    assert.ok(assertError(path, await post(ledger, path, { email: "nobody" }), 400, "VALIDATION_ERROR").names("email"));
    assertError(path, await post(ledger, path, { customer_id: "cus_1" }, { key: null }), 401, "MISSING_API_KEY");
  }
});

test("an Idempotency-Key that was used for the customer is refused after it, and does nothing twice", async (t) => {
  const ledger = await startLedger(t);
  const referral = await signedUp(ledger, "user_1");
  const sale = { referral_id: referral, sale_amount: 99, external_event_id: "order_1" };
  assert.equal((await post(ledger, "/v1/conversions", sale)).status, 201);
  const headers = { "idempotency-key": `key-${letters(8)}` };
  const part = () => post(ledger, "/v1/conversions/order_1/refund", { amount: 10 }, { headers });
  const milestone = () => post(ledger, "/v1/events", { event_name: "passed", referral_id: referral }, { headers });
  assert.deepEqual([(await part()).status, (await milestone()).status], [200, 201]);
  await erased(ledger, { external_user_id: "user_1" });
  for (const call of [part, milestone]) assertError("/v1", await call(), 422, "IDEMPOTENCY_KEY_REUSED");
  assert.equal((await select(ledger, "SELECT * FROM refund")).length, 1);
});

const interruptions = [
  [
    "loses D1 right after a commit",
    async (ledger, erase) => {
      ledger.database.loseNextAnswer({ andGoAway: true });
      const answer = await erase();
      assert.deepEqual([answer.status, answer.json.data.status], [202, "in_progress"], answer.text);
      ledger.database.giveBack();
      await ledger.restart();
    },
  ],
  [
    "is killed before a commit",
    async (ledger, erase) => {
      const held = ledger.database.holdNextCommit();
      const call = erase().catch(() => {});
      await held.reached;
      await ledger.kill();
      held.letGo();
      await call;
    },
  ],
];
for (const [what, interrupt] of interruptions) {
  test(`an erasure that ${what} is carried to its end by the scheduler`, async (t) => {
    const ledger = await startLedger(t, { switchable: true });
    const jane = somebody(ledger);
    await leaveTraces(ledger, jane);
    const before = await sums(ledger);
    await interrupt(ledger, () => post(ledger, ERASE, { external_user_id: jane.user }));
    await eventually(async () => {
      await get(ledger, "/healthz", { key: null });
      const erasures = await select(ledger, "SELECT finished_at FROM erasure");
      assert.equal(erasures.length, 1);
      assert.ok(erasures[0].finished_at > 0);
    }, 60_000);
    assert.deepEqual(stored(ledger, jane), {});
    assert.deepEqual(await sums(ledger), before);
    const lines = await select(ledger, "SELECT subject FROM event WHERE kind = 'customer.erased'");
    assert.equal(new Set(lines.map(({ subject }) => subject)).size, lines.length);
  });
}

test("an export has everything that is kept: every table and every click that names the customer", async (t) => {
  const ledger = await startLedger(t);
  const jane = somebody(ledger);
  const { referral, others, second } = await leaveTraces(ledger, jane);
  await leaveTraces(ledger, somebody(ledger));
  const answer = await post(ledger, EXPORT, { external_user_id: jane.user });
  assert.equal(answer.status, 200, answer.text);
  const { data } = answer.json;
  assert.deepEqual(new Set(data.referrals.map(({ id }) => id)), new Set([referral, ...others]));
  const [first] = data.referrals.filter(({ id }) => id === referral);
  assert.deepEqual([first.email, first.metadata.note], [jane.email, jane.mark]);
  assert.deepEqual(new Set(data.clicks.map(({ id }) => id)), new Set([referral, ...others, second]));
  for (const { facts } of data.clicks) assert.equal(facts.sub1, jane.mark);
  assert.equal(data.sales[0].amount_minor, 9900);
  // Each row of D1 that says the mark is one of the export's.
  const tables = [
    ["referral", "referrals", "metadata"],
    ["conversion", "sales", "details"],
    ["refund", "refunds", "reason"],
    ["event", "history", "detail || messages"],
    ["unattributed_sale", "unattributed_sales", "detail"],
    ["test_event", "test_events", "body"],
    ["identity", "identities", "value"],
  ];
  for (const [table, name, column] of tables) {
    const count = `SELECT COUNT(*) AS rows FROM ${table} WHERE instr(${column}, ?) > 0`;
    const [{ rows }] = await select(ledger, count, jane.mark);
    const exported = data[name].filter((row) => JSON.stringify(row).includes(jane.mark));
    assert.ok(rows > 0, table);
    assert.ok(exported.length >= rows, `${table}: ${exported.length} of ${rows}`);
  }
  const nobody = await post(ledger, EXPORT, { external_user_id: "nobody" });
  assert.equal(nobody.status, 200);
  for (const list of Object.values(nobody.json.data)) assert.deepEqual(list, []);
});
