// signup(): every form of the call, whenever it is made, records one lead and says so; nobody is bothered for nothing.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { select } from "../api/calls.mjs";
import { tag } from "../support/site.mjs";
import {
  becameOneLead,
  clickIdOf,
  gate,
  land,
  lasting,
  leadsOf,
  newCustomer,
  nothingStored,
  openVisitor,
  restoreAfter,
  sharedBrowser,
  signUp,
  startShop,
  stored,
  visit,
} from "../support/shop.mjs";

const browser = sharedBrowser();
const file = lasting();
let shop;
before(async () => {
  shop = await startShop(file);
});

/** A visitor who came through the link. */
async function referred(t) {
  const visitor = await openVisitor(t, browser);
  return { ...visitor, clickId: await land(visitor, shop) };
}

const recorded = (click_id) => ({ recorded: true, click_id, status: "lead" });

/** A script that queues a sign-up in the published form, before the tag. */
const queued = ({ key, email }) =>
  `<script>window.affitorQueue = window.affitorQueue || []; affitorQueue.push(["signup", "${key}", "${email}"]);</script>`;

test("affitor.signup(key, email) resolves with what was recorded", async (t) => {
  const { page, clickId, calls } = await referred(t);
  const customer = newCustomer();
  assert.deepEqual(await signUp(page, customer), recorded(clickId));
  await becameOneLead(shop, clickId, customer);
  assert.equal(calls("lead").length, 1);
  assert.deepEqual(await stored(page), []);
});

for (const [says, given, expected] of [
  ["an address", "jane@example.com", { external_user_id: null, email_masked: "j***@example.com", name: null }],
  [
    "an address, the user's id and a name",
    { email: "joe@example.com", externalUserId: "user_joe", name: "Joe Öztürk" },
    { external_user_id: "user_joe", email_masked: "j***@example.com", name: "Joe Öztürk" },
  ],
  ["the user's id alone, a number", { externalUserId: 4711 }, { external_user_id: "4711", email_masked: null, name: null }],
]) {
  test(`Affonso.signup takes ${says}`, async (t) => {
    const { page, clickId } = await referred(t);
    assert.deepEqual(await page.evaluate((given) => window.Affonso.signup(given), given), recorded(clickId));
    const columns = "SELECT external_user_id, email_masked, name FROM referral WHERE id = ?";
    assert.deepEqual(await select(shop.ledger, columns, clickId), [expected]);
  });
}

test("a call queued before the tag is there, on the landing itself, is recorded", async (t) => {
  restoreAfter(t, shop);
  const customer = newCustomer();
  shop.html = () => queued(customer);
  const { page, clickId, calls } = await referred(t);
  await becameOneLead(shop, clickId, customer);
  await nothingStored(page);
  assert.deepEqual([calls("click").length, calls("lead").length], [1, 1]);
});

test("a click and a queued call of the same millisecond are sent in this order, whatever their random parts are", async (t) => {
  restoreAfter(t, shop);
  const customer = newCustomer();
  shop.html = () => queued(customer);
  const visitor = await openVisitor(t, browser);
  // The later an entry, the smaller its random part.
  await visitor.page.addInitScript(() => {
    const now = Date.now();
    let random = 0.9;
    Date.now = () => now;
    Math.random = () => (random -= 0.01);
  });
  const clickId = await land(visitor, shop);
  await becameOneLead(shop, clickId, customer);
});

test("a call made while the core is being loaded, in both forms, waits for it", async (t) => {
  const visitor = await openVisitor(t, browser);
  const { page, calls } = visitor;
  const core = gate();
  await page.route(/\/core\./, async (route) => {
    await core.opened;
    await route.continue();
  });
  await page.goto(shop.at("www.shop.test", "/?aff=alice"));
  await page.waitForFunction(() => window.affitor);
  const customer = newCustomer();
  const result = signUp(page, customer);
  await page.evaluate(({ key, email }) => window.affitorQueue.push(["signup", key, email]), customer);
  assert.deepEqual([calls("click").length, calls("lead").length], [0, 0]);
  core.open();
  const { recorded: isRecorded } = await result;
  assert.equal(isRecorded, true);
  await becameOneLead(shop, await clickIdOf(page), customer);
  await nothingStored(page);
});

