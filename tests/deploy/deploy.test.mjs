// `make deploy` against an account that only writes down what it is asked: what is made, what stays, and where it stops.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const MADE = "00000000-0000-4000-8000-000000000001";
const HERS = "00000000-0000-4000-8000-00000000000a";
const BOOKMARK = "00000085-0000024c-00004c6d-8e61117bf38d7adb71b934ebbf891683";

/** A copy of the project as far as a deployment reads it, an account in this state, and who answers at its address. */
async function project(t, state = {}) {
  const folder = mkdtempSync(join(tmpdir(), "clickledger-deploy-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const part of ["wrangler.toml", "package.json", "scripts/deploy", "migrations"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const server = createServer((request, response) => response.end("{}"));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  const address = `http://127.0.0.1:${server.address().port}`;
  const set = (account) => writeFileSync(join(folder, "account.json"), JSON.stringify(account));
  set({ databases: [], targets: [address], ...state });
  const programs = join(folder, "programs");
  mkdirSync(programs);
  for (const name of ["wrangler", "cargo"]) {
    const fake = join(import.meta.dirname, "fake.mjs");
    writeFileSync(join(programs, name), `#!/bin/sh\nexec "${process.execPath}" "${fake}" "${folder}" ${name} "$@"\n`);
    chmodSync(join(programs, name), 0o755);
  }
  const calls = join(folder, "calls.ndjson");
  return {
    address,
    set,
    account: () => JSON.parse(readFileSync(join(folder, "account.json"), "utf8")),
    toml: () => readFileSync(join(folder, "wrangler.toml"), "utf8"),
    write: (text) => writeFileSync(join(folder, "wrangler.toml"), text),
    /** Deploys; how it ended, all that it printed, and how the programs were called this time. */
    async deploy(words = [], env = {}) {
      rmSync(calls, { force: true });
      const PATH = `${programs}:${process.env.PATH}`;
      const options = { env: { PATH, HOME: folder, ANSWERS_WITHIN_SECONDS: "0", ...env } };
      const ended = await new Promise((done) =>
        execFile(process.execPath, [join(folder, "scripts/deploy/main.mjs"), ...words], options, (error, stdout, stderr) =>
          done({ code: error?.code ?? 0, printed: stdout + stderr }),
        ),
      );
      const lines = existsSync(calls) ? readFileSync(calls, "utf8").split("\n").filter(Boolean) : [];
      const made = lines.map((line) => JSON.parse(line));
      return { ...ended, calls: made, called: made.map(({ command, words: all }) => `${command} ${all.join(" ")}`) };
    },
  };
}

/** The settings with the id of the database of production. */
const withId = (text, id) =>
  text.replace(/(\[\[env\.production\.d1_databases\]\]\n.*\n.*\n)/, `$1database_id = "${id}"\n`);

/** How each call begins, in order. */
const steps = ({ called }) => called.map((call) => call.split(" ").slice(0, 3).join(" "));

test("into a fresh account: database, secret, migrations, then the code, then doctor", async (t) => {
  const { deploy, toml, account, address } = await project(t);
  const { code, printed, called, calls } = await deploy();
  assert.equal(code, 0, printed);
  assert.deepEqual(called.slice(0, 6), [
    "wrangler d1 list --json",
    "wrangler d1 create clickledger --location weur",
    "wrangler d1 list --json",
    "wrangler secret list --format json --env production",
    "wrangler d1 time-travel info DB --json --env production",
    "wrangler d1 migrations apply DB --remote --env production",
  ]);
  assert.match(called[6], /^wrangler deploy --env production --secrets-file \S+$/);
  assert.equal(called[7], `cargo run --quiet --package clickledger -- --url ${address} doctor --service`);
  assert.equal(called.length, 8);
  assert.equal(toml().match(/database_id/g).length, 1);
  assert.ok(toml().includes(`[[env.production.d1_databases]]\nbinding = "DB"\ndatabase_name = "clickledger"\ndatabase_id = "${MADE}"\n`));
  // The secret: long, made here, handed over in a file that is gone, and shown to nobody.
  const { secrets } = calls[6];
  assert.deepEqual(Object.keys(secrets), ["IDENTITY_SECRET"]);
  assert.match(secrets.IDENTITY_SECRET, /^[\w-]{43}$/);
  assert.ok(!printed.includes(secrets.IDENTITY_SECRET));
  assert.ok(!called.join("\n").includes(secrets.IDENTITY_SECRET));
  assert.ok(!existsSync(called[6].split(" ").at(-1)));
  assert.deepEqual(account().secrets, ["IDENTITY_SECRET"]);
});

test("a second time: nothing is made, and no secret is touched", async (t) => {
  const { deploy, toml } = await project(t);
  await deploy();
  const before = toml();
  const again = await deploy();
  assert.equal(again.code, 0, again.printed);
  assert.deepEqual(steps(again), [
    "wrangler d1 list",
    "wrangler secret list",
    "wrangler d1 time-travel",
    "wrangler d1 migrations",
    "wrangler deploy --env",
    "cargo run --quiet",
  ]);
  assert.equal(again.called[4], "wrangler deploy --env production");
  assert.equal(toml(), before);
});

test("a database that is there without its id in the file is taken, not made", async (t) => {
  const { deploy, toml } = await project(t, { databases: [{ uuid: HERS, name: "clickledger" }] });
  const { code, called, printed } = await deploy();
  assert.equal(code, 0, printed);
  assert.ok(!called.some((call) => call.includes("d1 create")));
  assert.ok(toml().includes(`database_name = "clickledger"\ndatabase_id = "${HERS}"\n`));
});

test("an id that the account does not have stops it before anything is changed", async (t) => {
  const { deploy, toml, write } = await project(t, { databases: [{ uuid: HERS, name: "another" }] });
  write(withId(toml(), MADE));
  const found = await deploy();
  assert.equal(found.code, 1);
  assert.match(found.printed, /which this account does not have\n +do: Choose the account/);
  assert.deepEqual(steps(found), ["wrangler d1 list"]);
});

test("secrets that are set stay, also when the environment has others", async (t) => {
  const { deploy } = await project(t, { secrets: ["IDENTITY_SECRET", "METRICS_TOKEN"] });
  const { code, calls, printed } = await deploy([], { IDENTITY_SECRET: "another one, long enough" });
  assert.equal(code, 0, printed);
  assert.ok(calls.every(({ secrets }) => secrets === undefined));
  assert.match(printed, /IDENTITY_SECRET is set, and stays/);
});

test("a secret of before comes from the environment where none is set, and is shown to nobody", async (t) => {
  const { deploy } = await project(t);
  const { calls, printed } = await deploy([], { IDENTITY_SECRET: "kept in a safe place", METRICS_TOKEN: "for the monitor" });
  const { secrets } = calls.find(({ words }) => words[0] === "deploy");
  assert.deepEqual(secrets, { IDENTITY_SECRET: "kept in a safe place", METRICS_TOKEN: "for the monitor" });
  assert.ok(!/kept in a safe place|for the monitor/.test(printed));
});

test("a migration that fails: the code is not deployed, and how to go back is said", async (t) => {
  const { deploy } = await project(t, { failsAt: "d1 migrations apply" });
  const found = await deploy();
  assert.equal(found.code, 1);
  assert.match(found.printed, new RegExp(`do: The code was not deployed.*--bookmark=${BOOKMARK} --env production`));
  assert.ok(!found.called.some((call) => call.startsWith("wrangler deploy")));
});

test("each other step that fails is the last one, and says what wrangler said and what to do", async (t) => {
  for (const failsAt of ["d1 create", "secret list", "d1 time-travel", "deploy"]) {
    const { deploy } = await project(t, { failsAt });
    const found = await deploy();
    assert.equal(found.code, 1, failsAt);
    assert.ok(found.called.at(-1).startsWith(`wrangler ${failsAt}`), failsAt);
    assert.match(found.printed, /the platform says no[^]*\n +do: /, failsAt);
  }
});

test("not logged in: how to is said, and nothing else is tried", async (t) => {
  const { deploy } = await project(t, { isLoggedIn: false });
  const found = await deploy();
  assert.equal(found.code, 1);
  assert.match(found.printed, /do: Log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN/);
  assert.deepEqual(steps(found), ["wrangler d1 list"]);
});

test("what doctor finds wrong fails the deployment", async (t) => {
  const { deploy } = await project(t, { isHealthy: false });
  const { code, printed } = await deploy();
  assert.equal(code, 1);
  assert.match(printed, /do: Do what doctor says/);
});

test("doctor looks at a domain of one's own before workers.dev, at URL before either, and at all with a key", async (t) => {
  const { deploy, account, set, address } = await project(t);
  await deploy();
  set({ ...account(), targets: ["https://x.workers.dev", "go.shop.example (custom domain)"] });
  const own = await deploy();
  assert.match(own.called.at(-1), /--url https:\/\/go\.shop\.example doctor --service$/);
  const said = await deploy([], { URL: address, CLICKLEDGER_API_KEY: "sk_live_x" });
  assert.ok(said.called.at(-1).endsWith(`--url ${address} doctor --skip-chain`));
});

test("staging has a database, a Worker and secrets of its own", async (t) => {
  const { deploy, toml } = await project(t);
  const { code, called, printed } = await deploy(["staging"]);
  assert.equal(code, 0, printed);
  assert.equal(called[1], "wrangler d1 create clickledger-staging --location weur");
  assert.ok(called.every((call) => !call.includes("--env") || call.includes("--env staging")));
  assert.ok(toml().includes(`database_name = "clickledger-staging"\ndatabase_id = "${MADE}"\n`));
});

test("a jurisdiction is the database's from the beginning, and never another", async (t) => {
  const { deploy, toml, write, set, account } = await project(t);
  const production = toml().indexOf("[env.production.vars]");
  const eu = toml().slice(0, production) + toml().slice(production).replace('JURISDICTION = ""', 'JURISDICTION = "eu"');
  write(eu);
  const { called } = await deploy();
  assert.equal(called[1], "wrangler d1 create clickledger --jurisdiction eu");
  set({ ...account(), databases: [{ uuid: MADE, name: "clickledger", jurisdiction: null }] });
  const found = await deploy();
  assert.equal(found.code, 1);
  assert.match(found.printed, /in no jurisdiction, and JURISDICTION says in eu\n +do: A database cannot be moved/);
  write(eu.replace('JURISDICTION = "eu"', 'JURISDICTION = "mars"'));
  assert.match((await deploy()).printed, /JURISDICTION is "mars"\n +do: Correct it in \[env\.production\.vars\]/);
});

test("paused for a restore it is deployed, and doctor is not asked", async (t) => {
  const { deploy, toml, write } = await project(t);
  write(toml().replaceAll('LEDGER_PAUSED = ""', 'LEDGER_PAUSED = "1"'));
  const found = await deploy();
  assert.equal(found.code, 0, found.printed);
  assert.ok(!found.called.some((call) => call.startsWith("cargo")));
  assert.match(found.printed, /it is paused/);
});

test("an environment that there is not is refused", async (t) => {
  const { deploy } = await project(t);
  const found = await deploy(["mars"]);
  assert.deepEqual([found.code, found.called], [1, []]);
  assert.match(found.printed, /no environment mars\n +do: Say ENV=staging or ENV=production/);
});
