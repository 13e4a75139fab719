// A shop with the tracker on its pages, and its visitors: what the tests of sign-ups in a browser begin with.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { eventually, select } from "../api/calls.mjs";
import { openBrowser } from "./browser.mjs";
import { letters, startLedger } from "./ledger.mjs";
import { startSite, tag } from "./site.mjs";

const ENDPOINT = /\/(click|lead)$/;
const WWW = "www.shop.test";

/** Something to end what lasts for all tests of a file. */
export function lasting() {
  const ends = [];
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return { after: (end) => ends.push(end) };
}

/** One browser for the tests of a file; `current` once they run. */
export function sharedBrowser() {
  const shared = {};
  before(async () => {
    shared.current = await openBrowser();
  });
  after(() => shared.current?.close());
  return shared;
}

/**
 * Starts a shop whose pages carry the tag, and the ledger that allows its hosts.
 *
 * @param {{ hosts?: string[], attributes?: string, html?: (url: URL) => string, site?: object }} options `attributes` of the
 *   tag; `html` stands before the tag; `site` as of `startSite`; all others are `startLedger`'s. On the result `attributes`,
 *   `file`, `html` and `tags` can be changed.
 */
export async function startShop(t, { hosts = [WWW], attributes = "", html = () => "", site: ofSite, ...ofLedger } = {}) {
  const site = await startSite(t, ofSite);
  const origins = hosts.map((host) => new URL(site.at(host)).origin);
  const ledger = await startLedger(t, { browser_origins: origins, ...ofLedger });
  const shop = { site, ledger, attributes, html, file: `${ledger.url}/js/tracker.js`, at: site.at };
  shop.tags = () => tag(shop.file, ledger.fixture.program.id, shop.attributes);
  site.ledger = ledger;
  site.page = (url) => shop.html(url) + shop.tags(url);
  return shop;
}

/** Makes a shop as it was started, once the test ends. */
export function restoreAfter(t, shop) {
  const was = { ...shop };
  const headers = shop.site.headers;
  t.after(() => Object.assign(shop, was, { site: Object.assign(shop.site, { headers }) }));
}

/**
 * A visitor with an empty profile. No page of the test's may throw, or leave a promise rejected: that is asserted when it
 * ends.
 */
export async function openVisitor(t, browser, options = {}) {
  const context = await browser.current.newContext(options);
  const problems = [];
  const requests = [];
  context.on("weberror", (error) => problems.push(String(error.error())));
  context.on("request", (request) => requests.push(request));
  t.after(async () => {
    await context.close();
    assert.deepEqual(problems, [], "thrown into a page");
  });
  const page = await context.newPage();
  return {
    context,
    page,
    requests,
    /** Calls of the endpoints, `click` or `lead`. */
    calls: (name) => requests.filter((request) => ENDPOINT.exec(new URL(request.url()).pathname)?.[1] === name),
    /** Scripts of the tracker that were asked for, by the part of their name before the version. */
    files: () =>
      requests
        .map((request) => new URL(request.url()).pathname)
        .filter((path) => path.endsWith(".js"))
        .map((path) => path.split("/").at(-1).split(".")[0]),
    async cookie(name) {
      return (await context.cookies()).find((cookie) => cookie.name === name);
    },
  };
}

/** Comes through alice's link, and waits until the click is known; its id. */
export async function land(visitor, shop, { host = WWW, path = "/?aff=alice" } = {}) {
  await visitor.page.goto(shop.at(host, path));
  return clickIdOf(visitor.page);
}

/** The click's id, as soon as the page has one. */
export async function clickIdOf(page) {
  const id = await page.waitForFunction(() => window.affitor?.getClickId());
  return id.jsonValue();
}

/** Goes to a page that is no landing. */
export async function visit(visitor, shop, path = "/", host = WWW) {
  await visitor.page.goto(shop.at(host, path));
  await visitor.page.waitForFunction(() => window.affitor);
}

/** Someone who has not signed up before. */
export const newCustomer = () => {
  const key = `user_${letters(10)}`;
  return { key, email: `${key.toLowerCase()}@example.com` };
};

export const signUp = (page, { key, email }) =>
  page.evaluate(([key, email]) => window.affitor.signup(key, email), [key, email]);

/** The referrals of a click, with how many lines the ledger has of each. */
export const leadsOf = (shop, clickId) =>
  select(
    shop.ledger,
    "SELECT external_user_id AS key, status, (SELECT COUNT(*) FROM event WHERE subject = referral.id) AS events " +
      "FROM referral WHERE id = ?",
    clickId,
  );

/** Waits until the click is one lead of the customer's, with one event. */
export const becameOneLead = (shop, clickId, { key }, milliseconds) =>
  eventually(async () => {
    assert.deepEqual(await leadsOf(shop, clickId), [{ key, status: "lead", events: 1 }]);
  }, milliseconds);

/** What the tracker has stored in the page's localStorage. */
export const stored = (page) => page.evaluate(() => Object.keys(localStorage).filter((name) => /aff/.test(name)));

/** Waits until nothing is left to send. */
export const nothingStored = (page) =>
  page.waitForFunction(() => !Object.keys(localStorage).some((name) => /aff/.test(name)));

/** A promise, and the function that fulfils it. */
export function gate() {
  const made = {};
  made.opened = new Promise((resolve) => {
    made.open = resolve;
  });
  return made;
}
