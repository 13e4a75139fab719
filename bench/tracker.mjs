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
const nothing = async () => ({ until: always });
const small = (file) => () => `<script async src="${file}"></script>`;

/**
 * What is visited, in turn, so that the machine's mood is the same for all. `tag` stands in the page; `prepare` makes
 * what one visit needs: cookies, a script before the tag, when it is over. The first three say what there is to compare
 * with: scripts of no more than a few bytes on a page of the same kind.
 */
const pages = [
  { name: "without a tag", path: "/", tag: () => "", prepare: nothing },
  { name: "an empty script", path: "/", tag: small("/empty.js"), prepare: nothing },
  { name: "a script that reads the cookie", path: "/", tag: small("/cookie.js"), prepare: nothing },
  { name: "nothing to do", path: "/", tag: tracker, target: TARGET.loader, prepare: nothing },
  { name: "a landing with a click", path: "/?aff=alice", tag: tracker, target: TARGET.core, prepare: prepareLanding },
  { name: "a sign-up, with a click's cookie", path: "/", tag: tracker, target: TARGET.core, prepare: prepareSignup },
];

function tracker({ url, fixture }) {
  return `<script async src="${url}/js/tracker.js" data-program="${fixture.program.id}"></script>`;
}

async function prepareLanding() {
  return { until: hasClick };
}

let customers = 0;

/** A visitor whose click is known, on a page that reports the sign-up. */
async function prepareSignup({ ledger, site: { origin } }) {
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

const SCRIPTS = { "/empty.js": "", "/cookie.js": "document.cookie" };

/** A customer's site: the page that is set, a blank one, and two small scripts. It asks for no icon. */
async function startSite() {
  const site = { script: "", tag: "" };
  const server = createServer(({ url }, response) => {
    response.setHeader("content-type", url in SCRIPTS ? "text/javascript" : "text/html");
    if (url in SCRIPTS) return response.end(SCRIPTS[url]);
    const script = site.script === "" ? "" : `<script>${site.script}</script>`;
    const content = url === "/blank" ? "" : `${script}${site.tag}<p>Welcome</p>`;
    response.end(`<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">${content}</html>`);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const origin = `http://localhost:${server.address().port}`;
  return { origin, server, show: (content) => Object.assign(site, content) };
}

async function visitOnce(scene, { path, tag, prepare }) {
  const { session, site, ledger } = scene;
  const { cookies = [], script = "", until } = await prepare(scene);
  site.show({ tag: tag(ledger), script });
  const { origin } = site;
  return visit(session, { url: origin + path, blank: `${origin}/blank`, cookies, slowed: SLOWED, until });
}

/** The requests of one visit to the tracker's host: which, and the bytes of their answers, headers included. */
async function countRequests(scene, { path, tag, prepare }) {
  const { browser, site, ledger } = scene;
  const { cookies = [], script = "", until } = await prepare(scene);
  site.show({ tag: tag(ledger), script });
  const context = await browser.newContext({ userAgent: USER_AGENT });
  await context.addCookies(cookies);
  const page = await context.newPage();
  const finished = [];
  page.on("requestfinished", (request) => request.url().startsWith(ledger.url) && finished.push(request));
  await page.goto(site.origin + path);
  while (!(await until(await context.cookies()))) await page.waitForTimeout(50);
  await page.waitForLoadState("networkidle");
  const sizes = await Promise.all(finished.map((request) => request.sizes()));
  await context.close();
  const bytes = sizes.map(({ responseBodySize, responseHeadersSize }) => responseBodySize + responseHeadersSize);
  const paths = finished.map((request) => new URL(request.url()).pathname);
  return { paths, bytes: bytes.reduce((sum, size) => sum + size, 0) };
}

const HEAD = [
  "Page",
  "Tasks ms",
  "Target",
  "Scripts ms",
  "of it CPU ms",
  "Longest task ms",
  "Whole page ms",
  "Requests",
  "Bytes",
];

function row({ page: { name, target }, visits, requests: { paths, bytes } }, without) {
  const of = (unit) => median(visits.map((visit) => visit[unit]));
  const added = median(visits.map(({ all }, load) => all - without[load].all));
  const figures = [of("scripts"), of("cpu"), of("longest"), added].map((number) => number.toFixed(1));
  const verdict = target === undefined ? "" : `≤ ${target} ${of("tasks") <= target ? "reached" : "missed"}`;
  return [name, of("tasks").toFixed(1), verdict, ...figures, String(paths.length), String(bytes)];
}

function report(results, version) {
  const [without] = results;
  // Else the figures of the others would not be those of their scripts alone.
  if (without.visits.some(({ scripts }) => scripts > 0)) throw new Error("without a tag the page ran scripts too");
  const slowed = median(results.flatMap(({ visits }) => visits.map(({ slowed }) => slowed))).toFixed(1);
  const day = new Date().toISOString().slice(0, 10);
  const machine = `${day}, Chromium ${version}, ${availableParallelism()} cores, medians of ${loads} loads.`;
  const slowness = `Asked to be ${SLOWED} times slower, the browser ran a loop in these pages ${slowed} times slower.`;
  const asked = results.filter(({ requests }) => requests.paths.length > 0);
  const list = ({ page, requests }) => `- ${page.name}: ${requests.paths.map((path) => `\`${path}\``).join(", ")}`;
  return [
    `${machine} ${slowness}`,
    table([HEAD, ...results.map((result) => row(result, without.visits))]),
    asked.map(list).join("\n"),
  ].join("\n\n");
}

const say = (text) => console.log(`==> bench: ${text}`);

/** All pages in turn, as often as asked for; then what each asks of the network, in a visit of its own. */
async function measure(scene) {
  const results = pages.map((page) => ({ page, visits: [], requests: undefined }));
  for (let load = 1; load <= loads; load++) {
    say(`load ${load} of ${loads}`);
    for (const { page, visits } of results) visits.push(await visitOnce(scene, page));
  }
  for (const result of results) result.requests = await countRequests(scene, result.page);
  return results;
}

async function main() {
  const ends = [];
  try {
    const site = await startSite();
    ends.push(() => site.server.close());
    const ledger = await startLedger({ after: (end) => ends.push(end) }, { browser_origins: [site.origin] });
    const browser = await openBrowser();
    ends.push(() => browser.close());
    const session = await browser.newBrowserCDPSession();
    return report(await measure({ browser, session, site, ledger }), browser.version());
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

const figures = await main();
console.log(`\n${figures}`);
const document = join(import.meta.dirname, "../docs/tracker-size.md");
if (values.write) await writeInto(document, "make bench-tracker WRITE=1", figures);
