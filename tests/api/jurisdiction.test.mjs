// JURISDICTION: every object is asked for within it, and health says which it is.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { product } from "../support/runtime.mjs";
import { get, post } from "./calls.mjs";

async function start(t, jurisdiction) {
  const entry = await readFile(join(import.meta.dirname, "../support/with_jurisdiction.js"), "utf8");
  return startLedger(t, { worker: { ...product, entry }, vars: { JURISDICTION: jurisdiction } });
}

/** The objects that were asked for so far. */
async function asked(ledger) {
  const response = await fetch(`${ledger.url}/asked`);
  return response.json();
}

test("within a jurisdiction every object is asked for there, by the same name and with the same region", async (t) => {
  const ledger = await start(t, "eu");
  const answer = await post(ledger, "/v1/clicks", { trackingId: "alice" });
  assert.equal(answer.status, 201, answer.text);
  const health = await get(ledger, "/healthz", { key: null });
  assert.deepEqual([health.status, health.json.jurisdiction], [200, "eu"]);
  const found = await asked(ledger);
  const kinds = new Set(found.map(({ name }) => name.replace(/-\d+$|_.*$/, "")));
  for (const kind of ["shard", "scheduler"]) assert.ok(kinds.has(kind), JSON.stringify([...kinds]));
  for (const { name, jurisdiction, location } of found) {
    // What counts a key's calls is near its caller.
    const near = name.startsWith("key_") ? null : "weur";
    assert.deepEqual([name, jurisdiction, location], [name, "eu", near]);
  }
});

test("without one no object is restricted", async (t) => {
  const ledger = await start(t, "");
  await post(ledger, "/v1/clicks", { trackingId: "alice" });
  const found = await asked(ledger);
  assert.ok(found.length > 0);
  for (const { jurisdiction } of found) assert.equal(jurisdiction, null);
});
