// The built command, run as people and scripts run it: in a folder of its own, with nothing of this machine's settings.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

const root = join(import.meta.dirname, "../..");

/** Built by `make test-api`. */
export const BINARY = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/clickledger");

/** An empty folder, which goes with the test. */
export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "clickledger-cli-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/**
 * The command in a folder of its own. `run(…)` answers `{ code, stdout, stderr, json }`; `json` is what `--json` printed.
 *
 * @param t the test
 * @param {{ url?: string, key?: string, settings?: string, env?: object }} options where the API is, with which key;
 *   `settings`: the text of clickledger.toml
 */
export async function command(t, { url, key, settings, env = {} } = {}) {
  const cwd = await folder(t);
  if (settings !== undefined) await writeFile(join(cwd, "clickledger.toml"), settings);
  const given = { CLICKLEDGER_URL: url, CLICKLEDGER_API_KEY: key, ...env };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const options = { cwd, env: { PATH: process.env.PATH, HOME: cwd, ...set }, maxBuffer: 64 * 1024 * 1024 };
  return {
    cwd,
    run: (...args) =>
      new Promise((done) => {
        execFile(BINARY, args, options, (error, stdout, stderr) => {
          const code = error === null ? 0 : error.code;
          done({ code, stdout, stderr, json: args.includes("--json") ? parsed(stdout) : undefined });
        });
      }),
    /** Starts what does not end by itself; it ends with the test. */
    start(...args) {
      const child = spawn(BINARY, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
      t.after(() => child.kill());
      return child;
    },
  };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The command with the ledger's live key. */
export const commandOf = (t, ledger, options = {}) =>
  command(t, { url: ledger.url, key: ledger.fixture.keys.live, ...options });

/** Runs something that must work; its JSON. */
export async function good({ run }, ...args) {
  const answer = await run(...args, "--json");
  assert.equal(answer.code, 0, `${args.join(" ")}: ${answer.stdout}${answer.stderr}`);
  assert.notEqual(answer.json, undefined, answer.stdout);
  return answer.json;
}

/** Asks again until it is so; the runtime decides how long that takes. */
export async function until(look) {
  for (;;) {
    const found = await look();
    if (found) return found;
    await sleep(50);
  }
}

/** A server on this machine; its address. It ends with the test. */
export async function serve(t, answer) {
  const server = createServer(answer);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/**
 * Stands before a ledger and passes everything on; `change(path, { status, body })` may answer otherwise, or say "nothing"
 * for no answer at all.
 */
export const standBefore = (t, ledger, change) =>
  serve(t, async (request, response) => {
    const names = ["authorization", "content-type", "idempotency-key"].filter((name) => request.headers[name] !== undefined);
    const headers = Object.fromEntries(names.map((name) => [name, request.headers[name]]));
    const sent = await buffer(request);
    const body = sent.length > 0 ? sent : undefined;
    const answer = await fetch(ledger.url + request.url, { method: request.method, headers, body });
    const passed = { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
    const changed = change(request.url, passed) ?? passed;
    if (changed === "nothing") return request.socket.destroy();
    response.writeHead(changed.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
    response.end(changed.body);
  });
