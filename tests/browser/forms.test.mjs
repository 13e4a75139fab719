// What pages take from the tracker: the click's id in forms, in the globals, by the event; and what debug explains.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import {
  becameOneLead,
  clickIdOf,
  land,
  lasting,
  newCustomer,
  nothingStored,
  openVisitor,
  restoreAfter,
  sharedBrowser,
  signUp,
  startShop,
  visit,
} from "../support/shop.mjs";

const FORM = `<form action="/checkout"><input name="plan" value="pro"><button name="buy" value="1">Buy</button></form>`;

const browser = sharedBrowser();
const file = lasting();
let shop;
before(async () => {
  shop = await startShop(file);
});

/** The query that the latest form was sent with. */
const submitted = () => new URL(shop.site.visits.filter((path) => path.startsWith("/checkout")).at(-1), "http://x").search;

describe("data-fill", () => {
  for (const [attribute, name] of [
    ["data-fill", "affitor_click_id"],
    ['data-fill="referral"', "referral"],
  ]) {
    /** A visitor with a click, on a page with a form. */
    async function atForm(t) {
      restoreAfter(t, shop);
      shop.attributes = attribute;
      shop.html = () => FORM;
      const visitor = await openVisitor(t, browser);
      const clickId = await land(visitor, shop);
      await visit(visitor, shop, "/plans");
      // The core listens once it is there.
      await visitor.page.waitForFunction((name) => new FormData(document.forms[0]).has(name), name);
      return { ...visitor, clickId };
    }

    test(`${attribute}: a form's button sends it as ${name}`, async (t) => {
      const { page, clickId } = await atForm(t);
      await page.click("button");
      await page.waitForURL(/checkout/);
      assert.equal(submitted(), `?plan=pro&buy=1&${name}=${clickId}`);
    });

    test(`${attribute}: form.submit() sends it`, async (t) => {
      const { page, clickId } = await atForm(t);
      await page.evaluate(() => document.forms[0].submit());
      await page.waitForURL(/checkout/);
      assert.equal(submitted(), `?plan=pro&${name}=${clickId}`);
    });

    test(`${attribute}: a form added later, and one that has the field already, send it once`, async (t) => {
      const { page, clickId } = await atForm(t);
      await page.evaluate((name) => {
        document.body.insertAdjacentHTML("beforeend", `<form action="/checkout"><input name="${name}" value="old"></form>`);
        document.forms[1].requestSubmit();
      }, name);
      await page.waitForURL(/checkout/);
      assert.equal(submitted(), `?${name}=${clickId}`);
    });
  }

  test("without a click, forms are sent as they are", async (t) => {
    restoreAfter(t, shop);
    shop.attributes = "data-fill";
    shop.html = () => FORM;
    const visitor = await openVisitor(t, browser);
    const { page, requests } = visitor;
    await visit(visitor, shop, "/plans");
    await page.waitForLoadState("networkidle");
    assert.deepEqual(visitor.files(), ["tracker"]);
    assert.deepEqual(await page.evaluate(() => [...new FormData(document.forms[0])]), [["plan", "pro"]]);
    await page.click("button");
    await page.waitForURL(/checkout/);
    assert.equal(submitted(), "?plan=pro&buy=1");
    assert.deepEqual(requests.filter((request) => request.method() === "POST"), []);
    assert.equal(await page.evaluate(() => localStorage.length), 0);
  });

  test("without the attribute, forms are left alone", async (t) => {
    restoreAfter(t, shop);
    shop.html = () => FORM;
    const visitor = await openVisitor(t, browser);
    await land(visitor, shop);
    assert.deepEqual(await visitor.page.evaluate(() => [...new FormData(document.forms[0])]), [["plan", "pro"]]);
  });
});

