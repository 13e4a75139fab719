// One team's rows are nobody else's: not by id, not by name, not by a key of the other mode, not by a guess.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { click, contents, get, latestClicks, post, rowCounts, select, signedUp, STRANGERS, unique } from "./calls.mjs";

/** A customer of the first team with everything that can be asked for. */
async function customer(ledger, key) {
  const userId = unique("user");
  const email = `${userId}@example.com`.toLowerCase();
  const referral = await click(ledger, { key });
  const body = { click_id: referral, external_user_id: userId, email };
  assert.equal((await post(ledger, "/v1/signups", body, { key })).status, 201);
  const sale = {
    referral_id: referral,
    customer_id: unique("cus"),
    sale_amount: 99,
    external_event_id: unique("order"),
  };
  const sold = await post(ledger, "/v1/conversions", sale, { key });
  assert.equal(sold.status, 201, sold.text);
  return {
    userId,
    email,
    referral,
    customerId: sale.customer_id,
    orderId: sale.external_event_id,
    sale: sold.json.data.id,
  };
}

const shape = ({ status, json }) => ({ status, json });

/** The same answer as for something that does not exist: it does not even tell that it does. */
async function assertUnknown(ledger, path, unknownPath, key) {
  const answers = [
    await get(ledger, path, { key }),
    await get(ledger, path, { key }),
    await get(ledger, unknownPath, { key }),
  ];
  const [first, second, unknown] = answers.map(shape);
  assert.equal(first.status, 404);
  assert.deepEqual(first, unknown);
  assert.deepEqual(second, unknown);
}

for (const { name, of, by } of STRANGERS) {
  test(`nothing can be read by ${name}`, async (t) => {
    const ledger = await startLedger(t);
    const owner = ledger.fixture.keys[of];
    const { referral, sale } = await customer(ledger, owner);
    const stranger = by(ledger.fixture);
    await assertUnknown(ledger, `/v1/referrals/${referral}`, `/v1/referrals/ref_000${letters(22)}`, stranger);
    await assertUnknown(ledger, `/v1/referrals/${referral}/timeline`, `/v1/referrals/ref_x/timeline`, stranger);
    await assertUnknown(ledger, `/v1/conversions/${sale}`, `/v1/conversions/conv_000${letters(22)}`, stranger);
    for (const path of [`/v1/referrals/${referral}`, `/v1/referrals/${referral}/timeline`, `/v1/conversions/${sale}`]) {
      assert.equal((await get(ledger, path, { key: owner })).status, 200);
    }
    const overview = await get(ledger, "/dashboard/overview", { key: stranger });
    const { clicks, leads, sales, commissions } = overview.json;
    assert.deepEqual({ clicks, leads, sales, commissions }, { clicks: [], leads: [], sales: [], commissions: [] });
  });

  test(`nothing can be written by ${name}`, async (t) => {
    const ledger = await startLedger(t);
    const owner = ledger.fixture.keys[of];
    const known = await customer(ledger, owner);
    const open = await click(ledger, { key: owner });
    const stranger = by(ledger.fixture);
    const before = await contents(ledger);

    for (const id of [known.referral, open]) {
      const signup = { click_id: id, external_user_id: "user_x", email: "x@example.com" };
      const referral = { affiliate_id: ledger.fixture.affiliate.id, email: "x@example.com", click_id: id };
      for (let twice = 0; twice < 2; twice += 1) {
        assert.equal((await post(ledger, "/v1/signups", signup, { key: stranger })).status, 404);
        assert.equal((await post(ledger, "/v1/referrals", referral, { key: stranger })).status, 404);
      }
    }
    const names = [
      { referral_id: known.referral },
      { click_id: known.referral },
      { click_id: open },
      { external_user_id: known.userId },
      { customer_id: known.customerId },
      { referral_id: known.referral, external_user_id: known.userId, customer_id: known.customerId },
    ];
    for (const identifiers of names) {
      const body = { ...identifiers, sale_amount: 10, external_event_id: known.orderId };
      for (let twice = 0; twice < 2; twice += 1) {
        const answer = await post(ledger, "/v1/conversions", body, { key: stranger });
        assert.equal(answer.status, 404, `${JSON.stringify(identifiers)}: ${answer.text}`);
        assert.ok(!answer.text.includes(ledger.fixture.affiliate.id));
      }
    }
    // Only the stranger's own list of sales that are nobody's has grown.
    const { unattributed_sale, ...after } = await contents(ledger);
    const { unattributed_sale: none, ...expected } = before;
    assert.deepEqual(none, []);
    assert.deepEqual(after, expected);
    assert.deepEqual(new Set(unattributed_sale.map(({ sale_key }) => sale_key)), new Set([known.orderId]));
    assert.equal(unattributed_sale.length, 1);
  });
}

