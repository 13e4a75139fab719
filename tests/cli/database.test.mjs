// The command line on the operator's own database, by wrangler: the first program and its keys, which then work.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { startRuntime } from "../support/runtime.mjs";
import { IDENTITY_SECRET } from "../support/ledger.mjs";
import { command, folder, good } from "./command.mjs";

const root = join(import.meta.dirname, "../..");
const ENVIRONMENT = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", CI: "1" };

/** Applies the migrations as an operator does. */
async function migrate(store) {
  const wrangler = join(root, "node_modules/.bin/wrangler");
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", store];
  await promisify(execFile)(wrangler, args, { cwd: root, env: { ...process.env, ...ENVIRONMENT } });
}

const CREATE = [
  "programs",
  "create",
  "--name",
  "O'Hara's",
  "--currency",
  "EUR",
  "--origin",
  "https://shop.example",
  "--commission",
  "12.5%",
];

test("the first program is made in an empty database, its keys are shown once, and they work", async (t) => {
  const store = await folder(t);
  const database = `[database]\nlocation = "local"\ndirectory = "${root}"\npersist_to = "${store}"\n`;
  const cli = await command(t, { settings: database, env: ENVIRONMENT });
  const early = await cli.run(...CREATE, "--json");
  assert.deepEqual([early.code, early.json?.error.code], [5, "tool_failed"], early.stderr);
  assert.match(early.json.error.do, /migrations apply/);

  await migrate(store);
  assert.deepEqual(await good(cli, "programs", "list"), []);
  const made = await good(cli, ...CREATE);
  const again = await cli.run(...CREATE, "--json");
  assert.deepEqual([again.code, again.json.error.code], [2, "program_exists"]);
  assert.match(again.json.error.message, new RegExp(made.program_id));
  const [listed, ...others] = await good(cli, "programs", "list");
  assert.deepEqual(
    [listed.id, listed.name, listed.currency, listed.origins],
    [made.program_id, "O'Hara's", "EUR", "https://shop.example"],
  );
  assert.deepEqual(others, []);
  const another = await good(cli, ...CREATE, "--another");
  assert.notEqual(another.program_id, made.program_id);

  const key = await good(cli, "keys", "create", "--database", "--program", made.program_id, "--kind", "test");
  const unknown = await cli.run("keys", "create", "--database", "--program", "prog_none", "--json");
  assert.deepEqual([unknown.code, unknown.json.error.code], [2, "no_program"]);

  const runtime = await startRuntime({ persist: join(store, "v3"), vars: { IDENTITY_SECRET } });
  t.after(() => runtime.stop());
  const show = (secret) => runtime.fetch("/v1/program", { headers: { authorization: `Bearer ${secret}` } });
  for (const secret of [made.keys.live, made.keys.test, key.secret]) {
    const { data } = await (await show(secret)).json();
    assert.deepEqual([data.id, data.currency, data.origins], [made.program_id, "EUR", ["https://shop.example"]]);
  }
  const keyed = await command(t, { url: runtime.url, key: made.keys.live });
  await good(keyed, "affiliates", "create", "--name", "Mara", "--email", "mara@partners.example");
  const { results } = await runtime.db.prepare("SELECT * FROM api_key").all();
  assert.equal(results.length, 7);
  for (const secret of [...Object.values(made.keys), key.secret]) assert.ok(!JSON.stringify(results).includes(secret));
});

test("what is no program is refused before anything is written", async (t) => {
  const cli = await command(t, { settings: `[database]\nlocation = "local"\ndirectory = "${root}"\n` });
  const wrong = [
    [["--currency", "XXX1"], "bad_currency"],
    [["--commission", "a lot"], "bad_commission"],
    [["--origin", "shop.example"], "bad_url"],
  ];
  for (const [more, code] of wrong) {
    const answer = await cli.run("programs", "create", "--name", "X", ...more, "--json");
    assert.deepEqual([answer.code, answer.json.error.code], [2, code]);
  }
  const none = await (await command(t, { settings: "" })).run("programs", "list", "--json");
  assert.deepEqual([none.code, none.json.error.code], [2, "no_database"]);
});
