// Levels of a group as they are set: a list that is replaced as a whole. What they pay is shown elsewhere.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertLiveKeyNeeded, assertRefused, assertUnknown, put } from "./affiliate_calls.mjs";
import { atOnce, get, select, tally } from "./calls.mjs";

const of = (ledger, group = ledger.fixture.group.id) => `/v1/program/groups/${group}/levels`;

async function shown(ledger) {
  const answer = await get(ledger, of(ledger));
  assert.equal(answer.status, 200, answer.text);
  return answer.json.data.levels;
}

const FIRST = { level: 1, base: "commission", percentage: 10 };
const SECOND = { level: 2, base: "sale", percentage: 2.5 };
const THIRD = { level: 3, base: "commission", percentage: 0.0001 };

const rows = (ledger) =>
  select(
    ledger,
    "SELECT position, base, rate_ppm FROM level WHERE group_id = ? ORDER BY position",
    ledger.fixture.group.id,
  );

test("a group has no levels until they are set, and then those that were set last", async (t) => {
  const ledger = await startLedger(t);
  assert.deepEqual((await get(ledger, of(ledger))).json, { success: true, data: { levels: [] } });
  for (const levels of [[FIRST], [FIRST, SECOND, THIRD], [{ ...FIRST, percentage: 100 }, SECOND], [], [FIRST]]) {
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await put(ledger, of(ledger), { levels });
      assert.deepEqual([answer.status, answer.json], [200, { success: true, data: { levels } }], answer.text);
      assert.deepEqual(await shown(ledger), levels);
    }
  }
  assert.deepEqual(await rows(ledger), [{ position: 1, base: "commission", rate_ppm: 100_000 }]);
});

test("levels are kept in their order, whatever order they are sent in, with their words in either case", async (t) => {
  const ledger = await startLedger(t);
  const answer = await put(ledger, of(ledger), { levels: [THIRD, { ...FIRST, base: "COMMISSION" }, SECOND] });
  assert.deepEqual(answer.json.data.levels, [FIRST, SECOND, THIRD]);
  assert.deepEqual(await rows(ledger), [
    { position: 1, base: "commission", rate_ppm: 100_000 },
    { position: 2, base: "sale", rate_ppm: 25_000 },
    { position: 3, base: "commission", rate_ppm: 1 },
  ]);
});

test("a level that stays at its place keeps its id", async (t) => {
  const ledger = await startLedger(t);
  const ids = async () => (await select(ledger, "SELECT id FROM level ORDER BY position")).map(({ id }) => id);
  await put(ledger, of(ledger), { levels: [FIRST, SECOND] });
  const [first, second] = await ids();
  assert.match(first, /^inc_\w{22}$/);
  await put(ledger, of(ledger), { levels: [{ ...FIRST, percentage: 5 }] });
  assert.deepEqual(await ids(), [first]);
  await put(ledger, of(ledger), { levels: [FIRST, SECOND] });
  const [same, another] = await ids();
  assert.equal(same, first);
  assert.notEqual(another, second);
});

test("what is wrong with levels is a 400 that names the field, and changes nothing", async (t) => {
  const ledger = await startLedger(t);
  await put(ledger, of(ledger), { levels: [FIRST] });
  const cases = [
    [{}, "levels"],
    [{ levels: null }, "levels"],
    [{ levels: FIRST }, "levels"],
    [{ levels: ["1"] }, "levels[0]"],
    [{ levels: [SECOND] }, "levels"],
    [{ levels: [FIRST, THIRD] }, "levels"],
    [{ levels: [FIRST, FIRST] }, "levels"],
    [{ levels: [FIRST, SECOND, THIRD, { ...THIRD, level: 4 }] }, "levels"],
    [{ levels: [{ ...FIRST, level: 0 }] }, "levels[0].level"],
    [{ levels: [FIRST, { ...SECOND, level: 4 }] }, "levels[1].level"],
    [{ levels: [{ ...FIRST, level: "1" }] }, "levels[0].level"],
    [{ levels: [{ ...FIRST, base: "profit" }] }, "levels[0].base"],
    [{ levels: [FIRST, { ...SECOND, percentage: 0 }] }, "levels[1].percentage"],
    [{ levels: [{ ...FIRST, percentage: 100.1 }] }, "levels[0].percentage"],
    [{ levels: [{ ...FIRST, percentage: 0.00001 }] }, "levels[0].percentage"],
    [{ levels: [{ ...FIRST, level: undefined }] }, "levels[0].level"],
    [{ levels: [{ ...FIRST, base: undefined }] }, "levels[0].base"],
    [{ levels: [{ ...FIRST, percentage: undefined }] }, "levels[0].percentage"],
  ];
  for (const [body, field] of cases) assertRefused(await put(ledger, of(ledger), body), field);
  assert.deepEqual(await shown(ledger), [FIRST]);
});

test("of lists that are sent at once one is there as a whole", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const lists = [[FIRST], [SECOND, THIRD, FIRST], []].map((levels) => levels.toSorted((a, b) => a.level - b.level));
  const answers = await atOnce(12, (number) => put(ledger, of(ledger), { levels: lists[number % 3] }));
  assert.deepEqual(tally(answers), { 200: 12 });
  const kept = await shown(ledger);
  assert.ok(
    lists.some((levels) => JSON.stringify(levels) === JSON.stringify(kept)),
    JSON.stringify(kept),
  );
});

test("every write raises the version of the rules", async (t) => {
  const ledger = await startLedger(t);
  const version = async () => (await select(ledger, "SELECT rules_version FROM program WHERE number = 1"))[0].rules_version;
  const before = await version();
  await put(ledger, of(ledger), { levels: [FIRST] });
  assert.equal(await version(), before + 1);
  await put(ledger, of(ledger), { levels: [FIRST, FIRST] });
  assert.equal(await version(), before + 1);
});

test("levels of another team's group are nobody's, and a test key reads without changing", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  await put(ledger, of(ledger), { levels: [FIRST] });
  for (const [path, key] of [[of(ledger), other.keys.live], [of(ledger, "grp_none"), keys.live]]) {
    assertUnknown(await get(ledger, path, { key }));
    assertUnknown(await put(ledger, path, { levels: [] }, { key }));
  }
  assert.deepEqual((await get(ledger, of(ledger), { key: keys.test })).json.data.levels, [FIRST]);
  assertLiveKeyNeeded(await put(ledger, of(ledger), { levels: [] }, { key: keys.test }));
  assert.deepEqual(await shown(ledger), [FIRST]);
});
