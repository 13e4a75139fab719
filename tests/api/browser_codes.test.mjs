// A code that stands in the links of several programs: whose click it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, fromPage, latestClicks, rowCounts } from "./calls.mjs";

const CLICK = "/api/v1/track/click";
const SHOP = "https://shop.example";
const link = () => ({ affiliate_url: `${SHOP}/?aff=alice`, page_url: `${SHOP}/` });

async function assertNothingTracked(ledger) {
  assert.deepEqual(await rowCounts(ledger), {});
  assert.deepEqual(await clicksOf(ledger), [[], []]);
}

const MAIN = "https://main.example";

/** Two programs with a code in common; the first allows MAIN, the second SHOP, and both what is given. */
async function sharedCode(t, ...both) {
  const ledger = await startLedger(t, { browser_origins: [MAIN, ...both] });
  await addAffiliate(ledger, { trackingId: "alice", owner: ledger.fixture.other });
  const { team, program } = ledger.fixture.other;
  for (const origin of both) {
    const sql = "INSERT INTO program_origin (program_id, origin, team_id) VALUES (?, ?, ?)";
    await ledger.db.prepare(sql).bind(program.id, origin, team.id).run();
  }
  return ledger;
}

async function clicksOf(ledger) {
  const { keys, other } = ledger.fixture;
  const lists = [await latestClicks(ledger, { key: keys.live }), await latestClicks(ledger, { key: other.keys.live })];
  return lists.map((list) => list.map(({ id }) => id));
}

test("a code of two programs is the program's that is named", async (t) => {
  const ledger = await sharedCode(t, "https://both.example");
  const { program, other } = ledger.fixture;
  const ids = [[], []];
  for (const [which, { id, number }] of [program, other.program].entries()) {
    for (const program_id of [id, number, String(number)]) {
      for (const origin of [null, "https://both.example"]) {
        const answer = await fromPage(ledger, CLICK, { ...link(), program_id }, { origin });
        assert.equal(answer.status, 200, answer.text);
        ids[which].push(answer.json.click_id);
      }
    }
  }
  assert.deepEqual(
    (await clicksOf(ledger)).map((list) => list.sort()),
    ids.map((list) => list.sort()),
  );
});

test("a code of two programs is the program's that allows the page's origin", async (t) => {
  const ledger = await sharedCode(t);
  const main = await fromPage(ledger, CLICK, link(), { origin: MAIN });
  const other = await fromPage(ledger, CLICK, link(), { origin: SHOP });
  assert.deepEqual(await clicksOf(ledger), [[main.json.click_id], [other.json.click_id]]);
});

test("a code of two programs without a hint, or with one that fits both or none, is nobody's", async (t) => {
  const ledger = await sharedCode(t, "https://both.example");
  for (const origin of [null, "https://both.example", "https://evil.example"]) {
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await fromPage(ledger, CLICK, link(), { origin });
      assert.deepEqual([answer.status, answer.json], [400, { error: "Referral link not found" }]);
    }
  }
  await assertNothingTracked(ledger);
});

test("a program that is named must allow the page's origin, whatever another one allows", async (t) => {
  const ledger = await sharedCode(t);
  const answer = await fromPage(ledger, CLICK, { ...link(), program_id: ledger.fixture.program.id }, { origin: SHOP });
  assert.equal(answer.status, 403);
  await assertNothingTracked(ledger);
});

test(
  "a program that is named and does not exist has no links",
  async (t) => {
    const ledger = await startLedger(t);
    for (const program_id of ["prog_nobody", 4711, "4711"]) {
      const answer = await fromPage(ledger, CLICK, { ...link(), program_id });
      assert.deepEqual([answer.status, answer.json], [400, { error: "Referral link not found" }], String(program_id));
    }
    await assertNothingTracked(ledger);
  },
);
