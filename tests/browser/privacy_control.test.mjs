// Global Privacy Control, said by the browser to scripts and to servers: no click, no cookie, and the page is told why.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startScene } from "./visits.mjs";

const honouring = await startScene({ after });
const ignoring = await startScene({ after }, { program: { honour_gpc: 0 } });

const OPTED_OUT = { recorded: false, reason: "gpc" };
const landing = (scene, visitor) => scene.site.at("www.shop.test", `/?aff=${visitor.partner}`);

/** A visitor whose browser says so: to scripts, to servers, or to both as a real one does. */
async function optedOut(t, scene, { script = true, header = true, ...options }) {
  const visitor = await scene.begin(t, header ? { ...options, extraHTTPHeaders: { "sec-gpc": "1" } } : options);
  if (script) {
    await visitor.context.addInitScript(() =>
      Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true }),
    );
  }
  return visitor;
}

for (const [how, said] of [
  ["to scripts and servers", {}],
  ["to scripts alone", { header: false }],
]) {
  test(`said ${how}, nothing is loaded, sent or stored, and every call says gpc`, async (t) => {
    const visitor = await optedOut(t, honouring, { ...said, attributes: "data-fill" });
    await visitor.open(landing(honouring, visitor));
    await visitor.page.evaluate((partner) => history.pushState(null, "", `/x?aff=${partner}`), visitor.partner);
    assert.deepEqual(await visitor.call("affitor.signup", "user_1", "jane@example.com"), OPTED_OUT);
    assert.deepEqual(await visitor.call("Affonso.signup", "jane@example.com"), OPTED_OUT);
    assert.deepEqual(await visitor.call("affitor.trackClick"), OPTED_OUT);
    assert.equal(await visitor.call("affonsoConsentGranted"), false);
    await visitor.page.waitForLoadState("networkidle");
    assert.deepEqual(await visitor.stored(), []);
    assert.deepEqual([visitor.asked("/core."), visitor.asked("/track/")], [0, 0]);
    assert.deepEqual(await honouring.clicksOf(visitor.partner), []);
  });
}

test("said to servers alone, the ledger refuses the click and no cookie is left", async (t) => {
  const visitor = await optedOut(t, honouring, { script: false });
  await visitor.open(landing(honouring, visitor));
  assert.deepEqual(await visitor.call("affitor.trackClick"), OPTED_OUT);
  await visitor.settled();
  assert.deepEqual(await visitor.stored(), []);
  assert.deepEqual(await honouring.clicksOf(visitor.partner), []);
});

test('with data-gpc="ignore" and a program that honours it, the ledger refuses the click', async (t) => {
  const visitor = await optedOut(t, honouring, { attributes: 'data-gpc="ignore"' });
  await visitor.open(landing(honouring, visitor));
  assert.deepEqual(await visitor.call("affitor.trackClick"), OPTED_OUT);
  await visitor.settled();
  assert.deepEqual(await visitor.stored(), []);
  assert.deepEqual(await honouring.clicksOf(visitor.partner), []);
});

test('with data-gpc="ignore" and a program that does not honour it, the click and the sign-up count', async (t) => {
  const visitor = await optedOut(t, ignoring, { attributes: 'data-gpc="ignore"' });
  await visitor.open(landing(ignoring, visitor));
  const id = await visitor.clicked();
  assert.deepEqual(await ignoring.clicks(visitor.partner, 1), [id]);
  assert.equal(await visitor.cookie("affitor_click_id"), id);
  assert.equal((await visitor.call("affitor.signup", "user_1", "jane@example.com")).recorded, true);
  assert.equal((await ignoring.referralOf("user_1")).partner, visitor.partner);
});

test("a tag that does not ask to ignore it honours it, whatever the program says", async (t) => {
  const visitor = await optedOut(t, ignoring, {});
  await visitor.open(landing(ignoring, visitor));
  assert.deepEqual(await visitor.call("affitor.trackClick"), OPTED_OUT);
  assert.deepEqual(await visitor.stored(), []);
  assert.equal(visitor.asked("/track/"), 0);
});

test("a browser that says that it does not opt out is tracked", async (t) => {
  const visitor = await honouring.begin(t);
  await visitor.context.addInitScript(() =>
    Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => false }),
  );
  await visitor.open(landing(honouring, visitor));
  assert.deepEqual(await honouring.clicks(visitor.partner, 1), [await visitor.clicked()]);
});
