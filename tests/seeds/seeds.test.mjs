// Runs the worked cases of the five source documents and counts which of their rows are proven.
// A case says which rows it proves; a row counts as proven when all cases that name it have passed.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { startLedger } from '../support/ledger.mjs';
import { rows } from './rows.mjs';
import { Scene } from './scene.mjs';
import { settings } from './settings.mjs';
import { cases as signups } from './000-signups.cases.mjs';
import { cases as trackLead } from './001-track-lead.cases.mjs';
import { cases as conversions } from './002-conversions.cases.mjs';
import { cases as referrals } from './003-referrals.cases.mjs';
import { cases as leadGuide } from './004-lead-guide.cases.mjs';

const documents = [
  { seed: '000', title: 'sign-ups', cases: signups },
  { seed: '001', title: 'track/lead', cases: trackLead },
  { seed: '002', title: 'conversions', cases: conversions },
  { seed: '003', title: 'referrals', cases: referrals },
  { seed: '004', title: 'lead guide', cases: leadGuide },
];

const allCases = documents.flatMap(({ cases }) => cases);
const coveredElsewhere = rows.filter((row) => row.covered_by);
const mustHaveCase = rows.filter((row) => !row.covered_by);
const passed = new Set();

describe('the rows of the five documents', () => {
  test('no two rows share an id', () => {
    assert.deepEqual(repeated(rows.map((row) => row.id)), []);
  });

  test('every row has a case', () => {
    const named = new Set(allCases.flatMap((one) => one.rows));
    assert.deepEqual(idsOf(mustHaveCase).filter((id) => !named.has(id)), []);
  });

  test('every case names rows that exist, and only such as are to be proven here', () => {
    const known = new Set(idsOf(mustHaveCase));
    const wrong = allCases.flatMap((one) => (one.rows.length === 0 ? [`no row: ${one.name}`] : one.rows.filter((id) => !known.has(id))));
    assert.deepEqual(wrong, []);
  });

  test('every case has a name of its own and a known ledger', () => {
    for (const { cases } of documents) assert.deepEqual(repeated(cases.map((one) => one.name)), []);
    assert.deepEqual(allCases.map(ledgerOf).filter((name) => !Object.hasOwn(settings, name)), []);
  });

  for (const [file, elsewhere] of Map.groupBy(coveredElsewhere, (row) => row.covered_by)) {
    test(`${elsewhere.length} rows are named in ${file}`, async () => {
      const path = new URL(`../../${file}`, import.meta.url);
      const text = await readFile(path, 'utf8');
      assert.deepEqual(idsOf(elsewhere).filter((id) => !text.includes(`'${id}'`)), []);
    });
  }
});

for (const { seed, title, cases } of documents) {
  describe(`${seed} ${title}`, () => {
    for (const group of groupsOf(cases)) runGroup(group);
  });
}

after(() => {
  for (const { seed } of documents) console.log(`seed ${seed}: ${tally(rows.filter((row) => row.seed === seed))}`);
  console.log(`in all: ${tally(rows)}`);
});

/** Cases share a ledger where they ask for the same one: a new runtime takes time, and no case needs another's state. */
function groupsOf(cases) {
  const key = (one) => (one.alone ? one : ledgerOf(one));
  return Map.groupBy(cases, key).values();
}

function runGroup(cases) {
  const name = ledgerOf(cases[0]);
  test(cases[0].alone ? `ledger: ${name}, alone` : `ledger: ${name}`, async (t) => {
    const scene = new Scene(await startLedger(t, settings[name]));
    for (const one of cases) {
      await t.test(one.name, async () => {
        await one.run(scene);
        passed.add(one);
      });
    }
  });
}

function tally(some) {
  const here = some.filter((row) => mustHaveCase.includes(row));
  const proven = here.filter(isProven);
  const elsewhere = some.filter((row) => row.covered_by);
  return [
    `rows ${proven.length}/${here.length}`,
    ...[...Map.groupBy(elsewhere, (row) => row.covered_by)].map(([file, list]) => `${list.length} more in ${file}`),
  ].join('; ');
}

function isProven(row) {
  const naming = allCases.filter((one) => one.rows.includes(row.id));
  return naming.length > 0 && naming.every((one) => passed.has(one));
}

function ledgerOf(one) {
  return one.ledger ?? 'standard';
}

function idsOf(some) {
  return some.map((row) => row.id);
}

function repeated(list) {
  return list.filter((item, index) => list.indexOf(item) !== index);
}
