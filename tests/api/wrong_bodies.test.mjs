// Bodies that are JSON and still wrong: types, characters, numbers, depth. A 400 that names the field, never a 5xx.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { click, get, latestClicks, post, rowCounts } from "./calls.mjs";
import { assertError, BODY_ROUTES, keyOf, WRONG } from "./routes.mjs";

const send = (ledger, route, body) =>
  ledger.request(route.method ?? "POST", route.path, { key: keyOf(ledger, route), body });

async function assertUnharmed(ledger) {
  assert.deepEqual(await rowCounts(ledger), {});
  assert.deepEqual(await latestClicks(ledger), []);
  assert.equal((await ledger.request("GET", "/healthz")).status, 200);
}

for (const route of BODY_ROUTES) {
  test(`${route.path}: a wrong type is a 400 that names the field`, async (t) => {
    const ledger = await startLedger(t);
    for (const [field, kind] of Object.entries(route.fields)) {
      for (const value of WRONG[kind]) {
        const body = { ...route.body, [field]: value };
        const problem = assertError(route.path, await send(ledger, route, body), 400, "VALIDATION_ERROR");
        assert.ok(problem.names(field), `${field}: ${JSON.stringify(value)} is answered ${problem.message}`);
      }
    }
    await assertUnharmed(ledger);
  });

  test(`${route.path}: a text with NUL, or with half a character, is a 400`, async (t) => {
    const ledger = await startLedger(t);
    // What these two hold is compared, and stored by nobody; of the third see below.
    const others = ["programId", "event_type", "transaction_id"];
    const fields = Object.keys(route.fields).filter(
      (name) => route.fields[name] === "a text" && !others.includes(name),
    );
    for (const field of fields) {
      for (const escape of ["a\\u0000b", "\\ud800", "\\udc00x", "\\ud800\\ud800"]) {
        const body = JSON.stringify({ ...route.body, [field]: "HERE" }).replace("HERE", escape);
        assertError(route.path, await send(ledger, route, body), 400, "VALIDATION_ERROR");
      }
    }
    await assertUnharmed(ledger);
  });

  test(`${route.path}: a field given twice is a 400`, async (t) => {
    const ledger = await startLedger(t);
    for (const field of Object.keys(route.fields)) {
      const value = JSON.stringify(route.body[field] ?? null);
      const rest = JSON.stringify({ ...route.body, [field]: undefined }).slice(1);
      const body = `{"${field}":${value},"${field}":${value}${rest === "}" ? "" : ","}${rest}`;
      assertError(route.path, await send(ledger, route, body), 400, "VALIDATION_ERROR");
    }
    await assertUnharmed(ledger);
  });

  test(`${route.path}: a thousand levels are a 400, wherever they are`, async (t) => {
    const ledger = await startLedger(t);
    const deep = [nested(1_000), "[".repeat(1_000) + "]".repeat(1_000), "[".repeat(30_000)];
    for (const value of deep) {
      assertError(route.path, await send(ledger, route, value), 400, "VALIDATION_ERROR");
      for (const field of [...Object.keys(route.fields), "nobody_reads_this"]) {
        assertError(route.path, await send(ledger, route, `{"${field}":${value}}`), 400, "VALIDATION_ERROR");
      }
    }
    await assertUnharmed(ledger);
  });
}

test(
  "/api/v1/track/sale: a transaction with NUL in its id is a 400",
  async (t) => {
    const ledger = await startLedger(t);
    const body = '{"transaction_id":"a\\u0000b","amount_cents":4900,"customer_key":"user_1"}';
    const answer = await post(ledger, "/api/v1/track/sale", body, { key: ledger.fixture.keys.token });
    assert.deepEqual([answer.status, answer.json], [400, { error: "transaction_id: contains a NUL character" }]);
    assert.deepEqual(await rowCounts(ledger), {});
  },
);

