// The cookies: on the widest domain that sticks, as a browser with its list of public suffixes decides it.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { click } from "../api/calls.mjs";
import {
  becameOneLead,
  clickIdOf,
  land,
  lasting,
  newCustomer,
  openVisitor,
  restoreAfter,
  sharedBrowser,
  signUp,
  startShop,
  stored,
  visit,
} from "../support/shop.mjs";

const HOSTS = ["www.shop.test", "app.shop.test", "shop.test", "a.b.shop.test", "alice.github.io", "www.shop.co.uk"];
const NAMES = ["affitor_aff_url", "affitor_click_id", "affonso_referral"];
const DAY = 24 * 60 * 60;

const browser = sharedBrowser();
const file = lasting();
let shop;
let secure;
before(async () => {
  shop = await startShop(file, { hosts: [...HOSTS, "localhost", "127.0.0.1"], program: { cookie_window_days: 30 } });
  secure = await startShop(file, { hosts: HOSTS, site: { secure: true } });
});

/** All cookies of a visitor, those that others set too: name and domain, in order. */
async function domains(context) {
  const cookies = await context.cookies();
  return cookies.map(({ name, domain }) => `${name} ${domain}`).sort();
}

const all = (domain) => NAMES.map((name) => `${name} ${domain}`);

for (const [host, domain] of [
  ["www.shop.test", ".shop.test"],
  ["shop.test", ".shop.test"],
  ["a.b.shop.test", ".shop.test"],
  ["alice.github.io", ".alice.github.io"],
  ["www.shop.co.uk", ".shop.co.uk"],
  ["localhost", "localhost"],
  ["127.0.0.1", "127.0.0.1"],
]) {
  test(`a landing on ${host} sets the cookies on ${domain}, and a sign-up is recorded`, async (t) => {
    const visitor = await openVisitor(t, browser);
    const { page, context, cookie } = visitor;
    const clickId = await land(visitor, shop, { host, path: "/pricing?x=1&aff=alice&y=2#top" });
    assert.deepEqual(await domains(context), all(domain));
    assert.equal((await cookie("affitor_click_id")).value, clickId);
    assert.equal((await cookie("affonso_referral")).value, clickId);
    assert.equal((await cookie("affitor_aff_url")).value, shop.at(host, "/pricing?aff=alice"));
    const customer = newCustomer();
    assert.equal((await signUp(page, customer)).recorded, true);
    await becameOneLead(shop, clickId, customer);
  });
}

test("they are Lax, readable by scripts, not Secure on http, and live as long as the program says", async (t) => {
  const visitor = await openVisitor(t, browser);
  await land(visitor, shop);
  const now = Date.now() / 1000;
  for (const cookie of await visitor.context.cookies()) {
    const { sameSite, secure, httpOnly, path, expires } = cookie;
    assert.deepEqual({ sameSite, secure, httpOnly, path }, { sameSite: "Lax", secure: false, httpOnly: false, path: "/" });
    assert.ok(Math.abs(expires - now - 30 * DAY) < 60, `${cookie.name}: ${(expires - now) / DAY} days`);
  }
});

test("on https they are Secure, and live for the default 60 days", async (t) => {
  const visitor = await openVisitor(t, browser, { ignoreHTTPSErrors: true });
  // A page by https calls a ledger by http only at a loopback address.
  const clickId = await land(visitor, secure);
  const now = Date.now() / 1000;
  const cookies = await visitor.context.cookies();
  assert.deepEqual(await domains(visitor.context), all(".shop.test"));
  for (const { name, secure, sameSite, expires } of cookies) {
    assert.deepEqual([secure, sameSite], [true, "Lax"], name);
    assert.ok(Math.abs(expires - now - 60 * DAY) < 60, `${(expires - now) / DAY} days`);
  }
  const customer = newCustomer();
  assert.equal((await signUp(visitor.page, customer)).recorded, true);
  await becameOneLead(secure, clickId, customer);
});

