// Writes tests/upgrade/fixture/: a small state as this version leaves it, in D1 and in the objects. To be run with each
// release, after `make build`: `node tests/upgrade/make_fixture.mjs`. The upgrade test then begins with that release's state.
//
// No key is in it: keys are kept as hashes.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { counted } from "../restore/history.mjs";
import { exported } from "../restore/backup.mjs";
import { startLedger } from "../support/ledger.mjs";
import { objectsOf } from "./objects.mjs";
import { EXPECTED, make } from "./scene.mjs";

const ended = [];
const ledger = await startLedger({ after: (end) => ended.push(end) });
await make(ledger);
// The test click is counted too.
await counted(ledger, EXPECTED.clicks + 1);
const sql = await exported(ledger);
const objects = await new Promise((done, fail) => {
  // Nothing runs meanwhile: the files are whole.
  ledger.restart({ meanwhile: async () => done(objectsOf(ledger.state)) }).catch(fail);
});
const folder = join(import.meta.dirname, "fixture");
mkdirSync(folder, { recursive: true });
const { program } = ledger.fixture;
writeFileSync(join(folder, "database.sql"), `${sql.trim()}\n`);
writeFileSync(join(folder, "objects.json"), `${JSON.stringify(objects, null, 1)}\n`);
writeFileSync(join(folder, "about.json"), `${JSON.stringify({ made_at: Date.now(), program_id: program.id }, null, 1)}\n`);
console.log(`made of ${sql.match(/\d{4}_\w+\.sql/g).sort().at(-1)}`);
for (const end of ended) await end();
process.exit(0);
