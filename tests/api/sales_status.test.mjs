// How the payment of a sale goes on: `PUT /v1/conversions/{id}` and `PUT /v1/commissions/{id}` with `sales_status`, and
// what a sale then earns.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { atOnce, contents, get, post, refund, rowCounts, tally } from "./calls.mjs";
import {
  assertConflict,
  assertRefused,
  assertUnknown,
  commission,
  conversion,
  counted,
  customer,
  lines,
  named,
  put,
  remove,
  sell,
  told,
  withRecruiters,
} from "./commission_calls.mjs";

const move = (ledger, id, sales_status, options) => put(ledger, `/v1/conversions/${id}`, { sales_status }, options);

/** Moves a sale, and again, which changes nothing; what is shown then. */
async function moved(ledger, id, sales_status) {
  const answer = await move(ledger, id, sales_status);
  assert.equal(answer.status, 200, answer.text);
  const before = await contents(ledger);
  const again = await move(ledger, id, sales_status);
  assert.deepEqual([again.status, again.json.data], [200, answer.json.data]);
  assert.deepEqual(await contents(ledger), before);
  assert.deepEqual(await conversion(ledger, id), answer.json.data);
  return answer.json.data;
}

for (const first of ["open", "trialing", "failed"]) {
  test(`a sale that is ${first} earns nothing until it is complete`, async (t) => {
    const ledger = await startLedger(t);
    await withRecruiters(ledger);
    const referral = await customer(ledger);
    const sale = await sell(ledger, referral, { sale_amount: 99, sales_status: first });
    assert.deepEqual(
      [sale.sales_status, sale.commission_amount, sale.status, sale.reason, sale.attributed],
      [first, null, null, "sale_not_complete", true],
    );
    assert.equal(await counted(ledger, referral), 0);
    const complete = await moved(ledger, sale.id, "complete");
    assert.deepEqual(
      [complete.sales_status, complete.commission_amount, complete.status, complete.reason],
      ["complete", 29.7, "ready_for_payment", "commission_earned"],
    );
    // A tenth of 29.70, and five hundredths of 99.00.
    assert.deepEqual(
      complete.levels.map(({ commission_amount }) => commission_amount),
      [2.97, 4.95],
    );
    assert.deepEqual([await counted(ledger, referral), (await commission(ledger, sale.id)).status], [29.7, "ready_for_payment"]);
    const { status } = (await get(ledger, `/v1/referrals/${referral}`)).json.data;
    assert.equal(status, "customer");
    assert.deepEqual((await lines(ledger, referral)).at(-1), "sale.status_changed: sales_status_changed");
    assert.equal((await told(ledger)).filter((type) => type === "referral.converted").length, 1);
    assert.equal((await rowCounts(ledger)).commission, 3);
  });
}

test("a payment goes by the published table, and back from nothing that is final", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await sell(ledger, await customer(ledger), { sales_status: "open" });
  for (const next of ["trialing", "open", "failed", "trialing", "failed", "open", "complete"]) {
    assert.equal((await moved(ledger, id, next)).sales_status, next);
  }
  for (const next of ["open", "trialing", "failed"]) {
    assertConflict(await move(ledger, id, next), "INVALID_STATUS_TRANSITION", "sales_status");
  }
  await moved(ledger, id, "refunded");
  for (const next of ["open", "trialing", "failed", "complete"]) {
    assertConflict(await move(ledger, id, next), "INVALID_STATUS_TRANSITION", "sales_status");
  }
});

test("what was never complete cannot be paid back, and what was told as paid back is final", async (t) => {
  const ledger = await startLedger(t);
  for (const sales_status of ["open", "trialing", "failed"]) {
    const { id } = await sell(ledger, await customer(ledger), { sales_status });
    assertConflict(await move(ledger, id, "refunded"), "INVALID_STATUS_TRANSITION", "sales_status");
  }
  const told = await sell(ledger, await customer(ledger), { sales_status: "refunded" });
  assert.deepEqual([(await moved(ledger, told.id, "refunded")).sale_amount, told.commission_amount], [100, null]);
  assertConflict(await move(ledger, told.id, "complete"), "INVALID_STATUS_TRANSITION", "sales_status");
});

test("refunded pays all that remains back, as the route of refunds does", async (t) => {
  const ledger = await startLedger(t);
  await withRecruiters(ledger);
  const referral = await customer(ledger);
  const sale = await sell(ledger, referral);
  await refund(ledger, sale.id, { amount: 40 });
  const gone = await moved(ledger, sale.id, "refunded");
  assert.deepEqual(
    [gone.sales_status, gone.sale_amount, gone.commission_amount, gone.status],
    ["refunded", 0, 0, "refunded"],
  );
  assert.deepEqual(
    gone.levels.map(({ commission_amount, status }) => [commission_amount, status]),
    [
      [0, "refunded"],
      [0, "refunded"],
    ],
  );
  assert.deepEqual([await counted(ledger, referral), (await rowCounts(ledger)).refund], [0, 2]);
  assert.equal((await lines(ledger, referral)).at(-1), "sale.refunded: sale_refunded");
});

