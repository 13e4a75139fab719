// The demo shop, walked in a real browser: affiliate link → page → sign-up → purchase → the right commission; and
// nothing for a visitor without a link. Names the rows of the source documents that only a page can prove.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { openBrowser } from "../support/browser.mjs";
import { startLedger } from "../support/ledger.mjs";

let browser;
before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

/** A visitor with an empty profile; what the page logs and throws is kept. */
async function visitor(t, ledger) {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const problems = [];
  const requests = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => requests.push(new URL(request.url()).pathname));
  const open = (path) => page.goto(ledger.url + path);
  return { context, page, problems, requests, open };
}

const cookieOf = async (context, name) => (await context.cookies()).find((cookie) => cookie.name === name);

async function signUp(page, email) {
  await page.fill("#email", email);
  await page.click("#signup-form button[type=submit]");
  await page.waitForSelector("#signup-result:has-text('recorded')");
}

async function rows(ledger, sql) {
  return (await ledger.db.prepare(sql).all()).results;
}

describe("the demo shop", () => {
  test("'S0-equals-pixel-signup' 'S4-name-browser' 'S4-before-cookie': a visitor through the link who signs up and buys is credited", async (t) => {
    const ledger = await startLedger(t, { demo: true });
    const { context, page, problems, open } = await visitor(t, ledger);

    await open("/demo");
    await page.click("#affiliate-link");
    await page.waitForFunction(() => window.affitor?.getClickId());
    const clickId = await page.evaluate(() => window.affitor.getClickId());
    assert.equal((await cookieOf(context, "affitor_click_id")).value, clickId);
    assert.equal((await cookieOf(context, "affonso_referral")).value, clickId);

    await signUp(page, "jane@example.com");
    const [referral] = await rows(ledger, "SELECT id, affiliate_id, status, email, email_masked, verified FROM referral");
    assert.deepEqual(referral, {
      id: clickId,
      affiliate_id: ledger.fixture.affiliate.id,
      status: "lead",
      email: null,
      email_masked: "j***@example.com",
      verified: 0,
    });

    await page.click("button.buy[data-product=classic]");
    await page.waitForSelector("#purchase-result:has-text('14.7')");
    const [commission] = await rows(ledger, "SELECT affiliate_id, amount_minor, currency, status FROM commission");
    // 30 % of 49.00 USD.
    assert.deepEqual(commission, {
      affiliate_id: ledger.fixture.affiliate.id,
      amount_minor: 1470,
      currency: "USD",
      status: "ready_for_payment",
    });
    await page.waitForSelector("#panel-sales .sale:has-text('14.7')");
    assert.match(await page.textContent("#panel-referral"), /customer/);
    assert.deepEqual(problems, []);
  });

  test("a visitor without a link signs up and buys: no click, no cookie, nothing stored, nobody credited", async (t) => {
    const ledger = await startLedger(t, { demo: true });
    const { context, page, problems, requests, open } = await visitor(t, ledger);

    await open("/demo");
    await signUp(page, "joe@example.com");
    assert.match(await page.textContent("#signup-result"), /no_click/);
    await page.click("button.buy[data-product=classic]");
    await page.waitForSelector("#purchase-result.good, #purchase-result.wait, #purchase-result:has-text('affiliate')");

    assert.deepEqual(await context.cookies(), []);
    assert.deepEqual(requests.filter((path) => path.startsWith("/api/")), []);
    for (const table of ["referral", "conversion", "commission", "event"]) {
      assert.deepEqual(await rows(ledger, `SELECT * FROM ${table}`), [], table);
    }
    const unattributed = await rows(ledger, "SELECT amount_minor, currency, reason FROM unattributed_sale");
    assert.deepEqual(unattributed, [{ amount_minor: 4900, currency: "USD", reason: "referral_not_found" }]);
    assert.deepEqual(problems, []);
  });

  test("the same link seen twice makes one click", async (t) => {
    const ledger = await startLedger(t, { demo: true });
    const { page, requests, open } = await visitor(t, ledger);
    for (let visit = 0; visit < 2; visit++) {
      await open("/demo?aff=alice");
      await page.waitForFunction(() => window.affitor?.getClickId());
      await page.waitForLoadState("networkidle");
    }
    assert.equal(requests.filter((path) => path.endsWith("/track/click")).length, 1);
  });
});

