// Every operation on an object × the key of another team: the answer is the one that an object gets that does not exist,
// and nothing changes. The operations come from the OpenAPI document, which a native test holds against the route table: a
// new one fails here until its object can be made.
import assert from "node:assert/strict";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { operations } from "../support/openapi.mjs";
import { addAffiliate, get, post, select, signedUp, sold, unique } from "./calls.mjs";

/** What stands in a path and is no object of somebody: a name of a file, a day, the address of a signed call. Their lists are checked further down. */
const NO_OBJECTS = ["file", "date", "stripe_program"];

const data = async (ledger, path, body, options) => {
  const answer = await post(ledger, path, body, options);
  assert.ok(answer.status < 300, `${path}: ${answer.text}`);
  return answer.json.data;
};

const INCENTIVE = { name: "Yearly", amount: 40, is_percentage: true, apply_to: "yearly_plans" };

/** Makes the first team's object that a part of a path names; `made` holds those before it. */
const OBJECTS = {
  referral_id: (ledger) => signedUp(ledger, unique("user")),
  conversion_id: async (ledger) => (await sold(ledger, unique("order"))).id,
  async commission_id(ledger) {
    const referral_id = await signedUp(ledger, unique("user"));
    const body = { referral_id, sale_amount: 80, commission_amount: 12 };
    return (await data(ledger, "/v1/commissions", body)).id;
  },
  affiliate_id: (ledger) => addAffiliate(ledger, { trackingId: unique("code") }),
  override_id: async (ledger, made) => (await data(ledger, `/v1/affiliates/${made.affiliate_id}/overrides`, INCENTIVE)).id,
  async coupon_id(ledger) {
    const discount = { discount_type: "percentage", discount_value: 25, duration: "forever" };
    const code = `C${letters(10)}`;
    return (await data(ledger, "/v1/coupons", { affiliate_id: ledger.fixture.affiliate.id, code, ...discount })).id;
  },
  async payout_id(ledger) {
    await sold(ledger, unique("order"));
    const { id: affiliate_id } = ledger.fixture.affiliate;
    return (await data(ledger, "/v1/payouts", { affiliate_id }))[0].id;
  },
  group_id: async (ledger) => (await data(ledger, "/v1/program/groups", { name: unique("Group") })).id,
  incentive_id: async (ledger, made) =>
    (await data(ledger, `/v1/program/groups/${made.group_id}/incentives`, INCENTIVE)).id,
  key_id: async (ledger) => (await data(ledger, "/v1/keys", { name: "Shop" })).id,
  webhook_id: async (ledger) => (await data(ledger, "/v1/webhooks", { url: "https://hooks.example.com/" })).id,
  delivery_id: async (ledger, made) => (await data(ledger, `/v1/webhooks/${made.webhook_id}/ping`)).id,
};

/** Bodies that the owner's call needs to succeed, where the document's example names what is not there. */
const BODIES = {
  reassignReferral: async (ledger) => ({
    affiliate_id: await addAffiliate(ledger, { trackingId: unique("code") }),
    reason: "his customer",
  }),
  updateAffiliate: () => ({ name: "Jane" }),
  updateConversion: () => ({ sales_status: "complete" }),
  updateCommission: () => ({ status: "declined" }),
};

const parametersOf = (path) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);

const ofObjects = operations.filter(({ path }) => parametersOf(path).some((name) => !NO_OBJECTS.includes(name)));

test("every object that a path names can be made here", () => {
  const named = new Set(operations.flatMap(({ path }) => parametersOf(path)));
  const known = new Set([...Object.keys(OBJECTS), ...NO_OBJECTS]);
  assert.deepEqual([...named].filter((name) => !known.has(name)), [], "say in OBJECTS how such an object is made");
  assert.deepEqual([...known].filter((name) => !named.has(name)), [], "nothing has this in its path any more");
  assert.ok(ofObjects.length > 40, `${ofObjects.length}`);
});

const filled = (path, made) => path.replace(/\{(\w+)\}/g, (_, name) => made[name]);

/** The same ids with one of them, by turns, an id of its kind that nobody has. */
function unknownPaths(path, made) {
  return Object.keys(made).map((name) => filled(path, { ...made, [name]: made[name].slice(0, -22) + letters(22) }));
}

/**
 * What is stored, but for when keys were used, and for the version of other teams' programs: a change that finds nothing may
 * raise its caller's own.
 */
async function stored(ledger) {
  const tables = await select(
    ledger,
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\' " +
      "AND name NOT IN ('click_count', 'kept_answer')",
  );
  const rows = {};
  for (const { name } of tables) {
    const all = await select(ledger, `SELECT * FROM ${name} ORDER BY 1, 2`);
    rows[name] = all.map(({ last_used_at, ...row }) => row);
  }
  for (const program of rows.program) if (program.id !== ledger.fixture.program.id) delete program.rules_version;
  return rows;
}

const shape = ({ status, json, text }) => ({ status, body: json ?? text });

for (const { id, method, path, operation } of ofObjects) {
  test(`${method.toUpperCase()} ${path} by another team is like one of nothing`, async (t) => {
    const ledger = await startLedger(t);
    const { keys, other } = ledger.fixture;
    const made = {};
    for (const name of parametersOf(path)) made[name] = await OBJECTS[name](ledger, made);
    const example = operation.requestBody?.content["application/json"].example;
    const body = BODIES[id] ? await BODIES[id](ledger) : example;
    const call = (at, key) => ledger.request(method.toUpperCase(), at, { key, body });
    const before = await stored(ledger);
    for (const [key, statuses] of [[other.keys.live, [404]], [other.keys.test, [404, 403]], [other.keys.token, [401]]]) {
      for (let twice = 0; twice < 2; twice += 1) {
        const answer = await call(filled(path, made), key);
        assert.ok(statuses.includes(answer.status), answer.text);
        for (const unknown of unknownPaths(path, made)) {
          assert.deepEqual(shape(answer), shape(await call(unknown, key)), unknown);
        }
      }
    }
    assert.deepEqual(await stored(ledger), before);
    // The very same call is its owner's to make.
    const own = await call(filled(path, made), keys.live);
    assert.ok(own.status < 300 || own.status === 409, `${own.status} ${own.text}`);
  });
}

test("no list shows another team's rows", async (t) => {
  const ledger = await startLedger(t);
  const made = {};
  for (const [name, make] of Object.entries(OBJECTS)) made[name] = await make(ledger, made);
  const { other } = ledger.fixture;
  const ids = [...Object.values(made), ledger.fixture.affiliate.id, ledger.fixture.group.id, ledger.fixture.program.id];
  const isKeyed = ({ operation }) => operation.security.length > 0;
  const lists = operations.filter((one) => one.method === "get" && !one.path.includes("{") && isKeyed(one));
  assert.ok(lists.length > 15);
  for (const { path } of lists) {
    const answer = await get(ledger, path, { key: other.keys.live });
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
    for (const one of ids) assert.ok(!answer.text.includes(one), `${path} shows ${one}`);
  }
});

test("a team's own rates of exchange are nobody else's", async (t) => {
  const ledger = await startLedger(t);
  const day = "/v1/rates/2026-01-31";
  const own = await ledger.request("PUT", day, { key: ledger.fixture.keys.live, body: { rates: { VND: 29000.5 } } });
  assert.equal(own.status, 200, own.text);
  const foreign = await get(ledger, day, { key: ledger.fixture.other.keys.live });
  assert.ok(!foreign.text.includes("29000.5"), foreign.text);
  assert.ok((await get(ledger, day)).text.includes("29000.5"));
});
