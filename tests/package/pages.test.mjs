// The package in pages, bundled as a customer would: against the real Worker, in a real browser; and on a server.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import * as onServer from "../../packages/tracker/index.js";
import { openBrowser } from "../support/browser.mjs";
import { startLedger } from "../support/ledger.mjs";

const folder = join(import.meta.dirname, "../../packages/tracker");
const SCRIPT = "**/js/tracker.js";

let browser;
let bundled;
before(async () => {
  browser = await openBrowser();
  const contents = `import * as tracker from "./index.js"; globalThis.tracker = tracker;`;
  const stdin = { contents, resolveDir: folder };
  const { outputFiles } = await build({ stdin, bundle: true, minify: true, write: false });
  bundled = outputFiles[0].text;
});
after(() => browser?.close());

/** A customer's site with the bundle on every page, a ledger that allows it, and a visitor with an empty profile. */
async function arrive(t, { path = "/", head = "" } = {}) {
  const site = createServer(({ url }, response) => {
    response.setHeader("content-type", "text/html");
    response.statusCode = new URL(url, "http://localhost").pathname === "/" ? 200 : 404;
    response.end(`<!doctype html><title>Shop</title>${head}<script>${bundled}</script>`);
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  t.after(() => site.close());
  const origin = `http://localhost:${site.address().port}`;
  const ledger = await startLedger(t, { browser_origins: [origin] });
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const options = { src: `${ledger.url}/js/tracker.js`, program: ledger.fixture.program.id };
  const open = (path) => page.goto(origin + path);
  await open(path);
  return { context, page, ledger, options, problems, open, origin };
}

/** Referrals in the ledger. */
async function leads(ledger) {
  const sql = "SELECT external_user_id, email_masked, affiliate_id FROM referral";
  return (await ledger.db.prepare(sql).all()).results;
}

const lead = ({ fixture }) => [
  { external_user_id: "user_1", email_masked: "j***@example.com", affiliate_id: fixture.affiliate.id },
];

const signup = (page) => page.evaluate(() => tracker.signup("user_1", "jane@example.com"));
const tags = (page) => page.evaluate(() => document.querySelectorAll("script[src]").length);

describe("a page that bundles the package", () => {
  test("records the sign-up of a visitor who came through a link, and knows the click", async (t) => {
    const { page, ledger, options, problems } = await arrive(t, { path: "/?aff=alice" });
    assert.equal(await page.evaluate((options) => tracker.load(options), options), true);
    const result = await signup(page);
    const click_id = await page.evaluate(() => tracker.getClickId());
    assert.match(click_id, /./);
    assert.deepEqual(result, { recorded: true, click_id, status: "lead" });
    const data = await page.evaluate(() => tracker.getData());
    assert.deepEqual([data.click_id, data.partner_code], [click_id, "alice"]);
    const again = { recorded: false, reason: "already_tracked" };
    assert.deepEqual(await page.evaluate(() => tracker.trackClick()), again);
    assert.deepEqual(await leads(ledger), lead(ledger));
    assert.deepEqual(problems, []);
  });

  test("may call before it loads: the call waits for the script", async (t) => {
    const { page, ledger, options, problems } = await arrive(t, { path: "/?aff=alice" });
    const result = await page.evaluate(async (options) => {
      const early = tracker.signup("user_1", "jane@example.com");
      void tracker.load(options);
      return early;
    }, options);
    assert.equal(result.recorded, true);
    assert.deepEqual(await leads(ledger), lead(ledger));
    assert.deepEqual(problems, []);
  });

  test("has one tag however often it loads, also from two bundles at a time", async (t) => {
    const { page, ledger, options, problems } = await arrive(t, { path: "/?aff=alice" });
    const [one, other] = await page.evaluate(
      async ({ options, bundled }) => {
        const first = tracker;
        (0, eval)(bundled);
        const loads = [first.load(options), tracker.load(options), first.load(options)];
        if (!(await Promise.all(loads)).every(Boolean)) throw new Error("not loaded");
        return Promise.all([first.getClickId(), tracker.getClickId()]);
      },
      { options, bundled },
    );
    assert.equal(one, other);
    assert.equal(await tags(page), 1);
    assert.equal((await signup(page)).recorded, true);
    assert.deepEqual(await leads(ledger), lead(ledger));
    assert.deepEqual(problems, []);
  });

  test("calls the script of a tag that the page had already", async (t) => {
    const { page, ledger, options } = await arrive(t);
    await page.addScriptTag({ url: options.src });
    await page.waitForFunction(() => window.affitor);
    assert.deepEqual(await signup(page), { recorded: false, reason: "no_click" });
    assert.equal(await page.evaluate((options) => tracker.load(options), options), true);
    assert.equal(await tags(page), 1);
    assert.deepEqual(await leads(ledger), []);
  });

  test("writes its options as the tag's attributes", async (t) => {
    const { page, options } = await arrive(t);
    const set = {
      params: ["partner", "via"],
      requiresConsent: true,
      gpc: "ignore",
      cookieDomain: "localhost",
      cookie_duration: 30,
      fill: "click",
      debug: false,
      lead: undefined,
      api: "../api/v1/track/",
    };
    await page.evaluate((options) => tracker.load(options), { ...options, ...set, nonce: "abc" });
    const attributes = await page.evaluate(() => {
      const { attributes, nonce } = document.querySelector("script[src]");
      return { ...Object.fromEntries([...attributes].map(({ name, value }) => [name, value])), nonce };
    });
    assert.deepEqual(attributes, {
      src: options.src,
      nonce: "abc",
      "data-program": options.program,
      "data-params": "partner|via",
      "data-requires-consent": "true",
      "data-gpc": "ignore",
      "data-cookie-domain": "localhost",
      "data-cookie_duration": "30",
      "data-fill": "click",
      "data-api": "../api/v1/track/",
    });
  });

  test("passes consent on: nothing before it is granted, the click and the sign-up after", async (t) => {
    const { context, page, ledger, options } = await arrive(t, { path: "/?aff=alice" });
    await page.evaluate((options) => tracker.load(options), { ...options, requiresConsent: true });
    assert.deepEqual(await signup(page), { recorded: false, reason: "consent_required" });
    assert.deepEqual(await context.cookies(), []);
    assert.equal(await page.evaluate(() => tracker.grantConsent()), true);
    await page.waitForFunction(() => window.affitor.getClickId());
    assert.equal((await signup(page)).recorded, true);
    assert.deepEqual(await leads(ledger), lead(ledger));
  });
});

describe("a script that does not come", () => {
  const blocked = { recorded: false, reason: "blocked" };

  test("is told as blocked by every call; the click of an earlier page is still known", async (t) => {
    const { context, page, ledger, options, problems, origin } = await arrive(t, { path: "/?aff=alice" });
    await page.route(SCRIPT, (route) => route.abort());
    const waiting = page.evaluate(() => tracker.signup("user_1", "jane@example.com"));
    assert.equal(await page.evaluate((options) => tracker.load(options), options), false);
    assert.deepEqual(await waiting, blocked);
    assert.deepEqual(await signup(page), blocked);
    assert.deepEqual(await page.evaluate(() => tracker.trackClick()), blocked);
    assert.equal(await page.evaluate(() => tracker.grantConsent()), false);
    assert.equal(await page.evaluate(() => tracker.getClickId()), undefined);
    await context.addCookies([{ name: "affonso_referral", value: "click_1", url: origin }]);
    assert.equal(await page.evaluate(() => tracker.getClickId()), "click_1");
    assert.deepEqual(await page.evaluate(() => tracker.getData()), { click_id: "click_1", partner_code: undefined });
    assert.deepEqual(await leads(ledger), []);
    assert.deepEqual(problems, []);
  });

  test("is tried again by a later load", async (t) => {
    const { page, ledger, options } = await arrive(t, { path: "/?aff=alice" });
    await page.route(SCRIPT, (route) => route.abort());
    assert.equal(await page.evaluate((options) => tracker.load(options), options), false);
    await page.unroute(SCRIPT);
    assert.equal(await page.evaluate((options) => tracker.load(options), options), true);
    assert.equal((await signup(page)).recorded, true);
    assert.deepEqual(await leads(ledger), lead(ledger));
  });

  test("is blocked too when something else answers in its place", async (t) => {
    const { page, options } = await arrive(t, { path: "/?aff=alice" });
    await page.route(SCRIPT, (route) => route.fulfill({ contentType: "text/javascript", body: "/* nothing */" }));
    assert.equal(await page.evaluate((options) => tracker.load(options), options), false);
    assert.deepEqual(await signup(page), blocked);
  });

  test("is blocked too by the page's own policy", async (t) => {
    const policy = `<meta http-equiv="Content-Security-Policy" content="script-src 'unsafe-inline'">`;
    const { page, options, problems } = await arrive(t, { path: "/?aff=alice", head: policy });
    assert.equal(await page.evaluate((options) => tracker.load(options), options), false);
    assert.deepEqual(await signup(page), blocked);
    assert.deepEqual(problems, []);
  });

  test("holds nobody up: after five seconds a call is queued, and made when the script comes after all", async (t) => {
    const { page, ledger, options } = await arrive(t, { path: "/?aff=alice" });
    let release;
    const released = new Promise((resolve) => (release = resolve));
    await page.route(SCRIPT, async (route) => {
      await released;
      await route.continue();
    });
    void page.evaluate((options) => void tracker.load(options), options);
    assert.deepEqual(await signup(page), { recorded: false, reason: "queued" });
    assert.deepEqual(await leads(ledger), []);
    release();
    await page.waitForResponse((response) => response.url().endsWith("/track/lead"));
    assert.deepEqual(await leads(ledger), lead(ledger));
  });

  test("and wrong options throw nothing, and spoil no later load", async (t) => {
    const { page, options: right, problems } = await arrive(t);
    for (const options of [undefined, null, {}, { src: "https://" }, { src: "/none.js", "not-a-name": "x" }]) {
      assert.equal(await page.evaluate((options) => tracker.load(options), options), false, JSON.stringify(options));
    }
    assert.equal(await page.evaluate((options) => tracker.load(options), right), true);
    assert.deepEqual(problems, []);
  });
});

describe("on a server, where there is no document", () => {
  test("nothing happens, and every promise resolves", async () => {
    const nothing = { recorded: false, reason: "no_document" };
    assert.equal(await onServer.load({ src: "https://ledger.example/js/tracker.js" }), false);
    assert.deepEqual(await onServer.signup("user_1", "jane@example.com"), nothing);
    assert.deepEqual(await onServer.trackClick(), nothing);
    assert.equal(await onServer.getClickId(), undefined);
    assert.deepEqual(await onServer.getData(), { click_id: undefined, partner_code: undefined });
    assert.equal(await onServer.grantConsent(), false);
  });
});
