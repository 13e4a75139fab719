// What every route says when it is called wrongly: the dialect's own form, the right status, nothing stored.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { latestClicks, rowCounts } from "./calls.mjs";
import { ACTION_ROUTES, assertError, BODY_ROUTES, keyOf, READ_ROUTES, ROUTES } from "./routes.mjs";

const LIMIT = 64 * 1024;

// The runtime closes a connection on which a body was left unread: no later call may wait for it.
const alone = { connection: "close" };

async function assertNothingStored(ledger) {
  assert.deepEqual(await rowCounts(ledger), {});
  assert.deepEqual(await latestClicks(ledger), []);
  assert.equal((await ledger.request("GET", "/healthz")).status, 200);
}

function send(ledger, route, body, headers) {
  return ledger.request(route.method ?? "POST", route.path, { key: keyOf(ledger, route), body, headers });
}

test("what is no JSON object is a 400", async (t) => {
  const ledger = await startLedger(t);
  const bodies = [
    "",
    " ",
    "{",
    '{"a":1,}',
    "hello",
    "'{}'",
    "[]",
    '[{"trackingId":"alice"}]',
    "5",
    '"text"',
    "true",
    "null",
    "{} {}",
  ];
  for (const route of BODY_ROUTES) {
    for (const body of bodies.filter((body) => body !== "" || !route.mayBeEmpty)) {
      for (const answer of [await send(ledger, route, body), await send(ledger, route, body)]) {
        assertError(route.path, answer, 400, "VALIDATION_ERROR");
      }
    }
  }
  await assertNothingStored(ledger);
});

test("a call without any body is a 400", async (t) => {
  const ledger = await startLedger(t);
  const routes = BODY_ROUTES.filter(({ mayBeEmpty }) => !mayBeEmpty);
  for (const route of routes) assertError(route.path, await send(ledger, route), 400, "VALIDATION_ERROR");
  await assertNothingStored(ledger);
});

test("an empty object is a 400", async (t) => {
  const ledger = await startLedger(t);
  const routes = BODY_ROUTES.filter(({ path, mayBeEmpty }) => path !== "/api/v1/cli/test-event" && !mayBeEmpty);
  for (const route of routes) assertError(route.path, await send(ledger, route, {}), 400, "VALIDATION_ERROR");
  await assertNothingStored(ledger);
});

test("where every field is optional, nothing at all is like an empty object", async (t) => {
  const ledger = await startLedger(t);
  const routes = BODY_ROUTES.filter(({ mayBeEmpty }) => mayBeEmpty);
  assert.ok(routes.length > 0);
  for (const route of routes) {
    for (const body of [undefined, "", {}]) {
      const answer = await send(ledger, route, body);
      if (route.emptyIs === undefined) assertError(route.path, answer, 404, "NOT_FOUND");
      else assert.equal(answer.status, route.emptyIs, answer.text);
    }
  }
  await assertNothingStored(ledger);
});

