// Incentives of a group: what they may be, what is shown of them, and what the next sale earns by them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertLiveKeyNeeded, assertRefused, assertUnknown, patch, put, remove, sale } from "./affiliate_calls.mjs";
import { atOnce, click, get, post, select, signedUp, tally, unique } from "./calls.mjs";

const of = (ledger) => `/v1/program/groups/${ledger.fixture.group.id}/incentives`;

const TWENTY = { name: "Twenty", amount: 20, is_percentage: true };

/** Makes an incentive of the group; what is shown of it. */
async function incentive(ledger, fields = TWENTY) {
  const answer = await post(ledger, of(ledger), fields);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

const one = async (ledger, id) => (await get(ledger, `${of(ledger)}/${id}`)).json.data;

test("an incentive has the published fields, with a default for what is left out", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  const { id, created_at, updated_at, ...shown } = await incentive(ledger);
  assert.match(id, /^inc_\w{22}$/);
  assert.equal(created_at, updated_at);
  assert.deepEqual(shown, {
    incentive_id: id,
    name: "Twenty",
    incentive_name: "Twenty",
    type: "commission",
    incentive_type: "commission",
    amount: 20,
    is_percentage: true,
    apply_to: "all_plans",
    product_ids: [],
    approval_type: "automatic",
    hold_period_days: null,
    incentive_length: "customer_lifetime",
    length_value: null,
    variable_commission: false,
    variable_config: null,
    cap: null,
  });
  const made = { id, ...shown, created_at, updated_at };
  assert.deepEqual(await one(ledger, id), made);
  const second = await incentive(ledger, { ...TWENTY, name: "Second" });
  assert.deepEqual((await get(ledger, of(ledger))).json, {
    success: true,
    data: [made, second],
    pagination: { page: 1, limit: 50, total: 2, total_pages: 1, has_next_page: false, has_prev_page: false },
  });
  const page = (await get(ledger, `${of(ledger)}?limit=1&page=2`)).json;
  assert.deepEqual(page.data, [second]);
  assert.deepEqual([page.pagination.has_next_page, page.pagination.has_prev_page], [false, true]);
});

test("every term is kept as it is sent, words in either case", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  const cases = [
    { amount: 12.3456, is_percentage: true },
    { amount: 100, is_percentage: true },
    { amount: 0, is_percentage: false },
    { amount: 49.99, is_percentage: false, cap: 499.9 },
    { apply_to: "specific_products", product_ids: ["prod_1", "price_2"] },
    ...["yearly_plans", "monthly_plans", "one_time_products", "all_plans"].map((apply_to) => ({ apply_to })),
    { apply_to: "signups", is_percentage: false, amount: 5 },
    { approval_type: "hold_period", hold_period_days: 365 },
    { approval_type: "hold_period", hold_period_days: 0 },
    { approval_type: "manual" },
    { incentive_length: "time_limited", length_value: 12 },
    { incentive_length: "payment_limited", length_value: 3 },
    { type: "commission", variable_commission: false, variable_config: null, cap: null },
  ];
  for (const terms of cases) {
    const shown = await incentive(ledger, { ...TWENTY, ...terms });
    for (const [field, value] of Object.entries(terms)) assert.deepEqual(shown[field], value, field);
    assert.deepEqual(await one(ledger, shown.id), shown);
    // What is shown can be sent back, and changes nothing but when it was changed.
    const { updated_at, ...again } = (await put(ledger, `${of(ledger)}/${shown.id}`, shown)).json.data;
    assert.deepEqual({ ...again, updated_at: shown.updated_at }, shown);
  }
  const upper = await incentive(ledger, { ...TWENTY, apply_to: "YEARLY_PLANS", approval_type: "MANUAL", type: "COMMISSION" });
  assert.deepEqual([upper.apply_to, upper.approval_type], ["yearly_plans", "manual"]);
});

