// Bodies that no client of good will sends, on every operation of the OpenAPI document that takes one, so that a new one
// cannot be forgotten: a 400 or a 413 in the dialect's form, never a 5xx. Wrong types, fields that are there twice and
// halves of characters are wrong_bodies.test.mjs's.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { document, operations } from "../support/openapi.mjs";

const LARGEST = 64 * 1024;
const DEEPEST = 32;

const nested = (levels) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
/** An object of so many bytes. */
const sized = (bytes) => `{"nobody_reads_this":"${"x".repeat(bytes - 24)}"}`;

const MALFORMED = {
  "not JSON": "{",
  "no object": "[]",
  "a text": '"{}"',
  "a number": "1e400",
  "two objects": "{}{}",
  "a comma too many": '{"a":1,}',
  "not UTF-8": Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  "a NUL byte": '{"a":"\u0000"}',
  "a byte-order mark": "\ufeff{}",
  "a number that is none": '{"a":NaN}',
  "deeper than the limit": `{"nobody_reads_this":${nested(DEEPEST)}}`,
  "a thousand times as deep": `{"nobody_reads_this":${nested(10_000)}}`,
};

// One for all of them: what is refused changes nothing.
let ledger;
const stops = [];
before(async () => (ledger = await startLedger({ after: (stop) => stops.push(stop) })));
after(() => Promise.all(stops.map((stop) => stop())));

const withBody = operations.filter(({ operation }) => operation.requestBody);

/** The path with the document's examples in it, which nobody has. */
function pathOf({ path, operation }) {
  const { parameters } = document.components;
  const described = operation.parameters?.map((one) => (one.$ref ? parameters[one.$ref.split("/").at(-1)] : one));
  return path.replaceAll(/\{(\w+)\}/g, (_, name) => described.find((one) => one.name === name).schema.examples[0]);
}

function keyOf({ operation }) {
  const schemes = operation.security.flatMap((one) => Object.keys(one));
  return schemes.includes("programToken") ? ledger.fixture.keys.token : ledger.fixture.keys.live;
}

/** Sends the body as it is; the answer's status and text. */
async function send(one, body, headers = { "content-type": "application/json" }) {
  const authorization = `Bearer ${keyOf(one)}`;
  const method = one.method.toUpperCase();
  const answer = await fetch(ledger.url + pathOf(one), { method, headers: { authorization, ...headers }, body });
  return { status: answer.status, text: await answer.text() };
}

for (const one of withBody) {
  test(`${one.id}: hostile bodies are refused`, async () => {
    for (const [what, body] of Object.entries(MALFORMED)) {
      const { status, text } = await send(one, body);
      assert.equal(status, 400, `${what}: ${status} ${text}`);
      const { error } = JSON.parse(text);
      assert.ok(one.path.startsWith("/api/") ? typeof error === "string" : error.code === "VALIDATION_ERROR", text);
    }
    assert.equal((await send(one, sized(LARGEST + 1))).status, 413);
    assert.notEqual((await send(one, sized(LARGEST))).status, 413);
  });

  test(`${one.id}: the type that a body says it has does not matter`, async () => {
    const wrong = '{"nobody_reads_this":';
    for (const type of ["text/plain;charset=UTF-8", "application/xml", "multipart/form-data; boundary=x", "no type"]) {
      assert.equal((await send(one, wrong, { "content-type": type })).status, 400, type);
    }
    const [json, plain] = [await send(one, "{}"), await send(one, "{}", { "content-type": "text/plain" })];
    assert.ok(json.status < 500, json.text);
    assert.equal(plain.status, json.status, plain.text);
  });
}
