// How often a key may call, and an address without one. Minutes and seconds are those of the clock, so answers are put
// together by the minute that they name (X-RateLimit-Reset), and nothing here depends on how fast the machine is.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { letters, newKey, startLedger } from "../support/ledger.mjs";
import { atOnce, fromPage, get, post, rowCounts } from "./calls.mjs";
import { isAffitor, keyOf, ROUTES } from "./routes.mjs";

/** So many seconds' calls are more than any test makes. */
const MANY = 100_000;

const standing = ({ headers }) => ({
  limit: Number(headers.get("x-ratelimit-limit")),
  remaining: Number(headers.get("x-ratelimit-remaining")),
  reset: Number(headers.get("x-ratelimit-reset")),
});

const shop = (ledger, key) => get(ledger, "/v1/program", { key });

/** Calls until one is refused; a minute may end on the way, so at most three minutes' calls. All answers. */
async function untilRefused(limit, call) {
  const answers = [];
  for (let count = 0; count <= 3 * limit; count += 1) {
    answers.push(await call());
    if (answers.at(-1).status === 429) return answers;
  }
  throw new Error(`nothing of ${answers.length} calls was refused`);
}

function byMinute(answers) {
  return [...Map.groupBy(answers, (answer) => standing(answer).reset).values()];
}

const isAllowed = ({ status }) => status !== 429;

test("a key has its calls of a minute and is told how many are left; then it is refused, with when to come back", async (t) => {
  const ledger = await startLedger(t, { limit: { perMinute: 7, perSecond: MANY } });
  const answers = await untilRefused(7, () => shop(ledger));
  for (const minute of byMinute(answers)) {
    const allowed = minute.filter(isAllowed);
    const left = allowed.map((answer) => standing(answer).remaining);
    assert.deepEqual(left, [6, 5, 4, 3, 2, 1, 0].slice(0, allowed.length));
    for (const answer of minute) assert.equal(standing(answer).limit, 7);
  }
  const refused = answers.at(-1);
  const last = byMinute(answers).at(-1);
  assert.equal(last.filter(isAllowed).length, 7, "a minute is used up before anything is refused");
  const { reset, remaining } = standing(refused);
  assert.equal(remaining, 0);
  assert.equal(reset % 60, 0);
  const seconds = Number(refused.headers.get("retry-after"));
  assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60, `${seconds}`);
  const { message, ...error } = refused.json.error;
  assert.deepEqual(error, { code: "RATE_LIMIT_EXCEEDED", retryAfter: seconds });
  assert.ok(message.includes(String(seconds)));
  assert.equal(refused.json.success, false);
});

test("a refused call does nothing", async (t) => {
  const ledger = await startLedger(t, { limit: { perMinute: 3, perSecond: MANY } });
  await untilRefused(3, () => shop(ledger));
  const before = await rowCounts(ledger);
  const sale = { transaction_id: "txn_1", amount_cents: 100, customer_key: "user_1" };
  const answer = await post(ledger, "/v1/conversions", { external_user_id: "user_1", sale_amount: 5 });
  const flat = await untilRefused(3, () => post(ledger, "/api/v1/track/sale", sale, { key: ledger.fixture.keys.token }));
  // In a new minute the first of them is allowed, and then an unattributed sale.
  if (answer.status === 429) assert.equal((await rowCounts(ledger)).conversion, before.conversion);
  const { json, headers } = flat.at(-1);
  assert.deepEqual(Object.keys(json), ["error"]);
  assert.match(json.error, /^Rate limit exceeded\. Try again in \d+ seconds\.$/);
  assert.ok(Number(headers.get("retry-after")) >= 1);
});

test("a second has its own limit, whatever is left of the minute", async (t) => {
  const ledger = await startLedger(t, { limit: { perMinute: MANY, perSecond: 3 } });
  const began = Date.now();
  const answers = await atOnce(60, () => shop(ledger));
  const seconds = Math.floor(Date.now() / 1_000) - Math.floor(began / 1_000) + 1;
  const allowed = answers.filter(isAllowed);
  assert.ok(allowed.length >= 3);
  assert.ok(allowed.length <= 3 * seconds, `${allowed.length} in ${seconds} seconds`);
  for (const answer of answers.filter((answer) => !isAllowed(answer))) {
    assert.equal(answer.json.error.retryAfter, 1);
    assert.ok(standing(answer).remaining > 0);
  }
});