test("a change changes what it names and nothing else, by PATCH as by PUT, however often it is made", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  const { id, ...made } = await incentive(ledger);
  const steps = [
    [{ name: "Gold" }, { name: "Gold", incentive_name: "Gold" }],
    [{ amount: 25.5 }],
    [{ is_percentage: false, amount: 7 }],
    [{ apply_to: "specific_products", product_ids: ["prod_1"] }],
    [{ product_ids: ["prod_2", "prod_3"] }],
    [{ apply_to: "monthly_plans" }, { apply_to: "monthly_plans", product_ids: [] }],
    [{ approval_type: "hold_period", hold_period_days: 30 }],
    [{ hold_period_days: 14 }],
    [{ approval_type: "manual" }, { approval_type: "manual", hold_period_days: null }],
    [{ incentive_length: "time_limited", length_value: 6 }],
    [{ length_value: 12 }],
    [{ incentive_length: "payment_limited", length_value: 2 }],
    [{ incentive_length: "customer_lifetime" }, { incentive_length: "customer_lifetime", length_value: null }],
    [{ cap: 100 }],
    [{ cap: null }],
    [{ apply_to: "signups" }],
  ];
  let expected = { id, ...made };
  for (const [change, effect = change] of steps) {
    expected = { ...expected, ...effect };
    for (const method of [patch, put]) {
      const answer = await method(ledger, `${of(ledger)}/${id}`, change);
      assert.equal(answer.status, 200, answer.text);
      assert.ok(Date.parse(answer.json.data.updated_at) >= Date.parse(expected.updated_at));
      expected.updated_at = answer.json.data.updated_at;
      assert.deepEqual(answer.json.data, expected);
    }
    assert.deepEqual(await one(ledger, id), expected);
  }
});

/** Bodies that are no incentive: what is sent beside a good one, and the field that is named. */
const WRONG = [
  [{ name: "" }, "name"],
  [{ name: "x".repeat(256) }, "name"],
  [{ name: 5 }, "name"],
  [{ amount: 0 }, "amount"],
  [{ amount: -1 }, "amount"],
  [{ amount: 100.0001 }, "amount"],
  [{ amount: 0.00001 }, "amount"],
  [{ amount: "20" }, "amount"],
  [{ amount: -0.01, is_percentage: false }, "amount"],
  [{ amount: 0.001, is_percentage: false }, "amount"],
  [{ amount: 1e20, is_percentage: false }, "amount"],
  [{ is_percentage: "no" }, "is_percentage"],
  [{ apply_to: "everything" }, "apply_to"],
  [{ apply_to: "specific_products" }, "product_ids"],
  [{ apply_to: "specific_products", product_ids: [] }, "product_ids"],
  [{ apply_to: "specific_products", product_ids: [5] }, "product_ids[0]"],
  [{ product_ids: ["prod_1"] }, "product_ids"],
  [{ apply_to: "signups" }, "is_percentage"],
  [{ apply_to: "signups", is_percentage: false, amount: 0 }, "amount"],
  [{ approval_type: "never" }, "approval_type"],
  [{ approval_type: "hold_period" }, "hold_period_days"],
  [{ approval_type: "hold_period", hold_period_days: 366 }, "hold_period_days"],
  [{ approval_type: "hold_period", hold_period_days: -1 }, "hold_period_days"],
  [{ hold_period_days: 30 }, "hold_period_days"],
  [{ incentive_length: "a while" }, "incentive_length"],
  [{ incentive_length: "time_limited" }, "length_value"],
  [{ incentive_length: "payment_limited", length_value: 0 }, "length_value"],
  [{ incentive_length: "time_limited", length_value: 1.5 }, "length_value"],
  [{ length_value: 3 }, "length_value"],
  [{ cap: 0 }, "cap"],
  [{ cap: -5 }, "cap"],
  [{ cap: 0.001 }, "cap"],
  [{ type: "credits" }, "type"],
  [{ variable_commission: true }, "variable_commission"],
  [{ variable_config: { tiers: [] } }, "variable_config"],
];

test("what is wrong with an incentive is a 400 that names the field, when it is made and when it is changed", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  const made = await incentive(ledger);
  for (const [wrong, field] of WRONG) {
    assertRefused(await post(ledger, of(ledger), { ...TWENTY, ...wrong }), field);
    assertRefused(await patch(ledger, `${of(ledger)}/${made.id}`, wrong), field);
  }
  for (const field of ["name", "amount", "is_percentage"]) {
    assertRefused(await post(ledger, of(ledger), { ...TWENTY, [field]: undefined }), field);
  }
  assertRefused(await patch(ledger, `${of(ledger)}/${made.id}`, { is_percentage: false }), "amount");
  for (const nothing of [{}, { id: made.id, nobody_reads_this: 1 }]) {
    assertRefused(await patch(ledger, `${of(ledger)}/${made.id}`, nothing), "amount");
  }
  for (const unsupported of [{ type: "credits" }, { variable_commission: true }]) {
    assert.match((await post(ledger, of(ledger), { ...TWENTY, ...unsupported })).json.error.message, /not supported/);
  }
  assert.deepEqual((await get(ledger, of(ledger))).json.data, [made]);
});

