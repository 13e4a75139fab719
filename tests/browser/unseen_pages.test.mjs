// Who is no visitor: bots, and browsers that fetch or render a page ahead that nobody may ever look at.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { eventually } from "../api/calls.mjs";
import { openAlone } from "../support/browser.mjs";
import { startScene } from "./visits.mjs";

const scene = await startScene({ after });
const { site, gate } = scene;
const shop = (path) => site.at("www.shop.test", path);

const BOTS = {
  "a search engine": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  "a browser without a window":
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
  "a preview of a link": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
};

async function assertNoClick(visitor, reason) {
  assert.deepEqual(await visitor.call("affitor.trackClick"), { recorded: false, reason });
  await visitor.settled();
  assert.deepEqual(await visitor.stored(), []);
  assert.deepEqual(await scene.clicksOf(visitor.partner), []);
}

for (const [who, userAgent] of Object.entries(BOTS)) {
  test(`${who} makes no click and gets no cookie`, async (t) => {
    const visitor = await scene.begin(t, { userAgent });
    await visitor.open(shop(`/?aff=${visitor.partner}`));
    await assertNoClick(visitor, "bot");
  });
}

test("calls that say that they are prefetched make no click", async (t) => {
  const visitor = await scene.begin(t, { extraHTTPHeaders: { "sec-purpose": "prefetch" } });
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  await assertNoClick(visitor, "prefetch");
});

describe("a landing that the browser fetches or renders ahead", async () => {
  // Browsers do so on pages by https alone.
  const secure = await startScene({ after }, { secure: true });
  const first = secure.site.at("www.shop.test", "/");
  const landings = () => secure.site.visits.filter((path) => path.startsWith("/landing")).length;

  /** The first page makes the browser do it, says what is stored, and goes there when it is told to. */
  function pages(kind, partner) {
    const told = { storage: undefined, isTimeToGo: false };
    const landing = `/landing?aff=${partner}`;
    const rules = JSON.stringify({ [kind]: [{ urls: [landing], eagerness: "immediate" }] });
    const script = `const wait = async () => {
        const stored = JSON.stringify([Object.keys(localStorage), document.cookie]);
        const answer = await (await fetch("/told?" + encodeURIComponent(stored))).text();
        answer.includes("GO") ? document.getElementById("landing").click() : setTimeout(wait, 50);
      };
      wait();`;
    secure.site.visits.length = 0;
    secure.site.page = (url) => {
      if (url.pathname === "/landing") return `<p>Landing</p>${secure.tag()}`;
      if (url.pathname !== "/told") {
        return `<a id="landing" href="${landing}">Landing</a><script type="speculationrules">${rules}</script>
          <script>${script}</script>`;
      }
      told.storage = JSON.parse(decodeURIComponent(url.search.slice(1)));
      return told.isTimeToGo ? "GO" : "WAIT";
    };
    return told;
  }

  test("by prefetch makes no click until somebody goes there", async (t) => {
    const visitor = await secure.begin(t);
    const told = pages("prefetch", visitor.partner);
    await visitor.page.goto(first);
    await eventually(() => assert.equal(landings(), 1));
    assert.deepEqual([visitor.asked("/js/"), secure.gate.calls.length], [0, 0]);
    told.isTimeToGo = true;
    await visitor.page.waitForURL(/landing/);
    assert.deepEqual(await secure.clicks(visitor.partner, 1), [await visitor.clicked()]);
    assert.equal(landings(), 1, "what was fetched ahead is what is shown");
  });

  test("by prerendering, its scripts run, makes no click until somebody goes there, then one", async (t) => {
    const { partner } = await secure.begin(t);
    const told = pages("prerender", partner);
    const scripts = [];
    secure.gate.seen = ({ path }) => scripts.push(path);
    openAlone(t, first);
    // The core is there: whatever it does without being looked at, it has begun.
    await eventually(() => assert.ok(scripts.some((path) => path.includes("/core."))), 20_000);
    const before = secure.site.visits.length;
    await eventually(() => assert.ok(secure.site.visits.length >= before + 10));
    assert.deepEqual(told.storage, [[], ""]);
    assert.deepEqual(secure.gate.calls, []);
    told.isTimeToGo = true;
    const [id] = await secure.clicks(partner, 1);
    await eventually(() => assert.equal(secure.gate.sent("click").length, 1));
    assert.deepEqual(await secure.clicks(partner, 1), [id]);
    assert.equal(landings(), 1, "what was rendered ahead is what is shown");
  });
});

describe("a page that says that it is prerendered", () => {
  /** A visitor whose pages say so until the test activates them. */
  async function prerendered(t, options) {
    const visitor = await scene.begin(t, options);
    await visitor.context.addInitScript(() => {
      let ahead = true;
      Object.defineProperty(Document.prototype, "prerendering", { get: () => ahead, configurable: true });
      self.activate = () => {
        ahead = false;
        document.dispatchEvent(new Event("prerenderingchange"));
      };
    });
    await visitor.open(shop(`/?aff=${visitor.partner}`));
    return visitor;
  }

  test("stores and sends nothing, whatever the page calls; once looked at, it makes one click", async (t) => {
    const visitor = await prerendered(t, {});
    await visitor.page.evaluate((partner) => {
      history.replaceState(null, "", `/route?aff=${partner}`);
      self.signedUp = self.affitor.signup("seen", "seen@example.com");
    }, visitor.partner);
    await visitor.page.waitForLoadState("networkidle");
    assert.deepEqual(await visitor.stored(), []);
    assert.deepEqual(gate.calls, []);

    await visitor.page.evaluate(() => self.activate());
    const id = await visitor.clicked();
    assert.deepEqual(await visitor.page.evaluate(() => self.signedUp), { recorded: true, click_id: id, status: "lead" });
    await visitor.settled();
    assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
    assert.deepEqual([gate.sent("click").length, gate.sent("lead").length], [1, 1]);
  });

  test("and is never looked at leaves nothing for the next page", async (t) => {
    const visitor = await prerendered(t, {});
    await visitor.page.goto(shop("/next"));
    await visitor.page.waitForLoadState("networkidle");
    assert.deepEqual(await visitor.stored(), []);
    assert.deepEqual(gate.calls, []);
  });

  test("and asks for consent waits for both, in either order", async (t) => {
    for (const steps of [
      ["activate", "affonsoConsentGranted"],
      ["affonsoConsentGranted", "activate"],
    ]) {
      const visitor = await prerendered(t, { attributes: 'data-requires-consent="true"' });
      const [first, second] = steps;
      await visitor.page.evaluate((step) => void self[step](), first);
      await visitor.page.waitForLoadState("networkidle");
      assert.deepEqual([await visitor.stored(), gate.calls.length], [[], 0], first);
      await visitor.page.evaluate((step) => void self[step](), second);
      assert.deepEqual(await scene.clicks(visitor.partner, 1), [await visitor.clicked()]);
    }
  });
});