describe("the snippets of seed 004, unchanged, on a page of a customer's", () => {
  const tag = (ledger) =>
    `<script async src="${ledger.url}/js/tracker.js" data-program="${ledger.fixture.program.id}"></script>`;
  const basic = `
    (async () => {
      if (window.affitor) {
        await window.affitor.signup('user_123', 'user@example.com');
      } else {
        window.affitorQueue = window.affitorQueue || [];
        window.affitorQueue.push(['signup', 'user_123', 'user@example.com']);
      }
    })();`;
  const form = `
    document.getElementById('signup-form').addEventListener('submit', async function(e) {
      e.preventDefault();

      const email = document.getElementById('email').value;

      // Your own signup logic first
      const result = await createAccount(email);

      if (result.success) {
        if (window.affitor) {
          await window.affitor.signup(result.userId, email);
        } else {
          window.affitorQueue = window.affitorQueue || [];
          window.affitorQueue.push(['signup', result.userId, email]);
        }
      }
    });`;

  /** A customer's site, which serves one page at an origin of its own. */
  async function customersSite(t) {
    const site = { html: "" };
    const server = createServer((_, response) => {
      response.setHeader("content-type", "text/html");
      response.end(`<!doctype html><title>Shop</title>${site.html}`);
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    site.origin = `http://localhost:${server.address().port}`;
    return site;
  }

  /** A ledger that allows the customer's site, and a visitor who arrives there through the link. */
  async function arrive(t, htmlOf, options = {}) {
    const site = await customersSite(t);
    const ledger = await startLedger(t, { browser_origins: [site.origin], ...options });
    site.html = htmlOf(ledger);
    const seen = await visitor(t, ledger);
    await seen.page.goto(`${site.origin}/?aff=alice`);
    return { ...seen, ledger, site };
  }

  async function leads(ledger, count = 1) {
    for (let tries = 0; tries < 50; tries++) {
      const found = await rows(ledger, "SELECT external_user_id, email_masked, affiliate_id FROM referral");
      if (found.length >= count) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.fail("no lead was recorded within 5 s");
  }

  const lead = (ledger, user = "user_123") => [
    { external_user_id: user, email_masked: "u***@example.com", affiliate_id: ledger.fixture.affiliate.id },
  ];

  test("'S4-browser-basic' 'S4-browser-arg-customerKey' 'S4-browser-arg-email': called once the tracker is there", async (t) => {
    const { page, problems, ledger } = await arrive(t, tag);
    await page.waitForFunction(() => window.affitor);
    await page.evaluate(basic);
    assert.deepEqual(await leads(ledger), lead(ledger));
    assert.deepEqual(problems, []);
  });

  test("'S4-browser-queue': queued before the tracker is there", async (t) => {
    const { problems, ledger } = await arrive(t, (ledger) => `<script>${basic}</script>${tag(ledger)}`);
    assert.deepEqual(await leads(ledger), lead(ledger));
    assert.deepEqual(problems, []);
  });

  test("'S4-browser-form': a form's handler, sent twice, records one lead", async (t) => {
    const html = (ledger) => `<form id="signup-form"><input id="email"><button>Sign up</button></form>
      <script>const createAccount = async () => ({ success: true, userId: 'user_9' });${form}</script>${tag(ledger)}`;
    const { page, problems, ledger } = await arrive(t, html);
    for (let time = 0; time < 2; time++) {
      await page.fill("#email", "user@example.com");
      await page.click("button");
    }
    assert.deepEqual(await leads(ledger), lead(ledger, "user_9"));
    await page.waitForLoadState("networkidle");
    assert.equal((await leads(ledger)).length, 1);
    assert.deepEqual(problems, []);
  });

  test("'S4-unattributed-debug': with debug on, sign-ups are recorded all the same", async (t) => {
    const debug = (ledger) => tag(ledger).replace(" data-program", ' data-affitor-debug="true" data-program');
    const { page, ledger } = await arrive(t, debug);
    await page.waitForFunction(() => window.affitor);
    const result = await page.evaluate(() => window.affitor.signup("user_123", "user@example.com"));
    assert.equal(result.recorded, true);
    assert.deepEqual(await leads(ledger), lead(ledger));
  });

  test("'S4-wrong-id-signup': the id given to signup() is the one that a later sale is found by, another is nobody's", async (t) => {
    const { page, ledger } = await arrive(t, tag);
    await page.waitForFunction(() => window.affitor);
    await page.evaluate(() => window.affitor.signup("user_123", "user@example.com"));
    const sale = (customer_key, transaction_id) =>
      ledger.request("POST", "/api/v1/track/sale", {
        key: ledger.fixture.keys.token,
        body: { transaction_id, amount_cents: 4900, currency: "USD", customer_key },
      });
    assert.equal((await sale("user_456", "order_1")).status, 400);
    assert.equal((await sale("user_123", "order_2")).status, 200);
    assert.deepEqual(await rows(ledger, "SELECT amount_minor FROM commission"), [{ amount_minor: 1470 }]);
  });

  test("the other product's global records the same lead", async (t) => {
    const other = ({ url, fixture }) =>
      `<script async defer src="${url}/js/pixel.min.js" data-affonso="${fixture.program.id}" data-cookie_duration="30"></script>`;
    const { page, ledger } = await arrive(t, other);
    await page.waitForFunction(() => window.Affonso);
    await page.evaluate(() => window.Affonso.signup({ email: "user@example.com", externalUserId: "user_123" }));
    assert.deepEqual(await leads(ledger), lead(ledger));
  });

  test("a page whose origin is not allowed records nothing and is told why in one line", async (t) => {
    const site = await customersSite(t);
    const ledger = await startLedger(t, { browser_origins: ["https://another.example"] });
    site.html = tag(ledger);
    const { page, problems } = await visitor(t, ledger);
    const lines = [];
    page.on("console", (message) => lines.push(message.text()));
    await page.goto(`${site.origin}/?aff=alice`);
    await page.waitForFunction(() => window.affitor);
    const result = await page.evaluate(() => window.affitor.signup("user_123", "user@example.com"));
    assert.equal(result.recorded, false);
    const told = lines.filter((line) => line.includes(site.origin) && line.includes("allowed origins"));
    assert.equal(told.length, 1, JSON.stringify(lines));
    assert.deepEqual(await rows(ledger, "SELECT id FROM referral"), []);
    assert.deepEqual(problems, []);
  });
});
