// What was acknowledged is never lost and never counted twice, while the runtime is killed again and again under load.
//
// A few kills are part of every run of the tests; `make crash-test` makes a hundred. KILLS and ACKS_PER_KILL say how
// many, CUSTOMERS how many ask at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLedger } from "../support/ledger.mjs";
import { compare } from "./comparison.mjs";
import { History, INCENTIVES, KNOWN, customers, isAcknowledged, send } from "./load.mjs";
import { countsOf, storedClicks, storedCounts, storedRows } from "./stored.mjs";

const KILLS = Number(process.env.KILLS ?? 4);
const ACKS_PER_KILL = Number(process.env.ACKS_PER_KILL ?? 220);
const CUSTOMERS = Number(process.env.CUSTOMERS ?? 24);
const INSTANCES = 2;

/** Counts are right so long after the last restart, without any traffic. */
const COUNTS_WITHIN_SECONDS = 5;

test(`${KILLS} kills under load: nothing acknowledged is lost, nothing is counted twice`, async (t) => {
  const ledger = await startLedger(t, { incentives: INCENTIVES, instances: INSTANCES });
  const history = new History();

  await loadAndKill(ledger, history);
  const restarted = Date.now();

  const clicks = storedClicks(ledger);
  const seconds = await secondsUntilCounted(ledger, countsOf(clicks), restarted);
  const rows = await storedRows(ledger);
  const found = compare(history, clicks, rows);
  const forgotten = await askAgain(ledger, history);
  console.log(summary(history, found, seconds));

  assert.deepEqual(history.surprises, []);
  assert.deepEqual(found, { lost: [], double: [], extra: [], wrong: [] });
  assert.ok(history.acknowledgements >= KILLS * ACKS_PER_KILL);
  assert.ok(history.unknown > 0, "no kill met a request");
  // A kept answer that says success has its row: whoever asks again is told that it is known, and nothing changes.
  assert.deepEqual(forgotten, []);
  assert.deepEqual(await storedRows(ledger), rows);
  await ledger.restart();
  assert.deepEqual(await storedRows(ledger), rows);
  assert.deepEqual(storedClicks(ledger), clicks);
  assert.deepEqual(await storedCounts(ledger), countsOf(clicks));
});

/** Every life of the runtime ends after so many answers with success; the load ends with the last one. */
async function loadAndKill(ledger, history) {
  const load = { ledger, history, ended: false, isUp: Promise.resolve() };
  const clients = Array.from({ length: CUSTOMERS }, (_, number) => customers(load, number));
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await enoughAnswers(history, kill * ACKS_PER_KILL);
    await sleep(50 * Math.random());
    load.ended = kill === KILLS;
    load.isUp = ledger.kill();
    await load.isUp;
  }
  await Promise.all(clients);
}

async function enoughAnswers(history, wanted) {
  for (let waited = 0; history.acknowledgements < wanted; waited += 5) {
    assert.deepEqual(history.surprises, []);
    assert.ok(waited < 60_000, `${history.acknowledgements} answers instead of ${wanted} after a minute`);
    await sleep(5);
  }
}

/** Only D1 is looked at: no request wakes a shard, its own alarm must. */
async function secondsUntilCounted(ledger, expected, restarted) {
  for (;;) {
    const counts = await storedCounts(ledger);
    const seconds = (Date.now() - restarted) / 1000;
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
  const worker = async () => {
    for (let intent = acknowledged.pop(); intent !== undefined; intent = acknowledged.pop()) {
      const answer = await send(ledger, intent);
      const id = answer?.json?.data?.id ?? intent.data;
      if (answer?.status !== KNOWN[intent.kind] || id !== (intent.data ?? id)) {
        wrong.push(`${intent.kind} ${intent.key}: ${answer?.status} ${answer?.text}`);
      }
    }
  };
  await Promise.all(Array.from({ length: CUSTOMERS }, worker));
  return wrong;
}

function summary(history, found, seconds) {
  const { click, lead, conversion, sale } = history.acknowledged;
  return (
    `${KILLS} kills; acknowledged ${history.acknowledgements}: ${click} clicks, ${lead} sign-ups, ` +
    `${conversion} conversions, ${sale} track/sale; unknown ${history.unknown}, refused ${history.refused}; ` +
    `lost ${found.lost.length}, double ${found.double.length}, extra ${found.extra.length}, ` +
    `wrong ${found.wrong.length}; counts right after ${seconds.toFixed(1)} s`
  );
}