test("a click on www is known on the shop's other hosts, and one may sign up there", async (t) => {
  const visitor = await openVisitor(t, browser);
  const clickId = await land(visitor, shop, { host: "www.shop.test" });
  for (const host of ["app.shop.test", "shop.test", "a.b.shop.test"]) {
    await visit(visitor, shop, "/", host);
    assert.equal(await clickIdOf(visitor.page), clickId, host);
  }
  const customer = newCustomer();
  await signUp(visitor.page, customer);
  await becameOneLead(shop, clickId, customer);
  // The same link again, on another host of the shop's, is no other click.
  await land(visitor, shop, { host: "app.shop.test" });
  assert.equal(visitor.calls("click").length, 1);
});

for (const [attribute, domain] of [
  ['data-cookie-domain="b.shop.test"', ".b.shop.test"],
  ['data-cookie-domain=".b.shop.test"', ".b.shop.test"],
  ['data-affitor-cookie-domain="a.b.shop.test"', ".a.b.shop.test"],
  ['data-cookie-domain="elsewhere.test"', ".shop.test"],
  ['data-cookie-domain="test"', ".shop.test"],
  ['data-cookie-domain=""', ".shop.test"],
]) {
  test(`a tag with ${attribute} sets them on ${domain}`, async (t) => {
    restoreAfter(t, shop);
    shop.attributes = attribute;
    const visitor = await openVisitor(t, browser);
    await land(visitor, shop, { host: "a.b.shop.test" });
    assert.deepEqual(await domains(visitor.context), all(domain));
  });
}

describe("cookies of before", () => {
  const at = (value, name) => ({ name, value, domain: ".shop.test", path: "/", expires: Date.now() / 1000 + DAY });

  for (const name of ["customer_code", "affonso_referral", "affitor_click_id"]) {
    test(`a sign-up under the click in ${name} alone is sent and recorded`, async (t) => {
      const clickId = await click(shop.ledger);
      const visitor = await openVisitor(t, browser);
      await visitor.context.addCookies([at(clickId, name)]);
      await visit(visitor, shop);
      assert.equal(await visitor.page.evaluate(() => window.Affonso.getReferralId()), clickId);
      const customer = newCustomer();
      assert.deepEqual(await signUp(visitor.page, customer), { recorded: true, click_id: clickId, status: "lead" });
      await becameOneLead(shop, clickId, customer);
      assert.deepEqual(await stored(visitor.page), []);
      assert.equal(visitor.calls("click").length, 0);
    });
  }

  test("a new click counts more than an older name's, on later pages too", async (t) => {
    const old = await click(shop.ledger);
    const visitor = await openVisitor(t, browser);
    await visitor.context.addCookies([at(old, "customer_code")]);
    await land(visitor, shop);
    const changed = await visitor.page.waitForFunction((old) => [window.affitor.getClickId()].find((id) => id !== old), old);
    const clickId = await changed.jsonValue();
    assert.equal(visitor.calls("click")[0].postDataJSON().existing_click_id, old);
    await visit(visitor, shop);
    assert.equal(await clickIdOf(visitor.page), clickId);
    const customer = newCustomer();
    await signUp(visitor.page, customer);
    await becameOneLead(shop, clickId, customer);
  });

  test("names that only look like the tracker's are nobody's click", async (t) => {
    const visitor = await openVisitor(t, browser);
    const names = ["x_affitor_click_id", "affitor_click_id2", "my-customer_code"];
    await visitor.context.addCookies(names.map((name) => at("ref_0010VP2EUy9T0Am3Dd8A64SrR", name)));
    await visit(visitor, shop);
    assert.equal(await visitor.page.evaluate(() => window.affitor.getClickId()), undefined);
  });
});

test("an address whose query and fragment are enormous is a click, and a sign-up there a lead", async (t) => {
  const visitor = await openVisitor(t, browser);
  const { page, cookie } = visitor;
  const path = `/${"long/".repeat(100)}?${"x=1&".repeat(1_000)}aff=alice#${"state".repeat(30_000)}`;
  const clickId = await land(visitor, shop, { path });
  const customer = newCustomer();
  assert.equal((await signUp(page, customer)).recorded, true);
  await becameOneLead(shop, clickId, customer);
  assert.match((await cookie("affitor_aff_url")).value, /\?aff=alice$/);
});
