// Answers held against the OpenAPI document: what it does not describe fails the test that sees it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

export const document = JSON.parse(readFileSync(join(import.meta.dirname, "../../docs/openapi/openapi.json"), "utf8"));

/** Headers that an answer has only where the document says so. */
const LIMIT_HEADERS = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
const NAMED_HEADERS = ["idempotent-replayed", "retry-after", ...LIMIT_HEADERS];

const ID = "openapi.json";
// The document is no schema itself; its schemas were checked with it.
const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });
addFormats(ajv);
ajv.addSchema(document, ID);

const segmentsOf = (path) => path.split("?")[0].split("/").filter(Boolean);
const isParameter = (segment) => segment.startsWith("{");

/** Paths with the more literal one first: `/v1/rates/missing` before `/v1/rates/{date}`. */
const templates = Object.keys(document.paths)
  .map((path) => ({ path, segments: segmentsOf(path) }))
  .sort((one, other) => one.segments.filter(isParameter).length - other.segments.filter(isParameter).length);

/** Every operation: `{ id, method, path, operation }`. */
export const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ id: operation.operationId, method, path, operation })),
);

/** What was seen so far, by operation: its statuses. */
export const seen = new Map(operations.map(({ id }) => [id, new Set()]));

function find(method, path) {
  const segments = segmentsOf(path);
  const isOf = (parts) => parts.every((part, place) => isParameter(part) || part === segments[place]);
  const found = templates.find(({ segments: parts }) => parts.length === segments.length && isOf(parts));
  const name = (method === "HEAD" ? "GET" : method).toLowerCase();
  const operation = found && document.paths[found.path][name];
  return operation && { id: operation.operationId, operation, at: ["paths", found.path, name] };
}

const escaped = (part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
const pointer = (parts) => `${ID}#/${parts.map(escaped).join("/")}`;
const validators = new Map();

function problems(parts, value) {
  const $ref = pointer(parts);
  if (!validators.has($ref)) validators.set($ref, ajv.compile({ $ref }));
  const validate = validators.get($ref);
  const said = ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`;
  return validate(value) ? [] : validate.errors.map(said);
}

/** Where a response is described: there, or where its reference leads. */
function described(found, status) {
  const response = found.operation.responses[status];
  if (response?.$ref === undefined) return { response, at: [...found.at, "responses", String(status)] };
  const at = response.$ref.slice(2).split("/");
  return { response: at.reduce((node, key) => node[key], document), at };
}

/**
 * An answer as the document describes it. Routes that are not in it are pages; another method than a path's is a 405
 * everywhere.
 */
export function assertDescribed(method, path, answer) {
  const found = find(method, path);
  if (found === undefined || answer.status === 405) return;
  const shown = `${method} ${path} (${found.id}) answered ${answer.status}: ${answer.text.slice(0, 2_000)}`;
  const { response, at } = described(found, answer.status);
  assert.ok(response, `The OpenAPI document has no such status. ${shown}`);
  seen.get(found.id).add(answer.status);
  for (const name of NAMED_HEADERS.filter((name) => answer.headers.has(name))) {
    const names = Object.keys(response.headers ?? {}).map((one) => one.toLowerCase());
    assert.ok(names.includes(name), `The OpenAPI document has no header ${name}. ${shown}`);
  }
  if (response.content === undefined || method === "HEAD") return;
  const type = (answer.headers.get("content-type") ?? "").split(";")[0];
  assert.ok(response.content[type], `The OpenAPI document has no answer of type ${type}. ${shown}`);
  if (type !== "application/json") return;
  const wrong = problems([...at, "content", type, "schema"], answer.json);
  assert.deepEqual(wrong, [], `The OpenAPI document describes another answer. ${shown}`);
}

/** A body that was taken, as the document describes it. */
export function assertBodyDescribed(method, path, body) {
  const found = find(method, path);
  assert.ok(found?.operation.requestBody, `${method} ${path} takes no body by the OpenAPI document`);
  const wrong = problems([...found.at, "requestBody", "content", "application/json", "schema"], body);
  assert.deepEqual(wrong, [], `The OpenAPI document describes another body of ${method} ${path}: ${JSON.stringify(body)}`);
}
