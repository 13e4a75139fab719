// The built Worker in workerd, with its own D1 database and Durable Objects, for one test at a time.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";

const root = join(import.meta.dirname, "../..");
const NAME = "clickledger";

/** Bindings of Durable Objects and their classes, as in wrangler.toml. */
const OBJECTS = { CLICK_LEDGER: "ClickLedger", WEBHOOK_SENDER: "WebhookSender", SCHEDULER: "Scheduler" };

/**
 * Starts the Worker of `worker/build` on a free loopback port, migrations applied.
 *
 * State lives in a folder of its own, removed by `stop`; with `persist`, in that folder, which stays.
 *
 * @param {{ vars?: Record<string, string>, persist?: string }} options `vars` are added to those of wrangler.toml
 */
export async function startRuntime({ vars = {}, persist } = {}) {
  const state = persist ?? (await mkdtemp(join(tmpdir(), "clickledger-test-")));
  const settings = await wranglerSettings();
  const config = {
    name: NAME,
    compatibilityDate: settings.compatibilityDate,
    compatibilityFlags: settings.compatibilityFlags,
    manifest: await builtModules(),
    exports: Object.fromEntries(
      Object.values(OBJECTS).map((name) => [name, { type: "durable-object", storage: "sqlite" }]),
    ),
    env: {
      DB: { type: "d1", id: "DB" },
      ...Object.fromEntries(
        Object.entries(OBJECTS).map(([binding, exportName]) => [
          binding,
          { type: "durable-object", worker: NAME, exportName },
        ]),
      ),
      ...textBindings({ ...settings.vars, ...vars }),
    },
  };

  let server;
  const runtime = {
    /** Base URL without a slash at the end. */
    url: "",
    /** The Worker's D1 database: `prepare`, `batch`, `exec`. */
    db: undefined,
    /** Like the global `fetch`, with a path; redirects are not followed. */
    fetch: (path, init) => fetch(runtime.url + path, { redirect: "manual", ...init }),
    /** Stops the runtime and starts it on the same state, at the same URL. */
    async restart() {
      const { port } = new URL(runtime.url);
      await server.dispose();
      await start(Number(port));
    },
    async stop() {
      await server.dispose();
      if (persist === undefined) await rm(state, { recursive: true, force: true });
    },
  };

  async function start(port) {
    server = new Miniflare({
      host: "127.0.0.1",
      port,
      cf: false,
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: state,
      workers: [{ config }],
    });
    runtime.url = (await server.ready).origin;
    runtime.db = await server.getD1Database("DB");
  }

  await start(0);
  try {
    await migrate(runtime.db);
  } catch (error) {
    await runtime.stop();
    throw error;
  }
  return runtime;
}

async function builtModules() {
  const build = join(root, "worker/build");
  const [script, wasm] = await Promise.all([
    readFile(join(build, "index.js"), "utf8"),
    readFile(join(build, "index_bg.wasm")),
  ]);
  return {
    mainModule: "index.js",
    modules: {
      "index.js": { type: "esm", contents: script },
      "index_bg.wasm": { type: "wasm", contents: new Uint8Array(wasm) },
    },
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
  await db.exec("CREATE TABLE IF NOT EXISTS applied_in_test (file TEXT PRIMARY KEY)");
  const { results } = await db.prepare("SELECT file FROM applied_in_test").all();
  const applied = new Set(results.map(({ file }) => file));
  const folder = join(root, "migrations");
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql") && !applied.has(file)).sort();
  for (const file of files) {
    // The local database runs all statements of one text, but the last may not be a comment.
    const migration = `${await readFile(join(folder, file), "utf8")}\nSELECT 1;`;
    await db.batch([db.prepare(migration), db.prepare("INSERT INTO applied_in_test (file) VALUES (?)").bind(file)]);
  }
}
