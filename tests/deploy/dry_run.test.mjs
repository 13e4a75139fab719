// `make deploy DRY_RUN=1`, with wrangler itself and without any account; and that no environment lacks anything.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { unstable_readConfig as readConfig } from "wrangler";
import { product } from "../support/runtime.mjs";

const root = join(import.meta.dirname, "../..");
const config = (env) => readConfig({ config: join(root, "wrangler.toml"), env });

/** The dry run, by somebody who has no login and whose calls out lead nowhere. */
function dryRun(t, ...words) {
  const home = mkdtempSync(join(tmpdir(), "clickledger-dry-run-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const nowhere = "http://127.0.0.1:1";
  const env = {
    PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}`,
    HOME: home,
    HTTPS_PROXY: nowhere,
    HTTP_PROXY: nowhere,
  };
  return new Promise((done) =>
    execFile(process.execPath, [join(root, "scripts/deploy/main.mjs"), "--dry-run", ...words], { env }, (error, stdout, stderr) =>
      done({ code: error?.code ?? 0, printed: stdout + stderr }),
    ),
  );
}

test("the dry run lists everything and ends in wrangler's own success, for staging and production", async (t) => {
  const before = readFileSync(join(root, "wrangler.toml"), "utf8");
  const { code, printed } = await dryRun(t);
  assert.equal(code, 0, printed);
  for (const environment of ["staging", "production"]) {
    assert.ok(printed.includes(`==> ${environment}: wrangler's dry run succeeds`), printed);
  }
  const listed = [
    "DB → clickledger-staging",
    "DB → clickledger",
    "0001_teams_and_programs.sql",
    "ClickLedger → CLICK_LEDGER, since tag v1",
    "WebhookSender → WEBHOOK_SENDER, since tag v2",
    "Scheduler → SCHEDULER, since tag v2",
    "KeyLimiter → KEY_LIMITER, since tag v3",
    "*/5 * * * *",
    "https://clickledger-staging.ACCOUNT.workers.dev",
    "https://clickledger.ACCOUNT.workers.dev",
    "IDENTITY_SECRET (needed)",
    "METRICS_TOKEN (optional)",
    'LEDGER_EPOCH = "0"',
    'JURISDICTION = ""',
  ];
  for (const part of listed) assert.ok(printed.includes(part), `${part} is not in\n${printed}`);
  assert.equal(readFileSync(join(root, "wrangler.toml"), "utf8"), before);
});

test("the dry run of one environment is of that one", async (t) => {
  const { code, printed } = await dryRun(t, "staging");
  assert.equal(code, 0, printed);
  assert.ok(!printed.includes("==> production"));
});

test("no environment lacks a variable, a binding or a cron of the top level, and none shares a database", () => {
  const top = config(undefined);
  const names = (list, field = "name") => list.map((entry) => entry[field]);
  for (const environment of ["staging", "production"]) {
    const own = config(environment);
    assert.deepEqual(Object.keys(own.vars), Object.keys(top.vars), environment);
    assert.deepEqual(own.durable_objects, top.durable_objects, environment);
    assert.deepEqual(names(own.d1_databases, "binding"), names(top.d1_databases, "binding"), environment);
    assert.deepEqual(names(own.d1_databases, "migrations_dir"), names(top.d1_databases, "migrations_dir"), environment);
    assert.deepEqual(names(own.ratelimits), names(top.ratelimits), environment);
    for (const inherited of ["triggers", "migrations", "observability", "compatibility_date", "compatibility_flags"]) {
      assert.deepEqual(own[inherited], top[inherited], `${environment}: ${inherited}`);
    }
  }
  const [staging, production] = [config("staging"), config("production")];
  assert.notEqual(staging.name, production.name);
  assert.notEqual(staging.d1_databases[0].database_name, production.d1_databases[0].database_name);
  assert.notEqual(staging.ratelimits[0].namespace_id, production.ratelimits[0].namespace_id);
});

test("the tests run with the objects of wrangler.toml", () => {
  const bindings = config(undefined).durable_objects.bindings;
  assert.deepEqual(Object.fromEntries(bindings.map(({ name, class_name }) => [name, class_name])), product.objects);
  const made = config(undefined).migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes);
  assert.deepEqual(made.toSorted(), Object.values(product.objects).toSorted());
});
