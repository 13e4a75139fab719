// The tracker's files: every one that was built, under its name, with its type and its life; and nothing else.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";

const DIST = join(import.meta.dirname, "../../tracker/dist");
const TYPES = { js: "text/javascript; charset=utf-8", json: "application/json", wasm: "application/wasm" };
const LIVES = { Briefly: "public, max-age=300", ForGood: "public, max-age=31536000, immutable" };

/** What scripts/build-tracker has written down: the name, the file that holds the bytes, how long it is kept. */
async function built() {
  const table = await readFile(join(DIST, "files.rs"), "utf8");
  const entries = [...table.matchAll(/\(\s*"([^"]+)",\s*include_bytes!\("([^"]+)"\)[^,]*,\s*Kept::(\w+)/g)];
  assert.ok(entries.length > 1, table);
  return entries.map(([, name, file, kept]) => ({ name, file, kept, type: TYPES[name.split(".").at(-1)] }));
}

async function download(ledger, path, init) {
  const response = await fetch(ledger.url + path, init);
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

function assertFile(answer, { type, kept }, path) {
  assert.equal(answer.status, 200, path);
  const header = (name) => answer.headers.get(name);
  assert.deepEqual([header("content-type"), header("cache-control")], [type, LIVES[kept]], path);
  assert.deepEqual([header("access-control-allow-origin"), header("cross-origin-resource-policy")], ["*", "cross-origin"]);
  assert.equal(header("x-content-type-options"), "nosniff");
}

async function assertNoFile(ledger, path) {
  const answer = await download(ledger, path);
  assert.equal(answer.status, 404, path);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.match(answer.headers.get("content-type"), /^text\/plain/);
  assert.ok(answer.bytes.length < 100, path);
}

test("every file for browsers is served as it was built, and any page may load it", async (t) => {
  const ledger = await startLedger(t);
  for (const file of (await built()).filter(({ type }) => type !== undefined)) {
    const path = `/js/${file.name}`;
    const answer = await download(ledger, path, { headers: { origin: "https://anybody.example" } });
    assertFile(answer, file, path);
    assert.ok(answer.bytes.equals(await readFile(join(DIST, file.file))), path);

    const head = await download(ledger, path, { method: "HEAD" });
    assertFile(head, file, path);
    assert.equal(head.bytes.length, 0);
  }
});

test("the two products' names are the same file as tracker.js", async (t) => {
  const ledger = await startLedger(t);
  const { bytes } = await download(ledger, "/js/tracker.js");
  for (const name of ["affitor-tracker.js", "pixel.min.js"]) {
    const answer = await download(ledger, `/js/${name}`);
    assertFile(answer, { type: TYPES.js, kept: "Briefly" }, name);
    assert.ok(answer.bytes.equals(bytes), name);
  }
});

test("a version of the past, and what is not for browsers, is a short 404 that nobody keeps", async (t) => {
  const ledger = await startLedger(t);
  const others = (await built()).filter(({ type }) => type === undefined).map(({ name }) => name);
  const names = [...others, "core.ffffffff.js", "nothing.js", "files.rs", "TRACKER.js", "tracker.js.map", "tracker"];
  for (const name of names) {
    await assertNoFile(ledger, `/js/${name}`);
    await assertNoFile(ledger, `/first/party/js/${name}`);
  }
  await assertNoFile(ledger, "/js/..%2Ffiles.rs");
});

test("a file is only read", async (t) => {
  const ledger = await startLedger(t);
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const answer = await ledger.request(method, "/js/tracker.js");
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "GET"], method);
  }
});
