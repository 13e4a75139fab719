// Webhooks out: what was committed is told, signed, in order, and again until it has arrived.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { startReceiver } from "../support/receiver.mjs";
import { eventually, get, post, select, signedUp } from "./calls.mjs";
import { act, commitSilently, deliveries, lead, put, startTelling, subscribe } from "./webhook_calls.mjs";

/** What Affonso's documentation lets a receiver compute, over the secret as it was shown. */
const affonsoSignature = (secret, timestamp, body) =>
  createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");

test("a sale is told, signed so that a foreign library and Affonso's form both verify it", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  const { id, secret } = await subscribe(ledger, `${receiver.url}/hook?a=b`);
  const referral = await signedUp(ledger, "user_1");
  const sale = await post(ledger, "/v1/conversions", { referral_id: referral, sale_amount: 99, external_event_id: "o1" });
  assert.equal(sale.status, 201, sale.text);
  await receiver.received(3);

  const [told] = receiver.of("transaction.created");
  assert.equal(told.method, "POST");
  assert.equal(told.path, "/hook?a=b");
  assert.equal(told.headers["content-type"], "application/json");
  const verified = new Webhook(secret).verify(told.body, told.headers);
  assert.deepEqual(verified, told.json);
  assert.throws(() => new Webhook(secret).verify(`${told.body} `, told.headers));
  const [, timestamp, signature] = told.headers["x-affonso-signature"].match(/^t=(\d+),v1=([0-9a-f]{64})$/);
  assert.equal(signature, affonsoSignature(secret, timestamp, told.body));

  const { id: eventId, type, createdAt, seq, data, ...more } = told.json;
  assert.deepEqual(more, {});
  assert.equal(type, "transaction.created");
  assert.equal(told.headers["webhook-id"], eventId);
  assert.match(eventId, /^evt_\w{22}$/);
  assert.ok(Math.abs(Date.parse(createdAt) - Date.now()) < 60_000);
  assert.equal(seq, 2);
  assert.equal(data.transactionId, sale.json.data.id);
  assert.equal(data.saleAmount, 99);
  assert.equal(data.commissionAmount, 29.7);
  assert.equal(data.saleStatus, "COMPLETE");

  await eventually(async () => {
    const log = await deliveries(ledger, id);
    assert.deepEqual(
      log.map(({ status }) => status),
      ["delivered", "delivered", "delivered"],
    );
    const { attempts, ...delivery } = log.find(({ id }) => id === eventId);
    assert.equal(delivery.type, "transaction.created");
    assert.equal(delivery.next_attempt_at, null);
    assert.equal(attempts.length, 1);
    assert.equal(attempts[0].status_code, 200);
    assert.equal(attempts[0].error, null);
    assert.ok(attempts[0].duration_ms >= 0 && Date.parse(attempts[0].at) > 0);
  });
});

test("a repeated call tells nothing twice", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  await subscribe(ledger, receiver.url);
  const referral = await signedUp(ledger, "user_1");
  const sale = { referral_id: referral, sale_amount: 99, external_event_id: "o1" };
  assert.equal((await post(ledger, "/v1/conversions", sale)).status, 201);
  await receiver.received(3);
  assert.equal((await post(ledger, "/v1/conversions", sale)).status, 200);
  await lead(ledger);
  await receiver.received(4);
  assert.equal(receiver.of("transaction.created").length, 1);
  assert.equal(new Set(receiver.requests.map(({ json }) => json.id)).size, 4);
});

test("first attempts come in the order of the commits, and a failure does not hold the next", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t, (_, number) => (number === 3 ? 500 : 200));
  const { id } = await subscribe(ledger, receiver.url);
  const referrals = [];
  for (let number = 0; number < 12; number += 1) referrals.push(await lead(ledger));
  await receiver.received(13, 20_000);

  const told = receiver.requests.map(({ json }) => json.data.referralId);
  assert.deepEqual(told.slice(0, 12), referrals);
  assert.equal(told[12], referrals[2]);
  const [failed, retried] = [receiver.requests[2], receiver.requests[12]];
  assert.equal(retried.headers["webhook-id"], failed.headers["webhook-id"]);
  assert.equal(retried.body, failed.body);
  const waited = retried.at - failed.at;
  assert.ok(waited >= 4_000 && waited <= 9_000, `${waited} ms`);
  await eventually(async () => {
    const log = await deliveries(ledger, id, "?limit=100");
    assert.deepEqual(new Set(log.map(({ status }) => status)), new Set(["delivered"]));
    const attempts = log.find((delivery) => delivery.id === failed.json.id).attempts;
    assert.deepEqual(
      attempts.map(({ status_code, error }) => [status_code, error]),
      [
        [500, "refused"],
        [200, null],
      ],
    );
  });
});