test("the next sale earns by what was made, changed and removed, whichever Worker is asked", async (t) => {
  const ledger = await startLedger(t, { instances: 2, incentives: [] });
  const referral = await signedUp(ledger, unique("user"));
  const earns = async (...expected) => {
    for (let each = 0; each < 4; each += 1) {
      const { commission_amount, reason, matched_incentive_id } = await sale(ledger, referral);
      assert.deepEqual([commission_amount, reason, matched_incentive_id], expected);
    }
  };
  await earns(null, "no_matching_incentive", null);
  const { id } = await incentive(ledger);
  await earns(20, "commission_earned", id);
  await patch(ledger, `${of(ledger)}/${id}`, { amount: 25 });
  await earns(25, "commission_earned", id);
  await patch(ledger, `${of(ledger)}/${id}`, { amount: 3.5, is_percentage: false });
  await earns(3.5, "commission_earned", id);
  await patch(ledger, `${of(ledger)}/${id}`, { amount: 0 });
  await earns(null, "excluded_by_incentive", null);
  assert.deepEqual((await remove(ledger, `${of(ledger)}/${id}`)).json, { success: true, message: "Incentive deleted" });
  await earns(null, "no_matching_incentive", null);
  assertUnknown(await remove(ledger, `${of(ledger)}/${id}`));
  // What was earned stays: 4 × 20.00, 4 × 25.00 and 4 × 3.50.
  const [{ earned }] = await select(ledger, "SELECT SUM(amount_minor) AS earned FROM commission");
  assert.equal(earned, 4 * 2000 + 4 * 2500 + 4 * 350);
});

test("approval, hold and cap are those of the incentive", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  const { id } = await incentive(ledger, { ...TWENTY, approval_type: "hold_period", hold_period_days: 14, cap: 50 });
  const referral = await signedUp(ledger, unique("user"));
  const sell = async () => {
    const body = { referral_id: referral, sale_amount: 100, external_event_id: unique("order") };
    const { commission_amount, status, hold_period_days } = (await post(ledger, "/v1/conversions", body)).json.data;
    return [commission_amount, status, hold_period_days];
  };
  assert.deepEqual(await sell(), [20, "pending", 14]);
  await patch(ledger, `${of(ledger)}/${id}`, { approval_type: "manual" });
  assert.deepEqual(await sell(), [20, "pending_manual_approval", null]);
  await patch(ledger, `${of(ledger)}/${id}`, { approval_type: "automatic" });
  // 50 − 20 − 20.
  assert.deepEqual(await sell(), [10, "ready_for_payment", null]);
  await patch(ledger, `${of(ledger)}/${id}`, { cap: null });
  assert.deepEqual(await sell(), [20, "ready_for_payment", null]);
});

test("sign-ups earn by an incentive for them, beside the sales'", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  await incentive(ledger, { name: "Leads", amount: 5, is_percentage: false, apply_to: "signups" });
  await incentive(ledger);
  const referral = await click(ledger);
  assert.equal((await post(ledger, "/v1/signups", { click_id: referral, external_user_id: "user_1" })).status, 201);
  assert.equal((await sale(ledger, referral)).commission_amount, 20);
  const rows = await select(ledger, "SELECT kind, amount_minor FROM commission ORDER BY amount_minor");
  assert.deepEqual(rows, [
    { kind: "lead", amount_minor: 500 },
    { kind: "sale", amount_minor: 2000 },
  ]);
});

test("changes made at once are all kept", async (t) => {
  const ledger = await startLedger(t, { instances: 2, incentives: [] });
  const { id } = await incentive(ledger);
  const changes = [
    { name: "Gold" },
    { amount: 25 },
    { apply_to: "monthly_plans" },
    { approval_type: "manual" },
    { incentive_length: "payment_limited", length_value: 3 },
    { cap: 100 },
  ];
  const answers = await Promise.all(changes.map((change) => patch(ledger, `${of(ledger)}/${id}`, change)));
  assert.deepEqual(tally(answers), { 200: changes.length });
  const shown = await one(ledger, id);
  for (const [field, value] of changes.flatMap(Object.entries)) assert.deepEqual(shown[field], value, field);
});

