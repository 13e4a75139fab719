// After the load: what was acknowledged and what is stored are compared, every request is repeated, and the figures are
// printed in one line.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { compare } from "./comparison.mjs";
import { KNOWN, isAcknowledged, send } from "./load.mjs";
import { countsOf, storedClicks, storedCounts, storedRows } from "./stored.mjs";

/** Counts are right so long after the last restart, without any traffic. */
const COUNTS_WITHIN_SECONDS = 5;

/** So many requests are repeated at once. */
const REPEATERS = 24;

/**
 * Fails unless everything acknowledged is stored once, as it was asked for, and stays so.
 *
 * @param {string} what was done to the ledger, for the line that is printed
 * @param {number} since when nothing was done to it any more
 */
export async function audit(ledger, history, what, since) {
  const clicks = storedClicks(ledger);
  const seconds = await secondsUntilCounted(ledger, countsOf(clicks), since);
  const rows = await storedRows(ledger);
  const found = compare(history, clicks, rows);
  const forgotten = await askAgain(ledger, history);
  console.log(summary(history, found, what, seconds));

  assert.deepEqual(history.surprises, []);
  assert.deepEqual(found, { lost: [], double: [], extra: [], wrong: [] });
  // A kept answer that says success has its row: whoever asks again is told that it is known, and nothing changes.
  assert.deepEqual(forgotten, []);
  assert.deepEqual(await storedRows(ledger), rows);
  await ledger.restart();
  assert.deepEqual(await storedRows(ledger), rows);
  assert.deepEqual(storedClicks(ledger), clicks);
  assert.deepEqual(await storedCounts(ledger), countsOf(clicks));
}

/** Only D1 is looked at: no request wakes a shard, its own alarm must. */
async function secondsUntilCounted(ledger, expected, since) {
  for (;;) {
    const counts = await storedCounts(ledger);
    const seconds = (Date.now() - since) / 1000;
    const isRight = JSON.stringify(counts) === JSON.stringify(expected);
    if (isRight) return seconds;
    if (seconds > COUNTS_WITHIN_SECONDS) assert.deepEqual(counts, expected);
    await sleep(50);
  }
}

/** Repeats every acknowledged request but clicks, which have no key; returns those that are not answered as known. */
async function askAgain(ledger, history) {
  const acknowledged = [...history.all()].filter((intent) => intent.kind !== "click" && isAcknowledged(intent));
  const wrong = [];
  const repeater = async () => {
    for (let intent = acknowledged.pop(); intent !== undefined; intent = acknowledged.pop()) {
      const answer = await send(ledger, intent);
      const id = answer?.json?.data?.id ?? intent.data;
      if (answer?.status !== KNOWN[intent.kind] || id !== (intent.data ?? id)) {
        wrong.push(`${intent.kind} ${intent.key}: ${answer?.status} ${answer?.text}`);
      }
    }
  };
  await Promise.all(Array.from({ length: REPEATERS }, repeater));
  return wrong;
}

function summary(history, found, what, seconds) {
  const { click, lead, conversion, sale } = history.acknowledged;
  return (
    `${what}; acknowledged ${history.acknowledgements}: ${click} clicks, ${lead} sign-ups, ` +
    `${conversion} conversions, ${sale} track/sale; unknown ${history.unknown}, refused ${history.refused}; ` +
    `lost ${found.lost.length}, double ${found.double.length}, extra ${found.extra.length}, ` +
    `wrong ${found.wrong.length}; counts right after ${seconds.toFixed(1)} s`
  );
}
