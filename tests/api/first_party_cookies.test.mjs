// Cookies that the answer to a click sets, and whether a page may read an answer that it asked for with credentials: by
// where the page is, where it called, and the domain that it says takes cookies.
import assert from "node:assert/strict";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate } from "./calls.mjs";

const CLICK = "/api/v1/track/click";
const WWW = "https://www.shop.example";
const ORIGINS = [WWW, "https://shop.example", "http://shop.example", "https://shop.co.uk", "http://127.0.0.1:3000"];
const body = { affiliate_url: `${WWW}/?aff=alice` };

/** Starts a ledger that allows pages of these origins. */
const start = (t, options) => startLedger(t, { browser_origins: [...ORIGINS, "https://evil.example"], ...options });

/** A page of `origin` calls `host`, by whatever name this machine has there. */
async function call(ledger, { host = "track.shop.example", origin = WWW, path = CLICK, sent = {}, headers = {} } = {}) {
  const { port } = new URL(ledger.url);
  const call = request({
    ...{ port, host: "127.0.0.1", path, method: "POST" },
    headers: { host, "content-type": "text/plain", ...(origin && { origin }), ...headers },
  });
  call.end(typeof sent === "string" ? sent : JSON.stringify({ ...body, ...sent }));
  const response = await new Promise((resolve, reject) => call.on("response", resolve).on("error", reject));
  const answer = await text(response);
  return {
    status: response.statusCode,
    headers: response.headers,
    cookies: response.headers["set-cookie"] ?? [],
    mayBeRead: response.headers["access-control-allow-credentials"],
    json: answer.startsWith("{") ? JSON.parse(answer) : undefined,
  };
}

/** Which cookies there are, and what stands behind their values; it must be the same for all. */
function shape({ cookies }) {
  const parts = cookies.map((cookie) => cookie.split("; "));
  const attributes = new Set(parts.map(([, ...rest]) => rest.join("; ")));
  assert.ok(attributes.size <= 1, cookies.join("\n"));
  return { names: parts.map(([pair]) => pair.split("=")[0]), attributes: [...attributes][0] };
}

const NAMES = ["affitor_click_id", "affonso_referral"];
const LIFE = "Path=/; SameSite=Lax; Max-Age=5184000";

test("a call on the site's own domain sets the click's id as both products call it, and the landing", async (t) => {
  const ledger = await start(t);
  const landing = `${WWW}/pricing?aff=alice&x=a%20b`;
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await call(ledger, { sent: { cookie_domain: "shop.example", landing } });
    assert.equal(answer.status, 200);
    const id = answer.json.click_id;
    assert.deepEqual(answer.cookies, [
      `affitor_click_id=${id}; ${LIFE}; Domain=shop.example; Secure`,
      `affonso_referral=${id}; ${LIFE}; Domain=shop.example; Secure`,
      `affitor_aff_url=${landing}; ${LIFE}; Domain=shop.example; Secure`,
    ]);
    assert.equal(answer.mayBeRead, "true");
    assert.equal(answer.headers["access-control-allow-origin"], WWW);
    assert.equal(answer.headers.vary, "Origin");
  }
});

const OWN = {
  "the same host, no domain": [{ host: "shop.example", origin: "https://shop.example" }, `${LIFE}; Secure`],
  "the same host, an empty domain": [
    { host: "shop.example", origin: "https://shop.example", sent: { cookie_domain: "" } },
    `${LIFE}; Secure`,
  ],
  "the same host and its domain": [
    { host: "shop.example", origin: "https://shop.example", sent: { cookie_domain: "shop.example" } },
    `${LIFE}; Domain=shop.example; Secure`,
  ],
  "a sub-domain beside the page's": [{ sent: { cookie_domain: "shop.example" } }, `${LIFE}; Domain=shop.example; Secure`],
  "a sub-domain of a page on the domain itself": [
    { origin: "https://shop.example", sent: { cookie_domain: "shop.example" } },
    `${LIFE}; Domain=shop.example; Secure`,
  ],
  "a page without https": [
    { host: "shop.example", origin: "http://shop.example", sent: { cookie_domain: "shop.example" } },
    `${LIFE}; Domain=shop.example`,
  ],
  "an address, host alone": [{ host: "127.0.0.1", origin: "http://127.0.0.1:3000" }, LIFE],
  "a suffix that the browser will refuse": [
    { host: "shop.co.uk", origin: "https://shop.co.uk", sent: { cookie_domain: "co.uk" } },
    `${LIFE}; Domain=co.uk; Secure`,
  ],
  "under a prefix": [
    { host: "shop.example", origin: "https://shop.example", path: "/x/api/v1/track/click" },
    `${LIFE}; Secure`,
  ],
  "through a proxy that says which host was called": [
    { host: "ledger.example", origin: "https://shop.example", headers: { "x-forwarded-host": "shop.example" } },
    `${LIFE}; Secure`,
  ],
};

