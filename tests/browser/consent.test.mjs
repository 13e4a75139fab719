// Consent, where the tag asks for it: before it is granted nothing is stored and nothing is sent; the link's parameter
// travels on in links of the same site, so that a grant on a later page credits it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startScene } from "./visits.mjs";

const scene = await startScene({ after });
const { site, gate } = scene;
const at = (host, path) => site.at(host, path);
const shop = (path) => at("www.shop.test", path);
const NEEDED = 'data-requires-consent="true"';
const anchor = (id, href) => `<a id="${id}" href="${href}"><b>${id}</b></a>`;

/** A visitor of pages with these links, which ask for consent. */
const begin = (t, links = "", options = {}) =>
  scene.begin(t, { page: () => `${links}${scene.tag(NEEDED)}`, ...options });

/** Nothing is stored, and nothing was asked for but pages and the tracker's script. */
async function assertNothing(visitor) {
  await visitor.page.waitForLoadState("networkidle");
  assert.deepEqual(await visitor.stored(), []);
  const others = visitor.requests.map(({ url }) => url).filter(({ host }) => host !== new URL(shop("/")).host);
  const unexpected = others.filter(({ pathname, port }) => pathname !== "/js/tracker.js" && port !== String(site.port));
  assert.deepEqual(unexpected.map(String), []);
  assert.deepEqual(gate.calls, []);
}

const follow = async (visitor, id) => {
  await Promise.all([visitor.page.waitForNavigation(), visitor.page.click(`#${id} b`)]);
  await visitor.page.waitForFunction(() => self.affitor?.signup);
};

const grant = (visitor) => visitor.call("affonsoConsentGranted");

test("granted on the landing page, the click is recorded then, once", async (t) => {
  const visitor = await begin(t);
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  assert.equal(await visitor.page.evaluate(() => self.Affonso.isConsentRequired()), true);
  await assertNothing(visitor);
  assert.equal(await grant(visitor), true);
  assert.equal(await visitor.page.evaluate(() => self.Affonso.isConsentRequired()), false);
  const id = await visitor.clicked();
  await visitor.settled();
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
  assert.equal(await visitor.cookie("affonso_referral"), id);
});

for (const [where, from, to] of [
  ["of the same host", "www.shop.test", "/two?size=1#top"],
  ["of a sub-domain, from www", "www.shop.test", at("app.shop.test", "/two")],
  ["of the bare domain, from www", "www.shop.test", at("shop.test", "/two")],
  ["of a sub-domain, from the bare domain", "shop.test", at("app.shop.test", "/two?a=b")],
]) {
  test(`granted on a page ${where} that an ordinary link led to, the affiliate is credited`, async (t) => {
    const visitor = await begin(t, anchor("next", to));
    await visitor.open(at(from, `/?aff=${visitor.partner}&utm_source=mail`));
    await follow(visitor, "next");
    const arrived = new URL(visitor.page.url());
    assert.equal(arrived.pathname, "/two");
    assert.equal(arrived.searchParams.get("aff"), visitor.partner);
    assert.equal(arrived.searchParams.get("utm_source"), null, "nothing else travels");
    await assertNothing(visitor);
    await grant(visitor);
    const id = await visitor.clicked();
    const user = `user_${visitor.partner}`;
    assert.equal((await visitor.call("affitor.signup", user, `${user}@example.com`)).recorded, true);
    assert.deepEqual(await scene.referralOf(user), { id, partner: visitor.partner });
    assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
  });
}

test("over three pages and a route of a single-page application it travels on", async (t) => {
  const visitor = await begin(t, anchor("one", "/two") + anchor("two", "three"));
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  await follow(visitor, "one");
  await visitor.page.evaluate(() => history.pushState(null, "", "/two/deeper"));
  await follow(visitor, "two");
  assert.equal(new URL(visitor.page.url()).pathname, "/two/three");
  await assertNothing(visitor);
  await grant(visitor);
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [await visitor.clicked()]);
});

test("never granted, five pages store nothing and ask for nothing", async (t) => {
  const visitor = await begin(t, anchor("next", "/two"));
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  for (let pages = 0; pages < 3; pages += 1) {
    await follow(visitor, "next");
    await visitor.page.evaluate(() => history.pushState(null, "", "/route"));
    assert.deepEqual(await visitor.call("affitor.signup", "user_1", "jane@example.com"), {
      recorded: false,
      reason: "consent_required",
    });
    await visitor.call("affitor.init", {});
  }
  await visitor.page.reload();
  await assertNothing(visitor);
  assert.deepEqual(await scene.clicksOf(visitor.partner), []);
});

