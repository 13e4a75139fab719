// Pages that broke what scripts stand on, and pages that pass nonsense: no call throws, every promise resolves, and the
// next good call works.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { startScene } from "./visits.mjs";
import { within } from "../support/visitor.mjs";

const scene = await startScene({ after });
const { site, gate } = scene;
const shop = (path) => site.at("www.shop.test", path);

/** Scripts of a page, before the tracker's; the click is recorded on that page all the same. */
const HARMLESS = {
  "has no sendBeacon": "Navigator.prototype.sendBeacon = undefined;",
  "has no Intl": "Intl = undefined;",
  "has an Intl that throws": "Intl.DateTimeFormat = () => { throw new Error(); };",
  "froze history": "Object.freeze(history);",
  "took pushState away": "history.pushState = null; history.replaceState = undefined;",
  "keeps pushState to itself": `for (const name of ["pushState", "replaceState"])
    Object.defineProperty(history, name, { value: history[name], writable: false, configurable: false });`,
  "listens with an error": `addEventListener("online", () => {}); self.onerror = () => true;`,
  "has no AbortSignal.timeout": "AbortSignal.timeout = undefined;",
  "has the names of its own lists": "Object.prototype.url = undefined; Array.prototype.extra = () => 1;",
  "has a queue that cannot be replaced": `Object.defineProperty(self, "affitorQueue", { value: [], writable: false });`,
  "has a queue that throws": `Object.defineProperty(self, "affitorQueue", { get() { throw new Error(); }, set() {} });`,
};

for (const [what, script] of Object.entries(HARMLESS)) {
  test(`on a page that ${what} the click and the sign-up are recorded`, async (t) => {
    const visitor = await scene.begin(t);
    await visitor.context.addInitScript(script);
    await visitor.open(shop(`/?aff=${visitor.partner}`));
    const user = `user_${visitor.partner}`;
    assert.equal((await visitor.call("affitor.signup", user, `${user}@example.com`)).recorded, true);
    assert.deepEqual(await scene.clicks(visitor.partner, 1), [await visitor.clicked()]);
  });
}

describe("a page whose fetch", { concurrency: 4 }, () => {
  const FETCHES = {
    "is gone": "delete self.fetch; delete Window.prototype.fetch; self.fetch = undefined;",
    "is null": "self.fetch = null;",
    "throws": "self.fetch = () => { throw new Error(); };",
    "rejects with nothing": "self.fetch = () => Promise.reject();",
    "returns nothing": "self.fetch = () => {};",
    "never answers": "self.fetch = () => new Promise(() => {});",
    "answers with an empty object": "self.fetch = async () => ({});",
    "answers with a status that is no number": "self.fetch = async () => ({ status: Symbol(), json: async () => ({}) });",
    "answers with traps": `self.fetch = async () => ({ status: 200, json: async () => ({ get success() { throw new Error(); } }) });`,
  };
  for (const [what, script] of Object.entries(FETCHES)) {
    test(`${what} sees nothing of it, and a later page records the click once`, async (t) => {
      site.page = () => scene.tag();
      Object.assign(gate, { instead: undefined, hold: undefined });
      const visitor = await scene.join(t);
      await visitor.context.addInitScript(`if (location.pathname === "/broken") { ${script} }`);
      await visitor.open(shop(`/broken?aff=${visitor.partner}`));
      assert.equal((await visitor.call("affitor.signup", "user_1", "jane@example.com")).recorded, false);
      await visitor.open(shop("/next"));
      assert.deepEqual(await scene.clicks(visitor.partner, 1), [await visitor.clicked()]);
    });
  }
});

describe("a queue that is", () => {
  const QUEUES = [
    ...["[]", "null", "42", "true", "'signup'", "{}", "{ length: 3 }", "[[]]", "[null]", "[42]", "['nope']"],
    ...["[['__proto__']]", "[['constructor', 1]]", "[['nope', 1, 2]]", "[[null]]", "[[Symbol()]]", "[{ 0: 'nope' }]"],
    ...["[['signup']]", "[['signup', { get email() { throw 1; } }, Symbol()]]", "[,,]", "new Proxy([], { get() { throw 1; } })"],
    ...["[['init', { params: '((' }]]", "() => {}", "Symbol()", "document.all", "[['trackClick', {}]]", "[['getClickId'], ['getData']]"],
  ];
  for (const queue of QUEUES) {
    test(`${queue} does no harm, and what is pushed later runs`, async (t) => {
      const visitor = await scene.begin(t, { page: () => `<script>affitorQueue = ${queue};</script>${scene.tag()}` });
      await visitor.open(shop("/"));
      await visitor.page.evaluate((partner) => {
        self.affitor.init({ params: "aff" });
        self.affitorQueue.push(["trackClick", `${location.href}?aff=${partner}`], null, ["nope"]);
        history.pushState(null, "", "/route");
      }, visitor.partner);
      assert.deepEqual(await scene.clicks(visitor.partner, 1), [await visitor.clicked()]);
    });
  }
});

