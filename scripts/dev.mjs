// Serves the built Worker on this machine: state in STATE_DIR, migrated, with a demo program in it. Ends with everything
// that it started, on Ctrl-C and when its parent goes.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, relative, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const root = resolve(import.meta.dirname, "..");
const port = Number(process.env.PORT || 8787);
const origin = `http://127.0.0.1:${port}`;
const state = resolve(root, process.env.STATE_DIR || ".dev");
const store = join(state, "store"); // the runtime's files: databases and objects
const demo = { json: join(state, "demo.json"), sql: join(state, "demo.sql"), vars: join(state, "vars.env") };
const migrated = join(state, "migrated"); // names what was applied
const seeded = join(state, "seeded"); // there once the demo program is in the database

// wrangler: no reports, no banner (it looks for updates), no fetch of an example of Cloudflare's request details.
Object.assign(process.env, {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
});

const startedBy = process.ppid;
const groups = new Set();
let ending = false;

/** Starts a command as the head of a process group of its own. */
function start(command, args, stdio) {
  const child = spawn(command, args, { cwd: root, detached: true, stdio });
  groups.add(child.pid);
  child.on("error", (error) => fail(error.message));
  return child;
}

function signal(group, name) {
  try {
    process.kill(-group, name);
  } catch {
    groups.delete(group); // nobody left
  }
}

/** Ends all groups: wrangler may tidy up, but workerd can outlive it. */
async function end(code) {
  if (ending) return;
  ending = true;
  for (const group of groups) signal(group, "SIGTERM");
  for (let wait = 0; wait < 20 && groups.size > 0; wait++) {
    await sleep(100);
    for (const group of groups) signal(group, 0);
  }
  for (const group of groups) signal(group, "SIGKILL");
  process.exit(code);
}

async function fail(message) {
  if (!ending) console.error(`error: ${message}`);
  await end(1);
}

/** Runs a command to its end; what it printed is shown only if it failed. */
function run(command, ...args) {
  return new Promise((done) => {
    const child = start(command, args, ["ignore", "pipe", "pipe"]);
    let printed = "";
    child.stdout.on("data", (data) => (printed += data));
    child.stderr.on("data", (data) => (printed += data));
    child.on("close", (code) => {
      groups.delete(child.pid);
      if (code === 0) return done();
      if (!ending) console.error(printed);
      fail(`failed: ${command} ${args.join(" ")}`);
    });
  });
}

const d1 = (...args) => run("wrangler", "d1", ...args, "--local", "--persist-to", store);

async function portIsFree() {
  if (!Number.isInteger(port) || port < 1 || port > 65535) fail(`PORT is not a port number: ${process.env.PORT}`);
  const server = createServer();
  await new Promise((done) => {
    server.on("error", ({ code }) =>
      fail(code === "EADDRINUSE" ? `port ${port} is in use: choose another with PORT=` : `port ${port}: ${code}`),
    );
    server.listen(port, "127.0.0.1", done);
  });
  await new Promise((done) => server.close(done));
}

async function migrate() {
  const folder = join(root, "migrations");
  const hash = createHash("sha256");
  for (const file of readdirSync(folder).sort()) hash.update(file).update(readFileSync(join(folder, file)));
  const wanted = hash.digest("hex");
  if (existsSync(migrated) && readFileSync(migrated, "utf8") === wanted) return;
  console.log("==> applying migrations");
  await d1("migrations", "apply", "DB");
  writeFileSync(migrated, wanted);
}

async function seed() {
  console.log("==> making the demo program");
  const files = ["--json-file", demo.json, "--sql", demo.sql, "--vars", demo.vars];
  await run("cargo", "run", "--quiet", "--package", "clickledger", "--", "demo", "--base-url", origin, ...files);
  await d1("execute", "DB", "--file", demo.sql);
  writeFileSync(seeded, "");
}

/** The demo keeps its keys; only the port may be another one this time, and then the shop's origin is another one too. */
async function useThisPort() {
  const text = readFileSync(demo.json, "utf8");
  const { base_url: then, program_id } = JSON.parse(text);
  if (then !== origin) {
    await d1(
      "execute",
      "DB",
      "--command",
      `INSERT OR IGNORE INTO program_origin (program_id, origin, team_id)
       SELECT id, '${origin}', team_id FROM program WHERE id = '${program_id}'`,
    );
    writeFileSync(demo.json, text.replaceAll(then, origin));
  }
  return JSON.parse(readFileSync(demo.json, "utf8"));
}

function serve() {
  const child = start(
    "wrangler",
    [
      ["dev", "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0", "--persist-to", store],
      ["--var", "WEBHOOK_ALLOW_LOOPBACK:1"], // webhooks to a server on this machine
      ["--var", "OPEN_CALLS_UNLIMITED:1"], // every page calls from this machine
      ["--env-file", demo.vars, "--log-level", "error", "--show-interactive-dev-session=false"],
    ].flat(),
    ["ignore", "inherit", "inherit"],
  );
  child.on("exit", () => fail("the server ended"));
}

async function answers() {
  for (;;) {
    const response = await fetch(`${origin}/healthz`).catch(() => undefined);
    if (response?.ok) return;
    await sleep(100);
  }
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => end(0));
// A parent that was killed outright sends no signal.
setInterval(() => process.ppid === startedBy || end(0), 1000).unref();

await portIsFree();
mkdirSync(state, { recursive: true });
if (!existsSync(seeded)) {
  // Nothing was ever served from here: begin again after an interrupted first run.
  rmSync(store, { recursive: true, force: true });
  rmSync(migrated, { force: true });
}
await migrate();
if (!existsSync(seeded)) await seed();
const { demo_url } = await useThisPort();
serve();
await answers();
console.log(`
  API        ${origin}
  Demo shop  ${demo_url}
  Dashboard  ${origin}/dashboard
  Demo keys  ${relative(process.cwd(), demo.json)}

  Ctrl-C ends it.`);