test("a sign-up before the grant is held and sent after it, both by the two globals and by the queue", async (t) => {
  const queued = `<script>affitorQueue = [['signup', 'held_queue', 'queue@example.com']]</script>`;
  const visitor = await begin(t, queued);
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  const held = { recorded: false, reason: "consent_required" };
  assert.deepEqual(await visitor.call("affitor.signup", "held_affitor", "affitor@example.com"), held);
  assert.deepEqual(await visitor.call("Affonso.signup", { externalUserId: "held_affonso", email: "a@example.com" }), held);
  await assertNothing(visitor);
  await grant(visitor);
  const id = await visitor.clicked();
  await visitor.settled();
  const sent = gate.sent("lead").map(({ click_id, customer_key }) => [click_id, customer_key]);
  assert.deepEqual(
    sent.sort(),
    ["held_affitor", "held_affonso", "held_queue"].map((key) => [id, key]),
  );
});

test("granting twice, and again later, sends nothing twice and leaves nothing behind", async (t) => {
  const visitor = await begin(t);
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  await visitor.call("affitor.signup", "twice", "twice@example.com");
  await visitor.page.evaluate(() => Promise.all([self.affonsoConsentGranted(), self.affonsoConsentGranted()]));
  await visitor.settled();
  await grant(visitor);
  await visitor.settled();
  const counts = () => [gate.sent("click").length, gate.sent("lead").length];
  assert.deepEqual(counts(), [1, 1]);
  const core = visitor.asked("/core.");
  await visitor.open(shop("/next"));
  await grant(visitor);
  await visitor.page.waitForLoadState("networkidle");
  assert.deepEqual(counts(), [1, 1]);
  assert.equal(visitor.asked("/core."), core, "the next page has nothing to do");
});

test("without a click a grant sends and stores nothing", async (t) => {
  const visitor = await begin(t);
  await visitor.open(shop("/"));
  assert.equal((await visitor.call("affitor.signup", "user_1", "jane@example.com")).reason, "no_click");
  await grant(visitor);
  await assertNothing(visitor);
});

test("links to other sites, to addresses that are no pages, and with a parameter of their own are left alone", async (t) => {
  const links = {
    alike: at("evilshop.test", "/"),
    longer: at("shop.test.evil.test", "/"),
    elsewhere: "https://other.test/?shop.test",
    mail: "mailto:hello@shop.test",
    phone: "tel:+123",
    call: "javascript:void 0",
    own: shop("/?via=somebody"),
    nowhere: "",
  };
  const visitor = await begin(
    t,
    Object.entries(links)
      .map(([id, href]) => (id === "nowhere" ? "<a id=nowhere><b>nowhere</b></a>" : anchor(id, href)))
      .join(" "),
  );
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  // Looked at as they would be followed, and not followed.
  await visitor.page.evaluate(() => document.addEventListener("click", (event) => event.preventDefault()));
  for (const [id, href] of Object.entries(links)) {
    await visitor.page.click(`#${id} b`);
    assert.equal(await visitor.page.$eval(`#${id}`, (link) => link.getAttribute("href") ?? ""), href, id);
  }
});

test("a link within the page stays one after the address has changed", async (t) => {
  const visitor = await begin(t, `${anchor("part", "#prices")}<p id="prices">Prices</p>`);
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  await visitor.page.evaluate(() => {
    self.isSamePage = true;
    history.replaceState(null, "", "/");
  });
  await visitor.page.click("#part b");
  await visitor.page.waitForFunction(() => location.hash === "#prices");
  assert.equal(await visitor.page.evaluate(() => self.isSamePage), true, "the page was loaded anew");
});

test("a click by hand without a parameter adds none to links", async (t) => {
  const visitor = await begin(t, anchor("next", "/two"));
  await visitor.open(shop("/"));
  await visitor.call("affitor.trackClick");
  await follow(visitor, "next");
  assert.equal(visitor.page.url(), shop("/two"));
});

test("a visitor with the cookie of an earlier consent is asked again, and nothing is sent before", async (t) => {
  const visitor = await begin(t);
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  await grant(visitor);
  const id = await visitor.clicked();
  await visitor.settled();
  const calls = gate.calls.length;
  await visitor.open(shop("/next"));
  assert.equal((await visitor.call("affitor.signup", "later", "later@example.com")).reason, "consent_required");
  await visitor.page.waitForLoadState("networkidle");
  assert.equal(gate.calls.length, calls);
  await grant(visitor);
  assert.equal((await scene.referralOf("later")).id, id);
});
