// What every answer tells browsers not to do with it, and that the pages work under the policy that they are served with.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openBrowser } from "../support/browser.mjs";
import { startLedger } from "../support/ledger.mjs";
import { openPage } from "../support/page_problems.mjs";
import { get } from "./calls.mjs";
import { keyOf, ROUTES } from "./routes.mjs";

/** Every page for people, and the files that they load. */
const PAGES = ["/dashboard", "/docs", "/demo"];
const FILES = [
  ...["/dashboard/dashboard.css", "/dashboard/dashboard.js", "/docs/docs.css", "/docs/docs.js"],
  ...["/demo/shop.css", "/demo/shop.js", "/js/tracker.js", "/openapi.json", "/favicon.ico"],
];

const directives = (answer) =>
  new Map(
    answer.headers
      .get("content-security-policy")
      .split(";")
      .map((directive) => directive.trim().split(/\s+/))
      .map(([name, ...sources]) => [name, sources]),
  );

function assertSafe(answer, shown) {
  const header = (name) => answer.headers.get(name);
  assert.equal(header("x-content-type-options"), "nosniff", shown);
  assert.equal(header("x-frame-options"), "DENY", shown);
  assert.match(header("referrer-policy"), /^(no-referrer|same-origin)$/, shown);
  const policy = directives(answer);
  assert.deepEqual(policy.get("frame-ancestors"), ["'none'"], shown);
  for (const [name, sources] of policy) {
    for (const source of sources) {
      assert.ok(["'none'", "'self'", "'wasm-unsafe-eval'"].includes(source), `${shown}: ${name} ${source}`);
    }
  }
  assert.equal(header("strict-transport-security"), null, `${shown}: over http it means nothing`);
}

test("every answer carries the headers, whatever it says", async (t) => {
  const ledger = await startLedger(t);
  for (const route of ROUTES) {
    const shown = `${route.method} ${route.path}`;
    for (const key of [keyOf(ledger, route), undefined]) {
      const answer = await ledger.request(route.method, route.path, { key, body: route.body });
      assertSafe(answer, `${shown} (${answer.status})`);
      assert.deepEqual(directives(answer).get("default-src"), ["'none'"], shown);
    }
  }
  const unknown = [["GET", "/nothing"], ["GET", "/v1/nothing"]];
  const others = [["PUT", "/v1/clicks"], ["OPTIONS", "/api/v1/track/click"], ["HEAD", "/dashboard"]];
  for (const [method, path] of [...unknown, ...others]) assertSafe(await ledger.request(method, path), `${method} ${path}`);
});

test("pages load their own files, and nothing inline or from elsewhere", async (t) => {
  const ledger = await startLedger(t, { demo: true });
  for (const path of [...PAGES, ...FILES]) {
    const answer = await get(ledger, path, { key: null });
    assert.ok([200, 204].includes(answer.status), path);
    assertSafe(answer, path);
  }
  for (const path of PAGES) {
    const answer = await get(ledger, path, { key: null });
    const policy = directives(answer);
    assert.deepEqual(policy.get("default-src"), ["'self'"], path);
    assert.deepEqual(policy.get("object-src"), ["'none'"], path);
    assert.deepEqual(policy.get("base-uri"), ["'none'"], path);
    assert.ok(!/<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son\w+=/i.test(answer.text), `${path} has something inline`);
  }
});

for (const path of PAGES) {
  test(`${path} works under its policy in a browser, which runs nothing that was put into it`, async (t) => {
    const ledger = await startLedger(t, { demo: true });
    const browser = await openBrowser();
    t.after(() => browser.close());
    const { page, problems } = await openPage(browser, ledger.url + path);
    await page.waitForLoadState("load");
    assert.ok((await page.textContent("body")).trim().length > 0);
    assert.deepEqual(problems, []);
    const ran = await page.evaluate(async () => {
      const blocked = new Promise((done) => document.addEventListener("securitypolicyviolation", done, { once: true }));
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.body.append(script);
      await blocked;
      return window.ran;
    });
    assert.equal(ran, undefined);
  });
}
