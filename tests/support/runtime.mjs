// A built Worker in workerd, with its own D1 database and Durable Objects, for one test or benchmark at a time.
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Log, LogLevel, Miniflare } from "miniflare";
import { databaseSwitch } from "./database_switch.mjs";

const root = join(import.meta.dirname, "../..");
const BACK_WITHIN_MILLISECONDS = 20_000;
const LOCALHOST = "127.0.0.1";
/** No test calls out: who wants rates serves them. */
const NOTHING_CALLED = { RATES_URL: "" };

/** The processes that each runtime of this test has started: nobody else's workerd is ever touched. */
const started = new AsyncLocalStorage();
subscribe("child_process", ({ process }) => started.getStore()?.push(process));

/**
 * What is started: the folder that worker-build filled, and its objects' class by the name of their binding, as in
 * wrangler.toml. `entry` is the text of a module that stands before the built one (`./index.js`), or alone.
 *
 * @type {{ name: string, build?: string, objects: Record<string, string>, entry?: string }}
 */
export const product = {
  name: "clickledger",
  build: "worker/build",
  objects: {
    CLICK_LEDGER: "ClickLedger",
    WEBHOOK_SENDER: "WebhookSender",
    SCHEDULER: "Scheduler",
    KEY_LIMITER: "KeyLimiter",
  },
};

/**
 * Starts a built Worker on a free loopback port, migrations applied.
 *
 * State lives in a folder of its own, removed by `stop`; with `persist`, in that folder, which stays.
 *
 * @param {{ vars?: Record<string, string>, persist?: string, instances?: number, switchable?: boolean,
 *   log?: object[], worker?: typeof product, openCalls?: number, prepare?: (db: object) => Promise<void> }} options `vars` are added to those of wrangler.toml, of
 *   which RATES_URL is empty here; `instances`: so many Workers with the same code, each with the memory of an isolate of
 *   its own, over one database and the same objects; `switchable`: D1 can be taken away from them, and what they then log
 *   is not shown; `log`: gets all that the runtime logs, `{ level, message, … }`, which is then not shown either;
 *   `openCalls`: how many calls without a key an address may make in a minute; `prepare`: fills the database before
 *   migrations are applied
 */
