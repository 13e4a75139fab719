// Pages that may not store anything, or only a little: the visit and the sign-up are recorded all the same, once; and what
// others have left under the tracker's names in localStorage does no harm.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startScene } from "./visits.mjs";

const scene = await startScene({ after });
const { site, gate } = scene;
const shop = (path) => site.at("www.shop.test", path);

const throwing = (owner, name) =>
  `Object.defineProperty(${owner}, "${name}", {
    get() { throw new DOMException("blocked", "SecurityError"); },
    set() { throw new DOMException("blocked", "SecurityError"); },
  });`;
const noStorage = throwing("self", "localStorage") + throwing("self", "sessionStorage");
const noCookies = throwing("Document.prototype", "cookie");

const BLOCKED = {
  "storage that throws": noStorage,
  "storage that is null": `Object.defineProperty(self, "localStorage", { get: () => null });`,
  "storage that is full": `try {
    for (let size = 1 << 22; size; size >>= size > 1 ? 1 : 0)
      try { localStorage.full = (localStorage.full ?? "") + "x".repeat(size); } catch (e) { if (size === 1) break; }
  } catch {}`,
  "storage that takes nothing": `Storage.prototype.setItem = () => { throw new Error(); };
    Object.defineProperty(self, "localStorage", { value: Object.freeze({}) });`,
  "cookies that throw": noCookies,
  "cookies that are not kept": `Object.defineProperty(Document.prototype, "cookie", { get: () => "", set() {} });`,
  "neither cookies nor storage": noStorage + noCookies,
};

for (const [what, script] of Object.entries(BLOCKED)) {
  test(`with ${what} a landing, its routes and two sign-ups are one click and two leads`, async (t) => {
    const visitor = await scene.begin(t);
    await visitor.context.addInitScript(script);
    await visitor.open(shop(`/?aff=${visitor.partner}`));
    const key = (number) => `user_${number}_${visitor.partner}`;
    const signUp = (number) => visitor.call("affitor.signup", key(number), `${key(number)}@example.com`);
    const results = await Promise.all([signUp(1), signUp(2)]);
    const click_id = await visitor.clicked();
    for (const result of results) assert.deepEqual(result, { recorded: true, click_id, status: "lead" });
    for (const path of ["/cart", `/?aff=${visitor.partner}`, "/cart", `/again?via=${visitor.partner}`]) {
      await visitor.page.evaluate((path) => history.pushState(null, "", path), path);
    }
    assert.deepEqual(await visitor.call("affitor.trackClick"), { recorded: false, reason: "already_tracked" });
    assert.deepEqual(await scene.clicks(visitor.partner, 1), [click_id]);
    // Both were sent at once; the click is the customer's whose sign-up came first.
    const referral = await Promise.any([1, 2].map((number) => scene.referralOf(key(number))));
    assert.equal(referral.id, click_id);
    const names = gate.calls.map(({ body }) => body.event_id);
    assert.equal(new Set(names).size, 3, names.join());
    assert.ok(names.every((name) => /^\d{13}(true|false)[\d.e-]+$/.test(name)), names.join());
    assert.equal(await visitor.page.evaluate(() => self.affonso_referral), click_id);
  });
}

describe("in a frame", () => {
  const framed = (attributes) => (url) =>
    url.pathname === "/outer"
      ? `<iframe ${attributes} src="${shop(`/framed${url.search}`)}"></iframe>`
      : scene.tag();

  /** The frame, once the tracker's globals are there. */
  async function frameOf(visitor, outer) {
    await visitor.page.goto(outer);
    const frame = await (await visitor.page.waitForSelector("iframe")).contentFrame();
    await frame.waitForFunction(() => self.affitor?.signup);
    return frame;
  }

  test("on another site, where cookies are not kept, the visit is one click and the sign-up one lead", async (t) => {
    const visitor = await scene.begin(t, { page: framed("") });
    const frame = await frameOf(visitor, site.at("evilshop.test", `/outer?aff=${visitor.partner}`));
    const click_id = await visitor.clicked(undefined, frame);
    await frame.evaluate((partner) => history.pushState(null, "", `/more?aff=${partner}`), visitor.partner);
    const result = await frame.evaluate(() => self.affitor.signup("framed", "framed@example.com"));
    assert.deepEqual(result, { recorded: true, click_id, status: "lead" });
    assert.deepEqual(await frame.evaluate(() => self.affitor.trackClick()), { recorded: false, reason: "already_tracked" });
    assert.deepEqual(await scene.clicks(visitor.partner, 1), [click_id]);
    assert.equal(gate.sent("click").length, 1);
  });

  test("in a sandbox, which is nobody's origin, nothing is recorded and every call resolves", async (t) => {
    const visitor = await scene.begin(t, { page: framed('sandbox="allow-scripts"') });
    const frame = await frameOf(visitor, shop(`/outer?aff=${visitor.partner}`));
    const results = await frame.evaluate(async () => [
      await self.affitor.trackClick(),
      await self.affitor.signup("user_1", "jane@example.com"),
      await self.affonsoConsentGranted(),
    ]);
    assert.equal(results[0].recorded, false);
    assert.match(results[0].reason, /null/);
    assert.deepEqual(results.slice(1), [{ recorded: false, reason: "no_click" }, true]);
    assert.equal(await frame.evaluate(() => self.affitor.getClickId()), undefined);
    assert.deepEqual(await scene.clicksOf(visitor.partner), []);
    assert.equal(visitor.lines.filter(({ text }) => text.includes("allowed origins")).length, 1);
  });
});