test("text that is no UTF-8 is a 400", async (t) => {
  const ledger = await startLedger(t);
  for (const route of BODY_ROUTES) {
    const [name] = Object.keys(route.body);
    const body = Buffer.concat([Buffer.from(`{"${name}":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    const key = keyOf(ledger, route);
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const response = await fetch(ledger.url + route.path, { method: route.method ?? "POST", headers, body });
    assertError(route.path, await read(response), 400, "VALIDATION_ERROR");
  }
  await assertNothingStored(ledger);
});

test("another method than the route's is a 405 that names the right one", async (t) => {
  const ledger = await startLedger(t);
  for (const route of ROUTES) {
    const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", ...(route.method === "GET" ? ["OPTIONS"] : [])];
    for (const method of methods.filter((method) => !route.allow.split(", ").includes(method))) {
      const body = ["PUT", "PATCH", "POST"].includes(method) ? (route.body ?? {}) : undefined;
      const answer = await ledger.request(method, route.path, { key: keyOf(ledger, route), body });
      assertError(route.path, answer, 405);
      assert.equal(answer.headers.get("allow"), route.allow, `${method} ${route.path}`);
    }
  }
  await assertNothingStored(ledger);
});

test(
  "a method of WebDAV is a 405, not a GET",
  async (t) => {
    const ledger = await startLedger(t);
    for (const method of ["PROPFIND", "PURGE", "MKCOL"]) {
      for (const route of READ_ROUTES) {
        const answer = await ledger.request(method, route.path, { key: keyOf(ledger, route) });
        assertError(route.path, answer, 405);
      }
    }
  },
);

test("HEAD is answered like GET, without a body", async (t) => {
  const ledger = await startLedger(t);
  for (const route of READ_ROUTES) {
    const options = { key: keyOf(ledger, route) };
    const [head, get] = [
      await ledger.request("HEAD", route.path, options),
      await ledger.request("GET", route.path, options),
    ];
    assert.equal(head.status, get.status, route.path);
    assert.equal(head.text, "");
    assert.match(head.headers.get("x-request-id"), /^req_/);
  }
});

test("an unknown path is a 404 in the form of its dialect", async (t) => {
  const ledger = await startLedger(t);
  const paths = [
    ...[
      "/",
      "/v1",
      "/v1/",
      "/v1/nothing",
      "/v1/clicks/ref_1",
      "/v1/referrals/ref_1/nothing",
      "/v2/clicks",
      "/V1/clicks",
    ],
    ...["/v1/clicks%2f", "/v1//clicks", "/admin", "/.env", "/v1/referrals/%00%ff", "/v1/conversions/a/b/c"],
    ...["/v1/conversions/a/refund/b", "/v1/conversions/a/refunds", "/v1/refunds", "/v1/refunds/rfd_1"],
    ...["/v1/affiliates/aff_1/nothing", "/v1/affiliates/aff_1/overrides/inc_1/x", "/v1/coupons/cpn_1/x"],
    ...["/v1/program/nothing", "/v1/programs", "/v1/program/groups/grp_1/nothing", "/v1/program/tracking/x"],
    ...["/api", "/api/v1", "/api/v1/track", "/api/v1/track/nothing", "/api/v1/track/click/1", "/api/v2/track/lead"],
  ];
  for (const path of paths) {
    for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
      const body = method === "POST" ? "{}" : undefined;
      const referral = /^\/v1\/referrals\/%00%ff$/.test(path);
      const answer = await ledger.request(method, path, { key: ledger.fixture.keys.live, body });
      assertError(path, answer, referral && !["GET", "DELETE"].includes(method) ? 405 : 404);
    }
  }
  await assertNothingStored(ledger);
});

test("a body over 64 KiB is a 413, whatever length is announced", async (t) => {
  const ledger = await startLedger(t);
  for (const route of BODY_ROUTES) {
    const large = paddedTo(LIMIT + 1, route.body);
    assertError(route.path, await send(ledger, route, large, alone), 413, "PAYLOAD_TOO_LARGE");
    assertError(route.path, await sendInPieces(ledger, route, large), 413, "PAYLOAD_TOO_LARGE");
  }
  await assertNothingStored(ledger);
});

test("a body of exactly 64 KiB is read", async (t) => {
  const ledger = await startLedger(t);
  for (const route of BODY_ROUTES) {
    const body = paddedTo(LIMIT, route.body);
    const small = await send(ledger, route, route.body);
    assert.equal((await send(ledger, route, body)).status, small.status, route.path);
    assert.equal((await sendInPieces(ledger, route, body)).status, small.status, route.path);
  }
});

test("a body of several megabytes without a length is a 413 as soon as it is too long", async (t) => {
  const ledger = await startLedger(t);
  for (const route of BODY_ROUTES) {
    // The connection may be closed before all of it is sent: then there is no answer to look at.
    const answer = await sendInPieces(ledger, route, "x".repeat(4 * 1024 * 1024)).catch(() => undefined);
    if (answer !== undefined) assertError(route.path, answer, 413, "PAYLOAD_TOO_LARGE");
  }
  await assertNothingStored(ledger);
});

test(
  "a body in broken pieces is a 400",
  async (t) => {
    const ledger = await startLedger(t);
    for (const route of BODY_ROUTES) {
      const [status] = (await sendRaw(ledger, route, "zzz\r\nnot a chunk\r\n")).split("\r\n");
      assert.equal(status, "HTTP/1.1 400 Bad Request", route.path);
    }
    await assertNothingStored(ledger);
  },
);

test("a wrong key is told before a wrong body", async (t) => {
  const ledger = await startLedger(t);
  const routes = BODY_ROUTES.filter((route) => route.key !== undefined);
  for (const route of routes) {
    for (const body of ["{", paddedTo(LIMIT + 1, {})]) {
      assertError(
        route.path,
        await ledger.request(route.method ?? "POST", route.path, { body, headers: alone }),
        401,
        "MISSING_API_KEY",
      );
    }
  }
});

test("every answer carries a request id of its own", async (t) => {
  const ledger = await startLedger(t);
  const ids = new Set();
  for (const route of [...BODY_ROUTES, ...BODY_ROUTES]) {
    ids.add((await send(ledger, route, route.body)).headers.get("x-request-id"));
  }
  for (const route of ROUTES.filter(({ body }) => body === undefined)) {
    const answer = await ledger.request(route.method, route.path, { key: keyOf(ledger, route) });
    ids.add(answer.headers.get("x-request-id"));
  }
  assert.equal(ids.size, 2 * BODY_ROUTES.length + READ_ROUTES.length + ACTION_ROUTES.length);
  for (const id of ids) assert.match(id, /^req_\w{22}$/);
});

/** A body of so many bytes: white space is no content. */
function paddedTo(bytes, body) {
  return JSON.stringify(body).padEnd(bytes, " ");
}

/** Sends a body in pieces of 8 KiB, without a content-length. */
async function sendInPieces(ledger, route, body) {
  const key = keyOf(ledger, route);
  const bytes = Buffer.from(body);
  const pieces = Array.from({ length: Math.ceil(bytes.length / 8192) }, (_, piece) =>
    bytes.subarray(piece * 8192, (piece + 1) * 8192),
  );
  const response = await fetch(ledger.url + route.path, {
    method: route.method ?? "POST",
    headers: {
      ...alone,
      "content-type": "application/json",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: ReadableStream.from(pieces),
    duplex: "half",
  });
  return read(response);
}

/** Sends these bytes as a chunked body; the answer as it comes over the wire. */
async function sendRaw(ledger, route, body) {
  const { hostname, port } = new URL(ledger.url);
  const key = keyOf(ledger, route);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  const lines = [`${route.method ?? "POST"} ${route.path} HTTP/1.1`, `Host: ${hostname}`, "Connection: close", "Transfer-Encoding: chunked"];
  if (key !== undefined) lines.push(`Authorization: Bearer ${key}`);
  socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
  return text(socket);
}

async function read(response) {
  const answer = await response.text();
  const json = answer.startsWith("{") ? JSON.parse(answer) : undefined;
  return { status: response.status, headers: response.headers, text: answer, json };
}
