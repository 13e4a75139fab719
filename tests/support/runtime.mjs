// A built Worker in workerd, with its own D1 database and Durable Objects, for one test or benchmark at a time.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Log, LogLevel, Miniflare } from "miniflare";

const root = join(import.meta.dirname, "../..");

/**
 * What is started: the folder that worker-build filled, and its objects' class by the name of their binding. `entry` is
 * the text of a module that stands before the built one (`./index.js`), or alone.
 *
 * @type {{ name: string, build?: string, objects: Record<string, string>, entry?: string }}
 */
export const product = { name: "clickledger", build: "worker/build", objects: { CLICK_LEDGER: "ClickLedger" } };

/**
 * Starts a built Worker on a free loopback port, migrations applied.
 *
 * State lives in a folder of its own, removed by `stop`; with `persist`, in that folder, which stays.
 *
 * @param {{ vars?: Record<string, string>, persist?: string, worker?: typeof product }} options `vars` are added to
 *   those of wrangler.toml
 */
export async function startRuntime({ vars = {}, persist, worker = product } = {}) {
  const state = persist ?? (await mkdtemp(join(tmpdir(), "clickledger-test-")));
  const settings = await wranglerSettings();
  const config = {
    name: worker.name,
    compatibilityDate: settings.compatibilityDate,
    manifest: await modules(worker),
    exports: objectExports(worker),
    env: {
      DB: { type: "d1", id: "DB" },
      ...objectBindings(worker),
      ...textBindings({ ...settings.vars, ...vars }),
    },
  };

  let server;
  const runtime = {
    /** Base URL without a slash at the end. */
    url: "",
    /** How long the runtime took to be ready, in milliseconds. */
    readyIn: 0,
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
    const began = performance.now();
    server = new Miniflare({
      host: "127.0.0.1",
      port,
      cf: false,
      log: new Log(LogLevel.ERROR),
      resourcePersistencePath: state,
      workers: [{ config }],
    });
    runtime.url = (await server.ready).origin;
    runtime.readyIn = performance.now() - began;
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

/** The date and the [vars] of wrangler.toml, so that tests run what is deployed. */
async function wranglerSettings() {
  const text = await readFile(join(root, "wrangler.toml"), "utf8");
  const [, compatibilityDate] = text.match(/^compatibility_date = "(.+?)"/m);
  const [, section] = text.match(/^\[vars\]\n(.*?)(?=^\[)/ms);
  return {
    compatibilityDate,
    vars: Object.fromEntries([...section.matchAll(/^(\w+) = "(.*?)"/gm)].map(([, name, value]) => [name, value])),
  };
}

function objectExports({ objects }) {
  return Object.fromEntries(
    Object.values(objects).map((exportName) => [exportName, { type: "durable-object", storage: "sqlite" }]),
  );
}

function objectBindings({ name, objects }) {
  return Object.fromEntries(
    Object.entries(objects).map(([binding, exportName]) => [
      binding,
      { type: "durable-object", worker: name, exportName },
    ]),
  );
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
