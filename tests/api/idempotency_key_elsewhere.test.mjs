// Idempotency-Key on the routes that are not the ledger's: webhook endpoints and test events.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { post, select } from "./calls.mjs";

const URL = "https://hooks.example.com/clickledger";
const keyed = (value) => ({ headers: { "idempotency-key": value } });

test("an endpoint that is asked for twice under one key is one, and its secret is shown once", async (t) => {
  const ledger = await startLedger(t);
  const ask = () => post(ledger, "/v1/webhooks", { url: URL }, keyed("endpoint-1"));
  const first = await ask();
  assert.deepEqual([first.status, first.headers.get("idempotent-replayed")], [201, null]);
  const { secret, ...shown } = first.json.data;
  assert.match(secret, /^whsec_/);
  for (let times = 0; times < 2; times += 1) {
    const again = await ask();
    assert.deepEqual([again.status, again.headers.get("idempotent-replayed")], [201, "true"]);
    assert.deepEqual(again.json, { success: true, data: shown });
    await ledger.restart();
  }
  assert.deepEqual(await select(ledger, "SELECT id FROM webhook_endpoint"), [{ id: shown.id }]);
  const kept = await select(ledger, "SELECT outcome FROM kept_answer");
  assert.ok(!JSON.stringify(kept).includes(secret));
});

test("the key of an endpoint with another body is refused, and another team's key is its own", async (t) => {
  const ledger = await startLedger(t);
  assert.equal((await post(ledger, "/v1/webhooks", { url: URL }, keyed("one"))).status, 201);
  const other = await post(ledger, "/v1/webhooks", { url: `${URL}/2` }, keyed("one"));
  assert.deepEqual([other.status, other.json.error.code], [422, "IDEMPOTENCY_KEY_REUSED"]);
  const stranger = { ...keyed("one"), key: ledger.fixture.other.keys.live };
  const theirs = await post(ledger, "/v1/webhooks", { url: URL }, stranger);
  assert.deepEqual([theirs.status, theirs.headers.get("idempotent-replayed")], [201, null]);
});

test("a refused endpoint is not kept: the same key works once the body is right", async (t) => {
  const ledger = await startLedger(t);
  assert.equal((await post(ledger, "/v1/webhooks", { url: "http://10.0.0.1" }, keyed("one"))).status, 400);
  assert.equal((await post(ledger, "/v1/webhooks", { url: URL }, keyed("one"))).status, 201);
});

test("a secret that is rotated twice under one key is rotated once", async (t) => {
  const ledger = await startLedger(t);
  const { id } = (await post(ledger, "/v1/webhooks", { url: URL })).json.data;
  const rotate = () => post(ledger, `/v1/webhooks/${id}/rotate-secret`, {}, keyed("rotation"));
  const first = await rotate();
  const [{ secret }] = await select(ledger, "SELECT secret FROM webhook_endpoint");
  assert.equal(first.json.data.secret, secret);
  const again = await rotate();
  assert.deepEqual([again.status, again.json.data.secret], [first.status, undefined]);
  assert.deepEqual(await select(ledger, "SELECT secret FROM webhook_endpoint"), [{ secret }]);
});

test("a test event that is sent twice under one key is kept once", async (t) => {
  const ledger = await startLedger(t);
  const key = ledger.fixture.keys.token;
  const calls = [
    () => post(ledger, "/api/v1/cli/test-event", { event_type: "lead" }, { key, ...keyed("one") }),
    () =>
      post(
        ledger,
        "/api/v1/track/sale",
        { transaction_id: "t", amount_cents: 1, additional_data: { test_mode: true } },
        { key, ...keyed("two") },
      ),
  ];
  for (const [place, call] of calls.entries()) {
    const first = await call();
    const again = await call();
    assert.deepEqual([first.status, again.status, again.text], [200, 200, first.text]);
    assert.equal(again.headers.get("idempotent-replayed"), "true");
    assert.equal((await select(ledger, "SELECT * FROM test_event")).length, place + 1);
  }
});
