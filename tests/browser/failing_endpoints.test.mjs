// Endpoints that are away or answer nonsense, and networks that fail: the page never notices, every promise resolves, and
// what was not answered is recorded once when the endpoint is itself again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { allowing } from "../support/gate.mjs";
import { startScene } from "./visits.mjs";

const scene = await startScene({ after });
const { site, gate } = scene;
const shop = (path) => site.at("www.shop.test", path);

const QUEUED = { recorded: false, reason: "queued" };

const says =
  (status, body, headers = {}) =>
  (call, response) =>
    response.writeHead(status, { ...allowing(call), "content-type": "application/json", ...headers }).end(body);

/** What is no answer: it is asked again. */
const NO_ANSWERS = {
  "a page with status 200": says(200, "<!doctype html><title>Welcome</title>", { "content-type": "text/html" }),
  "nothing with status 200": says(200, ""),
  "nothing with status 204": says(204),
  "that there is nothing, and not as the ledger says it": says(404, "<h1>Not found</h1>", { "content-type": "text/html" }),
  "that it is forbidden, without a word": says(403, ""),
  "a list as an error": says(403, '[{"error":1}]'),
  "half an object": says(200, '{"success":true,"click_id":"ref_0'),
  "the word null": says(200, "null"),
  "a list": says(200, '[{"success":true}]'),
  "a text": says(200, '"success"'),
  "a number": says(200, "1e999"),
  "an object with nothing of the tracker's": says(200, '{"ok":true,"__proto__":{"success":true}}'),
  "an error of a proxy's": says(502, "<h1>Bad gateway</h1>", { "content-type": "text/html" }),
  "an error of the ledger's": says(500, '{"error":"internal"}'),
  "that it has no time": says(503, '{"error":"unavailable"}', { "retry-after": "1" }),
  "that there were too many": says(429, '{"error":"rate limited"}'),
  "that the page is elsewhere": says(302, "", { location: "/" }),
  "that the page is here": says(307, "", { location: "" }),
  "bytes that are not what they say": says(200, "no gzip", { "content-encoding": "gzip" }),
  "in a way that the page may not read": (_, response) => response.end('{"success":true,"click_id":"ref_1"}'),
  "and hangs up at once": (_, response) => response.destroy(),
  "and hangs up in the middle": (call, response) => {
    response.writeHead(200, { ...allowing(call), "content-length": "100" }).write('{"success"');
    setTimeout(() => response.destroy(), 50);
  },
  "not at all": () => {},
};

/** What is an answer, though not one of the ledger's: the page is told something, and no cookie is set. */
const ODD_ANSWERS = {
  "a success of the wrong type": says(200, '{"success":"yes","click_id":"ref_1"}'),
  "a click's id that is a number": says(200, '{"success":true,"click_id":5}'),
  "a click's id that is no text": says(200, '{"success":true,"click_id":{"toString":1},"cookie_window_days":{"a":1}}'),
  "a reason that is no text": says(200, '{"success":false,"reason":{"toString":1,"valueOf":2}}'),
  "an error that is no text": says(400, '{"error":[{"toString":null}]}'),
};

for (const [kind, answers, ends] of [
  ["no answer", NO_ANSWERS, assertRecovers],
  ["an odd answer", ODD_ANSWERS, assertNoCookie],
]) {
  describe(`${kind}: an endpoint that answers`, { concurrency: 7 }, () => {
    const answerOf = new Map();
    before(() => {
      site.page = () => scene.tag();
      gate.calls = [];
      gate.instead = (call, response) => answerOf.get(partnerOf(call.body))(call, response);
    });

    for (const [what, answer] of Object.entries(answers)) {
      test(what, async (t) => {
        const visitor = await scene.join(t);
        answerOf.set(visitor.partner, answer);
        await visitor.open(shop(`/?aff=${visitor.partner}`));
        const user = `user_${visitor.partner}`;
        const results = await Promise.all([
          visitor.call("affitor.signup", user, `${user}@example.com`),
          visitor.call("Affonso.signup", { email: `${user}@example.com` }),
          visitor.call("affitor.trackClick"),
        ]);
        for (const result of results) assert.equal(result.recorded, false, JSON.stringify(result));
        assert.equal(await visitor.cookie("affitor_click_id"), undefined);
        await ends(visitor, results);
      });
    }
  });
}

/** The visitor whose click or sign-up it is: both tell the landing's address. */
const partnerOf = (body) => new URL(body.affiliate_url ?? body.page_url).searchParams.get("aff");

async function assertRecovers(visitor, results) {
  for (const result of results) assert.deepEqual(result, QUEUED);
  assert.deepEqual(await scene.clicksOf(visitor.partner), []);
}

async function assertNoCookie(visitor) {
  assert.deepEqual((await visitor.context.cookies()).map(({ name }) => name), []);
}

test("what was queued on one page is recorded once on the next, when the endpoint is itself again", async (t) => {
  const visitor = await scene.begin(t);
  gate.instead = says(200, "<h1>Sign in to the hotel's network</h1>", { "content-type": "text/html" });
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  assert.deepEqual(await visitor.call("affitor.signup", "hotel", "hotel@example.com"), QUEUED);
  gate.instead = undefined;
  await visitor.open(shop("/next"));
  const id = await visitor.clicked();
  await visitor.settled();
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
  assert.equal((await scene.referralOf("hotel")).id, id);
});

test("a network that comes back is used at once, on the same page", async (t) => {
  const visitor = await scene.begin(t);
  const bob = await scene.partner();
  await visitor.open(shop(`/?aff=${visitor.partner}`));
  const first = await visitor.clicked();
  await visitor.settled();
  await visitor.context.setOffline(true);
  await visitor.page.evaluate((bob) => history.pushState(null, "", `/?aff=${bob}`), bob);
  assert.deepEqual(await visitor.call("affitor.signup", "offline", "offline@example.com"), QUEUED);
  await visitor.context.setOffline(false);
  const id = await visitor.clicked(first);
  await visitor.settled();
  assert.deepEqual(await scene.clicks(bob, 1), [id]);
  assert.equal((await scene.referralOf("offline")).id, id);
});

test("a network that was away before the core had come is used on the next page", async (t) => {
  const visitor = await scene.begin(t);
  await visitor.open(shop("/"));
  await visitor.context.setOffline(true);
  await visitor.page.evaluate((partner) => history.pushState(null, "", `/?aff=${partner}`), visitor.partner);
  assert.deepEqual(await visitor.call("affitor.signup", "tunnel", "tunnel@example.com"), QUEUED);
  await visitor.context.setOffline(false);
  await visitor.open(shop("/next"));
  const id = await visitor.clicked();
  await visitor.settled();
  assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
  assert.equal((await scene.referralOf("tunnel")).id, id);
});

for (const [what, api] of [
  ["nobody listens", "http://ledger.test:1/"],
  ["there is no such host", "http://ledger.invalid/"],
  ["the address is none", "http://["],
]) {
  test(`where ${what}, calls are queued, and sent by the next page`, async (t) => {
    const visitor = await scene.begin(t);
    site.page = (url) => scene.tag(url.pathname === "/" ? `data-api="${api}"` : "");
    await visitor.open(shop(`/?aff=${visitor.partner}`));
    const user = `user_${visitor.partner}`;
    assert.deepEqual(await visitor.call("affitor.signup", user, `${user}@example.com`), QUEUED);
    await visitor.open(shop("/next"));
    const id = await visitor.clicked();
    await visitor.settled();
    assert.deepEqual(await scene.clicks(visitor.partner, 1), [id]);
    assert.equal((await scene.referralOf(user)).id, id);
  });
}
