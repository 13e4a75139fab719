// A person at a browser, for page tests: an empty profile, and everything that its pages ask for, say and throw. No page of
// a customer's may ever see an exception or an unhandled rejection of the tracker's, so each test ends with that.
import assert from "node:assert/strict";

/** What each call of the tracker's resolves with; a test that waits longer has found that it does not. */
const RESOLVES_WITHIN = 15_000;

/**
 * A visitor with an empty profile; the profile ends with the test, which fails if a page of theirs saw an exception.
 *
 * @param t the test
 * @param browser of `openBrowser`
 * @param {object} options of Playwright's `newContext`
 */
export async function newVisitor(t, browser, options = {}) {
  const context = await browser.newContext(options);
  const visitor = {
    context,
    /** Everything that was asked for: `{ method, url, headers }`, pages too. */
    requests: [],
    /** Lines of the console: `{ type, text }`. */
    lines: [],
    problems: [],
  };
  context.on("request", (request) => {
    const [method, url] = [request.method(), new URL(request.url())];
    visitor.requests.push({ method, url, headers: request.headers() });
  });
  context.on("console", (message) => visitor.lines.push({ type: message.type(), text: message.text() }));
  context.on("weberror", (problem) => visitor.problems.push(String(problem.error()?.stack ?? problem.error())));
  t.after(async () => {
    await context.close();
    assert.deepEqual(visitor.problems, [], "the page saw exceptions");
  });
  visitor.page = await context.newPage();
  return Object.assign(visitor, ways(visitor));
}

/** What a visitor does and has. */
const ways = ({ context, page, requests }) => ({
  /** Opens a page and waits for the tracker's globals. */
  async open(url, on = page) {
    await on.goto(url);
    await on.waitForFunction(() => self.affitor?.signup);
    return on;
  },
  /** Waits for a click that the page knows; its id. `other` is one that does not count. */
  async clicked(other, on = page) {
    const found = await on.waitForFunction((other) => {
      const id = self.affitor?.getClickId();
      return id && id !== other && id;
    }, other);
    return found.jsonValue();
  },
  /** Calls a function of the page's by its path, `affitor.signup`; what it resolves with. */
  call: (path, ...values) => within(page.evaluate(callInPage, [path, values])),
  /** How often an address with this in its path was asked for. */
  asked: (part) => requests.filter(({ url }) => url.pathname.includes(part)).length,
  /** Waits until nothing is left to send: what the tracker keeps in localStorage is gone. */
  settled: (on = page) => on.waitForFunction(() => !Object.keys(localStorage).some((name) => name.startsWith("affitor")), undefined, { timeout: 10_000 }),
  async cookie(name) {
    return (await context.cookies()).find((cookie) => cookie.name === name)?.value;
  },
  /** The names of what is stored in this page's origin, and of all cookies. */
  async stored(on = page) {
    const cookies = (await context.cookies()).map(({ name }) => name);
    return [...cookies, ...(await on.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]))];
  },
});

function callInPage([path, values]) {
  const names = path.split(".");
  const name = names.pop();
  const owner = names.reduce((value, key) => value[key], self);
  return owner[name](...values);
}

/** A promise, or a failure if it does not come to an end. */
export function within(promise, milliseconds = RESOLVES_WITHIN) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
