// The package's types, as the compiler sees them where the package is installed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const compiler = join(root, "node_modules/.bin/tsc");

/** A project that has the package installed, and `uses.ts` in it. */
async function project(t, compilerOptions) {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-types-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const installed = join(folder, "node_modules/@clickledger/tracker");
  await mkdir(installed, { recursive: true });
  await cp(join(root, "packages/tracker"), installed, { recursive: true });
  await cp(join(import.meta.dirname, "uses.ts"), join(folder, "uses.ts"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const shared = { strict: true, noEmit: true, target: "es2021", lib: ["es2021", "dom", "dom.iterable"], types: [] };
  const config = { compilerOptions: { ...shared, ...compilerOptions }, files: ["uses.ts"] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  return folder;
}

/** What the compiler complains of. */
const compile = (folder) => run(compiler, ["--project", folder]).then(() => "", ({ stdout }) => stdout);

for (const [name, options] of Object.entries({
  "a bundler": { module: "esnext", moduleResolution: "bundler" },
  "Node's own rules": { module: "nodenext", moduleResolution: "nodenext" },
})) {
  test(`right uses compile and wrong ones do not, where modules are found by ${name}`, async (t) => {
    assert.equal(await compile(await project(t, options)), "");
  });
}

test("the compiler is asked at all: a wrong use without a mark is an error", async (t) => {
  const folder = await project(t, { module: "esnext", moduleResolution: "bundler" });
  const wrong = 'import { signup } from "@clickledger/tracker"; void signup({});\n';
  await writeFile(join(folder, "uses.ts"), wrong);
  assert.match(await compile(folder), /uses\.ts\(1,\d+\): error TS2345/);
});

test("the package exports what its types say, and has the workspace's version", async () => {
  const types = await readFile(join(root, "packages/tracker/index.d.ts"), "utf8");
  const declared = [...types.matchAll(/^export function (\w+)/gm)].map(([, name]) => name).sort();
  assert.deepEqual(Object.keys(await import("../../packages/tracker/index.js")).sort(), declared);
  const workspace = await readFile(join(root, "Cargo.toml"), "utf8");
  const [, version] = workspace.match(/^\[workspace\.package\]\nversion = "(.+?)"/m);
  const manifest = JSON.parse(await readFile(join(root, "packages/tracker/package.json"), "utf8"));
  assert.equal(manifest.version, version);
});