for (const [where, [options, attributes]] of Object.entries(OWN)) {
  test(`cookies are set: ${where}`, async (t) => {
    const answer = await call(await start(t), options);
    assert.equal(answer.status, 200);
    assert.deepEqual([shape(answer), answer.mayBeRead], [{ names: NAMES, attributes }, "true"]);
  });
}

const ELSEWHERE = {
  "another site": { host: "ledger.example", sent: { cookie_domain: "shop.example" } },
  "another site, no domain": { host: "ledger.example" },
  "a sub-domain, no domain": {},
  "another site that names the ledger's domain": {
    host: "ledger.example",
    origin: "https://evil.example",
    sent: { cookie_domain: "ledger.example" },
  },
  "a domain of neither": { sent: { cookie_domain: "evil.example" } },
  "a domain below the call's": { sent: { cookie_domain: "www.shop.example" } },
  "a name that only ends like the domain": {
    host: "evilshop.example",
    origin: "https://evil.example",
    sent: { cookie_domain: "shop.example" },
  },
  "an address as domain": { host: "127.0.0.1", origin: "http://127.0.0.1:3000", sent: { cookie_domain: "127.0.0.1" } },
  "a part of an address": { host: "127.0.0.1", origin: "http://127.0.0.1:3000", sent: { cookie_domain: "0.0.1" } },
  "a domain without a dot": { sent: { cookie_domain: "example" } },
  "a leading dot": { sent: { cookie_domain: ".shop.example" } },
  "capitals": { sent: { cookie_domain: "Shop.Example" } },
  "an attribute behind the domain": { sent: { cookie_domain: "shop.example; HttpOnly" } },
  "a header behind the domain": { sent: { cookie_domain: "shop.example\r\nX-Evil: 1" } },
  "no origin": { host: "shop.example", origin: null, sent: { cookie_domain: "shop.example" } },
};

for (const [where, options] of Object.entries(ELSEWHERE)) {
  test(`no cookie, no credentials, and the click is recorded all the same: ${where}`, async (t) => {
    const answer = await call(await start(t), options);
    assert.equal(answer.status, 200);
    assert.match(answer.json.click_id, /^ref_/);
    assert.deepEqual([answer.cookies, answer.mayBeRead, answer.headers["x-evil"]], [[], undefined, undefined]);
  });
}

test("a call with a key sets none, whatever it says of its origin", async (t) => {
  const ledger = await start(t);
  for (const key of [ledger.fixture.keys.token, ledger.fixture.keys.live]) {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await call(ledger, { sent: { cookie_domain: "shop.example" }, headers });
    assert.equal(answer.status, 200);
    assert.deepEqual([answer.cookies, answer.mayBeRead], [[], undefined]);
  }
});

test("a landing can add neither an attribute nor a header nor a second cookie", async (t) => {
  const ledger = await start(t);
  const evil = [
    ["a; Domain=evil.example", "a%3B%20Domain=evil.example"],
    ["a\r\nX-Evil: 1", "a%0D%0AX-Evil:%201"],
    ['"a", \\b', "%22a%22%2C%20%5Cb"],
    ["a, affitor_click_id=evil", "a%2C%20affitor_click_id=evil"],
    ["ä", "%C3%A4"],
  ];
  for (const [landing, value] of evil) {
    const answer = await call(ledger, { sent: { cookie_domain: "shop.example", landing } });
    assert.equal(answer.status, 200);
    assert.equal(answer.cookies.length, 3);
    assert.equal(answer.cookies[2], `affitor_aff_url=${value}; ${LIFE}; Domain=shop.example; Secure`);
    assert.equal(answer.headers["x-evil"], undefined);
  }
});

