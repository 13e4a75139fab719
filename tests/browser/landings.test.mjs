// Which page views are clicks: the parameter's names, any path, routes of single-page applications, and that the same link
// seen again is the same click.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { select } from "../api/calls.mjs";
import { startScene } from "./visits.mjs";

const scene = await startScene({ after });
const { site, gate } = scene;
const shop = (path) => site.at("www.shop.test", path);

describe("the referral parameter", () => {
  for (const name of ["aff", "via", "ref", "atp", "affonso"]) {
    test(`${name} makes a click, both cookies and one entry in the ledger`, async (t) => {
      const { partner, open, clicked, cookie, settled, asked } = await scene.begin(t);
      await open(shop(`/?utm_source=mail&${name}=${partner}&utm_medium=x#top`));
      const id = await clicked();
      assert.deepEqual(await scene.clicks(partner, 1), [id]);
      assert.deepEqual([await cookie("affitor_click_id"), await cookie("affonso_referral")], [id, id]);
      await settled();
      assert.equal(asked("/track/"), 1);
      assert.equal(gate.sent("click").length, 1);
    });
  }

  test("has the names that the tag gives, and no other", async (t) => {
    const visitor = await scene.begin(t, { attributes: 'data-params="partner|ref"' });
    await visitor.open(shop(`/?aff=${visitor.partner}&via=${visitor.partner}`));
    assert.equal((await visitor.call("affitor.signup", "nobody", "nobody@example.com")).reason, "no_click");
    assert.deepEqual(await visitor.stored(), []);
    assert.equal(visitor.asked("/core"), 0);

    for (const name of ["partner", "ref"]) {
      const partner = await scene.partner();
      const other = await visitor.cookie("affitor_click_id");
      await visitor.open(shop(`/?${name}=${partner}`));
      assert.deepEqual(await scene.clicks(partner, 1), [await visitor.clicked(other)]);
    }
  });

  test("that init() names is looked for at once", async (t) => {
    const { partner, open, clicked, page } = await scene.begin(t);
    await open(shop(`/?promo=${partner}`));
    await page.evaluate(() => self.affitor.init({ params: "promo" }));
    assert.deepEqual(await scene.clicks(partner, 1), [await clicked()]);
  });

  for (const [what, params] of [
    ["no expression", "(["],
    ["no text", 42],
    ["nothing", ""],
  ]) {
    test(`that is ${what} finds nothing, and routes change as they do without the tracker`, async (t) => {
      const { partner, open, page, asked } = await scene.begin(t, { attributes: `data-params="${params}"` });
      await open(shop(`/?aff=${partner}`));
      await page.evaluate((params) => self.affitor.init({ params }), params);
      const state = await page.evaluate(() => {
        history.pushState({ step: 1 }, "", "/next?aff=x");
        return [location.pathname, history.state];
      });
      assert.deepEqual(state, ["/next", { step: 1 }]);
      assert.equal(asked("/track/"), 0);
    });
  }

  test("may be encoded, empty under another name, and stand in any place", async (t) => {
    const { partner, open, clicked } = await scene.begin(t);
    const encoded = [...partner].map((letter) => `%${letter.charCodeAt().toString(16)}`).join("");
    await open(shop(`/?a=1&&aff=&aff&via=${encoded}&x=aff=nobody`));
    assert.deepEqual(await scene.clicks(partner, 1), [await clicked()]);
  });

  test("without a partner behind it makes no click and no cookie, and is asked about once", async (t) => {
    const { open, call, settled, cookie, asked } = await scene.begin(t);
    await open(shop("/?aff=nobody-has-this-code"));
    await settled();
    assert.equal((await call("affitor.signup", "user_1", "a@example.com")).reason, "no_click");
    assert.equal(await cookie("affitor_click_id"), undefined);
    assert.equal(asked("/track/"), 1);
  });
});

test("a landing may have any path, and an address and a title of any length", async (t) => {
  const visitor = await scene.begin(t);
  const paths = ["/a/b/c.html", "/%E4%BD%A0%20%25/", "/;x=1,2/'()*", "//two", `/${"long/".repeat(600)}`];
  for (const path of paths) {
    const partner = await scene.partner();
    const other = await visitor.cookie("affitor_click_id");
    await visitor.open(shop(`${path}?q=${"x".repeat(path.length)}&aff=${partner}`));
    assert.deepEqual(await scene.clicks(partner, 1), [await visitor.clicked(other)], path);
    await visitor.settled();
  }
});

test("a page view without a parameter costs the loader and nothing else", async (t) => {
  const { open, requests, stored, page } = await scene.begin(t);
  await open(shop("/pricing"));
  await page.waitForLoadState("networkidle");
  assert.deepEqual(
    requests.map(({ url }) => url.pathname),
    ["/pricing", "/js/tracker.js"],
  );
  assert.deepEqual(await stored(), []);
});

