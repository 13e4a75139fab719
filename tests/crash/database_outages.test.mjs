// What was acknowledged is never lost and never counted twice, while D1 goes away again and again under load, each time
// just after a commit whose answer it loses.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startLedger } from "../support/ledger.mjs";
import { audit } from "./audit.mjs";
import { History, INCENTIVES, enoughAnswers, underLoad } from "./load.mjs";

const OUTAGES = Number(process.env.OUTAGES ?? 6);
const ACKS_PER_OUTAGE = 100;
const CUSTOMERS = 24;
const OUTAGE_MILLISECONDS = 300;

const options = { timeout: 120_000 + OUTAGES * 10_000 };

test(`${OUTAGES} outages of D1 under load: nothing acknowledged is lost or counted twice`, options, async (t) => {
  const ledger = await startLedger(t, { incentives: INCENTIVES, instances: 2, switchable: true });
  const history = new History();

  await loadAndInterrupt(ledger, history);

  await audit(ledger, history, `${OUTAGES} outages of D1`, Date.now());
  assert.ok(history.refused > 0, "no outage met a request");
  assert.equal(history.unknown, 0, "everybody is answered");
});

/** The load ends while D1 is there. */
async function loadAndInterrupt(ledger, history) {
  await underLoad(ledger, history, CUSTOMERS, async (load) => {
    for (let outage = 1; outage <= OUTAGES; outage += 1) {
      await enoughAnswers(history, outage * ACKS_PER_OUTAGE);
      ledger.database.loseNextAnswer({ andGoAway: true });
      await sleep(OUTAGE_MILLISECONDS);
      ledger.database.giveBack();
    }
    await enoughAnswers(history, (OUTAGES + 1) * ACKS_PER_OUTAGE);
  });
}