test("part of a refund needs an amount, and the route that takes it", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sell(ledger, await customer(ledger));
  for (const path of [`/v1/conversions/${sale.id}`, `/v1/commissions/${sale.earning_id}`]) {
    const answer = await put(ledger, path, { sales_status: "partial_refunded" });
    assertRefused(answer, "sales_status");
    assert.match(answer.json.error.message, /\/refund/);
  }
});

test("a commission's own id moves its sale as well, and shows the commission", async (t) => {
  const ledger = await startLedger(t);
  await withRecruiters(ledger);
  const opened = await sell(ledger, await customer(ledger), { sales_status: "open" });
  const complete = await put(ledger, `/v1/commissions/${opened.id}`, { sales_status: "complete" });
  assert.equal(complete.status, 200, complete.text);
  const { data } = complete.json;
  assert.match(data.id, /^com_/);
  assert.deepEqual([data.conversion_id, data.commission_amount, data.sales_status], [opened.id, 30, "complete"]);
  assert.deepEqual(await commission(ledger, data.id), data);
  const [level] = (await conversion(ledger, opened.id)).levels;
  const answer = await put(ledger, `/v1/commissions/${level.earning_id}`, { sales_status: "refunded" });
  assert.deepEqual(
    [answer.json.data.id, answer.json.data.commission_amount, answer.json.data.sales_status],
    [level.earning_id, 0, "refunded"],
  );
  assert.equal((await commission(ledger, data.id)).status, "refunded");
});

test("the incentives in force when it is complete decide", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ id: "inc_all", percent: "30" }] });
  const { id } = await sell(ledger, await customer(ledger), { sales_status: "open" });
  const path = `/v1/program/groups/${ledger.fixture.group.id}/incentives/inc_all`;
  const patched = await ledger.request("PATCH", path, { key: ledger.fixture.keys.live, body: { amount: 50 } });
  assert.equal(patched.status, 200, patched.text);
  assert.equal((await moved(ledger, id, "complete")).commission_amount, 50);
});

test("what the caller asked of the commission's status counts when it is made", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await sell(ledger, await customer(ledger), { sales_status: "open", status: "pending_manual_approval" });
  assert.equal((await moved(ledger, id, "complete")).status, "pending_manual_approval");
});

test("the cap counts what came meanwhile", async (t) => {
  const ledger = await startLedger(t, { incentives: [{ percent: "30", cap_minor: 4000 }] });
  const referral = await customer(ledger);
  const { id } = await sell(ledger, referral, { sales_status: "open" });
  await sell(ledger, referral);
  const complete = await moved(ledger, id, "complete");
  assert.deepEqual([complete.commission_amount, complete.reason], [10, "reduced_to_cap"]);
});

test("a commission that its owner named stands, however the payment goes", async (t) => {
  const ledger = await startLedger(t);
  const referral_id = await customer(ledger);
  const { id, conversion_id } = await named(ledger, { referral_id, sales_status: "open" });
  const complete = await moved(ledger, conversion_id, "complete");
  assert.deepEqual([complete.earning_id, complete.commission_amount], [id, 12]);
  const { id: removed, conversion_id: sale } = await named(ledger, { referral_id });
  await remove(ledger, `/v1/commissions/${removed}`);
  assertConflict(await move(ledger, sale, "open"), "INVALID_STATUS_TRANSITION", "sales_status");
});

test("a sale completed by twenty calls at once earns once", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const referral = await customer(ledger);
  const { id } = await sell(ledger, referral, { sales_status: "open" });
  const answers = await atOnce(20, () => move(ledger, id, "complete"));
  assert.deepEqual(tally(answers), { 200: 20 });
  assert.equal(new Set(answers.map(({ json }) => json.data.earning_id)).size, 1);
  assert.deepEqual([await counted(ledger, referral), (await rowCounts(ledger)).commission], [30, 1]);
});

test("an Idempotency-Key answers the same again, whatever happened since", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await sell(ledger, await customer(ledger), { sales_status: "open" });
  const options = { headers: { "idempotency-key": "key_1" } };
  const first = await move(ledger, id, "trialing", options);
  await moved(ledger, id, "complete");
  const again = await move(ledger, id, "trialing", options);
  assert.deepEqual([again.status, again.text, again.headers.get("idempotent-replayed")], [200, first.text, "true"]);
  assert.equal((await conversion(ledger, id)).sales_status, "complete");
});

test("a wrong body is a 400 that names the field, and an unknown sale a 404", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await sell(ledger, await customer(ledger));
  for (const body of [{}, { sales_status: "paid" }, { sales_status: 5 }, { status: "complete" }]) {
    assertRefused(await put(ledger, `/v1/conversions/${id}`, body), "sales_status");
  }
  for (const unknown of ["conv_none", "unattributed_none"]) assertUnknown(await move(ledger, unknown, "complete"));
  assert.equal((await post(ledger, `/v1/conversions/${id}`, { sales_status: "complete" })).status, 405);
});