describe("a single-page application", () => {
  for (const method of ["pushState", "replaceState"]) {
    test(`that goes to a landing by ${method} makes a click, and none when it goes there again`, async (t) => {
      const { partner, open, clicked, page, settled } = await scene.begin(t);
      await open(shop("/"));
      assert.equal(gate.calls.length, 0);
      const go = (path) => page.evaluate(([method, path]) => history[method](null, "", path), [method, path]);
      await go(`/landing?via=${partner}`);
      const id = await clicked();
      for (const path of ["/cart", `/landing?via=${partner}`, `/other?aff=${partner}&x=1`, "/cart"]) await go(path);
      await settled();
      assert.deepEqual(await scene.clicks(partner, 1), [id]);
      assert.equal(gate.sent("click").length, 1);
    });
  }

  test("that goes back and forth while the first answer is on its way makes one click", async (t) => {
    const { partner, open, clicked, page, settled } = await scene.begin(t);
    const { promise: answered, resolve: answer } = Promise.withResolvers();
    gate.hold = () => answered;
    await open(shop(`/landing?aff=${partner}`));
    for (const path of ["/cart", `/landing?aff=${partner}`, "/cart", `/again?aff=${partner}`]) {
      await page.evaluate((path) => history.pushState(null, "", path), path);
    }
    assert.equal(await page.evaluate(() => history.length), 6);
    answer();
    const id = await clicked();
    await settled();
    assert.deepEqual(await scene.clicks(partner, 1), [id]);
    assert.equal(gate.sent("click").length, 1);
  });

  test("keeps what its own history does: state, errors, what it returns, and patches of others", async (t) => {
    const { partner, open, clicked, page, context } = await scene.begin(t);
    // A router's patch, older than the tracker's, that returns something.
    await context.addInitScript(() => {
      const before = history.replaceState;
      history.replaceState = function (...all) {
        before.apply(this, all);
        return { params: "nobody", requiresConsent: true };
      };
    });
    await open(shop("/"));
    const seen = await page.evaluate(() => {
      const routes = [];
      const before = history.pushState;
      history.pushState = function (...all) {
        routes.push(all[2]);
        return before.apply(this, all);
      };
      const returned = [history.pushState({ a: 1 }, "", "/one"), history.pushState({ a: 2 }, "")];
      let error;
      try {
        history.pushState(() => {}, "");
      } catch (problem) {
        error = problem.name;
      }
      return { routes, returned, state: history.state, path: location.pathname, error };
    });
    assert.deepEqual(seen, {
      routes: ["/one", undefined, undefined],
      returned: [undefined, undefined],
      state: { a: 2 },
      path: "/one",
      error: "DataCloneError",
    });
    for (const path of ["/two", `/landing?aff=${partner}`]) {
      await page.evaluate((path) => history.replaceState(null, "", path), path);
    }
    assert.deepEqual(await scene.clicks(partner, 1), [await clicked()]);
  });
});

describe("the same link again", () => {
  test("is the same click: reloaded, on another page, on a sub-domain, under another name of the parameter", async (t) => {
    const { partner, open, clicked, page, settled } = await scene.begin(t);
    await open(shop(`/?aff=${partner}`));
    const id = await clicked();
    await page.reload();
    assert.equal(await clicked(), id);
    const more = [
      shop(`/pricing?aff=${partner}&utm_source=x`),
      site.at("shop.test", `/?aff=${partner}`),
      site.at("app.shop.test", `/?via=${partner}`),
      shop(`/?aff=${[...partner].map((letter) => `%${letter.charCodeAt().toString(16)}`).join("")}`),
    ];
    for (const url of more) {
      await open(url);
      assert.equal(await clicked(), id, url);
      await settled();
    }
    assert.deepEqual(await scene.clicks(partner, 1), [id]);
    assert.equal(gate.sent("click").length, 1);
  });

  test("on a longer code that begins alike is another click", async (t) => {
    const { partner, open, clicked, settled } = await scene.begin(t);
    const longer = `${partner}x`;
    await select(scene.ledger, "UPDATE affiliate SET tracking_id = ? WHERE tracking_id = ?", longer, await scene.partner());
    await open(shop(`/?aff=${longer}`));
    const first = await clicked();
    await open(shop(`/?aff=${partner}`));
    const second = await clicked(first);
    await settled();
    await open(shop(`/?aff=${partner}`));
    await settled();
    assert.deepEqual(await scene.clicks(partner, 1), [second]);
    assert.deepEqual(await scene.clicks(longer, 1), [first]);
    assert.equal(gate.sent("click").length, 2);
  });

  test("called for by hand says that it is known", async (t) => {
    const { partner, open, clicked, call } = await scene.begin(t);
    await open(shop(`/?aff=${partner}`));
    await clicked();
    assert.deepEqual(await call("affitor.trackClick"), { recorded: false, reason: "already_tracked" });
    assert.deepEqual(await call("affitor.trackClick", "https://elsewhere.example/"), { recorded: false, reason: "no_referral" });
    await scene.clicks(partner, 1);
  });
});
