// A panic ends an instance in the middle of other calls: nothing that it or another one had acknowledged is lost or there
// twice, and the next call is served.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { audit } from "../crash/audit.mjs";
import { History, INCENTIVES, enoughAnswers, underLoad } from "../crash/load.mjs";
import { startLedger } from "../support/ledger.mjs";
import { product } from "../support/runtime.mjs";

const PANICS = 5;
const ACKS_PER_PANIC = 120;
const CUSTOMERS = 12;

test("panics under load lose nothing acknowledged, and the next call is served", { timeout: 180_000 }, async (t) => {
  const entry = await readFile(join(import.meta.dirname, "../support/with_panics.js"), "utf8");
  const log = [];
  const ledger = await startLedger(t, { incentives: INCENTIVES, worker: { ...product, entry }, log });
  const history = new History();
  const served = [];

  await underLoad(ledger, history, CUSTOMERS, async (load) => {
    for (let panic = 1; panic <= PANICS; panic += 1) {
      await enoughAnswers(history, panic * ACKS_PER_PANIC);
      served.push(await panicked(ledger));
    }
    await enoughAnswers(history, (PANICS + 1) * ACKS_PER_PANIC);
    load.ended = true;
  });

  console.log(`the next call was served after ${served.map((milliseconds) => Math.round(milliseconds)).join(", ")} ms`);
  const median = served.toSorted((one, other) => one - other)[PANICS >> 1];
  assert.ok(median < 1_000);
  const reset = log.filter(({ message }) => message.includes("Reinitializing Wasm application"));
  assert.ok(reset.length > 0, "no instance was reset");
  await audit(ledger, history, `${PANICS} panics`, Date.now());
});

/** Has the Worker panic; milliseconds from then on until a call is answered well. */
async function panicked(ledger) {
  const panics = async (method) => (await fetch(`${ledger.url}/panics`, { method })).json();
  const before = await panics("POST");
  while ((await panics("GET")) === before) await sleep(1);
  const since = performance.now();
  for (;;) {
    const answer = await ledger.request("GET", "/v1/affiliates", { key: ledger.fixture.keys.live }).catch(() => undefined);
    if (answer?.status === 200) return performance.now() - since;
  }
}
