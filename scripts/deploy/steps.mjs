// The steps of a deployment, in their order: a later one rests on the earlier ones.
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { placeOf, SECRETS } from "./plan.mjs";
import { Failure, jsonIn, root, run, wrangler } from "./wrangler.mjs";
import { withDatabaseId } from "./toml.mjs";

const LOG_IN = "Log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN (and CLOUDFLARE_ACCOUNT_ID where there are several).";
const AGAIN = "Correct that, then run make deploy again: what is done already stays.";

/** A new name in workers.dev takes a while until it answers everywhere. */
const ANSWERS_WITHIN_SECONDS = Number(process.env.ANSWERS_WITHIN_SECONDS || 180);

const say = (text) => console.log(`==> ${text}`);

/** The databases of the account: who is not logged in learns it here. */
export async function account() {
  say("account: listing its databases");
  return jsonIn(await wrangler(["d1", "list", "--json"], LOG_IN), "[");
}

/** Makes the database where it is missing, and writes its id into wrangler.toml. */
export async function database(plan, databases) {
  const { name, id } = plan.database;
  if (id !== undefined) return known(plan, databases);
  let found = databases.find((row) => row.name === name);
  if (found === undefined) {
    const place = placeOf(plan);
    say(`database: making ${name} ${place.says}`);
    await wrangler(["d1", "create", name, ...place.words], AGAIN);
    found = (await account()).find((row) => row.name === name);
  }
  if (found === undefined) throw new Failure(`the account does not list ${name}`, AGAIN);
  assertPlace(plan, found);
  const path = join(root, "wrangler.toml");
  writeFileSync(path, withDatabaseId(readFileSync(path, "utf8"), plan.environment, found.uuid));
  say(`database: ${name} is ${found.uuid}; written into wrangler.toml (commit it)`);
}

function known(plan, databases) {
  const { name, id } = plan.database;
  const found = databases.find(({ uuid }) => uuid === id);
  if (found === undefined) {
    const fix = `Choose the account that has it (CLOUDFLARE_ACCOUNT_ID), or take database_id out of [[env.${plan.environment}.d1_databases]].`;
    throw new Failure(`wrangler.toml says that ${name} is ${id}, which this account does not have`, fix);
  }
  assertPlace(plan, found);
  say(`database: ${name} is there`);
}

/** Where the account says in which jurisdiction a database is, it must be the one that the objects are in. */
function assertPlace({ jurisdiction, database: { name } }, { jurisdiction: actual }) {
  if (actual === undefined || (actual ?? "") === jurisdiction) return;
  const says = (word) => (word ? `in ${word}` : "in no jurisdiction");
  throw new Failure(
    `${name} is ${says(actual)}, and JURISDICTION says ${says(jurisdiction)}`,
    `A database cannot be moved. Set JURISDICTION = ${JSON.stringify(actual ?? "")}, or name another database.`,
  );
}

/** The needed secrets that the Worker lacks, by name: made here, and never shown. They go out together with the code. */
export async function secrets(plan) {
  const there = await secretNames(plan);
  const made = {};
  for (const { name, isNeeded } of SECRETS) {
    if (there.includes(name)) {
      say(`secrets: ${name} is set, and stays`);
    } else if (process.env[name]) {
      say(`secrets: ${name} is taken from the environment`);
      made[name] = process.env[name];
    } else if (isNeeded) {
      say(`secrets: ${name} is made at random, for good (docs/operate.md says what losing it means)`);
      made[name] = randomBytes(32).toString("base64url");
    } else {
      say(`secrets: ${name} is not set: wrangler secret put ${name} --env ${plan.environment}`);
    }
  }
  return made;
}

async function secretNames({ environment }) {
  const { code, stdout, printed } = await run("wrangler", ["secret", "list", "--format", "json", "--env", environment]);
  if (code === 0) return jsonIn(stdout, "[").map(({ name }) => name);
  // A Worker that was never deployed has none.
  if (/not found|does not exist/i.test(printed)) return [];
  throw new Failure(`wrangler secret list failed\n${printed.trim()}`, AGAIN);
}

/** Applies what is missing, before the code that needs it: what is live goes on with more columns than it knows. */
export async function migrations({ environment, database: { binding } }) {
  const place = ["--remote", "--env", environment];
  const printed = await wrangler(["d1", "time-travel", "info", binding, "--json", "--env", environment], AGAIN);
  const { bookmark } = jsonIn(printed, "{");
  say(`migrations: applying what is missing; the state before is bookmark ${bookmark}`);
  const fix = `The code was not deployed. Correct the migration, then run make deploy again. A failed migration leaves nothing behind; to go back further: wrangler d1 time-travel restore ${binding} --bookmark=${bookmark} --env ${environment} (docs/operate.md).`;
  await wrangler(["d1", "migrations", "apply", binding, ...place], fix, { shows: true });
}

/** Deploys, with the secrets that were missing; the address. */
export async function code({ environment, worker }, made) {
  say(`code: deploying ${worker}`);
  const folder = mkdtempSync(join(tmpdir(), "clickledger-deploy-"));
  try {
    const report = join(folder, "report.ndjson");
    const file = join(folder, "secrets.json");
    const withSecrets = Object.keys(made).length > 0 ? ["--secrets-file", file] : [];
    if (withSecrets.length > 0) writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
    const env = { WRANGLER_OUTPUT_FILE_PATH: report };
    await wrangler(["deploy", "--env", environment, ...withSecrets], AGAIN, { shows: true, env });
    return process.env.URL || addressIn(readFileSync(report, "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The address in wrangler's report: a domain of one's own before workers.dev. */
function addressIn(report) {
  const entries = report.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const targets = entries.flatMap(({ type, targets: all }) => (type === "deploy" ? (all ?? []) : []));
  const own = targets.find((target) => target.includes("(custom domain"));
  const address = own === undefined ? targets.find((target) => /^https?:/.test(target)) : `https://${own.split(" ")[0]}`;
  if (address !== undefined) return address;
  throw new Failure(`it is deployed, and has no address of its own: ${targets.join(", ")}`, "Say where it answers: make deploy URL=https://…");
}

/** Waits until it answers, then has `doctor` look at it: at everything where there is a key, else at the service alone. */
export async function healthy({ variables }, url) {
  say(`doctor: looking at ${url}`);
  const ends = Date.now() + ANSWERS_WITHIN_SECONDS * 1000;
  while (!(await answers(url)) && Date.now() < ends) await sleep(2000);
  if (variables.LEDGER_PAUSED === "1") {
    say("doctor: not asked, it is paused. The next steps: docs/operate.md, Backup and restore");
    return;
  }
  const only = process.env.CLICKLEDGER_API_KEY ? ["--skip-chain"] : ["--service"];
  const words = ["run", "--quiet", "--package", "clickledger", "--", "--url", url, "doctor", ...only];
  const { code: found } = await run("cargo", words, { shows: true });
  if (found !== 0) {
    throw new Failure(
      "it is deployed, and not as it should be",
      "Do what doctor says. To go back to the code before: wrangler rollback (docs/operate.md).",
    );
  }
}

const answers = (url) => fetch(`${url}/healthz`).then(({ ok }) => ok, () => false);

/** wrangler's own rehearsal: it bundles and reads everything, and sends nothing. */
export async function dryRun({ environment }) {
  const folder = mkdtempSync(join(tmpdir(), "clickledger-deploy-"));
  try {
    const fix = "Correct what wrangler says; make build makes what it bundles.";
    await wrangler(["deploy", "--dry-run", "--env", environment, "--outdir", folder], fix);
    say(`${environment}: wrangler's dry run succeeds`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
