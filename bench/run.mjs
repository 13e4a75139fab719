// `make bench`: the product and the bare Worker, in turn, on one runtime, in one run. docs/benchmarks.md says what is
// measured and what the figures mean.
//
// node bench/run.mjs [--seconds 3] [--rounds 3] [--write]
import { mkdir, mkdtemp, readFile, rm, statfs } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { product } from "../tests/support/runtime.mjs";
import { measureColdStart } from "./cold_start.mjs";
import { bare, startBare, startProduct } from "./contestants.mjs";
import { counted, countLoneClick, countRows } from "./counting.mjs";
import { contests } from "./figures.mjs";
import { measure } from "./load.mjs";
import { writeInto } from "./page.mjs";
import { report } from "./report.mjs";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
  },
});
const settings = { seconds: positive("seconds"), rounds: positive("rounds") };

function positive(name) {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} must be a whole number from 1 on`);
  return number;
}

/** Where state is kept: in memory, where writes cost no disk, and beside the build's output, where they do. */
async function findMedia() {
  const disk = join(root, "target");
  await mkdir(disk, { recursive: true });
  const memory = "/dev/shm";
  if (await isTmpfs(memory)) return { tmpfs: memory, disk };
  say("there is no tmpfs on this machine: state on disk only");
  return { disk };
}

async function isTmpfs(folder) {
  const TMPFS_MAGIC = 0x01021994;
  return statfs(folder).then(({ type }) => type === TMPFS_MAGIC, () => false);
}

/** Runs `use` with both Workers on a fresh state of their own. */
async function withBoth(place, { product: ofProduct, bare: ofBare }, use) {
  const folder = await mkdtemp(join(place, "clickledger-bench-"));
  const started = [];
  try {
    started.push(await startProduct({ persist: join(folder, "product"), worker: ofProduct }));
    started.push(await startBare({ persist: join(folder, "bare"), worker: ofBare }));
    const [productRuns, bareRuns] = started;
    return await use({ product: productRuns, bare: bareRuns, folder });
  } finally {
    for (const worker of started) await worker.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** All rounds in one place: for each Worker and call, one measurement a round. */
async function measureRounds(medium, place) {
  const rounds = { product: {}, bare: {} };
  for (let round = 1; round <= settings.rounds; round++) {
    say(`state on ${medium}, round ${round} of ${settings.rounds}`);
    await withBoth(place, { product, bare }, async (workers) => {
      for (const [side, call] of order(round)) {
        const { folder } = workers;
        const measured = await measure(workers[side], workers[side].calls[call], { ...settings, folder });
        (rounds[side][call] ??= []).push(measured);
      }
    });
  }
  return { medium, rounds };
}

/** Each contest's calls one after the other; the next round begins with the other side. */
function order(round) {
  return contests.flatMap(({ call, against }) => {
    const bare = against.map((other) => ["bare", other.call]);
    const product = call === undefined ? [] : [["product", call]];
    return round % 2 === 1 ? [...bare, ...product] : [...product, ...bare];
  });
}

async function count(place) {
  say("counting rows written");
  const both = { product: await counted(product), bare: await counted(bare) };
  return withBoth(place, both, async (workers) => ({
    rows: { product: await countRows(workers.product), bare: await countRows(workers.bare) },
    lone: await countLoneClick(workers.product),
  }));
}

async function machine() {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
  const version = lock.packages["node_modules/workerd"].version;
  const day = new Date().toISOString().slice(0, 10);
  const run = `${settings.rounds} rounds of ${settings.seconds} s, 32 connections`;
  return `${day}, ${availableParallelism()} cores (shared with the load generator), workerd ${version}, ${run}.`;
}

function say(text) {
  console.log(`==> bench: ${text}`);
}

const places = await findMedia();
const media = [];
for (const [medium, place] of Object.entries(places)) media.push(await measureRounds(medium, place));
const rowsWritten = await count(Object.values(places)[0]);
say("cold start");
const coldStart = await measureColdStart();
const figures = report({ machine: await machine(), media, ...rowsWritten, coldStart });
console.log(`\n${figures}`);
if (values.write) await writeInto(join(root, "docs/benchmarks.md"), "make bench WRITE=1", figures);

const all = media.flatMap(({ rounds }) => Object.values(rounds).flatMap((side) => Object.values(side).flat()));
if (all.some(({ errors }) => errors > 0)) {
  console.error("error: some calls were not answered 2xx; those rows are not valid");
  process.exitCode = 1;
}
