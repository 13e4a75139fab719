// The restore drill (docs/operate.md): a filled ledger goes back to an earlier state of its database. Sums are those of then;
// what was acknowledged since and is sent again is recorded, not swallowed; clicks are still in their shards.
// CUSTOMERS: how many the ledger has.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { click, eventually, get, latestClicks, post, select, signedUp } from "../api/calls.mjs";
import { startTelling, subscribe } from "../api/webhook_calls.mjs";
import { startReceiver } from "../support/receiver.mjs";
import { backTo, exported, imported, keptPoint, wiped } from "./backup.mjs";
import { counted, fill, late, lateRows, sale, sums } from "./history.mjs";

const CUSTOMERS = Number(process.env.CUSTOMERS || 12);
/** Every customer's, and a second one of every other. */
const CLICKS = CUSTOMERS + Math.ceil(CUSTOMERS / 2);
const ALL_LATE = { referrals: 1, sales: 3, refunds: 1, affiliates: 1 };
const NONE_LATE = { referrals: 0, sales: 0, refunds: 0, affiliates: 0 };

async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "clickledger-restore-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A ledger with a history, a subscriber who heard all of it, and its sums. */
async function filled(t) {
  const receiver = await startReceiver(t);
  const ledger = await startTelling(t);
  await subscribe(ledger, receiver.url);
  await fill(ledger, CUSTOMERS);
  await counted(ledger, CLICKS);
  return { ledger, receiver, before: await sums(ledger) };
}

/** The subscriber has heard all that was ever promised. */
const heardAll = (ledger, receiver) =>
  eventually(async () => {
    const [{ n }] = await select(ledger, "SELECT SUM(json_array_length(messages)) AS n FROM event WHERE is_test = 0");
    assert.equal(receiver.requests.length, n);
  }, 90_000);

const ids = (receiver) => receiver.requests.map(({ json }) => json.id);

const total = (counts) => counts.reduce((sum, { n }) => sum + n, 0);

/** Restored and opened again: what was lost is recorded when it is sent again, what was not is known. */
async function assertTakenUpAgain({ ledger, receiver, before, clickId, heard }) {
  const { clicks, ...restored } = await sums(ledger);
  const { clicks: clicksBefore, ...then } = before;
  assert.deepEqual(restored, then);
  // A shard may have sent the count of the click that came since: it has lost none.
  const more = total(clicks) - total(clicksBefore);
  assert.ok(more === 0 || more === 1, `${more} clicks`);
  assert.deepEqual(await lateRows(ledger), NONE_LATE);
  await ledger.restart({ vars: { LEDGER_PAUSED: "", LEDGER_EPOCH: "1" } });
  const { json } = await get(ledger, "/healthz", { key: null });
  assert.deepEqual([json.epoch, json.paused], [1, false]);

  for (let number = 0; number < CUSTOMERS; number += 1) assert.equal((await sale(ledger, number)).status, 200);
  await late(ledger, { clickId });
  assert.deepEqual(await lateRows(ledger), ALL_LATE);
  await assertHeard({ ledger, receiver, heard });
}

/** Nothing of the new epoch is left out, and none of it bears an id that the subscriber knows. */
async function assertHeard({ ledger, receiver, heard }) {
  const told = await select(
    ledger,
    "SELECT COALESCE(SUM(json_array_length(messages)), 0) AS n FROM event WHERE position > 1099511627776 AND is_test = 0",
  );
  assert.ok(told[0].n >= 5, "each of the late calls but the affiliate's tells something");
  await receiver.received(heard.length + told[0].n, 90_000);
  const now = ids(receiver);
  assert.deepEqual(now.slice(0, heard.length), heard);
  assert.equal(now.length, heard.length + told[0].n);
  assert.equal(new Set(now).size, now.length, "an id that stands for two things");
}