test("an endpoint hears of what it asked for, and of nothing that was before it", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  await lead(ledger);
  await subscribe(ledger, `${receiver.url}/all`);
  await subscribe(ledger, `${receiver.url}/sales`, { events: ["transaction.created", "transaction.created"] });
  const referral = await signedUp(ledger, "user_1");
  await post(ledger, "/v1/conversions", { referral_id: referral, sale_amount: 99, external_event_id: "o1" });
  await receiver.received(4);
  await new Promise((done) => setTimeout(done, 500));
  const heard = Map.groupBy(receiver.requests, ({ path }) => path);
  const types = (path) => heard.get(path).map(({ json }) => json.type);
  assert.deepEqual(types("/all"), ["referral.lead", "referral.converted", "transaction.created"]);
  assert.deepEqual(types("/sales"), ["transaction.created"]);
  const [sale] = heard.get("/sales");
  const same = heard.get("/all").find(({ json }) => json.type === "transaction.created");
  assert.equal(sale.json.id, same.json.id, "one event, one id for all endpoints");
  assert.notEqual(sale.headers["webhook-signature"], same.headers["webhook-signature"]);
});

test("what was committed and not told is told after a restart, without another call of the program", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  await subscribe(ledger, receiver.url);
  const referral = await lead(ledger);
  await receiver.received(1);
  await commitSilently(ledger, referral, 2);
  await ledger.restart();
  assert.equal((await get(ledger, "/healthz", { key: null })).status, 200);
  await receiver.received(2);
  assert.deepEqual(
    receiver.requests.map(({ json }) => [json.type, json.seq]),
    [
      ["referral.lead", 1],
      ["referral.updated", 2],
    ],
  );
});

test("a delivery that waits for its next attempt survives a restart", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t, (_, number) => (number === 1 ? "nothing" : 200));
  const { id } = await subscribe(ledger, receiver.url);
  await lead(ledger);
  await receiver.received(1);
  await eventually(async () => assert.equal((await deliveries(ledger, id))[0].attempts.length, 1));
  const [{ attempts, next_attempt_at, status }] = await deliveries(ledger, id);
  assert.deepEqual([status, attempts[0].status_code, attempts[0].error], ["pending", null, "unreachable"]);
  assert.ok(Date.parse(next_attempt_at) > Date.parse(attempts[0].at));
  await ledger.restart();
  const [first, second] = await receiver.received(2, 15_000);
  assert.equal(first.headers["webhook-id"], second.headers["webhook-id"]);
});

test("a redirect is not followed", async (t) => {
  const ledger = await startTelling(t);
  const elsewhere = await startReceiver(t);
  for (const status of [301, 302, 307, 308]) {
    const receiver = await startReceiver(t, () => ({ status, headers: { location: `${elsewhere.url}/` } }));
    const { id } = await subscribe(ledger, receiver.url);
    assert.equal((await act(ledger, `${id}/ping`)).status, 202);
    await receiver.received(1);
    await eventually(async () => {
      const [{ attempts }] = await deliveries(ledger, id);
      assert.deepEqual([attempts[0].status_code, attempts[0].error], [status, "redirected"]);
    });
  }
  assert.deepEqual(elsewhere.requests, []);
});

test("an endless answer is not read to its end", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t, () => ({ status: 200, body: "x".repeat(5_000_000) }));
  const { id } = await subscribe(ledger, receiver.url);
  await act(ledger, `${id}/ping`);
  await eventually(async () => assert.equal((await deliveries(ledger, id))[0].status, "delivered"));
});

