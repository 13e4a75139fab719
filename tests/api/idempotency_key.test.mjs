// `Idempotency-Key` on every call that writes to the ledger: the same call is answered as the first time and happens
// once; another body under the key is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { atOnce, click, contents, fromPage, latestClicks, post, select, signedUp, tally, unique } from "./calls.mjs";
import { assertError } from "./routes.mjs";

async function soldOrder(ledger) {
  await signedUp(ledger, "user_1");
  const body = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  const answer = await post(ledger, "/v1/conversions", body);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data.id;
}

const link = "https://shop.example/?aff=alice";

/** Every route: how its scene is set and which body it then takes; another body; who calls; what it answers. */
const CALLS = [
  {
    name: "/v1/clicks",
    body: () => ({ trackingId: "alice", sub1: "a" }),
    other: { sub1: "b" },
    status: 201,
  },
  {
    name: "/v1/signups",
    body: async (ledger) => ({ click_id: await click(ledger), external_user_id: "user_1" }),
    other: { external_user_id: "user_2" },
    status: 201,
  },
  {
    name: "/v1/conversions",
    body: async (ledger) => {
      await signedUp(ledger, "user_1");
      // Without an id of its own: only the key tells a repeat from a second sale.
      return { external_user_id: "user_1", sale_amount: 99 };
    },
    other: { sale_amount: 98 },
    status: 201,
  },
  {
    name: "/v1/referrals",
    body: (ledger) => ({ affiliate_id: ledger.fixture.affiliate.id, email: "jane@example.com" }),
    other: { email: "john@example.com" },
    status: 201,
  },
  {
    name: "/v1/conversions/{id}/refund",
    path: async (ledger) => `/v1/conversions/${await soldOrder(ledger)}/refund`,
    body: () => ({ amount: 33 }),
    other: { amount: 34 },
    status: 200,
  },
  {
    name: "/v1/conversions/{id}/refund of everything, without a body",
    path: async (ledger) => `/v1/conversions/${await soldOrder(ledger)}/refund`,
    body: () => undefined,
    other: { amount: 34 },
    status: 200,
  },
  {
    name: "/v1/conversions/{id}/refund that waits",
    path: () => "/v1/conversions/order_1/refund",
    body: () => ({ amount: 33, allow_pending: true }),
    other: { amount: 34 },
    status: 202,
  },
  {
    name: "/api/v1/track/click",
    key: null,
    body: () => ({ affiliate_url: link, page_url: "https://shop.example/" }),
    other: { page_url: "https://shop.example/other" },
    status: 200,
  },
  {
    name: "/api/v1/track/click with a key",
    key: "token",
    body: () => ({ affiliate_url: link, page_url: "https://shop.example/" }),
    other: { page_url: "https://shop.example/other" },
    status: 200,
  },
  {
    name: "/api/v1/track/lead",
    key: null,
    body: async (ledger) => ({ click_id: await click(ledger), customer_key: "user_1" }),
    other: { customer_key: "user_2" },
    status: 200,
  },
  {
    name: "/api/v1/track/lead with a key",
    key: "token",
    body: async (ledger) => ({ click_id: await click(ledger), customer_key: "user_1" }),
    other: { customer_key: "user_2" },
    status: 200,
  },
  {
    name: "/api/v1/track/sale",
    key: "token",
    body: async (ledger) => {
      await signedUp(ledger, "user_1");
      return { transaction_id: "txn_1", amount_cents: 9900, customer_key: "user_1" };
    },
    other: { amount_cents: 9800 },
    status: 200,
  },
  {
    name: "/api/v1/track/refund",
    key: "token",
    body: async (ledger) => {
      await soldOrder(ledger);
      return { transaction_id: "order_1", refund_amount_cents: 3300 };
    },
    other: { refund_amount_cents: 3400 },
    status: 200,
  },
];

/** The call on a ledger of its own, to be made as often as one likes. */
async function scene(t, { name, path, body, key = "live" }) {
  const ledger = await startLedger(t, { instances: 2 });
  const to = path === undefined ? name.split(" ")[0] : await path(ledger);
  const sent = await body(ledger);
  const send = (idempotencyKey, change) => {
    const changed = change === undefined ? sent : { ...sent, ...change };
    const headers = { "idempotency-key": idempotencyKey };
    if (key === null) return fromPage(ledger, to, changed, headers);
    return post(ledger, to, changed, { key: ledger.fixture.keys[key], headers });
  };
  return { ledger, to, send };
}

const isReplayed = (answer) => answer.headers.get("idempotent-replayed");

/** All that is stored: D1, and the clicks of the shards. */
const everything = async (ledger) => [
  await contents(ledger),
  await latestClicks(ledger),
  await select(ledger, "SELECT id FROM refund UNION ALL SELECT id FROM parked_refund ORDER BY 1"),
];