test("exported, wiped and restored from the export, with the objects as they were", async (t) => {
  const { ledger, receiver, before } = await filled(t);
  const backup = await exported(ledger);
  const clickId = await click(ledger);
  await late(ledger, { clickId });
  await heardAll(ledger, receiver);
  const heard = ids(receiver);

  await ledger.restart({ vars: { LEDGER_PAUSED: "1" } });
  await assertPaused(ledger);
  await ledger.restart({ meanwhile: () => wiped(ledger, "d1") });
  await imported(ledger, backup);
  await assertTakenUpAgain({ ledger, receiver, before, clickId, heard });

  // The click of before the restore and the one during the pause: kept by their shards, counted again without any other.
  await counted(ledger, CLICKS + 2);
  assert.ok((await latestClicks(ledger)).some(({ id }) => id === clickId));
});

test("back to an earlier point, while the objects keep their later state", async (t) => {
  const { ledger, receiver, before } = await filled(t);
  const point = join(await folder(t), "point");
  await ledger.restart({ meanwhile: () => keptPoint(ledger, point) });
  const clickId = await click(ledger);
  const keyed = { headers: { "idempotency-key": "late-click" } };
  const lateClick = await post(ledger, "/v1/clicks", { trackingId: "bob" }, keyed);
  assert.equal(lateClick.status, 201);
  await late(ledger, { clickId });
  await counted(ledger, CLICKS + 2);
  await heardAll(ledger, receiver);
  const heard = ids(receiver);

  await ledger.restart({ vars: { LEDGER_PAUSED: "1" }, meanwhile: () => backTo(ledger, point) });
  // D1 has the counts of then, and the shards believe that it has all.
  const [{ n }] = await select(ledger, "SELECT SUM(clicks) AS n FROM click_count");
  assert.equal(n, CLICKS);
  await assertTakenUpAgain({ ledger, receiver, before, clickId, heard });

  await counted(ledger, CLICKS + 2);
  // The click was never lost: its key finds it, and it is not counted again.
  const again = await post(ledger, "/v1/clicks", { trackingId: "bob" }, keyed);
  assert.deepEqual([again.status, again.json.data.id], [201, lateClick.json.data.id]);
  assert.equal(again.headers.get("idempotent-replayed"), "true");
});

test("restored into an empty account: the export is all that is left", async (t) => {
  const { ledger, before } = await filled(t);
  const backup = await exported(ledger);
  await ledger.restart({
    vars: { LEDGER_EPOCH: "1" },
    meanwhile: async () => {
      await wiped(ledger, "d1");
      await wiped(ledger, "do");
    },
  });
  await imported(ledger, backup);
  assert.deepEqual(await sums(ledger), before);
  for (let number = 0; number < CUSTOMERS; number += 1) assert.equal((await sale(ledger, number)).status, 200);
  assert.deepEqual(await sums(ledger), before);
  const id = await signedUp(ledger, "new_user", { trackingId: "carol" });
  const body = { referral_id: id, sale_amount: 10, external_event_id: "new_1" };
  assert.equal((await post(ledger, "/v1/conversions", body)).status, 201);
});

/** While a restore is under way: clicks are taken, reads are answered, everything else is told to come again. */
async function assertPaused(ledger) {
  const health = (await get(ledger, "/healthz", { key: null })).json;
  assert.deepEqual([health.status, health.paused], ["ok", true]);
  const calls = [
    sale(ledger, 0),
    post(ledger, "/v1/signups", { click_id: "ref_none", external_user_id: "user_1" }),
    post(ledger, "/v1/affiliates", { name: "Paused" }),
    post(ledger, "/api/v1/track/sale", { customer_key: "user_1", transaction_id: "t", amount_cents: 1 }),
    ledger.request("PATCH", "/v1/program", { key: ledger.fixture.keys.live, body: { name: "Paused" } }),
  ];
  for (const answer of await Promise.all(calls)) {
    assert.equal(answer.status, 503, answer.text);
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
  }
  assert.equal((await get(ledger, "/v1/referrals")).status, 200);
  await click(ledger, { trackingId: "bob" });
}
