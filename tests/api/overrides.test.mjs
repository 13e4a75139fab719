// Overrides: an affiliate's own incentives, which are asked before those of their group.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import {
  affiliate,
  assertLiveKeyNeeded,
  assertRefused,
  assertUnknown,
  enrol,
  patch,
  put,
  remove,
  sale,
} from "./affiliate_calls.mjs";
import { get, post, select, signedUp, unique } from "./calls.mjs";

const FORTY = { name: "Forty", amount: 40, is_percentage: true, apply_to: "all_plans" };

async function override(ledger, id, fields = FORTY) {
  const answer = await post(ledger, `/v1/affiliates/${id}/overrides`, fields);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

test("an override has the fields of an incentive, and is shown in its list, by itself and with its affiliate", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  const sent = {
    name: "VIP",
    amount: 12.5,
    is_percentage: false,
    apply_to: "specific_products",
    product_ids: ["prod_1", "price_2"],
    approval_type: "hold_period",
    hold_period_days: 14,
    incentive_length: "time_limited",
    length_value: 6,
    cap: 99.99,
  };
  const made = await override(ledger, id, sent);
  assert.match(made.id, /^inc_\w{22}$/);
  for (const [field, value] of Object.entries(sent)) assert.deepEqual(made[field], value, field);
  const path = `/v1/affiliates/${id}/overrides`;
  assert.deepEqual((await get(ledger, `${path}/${made.id}`)).json, { success: true, data: made });
  const { data, pagination } = (await get(ledger, path)).json;
  assert.deepEqual([data, pagination.total], [[made], 1]);
  assert.deepEqual((await affiliate(ledger, id, "?expand=commissionOverrides")).commissionOverrides, [made]);
  // The published fields of an override.
  assert.deepEqual([made.incentive_id, made.incentive_name, made.incentive_type], [made.id, "VIP", "commission"]);
});

test("an override beats the group's incentive from the next sale on, and what was earned stays", async (t) => {
  const ledger = await startLedger(t);
  const { id, tracking_id } = await enrol(ledger);
  const referral = await signedUp(ledger, unique("user"), { trackingId: tracking_id });
  const others = await signedUp(ledger, unique("user"));
  assert.equal((await sale(ledger, referral)).commission_amount, 30);

  const { id: own } = await override(ledger, id);
  const path = `/v1/affiliates/${id}/overrides/${own}`;
  const first = await sale(ledger, referral);
  assert.deepEqual([first.commission_amount, first.matched_incentive_id], [40, own]);
  assert.equal((await sale(ledger, others)).commission_amount, 30);

  for (const [method, amount] of [[patch, 45], [put, 50]]) {
    for (let twice = 0; twice < 2; twice += 1) {
      const changed = await method(ledger, path, { amount });
      assert.equal(changed.status, 200, changed.text);
      assert.deepEqual([changed.json.data.amount, changed.json.data.name], [amount, "Forty"]);
    }
    assert.equal((await sale(ledger, referral)).commission_amount, amount);
  }
  assert.equal((await patch(ledger, path, { amount: 0, is_percentage: false })).status, 200);
  assert.equal((await sale(ledger, referral)).reason, "excluded_by_incentive");

  const gone = await remove(ledger, path);
  assert.equal(gone.status, 200, gone.text);
  assert.deepEqual([gone.json.success, typeof gone.json.message], [true, "string"]);
  assertUnknown(await remove(ledger, path));
  assert.equal((await sale(ledger, referral)).commission_amount, 30);
  const earned = await select(
    ledger,
    "SELECT amount_minor FROM commission WHERE referral_id = ? AND status = 'ready_for_payment' ORDER BY created_at, id",
    referral,
  );
  assert.deepEqual(
    earned.map(({ amount_minor }) => amount_minor).sort((a, b) => a - b),
    [3000, 3000, 4000, 4500, 5000],
  );
});

test("an override for some products leaves the others to the group", async (t) => {
  const ledger = await startLedger(t);
  const { id, tracking_id } = await enrol(ledger);
  const referral = await signedUp(ledger, unique("user"), { trackingId: tracking_id });
  await override(ledger, id, { ...FORTY, apply_to: "specific_products", product_ids: ["prod_1"] });
  const sold = async (product_ids) => {
    const body = { referral_id: referral, sale_amount: 100, external_event_id: unique("order"), product_ids };
    return (await post(ledger, "/v1/conversions", body)).json.data.commission_amount;
  };
  assert.equal(await sold(["prod_1"]), 40);
  assert.equal(await sold(["prod_2"]), 30);
});

test("a repeated call with an Idempotency-Key makes one override", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  const path = `/v1/affiliates/${id}/overrides`;
  const headers = { "idempotency-key": "one" };
  const [first, second] = [
    await post(ledger, path, FORTY, { headers }),
    await post(ledger, path, FORTY, { headers }),
  ];
  assert.deepEqual([first.status, second.status, second.json], [201, 201, first.json]);
  assert.equal((await get(ledger, path)).json.pagination.total, 1);
});

test("what is wrong with an override is a 400 that names the field", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  const { id: own } = await override(ledger, id);
  const path = `/v1/affiliates/${id}/overrides`;
  for (const [field, value] of [
    ["amount", -1],
    ["amount", 101],
    ["apply_to", "everything"],
    ["approval_type", "someday"],
    ["incentive_length", "forever"],
    ["cap", 0],
  ]) {
    assertRefused(await post(ledger, path, { ...FORTY, [field]: value }), field);
    assertRefused(await patch(ledger, `${path}/${own}`, { [field]: value }), field);
  }
  assert.equal((await get(ledger, `${path}/${own}`)).json.data.amount, 40);
});

test("overrides are their affiliate's: not another's, not another team's, and not for a test key to change", async (t) => {
  const ledger = await startLedger(t);
  const [ann, bob] = [await enrol(ledger), await enrol(ledger)];
  const { id: own } = await override(ledger, ann.id);
  const { keys, other } = ledger.fixture;
  const path = `/v1/affiliates/${ann.id}/overrides`;
  const everyCall = (base, id, key) => [
    get(ledger, `${base}/${id}`, { key }),
    patch(ledger, `${base}/${id}`, { amount: 1 }, { key }),
    put(ledger, `${base}/${id}`, { amount: 1 }, { key }),
    remove(ledger, `${base}/${id}`, { key }),
  ];
  const strangers = [
    ...everyCall(`/v1/affiliates/${bob.id}/overrides`, own, keys.live),
    ...everyCall(path, own, other.keys.live),
    ...everyCall(path, "inc_none", keys.live),
    get(ledger, path, { key: other.keys.live }),
    post(ledger, path, FORTY, { key: other.keys.live }),
    post(ledger, "/v1/affiliates/aff_none/overrides", FORTY),
  ];
  for (const answer of await Promise.all(strangers)) assertUnknown(answer);
  assert.equal((await get(ledger, path, { key: keys.test })).json.pagination.total, 1);
  assert.equal((await get(ledger, `${path}/${own}`, { key: keys.test })).status, 200);
  for (const answer of [
    await post(ledger, path, FORTY, { key: keys.test }),
    await patch(ledger, `${path}/${own}`, { amount: 1 }, { key: keys.test }),
    await remove(ledger, `${path}/${own}`, { key: keys.test }),
  ]) {
    assertLiveKeyNeeded(answer);
  }
  assert.equal((await get(ledger, `${path}/${own}`)).json.data.amount, 40);
});
