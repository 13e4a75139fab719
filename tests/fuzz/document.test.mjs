// The API by its own document: schemathesis makes calls that the OpenAPI document allows, and calls that it forbids, and
// fails where an answer is another than it says, where what is forbidden is taken, or where a server error comes.
//
// One seed is the same calls. A part of them is in every run of the tests; `make fuzz` tries more. SEED says which ones,
// EXAMPLES how many of each operation, PHASES which kinds.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { operations } from "../support/openapi.mjs";

const SEED = process.env.SEED ?? "1";
const EXAMPLES = process.env.EXAMPLES ?? "4";
const PHASES = process.env.PHASES ?? "examples,fuzzing,stateful";

const root = join(import.meta.dirname, "../..");
const document = join(root, "docs/openapi/openapi.json");

test(`calls that the document allows and forbids, seed ${SEED}`, async (t) => {
  const log = [];
  const ledger = await startLedger(t, { log });
  const said = await schemathesis(ledger, ["--phases", PHASES, "--max-examples", EXAMPLES, "--seed", SEED]);
  const errors = log.filter(({ message }) => /panicked|RuntimeError/.test(message));
  assert.deepEqual(errors, []);
  assert.equal(said.status, 0, said.text);
  const [calls, count] = said.text.match(/(\d+) generated.*/) ?? [said.text, "0"];
  console.log(`${calls}, seed ${SEED}`);
  assert.ok(Number(count) >= operations.length);
});

/** Calls this ledger as the settings beside this file say; what was printed, and how it ended. */
async function schemathesis({ url, fixture }, options) {
  const child = spawn(
    join(root, "scripts/schemathesis"),
    ["--config-file", "schemathesis.toml", "run", document, "--url", url, "--no-color", ...options],
    {
      cwd: import.meta.dirname,
      env: {
        ...process.env,
        LEDGER_SECRET_KEY: fixture.keys.live,
        LEDGER_PROGRAM_TOKEN: fixture.keys.token,
        PYTHONDONTWRITEBYTECODE: "1",
      },
    },
  );
  const pieces = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (piece) => pieces.push(piece));
  const [status] = await once(child, "close");
  return { status, text: Buffer.concat(pieces).toString() };
}
