// `make size`: what the built tracker weighs, against its budgets. Over one of them: exit code 1.
//
// node scripts/size.mjs [--peers] [--write]
//   --peers   also other trackers, as bench/peers/bundle.mjs bundles them (installs them there)
//   --write   both, into docs/tracker-size.md
//
// Bytes: as they are, by gzip -9, and by Brotli at 11, as a server or a CDN sends them. A sum is the sum of its files,
// since each is compressed by itself.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { table, writeInto } from "../bench/page.mjs";

const root = join(import.meta.dirname, "..");
const dist = join(root, "tracker/dist");
const { values: options } = parseArgs({ options: { peers: { type: "boolean" }, write: { type: "boolean" } } });

/** Bytes by Brotli (DESIGN §11). */
const BUDGET = { loader: 900, "loader + core": 4000, fallback: 3000 };

/** What a page asks for first has the short name that customers write; the rest is named by its content. */
const FILES = {
  loader: /^tracker\.js$/,
  core: /^core(\.[0-9a-f]+)?\.js$/,
  fallback: /^fallback\.[0-9a-f]+\.js$/,
  debug: /^debug\.[0-9a-f]+\.js$/,
};
const PARTS = { wasm: "parts/core.wasm", glue: "parts/glue.js" };

/** The weight of what the build has left under a name; undefined if it is not there. */
function weighFile(name) {
  const found = readdirSync(dist).filter((file) => FILES[name].test(file));
  if (found.length > 1) throw new Error(`tracker/dist has several files for the ${name}: ${found.join(", ")}`);
  return found.length === 1 ? weigh(readFileSync(join(dist, found[0]))) : undefined;
}

function weighPart(path) {
  return existsSync(join(dist, path)) ? weigh(readFileSync(join(dist, path))) : undefined;
}

function weigh(bytes) {
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli.length };
}

const combine = (one, other, operation) =>
  Object.fromEntries(Object.keys(one).map((unit) => [unit, operation(one[unit], other[unit])]));
const plus = (one, other) => combine(one, other, (a, b) => a + b);
const minus = (one, other) => combine(one, other, (a, b) => a - b);

/** Name and weight of everything, in the order of the table. */
function weighTracker() {
  const loader = weighFile("loader");
  const core = weighFile("core");
  if (loader === undefined || core === undefined) throw new Error("tracker/dist is not built: run make tracker");
  return { loader, core, ...weighParts(core), "loader + core": plus(loader, core), ...weighRest() };
}

/** What the core's file consists of. The shell is what remains, with what it costs to carry the wasm as text. */
function weighParts(core) {
  const wasm = weighPart(PARTS.wasm);
  const glue = weighPart(PARTS.glue);
  const known = wasm !== undefined && glue !== undefined;
  const shell = known ? minus(core, plus(wasm, glue)) : undefined;
  return { "in it: wasm": wasm, "in it: glue": glue, "in it: shell": shell };
}

function weighRest() {
  return { fallback: weighFile("fallback"), debug: weighFile("debug") };
}

function row([name, weight]) {
  if (weight === undefined) return [name, "not built", "", "", ""];
  return [name, ...Object.values(weight).map(String), verdict(name, weight)];
}

function verdict(name, { brotli }) {
  const budget = BUDGET[name];
  if (budget === undefined) return "";
  return `≤ ${budget} ${brotli <= budget ? "kept" : "exceeded"}`;
}

/** The peers, lightest first, and our own package where it is one of their kind. */
async function peersTable() {
  const { bundle, bundlePeers, TAG } = await import("../bench/peers/bundle.mjs");
  const peers = await bundlePeers();
  const own = join(root, "packages/tracker");
  const { name, version } = JSON.parse(readFileSync(join(own, "package.json"), "utf8"));
  const entry = `import { load } from "./index.js"; load({ src: "https://example.com/js/tracker.js", program: "p" });`;
  peers.push({ name, version, is: TAG, bytes: await bundle(entry, own) });
  const weighed = peers.map((peer) => ({ ...peer, ...weigh(peer.bytes) }));
  weighed.sort((one, other) => one.is.localeCompare(other.is) || one.brotli - other.brotli);
  const rows = weighed.map(({ name, version, is, raw, gzip, brotli }) => [name, version, is, raw, gzip, brotli]);
  const head = ["Package", "Version", "What is bundled", "Raw", "gzip -9", "Brotli 11"];
  return table([head, ...rows.map((row) => row.map(String))]);
}

const tracker = weighTracker();
const rows = Object.entries(tracker).map(row);
const figures = [table([["Bytes", "Raw", "gzip -9", "Brotli 11", "Budget"], ...rows])];
if (options.peers || options.write) figures.push(await peersTable());
console.log(figures.join("\n\n"));
if (options.write) await writeInto(join(root, "docs/tracker-size.md"), "make size WRITE=1", figures.join("\n\n"));

for (const [name, budget] of Object.entries(BUDGET)) {
  const complaint = complain(tracker[name], budget);
  if (complaint === undefined) continue;
  console.error(`error: ${name}: ${complaint}`);
  process.exitCode = 1;
}

/** What is not there has not kept its budget. */
function complain(weight, budget) {
  if (weight === undefined) return "not built";
  const { brotli } = weight;
  return brotli > budget ? `${brotli} bytes by Brotli, ${brotli - budget} over the budget of ${budget}` : undefined;
}
