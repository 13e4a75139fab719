// What was acknowledged is never lost and never counted twice, while the runtime is killed again and again under load.
//
// A few kills are part of every run of the tests; `make crash-test` makes a hundred. KILLS and ACKS_PER_KILL say how
// many, CUSTOMERS how many ask at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLedger } from "../support/ledger.mjs";
import { audit } from "./audit.mjs";
import { History, INCENTIVES, enoughAnswers, underLoad } from "./load.mjs";

const KILLS = Number(process.env.KILLS ?? 4);
const ACKS_PER_KILL = Number(process.env.ACKS_PER_KILL ?? 220);
const CUSTOMERS = Number(process.env.CUSTOMERS ?? 24);

const options = { timeout: 120_000 + KILLS * 10_000 };

test(`${KILLS} kills under load: nothing acknowledged is lost, nothing is counted twice`, options, async (t) => {
  const ledger = await startLedger(t, { incentives: INCENTIVES, instances: 2 });
  const history = new History();

  await loadAndKill(ledger, history);

  await audit(ledger, history, `${KILLS} kills`, Date.now());
  assert.ok(history.acknowledgements >= KILLS * ACKS_PER_KILL);
  assert.ok(history.unknown > 0, "no kill met a request");
});

/** Every life of the runtime ends after so many answers with success; the load ends with the last one. */
async function loadAndKill(ledger, history) {
  await underLoad(ledger, history, CUSTOMERS, async (load) => {
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await enoughAnswers(history, kill * ACKS_PER_KILL);
      await sleep(50 * Math.random());
      load.ended = kill === KILLS;
      load.isUp = ledger.kill();
      await load.isUp;
    }
  });
}
