// The OpenAPI document: valid, served, shown to people, and true of every operation. That it has every route of the Worker,
// and no other, is a native test (worker/src/routes/tests.rs).
import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { openBrowser } from "../support/browser.mjs";
import { startLedger } from "../support/ledger.mjs";
import { assertBodyDescribed, assertDescribed, document, operations, seen } from "../support/openapi.mjs";
import { METRICS_TOKEN, walk, walkLists } from "./openapi_walk.mjs";
import { keyOf, ROUTES } from "./routes.mjs";

test("the document is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors, null, 2));
  assert.equal(validator.version, "3.1");
});

test("every operation says what it does, what a repetition does, and how a body looks", () => {
  for (const { id, operation } of operations) {
    assert.match(id, /^[a-z][A-Za-z]+$/);
    assert.match(operation.description, /\*\*Repeated:\*\* \S/, id);
    assert.ok(operation.summary.length > 0, id);
    for (const { example } of Object.values(operation.requestBody?.content ?? {})) assert.ok(example, id);
  }
});

test("every example of a body is one that the document describes", () => {
  for (const { method, path, operation } of operations) {
    for (const { example } of Object.values(operation.requestBody?.content ?? {})) {
      assertBodyDescribed(method.toUpperCase(), path, example);
    }
  }
});

test("every operation of a key says 401, and every one with a body 400 and 413", () => {
  for (const { id, operation } of operations) {
    const statuses = Object.keys(operation.responses);
    const takesKey = operation.security.length > 0;
    // The operator's figures have a token of their own, which is no key.
    assert.equal(statuses.includes("401"), takesKey || id === "getMetrics", id);
    if (operation.requestBody) assert.ok(["400", "413"].every((status) => statuses.includes(status)), id);
  }
});

test("what the document does not describe is noticed", () => {
  const headers = new Headers({ "content-type": "application/json" });
  const answer = (status, json) => ({ status, json, text: JSON.stringify(json), headers });
  const click = { id: "ref_1", tracking_id: "alice", program_id: "prog_1", created_at: "2026-01-20T15:30:00Z" };
  const good = (data) => answer(201, { success: true, data });
  assertDescribed("POST", "/v1/clicks", good(click));
  const error = { success: false, error: { code: "NOT_FOUND", message: "Affiliate not found" } };
  assertDescribed("POST", "/v1/clicks", answer(404, error));
  const wrong = [
    good({ ...click, more: 1 }),
    good({ ...click, id: null }),
    good({ id: "ref_1" }),
    good({ ...click, created_at: "yesterday" }),
    answer(202, { success: true, data: click }),
    answer(404, { ...error, error: { code: "NO_SUCH_CODE", message: "?" } }),
    { ...good(click), headers: new Headers({ "content-type": "text/html" }) },
  ];
  for (const one of wrong) assert.throws(() => assertDescribed("POST", "/v1/clicks", one), /OpenAPI document/);
});

test("every operation answers as it is described, well and badly", async (t) => {
  const ledger = await startLedger(t, { vars: { METRICS_TOKEN } });
  await walk(ledger);
  await walkLists(ledger, operations);
  for (const route of ROUTES) {
    const { method, path, body } = route;
    if (route.key !== undefined) await ledger.request(method, path, { body });
    await ledger.request(method, path, { key: keyOf(ledger, route), body });
    if (body !== undefined) await ledger.request(method, path, { key: keyOf(ledger, route), body: "[]" });
  }
  const always = new Set(["getHealth", "getOpenApi"]);
  for (const { id } of operations) {
    const statuses = [...seen.get(id)];
    assert.ok(statuses.some((status) => status < 300), `${id} was not answered well: ${statuses}`);
    assert.ok(always.has(id) || statuses.some((status) => status >= 400), `${id} was not answered badly: ${statuses}`);
  }
});

test("settings and what both modes share are 403 for a test key", async (t) => {
  const ledger = await startLedger(t);
  const bodies = new Map(ROUTES.map(({ method, path, body }) => [`${method} ${path}`, body]));
  for (const { method, path } of ROUTES.filter(({ key }) => key === "live")) {
    const body = bodies.get(`${method} ${path}`);
    const answer = await ledger.request(method, path, { key: ledger.fixture.keys.test, body });
    const { operation } = operations.find((one) => one.method === method.toLowerCase() && fits(one.path, path));
    const codes = described(operation.responses["403"]).content["application/json"].schema.properties.error.properties.code;
    const isForLive = codes.enum.includes("FORBIDDEN");
    assert.equal(answer.status === 403, isForLive, `${method} ${path}: ${answer.text}`);
    if (isForLive) assert.equal(answer.json.error.code, "FORBIDDEN");
  }
});

/** A response, where the document says it once for several operations too. */
const described = ({ $ref, ...response }) =>
  $ref === undefined ? response : document.components.responses[$ref.split("/").at(-1)];

/** Whether a path is one of this template, and of none that is more literal. */
function fits(template, path) {
  const [parts, segments] = [template.split("/"), path.split("/")];
  const isOf = parts.length === segments.length && parts.every((part, place) => part.startsWith("{") || part === segments[place]);
  return isOf && (!template.includes("{") || document.paths[path] === undefined);
}

test("the document is served to anybody, and may be kept for five minutes", async (t) => {
  const ledger = await startLedger(t);
  for (const method of ["GET", "HEAD"]) {
    const answer = await ledger.request(method, "/openapi.json");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "application/json");
    assert.equal(answer.headers.get("cache-control"), "public, max-age=300");
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    if (method === "GET") assert.deepEqual(answer.json, document);
  }
});

test("the page shows every operation, finds them, and loads nothing from elsewhere", async (t) => {
  const ledger = await startLedger(t);
  const browser = await openBrowser();
  t.after(() => browser.close());
  for (const width of [1400, 390]) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    const problems = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("request", (request) => request.url().startsWith(ledger.url) || problems.push(request.url()));
    const response = await page.goto(`${ledger.url}/docs`);
    assert.match(response.headers()["content-security-policy"], /default-src 'self'/);
    await page.waitForSelector("#getOpenApi");
    const shown = await page.$$eval(".operation", (all) => all.map(({ id }) => id));
    assert.deepEqual(shown.sort(), operations.map(({ id }) => id).sort());
    // Everything that opens is opened: nothing in it fails, or is too wide.
    await page.$$eval("details.answer", (all) => all.forEach((one) => (one.open = true)));
    await page.waitForFunction(() => document.querySelectorAll(".answer .fields").length > 50);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width, `wider than ${width}`);
    await page.fill("#search", "cap_reached");
    const found = await page.$$eval(".operation:not([hidden])", (all) => all.map(({ id }) => id));
    assert.deepEqual(found, ["updateCommission"]);
    assert.equal(await page.textContent("#found"), "1 found");
    assert.deepEqual(problems, []);
    await page.close();
  }
});

test("an address names an operation", async (t) => {
  const ledger = await startLedger(t);
  const browser = await openBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${ledger.url}/docs#refundConversion`);
  await page.waitForSelector("#refundConversion");
  const top = () => page.$eval("#refundConversion", (node) => Math.round(node.getBoundingClientRect().top));
  await page.waitForFunction(() => Math.abs(document.getElementById("refundConversion").getBoundingClientRect().top) < 200);
  assert.ok((await top()) >= 0);
});
