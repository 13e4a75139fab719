// Keys as their owner makes, replaces and disables them, and what each may do. What is said to a wrong one: keys.test.mjs.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { document, operations } from "../support/openapi.mjs";
import { atOnce, click, eventually, get, post, select, tally } from "./calls.mjs";
import { assertError, isAffitor, ROUTES } from "./routes.mjs";

const HOUR = 60 * 60 * 1000;

const remove = (ledger, path, options = {}) =>
  ledger.request("DELETE", path, { key: ledger.fixture.keys.live, ...options });

/** A new key; what its answer says, `secret` among it. */
async function made(ledger, body = {}, options) {
  const answer = await post(ledger, "/v1/keys", { name: "Shop", ...body }, options);
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

const rotated = (ledger, id, body, options) => post(ledger, `/v1/keys/${id}/rotate`, body, options);

const hashOf = (secret) => createHash("sha256").update(secret).digest("hex");

const works = async (ledger, key) => (await get(ledger, "/v1/program", { key })).status;

test("a key is shown once, by the call that makes it, and works at once", async (t) => {
  const ledger = await startLedger(t);
  const prefixes = { live: "sk_live", test: "sk_test", program_token: "aff" };
  for (const [form, prefix] of Object.entries(prefixes)) {
    const { secret, id, masked, created_at, ...rest } = await made(ledger, { form });
    assert.match(secret, new RegExp(`^${prefix}_[0-9A-Za-z]{50}$`));
    assert.match(id, /^key_\w{22}$/);
    assert.equal(masked, `${prefix}_…${secret.slice(-4)}`);
    assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < HOUR);
    const nothing = { last_used_at: null, expires_at: null, disabled_at: null, replaces: null };
    assert.deepEqual(rest, { program_id: ledger.fixture.program.id, name: "Shop", form, scopes: null, ...nothing });
    const answer =
      form === "program_token"
        ? await post(ledger, "/api/v1/cli/test-event", {}, { key: secret })
        : await get(ledger, "/v1/program", { key: secret });
    assert.equal(answer.status, 200, answer.text);
    const [row] = await select(ledger, "SELECT * FROM api_key WHERE id = ?", id);
    assert.equal(row.key_hash, hashOf(secret));
    const shown = [await get(ledger, "/v1/keys"), await get(ledger, `/v1/keys/${id}`)].map(({ text }) => text);
    for (const text of [JSON.stringify(row), ...shown]) {
      assert.ok(!text.includes(secret.slice(10, 40)), "nothing but the first answer shows the key");
    }
  }
});

test("a key that is made again is another one; with an Idempotency-Key it is the same, without its secret", async (t) => {
  const ledger = await startLedger(t);
  const [first, second] = [await made(ledger), await made(ledger)];
  assert.notEqual(first.id, second.id);
  const headers = { "idempotency-key": "once" };
  const { secret, ...shown } = await made(ledger, {}, { headers });
  assert.ok(secret);
  assert.deepEqual(await made(ledger, {}, { headers }), shown);
  assert.equal((await get(ledger, "/v1/keys")).json.pagination.total, 3 + 3);
});

test("wrong bodies are told field by field", async (t) => {
  const ledger = await startLedger(t);
  const past = new Date(Date.now() - 1_000).toISOString();
  const wrong = [
    [{}, "name"],
    [{ name: " " }, "name"],
    [{ name: "n".repeat(101) }, "name"],
    [{ name: "Shop", form: "secret" }, "form"],
    [{ name: "Shop", scopes: [] }, "scopes"],
    [{ name: "Shop", scopes: ["read:everything"] }, "scopes"],
    [{ name: "Shop", scopes: ["read:affiliates", "READ:AFFILIATES"] }, "scopes"],
    [{ name: "Shop", expires_at: "tomorrow" }, "expires_at"],
    [{ name: "Shop", expires_at: past }, "expires_at"],
  ];
  for (const [body, field] of wrong) {
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await post(ledger, "/v1/keys", body);
      assert.ok(assertError("/v1/keys", answer, 400, "VALIDATION_ERROR").names(field), answer.text);
    }
  }
  const { id } = await made(ledger);
  for (const overlap_hours of [-1, 721]) {
    const answer = await rotated(ledger, id, { overlap_hours });
    assert.ok(assertError("/v1/keys", answer, 400, "VALIDATION_ERROR").names("overlap_hours"), answer.text);
  }
});

