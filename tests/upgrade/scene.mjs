// The history that the fixture holds, in calls and in what they come to: the sums are worked out by hand.
import assert from "node:assert/strict";
import { post, refund } from "../api/calls.mjs";
import { ended, payOut } from "../api/payout_calls.mjs";

export const KEYED = {
  path: "/v1/conversions",
  body: { external_user_id: "user_2", sale_amount: 80, external_event_id: "order_2" },
  headers: { "idempotency-key": "upgrade-order-2" },
};

/** The click that nobody has signed up by yet. */
export const WAITING = { trackingId: "alice", sub1: "waiting" };

const ok = (answer, ...statuses) => {
  assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.text}`);
  return answer.json.data;
};

async function customer(ledger, number, trackingId = "alice") {
  const { id } = ok(await post(ledger, "/v1/clicks", { trackingId }), 201);
  ok(await post(ledger, "/v1/signups", { click_id: id, external_user_id: `user_${number}`, email: `user${number}@example.com` }), 201);
}

/** Makes it. Every sale is of Alice's, at 30 %. */
export async function make(ledger) {
  for (const number of [1, 2, 3, 4]) await customer(ledger, number);
  const sale = (number, sale_amount) => ({ external_user_id: `user_${number}`, sale_amount, external_event_id: `order_${number}` });
  // 100.00 earns 30.00, and is paid out.
  ok(await post(ledger, "/v1/conversions", sale(1, 100)), 201);
  const [payout] = await payOut(ledger, { all: true });
  await ended(ledger, payout.id, "processing");
  await ended(ledger, payout.id, { status: "completed", transaction_id: "bank_1" });
  // 80.00 earns 24.00; a quarter of it is paid back, so 18.00 remain.
  ok(await post(ledger, KEYED.path, KEYED.body, { headers: KEYED.headers }), 201);
  ok(await refund(ledger, "order_2", { amount: 20, external_event_id: "refund_2" }), 200, 201);
  // 50.00 in the other dialect earns 15.00.
  const tracked = { customer_key: "user_3", transaction_id: "tx_3", amount_cents: 5_000, currency: "USD" };
  assert.equal((await post(ledger, "/api/v1/track/sale", tracked)).status, 200);
  // A refund whose sale never came, a sale of nobody's, and a test row.
  ok(await refund(ledger, "order_never", { amount: 5, external_event_id: "refund_never", allow_pending: true }), 202);
  await post(ledger, "/v1/conversions", { external_user_id: "nobody", sale_amount: 9, external_event_id: "order_nobody" });
  ok(await post(ledger, "/v1/clicks", { trackingId: "alice" }, { key: ledger.fixture.keys.test }), 201);
  ok(await post(ledger, "/v1/clicks", WAITING), 201);
}

/** What D1 says of live rows then. */
export const EXPECTED = {
  clicks: 5,
  referrals: 4,
  conversions: 3,
  sold: 23_000,
  refunded: 2_000,
  commissions: [
    { status: "paid", n: 1, earned: 3_000 },
    { status: "ready_for_payment", n: 2, earned: 3_300 },
  ],
  payouts: 1,
  parked: 1,
  unattributed: 1,
};