test("a program or affiliate of another team is not found", async (t) => {
  const ledger = await startLedger(t);
  const { other } = ledger.fixture;
  const mine = { trackingId: "alice", programId: other.program.id };
  for (const body of [mine, { trackingId: "mallory" }, { trackingId: "mallory", programId: other.program.id }]) {
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await post(ledger, "/v1/clicks", body);
      assert.equal(answer.status, 404, answer.text);
      assert.equal(answer.json.error.code, "NOT_FOUND");
    }
  }
  const referral = { affiliate_id: other.affiliate.id, email: "jane@example.com" };
  const foreign = await post(ledger, "/v1/referrals", referral);
  const unknown = await post(ledger, "/v1/referrals", { ...referral, affiliate_id: `aff_${letters(22)}` });
  assert.deepEqual(shape(foreign), shape(unknown));
  assert.equal(foreign.status, 404);
  assert.deepEqual(await rowCounts(ledger), {});
  assert.deepEqual(await latestClicks(ledger), []);
  assert.deepEqual(await latestClicks(ledger, { key: other.keys.live }), []);
});

test("two teams, and the two modes of one, use the same names without meeting", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const places = [
    { key: keys.live, trackingId: "alice" },
    { key: keys.test, trackingId: "alice" },
    { key: other.keys.live, trackingId: "mallory" },
  ];
  const referrals = [];
  for (const place of places) {
    const id = await click(ledger, place);
    const signup = { click_id: id, external_user_id: "user_1", email: "jane@example.com" };
    const sale = { external_user_id: "user_1", customer_id: "cus_1", sale_amount: 99, external_event_id: "order_1" };
    assert.equal((await post(ledger, "/v1/signups", signup, place)).status, 201);
    const first = await post(ledger, "/v1/conversions", sale, place);
    assert.equal(first.status, 201, first.text);
    assert.equal(first.json.data.referral_id, id);
    assert.equal((await post(ledger, "/v1/signups", signup, place)).status, 200);
    assert.equal((await post(ledger, "/v1/conversions", sale, place)).json.data.id, first.json.data.id);
    referrals.push(id);
  }
  assert.deepEqual(await rowCounts(ledger), {
    referral: 3,
    identity: 9,
    conversion: 3,
    commission: 3,
    sale_key: 3,
    event: 6,
  });
  // One address, two programs: two hashes, so that nobody can be followed from one to the other.
  const hashes = await select(ledger, "SELECT DISTINCT email_hash FROM referral");
  assert.equal(hashes.length, 2);
});

for (const { name, of, by } of STRANGERS) {
  test(`a webhook endpoint cannot be seen, changed or used by ${name}`, async (t) => {
    const ledger = await startLedger(t);
    const owner = ledger.fixture.keys[of];
    const url = "https://hooks.example.com/";
    const made = await post(ledger, "/v1/webhooks", { url }, { key: owner });
    assert.equal(made.status, 201, made.text);
    const ping = await post(ledger, `/v1/webhooks/${made.json.data.id}/ping`, undefined, { key: owner });
    assert.equal(ping.status, 202, ping.text);
    const before = await contents(ledger);
    const stranger = by(ledger.fixture);
    const call = (method, id, path, body) =>
      ledger.request(method, `/v1/webhooks/${id}${path}`, { key: stranger, body });
    const calls = [
      ["GET", ""],
      ["PUT", "", { url: "https://elsewhere.example.com/", enabled: false }],
      ["DELETE", ""],
      ["GET", "/deliveries"],
      ["POST", "/rotate-secret"],
      ["POST", "/ping"],
      ["POST", "/replay-failed"],
      ["POST", `/deliveries/${ping.json.data.id}/replay`],
    ];
    for (const [method, path, body] of calls) {
      const unknown = shape(await call(method, `whe_${letters(22)}`, path, body));
      assert.equal(unknown.status, 404);
      for (let twice = 0; twice < 2; twice += 1) {
        assert.deepEqual(shape(await call(method, made.json.data.id, path, body)), unknown, `${method} ${path}`);
      }
    }
    assert.deepEqual((await get(ledger, "/v1/webhooks", { key: stranger })).json.data, []);
    assert.equal((await get(ledger, "/v1/webhooks", { key: owner })).json.data.length, 1);
    assert.deepEqual(await contents(ledger), before);
  });
}