/** Every operation of the API that a key can call, with what the document says that it needs. */
const KEYED = ROUTES.flatMap((route) => {
  const parts = route.path.split("/");
  const isOf = (template) =>
    template.length === parts.length && template.every((part, place) => part.startsWith("{") || part === parts[place]);
  const path = document.paths[route.path] ? route.path : Object.keys(document.paths).find((path) => isOf(path.split("/")));
  const { security, operationId } = document.paths[path][route.method.toLowerCase()];
  const scopes = security.flatMap((choice) => Object.values(choice)).at(0);
  return scopes === undefined ? [] : [{ ...route, scopes, operationId }];
});

test("a key with a list of scopes does what they say on every route, and nothing else", async (t) => {
  const ledger = await startLedger(t);
  const keyed = operations.filter(({ operation }) => operation.security.length > 0).map(({ id }) => id);
  assert.deepEqual(KEYED.map(({ operationId }) => operationId).sort(), keyed.sort(), "a route is missing in routes.mjs");
  const all = document.components.schemas.KeyScope.enum;
  assert.deepEqual([...new Set(KEYED.flatMap(({ scopes }) => scopes))].sort(), [...all].sort());
  const without = new Map();
  for (const scope of all) {
    without.set(scope, (await made(ledger, { scopes: all.filter((one) => one !== scope) })).secret);
  }
  for (const { method, path, body, scopes } of KEYED) {
    for (const scope of scopes) {
      const answer = await ledger.request(method, path, { key: without.get(scope), body });
      const { message } = assertError(path, answer, 403, "INSUFFICIENT_PERMISSIONS");
      assert.ok(message.includes(scope), message);
    }
    const enough = (await made(ledger, { scopes })).secret;
    const answer = await ledger.request(method, path, { key: enough, body });
    assert.notEqual(answer.status, 403, `${method} ${path} needs more than ${scopes}: ${answer.text}`);
    assert.notEqual(answer.status, 401, answer.text);
  }
  const anyone = { key: without.get("create:clicks") };
  const flat = await post(ledger, "/api/v1/track/click", { affiliate_url: "https://shop.example/?aff=alice" }, anyone);
  assert.deepEqual([flat.status, flat.json], [403, { error: "The API token lacks the scope create:clicks" }]);
  assert.ok(KEYED.some(({ path }) => isAffitor(path)));
});

test("a key gives no scope that it does not have", async (t) => {
  const ledger = await startLedger(t);
  const mine = { scopes: ["read:keys", "write:keys", "read:affiliates"] };
  const { secret: key } = await made(ledger, mine);
  const forbidden = async (answer, scope) => {
    const { message } = assertError("/v1/keys", answer, 403, "INSUFFICIENT_PERMISSIONS");
    assert.ok(message.includes(scope), message);
  };
  for (let twice = 0; twice < 2; twice += 1) {
    await forbidden(await post(ledger, "/v1/keys", { name: "x", scopes: ["read:payouts"] }, { key }), "read:payouts");
  }
  // What is not said is what the caller has, never everything.
  assert.deepEqual((await made(ledger, {}, { key })).scopes, ["read:affiliates", "read:keys", "write:keys"]);
  assert.deepEqual((await made(ledger, { scopes: ["read:affiliates"] }, { key })).scopes, ["read:affiliates"]);
  // Nor by taking over a key that may do more.
  const { id } = await made(ledger);
  assert.equal((await rotated(ledger, id, {}, { key })).status, 403);
  const { id: narrow } = await made(ledger, { scopes: ["read:affiliates"] });
  assert.equal((await rotated(ledger, narrow, {}, { key })).status, 201);
});