describe("the globals", () => {
  const heard = () => {
    window.heard = [];
    addEventListener("affonso_referral_ready", () => window.heard.push(window.affonso_referral));
  };
  const known = (page) =>
    page.evaluate(() => ({
      affitor: window.affitor.getClickId(),
      affonso: window.Affonso.getReferralId(),
      global: window.affonso_referral,
      data: window.affitor.getData(),
      heard: window.heard,
      consent: window.Affonso.isConsentRequired(),
    }));

  test("they know the click, and the event says so, on the landing and on each later page", async (t) => {
    const visitor = await openVisitor(t, browser);
    await visitor.context.addInitScript(heard);
    const id = await land(visitor, shop);
    const data = { click_id: id, partner_code: "alice" };
    const expected = { affitor: id, affonso: id, global: id, data, heard: [id], consent: false };
    assert.deepEqual(await known(visitor.page), expected);
    await visit(visitor, shop, "/pricing");
    await clickIdOf(visitor.page);
    assert.deepEqual(await known(visitor.page), expected);
    assert.deepEqual(visitor.files(), ["tracker", "core", "tracker"]);
  });

  test("without a click they know none, and there is no event", async (t) => {
    const visitor = await openVisitor(t, browser);
    await visitor.context.addInitScript(heard);
    await visit(visitor, shop);
    const expected = { affitor: undefined, affonso: undefined, global: undefined, heard: [], consent: false };
    assert.deepEqual(await known(visitor.page), { ...expected, data: { click_id: undefined, partner_code: undefined } });
  });

  test("a click in cookies that are not the page's to read is none, and nothing throws", async (t) => {
    const visitor = await openVisitor(t, browser);
    await visitor.context.addInitScript(() => {
      const get = () => {
        throw new DOMException("no", "SecurityError");
      };
      Object.defineProperty(Document.prototype, "cookie", { get, set: get });
      Object.defineProperty(window, "localStorage", { get });
    });
    await visit(visitor, shop);
    assert.equal(await visitor.page.evaluate(() => window.affitor.getClickId()), undefined);
    assert.deepEqual(await signUp(visitor.page, newCustomer()), { recorded: false, reason: "no_click" });
  });

  test("with all storage blocked, landing and sign-up on one page are still two calls, and recorded", async (t) => {
    const visitor = await openVisitor(t, browser);
    await visitor.context.addInitScript(() => {
      const get = () => {
        throw new DOMException("no", "SecurityError");
      };
      Object.defineProperty(Document.prototype, "cookie", { get, set: get });
      Object.defineProperty(window, "localStorage", { get });
    });
    const clickId = await land(visitor, shop);
    const customer = newCustomer();
    assert.deepEqual(await signUp(visitor.page, customer), { recorded: true, click_id: clickId, status: "lead" });
    await becameOneLead(shop, clickId, customer);
  });
});

for (const attribute of ['data-debug="true"', 'data-affitor-debug="true"']) {
  test(`${attribute}: every decision in the console, and the same recorded`, async (t) => {
    restoreAfter(t, shop);
    shop.attributes = attribute;
    const visitor = await openVisitor(t, browser);
    const lines = [];
    visitor.page.on("console", (message) => lines.push(message.text()));
    const clickId = await land(visitor, shop);
    const customer = newCustomer();
    assert.deepEqual(await signUp(visitor.page, customer), { recorded: true, click_id: clickId, status: "lead" });
    await becameOneLead(shop, clickId, customer);
    await nothingStored(visitor.page);
    assert.deepEqual(visitor.files(), ["tracker", "core", "debug"]);
    assert.ok(lines.length > 0 && lines.every((line) => line.startsWith("[tracker]")), lines.join("\n"));
    for (const said of ["carries aff=alice: a click to report", "affitor_click_id=", "status 200: final", customer.key]) {
      assert.ok(lines.some((line) => line.includes(said)), `${said}: ${lines.join("\n")}`);
    }
  });
}

test('data-debug="false" and no debug say nothing', async (t) => {
  restoreAfter(t, shop);
  shop.attributes = 'data-debug="false" data-affitor-debug="false"';
  const visitor = await openVisitor(t, browser);
  const lines = [];
  visitor.page.on("console", (message) => lines.push(message.text()));
  await land(visitor, shop);
  await signUp(visitor.page, newCustomer());
  assert.deepEqual([lines, visitor.files()], [[], ["tracker", "core"]]);
});