/** Calls every function of the tracker's with every value, alone and among good ones; what threw or did not resolve. */
async function callWithGarbage(names) {
  const circular = {};
  circular.self = circular;
  const thrower = () => {
    throw new Error("the page's own");
  };
  const values = [
    ...[undefined, null, 0, -1, NaN, Infinity, true, "", " ", "\0\ud800", "x".repeat(1e5), "a@b@c", Symbol("s"), 10n],
    ...[[], [[]], {}, circular, thrower, class {}, document, self, /x/, new Date(NaN), Object.create(null), new Map()],
    ...[{ toString: thrower }, { toJSON: thrower }, { [Symbol.toPrimitive]: thrower }, new Proxy({}, { get: thrower })],
    ...["url", "email", "externalUserId", "name", "params", "key", "then"].map((name) =>
      Object.defineProperty({}, name, { get: thrower, enumerable: true }),
    ),
    ...[{ email: circular, externalUserId: Symbol() }, { email: { toString: thrower } }, { params: Symbol() }, { api: circular }],
  ];
  const failures = [];
  const running = [];
  for (const path of names) {
    const [owner, name] = path.includes(".") ? path.split(".") : ["self", path];
    for (const [number, value] of values.entries()) {
      for (const all of [[value], [value, value], ["user_1", value], [value, "jane@example.com"]]) {
        try {
          const result = self[owner][name](...all);
          const failed = (problem) => failures.push(`${path} ${number} rejected: ${problem}`);
          running.push(Promise.resolve(result).catch(failed));
        } catch (problem) {
          failures.push(`${path} ${number} threw: ${problem}`);
        }
      }
    }
  }
  await Promise.all(running);
  history.pushState({ a: 1 }, "", "/route");
  return { failures, calls: running.length };
}

const CALLS = ["affitor.signup", "Affonso.signup", "affitor.trackClick", "affitor.getClickId", "affitor.getData"];
const MORE = ["Affonso.getReferralId", "Affonso.isConsentRequired", "affonsoConsentGranted", "affitorQueue.push"];

for (const attributes of ["", 'data-requires-consent="true"']) {
  const how = attributes ? "before consent" : "after a landing";
  test(`nonsense passed to any call ${how} throws nothing, every promise resolves, and a good call works after it`, async (t) => {
    const visitor = await scene.begin(t, { attributes });
    await visitor.open(shop(`/?aff=${visitor.partner}`));
    const { failures, calls } = await within(visitor.page.evaluate(callWithGarbage, [...CALLS, ...MORE]), 60_000);
    assert.deepEqual(failures, []);
    assert.ok(calls > 1000);
    if (attributes) await visitor.call("affonsoConsentGranted");
    // Some of the nonsense was somebody's key, and the click is theirs.
    const bob = await scene.partner();
    await visitor.page.evaluate((bob) => history.pushState(null, "", `/?aff=${bob}`), bob);
    const [id] = await scene.clicks(bob, 1);
    const user = `good_${bob}`;
    await visitor.call("affitor.signup", user, `${user}@example.com`);
    // So many posts at once are more than a browser keeps alive: the last ones are sent again.
    assert.deepEqual(await scene.referralOf(user, 30_000), { id, partner: bob });
    assert.equal((await scene.clicksOf(visitor.partner)).length, 1);
  });
}

test("nonsense passed to init() throws nothing, and routes still change", async (t) => {
  const visitor = await scene.begin(t);
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  await visitor.clicked();
  const { failures } = await within(visitor.page.evaluate(callWithGarbage, ["affitor.init"]), 60_000);
  assert.deepEqual(failures, []);
  assert.equal(new URL(visitor.page.url()).pathname, "/route");
});
