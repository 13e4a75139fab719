// What the tests of this folder share: a customer's way through the API, calls made at once, and what D1 then holds.
import assert from "node:assert/strict";
import { letters } from "../support/ledger.mjs";

const TABLES = [
  "referral",
  "identity",
  "conversion",
  "commission",
  "sale_key",
  "refund",
  "parked_refund",
  "event",
  "unattributed_sale",
  "test_event",
  "webhook_endpoint",
  "payout",
  "payout_line",
  "coupon",
  "exchange_rate",
];

/** Who must not reach the rows that were made `of` a key of the first team, and the key that they come with. */
export const STRANGERS = [
  { name: "another team", of: "live", by: ({ other }) => other.keys.live },
  { name: "another team's test key", of: "live", by: ({ other }) => other.keys.test },
  { name: "the team's own test key", of: "live", by: ({ keys }) => keys.test },
  { name: "the team's live key, of test rows", of: "test", by: ({ keys }) => keys.live },
  { name: "another team's test key, of test rows", of: "test", by: ({ other }) => other.keys.test },
];

/** Posts with the team's live key, or with another one (null: none). */
export function post(ledger, path, body, { key = ledger.fixture.keys.live, headers } = {}) {
  return ledger.request("POST", path, { key: key ?? undefined, body, headers });
}

export function get(ledger, path, { key = ledger.fixture.keys.live, headers } = {}) {
  return ledger.request("GET", path, { key: key ?? undefined, headers });
}

/** A call as a page makes it without a preflight: JSON in text/plain, no key. */
export const fromPage = (ledger, path, body, { origin = "https://shop.example", ...headers } = {}) =>
  post(ledger, path, JSON.stringify(body), {
    key: null,
    headers: { "content-type": "text/plain;charset=UTF-8", ...(origin === null ? {} : { origin }), ...headers },
  });

/** A click through a link of the key's program; its id. */
export async function click(ledger, { key, trackingId = ledger.fixture.affiliate.trackingId, ...fields } = {}) {
  const answer = await post(ledger, "/v1/clicks", { trackingId, ...fields }, { key });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data.id;
}

/** A customer who clicked and signed up under this user id; the referral's id. */
export async function signedUp(ledger, userId, { key, trackingId } = {}) {
  const id = await click(ledger, { key, trackingId });
  const answer = await post(ledger, "/v1/signups", { click_id: id, external_user_id: userId }, { key });
  assert.equal(answer.status, 201, answer.text);
  return id;
}

/** A sale of 99.00 USD by a new customer, through Affonso's dialect; what its answer says. */
export async function sold(ledger, saleKey, { key, trackingId, ...fields } = {}) {
  const referral_id = await signedUp(ledger, unique("user"), { key, trackingId });
  const body = { referral_id, sale_amount: 99, external_event_id: saleKey, ...fields };
  const answer = await post(ledger, "/v1/conversions", body, { key });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

/** A refund in Affonso's dialect; `sale` is the conversion's id or the sale's external_event_id. */
export const refund = (ledger, sale, body, options) =>
  post(ledger, `/v1/conversions/${encodeURIComponent(sale)}/refund`, body, options);

/** A refund in Affitor's dialect. */
export const trackRefund = (ledger, body, { key = ledger.fixture.keys.token, ...options } = {}) =>
  post(ledger, "/api/v1/track/refund", body, { key, ...options });

/** What a sale was, what of it was paid back, and what it earns. */
export async function saleInDatabase(ledger, saleKey) {
  const [row] = await select(
    ledger,
    "SELECT v.amount_minor AS sold, v.refunded_minor AS refunded, v.sales_status, c.amount_minor AS earned, " +
      "c.status, (SELECT COUNT(*) FROM refund WHERE conversion_id = v.id) AS refunds " +
      "FROM conversion v LEFT JOIN commission c ON c.id = v.commission_id WHERE v.sale_key = ? AND v.is_test = 0",
    saleKey,
  );
  return row;
}

/** Makes `count` calls at once; `call` is given the number of each, from 0. */
export function atOnce(count, call) {
  return Promise.all(Array.from({ length: count }, (_, number) => call(number)));
}

/** How often each status was answered: `{ 200: 49, 201: 1 }`. */
export function tally(answers) {
  return Object.fromEntries(
    [...Map.groupBy(answers, ({ status }) => status)].map(([status, all]) => [status, all.length]),
  );
}

export async function select(ledger, sql, ...values) {
  const { results } = await ledger.db
    .prepare(sql)
    .bind(...values)
    .all();
  return results;
}

/** Every row of every table that a call could write, in a fixed order. */
export async function contents(ledger) {
  const tables = TABLES.map(async (table) => [
    table,
    await select(ledger, `SELECT * FROM ${table} ORDER BY 1, 2, 3, 4`),
  ]);
  return Object.fromEntries(await Promise.all(tables));
}

/** How many rows each table has; tables without any are left out. */
export async function rowCounts(ledger) {
  const filled = Object.entries(await contents(ledger)).filter(([, rows]) => rows.length > 0);
  return Object.fromEntries(filled.map(([table, rows]) => [table, rows.length]));
}

/** The latest clicks of a key's program, out of the shards. */
export async function latestClicks(ledger, options) {
  const answer = await get(ledger, "/dashboard/overview", options);
  assert.equal(answer.status, 200, answer.text);
  return answer.json.clicks;
}

/** Nothing changes what was committed: not a new process either. */
export async function assertKeptOverRestart(ledger) {
  const before = await contents(ledger);
  await ledger.restart();
  assert.deepEqual(await contents(ledger), before);
}

/** The shard that an id names: its second and third digit. */
export const shardOf = (id) => Number.parseInt(id.slice(5, 7), 36);

/** Tries until `check` does not throw any more, for at most so long. */
export async function eventually(check, milliseconds = 5_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

/** A text that nobody has used before. */
export const unique = (prefix) => `${prefix}_${letters(10)}`;

/** Adds an approved affiliate; its id. */
export async function addAffiliate(ledger, { trackingId, owner = ledger.fixture, partnership = "approved" }) {
  const id = `aff_${letters(22)}`;
  const sql =
    "INSERT INTO affiliate (id, team_id, program_id, group_id, tracking_id, name, partnership, created_at) " +
    "VALUES (?, ?, ?, ?, ?, ?, ?, 0)";
  const values = [id, owner.team.id, owner.program.id, owner.group.id, trackingId, trackingId, partnership];
  await ledger.db
    .prepare(sql)
    .bind(...values)
    .run();
  return id;
}
