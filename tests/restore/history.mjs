// A ledger with a history, what was acknowledged after its backup, and its sums.
import assert from "node:assert/strict";
import { addAffiliate, click, eventually, get, post, refund, select } from "../api/calls.mjs";
import { ended, payOut } from "../api/payout_calls.mjs";

const AFFILIATES = ["alice", "bob", "carol"];

const ok = (answer, ...statuses) => {
  assert.ok(statuses.includes(answer.status), `${answer.status} ${answer.text}`);
  return answer;
};

/** Clicks, sign-ups, sales in both dialects, refunds and a payout, spread over three affiliates. */
export async function fill(ledger, customers) {
  for (const trackingId of AFFILIATES.slice(1)) await addAffiliate(ledger, { trackingId });
  for (let number = 0; number < customers; number += 1) {
    const trackingId = AFFILIATES[number % AFFILIATES.length];
    const id = await click(ledger, { trackingId });
    if (number % 2 === 0) await click(ledger, { trackingId });
    ok(await post(ledger, "/v1/signups", { click_id: id, external_user_id: `user_${number}` }), 201);
    ok(await sale(ledger, number), 201);
    const transaction = { customer_key: `user_${number}`, transaction_id: `tx_${number}`, amount_cents: 1_000 + number, currency: "USD" };
    if (number % 3 === 0) ok(await post(ledger, "/api/v1/track/sale", transaction), 200);
    if (number % 4 === 0) ok(await refund(ledger, `order_${number}`, { amount: 5, external_event_id: `refund_${number}` }), 200, 201);
  }
  const [made] = await payOut(ledger, { all: true });
  await ended(ledger, made.id, "processing");
  await ended(ledger, made.id, { status: "completed", transaction_id: "bank_1" });
}

export const sale = (ledger, number) =>
  post(ledger, "/v1/conversions", {
    external_user_id: `user_${number}`,
    sale_amount: 20 + number,
    external_event_id: `order_${number}`,
  });

/** By affiliate: clicks, customers, what was sold, paid back and earned, and how far it was paid. */
export async function sums(ledger) {
  const [clicks, referrals, sales, commissions, paid] = await Promise.all([
    select(ledger, "SELECT affiliate_id AS id, SUM(clicks) AS n FROM click_count GROUP BY 1 ORDER BY 1"),
    select(ledger, "SELECT affiliate_id AS id, status, COUNT(*) AS n FROM referral GROUP BY 1, 2 ORDER BY 1, 2"),
    select(
      ledger,
      "SELECT affiliate_id AS id, COUNT(*) AS n, SUM(amount_minor) AS sold, SUM(refunded_minor) AS refunded " +
        "FROM conversion GROUP BY 1 ORDER BY 1",
    ),
    select(
      ledger,
      "SELECT affiliate_id AS id, status, COUNT(*) AS n, SUM(amount_minor) AS earned FROM commission GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    select(
      ledger,
      "SELECT p.affiliate_id AS id, p.status, COUNT(*) AS n, SUM(l.amount_minor) AS amount " +
        "FROM payout p JOIN payout_line l ON l.payout_id = p.id GROUP BY 1, 2 ORDER BY 1, 2",
    ),
  ]);
  const summary = ok(await get(ledger, "/v1/commissions/summary"), 200).json;
  return { clicks, referrals, sales, commissions, paid, summary };
}

/** Waits until D1 has counted so many clicks. The scheduler, which health wakes, has a shard send what no click does. */
export const counted = (ledger, clicks) =>
  eventually(async () => {
    ok(await get(ledger, "/healthz", { key: null }), 200);
    const [{ n }] = await select(ledger, "SELECT COALESCE(SUM(clicks), 0) AS n FROM click_count");
    assert.equal(n, clicks);
  }, 90_000);

/**
 * Calls that come after the backup: each is acknowledged as something new, and again when it is repeated after a restore
 * that took it back. `is_new` says whether an answer is that of something new.
 */
export const LATE = [
  {
    name: "a sign-up",
    call: (ledger, { clickId }) => post(ledger, "/v1/signups", { click_id: clickId, external_user_id: "late_user" }),
    isNew: ({ status, headers }) => status === 201 && headers.get("idempotent-replayed") === null,
  },
  {
    name: "a sale by its natural key",
    call: (ledger) => post(ledger, "/v1/conversions", { external_user_id: "user_0", sale_amount: 50, external_event_id: "late_1" }),
    isNew: ({ status }) => status === 201,
  },
  {
    name: "a sale by its Idempotency-Key",
    call: (ledger) =>
      post(
        ledger,
        "/v1/conversions",
        { external_user_id: "user_1", sale_amount: 60, external_event_id: "late_2" },
        { headers: { "idempotency-key": "late-2" } },
      ),
    isNew: ({ status, headers }) => status === 201 && headers.get("idempotent-replayed") === null,
  },
  {
    name: "a sale in the other dialect",
    call: (ledger) =>
      post(ledger, "/api/v1/track/sale", { customer_key: "user_2", transaction_id: "late_3", amount_cents: 7_000, currency: "USD" }),
    isNew: ({ status }) => status === 200,
  },
  {
    name: "a refund",
    call: (ledger) => refund(ledger, "order_1", { amount: 3, external_event_id: "late_refund" }),
    isNew: ({ status, json }) => [200, 201].includes(status) && json.data !== undefined,
  },
  {
    name: "an affiliate, by the Idempotency-Key of a route that is not the ledger's",
    call: (ledger) =>
      post(
        ledger,
        "/v1/affiliates",
        { name: "Late", email: "late@example.com" },
        { headers: { "idempotency-key": "late-affiliate" } },
      ),
    isNew: ({ status, headers }) => status === 201 && headers.get("idempotent-replayed") === null,
  },
];

/** Makes every late call; the answers. */
export async function late(ledger, scene) {
  const answers = [];
  for (const { name, call, isNew } of LATE) {
    const answer = await call(ledger, scene);
    assert.ok(isNew(answer), `${name}: ${answer.status} ${answer.text}`);
    answers.push(answer);
  }
  return answers;
}

/** What the late calls left in D1. */
export async function lateRows(ledger) {
  const [row] = await select(
    ledger,
    "SELECT (SELECT COUNT(*) FROM referral WHERE external_user_id = 'late_user') AS referrals, " +
      "(SELECT COUNT(*) FROM conversion WHERE sale_key IN ('late_1', 'late_2', 'late_3')) AS sales, " +
      "(SELECT COUNT(*) FROM refund WHERE refund_key = 'late_refund') AS refunds, " +
      "(SELECT COUNT(*) FROM affiliate WHERE email = 'late@example.com') AS affiliates",
  );
  return row;
}