describe("what others have left under the tracker's names", () => {
  const GARBAGE = {
    "": "x",
    1: "",
    2: "null",
    3: "[]",
    4: "42",
    5: '"text"',
    6: "{",
    7: "{}",
    8: '{"url":5}',
    9: '{"url":{"a":[]},"id":"elsewhere"}',
    10: '{"key":{},"email":[[]],"click":{}}',
    11: '{"who":[1,{"email":null}],"id":7}',
    12: `{"url":"${"x".repeat(1e5)}"}`,
    13: '{"__proto__":{"url":1},"constructor":2}',
    __proto__x: "{}",
    constructor: "{}",
    "é\u0000\n": '{"url":"nowhere"}',
    zz: "true",
  };

  test("is thrown away, and what is the tracker's among it is sent", async (t) => {
    const visitor = await scene.begin(t);
    await visitor.page.goto(site.at("www.shop.test", "/favicon.ico?none")).catch(() => {});
    site.page = () => "";
    await visitor.page.goto(shop("/without"));
    await visitor.page.evaluate(
      ([garbage, entry]) => {
        for (const [name, value] of Object.entries(garbage)) localStorage[`affitor_kept${name}`] = value;
        localStorage[`affitor_kept${Date.now()}`] = entry;
        document.cookie = "affitor_kept=1; path=/";
        localStorage.affitorial = "the page's own";
      },
      [GARBAGE, JSON.stringify({ url: shop(`/?aff=${visitor.partner}`) })],
    );
    site.page = () => scene.tag();
    await visitor.open(shop("/next"));
    const id = await visitor.clicked();
    await visitor.page.waitForFunction(() => !Object.keys(localStorage).some((name) => name.startsWith("affitor_")));
    assert.equal(await visitor.page.evaluate(() => localStorage.affitorial), "the page's own");
    assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
    assert.equal((await visitor.call("affitor.signup", "tidy", "tidy@example.com")).recorded, true);
    const core = visitor.asked("/core.");
    await visitor.open(shop("/later"));
    await visitor.page.waitForLoadState("networkidle");
    assert.equal(visitor.asked("/core."), core, "the next page has nothing to do");
  });

  test("alone makes one page look, and no other", async (t) => {
    const visitor = await scene.begin(t);
    await visitor.context.addInitScript(() => {
      if (location.pathname === "/first") document.cookie = "affitor_kept={{{; path=/";
    });
    await visitor.open(shop("/first"));
    await visitor.settled();
    await visitor.open(shop("/second"));
    await visitor.page.waitForLoadState("networkidle");
    assert.equal(visitor.asked("/core."), 1);
    assert.deepEqual(gate.calls, []);
  });

  test("in cookies is sent as it is, and a landing puts it right", async (t) => {
    const visitor = await scene.begin(t);
    const names = ["affitor_click_id", "affonso_referral", "affitor_aff_url"];
    await visitor.context.addCookies(names.map((name) => ({ name, value: "%E0%A4%A?&=x", url: shop("/") })));
    await visitor.open(shop("/"));
    assert.equal((await visitor.call("affitor.signup", "user_x", "x@example.com")).recorded, false);
    await visitor.open(shop(`/?aff=${visitor.partner}`));
    const [id] = await scene.clicks(visitor.partner, 1);
    await visitor.settled();
    assert.equal(await visitor.page.evaluate(() => self.affonso_referral), id);
  });
});
