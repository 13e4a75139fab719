// A page that is left right after a landing: the click is recorded, or recovered on the next page, and it is one click.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startScene } from "./visits.mjs";

const scene = await startScene({ after });
const { gate } = scene;
const shop = (path) => scene.site.at("www.shop.test", path);

/** The click is known on the page that the visitor is on, is one in the ledger, and nothing is left to do. */
async function assertOneClick(visitor) {
  const id = await visitor.clicked();
  await visitor.settled();
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
  assert.equal(await visitor.cookie("affitor_click_id"), id);
  const calls = gate.calls.length;
  await visitor.open(shop(`/later?aff=${visitor.partner}`));
  assert.equal(await visitor.clicked(), id);
  await visitor.settled();
  await visitor.page.waitForLoadState("networkidle");
  assert.equal(gate.calls.length, calls, "nothing is asked again");
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
  return id;
}

for (const milliseconds of [0, 20, 100, 300]) {
  test(`left ${milliseconds} ms after the landing, without waiting for anything, it is one click`, async (t) => {
    const visitor = await scene.begin(t);
    await visitor.page.goto(shop(`/?aff=${visitor.partner}`), { waitUntil: "commit" });
    await visitor.page.waitForFunction(() => self.affitor);
    await sleep(milliseconds);
    await visitor.page.goto(shop("/next"));
    await assertOneClick(visitor);
    const sent = gate.sent("click");
    assert.equal(new Set(sent.map(({ event_id }) => event_id)).size, 1, "sent again it has the same name");
  });
}

test("left before the core has arrived, the click is recovered on the next page", async (t) => {
  const visitor = await scene.begin(t);
  let asked = 0;
  const { promise: wanted, resolve: want } = Promise.withResolvers();
  await visitor.context.route("**/core.*.js", (route) => (asked++ === 0 ? want() : route.continue()));
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  await wanted;
  assert.deepEqual(gate.calls, []);
  await visitor.page.goto(shop("/next"));
  const id = await assertOneClick(visitor);
  const [sent, ...more] = gate.sent("click");
  assert.deepEqual(more, []);
  assert.equal(sent.affiliate_url, shop(`/?aff=${visitor.partner}`));
  assert.equal((await visitor.call("affitor.signup", "user_core", "jane@example.com")).click_id, id);
});

test("left before the tracker's script has arrived, the link's next view is the click", async (t) => {
  const visitor = await scene.begin(t);
  let asked = 0;
  const { promise: wanted, resolve: want } = Promise.withResolvers();
  await visitor.context.route("**/tracker.js", (route) => (asked++ === 0 ? want() : route.continue()));
  await visitor.page.goto(shop(`/?aff=${visitor.partner}`), { waitUntil: "commit" });
  await wanted;
  await visitor.page.goto(shop("/next"));
  await visitor.page.goBack();
  await assertOneClick(visitor);
});

test("left before the answer, the click gets its cookie on the next page and is one in the ledger", async (t) => {
  const visitor = await scene.begin(t);
  const { promise: gone, resolve: leave } = Promise.withResolvers();
  gate.hold = () => gone;
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  const [id] = await scene.clicks(visitor.partner, 1);
  assert.equal(await visitor.cookie("affitor_click_id"), undefined);
  gate.hold = undefined;
  await visitor.page.goto(shop("/next"));
  leave();
  assert.equal(await assertOneClick(visitor), id);
  assert.equal(new Set(gate.sent("click").map(({ event_id }) => event_id)).size, 1);
});

test("a sign-up on the next page is credited to the click that is recovered there", async (t) => {
  const visitor = await scene.begin(t);
  gate.instead = (_, response) => response.destroy();
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  await visitor.page.waitForFunction(() => document.cookie.includes("affitor_kept="));
  gate.instead = undefined;
  await visitor.open(shop("/signup"));
  const result = await visitor.call("affitor.signup", "user_next", "next@example.com");
  assert.equal(result.recorded, true);
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [result.click_id]);
  assert.equal((await scene.referralOf("user_next")).partner, visitor.partner);
});

test("five pages in a second, each left for the next, make one click", async (t) => {
  const visitor = await scene.begin(t);
  gate.hold = () => sleep(400);
  await visitor.page.goto(shop(`/?aff=${visitor.partner}`), { waitUntil: "commit" });
  await visitor.page.waitForFunction(() => self.affitor);
  for (const path of ["/a", "/b", "/c", "/d"]) {
    await visitor.page.goto(shop(path));
    await sleep(200);
  }
  await assertOneClick(visitor);
});

test("two affiliates' landings that were both left are sent in their order, and the last one wins", async (t) => {
  const visitor = await scene.begin(t);
  const bob = await scene.partner();
  gate.instead = (_, response) => response.destroy();
  for (const partner of [visitor.partner, bob]) {
    await visitor.open(shop(`/?aff=${partner}`));
    await visitor.page.waitForFunction(
      (partner) => Object.values(localStorage).some((entry) => entry.includes(partner)),
      partner,
    );
  }
  gate.instead = undefined;
  await visitor.open(shop("/next"));
  const [second] = await scene.clicks(bob, 1);
  await visitor.settled();
  await scene.clicks(visitor.partner, 1);
  assert.equal(await visitor.cookie("affitor_click_id"), second);
});

test("the landing open in two tabs at once is two visits at most, and each page knows a click", async (t) => {
  const visitor = await scene.begin(t);
  const other = await visitor.context.newPage();
  const { promise: both, resolve: answer } = Promise.withResolvers();
  gate.hold = () => both;
  await Promise.all([visitor.page, other].map((page) => visitor.open(shop(`/?aff=${visitor.partner}`), page)));
  answer();
  await Promise.all([visitor.clicked(undefined, visitor.page), visitor.clicked(undefined, other)]);
  await visitor.settled();
  const names = new Set(gate.sent("click").map(({ event_id }) => event_id));
  assert.ok(names.size <= 2, [...names].join());
  await scene.clicks(visitor.partner, names.size);
});