test("a noisy key does not slow another, of its team or not", async (t) => {
  const ledger = await startLedger(t, { limit: { perMinute: 20, perSecond: MANY } });
  const { keys, other } = ledger.fixture;
  const quiet = [];
  const flood = untilRefused(20, () => shop(ledger, keys.live));
  for (let count = 0; count < 10; count += 1) quiet.push(await shop(ledger, keys.test));
  await flood;
  // The noisy one goes on and on.
  const [noisy, ...rest] = await Promise.all([
    atOnce(100, () => shop(ledger, keys.live)),
    ...Array.from({ length: 10 }, () => shop(ledger, keys.test)),
    shop(ledger, other.keys.live),
  ]);
  assert.ok(noisy.filter(isAllowed).length <= 40, "two minutes' calls at most");
  assert.deepEqual([...quiet, ...rest].map(({ status }) => status), new Array(21).fill(200));
});

test("isolates share a key's minute", async (t) => {
  const ledger = await startLedger(t, { instances: 3, limit: { perMinute: 30, perSecond: 40 } });
  const answers = await atOnce(150, () => shop(ledger));
  // What the second refuses names a minute too.
  for (const minute of byMinute(answers)) {
    assert.ok(minute.filter(isAllowed).length <= 30, `${minute.filter(isAllowed).length} in a minute`);
  }
  assert.ok(answers.some(isAllowed));
  assert.ok(!answers.every(isAllowed));
});

test("every answer to a key tells where it stands, and no other answer does", async (t) => {
  const ledger = await startLedger(t);
  const names = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
  const has = (answer) => names.filter((name) => answer.headers.has(name)).length;
  for (const route of ROUTES) {
    const key = keyOf(ledger, route) ?? (isAffitor(route.path) ? ledger.fixture.keys.token : undefined);
    const answer = await ledger.request(route.method, route.path, { key, body: route.body });
    assert.equal(has(answer), key === undefined ? 0 : 3, `${route.method} ${route.path}`);
    const without = await ledger.request(route.method, route.path, { body: route.body });
    assert.equal(has(without), 0, `${route.method} ${route.path}`);
  }
  const { live } = ledger.fixture.keys;
  const wrong = [["GET", "/v1/nothing", 404], ["PUT", "/v1/clicks", 405], ["POST", "/v1/clicks", 400]];
  for (const [method, path, status] of wrong) {
    const answer = await ledger.request(method, path, { key: live, body: method === "GET" ? undefined : "{}" });
    assert.equal(answer.status, status);
    assert.equal(has(answer), 3, path);
  }
});

test("what a key tries on paths that do not exist counts too, and a wrong key counts for nobody", async (t) => {
  const ledger = await startLedger(t, { limit: { perMinute: 5, perSecond: MANY } });
  for (let count = 0; count < 20; count += 1) {
    assert.equal((await shop(ledger, newKey("sk_live"))).status, 401);
  }
  const answers = await untilRefused(5, () => get(ledger, `/v1/${letters(5)}`));
  assert.equal(byMinute(answers).at(-1).filter(isAllowed).length, 5);
});

test("calls without a key are counted by address, which is stored nowhere; a key's are not among them", async (t) => {
  const ledger = await startLedger(t, { openCalls: 4 });
  const link = { affiliate_url: "https://shop.example/?aff=alice" };
  const answers = await untilRefused(4, () => fromPage(ledger, "/api/v1/track/click", link));
  const refused = answers.at(-1);
  assert.deepEqual(refused.json, { error: "Rate limit exceeded. Try again in 60 seconds." });
  assert.equal(refused.headers.get("retry-after"), "60");
  assert.equal(refused.headers.get("access-control-allow-origin"), "https://shop.example", "the page may read why");
  const lead = { customer_key: "user_1", additional_data: { test_mode: true } };
  await untilRefused(4, () => fromPage(ledger, "/api/v1/track/lead", lead));
  for (let count = 0; count < 10; count += 1) {
    const keyed = await post(ledger, "/api/v1/track/click", link, { key: ledger.fixture.keys.token });
    assert.equal(keyed.status, 200, keyed.text);
  }
  for (const file of await readdir(ledger.state, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const bytes = await readFile(join(file.parentPath, file.name));
    assert.ok(!bytes.includes("127.0.0.1"), `an address in ${file.name}`);
  }
});
