// A trap in a shard ends an instance in the middle of other calls: nothing that was acknowledged is lost or there twice,
// whoever was waiting is told to try again, and the next call of the shard is served.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { audit } from "../crash/audit.mjs";
import { History, INCENTIVES, enoughAnswers, underLoad } from "../crash/load.mjs";
import { startLedger } from "../support/ledger.mjs";
import { product } from "../support/runtime.mjs";
import { assertError } from "./routes.mjs";

const TRAPS = 5;
const ACKS_PER_TRAP = 120;
const CUSTOMERS = 12;

const withTraps = async (t, options) => {
  const entry = await readFile(join(import.meta.dirname, "../support/with_object_traps.js"), "utf8");
  return startLedger(t, { worker: { ...product, entry }, ...options });
};

const traps = async (ledger, method) => (await fetch(`${ledger.url}/traps`, { method })).json();

for (const [path, key, body, code] of [
  ["/v1/clicks", "live", { trackingId: "alice" }, "SERVICE_UNAVAILABLE"],
  ["/api/v1/track/click", undefined, { affiliate_url: "https://shop.example/?aff=alice" }, undefined],
]) {
  test(`${path}: who called a shard that traps is told to try again, and then served`, async (t) => {
    const ledger = await withTraps(t, { log: [] });
    const call = () => ledger.request("POST", path, { key: key && ledger.fixture.keys[key], body });
    assert.ok((await call()).status < 300);
    await traps(ledger, "POST");
    const answer = await call();
    assertError(path, answer, 503, code);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal(await traps(ledger, "GET"), 1);
    assert.ok((await call()).status < 300);
  });
}

test("traps in shards under load lose nothing acknowledged, and the next call is served", { timeout: 180_000 }, async (t) => {
  const ledger = await withTraps(t, { incentives: INCENTIVES, log: [] });
  const history = new History();
  const served = [];

  await underLoad(ledger, history, CUSTOMERS, async (load) => {
    for (let trap = 1; trap <= TRAPS; trap += 1) {
      await enoughAnswers(history, trap * ACKS_PER_TRAP);
      served.push(await trapped(ledger));
    }
    await enoughAnswers(history, (TRAPS + 1) * ACKS_PER_TRAP);
    load.ended = true;
  });

  console.log(`all shards answered after ${served.map((milliseconds) => Math.round(milliseconds)).join(", ")} ms`);
  const median = served.toSorted((one, other) => one - other)[TRAPS >> 1];
  assert.ok(median < 1_000);
  await audit(ledger, history, `${TRAPS} traps`, Date.now());
});

/** Has a shard trap; milliseconds from then on until all of them answer: the dashboard asks each for its latest clicks. */
async function trapped(ledger) {
  const before = await traps(ledger, "POST");
  while ((await traps(ledger, "GET")) === before) await sleep(1);
  const since = performance.now();
  for (;;) {
    const key = ledger.fixture.keys.live;
    const answer = await ledger.request("GET", "/dashboard/overview", { key }).catch(() => undefined);
    if (answer?.status === 200) return performance.now() - since;
  }
}
