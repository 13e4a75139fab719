// The versioned file with its hash: what a browser makes of `integrity`, and how long it keeps what.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import {
  becameOneLead,
  land,
  lasting,
  newCustomer,
  openVisitor,
  restoreAfter,
  sharedBrowser,
  signUp,
  startShop,
} from "../support/shop.mjs";

const browser = sharedBrowser();
const file = lasting();
let shop;
let published;
before(async () => {
  shop = await startShop(file);
  published = (await shop.ledger.request("GET", "/js/integrity.json")).json;
});

/** Has the shop's tag name the versioned file with this hash. */
function tagWith(t, integrity) {
  restoreAfter(t, shop);
  shop.file = `${shop.ledger.url}/js/${published.latest}`;
  shop.attributes = `integrity="${integrity}" crossorigin="anonymous"`;
}

test("the versioned file with its published hash is run: click and sign-up are recorded", async (t) => {
  tagWith(t, published.integrity[published.latest]);
  const visitor = await openVisitor(t, browser);
  const clickId = await land(visitor, shop);
  const customer = newCustomer();
  assert.equal((await signUp(visitor.page, customer)).recorded, true);
  await becameOneLead(shop, clickId, customer);
});

test("with another hash the browser refuses it, and the page goes on", async (t) => {
  const other = Object.keys(published.integrity).find((name) => name !== published.latest);
  tagWith(t, published.integrity[other]);
  shop.html = () => `<button onclick="document.title = 'bought'">Buy</button>`;
  const visitor = await openVisitor(t, browser);
  const { page } = visitor;
  const refused = page.waitForEvent("console", (message) => /integrity/.test(message.text()));
  await page.goto(shop.at("www.shop.test", "/?aff=alice"));
  await refused;
  await page.click("button");
  assert.equal(await page.title(), "bought");
  assert.equal(await page.evaluate(() => typeof window.affitor), "undefined");
  assert.equal(visitor.calls("click").length, 0);
});

test("the latest is kept for five minutes, what has a version in its name for good, and all of it may be loaded from any page", async (t) => {
  restoreAfter(t, shop);
  const visitor = await openVisitor(t, browser);
  const lives = {};
  visitor.page.on("response", (response) => {
    const [name] = new URL(response.url()).pathname.match(/[^/]+\.js$/) ?? [];
    const headers = response.headers();
    if (name) lives[name.split(".")[0]] = [headers["cache-control"], headers["access-control-allow-origin"]];
  });
  await land(visitor, shop);
  assert.deepEqual(lives, {
    tracker: ["public, max-age=300", "*"],
    core: ["public, max-age=31536000, immutable", "*"],
  });
  const { headers } = await shop.ledger.request("GET", `/js/${published.latest}`);
  assert.equal(headers.get("cache-control"), "public, max-age=31536000, immutable");
});

test("a second page of the same visit asks for neither file again", async (t) => {
  const visitor = await openVisitor(t, browser);
  const { page } = visitor;
  await land(visitor, shop);
  const customer = newCustomer();
  await page.goto(shop.at("www.shop.test", "/second"));
  await page.waitForFunction(() => window.affitor);
  assert.equal((await signUp(page, customer)).recorded, true);
  const transferred = await page.evaluate(() =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.endsWith(".js"))
      .map(({ transferSize }) => transferSize),
  );
  assert.deepEqual(transferred, [0, 0], "bytes from the network");
});
