// First-party delivery: the tracker's files and endpoints on the site's own domain, under any prefix and other names.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  becameOneLead,
  land,
  lasting,
  newCustomer,
  nothingStored,
  openVisitor,
  restoreAfter,
  sharedBrowser,
  signUp,
  startShop,
} from "../support/shop.mjs";

const COOKIES = ["affitor_click_id", "affonso_referral", "affitor_aff_url"];
const ALIASES = "/a/b.js=/js/tracker.js /a/*=/js/* /z/*=/api/v1/track/* /hello=/api/v1/track/click";

const browser = sharedBrowser();
const file = lasting();
let shop;
let secure;
before(async () => {
  shop = await startShop(file, { hosts: ["www.shop.test", "shop.test"], vars: { PATH_ALIASES: ALIASES } });
  secure = await startShop(file, { site: { secure: true } });
});

/** A visitor whose pages write down which cookies scripts set, and what answers set. */
async function watched(t, options) {
  const visitor = await openVisitor(t, browser, options);
  const { context } = visitor;
  await context.addInitScript(() => {
    window.writes = [];
    const { get, set } = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
    Object.defineProperty(Document.prototype, "cookie", {
      get,
      set(line) {
        window.writes.push(line.split("=")[0]);
        set.call(document, line);
      },
    });
  });
  const answers = [];
  context.on("response", async (response) => {
    const path = new URL(response.url()).pathname;
    const headers = await response.headersArray().catch(() => []);
    const cookies = headers.filter(({ name }) => name.toLowerCase() === "set-cookie").map(({ value }) => value);
    answers.push({ path, method: response.request().method(), cookies });
  });
  const writes = () => visitor.page.evaluate(() => [...new Set(window.writes)]);
  return { ...visitor, answers, writes };
}

async function assertSetByAnswer(visitor, shop, { clickId, path, attributes }) {
  const { answers, writes, page, context } = visitor;
  // The page may know of the answer before this process does.
  const told = () => answers.find((answer) => answer.path === path && answer.method === "POST");
  while (!told()) await sleep(20);
  const answer = told();
  const [first, ...others] = answer.cookies.flatMap((cookie) => cookie.split("\n"));
  assert.equal(first, `affitor_click_id=${clickId}; Path=/; SameSite=Lax; Max-Age=5184000${attributes}`);
  assert.deepEqual([first, ...others].map((cookie) => cookie.split("=")[0]), COOKIES);
  assert.deepEqual(await writes(), ["affitor_kept", "affitor_probe"], "written by the script");
  const cookies = await context.cookies();
  assert.deepEqual(cookies.map(({ name }) => name).sort(), [...COOKIES].sort());
  for (const { domain, httpOnly } of cookies) assert.deepEqual([domain, httpOnly], [".shop.test", false]);
  const customer = newCustomer();
  assert.equal((await signUp(page, customer)).recorded, true);
  await becameOneLead(shop, clickId, customer);
  await nothingStored(page);
}

for (const prefix of ["/partners/", "/a/b/c/d/"]) {
  test(`under ${prefix} on the site's own host, the click's answer sets the cookies and the script none`, async (t) => {
    restoreAfter(t, shop);
    shop.site.prefix = prefix;
    t.after(() => delete shop.site.prefix);
    shop.file = `${prefix}js/tracker.js`;
    const visitor = await watched(t);
    const clickId = await land(visitor, shop);
    const path = `${prefix}api/v1/track/click`;
    await assertSetByAnswer(visitor, shop, { clickId, path, attributes: "; Domain=shop.test" });
    const origins = new Set(visitor.requests.map((request) => new URL(request.url()).origin));
    assert.deepEqual([...origins], [new URL(shop.at("www.shop.test")).origin], "another host was asked");
  });
}

test("on https they are Secure", async (t) => {
  restoreAfter(t, secure);
  secure.site.prefix = "/partners/";
  t.after(() => delete secure.site.prefix);
  secure.file = "/partners/js/pixel.min.js";
  const visitor = await watched(t, { ignoreHTTPSErrors: true });
  const clickId = await land(visitor, secure);
  const path = "/partners/api/v1/track/click";
  await assertSetByAnswer(visitor, secure, { clickId, path, attributes: "; Domain=shop.test; Secure" });
  for (const { name, secure: isSecure } of await visitor.context.cookies()) assert.equal(isSecure, true, name);
});

test("from a sub-domain, called with credentials, the answer sets them for the whole domain", async (t) => {
  restoreAfter(t, shop);
  const { port } = new URL(shop.ledger.url);
  shop.file = `http://track.shop.test:${port}/js/tracker.js`;
  const visitor = await watched(t);
  const clickId = await land(visitor, shop);
  await assertSetByAnswer(visitor, shop, { clickId, path: "/api/v1/track/click", attributes: "; Domain=shop.test" });
});

test("from another site, the answer sets nothing and the script sets them", async (t) => {
  const visitor = await watched(t);
  await land(visitor, shop);
  assert.deepEqual(visitor.answers.flatMap(({ cookies }) => cookies), []);
  assert.deepEqual((await visitor.writes()).sort(), [...COOKIES, "affitor_kept"].sort());
});

test("under other names, with data-api", async (t) => {
  restoreAfter(t, shop);
  shop.file = `${shop.ledger.url}/a/b.js`;
  shop.attributes = `data-api="/z/"`;
  const visitor = await watched(t);
  const clickId = await land(visitor, shop);
  const customer = newCustomer();
  assert.equal((await signUp(visitor.page, customer)).recorded, true);
  await becameOneLead(shop, clickId, customer);
  const asked = visitor.requests.map((request) => new URL(request.url()).pathname).filter((path) => path !== "/");
  assert.deepEqual(asked.map((path) => path.replace(/core\.\w+/, "core")), ["/a/b.js", "/a/core.js", "/z/click", "/z/lead"]);
});

test("each endpoint under a name of its own, with data-click and data-lead", async (t) => {
  restoreAfter(t, shop);
  shop.file = `${shop.ledger.url}/a/b.js`;
  shop.attributes = `data-api="/" data-click="hello" data-lead="z/lead"`;
  const visitor = await watched(t);
  const clickId = await land(visitor, shop);
  const customer = newCustomer();
  assert.equal((await signUp(visitor.page, customer)).recorded, true);
  await becameOneLead(shop, clickId, customer);
  const posted = visitor.requests.filter((request) => request.method() === "POST");
  assert.deepEqual(posted.map((request) => new URL(request.url()).pathname), ["/hello", "/z/lead"]);
});
