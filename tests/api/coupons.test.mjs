// Coupons: made and removed, listed by every filter; what each may be.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { startReceiver } from "../support/receiver.mjs";
import {
  assertLiveKeyNeeded,
  assertRefused,
  assertTaken,
  assertUnknown,
  affiliate as shownAffiliate,
  enrol,
  remove,
} from "./affiliate_calls.mjs";
import { atOnce, get, post, select, tally } from "./calls.mjs";
import { startTelling, subscribe } from "./webhook_calls.mjs";

const save25 = (ledger, fields = {}) => ({
  affiliate_id: ledger.fixture.affiliate.id,
  code: "Save-25",
  discount_type: "percentage",
  discount_value: 25,
  duration: "forever",
  ...fields,
});

async function coupon(ledger, fields) {
  const answer = await post(ledger, "/v1/coupons", save25(ledger, fields));
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

test("a coupon is shown as it was made, its code in upper case, with no provider", async (t) => {
  const ledger = await startLedger(t);
  const { id, created_at, ...rest } = await coupon(ledger);
  assert.match(id, /^cpn_\w{22}$/);
  assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    affiliate_id: ledger.fixture.affiliate.id,
    program_id: ledger.fixture.program.id,
    code: "SAVE-25",
    discount_type: "percentage",
    discount_value: 25,
    currency: null,
    duration: "forever",
    duration_in_months: null,
    product_ids: [],
    provider: null,
    provider_coupon_id: null,
    provider_promo_code_id: null,
    updated_at: null,
  });
  assert.deepEqual((await get(ledger, `/v1/coupons/${id}`)).json, { success: true, data: { id, created_at, ...rest } });
  const listed = (await get(ledger, "/v1/coupons")).json;
  assert.deepEqual([listed.data, listed.pagination.total], [[{ id, created_at, ...rest }], 1]);
});

test("amounts are exact in every currency, the team's unless another is named", async (t) => {
  const ledger = await startLedger(t);
  const cases = [
    [{ discount_value: 19.99 }, 19.99, "USD", "usd"],
    [{ discount_value: 500, currency: "jpy" }, 500, "JPY", "jpy"],
    [{ discount_value: 1.234, currency: "KWD" }, 1.234, "KWD", "kwd"],
    [{ discount_type: "percentage", discount_value: 12.3456, currency: "EUR" }, 12.3456, null, "share"],
    [{ discount_type: "Percentage", discount_value: 100 }, 100, null, "all"],
  ];
  for (const [fields, value, currency, code] of cases) {
    const made = await coupon(ledger, { code, discount_type: "fixed", duration: "once", ...fields });
    assert.deepEqual([made.discount_value, made.currency], [value, currency], code);
    assert.deepEqual((await get(ledger, `/v1/coupons/${made.id}`)).json.data, made);
  }
});

test("a repeating coupon says for how many months, and no other does", async (t) => {
  const ledger = await startLedger(t);
  const made = await coupon(ledger, { duration: "repeating", duration_in_months: 3, product_ids: ["prod_1", "prod_2"] });
  assert.deepEqual([made.duration, made.duration_in_months, made.product_ids], ["repeating", 3, ["prod_1", "prod_2"]]);
  for (const fields of [
    { duration: "repeating" },
    { duration: "repeating", duration_in_months: 0 },
    { duration: "repeating", duration_in_months: -1 },
    { duration: "once", duration_in_months: 3 },
    { duration: "forever", duration_in_months: 3 },
  ]) {
    assertRefused(await post(ledger, "/v1/coupons", save25(ledger, { code: "x", ...fields })), "duration_in_months");
  }
});