export async function startRuntime(options = {}) {
  const { vars = {}, persist, instances = 1, switchable = false, log, worker = product, openCalls = 1_000_000 } = options;
  const { prepare = () => {} } = options;
  const state = persist ?? (await mkdtemp(join(tmpdir(), "clickledger-test-")));
  const settings = await wranglerSettings();
  const database = switchable ? databaseSwitch() : undefined;
  const built = await modules(worker);
  const config = {
    compatibilityDate: settings.compatibilityDate,
    compatibilityFlags: settings.compatibilityFlags,
    manifest: database === undefined ? built : await database.around(built),
    env: {
      DB: { type: "d1", id: "DB" },
      OPEN_CALLS: { type: "rate-limit", namespace: "1001", simple: { limit: openCalls, period: 60 } },
      ...Object.fromEntries(
        Object.entries(worker.objects).map(([binding, exportName]) => [
          binding,
          { type: "durable-object", worker: worker.name, exportName },
        ]),
      ),
      ...textBindings({ ...settings.vars, ...NOTHING_CALLED, ...vars }),
      ...database?.bindings,
    },
  };
  const objects = Object.fromEntries(
    Object.values(worker.objects).map((name) => [name, { type: "durable-object", storage: "sqlite" }]),
  );
  const others = Array.from({ length: instances - 1 }, (_, number) => `${worker.name}-${number + 2}`);

  let server;
  let cameBack;
  const processes = [];
  const runtime = {
    /** Base URL without a slash at the end. */
    url: "",
    /** The same of every instance, `url` first. */
    urls: [],
    /** How long the runtime took to be ready, in milliseconds. */
    readyIn: 0,
    /** The Worker's D1 database: `prepare`, `batch`, `exec`. It answers the test also when D1 is taken away. */
    db: undefined,
    /** Where the state is: `d1/` and `do/` hold SQLite files. */
    state,
    /** Like the global `fetch`, with a path; redirects are not followed. Each instance gets two calls in turn. */
    fetch: (path, init) => fetch(nextUrl() + path, { redirect: "manual", ...init }),
    /** What can be done to D1, where it is `switchable`: see database_switch.mjs. */
    database,
    /**
     * Stops the runtime and starts it on the same state, at the same URL. As a deployment does: `vars` are other variables,
     * from then on; `meanwhile` is done while nothing runs.
     */
    async restart({ vars: changed = {}, meanwhile = () => {} } = {}) {
      const ports = runtime.urls.map((url) => Number(new URL(url).port));
      await server.dispose();
      Object.assign(config.env, textBindings(changed));
      await meanwhile();
      await start(ports);
    },
    /** Ends the runtime's process at once, as a crash would, and starts it on the same state, at the same URL. */
    async kill() {
      const running = processes.filter((process) => process.exitCode === null && process.signalCode === null);
      const back = new Promise((done) => (cameBack = done));
      for (const process of running) process.kill("SIGKILL");
      await Promise.race([back, notWithin(BACK_WITHIN_MILLISECONDS)]);
      await connect();
    },
    async stop() {
      await server.dispose();
      if (persist === undefined) await rm(state, { recursive: true, force: true });
    },
  };

  let turn = 0;
  // Two, so that callers who ask for two things by turns ask both instances for both.
  const nextUrl = () => runtime.urls[(turn++ >> 1) % runtime.urls.length];

  async function start(ports) {
    processes.length = 0;
    const began = performance.now();
    server = started.run(
      processes,
      () =>
        new Miniflare({
          host: LOCALHOST,
          port: ports[0],
          cf: false,
          log: new Log(LogLevel.ERROR),
          ...((switchable || log !== undefined) && { handleStructuredLogs: (entry) => log?.push(entry) }),
          resourcePersistencePath: state,
          // A process that died is started again by the library itself, on the same ports.
          unsafeHandleRuntimeRestart: () => cameBack?.(),
          workers: [
            { config: { ...config, name: worker.name, exports: objects } },
            ...others.map((name, number) => ({
              config: { ...config, name },
              dev: { unsafeDirectSockets: [{ host: LOCALHOST, port: ports[number + 1] }] },
            })),
          ],
        }),
    );
    await connect();
    runtime.readyIn = performance.now() - began;
  }

  async function connect() {
    const first = await server.ready;
    const rest = await Promise.all(others.map((name) => server.unsafeGetDirectURL(name)));
    runtime.urls = [first, ...rest].map(({ origin }) => origin);
    [runtime.url] = runtime.urls;
    runtime.db = await server.getD1Database("DB", worker.name);
  }

  await start(Array.from({ length: instances }, () => 0));
  try {
    await prepare(runtime.db);
    await migrate(runtime.db);
  } catch (error) {
    await runtime.stop();
    throw error;
  }
  return runtime;
}

async function notWithin(milliseconds) {
  await sleep(milliseconds, undefined, { ref: false });
  throw new Error(`the runtime did not come back within ${milliseconds} ms`);
}

async function modules({ build, entry }) {
  const built = build === undefined ? {} : await builtModules(join(root, build));
  const before = entry === undefined ? {} : { "entry.js": { type: "esm", contents: entry } };
  return { mainModule: entry === undefined ? "index.js" : "entry.js", modules: { ...before, ...built } };
}

async function builtModules(build) {
  const [script, wasm] = await Promise.all([
    readFile(join(build, "index.js"), "utf8"),
    readFile(join(build, "index_bg.wasm")),
  ]);
  return {
    "index.js": { type: "esm", contents: script },
    "index_bg.wasm": { type: "wasm", contents: new Uint8Array(wasm) },
  };
}

/** The date, the flags and the [vars] of wrangler.toml, so that tests run what is deployed. */
async function wranglerSettings() {
  const text = await readFile(join(root, "wrangler.toml"), "utf8");
  const [, compatibilityDate] = text.match(/^compatibility_date = "(.+?)"/m);
  const [, flags] = text.match(/^compatibility_flags = (\[.*?\])/m);
  const [, section] = text.match(/^\[vars\]\n(.*?)(?=^\[)/ms);
  return {
    compatibilityDate,
    compatibilityFlags: JSON.parse(flags),
    vars: Object.fromEntries([...section.matchAll(/^(\w+) = "(.*?)"/gm)].map(([, name, value]) => [name, value])),
  };
}

function textBindings(vars) {
  return Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, { type: "text", value }]));
}

/** Applies what is new of `migrations/`, one batch a file: all of it or nothing. */
async function migrate(db) {
  // The table that wrangler keeps.
  await db.exec(
    "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, " +
      "applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
  );
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map(({ name }) => name));
  const folder = join(root, "migrations");
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql") && !applied.has(file)).sort();
  for (const file of files) {
    // The local database runs all statements of one text, but the last may not be a comment.
    const migration = `${await readFile(join(folder, file), "utf8")}\nSELECT 1;`;
    await db.batch([db.prepare(migration), db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(file)]);
  }
}
