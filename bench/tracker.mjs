// `make bench-tracker`: what the tracker costs a page's main thread, as the browser's own trace has it, with the
// processor slowed down four times; and what it asks for. docs/tracker-size.md says what the figures mean,
// bench/trace.mjs what is counted and why nothing is missed.
//
// node bench/tracker.mjs [--loads 20] [--write]
import { createServer } from "node:http";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser } from "../tests/support/browser.mjs";
import { startLedger } from "../tests/support/ledger.mjs";
import { median } from "./figures.mjs";
import { table, writeInto } from "./page.mjs";
import { USER_AGENT, visit } from "./visits.mjs";

const SLOWED = 4;
/** Milliseconds (DESIGN §11). */
const TARGET = { loader: 2, core: 10 };

const { values } = parseArgs({
  options: { loads: { type: "string", default: "20" }, write: { type: "boolean", default: false } },
});
const loads = Number(values.loads);
if (!Number.isInteger(loads) || loads < 1) throw new Error("--loads must be a whole number from 1 on");

const always = async () => true;
const hasClick = async (cookies) => cookies.some(({ name }) => name === "affitor_click_id");

/** What is visited. `prepare` makes what one visit needs: cookies, a script before the tag, when it is over. */
const cases = [
  { name: "nothing to do", path: "/", target: TARGET.loader, prepare: async () => ({ until: always }) },
  { name: "a landing with a click", path: "/?aff=alice", target: TARGET.core, prepare: async () => ({ until: hasClick }) },
  { name: "a sign-up, with a click's cookie", path: "/", target: TARGET.core, prepare: prepareSignup },
];

let customers = 0;

/** A visitor whose click is known, on a page that reports the sign-up. */
async function prepareSignup({ ledger, origin }) {
  const answer = await ledger.request("POST", "/api/v1/track/click", {
    body: { affiliate_url: `${origin}/?aff=alice`, program_id: ledger.fixture.program.id },
    headers: { origin, "user-agent": USER_AGENT },
  });
  const { click_id } = answer.json;
  if (click_id === undefined) throw new Error(`no click: ${answer.text}`);
  const customer = `customer_${++customers}`;
  return {
    cookies: ["affitor_click_id", "affonso_referral"].map((name) => ({ name, value: click_id, url: origin })),
    script: `affitorQueue = [["signup", "${customer}", "${customer}@example.com"]]`,
    until: async () => {
      const statement = ledger.db.prepare("SELECT id FROM referral WHERE external_user_id = ?").bind(customer);
      return (await statement.first()) !== null;
    },
  };
}