test("a receiver that is gone switches its endpoint off; switched on again it goes on where it stood", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t, () => 410);
  const { id } = await subscribe(ledger, receiver.url);
  const referrals = [await lead(ledger)];
  await receiver.received(1);
  await eventually(async () => {
    const { enabled, disabled_at, disabled_reason } = (await get(ledger, `/v1/webhooks/${id}`)).json.data;
    assert.deepEqual([enabled, disabled_reason], [false, "gone"]);
    assert.ok(Date.parse(disabled_at) > 0);
  });
  for (const path of [`${id}/ping`, `${id}/replay-failed`, `${id}/deliveries/evt_1/replay`]) {
    const answer = await act(ledger, path);
    assert.deepEqual([answer.status, answer.json.error.code], [409, "ENDPOINT_DISABLED"]);
  }
  referrals.push(await lead(ledger));
  await new Promise((done) => setTimeout(done, 500));
  assert.equal(receiver.requests.length, 1);

  receiver.answer = () => 200;
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await put(ledger, id, { enabled: true });
    assert.deepEqual([answer.status, answer.json.data.enabled, answer.json.data.disabled_reason], [200, true, null]);
  }
  await receiver.received(3, 20_000);
  const told = receiver.requests.map(({ json }) => json.data.referralId);
  assert.deepEqual(new Set(told), new Set(referrals));
});

test("an endpoint that its owner switched off hears nothing until it is switched on", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  const { id } = await subscribe(ledger, receiver.url);
  for (let twice = 0; twice < 2; twice += 1) {
    const { data } = (await put(ledger, id, { enabled: false })).json;
    assert.deepEqual([data.enabled, data.disabled_reason], [false, "by_owner"]);
  }
  const referral = await lead(ledger);
  await new Promise((done) => setTimeout(done, 500));
  assert.deepEqual(receiver.requests, []);
  await put(ledger, id, { enabled: true });
  const [told] = await receiver.received(1);
  assert.equal(told.json.data.referralId, referral);
});

test("a ping is a real delivery, whatever the endpoint asked for, and each one is another", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  const { id, secret } = await subscribe(ledger, receiver.url, { events: ["payout.paid"] });
  const ids = [];
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await act(ledger, `${id}/ping`);
    assert.equal(answer.status, 202);
    assert.equal(answer.json.data.type, "ping");
    ids.push(answer.json.data.id);
  }
  await receiver.received(2);
  for (const [number, { body, headers, json }] of receiver.requests.entries()) {
    assert.deepEqual(new Webhook(secret).verify(body, headers), json);
    const { createdAt, ...rest } = json;
    assert.ok(Date.parse(createdAt) > 0);
    assert.deepEqual(rest, { id: ids[number], type: "ping", data: {} });
  }
  await eventually(async () => {
    const log = await deliveries(ledger, id);
    assert.deepEqual(
      log.map(({ id, status }) => [id, status]),
      [
        [ids[1], "delivered"],
        [ids[0], "delivered"],
      ],
    );
  });
});

test("one delivery, or all that have failed, are sent again with the same ids", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  const { id } = await subscribe(ledger, receiver.url);
  await lead(ledger);
  await lead(ledger);
  const [first] = await receiver.received(2);
  for (let twice = 1; twice <= 2; twice += 1) {
    const answer = await act(ledger, `${id}/deliveries/${first.json.id}/replay`);
    assert.equal(answer.status, 202, answer.text);
    assert.equal(answer.json.data.id, first.json.id);
    await receiver.received(2 + twice);
    assert.equal(receiver.requests.at(-1).body, first.body);
    assert.equal(receiver.requests.at(-1).headers["webhook-id"], first.json.id);
  }
  const none = await act(ledger, `${id}/replay-failed`);
  assert.deepEqual([none.status, none.json.data], [202, { replayed: 0 }]);
  assert.equal((await act(ledger, `${id}/deliveries/evt_none/replay`)).status, 404);
});

test("the log is filtered by status and read page by page", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t, ({ json }) => (json.type === "ping" ? 500 : 200));
  const { id } = await subscribe(ledger, receiver.url);
  for (let number = 0; number < 3; number += 1) await lead(ledger);
  await receiver.received(3);
  const ping = (await act(ledger, `${id}/ping`)).json.data.id;
  await receiver.received(4);
  await eventually(async () => assert.equal((await deliveries(ledger, id, "?status=delivered")).length, 3));
  assert.deepEqual(
    (await deliveries(ledger, id, "?status=pending")).map((delivery) => delivery.id),
    [ping],
  );
  assert.deepEqual(await deliveries(ledger, id, "?status=failed"), []);
  const newest = receiver.requests.map(({ json }) => json.id).reverse();
  assert.deepEqual(
    (await deliveries(ledger, id)).map((delivery) => delivery.id),
    newest,
  );
  const first = await get(ledger, `/v1/webhooks/${id}/deliveries?limit=3`);
  assert.equal(first.json.has_more, true);
  const rest = await get(ledger, `/v1/webhooks/${id}/deliveries?limit=3&starting_after=${first.json.data[2].id}`);
  assert.equal(rest.json.has_more, false);
  assert.deepEqual([...first.json.data, ...rest.json.data].map((delivery) => delivery.id), newest);
  for (const query of ["?limit=0", "?limit=101", "?limit=x", "?status=lost"]) {
    const answer = await get(ledger, `/v1/webhooks/${id}/deliveries${query}`);
    assert.deepEqual([answer.status, answer.json.error.code], [400, "VALIDATION_ERROR"], query);
  }
});