test("a call queued once everything is loaded is recorded", async (t) => {
  const { page, clickId } = await referred(t);
  const customer = newCustomer();
  await page.evaluate(({ key, email }) => window.affitorQueue.push(["signup", key, email]), customer);
  await becameOneLead(shop, clickId, customer);
});

test("what makes no sense in the queue keeps nothing from being recorded", async (t) => {
  restoreAfter(t, shop);
  const customer = newCustomer();
  const nonsense = `<script>affitorQueue = [null, 7, [], ["nothing"], ["signup"], "signup"];</script>`;
  shop.html = () => nonsense + queued(customer);
  const { clickId } = await referred(t);
  await becameOneLead(shop, clickId, customer);
});

test("the same call five times at once is one lead, and everybody is told so", async (t) => {
  const { page, clickId } = await referred(t);
  const customer = newCustomer();
  const results = await page.evaluate(
    ({ key, email }) => Promise.all(Array.from({ length: 5 }, () => window.affitor.signup(key, email))),
    customer,
  );
  assert.deepEqual(results, Array(5).fill(recorded(clickId)));
  await becameOneLead(shop, clickId, customer);
  assert.deepEqual(await stored(page), []);
});

test("two people at once through one click: the click is spoken for, one lead", async (t) => {
  const { page, clickId, calls } = await referred(t);
  const people = [newCustomer(), newCustomer()];
  await Promise.all(people.map((customer) => signUp(page, customer)));
  assert.equal(calls("lead").length, 2);
  const leads = await leadsOf(shop, clickId);
  assert.deepEqual(leads.map(({ status }) => status), ["lead"]);
  assert.ok(people.some(({ key }) => key === leads[0].key));
  assert.deepEqual(await stored(page), []);
});

test("the same call again, later and through the other global, is still one lead", async (t) => {
  const { page, clickId } = await referred(t);
  const customer = newCustomer();
  await signUp(page, customer);
  assert.deepEqual(await signUp(page, customer), recorded(clickId));
  const other = { externalUserId: customer.key, email: customer.email };
  assert.deepEqual(await page.evaluate((given) => window.Affonso.signup(given), other), recorded(clickId));
  await becameOneLead(shop, clickId, customer);
});

test("while the click is in flight, a sign-up waits for its id", async (t) => {
  const visitor = await openVisitor(t, browser);
  const { page, calls } = visitor;
  const click = gate();
  await page.route(/track\/click$/, async (route) => {
    await click.opened;
    await route.continue();
  });
  const asked = page.waitForRequest(/track\/click$/);
  await page.goto(shop.at("www.shop.test", "/?aff=alice"));
  await asked;
  const customer = newCustomer();
  const result = signUp(page, customer);
  await page.waitForFunction(() => Object.keys(localStorage).length > 1, null, { timeout: 5_000 });
  assert.equal(calls("lead").length, 0);
  click.open();
  const { recorded: isRecorded, click_id } = await result;
  assert.equal(isRecorded, true);
  assert.equal(click_id, await clickIdOf(page));
  assert.equal(calls("lead")[0].postDataJSON().click_id, click_id);
  await becameOneLead(shop, click_id, customer);
});

test("a visitor without a click: nothing asked, nothing stored, not even for a moment, and no core", async (t) => {
  const visitor = await openVisitor(t, browser);
  const { page, context, requests } = visitor;
  await page.addInitScript(() => {
    window.written = [];
    const kept = localStorage;
    const set = (target, name) => window.written.push(name) && true;
    Object.defineProperty(window, "localStorage", { get: () => new Proxy(kept, { set }) });
    window.kept = kept;
    Object.defineProperty(Document.prototype, "cookie", { get: () => "", set: (line) => window.written.push(line) });
  });
  await visit(visitor, shop);
  const customer = newCustomer();
  const nobody = { recorded: false, reason: "no_click" };
  assert.deepEqual(await signUp(page, customer), nobody);
  assert.deepEqual(await page.evaluate(() => window.Affonso.signup("jane@example.com")), nobody);
  await page.evaluate(({ key, email }) => window.affitorQueue.push(["signup", key, email]), customer);
  assert.deepEqual(await page.evaluate(() => window.written), []);
  assert.equal(await page.evaluate(() => window.kept.length + sessionStorage.length), 0);
  assert.deepEqual(await context.cookies(), []);
  const paths = requests.map((request) => new URL(request.url()).pathname).filter((path) => path !== "/favicon.ico");
  assert.deepEqual(paths, ["/", "/js/tracker.js"]);
  const rows = await select(shop.ledger, "SELECT id FROM referral WHERE external_user_id = ?", customer.key);
  assert.deepEqual(rows, []);
});

