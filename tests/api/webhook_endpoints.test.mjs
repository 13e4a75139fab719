// Webhook endpoints: what they may be, what is shown of them, how many there may be.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { atOnce, get, post, select, tally } from "./calls.mjs";
import { act, put, startTelling, subscribe } from "./webhook_calls.mjs";

const URL = "https://hooks.example.com/clickledger";

/** Refused wherever a URL is taken, in production. */
const FORBIDDEN = [
  ...["http://hooks.example.com/", "ftp://hooks.example.com/", "hooks.example.com", "//hooks.example.com/", "x"],
  ...["javascript:alert(1)", "file:///etc/passwd", "https://", "https://user:pass@hooks.example.com/"],
  ...["https://token@hooks.example.com/", "https://hooks.example.com:8443/", "https://hooks.example.com:80/"],
  ...["https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/"],
  ...["https://127.0.0.1./", "https://%31%32%37.0.0.1/", "https://１２７.0.0.1/", "https://0.0.0.0/", "https://10.1.2.3/"],
  ...["https://169.254.169.254/latest/meta-data/", "https://100.64.0.1/", "https://192.168.1.1/", "https://8.8.8.8/"],
  ...["https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fd00::1]/", "https://[64:ff9b::7f00:1]/"],
  ...["https://localhost/", "https://localhost./", "https://LOCALHOST/", "https://a.localhost/", "https://intranet/"],
  ...["https://printer.local/", "https://metadata.google.internal/", "https://nas.home.arpa/", "https://x.onion/"],
  ...["https://hooks.example.com./", "https://hooks..example.com/", "http://127.0.0.1:9/", "http://localhost:9/"],
];

test("a URL that leads inwards, or not to https, is a 400 that names the field, when made and when changed", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await subscribe(ledger, URL);
  const own = ledger.url.replace("http:", "https:");
  for (const url of [...FORBIDDEN, own, `${own}/v1/clicks`, `https://hooks.example.com/${"a".repeat(2048)}`]) {
    for (const answer of [await post(ledger, "/v1/webhooks", { url }), await put(ledger, id, { url })]) {
      assert.equal(answer.status, 400, `${url}: ${answer.text}`);
      assert.deepEqual([answer.json.error.code, answer.json.error.field], ["VALIDATION_ERROR", "url"]);
    }
  }
  assert.equal((await get(ledger, "/v1/webhooks")).json.data.length, 1);
  assert.equal((await get(ledger, `/v1/webhooks/${id}`)).json.data.url, URL);
});

test("where this machine is allowed as a target, this service itself is not, and other inner addresses are not", async (t) => {
  const ledger = await startTelling(t);
  for (const url of [`${ledger.url}/v1/clicks`, "http://hooks.example.com/", "https://10.0.0.1/", "http://192.168.1.1/"]) {
    assert.equal((await post(ledger, "/v1/webhooks", { url })).status, 400, url);
  }
  await subscribe(ledger, "http://127.0.0.1:9/");
});

test("an endpoint shows its secret once, and its secret is in no other answer", async (t) => {
  const ledger = await startLedger(t);
  const { secret, ...made } = await subscribe(ledger, URL, { events: ["referral.lead"], description: "Our CRM" });
  assert.match(made.id, /^whe_\w{22}$/);
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.equal(made.url, URL);
  assert.deepEqual(made.events, ["referral.lead"]);
  assert.equal(made.description, "Our CRM");
  assert.deepEqual([made.enabled, made.disabled_at, made.disabled_reason], [true, null, null]);
  assert.equal(made.program_id, ledger.fixture.program.id);
  assert.equal(made.created_at, made.updated_at);

  const answers = [
    await get(ledger, "/v1/webhooks"),
    await get(ledger, `/v1/webhooks/${made.id}`),
    await put(ledger, made.id, { description: "Our other CRM" }),
    await get(ledger, `/v1/webhooks/${made.id}/deliveries`),
    await act(ledger, `${made.id}/ping`),
    await get(ledger, "/healthz"),
  ];
  for (const answer of answers) {
    assert.ok(answer.status < 300, answer.text);
    assert.ok(!answer.text.includes("whsec_"), answer.text);
  }
  assert.deepEqual(answers[0].json, {
    success: true,
    data: [made],
    pagination: { page: 1, limit: 20, total: 1, total_pages: 1, has_next_page: false, has_prev_page: false },
  });
  assert.deepEqual(answers[1].json, { success: true, data: made });
  const rotated = await act(ledger, `${made.id}/rotate-secret`);
  assert.notEqual(rotated.json.data.secret, secret);
  assert.ok(!rotated.text.includes(secret));
});

test("a change changes what it names and nothing else, however often it is made", async (t) => {
  const ledger = await startLedger(t);
  const { secret, ...made } = await subscribe(ledger, URL, { events: ["referral.lead"], description: "Our CRM" });
  const steps = [
    { url: "https://elsewhere.example.com/" },
    { events: ["*", "referral.lead"] },
    { description: "Our other CRM" },
    { events: ["coupon.updated", "payout.paid"], description: "Both" },
  ];
  let expected = made;
  for (const change of steps) {
    expected = { ...expected, ...change, ...(change.events?.includes("*") ? { events: ["*"] } : {}) };
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await put(ledger, made.id, change);
      assert.equal(answer.status, 200, answer.text);
      const { updated_at, ...data } = answer.json.data;
      const { updated_at: _, ...rest } = expected;
      assert.deepEqual(data, rest);
      assert.ok(Date.parse(updated_at) >= Date.parse(made.updated_at));
    }
  }
  assert.equal((await select(ledger, "SELECT secret FROM webhook_endpoint"))[0].secret, secret);
  assert.equal((await put(ledger, made.id, {})).status, 400);
});

test("types that do not exist are a 400 that names them", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await subscribe(ledger, URL);
  const body = { url: URL, events: ["referral.lead", "referral.lost", "Transaction.created"] };
  for (const answer of [await post(ledger, "/v1/webhooks", body), await put(ledger, id, body)]) {
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.error.field, "events");
    assert.match(answer.json.error.message, /referral\.lost, Transaction\.created$/);
  }
});

test("a program has at most twenty endpoints in each mode, also when they are made at once", async (t) => {
  const ledger = await startLedger(t);
  const answers = await atOnce(25, () => post(ledger, "/v1/webhooks", { url: URL }));
  assert.deepEqual(tally(answers), { 201: 20, 409: 5 });
  const refused = answers.find(({ status }) => status === 409);
  assert.equal(refused.json.error.code, "LIMIT_REACHED");
  assert.equal((await get(ledger, "/v1/webhooks")).json.pagination.total, 20);
  await subscribe(ledger, URL, { key: ledger.fixture.keys.test });
});

test("changes made at once are all kept", async (t) => {
  const ledger = await startLedger(t);
  const { id, secret } = await subscribe(ledger, URL);
  const answers = await Promise.all([
    put(ledger, id, { description: "Our CRM" }),
    put(ledger, id, { events: ["referral.lead"] }),
    put(ledger, id, { enabled: false }),
    act(ledger, `${id}/rotate-secret`),
  ]);
  assert.deepEqual(tally(answers), { 200: 4 });
  const { data } = (await get(ledger, `/v1/webhooks/${id}`)).json;
  assert.deepEqual([data.description, data.events, data.enabled], ["Our CRM", ["referral.lead"], false]);
  const [row] = await select(ledger, "SELECT version, previous_secrets FROM webhook_endpoint");
  assert.equal(row.version, 5);
  assert.deepEqual(
    JSON.parse(row.previous_secrets).map((previous) => previous.secret),
    [secret],
  );
});
