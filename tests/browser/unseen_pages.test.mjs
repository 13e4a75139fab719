// Who is no visitor: bots, and browsers that fetch or render a page ahead that nobody may ever look at.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
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

/** The first page makes the browser fetch or render the landing ahead. */
const ahead = (kind, partner) => (url) => {
  const rules = { [kind]: [{ urls: [`/landing?aff=${partner}`], eagerness: "immediate" }] };
  const script = `<script type="speculationrules">${JSON.stringify(rules)}</script>`;
  const link = `<a id="landing" href="/landing?aff=${partner}">Landing</a>`;
  return url.pathname === "/" ? link + script : `<p>Landing</p>${scene.tag()}`;
};

/** A visitor on the first page, and the landing fetched ahead. */
async function beginAhead(t, kind) {
  const visitor = await scene.begin(t);
  site.page = ahead(kind, visitor.partner);
  site.visits.length = 0;
  await visitor.page.goto(shop("/"));
  for (let tries = 0; !site.visits.some((path) => path.startsWith("/landing")); tries += 1) {
    if (tries > 100) return t.skip(`this browser does not ${kind}`);
    await visitor.page.waitForTimeout(50);
  }
  return visitor;
}

test("a page that the browser prefetches makes no click until somebody goes there", async (t) => {
  const visitor = await beginAhead(t, "prefetch");
  if (!visitor) return;
  assert.deepEqual([visitor.asked("/js/"), gate.calls.length], [0, 0]);
  await visitor.page.click("#landing");
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [await visitor.clicked()]);
  assert.equal(site.visits.filter((path) => path.startsWith("/landing")).length, 1);
});

test("a page that the browser really prerenders makes no click until somebody goes there, then one", async (t) => {
  const visitor = await beginAhead(t, "prerender");
  if (!visitor) return;
  // The first page may look into the storage that both share.
  const stored = () => visitor.page.evaluate(() => [...Object.keys(localStorage), document.cookie].filter(Boolean));
  assert.deepEqual([await stored(), gate.calls.length], [[], 0]);
  await visitor.page.click("#landing");
  await visitor.page.waitForURL(/landing/);
  const id = await visitor.clicked();
  await visitor.settled();
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
  assert.equal(gate.sent("click").length, 1);
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