test("a landing of up to 3,000 bytes is taken, a longer one is a 400 that names it", async (t) => {
  const ledger = await start(t);
  for (const [landing, status] of [
    ["x".repeat(3_000), 200],
    ["ü".repeat(1_500), 200],
    ["x".repeat(3_001), 400],
    ["ü".repeat(1_501), 400],
  ]) {
    const answer = await call(ledger, { sent: { cookie_domain: "shop.example", landing } });
    assert.equal(answer.status, status);
    if (status === 400) assert.match(answer.json.error, /^landing: /);
  }
});

test("what is no click sets no cookie, and the page may read why", async (t) => {
  const ledger = await start(t);
  await addAffiliate(ledger, { trackingId: "pending", partnership: "pending" });
  const own = { cookie_domain: "shop.example", landing: `${WWW}/` };
  const stranger = { origin: "https://blog.shop.example", sent: own };
  const answers = [
    [await call(ledger, { sent: own, headers: { "sec-gpc": "1" } }), 200],
    [await call(ledger, { sent: own, headers: { "sec-purpose": "prefetch" } }), 200],
    [await call(ledger, { sent: own, headers: { "user-agent": "Twitterbot/1.0" } }), 200],
    [await call(ledger, { sent: { ...own, affiliate_url: `${WWW}/?aff=pending` } }), 200],
    [await call(ledger, { sent: { ...own, affiliate_url: `${WWW}/?aff=nobody` } }), 400],
    [await call(ledger, { sent: { ...own, affiliate_url: `${WWW}/` } }), 400],
    [await call(ledger, { sent: { ...own, event_id: "two words" } }), 400],
    [await call(ledger, { sent: { ...own, additional_data: { test_mode: true } } }), 200],
    [await call(ledger, stranger), 403],
  ];
  for (const [answer, status] of answers) {
    assert.equal(answer.status, status, JSON.stringify(answer.json));
    assert.deepEqual([answer.cookies, answer.mayBeRead], [[], "true"], JSON.stringify(answer.json));
  }
});

test("an answer to what cannot be read, and of the other route, is without credentials", async (t) => {
  const ledger = await start(t);
  const unread = await call(ledger, { sent: "{" });
  assert.deepEqual([unread.status, unread.cookies, unread.mayBeRead], [400, [], undefined]);
  const { click_id } = (await call(ledger, { sent: { cookie_domain: "shop.example" } })).json;
  const sent = { click_id, customer_key: "user_1", cookie_domain: "shop.example" };
  const lead = await call(ledger, { path: "/api/v1/track/lead", sent });
  assert.deepEqual([lead.status, lead.cookies, lead.mayBeRead], [200, [], undefined]);
});

test("the cookies live as long as the program says, and no longer than browsers keep any", async (t) => {
  const ledger = await start(t, { program: { cookie_window_days: 90 } });
  const [cookie] = (await call(ledger, { sent: { cookie_domain: "shop.example" } })).cookies;
  assert.match(cookie, /; Max-Age=7776000;/);
});

test("under the first-click model the cookie holds the click that counts", async (t) => {
  const ledger = await start(t, { program: { attribution_model: "first_click" } });
  await addAffiliate(ledger, { trackingId: "bob" });
  const own = { cookie_domain: "shop.example" };
  const first = (await call(ledger, { sent: own })).json.click_id;
  const sent = { ...own, affiliate_url: `${WWW}/?aff=bob`, existing_click_id: first };
  const second = await call(ledger, { sent });
  assert.equal(second.json.click_id, first);
  assert.ok(second.cookies[0].startsWith(`affitor_click_id=${first};`));
});

test("a page that calls with credentials may also read a refusal that nobody's body was needed for", async (t) => {
  const ledger = await start(t, { openCalls: 1 });
  const sent = { cookie_domain: "shop.example" };
  const unreadable = await call(ledger, { host: "www.shop.example", sent: "{" });
  assert.deepEqual([unreadable.status, unreadable.mayBeRead], [400, "true"]);
  const tooMany = await call(ledger, { sent });
  assert.deepEqual([tooMany.status, tooMany.mayBeRead, tooMany.headers["retry-after"]], [429, "true", "60"]);
  assert.equal(tooMany.headers["access-control-allow-origin"], WWW);
  const stranger = await call(ledger, { host: "ledger.example", sent });
  assert.deepEqual([stranger.status, stranger.mayBeRead], [429, undefined]);
});