test("a replaced key lives on for as long as was said, and its successor may do the same", async (t) => {
  const ledger = await startLedger(t);
  for (const [body, hours] of [[undefined, 24], [{ overlap_hours: 2 }, 2]]) {
    const old = await made(ledger, { name: "Checkout", scopes: ["read:program"] });
    const answer = await rotated(ledger, old.id, body);
    assert.equal(answer.status, 201, answer.text);
    const { secret, id, masked, created_at, ...rest } = answer.json.data;
    const { secret: oldSecret, id: oldId, masked: oldMasked, created_at: madeAt, ...same } = old;
    assert.deepEqual(rest, { ...same, replaces: oldId });
    assert.notEqual(secret, oldSecret);
    assert.deepEqual([await works(ledger, secret), await works(ledger, oldSecret)], [200, 200]);
    const { expires_at } = (await get(ledger, `/v1/keys/${oldId}`)).json.data;
    assert.equal(Date.parse(expires_at) - Date.parse(created_at), hours * HOUR);
    // Whoever lost the answer is told which key to replace.
    const again = await rotated(ledger, oldId, body);
    const { message } = assertError("/v1/keys", again, 409, "KEY_ALREADY_ROTATED");
    assert.ok(message.includes(id));
    const sql = "SELECT kind FROM event WHERE subject IN (?, ?) ORDER BY subject = ?, seq";
    const lines = await select(ledger, sql, oldId, id, id);
    assert.deepEqual(lines.map(({ kind }) => kind), ["key.created", "key.rotated", "key.created"]);
  }
});

test("a key without an overlap is dead within ten seconds", async (t) => {
  const ledger = await startLedger(t);
  const old = await made(ledger);
  assert.equal(await works(ledger, old.secret), 200);
  assert.equal((await rotated(ledger, old.id, { overlap_hours: 0 })).status, 201);
  await eventually(async () => {
    assertError("/v1", await get(ledger, "/v1/program", { key: old.secret }), 401, "API_KEY_EXPIRED");
  }, 10_000);
  assertError("/v1/keys", await rotated(ledger, old.id), 409, "KEY_ALREADY_ROTATED");
});

test("of many who replace a key at once one does", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const { id } = await made(ledger);
  assert.deepEqual(tally(await atOnce(20, () => rotated(ledger, id))), { 201: 1, 409: 19 });
  assert.equal((await select(ledger, "SELECT id FROM api_key WHERE replaces = ?", id)).length, 1);
});

test("a disabled key is dead within ten seconds in every isolate, stays in the list, and is not replaced", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const { id, secret } = await made(ledger);
  for (let call = 0; call < 4; call += 1) assert.equal(await works(ledger, secret), 200);
  for (let twice = 0; twice < 2; twice += 1) assert.equal((await remove(ledger, `/v1/keys/${id}`)).status, 200);
  await eventually(async () => {
    for (let call = 0; call < 4; call += 1) {
      assertError("/v1", await get(ledger, "/v1/program", { key: secret }), 401, "API_KEY_DISABLED");
    }
  }, 10_000);
  const shown = (await get(ledger, "/v1/keys")).json.data.find((key) => key.id === id);
  assert.ok(Date.parse(shown.disabled_at) <= Date.now());
  assertError("/v1/keys", await rotated(ledger, id), 409, "KEY_NOT_ACTIVE");
  const lines = await select(ledger, "SELECT kind FROM event WHERE subject = ? ORDER BY seq", id);
  assert.deepEqual(lines.map(({ kind }) => kind), ["key.created", "key.disabled"]);
});