test("a test row causes no webhook", async (t) => {
  const ledger = await startLedger(t);
  await customer(ledger, ledger.fixture.keys.test);
  const events = await select(ledger, "SELECT is_test, messages FROM event");
  assert.equal(events.length, 2);
  for (const event of events) assert.deepEqual(event, { is_test: 1, messages: "[]" });
});

/** Another program of the first team, with an affiliate and a token of its own. */
async function secondProgram(ledger) {
  const token = `aff_${letters(44)}`;
  const [program, team] = [`prog_${letters(22)}`, ledger.fixture.team.id];
  const run = (sql, ...values) =>
    ledger.db
      .prepare(sql)
      .bind(...values)
      .run();
  await run(
    "INSERT INTO program (id, number, team_id, name, created_at) VALUES (?, 3, ?, 'Program 3', 0)",
    program,
    team,
  );
  await run(
    "INSERT INTO api_key (key_hash, id, team_id, program_id, kind, is_test, created_at) " +
      "VALUES (?, 'key_3', ?, ?, 'program_token', 0, 0)",
    createHash("sha256").update(token).digest("hex"),
    team,
    program,
  );
  return { program, token };
}

const OTHER_PROGRAM = "Customer does not belong to this program";
const UNKNOWN_LEAD = "Customer not found. Provide a valid click_id or customer_key.";
const UNKNOWN_SALE = "Customer not found. Provide customer_key or click_id.";
const NO_ATTRIBUTION = "No affiliate attribution found for this customer in this program";

test("a token of another program, of the same team or not, reaches nothing", async (t) => {
  const ledger = await startLedger(t);
  const known = await customer(ledger);
  const open = await click(ledger);
  const before = await contents(ledger);
  for (const key of [(await secondProgram(ledger)).token, ledger.fixture.other.keys.token]) {
    for (const click_id of [known.referral, open]) {
      for (let twice = 0; twice < 2; twice += 1) {
        const lead = await post(ledger, "/api/v1/track/lead", { click_id, customer_key: "user_x" }, { key });
        assert.equal(lead.status, 400);
        assert.ok([OTHER_PROGRAM, UNKNOWN_LEAD].includes(lead.json.error), lead.text);
        const body = { transaction_id: "txn_x", amount_cents: 100, click_id };
        const sale = await post(ledger, "/api/v1/track/sale", body, { key });
        assert.equal(sale.status, 400);
        assert.ok([NO_ATTRIBUTION, UNKNOWN_SALE].includes(sale.json.error), sale.text);
      }
    }
    const lead = await post(ledger, "/api/v1/track/lead", { customer_key: known.userId }, { key });
    assert.deepEqual(shape(lead), { status: 400, json: { error: UNKNOWN_LEAD } });
    const body = { transaction_id: known.orderId, amount_cents: 100, customer_key: known.userId };
    const sale = await post(ledger, "/api/v1/track/sale", body, { key });
    assert.deepEqual(shape(sale), { status: 400, json: { error: UNKNOWN_SALE } });
  }
  const { unattributed_sale, ...after } = await contents(ledger);
  const { unattributed_sale: none, ...expected } = before;
  assert.deepEqual(after, expected);
  assert.deepEqual(none, []);
  for (const { program_id } of unattributed_sale) assert.notEqual(program_id, ledger.fixture.program.id);
});

test(
  "in Affitor's dialect another team's customer is an unknown one",
  async (t) => {
    const ledger = await startLedger(t);
    const click_id = await click(ledger);
    const key = ledger.fixture.other.keys.token;
    const lead = await post(ledger, "/api/v1/track/lead", { click_id, customer_key: "user_x" }, { key });
    assert.deepEqual(shape(lead), { status: 400, json: { error: UNKNOWN_LEAD } });
  },
);

test("a token of one program cannot name another in a test event", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const body = { event_type: "lead", program_id: other.program.id };
  for (let twice = 0; twice < 2; twice += 1) await post(ledger, "/api/v1/cli/test-event", body, { key: keys.token });
  const rows = await select(ledger, "SELECT program_id FROM test_event");
  for (const { program_id } of rows) assert.equal(program_id, ledger.fixture.program.id);
});

test("the id of another team's click is not taken for a user id", async (t) => {
  const ledger = await startLedger(t);
  const theirs = await signedUp(ledger, "user_1");
  const { keys } = ledger.fixture.other;
  const mine = await signedUp(ledger, theirs, { key: keys.live, trackingId: "mallory" });
  const sale = { external_user_id: theirs, sale_amount: 10, external_event_id: "order_1" };
  const answer = await post(ledger, "/v1/conversions", sale, { key: keys.live });
  assert.equal(answer.json.data.referral_id, mine);
});