for (const call of CALLS) {
  test(`${call.name}: the same call is answered as the first time and happens once`, async (t) => {
    const { ledger, send } = await scene(t, call);
    const first = await send("key-1");
    assert.deepEqual([first.status, isReplayed(first)], [call.status, null], first.text);
    const after = await everything(ledger);
    const assertReplayed = (answer) => {
      assert.deepEqual([answer.status, answer.text], [first.status, first.text]);
      assert.equal(isReplayed(answer), "true");
    };
    for (let twice = 0; twice < 2; twice += 1) assertReplayed(await send("key-1"));
    await ledger.restart();
    for (const answer of await atOnce(20, () => send("key-1"))) assertReplayed(answer);
    assert.deepEqual(await everything(ledger), after);
  });

  test(`${call.name}: of twenty at once with one key one happens and all are answered alike`, async (t) => {
    const { ledger, send } = await scene(t, call);
    const answers = await atOnce(20, () => send("key-1"));
    assert.deepEqual(tally(answers), { [call.status]: 20 }, answers.map(({ text }) => text).join("\n"));
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    assert.equal(answers.filter((answer) => isReplayed(answer) !== "true").length, 1);
    const after = await everything(ledger);
    assert.equal((await send("key-1")).text, answers[0].text);
    assert.deepEqual(await everything(ledger), after);
  });

  test(`${call.name}: another body under the key is a 422, and a bad key a 400`, async (t) => {
    const { ledger, to, send } = await scene(t, call);
    const first = await send("key-1");
    assert.equal(first.status, call.status, first.text);
    const after = await everything(ledger);
    for (let twice = 0; twice < 2; twice += 1) assertError(to, await send("key-1", call.other), 422);
    const bad = ["", "k".repeat(256), "tab\tin it", "\u00e9"];
    for (const key of bad) assertError(to, await send(key), 400, "VALIDATION_ERROR");
    assert.deepEqual(await everything(ledger), after);
    const again = await send("key-1");
    assert.deepEqual([again.text, isReplayed(again)], [first.text, "true"]);
  });
}

test("the longest key, and one with spaces, are keys", async (t) => {
  const ledger = await startLedger(t);
  for (const key of ["k".repeat(255), "two words", "~!@#$%^&*()_+{}|:<>?"]) {
    const send = () => post(ledger, "/v1/clicks", { trackingId: "alice" }, { headers: { "idempotency-key": key } });
    const [first, second] = [await send(), await send()];
    assert.deepEqual([first.status, second.text, isReplayed(second)], [201, first.text, "true"]);
  }
});

test("a call that was refused leaves its key free", async (t) => {
  const ledger = await startLedger(t);
  const headers = { "idempotency-key": "key-1" };
  const body = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  assert.equal((await post(ledger, "/v1/conversions", body, { headers })).status, 404);
  const invalid = await post(ledger, "/v1/conversions", { ...body, sale_amount: "99" }, { headers });
  assert.equal(invalid.status, 400);
  await signedUp(ledger, "user_1");
  const first = await post(ledger, "/v1/conversions", body, { headers });
  assert.deepEqual([first.status, isReplayed(first)], [201, null], first.text);
  const second = await post(ledger, "/v1/conversions", body, { headers });
  assert.deepEqual([second.text, isReplayed(second)], [first.text, "true"]);
});

test("a key on a sale that is known already keeps that answer", async (t) => {
  const ledger = await startLedger(t);
  const id = await soldOrder(ledger);
  const body = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  const send = () => post(ledger, "/v1/conversions", body, { headers: { "idempotency-key": "key-1" } });
  const first = await send();
  assert.deepEqual([first.status, first.json.data.id, isReplayed(first)], [200, id, null]);
  assert.equal((await post(ledger, `/v1/conversions/${id}/refund`, { amount: 33 })).status, 200);
  const second = await send();
  assert.deepEqual([second.status, second.text, isReplayed(second)], [200, first.text, "true"]);
});

const todo = "only calls that write to the ledger keep their key";
test("a key makes one webhook endpoint and one test event", { todo }, async (t) => {
  const ledger = await startLedger(t);
  const headers = { "idempotency-key": "key-1" };
  const test_mode = { transaction_id: "txn_1", amount_cents: 1, additional_data: { test_mode: true } };
  for (const [path, body, key] of [
    ["/v1/webhooks", { url: "https://hooks.example.com/" }, ledger.fixture.keys.live],
    ["/api/v1/track/sale", test_mode, ledger.fixture.keys.token],
  ]) {
    const [first, second] = [
      await post(ledger, path, body, { headers, key }),
      await post(ledger, path, body, { headers, key }),
    ];
    assert.deepEqual([second.status, isReplayed(second)], [first.status, "true"], path);
  }
});

test("teams, modes, routes and callers without a key have keys of their own", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const headers = { "idempotency-key": "key-1" };
  const first = (answer) => {
    assert.ok([200, 201].includes(answer.status), answer.text);
    assert.equal(isReplayed(answer), null, answer.text);
    return answer.json;
  };
  first(await post(ledger, "/v1/clicks", { trackingId: "alice" }, { headers }));
  first(await post(ledger, "/v1/clicks", { trackingId: "alice", sub1: "t" }, { headers, key: keys.test }));
  first(await post(ledger, "/v1/clicks", { trackingId: "mallory" }, { headers, key: other.keys.live }));
  const lead = async (options) => ({ click_id: await click(ledger, options), customer_key: unique("user") });
  first(await fromPage(ledger, "/api/v1/track/lead", await lead(), headers));
  first(await post(ledger, "/api/v1/track/lead", await lead(), { headers, key: keys.token }));
  const theirs = await lead({ key: other.keys.live, trackingId: "mallory" });
  first(await post(ledger, "/api/v1/track/lead", theirs, { headers, key: other.keys.token }));
  first(await fromPage(ledger, "/api/v1/track/click", { affiliate_url: link }, headers));
  first(await post(ledger, "/api/v1/track/click", { affiliate_url: link }, { headers, key: keys.token }));
  first(await post(ledger, "/v1/signups", { click_id: await click(ledger), external_user_id: unique("u") }, { headers }));
});