test("after a rotation both secrets verify, and only the new one is shown", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  const { id, secret } = await subscribe(ledger, receiver.url);
  const secrets = [secret];
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await act(ledger, `${id}/rotate-secret`);
    assert.equal(answer.status, 200, answer.text);
    secrets.push(answer.json.data.secret);
  }
  assert.equal(new Set(secrets).size, 3);
  await lead(ledger);
  const [{ body, headers }] = await receiver.received(1);
  const [, timestamp] = headers["x-affonso-signature"].match(/^t=(\d+)/);
  for (const each of secrets) {
    assert.match(each, /^whsec_[A-Za-z0-9+/]{43}=$/);
    new Webhook(each).verify(body, headers);
    assert.ok(headers["x-affonso-signature"].split(",").includes(`v1=${affonsoSignature(each, timestamp, body)}`));
  }
  assert.throws(() => new Webhook("whsec_bm90IG9uZSBvZiB0aGVt").verify(body, headers));
});

test("a deleted endpoint hears nothing more, and nothing of it is left", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t, () => 500);
  const { id } = await subscribe(ledger, receiver.url);
  await lead(ledger);
  await receiver.received(1);
  const gone = await act(ledger, id, { method: "DELETE" });
  assert.deepEqual([gone.status, gone.json], [200, { success: true, message: "Webhook endpoint deleted" }]);
  assert.equal((await act(ledger, id, { method: "DELETE" })).status, 404);
  for (const path of [id, `${id}/deliveries`]) assert.equal((await get(ledger, `/v1/webhooks/${path}`)).status, 404);
  assert.deepEqual(await select(ledger, "SELECT id FROM webhook_endpoint"), []);
  await lead(ledger);
  await new Promise((done) => setTimeout(done, 7_000));
  assert.equal(receiver.requests.length, 1, "neither the retry nor the next event");
});

test("test rows are told to nobody", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  const { keys } = ledger.fixture;
  await subscribe(ledger, `${receiver.url}/live`);
  const endpoint = await subscribe(ledger, `${receiver.url}/test`, { key: keys.test });
  await lead(ledger, { key: keys.test });
  assert.equal((await act(ledger, `${endpoint.id}/ping`, { key: keys.test })).status, 202);
  const live = await lead(ledger);
  await receiver.received(2);
  await new Promise((done) => setTimeout(done, 500));
  const heard = Map.groupBy(receiver.requests, ({ path }) => path);
  assert.deepEqual(heard.get("/test").map(({ json }) => json.type), ["ping"]);
  assert.deepEqual(heard.get("/live").map(({ json }) => json.data.referralId), [live]);
});

test("health shows the scheduler's jobs and what waits", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t, () => 500);
  const health = async () => (await get(ledger, "/healthz", { key: null })).json;
  const { status, database, objects, scheduler } = await health();
  assert.deepEqual([status, database, objects, scheduler], ["ok", "ok", "ok", "ok"]);
  await eventually(async () => {
    const { jobs } = await health();
    assert.deepEqual(
      jobs.map(({ name, last_error_at }) => [name, last_error_at]),
      [
        ["apply_provider_facts", null],
        ["end_holds", null],
        ["expire_refunds", null],
        ["fetch_rates", null],
        ["finish_erasures", null],
        ["forget_old", null],
        ["settle_sales", null],
        ["wake_webhook_senders", null],
        ["work_on_payouts", null],
      ],
    );
    for (const { last_run_at } of jobs) assert.ok(Math.abs(Date.parse(last_run_at) - Date.now()) < 60_000);
  });
  await subscribe(ledger, receiver.url);
  await lead(ledger);
  await receiver.received(1);
  await ledger.restart();
  await eventually(async () => {
    const { webhooks } = await health();
    assert.equal(webhooks.endpoints, 1);
    assert.equal(webhooks.pending_deliveries, 1);
    assert.equal(webhooks.failed_deliveries, 0);
    assert.ok(Date.parse(webhooks.oldest_pending_at) > 0);
  });
});
