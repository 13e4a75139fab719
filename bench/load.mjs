// Drives one kind of call with wrk: a warm-up that also tells how many bodies the measured run will need, then the run.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { runtimeCpu } from "./processors.mjs";

const execute = promisify(execFile);
const script = join(import.meta.dirname, "load.lua");

/** Enough to keep the runtime busy, few enough that latencies still mean something. One thread feeds them. */
const CONNECTIONS = 32;
const WARM_UP_SECONDS = 1;

/** Bodies for the warm-up, which begins anew once they are through. In the measured run that would be an error. */
const WARM_UP_BODIES = 1_500;
/** The measured run may be faster than the warm-up, and a body that is sent twice spoils it. */
const HEADROOM = 2;

/**
 * Measures a call of a running Worker.
 *
 * @param worker `{ url, headers, db }`
 * @param call `{ path, again, bodies(count), grows }`: see contestants.mjs
 * @returns {{ rate: number, p50: number, p99: number, cpu: number, errors: number }} requests per second, milliseconds,
 *   microseconds of the processors per request (NaN where the system does not tell)
 */
export async function measure(worker, call, { seconds, folder }) {
  const warm = await drive(worker, call, { seconds: WARM_UP_SECONDS, count: WARM_UP_BODIES, folder });
  const run = await driveWithEnough(worker, call, { seconds, rate: warm.requests / warm.seconds, folder });
  const { requests, p50, p99, cpu, failed, repeated, missing } = run;
  return { rate: requests / run.seconds, p50, p99, cpu, errors: failed + repeated + missing };
}

/** Where other work had slowed the warm-up, the bodies run out, and the run is done again with as many as it needed. */
async function driveWithEnough(worker, call, { seconds, rate, folder }, triesLeft = 3) {
  const count = Math.ceil(rate * seconds * HEADROOM) + CONNECTIONS;
  const before = await rows(worker, call);
  const run = await drive(worker, call, { seconds, count, folder });
  if (run.repeated > 0 && triesLeft > 1) {
    return driveWithEnough(worker, call, { seconds, rate: run.requests / run.seconds, folder }, triesLeft - 1);
  }
  // An answer without its row would be a repeat, or worse. What was still on its way at the end may have left rows too.
  const missing = before === undefined ? 0 : Math.max(0, run.requests - ((await rows(worker, call)) - before));
  if (run.failed + run.repeated + missing > 0) {
    console.error(`${call.path}: ${run.failed} not answered 2xx, ${run.repeated} sent twice, ${missing} without a row`);
  }
  return { ...run, missing };
}

async function drive(worker, call, { seconds, count, folder }) {
  const file = join(folder, "bodies");
  await writeFile(file, (await call.bodies(count)).join("\n") + "\n");
  const headers = Object.entries(worker.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const options = ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--timeout", "10s", ...headers, "-s", script];
  const before = await runtimeCpu();
  const sent = [worker.url + call.path, "--", file, call.again ? "again" : "once"];
  const { stdout } = await execute("wrk", [...options, ...sent]);
  const came = JSON.parse(stdout.trim().split("\n").at(-1));
  return { ...came, cpu: ((await runtimeCpu()) - before) / came.requests };
}

async function rows({ db }, { grows }) {
  if (grows === undefined) return undefined;
  const { results } = await db.prepare(`SELECT COUNT(*) AS rows FROM ${grows}`).all();
  return results[0].rows;
}
