// How long the Worker takes to be there: from the start of the runtime to the first answer, less the same for a Worker
// of one line of JavaScript. The rest is what loading, compiling and instantiating this Worker's WebAssembly cost.
import { product, startRuntime } from "../tests/support/runtime.mjs";
import { bare } from "./contestants.mjs";
import { median } from "./figures.mjs";

const STARTS = 7;

const nothing = {
  name: "nothing",
  objects: {},
  entry: "export default { fetch: () => new Response(null, { status: 204 }) };",
};

/** Each with a request that its Worker answers by itself. */
const contestants = { nothing: [nothing, "/"], bare: [bare, "/empty"], product: [product, "/favicon.ico"] };

/** Milliseconds from the start of the runtime to the first answer: medians, and of them what the two Workers add. */
export async function measureColdStart() {
  const runtimes = new Map();
  for (const [name, [worker, path]] of Object.entries(contestants)) {
    const runtime = await startRuntime({ worker, vars: { IDENTITY_SECRET: "a secret for the benchmarks" } });
    runtimes.set(name, { runtime, path, times: [] });
  }
  for (let start = 0; start < STARTS; start++) {
    for (const { runtime, path, times } of runtimes.values()) times.push(await timeStart(runtime, path));
  }
  const [base, ofBare, ofProduct] = [...runtimes.values()].map(({ times }) => median(times));
  for (const { runtime } of runtimes.values()) await runtime.stop();
  return { base, bare: ofBare - base, product: ofProduct - base };
}

async function timeStart(runtime, path) {
  await runtime.restart();
  const began = performance.now();
  const response = await runtime.fetch(path);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${path} was answered ${response.status}`);
  return runtime.readyIn + performance.now() - began;
}