test("every write raises the version of the rules, and a refused one does not", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  const version = async () => (await select(ledger, "SELECT rules_version FROM program WHERE number = 1"))[0].rules_version;
  let before = await version();
  const raised = async () => {
    const now = await version();
    const raised = now > before;
    before = now;
    return raised;
  };
  const { id } = await incentive(ledger);
  assert.ok(await raised());
  await patch(ledger, `${of(ledger)}/${id}`, { amount: 25 });
  assert.ok(await raised());
  await patch(ledger, `${of(ledger)}/${id}`, { amount: 250 });
  assert.ok(!(await raised()));
  await remove(ledger, `${of(ledger)}/${id}`);
  assert.ok(await raised());
});

test("an incentive of another group, or of another team's, is an unknown one", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const { id } = await incentive(ledger);
  const made = await post(ledger, "/v1/program/groups", { name: "Gold" });
  const elsewhere = `/v1/program/groups/${made.json.data.id}/incentives`;
  const calls = [
    [`${elsewhere}/${id}`, keys.live],
    [`${of(ledger)}/inc_none`, keys.live],
    [`/v1/program/groups/grp_none/incentives/${id}`, keys.live],
    [`${of(ledger)}/${id}`, other.keys.live],
  ];
  for (const [path, key] of calls) {
    assertUnknown(await get(ledger, path, { key }));
    assertUnknown(await patch(ledger, path, { amount: 5 }, { key }));
    assertUnknown(await remove(ledger, path, { key }));
  }
  for (const [path, key] of [[of(ledger), other.keys.live], ["/v1/program/groups/grp_none/incentives", keys.live]]) {
    assertUnknown(await get(ledger, path, { key }));
    assertUnknown(await post(ledger, path, TWENTY, { key }));
  }
  assert.equal((await one(ledger, id)).amount, 20);
  assert.deepEqual((await get(ledger, elsewhere)).json.data, []);
});

test("a test key reads incentives without changing them", async (t) => {
  const ledger = await startLedger(t);
  const { id, ...made } = await incentive(ledger);
  const test = { key: ledger.fixture.keys.test };
  assert.deepEqual((await get(ledger, `${of(ledger)}/${id}`, test)).json.data, { id, ...made });
  assertLiveKeyNeeded(await post(ledger, of(ledger), TWENTY, test));
  assertLiveKeyNeeded(await patch(ledger, `${of(ledger)}/${id}`, { amount: 5 }, test));
  assertLiveKeyNeeded(await remove(ledger, `${of(ledger)}/${id}`, test));
});

test("a repeated call with an Idempotency-Key makes one incentive", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  const headers = { "idempotency-key": "one" };
  const [first, second] = [
    await post(ledger, of(ledger), TWENTY, { headers }),
    await post(ledger, of(ledger), TWENTY, { headers }),
  ];
  assert.deepEqual([first.status, second.status, second.json], [201, 201, first.json]);
  assert.equal((await get(ledger, of(ledger))).json.pagination.total, 1);
});

test("a group has at most a hundred incentives, also when they are made at once", async (t) => {
  const ledger = await startLedger(t, { incentives: Array.from({ length: 98 }, () => ({ percent: "1" })) });
  const answers = await atOnce(5, () => post(ledger, of(ledger), TWENTY));
  assert.deepEqual(tally(answers), { 201: 2, 409: 3 });
  assert.equal(answers.find(({ status }) => status === 409).json.error.code, "LIMIT_REACHED");
  assert.equal((await get(ledger, `${of(ledger)}?limit=200`)).json.pagination.total, 100);
});

test("amounts and caps are in the team's currency, with its digits", async (t) => {
  const ledger = await startLedger(t, { incentives: [] });
  for (const [currency, amount, minor, wrong] of [["JPY", 500, 500, 0.5], ["KWD", 1.234, 1234, 1.2345]]) {
    await ledger.db.prepare("UPDATE team SET currency = ? WHERE id = ?").bind(currency, ledger.fixture.team.id).run();
    await ledger.restart();
    const fixed = { name: "Fixed", amount, is_percentage: false, cap: amount };
    const shown = await incentive(ledger, fixed);
    assert.deepEqual([shown.amount, shown.cap], [amount, amount]);
    const [row] = await select(ledger, "SELECT amount_minor, cap_minor FROM incentive WHERE id = ?", shown.id);
    assert.deepEqual(row, { amount_minor: minor, cap_minor: minor });
    assertRefused(await post(ledger, of(ledger), { ...fixed, amount: wrong }), "amount");
    assertRefused(await post(ledger, of(ledger), { ...fixed, cap: wrong }), "cap");
  }
});