const AMOUNTS = [
  "1e400",
  "-1e400",
  "1e-400",
  "99999999999999999999",
  "1e19",
  "0",
  "-1",
  "0.0",
  "-0",
  "0.001",
  "1e999999999999",
];

for (const [path, field] of [
  ["/v1/conversions", "sale_amount"],
  ["/api/v1/track/sale", "amount_cents"],
  ["/v1/conversions/conv_none/refund", "amount"],
  ["/api/v1/track/refund", "refund_amount_cents"],
]) {
  test(`${path}: an amount that cannot be is a 400 that names it`, async (t) => {
    const ledger = await startLedger(t);
    const route = BODY_ROUTES.find((one) => one.path === path);
    // For a tracked refund 0 is everything.
    const mayBe = (amount) => path === "/api/v1/track/refund" && /^-?0(\.0)?$/.test(amount);
    const amounts = [...AMOUNTS, "9".repeat(5_000), `0.${"0".repeat(5_000)}1`];
    for (const amount of amounts.filter((amount) => !mayBe(amount))) {
      const body = JSON.stringify({ ...route.body, [field]: "HERE" }).replace('"HERE"', amount);
      const problem = assertError(path, await send(ledger, route, body), 400, "VALIDATION_ERROR");
      assert.ok(problem.names(field), `${amount.slice(0, 30)}: ${problem.message}`);
    }
    await assertUnharmed(ledger);
  });
}

test("amounts of a hundredth of a cent, of half a yen, and just beyond the largest are refused", async (t) => {
  const ledger = await startLedger(t);
  const id = await click(ledger);
  const wrong = { USD: "99.999", JPY: "0.5", KWD: "1.0001" };
  for (const [sale_amount_currency, amount] of Object.entries({ ...wrong, EUR: "90071992547409.92" })) {
    const body = `{"click_id":"${id}","sale_amount":${amount},"sale_amount_currency":"${sale_amount_currency}"}`;
    const answer = await post(ledger, "/v1/conversions", body);
    assertError("/v1/conversions", answer, 400, "VALIDATION_ERROR");
    assert.equal(answer.json.error.field, "sale_amount");
  }
  assert.deepEqual(await rowCounts(ledger), {});
});

test("numbers of any size are kept in metadata as they were written", async (t) => {
  const ledger = await startLedger(t);
  const id = await click(ledger);
  const numbers = '"a":99999999999999999999,"b":1e400,"c":0.1';
  const body = `{"click_id":"${id}","sale_amount":1,"external_event_id":"order_1","metadata":{${numbers}}}`;
  for (const status of [201, 200]) {
    const answer = await post(ledger, "/v1/conversions", body);
    assert.equal(answer.status, status, answer.text);
    // JavaScript would round the first and make the second infinite: the text is compared.
    assert.match(answer.text, /99999999999999999999,"b":1e\+?400,"c":0\.1/);
  }
});

test(
  "a program's number beyond what a double holds is an unknown program",
  async (t) => {
    const ledger = await startLedger(t);
    const id = await click(ledger);
    for (const number of ["9007199254740993", '"9223372036854775807"', "-9007199254740993"]) {
      const calls = {
        click: `{"affiliate_url":"https://shop.example/?aff=nobody","program_id":${number}}`,
        lead: `{"click_id":"${id.slice(0, -1)}_","customer_key":"user_1","program_id":${number}}`,
      };
      for (const [name, body] of Object.entries(calls)) {
        const path = `/api/v1/track/${name}`;
        assertError(path, await post(ledger, path, body, { key: null }), 400);
      }
    }
  },
);

test(
  "a sum beyond the largest amount is refused, not tried for ever",
  async (t) => {
    const ledger = await startLedger(t, { incentives: [{ kind: "percentage", percent: "100" }] });
    const id = await click(ledger);
    const largest = (event) => `{"click_id":"${id}","sale_amount":90071992547409.91,"external_event_id":"${event}"}`;
    assert.equal((await post(ledger, "/v1/conversions", largest("order_1"))).status, 201);
    const second = await post(ledger, "/v1/conversions", largest("order_2"));
    assert.ok(second.status < 500, second.text);
  },
);