test("what is wrong with a coupon is a 400 that names the field", async (t) => {
  const ledger = await startLedger(t);
  const fixed = { discount_type: "fixed" };
  for (const [field, fields] of [
    ["code", { code: "SAVE 25" }],
    ["code", { code: "SAVE_25" }],
    ["code", { code: "X".repeat(51) }],
    ["code", { code: null }],
    ["affiliate_id", { affiliate_id: null }],
    ["discount_type", { discount_type: "flat" }],
    ["discount_type", { discount_type: null }],
    ["discount_value", { discount_value: 0 }],
    ["discount_value", { discount_value: -5 }],
    ["discount_value", { discount_value: 100.1 }],
    ["discount_value", { discount_value: 0.00001 }],
    ["discount_value", { discount_value: null }],
    ["discount_value", { ...fixed, discount_value: 0 }],
    ["discount_value", { ...fixed, discount_value: -1 }],
    ["discount_value", { ...fixed, discount_value: 1.001 }],
    ["discount_value", { ...fixed, discount_value: 0.5, currency: "JPY" }],
    ["currency", { ...fixed, currency: "XXX" }],
    ["duration", { duration: "sometimes" }],
    ["duration", { duration: null }],
  ]) {
    assertRefused(await post(ledger, "/v1/coupons", save25(ledger, fields)), field);
  }
  assert.equal((await get(ledger, "/v1/coupons")).json.pagination.total, 0);
});

test("a code is one coupon's in its program in whichever case, also of many at once, and free again when it is removed", async (t) => {
  const ledger = await startLedger(t);
  const answers = await atOnce(10, (number) =>
    post(ledger, "/v1/coupons", save25(ledger, { code: number % 2 ? "summer" : "SUMMER" })),
  );
  assert.deepEqual(tally(answers), { 201: 1, 409: 9 });
  for (const answer of answers.filter(({ status }) => status === 409)) assertTaken(answer, "code");
  const { id } = answers.find(({ status }) => status === 201).json.data;
  const theirs = { ...save25(ledger, { code: "summer" }), affiliate_id: ledger.fixture.other.affiliate.id };
  assert.equal((await post(ledger, "/v1/coupons", theirs, { key: ledger.fixture.other.keys.live })).status, 201);

  const gone = await remove(ledger, `/v1/coupons/${id}`);
  assert.deepEqual([gone.status, gone.json], [200, { success: true, message: "Coupon deleted successfully" }]);
  assertUnknown(await remove(ledger, `/v1/coupons/${id}`));
  assertUnknown(await get(ledger, `/v1/coupons/${id}`));
  await coupon(ledger, { code: "Summer" });
});

test("a coupon needs an affiliate of its program who has not been deleted", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await enrol(ledger);
  const made = await coupon(ledger, { affiliate_id: id, code: "early" });
  await remove(ledger, `/v1/affiliates/${id}`);
  for (const affiliate_id of [id, "aff_none", ledger.fixture.other.affiliate.id]) {
    assertUnknown(await post(ledger, "/v1/coupons", save25(ledger, { affiliate_id })), "affiliate_id");
  }
  const { affiliate, ...rest } = (await get(ledger, `/v1/coupons/${made.id}?expand=affiliate`)).json.data;
  assert.deepEqual([affiliate, rest], [null, made]);
});

test("a repeated call with an Idempotency-Key makes one coupon", async (t) => {
  const ledger = await startLedger(t);
  const headers = { "idempotency-key": "one" };
  const [first, second] = [
    await post(ledger, "/v1/coupons", save25(ledger), { headers }),
    await post(ledger, "/v1/coupons", save25(ledger), { headers }),
  ];
  assert.deepEqual([first.status, second.status, second.json], [201, 201, first.json]);
  assertTaken(await post(ledger, "/v1/coupons", save25(ledger)), "code");
});

