// Bodies that no client of good will sends, on every operation of the OpenAPI document that takes one, so that a new one
// cannot be forgotten: a 400 or a 413 in the dialect's form that names the field, or, where there is none to name, the
// place; never a 5xx.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { document, operations } from "../support/openapi.mjs";
import { isAffitor } from "./routes.mjs";

const LARGEST = 64 * 1024;
const DEEPEST = 32;

const nested = (levels) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
const numbered = (count, entry) => Array.from({ length: count }, (_, number) => entry(number)).join(",");
/** An object of so many bytes. */
const sized = (bytes) => `{"nobody_reads_this":"${"x".repeat(bytes - 24)}"}`;

/** No field can be named: what the message says instead. */
const MALFORMED = {
  "broken off": ["{", /line 1, column 1/],
  "broken off in a text": ['{"a":\n"b', /line 2/],
  "no object": ["[]", /must be a JSON object/],
  "a text": ['"{}"', /must be a JSON object/],
  "a number": ["1e400", /must be a JSON object/],
  "null": ["null", /must be a JSON object/],
  "blanks": [" \n", /is empty/],
  "two objects": ["{}{}", /line 1, column 3/],
  "a comma too many": ['{"a":1,}', /line 1, column 8/],
  "not UTF-8": [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), /not UTF-8 \(byte 3\)/],
  "a NUL byte": ['{"a":"\u0000"}', /line 1, column/],
  "a byte-order mark": ["\ufeff{}", /byte-order mark/],
  "a number that is none": ['{"a":NaN}', /line 1, column/],
  "too many fields": [`{${numbered(501, (number) => `"f${number}":1`)}}`, /more than 500 fields/],
};

/** What is refused wherever it stands: the value of a field that nobody reads, and what of it is named. */
const ANYWHERE = {
  "a field that is there twice": ['{"a":[{},{"b":1,"b":2}]}', ".a[1].b"],
  "a field that is there twice, once escaped": ['{"b":1,"\\u0062":2}', ".b"],
  "half a character": ['["\\ud800"]', "[0]"],
  "the other half": ['{"a":"\\udc00x"}', ".a"],
  "NUL": ['{"a":{"b":"x\\u0000"}}', ".a.b"],
  "a prototype": ['{"__proto__":{"admin":true}}', ".__proto__"],
  "a number of 101 digits": ["9".repeat(101), ""],
  "1001 entries": [`[${numbered(1_001, () => "0")}]`, ""],
  "501 fields": [`{${numbered(501, (number) => `"f${number}":1`)}}`, ""],
  "a name of 256 characters": [`{"${"k".repeat(256)}":1}`, `.${"k".repeat(256)}`],
  "deeper than the limit": [nested(DEEPEST), "[0]".repeat(DEEPEST - 1)],
  "a thousand times as deep": [nested(10_000), "[0]".repeat(DEEPEST - 1)],
};

/** Values of other types than the document's. */
const WRONG = {
  string: [5, 1.5, true, ["x"], { x: "x" }],
  integer: ["x", true, [1], { x: 1 }, "HUGE"],
  number: ["x", true, [1], { x: 1 }, "HUGE"],
  boolean: ["true", 1, [true], { x: true }],
  array: ["x", 5, true, { x: "x" }],
  object: ["x", 5, true, ["x"]],
};

// One for all of them: what is refused changes nothing.
let ledger;
const stops = [];
before(async () => (ledger = await startLedger({ after: (stop) => stops.push(stop) })));
after(() => Promise.all(stops.map((stop) => stop())));

/** A payment provider's body is looked at once it has verified: see stripe.test.mjs. */
const withBody = operations.filter(({ operation, path }) => operation.requestBody && !path.startsWith("/webhooks/"));

const followed = (node) =>
  node?.$ref === undefined ? node : followed(node.$ref.slice(2).split("/").reduce((at, key) => at[key], document));

