// A page whose origin the program does not allow: one line in the console says so, for the site's developer, and nothing is
// recorded. The tag asks for no debugging.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startScene } from "./visits.mjs";

const elsewhere = await startScene({ after }, { allowed: ["shop.test"] });
const ownDomain = await startScene({ after }, { allowed: ["shop.test"], secure: true });

for (const [how, scene] of [
  ["from the ledger's own host", elsewhere],
  ["from the site's own domain", ownDomain],
]) {
  test(`with the tracker ${how}, one line names origin, program and setting, whatever the page calls`, async (t) => {
    const visitor = await scene.begin(t);
    const bob = await scene.partner();
    const { origin } = new URL(scene.site.at("www.shop.test"));
    await visitor.open(scene.site.at("www.shop.test", `/?aff=${visitor.partner}`));
    const result = await visitor.call("affitor.trackClick");
    assert.equal(result.recorded, false);
    await visitor.page.evaluate((bob) => history.pushState(null, "", `/?aff=${bob}`), bob);
    await visitor.settled();
    assert.equal((await visitor.call("affitor.signup", "user_1", "jane@example.com")).recorded, false);
    await visitor.settled();
    assert.ok(scene.gate.sent("click").length >= 2);

    // The browser says of its own that there was a 403.
    const lines = visitor.lines.filter(({ text }) => !text.startsWith("Failed to load resource"));
    assert.equal(lines.length, 1, JSON.stringify(visitor.lines));
    const [{ type, text }] = lines;
    assert.equal(type, "warning");
    for (const part of [origin, scene.ledger.fixture.program.id, "allowed origins"]) assert.ok(text.includes(part), text);
    assert.ok(result.reason.includes(origin), result.reason);

    assert.deepEqual(await visitor.stored(), []);
    for (const partner of [visitor.partner, bob]) assert.deepEqual(await scene.clicksOf(partner), []);
  });

  test(`with the tracker ${how}, an allowed page has nothing in its console`, async (t) => {
    const visitor = await scene.begin(t);
    await visitor.open(scene.site.at("shop.test", `/?aff=${visitor.partner}`));
    await visitor.clicked();
    const user = `user_${visitor.partner}`;
    assert.equal((await visitor.call("affitor.signup", user, `${user}@example.com`)).recorded, true);
    await visitor.settled();
    assert.deepEqual(visitor.lines, []);
  });
}

test("a sign-up for a click of an allowed page, from a page that is not, says the line too", async (t) => {
  const visitor = await elsewhere.begin(t);
  await visitor.open(elsewhere.site.at("shop.test", `/?aff=${visitor.partner}`));
  await visitor.clicked();
  await visitor.settled();
  await visitor.open(elsewhere.site.at("www.shop.test", "/signup"));
  const results = [];
  for (const user of ["user_1", "user_2"]) results.push(await visitor.call("affitor.signup", user, `${user}@example.com`));
  for (const { recorded } of results) assert.equal(recorded, false);
  const lines = visitor.lines.filter(({ text }) => text.includes("allowed origins"));
  assert.equal(lines.length, 1, JSON.stringify(visitor.lines));
  assert.ok(lines[0].text.includes(new URL(elsewhere.site.at("www.shop.test")).origin));
});
