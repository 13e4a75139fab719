// Property tests of the parsers, inside the browser: for generated addresses and cookies both cores agree with the
// browser's own URLSearchParams, never throw, and what is written into a cookie comes back. CASES=100000 runs more, SEED=…
// others.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { openBrowser } from "../support/browser.mjs";

const CASES = Number(process.env.CASES ?? 2_000);
const SEED = Number(process.env.SEED ?? 20_260_101);
const FAILURES_SHOWN = 3;
const ORIGIN = "http://parsers.test";

const tracker = (path) => readFileSync(new URL(`../../tracker/${path}`, import.meta.url));

let browser;
let page;
before(async () => {
  browser = await openBrowser();
  page = await browser.newPage();
  const files = {
    "/": ["text/html", "<!doctype html>"],
    "/fallback.js": ["text/javascript", tracker("js/fallback.js")],
    "/core.wasm": ["application/wasm", tracker("dist/parts/core.wasm")],
    "/generator.js": ["text/javascript", readFileSync(new URL("generator.js", import.meta.url))],
  };
  await page.route(`${ORIGIN}/**`, (route) => {
    const [contentType, body] = files[new URL(route.request().url()).pathname];
    return route.fulfill({ contentType, body });
  });
  await page.goto(`${ORIGIN}/`);
  await page.evaluate(async () => {
    const fallback = await import("/fallback.js");
    const { instance } = await WebAssembly.instantiateStreaming(fetch("/core.wasm"));
    const { exports } = instance;
    // As js/wasm.js calls it.
    const ask =
      (call) =>
      (record, ...numbers) => {
        const input = new Uint8Array(exports.memory.buffer, exports.input_address(), 65_535);
        const { written } = new TextEncoder().encodeInto(`${record.join("\n")}\0`, input);
        const length = call(written - 1, ...numbers);
        const output = new Uint8Array(exports.memory.buffer, exports.output_address(), length);
        return new TextDecoder().decode(output).split("\n");
      };
    const wasm = { landing: ask(exports.landing), cookieLine: ask(exports.cookie_line) };
    window.cores = { wasm, fallback };
    window.generator = await import("/generator.js");
  });
});
after(() => browser?.close());

/** Runs a property over generated cases in the page: what it returns, the failures, is nothing. */
async function holds(property) {
  const failures = await page.evaluate(`(${run})(${property}, ${CASES}, ${SEED}, ${FAILURES_SHOWN})`);
  assert.deepEqual(failures, []);
}

function run(property, cases, seed, shown) {
  const failures = [];
  for (let number = 0; number < cases && failures.length < shown; number++) {
    const random = window.generator.random(seed + number);
    let given;
    try {
      const failure = property(random, window.generator, window.cores, (input) => (given = input));
      if (failure) failures.push({ seed: seed + number, given, ...failure });
    } catch (error) {
      failures.push({ seed: seed + number, given, thrown: String(error) });
    }
  }
  return failures;
}

test("the referral parameter is the one that URLSearchParams finds", () =>
  holds((random, { address, names }, cores, note) => {
    const url = address(random);
    const all = names(random);
    note({ url, all });
    // From the first ? to the first #.
    const query = new URLSearchParams(url.replace(/#.*/s, "").replace(/^[^?]*/s, ""));
    const expected = all.map((name) => query.get(name)).find((value) => value) ?? "";
    for (const [core, { landing }] of Object.entries(cores)) {
      const [remembered, ...partner] = landing([url, all.join("|"), ""]);
      if (partner.join("\n") !== expected) return { core, partner, expected };
      if (!expected !== !remembered) return { core, remembered, expected };
    }
  }));

test("an address of the browser's own making is read in the same way by both, to the letter", () =>
  holds((random, { address, names }, cores, note) => {
    const { href } = new URL(address(random).replace(/^[^?#]*/, "https://shop.test/"));
    const all = names(random).join("|");
    note({ href, all });
    const [one, other] = Object.values(cores).map(({ landing }) => landing([href, all, ""]).join("\n"));
    if (one !== other) return { one, other };
  }));

test("what is remembered of a landing names the same partner, and is no click again", () =>
  holds((random, { address, names }, cores, note) => {
    const url = address(random);
    const all = names(random);
    note({ url, all });
    for (const [core, { landing, cookieLine }] of Object.entries(cores)) {
      const [remembered, ...partner] = landing([url, all.join("|"), ""]);
      if (!remembered) continue;
      // As it is read out of a cookie.
      const [line] = cookieLine(["affitor_aff_url", remembered, "www.shop.test"], 60, 2, false);
      const [, known] = /^affitor_aff_url=([^;]*)/.exec(line);
      const [again, ...click] = landing([url, all.join("|"), known]);
      if (again !== remembered || click.join("\n")) return { core, remembered, known, click, again };
      const of = landing([remembered, all.join("|"), ""]).slice(1);
      if (of.join("\n") !== partner.join("\n")) return { core, remembered, partner, of };
    }
  }));

test("a cookie comes back as it was written, adds no attribute, and is the same from both", () =>
  holds((random, { text }, cores, note) => {
    const value = text(random).replaceAll("\n", "");
    const host = random(2) ? "parsers.test" : "www.parsers.test";
    const labels = 2 + random(3);
    note({ value, host, labels });
    const record = ["affitor_click_id", value, host];
    const days = 1 + random(500);
    const [one, other] = Object.values(cores).map(({ cookieLine }) => cookieLine(record, days, labels, false));
    if (one.join("\n") !== other.join("\n")) return { one, other };
    const [line] = one;
    if (!line) return;
    const [pair, ...attributes] = line.split("; ");
    const names = attributes.map((attribute) => attribute.split("=")[0]);
    if (names.filter((name) => name !== "domain").join() !== "path,SameSite,max-age") return { line };
    document.cookie = "affitor_click_id=; path=/; max-age=0";
    document.cookie = pair + "; path=/";
    const read = document.cookie.match("(?:^|; )affitor_click_id=([^;]+)")?.[1] ?? "";
    const written = pair.replace("affitor_click_id=", "");
    if (read !== written) return { read, written };
    // What can be decoded is what was given, but for escapes that stood in it already.
    if (!value.includes("%") && decodeURIComponent(read) !== value.toWellFormed()) return { read, value };
  }));