/** The path with the document's examples in it, which nobody has. */
function pathOf({ path, operation }) {
  const described = operation.parameters?.map(followed);
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

/**
 * What a body of so many bytes is answered. One beyond the limit is not read: its connection may end while it is still being
 * sent, or when the next call is to take it.
 */
async function statusOfSized(one, bytes) {
  for (;;) {
    const answer = await send(one, sized(bytes)).catch(() => undefined);
    if (answer !== undefined) return answer.status;
  }
}

/** A 400 in the dialect's form: its message, and the field that it names; Affitor's texts begin with it. */
function refused(one, what, { status, text }) {
  assert.equal(status, 400, `${what}: ${status} ${text}`);
  const { error } = JSON.parse(text);
  if (!isAffitor(one.path)) {
    assert.equal(error.code, "VALIDATION_ERROR", `${what}: ${text}`);
    return { message: error.message, field: error.field };
  }
  assert.equal(typeof error, "string", `${what}: ${text}`);
  return { message: error, field: error.match(/^([^\s:]+):/)?.[1] ?? error.split(" ").find((word) => /_/.test(word)) };
}

const contentOf = (one) => followed(one.operation.requestBody).content["application/json"];

/** A body that the document shows, or an empty one. */
function exampleOf(one) {
  const content = contentOf(one);
  return content.example ?? Object.values(content.examples ?? {})[0]?.value ?? {};
}

/** The document's fields of one type each: `[name, type, schema]`. */
function fieldsOf(one) {
  const properties = Object.entries(followed(contentOf(one).schema).properties).map(([name, of]) => [name, followed(of)]);
  return properties.flatMap(([name, schema]) => {
    const types = [schema.type].flat().filter((type) => type !== undefined && type !== "null");
    return types.length === 1 ? [[name, types[0], schema]] : [];
  });
}

const withField = (one, name, value) =>
  JSON.stringify({ ...exampleOf(one), [name]: value }).replaceAll('"HUGE"', "1e400");

for (const one of withBody) {
  test(`${one.id}: a body that cannot be read is refused, and says where`, async () => {
    for (const [what, [body, place]] of Object.entries(MALFORMED)) {
      const { message, field } = refused(one, what, await send(one, body));
      assert.match(message, place, what);
      if (!isAffitor(one.path)) assert.equal(field, undefined, what);
    }
    if (followed(one.operation.requestBody).required) {
      assert.match(refused(one, "nothing", await send(one, "")).message, /is empty/);
    }
    assert.equal(await statusOfSized(one, LARGEST + 1), 413);
    assert.notEqual(await statusOfSized(one, LARGEST), 413);
  });

  test(`${one.id}: what is refused anywhere is named by its path`, async () => {
    const rest = JSON.stringify(exampleOf(one)).slice(1);
    for (const [what, [value, path]] of Object.entries(ANYWHERE)) {
      const body = `{"nobody_reads_this":${value}${rest === "}" ? "" : ","}${rest}`;
      const { field } = refused(one, what, await send(one, body));
      const expected = `nobody_reads_this${path}`;
      assert.equal(field, expected.length > 300 ? `${expected.slice(0, 300)}…` : expected, what);
    }
    for (const [name, value] of Object.entries(exampleOf(one))) {
      const body = `{${JSON.stringify(name)}:${JSON.stringify(value)},${rest}`;
      assert.equal(refused(one, "twice", await send(one, body)).field, name);
    }
  });

  test(`${one.id}: a field of a wrong type, or too long, is named`, async () => {
    for (const [name, type, schema] of fieldsOf(one)) {
      for (const value of WRONG[type]) {
        const what = `${name}: ${JSON.stringify(value)}`;
        const answer = await send(one, withField(one, name, value));
        // A number is what it should be: how large it may be depends on what the path names, which nobody has.
        if (value === "HUGE" && answer.status === 404) continue;
        const { message, field } = refused(one, what, answer);
        assert.ok(field?.startsWith(name), `${what}: ${field}: ${message}`);
      }
      if (type !== "string" || schema.maxLength === undefined || schema.enum !== undefined) continue;
      const long = withField(one, name, "x".repeat(schema.maxLength + 1));
      const { message, field } = refused(one, `${name} is too long`, await send(one, long));
      assert.ok(field?.startsWith(name), `${name}: ${field}: ${message}`);
    }
  });

  test(`${one.id}: a body says that it is JSON, or nothing, or comes from a page`, async () => {
    const wrong = '{"nobody_reads_this":';
    const isPages = /^\/api\/v1\/track\/(click|lead)$/.test(one.path);
    for (const type of ["text/plain;charset=UTF-8", "application/xml", "multipart/form-data; boundary=x", "no type"]) {
      const { field } = refused(one, type, await send(one, wrong, { "content-type": type }));
      if (!isPages) assert.equal(field, "Content-Type", type);
    }
    const [json, more, none] = [
      await send(one, "{}"),
      await send(one, "{}", { "content-type": "application/vnd.shop+json; charset=utf-8" }),
      await send(one, Buffer.from("{}"), {}),
    ];
    assert.ok(json.status < 500, json.text);
    assert.deepEqual([more.status, none.status], [json.status, json.status]);
  });
}

test("a URL or a header that is too long is a 400 before anything else", async () => {
  const get = async (path, headers) => {
    const answer = await fetch(ledger.url + path, { headers });
    return { status: answer.status, text: await answer.text() };
  };
  const one = { path: "/v1/affiliates" };
  const long = refused(one, "URL", await get(`/v1/affiliates?search=${"x".repeat(8_000)}`, {}));
  assert.deepEqual(long, { message: "the URL is longer than 8000 bytes", field: undefined });
  for (const name of ["Origin", "User-Agent", "X-Forwarded-Host"]) {
    const { field } = refused(one, name, await get("/v1/affiliates", { [name]: "x".repeat(2_001) }));
    assert.equal(field, name);
  }
});