/** A customer's site: its page with or without the tag, and a blank one. It asks for no icon. */
async function startSite() {
  const site = { script: "", tag: "" };
  const server = createServer(({ url }, response) => {
    response.setHeader("content-type", "text/html");
    const script = site.script === "" ? "" : `<script>${site.script}</script>`;
    const content = url === "/blank" ? "" : `${script}${site.tag}<p>Welcome</p>`;
    response.end(`<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">${content}</html>`);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return { ...site, origin: `http://localhost:${server.address().port}`, set: (to) => Object.assign(site, to), server };
}

/** The page with the tag and without it, in turn: what each visit found. */
async function measure(scene, { name, path, prepare }) {
  const found = { with: [], without: [] };
  for (let load = 1; load <= loads; load++) {
    say(`${name}, load ${load} of ${loads}`);
    for (const side of load % 2 === 1 ? ["with", "without"] : ["without", "with"]) {
      found[side].push(await visitOnce(scene, path, await prepare(scene), side === "with"));
    }
  }
  return found;
}

async function visitOnce({ session, site, origin, tag }, path, prepared, withTag) {
  const { cookies = [], script = "", until } = prepared;
  site.set({ tag: withTag ? tag : "", script: withTag ? script : "" });
  const urls = { url: origin + path, blank: `${origin}/blank` };
  return visit(session, { ...urls, cookies, slowed: SLOWED, until: withTag ? until : always });
}

/** The requests of one load to the tracker's host: how many, and the bytes of their answers, headers included. */
async function countRequests({ browser, site, origin, ledger, tag, ...rest }, { path, prepare }) {
  const { cookies = [], script = "", until } = await prepare({ origin, ledger, ...rest });
  site.set({ tag, script });
  const context = await browser.newContext({ userAgent: USER_AGENT });
  await context.addCookies(cookies);
  const page = await context.newPage();
  const requests = [];
  page.on("requestfinished", (request) => request.url().startsWith(ledger.url) && requests.push(request));
  await page.goto(origin + path, { waitUntil: "networkidle" });
  while (!(await until(await context.cookies()))) await page.waitForTimeout(50);
  const sizes = await Promise.all(requests.map((request) => request.sizes()));
  await context.close();
  return {
    requests: requests.map((request) => new URL(request.url()).pathname),
    bytes: sizes.reduce((sum, { responseBodySize, responseHeadersSize }) => sum + responseBodySize + responseHeadersSize, 0),
  };
}

const HEAD = ["Page", "Tasks ms", "Target", "Scripts ms", "of it CPU ms", "Longest task ms", "Page's difference ms", "Requests", "Bytes"];

function row({ name, target }, found, { requests, bytes }) {
  const of = (unit, side = "with") => median(found[side].map((visit) => visit[unit]));
  const difference = median(found.with.map(({ all }, load) => all - found.without[load].all));
  const verdict = of("tasks") <= target ? "reached" : "missed";
  const figures = [of("scripts"), of("cpu"), of("longest"), difference].map((number) => number.toFixed(1));
  return [name, of("tasks").toFixed(1), `≤ ${target} ${verdict}`, ...figures, String(requests.length), String(bytes)];
}

/** What the same page shows without the tag: no scripts, or the figures above are not the tracker's alone. */
function checkWithout(found) {
  const scripts = Math.max(...found.without.map(({ scripts }) => scripts));
  if (scripts > 0) throw new Error(`without the tag the page ran scripts too, ${scripts} ms of them`);
}

function slownessLine(all) {
  const visits = all.flatMap(({ found }) => [...found.with, ...found.without]);
  const slowed = median(visits.map(({ slowed }) => slowed)).toFixed(1);
  return `The browser was asked to be ${SLOWED} times slower; a loop in the same pages ran ${slowed} times slower.`;
}

const say = (text) => console.log(`==> bench: ${text}`);

async function main() {
  const ends = [];
  try {
    const site = await startSite();
    ends.push(() => site.server.close());
    const ledger = await startLedger({ after: (end) => ends.push(end) }, { browser_origins: [site.origin] });
    const browser = await openBrowser();
    ends.push(() => browser.close());
    const tag = `<script async src="${ledger.url}/js/tracker.js" data-program="${ledger.fixture.program.id}"></script>`;
    const session = await browser.newBrowserCDPSession();
    const scene = { browser, session, site, origin: site.origin, ledger, tag };
    const all = [];
    for (const each of cases) all.push({ each, found: await measure(scene, each), asked: await countRequests(scene, each) });
    for (const { found } of all) checkWithout(found);
    return { all, version: browser.version() };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

const { all, version } = await main();
const day = new Date().toISOString().slice(0, 10);
const figures = [
  `${day}, Chromium ${version}, ${availableParallelism()} cores, medians of ${loads} loads. ${slownessLine(all)}`,
  table([HEAD, ...all.map(({ each, found, asked }) => row(each, found, asked))]),
  all.map(({ each, asked }) => `- ${each.name}: ${asked.requests.map((path) => `\`${path}\``).join(", ")}`).join("\n"),
].join("\n\n");
console.log(`\n${figures}`);
if (values.write) await writeInto(join(import.meta.dirname, "../docs/tracker-size.md"), "make bench-tracker WRITE=1", figures);