test("a key says when it was last used, and is written at most once an hour", async (t) => {
  const ledger = await startLedger(t);
  const { id, secret } = await made(ledger);
  const used = async () => (await get(ledger, `/v1/keys/${id}`)).json.data.last_used_at;
  assert.equal(await used(), null);
  const before = Date.now();
  await click(ledger, { key: secret });
  const at = await eventually(async () => {
    const at = await used();
    assert.ok(at !== null);
    return at;
  });
  assert.ok(Date.parse(at) >= before - 1_000);
  await ledger.restart();
  await click(ledger, { key: secret });
  // Another isolate's first use, which D1 does not take within the hour; the key that looks is noted after it.
  await ledger.db.prepare("UPDATE api_key SET last_used_at = NULL WHERE id <> ?").bind(id).run();
  assert.equal(await used(), at);
  const old = Date.now() - 2 * HOUR;
  await ledger.db.prepare("UPDATE api_key SET last_used_at = ?").bind(old).run();
  await ledger.restart();
  await click(ledger, { key: secret });
  await eventually(async () => assert.ok(Date.parse(await used()) > old));
});

test("a test key sees keys and changes none", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await made(ledger);
  const key = ledger.fixture.keys.test;
  assert.equal((await get(ledger, `/v1/keys/${id}`, { key })).status, 200);
  for (let twice = 0; twice < 2; twice += 1) {
    assertError("/v1/keys", await post(ledger, "/v1/keys", { name: "x" }, { key }), 403, "FORBIDDEN");
    assertError("/v1/keys", await rotated(ledger, id, {}, { key }), 403, "FORBIDDEN");
    assertError("/v1/keys", await remove(ledger, `/v1/keys/${id}`, { key }), 403, "FORBIDDEN");
  }
});

test("a list is cut in pages, the newest first", async (t) => {
  const ledger = await startLedger(t);
  const ids = [];
  for (let count = 0; count < 3; count += 1) ids.unshift((await made(ledger)).id);
  const { data, pagination } = (await get(ledger, "/v1/keys?limit=2")).json;
  assert.equal(pagination.total, 3 + 3);
  assert.equal(data.length, 2);
  for (const { id } of data) assert.ok(ids.includes(id));
  const rest = (await get(ledger, "/v1/keys?limit=2&page=2")).json.data;
  assert.ok(rest.every(({ id }) => !data.some((key) => key.id === id)));
});

test("a key whose checksum does not fit is nobody's, and one from before there were checksums still works", async (t) => {
  const ledger = await startLedger(t);
  const { secret } = await made(ledger);
  const wrong = secret.slice(0, -7) + (secret.at(-7) === "a" ? "b" : "a") + secret.slice(-6);
  // Even if somebody had written its hash into the database.
  await ledger.db.prepare("UPDATE api_key SET key_hash = ? WHERE key_hash = ?").bind(hashOf(wrong), hashOf(secret)).run();
  assertError("/v1", await get(ledger, "/v1/program", { key: wrong }), 401, "INVALID_API_KEY");
  const older = `sk_live_${"a".repeat(44)}`;
  await ledger.db.prepare("UPDATE api_key SET key_hash = ? WHERE key_hash = ?").bind(hashOf(older), hashOf(wrong)).run();
  assert.equal(await works(ledger, older), 200);
});

test("a wrong key is a 401 before anything else is told of a path", async (t) => {
  const ledger = await startLedger(t);
  const key = `${ledger.fixture.keys.live.slice(0, -1)}-`;
  const unknown = [["GET", "/v1/nothing"], ["GET", "/api/v1/nothing"]];
  for (const [method, path] of [...unknown, ["PUT", "/v1/clicks"], ["DELETE", "/api/v1/track/click"]]) {
    assertError(path, await ledger.request(method, path, { key }), 401);
  }
  assertError("/v1/clicks", await ledger.request("PUT", "/v1/clicks", { body: {} }), 401, "MISSING_API_KEY");
  assertError("/v1/nothing", await ledger.request("GET", "/v1/nothing"), 404);
  assertError("/api/v1/track/click", await ledger.request("GET", "/api/v1/track/click"), 405);
});