test("arguments that name nobody are refused, and nothing is sent or stored", async (t) => {
  const { page, calls, clickId } = await referred(t);
  const results = await page.evaluate(() => {
    const { affitor, Affonso } = window;
    const nobody = [undefined, null, "", "  ", {}, [], true, false, 10n, Symbol("user"), () => "user", Number.NaN];
    return Promise.all([
      ...nobody.map((who) => affitor.signup(who)),
      ...nobody.map((who) => affitor.signup(who, who)),
      ...nobody.map((who) => Affonso.signup(who)),
      ...nobody.map((who) => Affonso.signup({ email: who, externalUserId: who, name: "Jane" })),
    ]);
  });
  for (const result of results) assert.deepEqual(result, { recorded: false, reason: "invalid_arguments" });
  assert.deepEqual(await stored(page), []);
  assert.equal(calls("lead").length, 0);
  assert.deepEqual(await leadsOf(shop, clickId), []);
});

test("an object that throws when it is looked at is refused like them", async (t) => {
  const { page, calls } = await referred(t);
  const result = await page.evaluate(() =>
    window.Affonso.signup({
      get email() {
        throw new Error("no");
      },
    }),
  );
  assert.equal(result.recorded, false);
  assert.deepEqual(await stored(page), []);
  assert.equal(calls("lead").length, 0);
});

test("what the server refuses is said, and not sent again", async (t) => {
  const visitor = await referred(t);
  const { page, calls } = visitor;
  const result = await signUp(page, { key: "user_1", email: "not an address" });
  assert.equal(result.recorded, false);
  assert.match(result.reason, /e-mail/);
  assert.deepEqual(await stored(page), []);
  await visit(visitor, shop);
  assert.equal(calls("lead").length, 1);
});

for (const [says, tags] of [
  ["the same tag three times", () => shop.tags().repeat(3)],
  [
    "the two products' tags",
    () => {
      const { id } = shop.ledger.fixture.program;
      const affonso = `<script async defer src="${shop.ledger.url}/js/pixel.min.js" data-affonso="${id}"></script>`;
      const affitor = `<script src="${shop.ledger.url}/js/affitor-tracker.js" data-affitor-program-id="${id}"></script>`;
      return affonso + affitor;
    },
  ],
  [
    "a second tag of another program",
    () => (tag(shop.file, shop.ledger.fixture.program.id) + tag(shop.file, "prog_other")).replaceAll(" async", ""),
  ],
]) {
  test(`${says} on one page: one click, one lead`, async (t) => {
    restoreAfter(t, shop);
    const { site } = shop;
    const page = site.page;
    site.page = tags;
    t.after(() => Object.assign(site, { page }));
    const visitor = await referred(t);
    const customer = newCustomer();
    await visitor.page.waitForLoadState("load");
    assert.deepEqual(await signUp(visitor.page, customer), recorded(visitor.clickId));
    await becameOneLead(shop, visitor.clickId, customer);
    assert.deepEqual([visitor.calls("click").length, visitor.calls("lead").length], [1, 1]);
  });
}

test("an element whose id is one of the globals' names does not keep the tracker from starting", async (t) => {
  restoreAfter(t, shop);
  shop.attributes = 'id="affitor"';
  shop.html = () => '<div id="Affonso"></div><a id="affitorQueue" name="affonso_referral"></a>';
  const visitor = await openVisitor(t, browser);
  await visitor.page.goto(shop.at("www.shop.test", "/?aff=alice"));
  await visitor.page.waitForFunction(() => window.affitor?.getClickId?.(), null, { timeout: 5_000 });
  const customer = newCustomer();
  assert.equal((await signUp(visitor.page, customer)).recorded, true);
});