test("the list is filtered, sorted, paged and expanded", async (t) => {
  const ledger = await startLedger(t);
  const { affiliate: alice, program, other } = ledger.fixture;
  const bob = await enrol(ledger);
  const made = {};
  for (const [number, code] of ["banana", "apple", "cherry", "apricot"].entries()) {
    const { id } = await coupon(ledger, { code, affiliate_id: number % 2 ? bob.id : alice.id });
    await ledger.db.prepare("UPDATE coupon SET created_at = ? WHERE id = ?").bind(1000 * number, id).run();
    made[code] = id;
  }
  const codes = async (query) => {
    const answer = await get(ledger, `/v1/coupons?${query}`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json.data.map(({ code }) => code.toLowerCase());
  };
  const cases = [
    ["", ["apricot", "cherry", "apple", "banana"]],
    ["sort=created_at:asc", ["banana", "apple", "cherry", "apricot"]],
    ["sort=code", ["apple", "apricot", "banana", "cherry"]],
    ["sort=code:desc", ["cherry", "banana", "apricot", "apple"]],
    [`affiliate_id=${bob.id}`, ["apricot", "apple"]],
    ["affiliate_id=aff_none", []],
    [`program_id=${program.id}&search=ap`, ["apricot", "apple"]],
    [`program_id=${other.program.id}`, []],
    ["search=AN", ["banana"]],
    ["search=%25", []],
    ["limit=3&page=2", ["banana"]],
  ];
  for (const [query, expected] of cases) assert.deepEqual(await codes(query), expected, query);

  const { data } = (await get(ledger, "/v1/coupons?expand=affiliate&sort=code")).json;
  assert.deepEqual(
    data.map(({ affiliate }) => affiliate),
    [await shownAffiliate(ledger, bob.id), await shownAffiliate(ledger, bob.id)].concat([
      await shownAffiliate(ledger, alice.id),
      await shownAffiliate(ledger, alice.id),
    ]),
  );
  for (const query of ["page=0", "limit=201", "sort=value", "expand=affiliate,program"]) {
    assertRefused(await get(ledger, `/v1/coupons?${query}`), query.split("=")[0]);
  }
  assertRefused(await get(ledger, `/v1/coupons/${made.apple}?expand=program`), "expand");
});

test("a new coupon is told to subscribers, and who made and removed it is on record", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  await subscribe(ledger, receiver.url, { events: ["coupon.created"] });
  const made = await coupon(ledger, { duration: "repeating", duration_in_months: 2, product_ids: ["prod_1"] });
  await receiver.received(1);
  const [{ json }] = receiver.requests;
  assert.deepEqual([json.type, json.seq], ["coupon.created", 1]);
  assert.deepEqual(json.data, {
    couponId: made.id,
    affiliateId: made.affiliate_id,
    affiliateProgramId: made.program_id,
    code: "SAVE-25",
    discountType: "percentage",
    discountValue: 25,
    currency: null,
    duration: "repeating",
    durationInMonths: 2,
    productIds: ["prod_1"],
    createdAt: made.created_at,
  });
  await remove(ledger, `/v1/coupons/${made.id}`);
  const lines = await select(ledger, "SELECT seq, kind, actor FROM event WHERE subject = ? ORDER BY seq", made.id);
  assert.deepEqual(
    lines.map(({ seq, kind }) => [seq, kind]),
    [
      [1, "coupon.created"],
      [2, "coupon.deleted"],
    ],
  );
  for (const { actor } of lines) assert.match(actor, /^key:key_\w{22}$/);
});

test("coupons are their team's, and a test key changes none", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await coupon(ledger);
  const { keys, other } = ledger.fixture;
  for (let twice = 0; twice < 2; twice += 1) {
    assertUnknown(await get(ledger, `/v1/coupons/${id}`, { key: other.keys.live }));
    assertUnknown(await remove(ledger, `/v1/coupons/${id}`, { key: other.keys.live }));
    assertLiveKeyNeeded(await remove(ledger, `/v1/coupons/${id}`, { key: keys.test }));
    assertLiveKeyNeeded(await post(ledger, "/v1/coupons", save25(ledger, { code: "x" }), { key: keys.test }));
  }
  assert.equal((await get(ledger, "/v1/coupons", { key: other.keys.live })).json.pagination.total, 0);
  assert.equal((await get(ledger, `/v1/coupons/${id}`, { key: keys.test })).status, 200);
  assert.equal((await get(ledger, "/v1/coupons")).json.pagination.total, 1);
});