test(
  "the dashboard also shows sums beyond the largest amount",
  async (t) => {
    const ledger = await startLedger(t, { incentives: [{ kind: "percentage", percent: "100" }] });
    for (const event of ["order_1", "order_2"]) {
      const id = await click(ledger);
      const body = `{"click_id":"${id}","sale_amount":90071992547409.91,"external_event_id":"${event}"}`;
      assert.equal((await post(ledger, "/v1/conversions", body)).status, 201);
    }
    assert.equal((await get(ledger, "/dashboard/overview")).status, 200);
  },
);

// --- depth: what is read must also be stored, answered and shown -----------------------------------------------------

const DEPTHS = [28, 29, 30, 31, 32, 33, 100, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 150];

test("deep metadata is taken, or refused, but never taken and then answered 503", async (t) => {
  const ledger = await startLedger(t);
  for (const levels of DEPTHS) {
    const id = await click(ledger);
    const body = `{"click_id":"${id}","sale_amount":1,"external_event_id":"order_${levels}","metadata":${nested(levels)}}`;
    const first = await post(ledger, "/v1/conversions", body);
    const second = await post(ledger, "/v1/conversions", body);
    const allowed = { 201: 200, 400: 400 };
    assert.equal(second.status, allowed[first.status], `${levels} levels: ${first.status}, then ${second.status}`);
  }
});

test("a click with deep data, which needs no key, leaves dashboard and sign-up as they are", async (t) => {
  const ledger = await startLedger(t);
  for (const levels of DEPTHS) {
    const link = "https://shop.example/?aff=alice";
    const body = `{"affiliate_url":"${link}","additional_data":${nested(levels)}}`;
    const answer = await post(ledger, "/api/v1/track/click", body, { key: null });
    assert.ok(answer.status < 500, `${levels} levels: click ${answer.text}`);
    const overview = await get(ledger, "/dashboard/overview");
    assert.equal(overview.status, 200, `${levels} levels: dashboard ${overview.text}`);
    if (answer.status !== 200) continue;
    const body2 = { click_id: answer.json.click_id, external_user_id: `user_${levels}` };
    const signup = await post(ledger, "/v1/signups", body2);
    assert.equal(signup.status, 201, `${levels} levels: sign-up ${signup.text}`);
  }
});

test(
  "a test event of any shape leaves the dashboard as it is",
  async (t) => {
    const ledger = await startLedger(t);
    const { token } = ledger.fixture.keys;
    const test_mode = { additional_data: { test_mode: true } };
    const events = [
      ["/api/v1/cli/test-event", { event_type: "lead", customer_key: 5 }],
      ["/api/v1/cli/test-event", { event_type: "lead", customer_key: { a: 1 } }],
      ["/api/v1/cli/test-event", { event_type: "sale", amount_cents: "abc" }],
      ["/api/v1/cli/test-event", { event_type: "sale", amount_cents: 4900, currency: 5 }],
      ["/api/v1/track/sale", { transaction_id: "txn_1", amount_cents: 49.5, ...test_mode }],
      ["/api/v1/track/sale", { transaction_id: "txn_2", amount_cents: "4900", ...test_mode }],
      ["/api/v1/track/sale", { transaction_id: "txn_3", ...test_mode }],
    ];
    for (const [path, body] of events) {
      const answer = await post(ledger, path, body, { key: token });
      assert.ok([200, 400].includes(answer.status), answer.text);
      for (const overview of [
        await get(ledger, "/dashboard/overview?test=1"),
        await get(ledger, "/dashboard/overview", { key: ledger.fixture.keys.test }),
      ]) {
        assert.equal(overview.status, 200, `${JSON.stringify(body)}: ${overview.text}`);
      }
    }
  },
);

/** So many objects, one in the other. */
function nested(levels) {
  return `${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`;
}
