// Reads the platform's own counters of rows written, in a pass of its own: counting_entry.mjs stands before the built
// Worker and notes what D1 and the object's SQL answer. The Worker is the same, byte for byte; what is measured for
// speed runs without that module.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { post } from "./contestants.mjs";

/** The entry module answers here with what it has noted since it was last asked. */
const COUNTS_PATH = "/counts";

/** The same Worker behind the module that counts. */
export async function counted(worker) {
  const entry = await readFile(join(import.meta.dirname, "counting_entry.mjs"), "utf8");
  return { ...worker, entry, objects: { CLICK_LEDGER: "CountedObject" } };
}

/** Calls of each kind that are counted. */
const CALLS = 200;

/** By then a shard's alarm has carried its counts, found nothing new and stopped. */
const SETTLE_MILLISECONDS = 6_000;

/**
 * Counts what each call of a Worker writes: rows in the object (an alarm that is set is priced as one), rows in D1 and
 * trips to D1, per call. Clicks include what their counting costs, for so many of them in a burst.
 *
 * @param worker started with the entry module
 * @returns {Promise<Record<string, { object: number, d1: number, trips: number }>>} by the call's name
 */
export async function countRows(worker) {
  const prepared = new Map();
  for (const [name, call] of Object.entries(worker.calls)) {
    const bodies = await call.bodies(CALLS * 2);
    const repeated = Array.from({ length: CALLS * 2 }, (_, place) => bodies[place % bodies.length]);
    // The first calls make tables and fill caches.
    await post(worker, call.path, repeated.slice(0, CALLS));
    prepared.set(name, { ...call, bodies: repeated.slice(CALLS) });
  }
  await setTimeout(SETTLE_MILLISECONDS);
  const counted = {};
  for (const [name, call] of prepared) counted[name] = await countCalls(worker, call);
  return counted;
}

/** What one click costs when no other comes within the two seconds after which it is counted. */
export async function countLoneClick(worker) {
  const { click } = worker.calls;
  return countCalls(worker, { ...click, bodies: await click.bodies(1) });
}

async function countCalls(worker, { path, bodies, writesLater }) {
  await takeCounts(worker);
  await post(worker, path, bodies);
  if (writesLater) await setTimeout(SETTLE_MILLISECONDS);
  const { objectRows, alarmsSet, d1Rows, d1Trips } = await takeCounts(worker);
  const each = (sum) => sum / bodies.length;
  return { object: each(objectRows + alarmsSet), d1: each(d1Rows), trips: each(d1Trips) };
}

async function takeCounts({ url }) {
  return (await fetch(url + COUNTS_PATH)).json();
}
