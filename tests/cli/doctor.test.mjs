// `clickledger doctor`: nothing to say about a set-up that works, and about each broken one the one thing to do.
import assert from "node:assert/strict";
import { test } from "node:test";
import { post, signedUp } from "../api/calls.mjs";
import { deliveries, lead, startTelling, subscribe } from "../api/webhook_calls.mjs";
import { letters, startLedger } from "../support/ledger.mjs";
import { startReceiver } from "../support/receiver.mjs";
import { command, serve, standBefore, until } from "./command.mjs";

const SITE = "https://shop.example";

/** A ledger whose jobs have run. */
async function running(t, options = {}) {
  const ledger = await startLedger(t, options);
  await until(async () => (await ledger.request("GET", "/healthz")).json?.jobs?.length > 0);
  return ledger;
}

/** What the doctor finds, as the holder of the live key of a site's program. */
async function examine(t, { url, key, site = SITE, chain = false }) {
  const settings = `url = "${url}"\n${site === null ? "" : `site = "${site}"\n`}`;
  const cli = await command(t, { settings, key });
  const { code, json, stdout } = await cli.run("doctor", ...(chain ? [] : ["--skip-chain"]), "--json");
  assert.notEqual(json, undefined, stdout);
  assert.equal(code, json.healthy ? 0 : 1);
  return json;
}

const ofLedger = (t, ledger, options = {}) => examine(
  t,
  { url: ledger.url, key: ledger.fixture.keys.live, ...options },
);

const wrong = ({ findings }) => findings.filter(({ state }) => state === "wrong");

/** Exactly one thing is wrong, here, and this is what to do. */
function assertOneFix(found, check, says, fix) {
  assert.equal(found.healthy, false);
  assert.deepEqual(wrong(found).map((finding) => finding.check), [check], JSON.stringify(found, null, 2));
  const [finding] = wrong(found);
  assert.match(finding.says, says);
  assert.match(finding.do, fix);
}

const state = ({ findings }, check) => findings.find((finding) => finding.check === check)?.state;

test("a set-up that works has nothing wrong, for people and for programs", async (t) => {
  const ledger = await running(t);
  const found = await ofLedger(t, ledger, { chain: true });
  assert.deepEqual([found.healthy, wrong(found)], [true, []]);
  const service = ["settings", "reach", "database", "objects", "migrations", "jobs", "tracker"];
  const checks = [...service, "key", "origins", "incentives", "chain"];
  for (const check of checks) {
    assert.equal(state(found, check), "fine", JSON.stringify(found, null, 2));
  }
  const cli = await command(t, { url: ledger.url, key: ledger.fixture.keys.live });
  const { code, stdout } = await cli.run("doctor", "--skip-chain");
  assert.equal(code, 0);
  assert.match(stdout, /^fine +migrations +\d{4}_\w+\.sql$/m);
  assert.match(stdout, /\nEverything is as it should be\.\n$/);
});

test("broken: nothing says where the service is", async (t) => {
  const cli = await command(t);
  const { code, json } = await cli.run("doctor", "--json");
  assert.equal(code, 1);
  assertOneFix(json, "settings", /clickledger\.toml/, /clickledger init --url/);
});

test("broken: nobody listens there", async (t) => {
  const found = await examine(t, { url: "http://127.0.0.1:1", key: "sk_live_x" });
  assertOneFix(found, "reach", /nobody listens there/, /Start the service, or correct host and port/);
  assert.equal(state(found, "key"), "skipped");
});

test("broken: another server is there, or one that points elsewhere", async (t) => {
  const page = await serve(t, (request, response) => response.writeHead(200).end("<h1>Hello</h1>"));
  assertOneFix(await examine(t, { url: page }), "reach", /not as Clickledger does/, /Correct `url`/);
  const moved = await serve(
    t,
    (request, response) => response.writeHead(301, { location: "https://t.example/" }).end(),
  );
  assertOneFix(await examine(t, { url: moved }), "reach", /points to https:\/\/t\.example\//, /Correct `url`/);
});

test("broken: no secure connection, or none at all where keys travel", async (t) => {
  const plain = await serve(t, (request, response) => response.end());
  assertOneFix(
    await examine(t, { url: plain.replace("http:", "https:") }),
    "reach",
    /no secure connection/,
    /valid certificate/,
  );
  const ledger = await running(t);
  const url = ledger.url.replace("127.0.0.1", "0.0.0.0");
  assertOneFix(await ofLedger(t, ledger, { url }), "connection", /in the clear/, /https:\/\/ in `url`/);
});

test("broken: IDENTITY_SECRET is missing", async (t) => {
  const ledger = await startLedger(t, { vars: { IDENTITY_SECRET: "" } });
  const found = await ofLedger(t, ledger);
  assertOneFix(found, "setting", /^IDENTITY_SECRET: must be a secret/, /wrangler secret put IDENTITY_SECRET/);
});

test("broken: migrations are missing", async (t) => {
  const ledger = await running(t);
  await ledger.db.exec("DELETE FROM d1_migrations WHERE id = (SELECT MAX(id) FROM d1_migrations)");
  assertOneFix(
    await ofLedger(t, ledger),
    "migrations",
    /needs \d{4}_\S+, and the database has \d{4}_/,
    /wrangler d1 migrations apply DB/,
  );
  await ledger.db.exec("DROP TABLE d1_migrations");
  assertOneFix(await ofLedger(t, ledger), "migrations", /the database has none/, /wrangler d1 migrations apply DB/);
});

test("broken: it is paused for a restore", async (t) => {
  const ledger = await startLedger(t, { vars: { LEDGER_PAUSED: "1" } });
  const found = await ofLedger(t, ledger);
  assertOneFix(found, "paused", /LEDGER_PAUSED is set/, /LEDGER_EPOCH raised by one, make deploy/);
  assert.equal(state(found, "place"), "fine");
});

test("the service alone is looked at without a key", async (t) => {
  const ledger = await running(t);
  const cli = await command(t, { url: ledger.url });
  const { code, json } = await cli.run("doctor", "--service", "--json");
  assert.equal(code, 0, JSON.stringify(json));
  assert.deepEqual([state(json, "jobs"), state(json, "tracker"), state(json, "key")], ["fine", "fine", "skipped"]);
});

test("what the service says of the program's readiness is passed on", async (t) => {
  const ledger = await running(t);
  const readiness = ({ findings }) => findings.find(({ check }) => check === "readiness");
  const early = readiness(await ofLedger(t, ledger));
  assert.deepEqual([early.state, early.says], ["note", "configuring: Set the program's website_url."]);
});

test("broken: the jobs do not run", async (t) => {
  const ledger = await running(t);
  const url = await standBefore(t, ledger, (path, { status, body }) => {
    if (path !== "/healthz") return undefined;
    const health = JSON.parse(body);
    for (const job of health.jobs) job.last_run_at = "2026-01-01T00:00:00Z";
    return { status, body: JSON.stringify(health) };
  });
  assertOneFix(await ofLedger(t, ledger, { url }), "jobs", /end_holds last ran 2026-01-01/, /\[triggers\]/);
});

test("broken: no key, what is no key, one that is unknown, one that has ended, one that is switched off", async (t) => {
  const ledger = await running(t);
  const found = (key) => examine(t, { url: ledger.url, key });
  assertOneFix(await found(undefined), "key", /no API key/, /CLICKLEDGER_API_KEY/);
  assertOneFix(await found("secret"), "key", /is no API key/, /secret key/);
  assertOneFix(await found(ledger.fixture.keys.token), "key", /a program's token/, /secret key/);
  assertOneFix(await found(`sk_live_${letters(44)}`), "key", /INVALID_API_KEY/, /valid key into CLICKLEDGER_API_KEY/);
  const { live, test: testKey } = ledger.fixture.keys;
  const program = ledger.fixture.program.id;
  const ofMode = (column, isTest) => {
    const sql = `UPDATE api_key SET ${column} = 1 WHERE program_id = ? AND is_test = ? AND kind = 'secret'`;
    return ledger.db.prepare(sql).bind(program, isTest).run();
  };
  await ofMode("expires_at", 0);
  await ofMode("disabled_at", 1);
  assertOneFix(await found(live), "key", /API_KEY_EXPIRED/, /keys create --database/);
  assertOneFix(await found(testKey), "key", /API_KEY_DISABLED/, /keys create --database/);
});

test("broken: no origin, or another site's; and one command puts it right", async (t) => {
  const ledger = await running(t, { browser_origins: [] });
  assertOneFix(
    await ofLedger(t, ledger),
    "origins",
    /no page of any site/,
    /clickledger programs allow https:\/\/shop\.example/,
  );
  const cli = await command(t, { url: ledger.url, key: ledger.fixture.keys.live });
  assert.equal((await cli.run("programs", "allow", "https://www.shop.example")).code, 0);
  assertOneFix(
    await ofLedger(t, ledger),
    "origins",
    /is not among .*: https:\/\/www\.shop\.example/,
    /programs allow https:\/\/shop\.example/,
  );
  assert.equal((await cli.run("programs", "allow", SITE)).code, 0);
  assert.deepEqual(wrong(await ofLedger(t, ledger)), []);
});

test("broken: nothing pays", async (t) => {
  const ledger = await running(t, { incentives: [] });
  assertOneFix(await ofLedger(t, ledger), "incentives", /none earns anything/, /PATCH \/v1\/program\/payment-terms/);
});

test("broken: a currency without a rate", async (t) => {
  const ledger = await running(t);
  const referral_id = await signedUp(ledger, "user_1");
  const sale = { referral_id, sale_amount: 10, sale_amount_currency: "KWD", external_event_id: "order_1" };
  assert.equal((await post(ledger, "/v1/conversions", sale)).status, 201);
  assertOneFix(
    await ofLedger(t, ledger),
    "currency",
    /^1 sales in KWD wait for a rate/,
    /PUT \/v1\/rates\/\d{4}-\d\d-\d\d \{"rates": \{"KWD"/,
  );
});

test("broken: a tracker's file is not served, or arrives changed", async (t) => {
  const ledger = await running(t);
  const missing = await standBefore(
    t,
    ledger,
    (path) => (path.startsWith("/js/core.") ? { status: 404, body: "no" } : undefined),
  );
  assertOneFix(
    await ofLedger(t, ledger, { url: missing }),
    "tracker",
    /^\/js\/core\.\w+\.js is not served: 404/,
    /pass \/js\/\* on/,
  );
  const changed = await standBefore(t, ledger, (path, { status, body }) =>
    path === "/js/tracker.js" ? { status, body: `${body} ` } : undefined,
  );
  assertOneFix(
    await ofLedger(t, ledger, { url: changed }),
    "tracker",
    /tracker\.js does not arrive as it was built/,
    /rewrites JavaScript/,
  );
});

test("broken: a webhook's receiver fails, or is gone", async (t) => {
  const ledger = await startTelling(t);
  await until(async () => (await ledger.request("GET", "/healthz")).json?.jobs?.length > 0);
  const receiver = await startReceiver(t, () => 500);
  const { id } = await subscribe(ledger, receiver.url);
  await lead(ledger);
  await until(async () => (await deliveries(ledger, id, "?status=pending"))[0]?.attempts.length > 0);
  assertOneFix(
    await ofLedger(t, ledger),
    "webhooks",
    /does not take what it is sent: it answered 500/,
    new RegExp(`Correct what answers at ${receiver.url}`),
  );

  const gone = await startLedgerWithGoneReceiver(t);
  assertOneFix(
    await ofLedger(t, gone.ledger),
    "webhooks",
    /switched off: it answered 410/,
    new RegExp(`clickledger webhooks enable ${gone.id}`),
  );
});

async function startLedgerWithGoneReceiver(t) {
  const ledger = await startTelling(t);
  await until(async () => (await ledger.request("GET", "/healthz")).json?.jobs?.length > 0);
  const receiver = await startReceiver(t, () => 410);
  const { id } = await subscribe(ledger, receiver.url);
  await lead(ledger);
  const key = ledger.fixture.keys.live;
  const endpoint = async () => (await ledger.request("GET", `/v1/webhooks/${id}`, { key })).json.data;
  await until(async () => (await endpoint()).disabled_reason === "gone");
  return { ledger, id };
}

/** A chain's answer, as it is published. */
const chained = (sale) => ({
  status: 200,
  body: JSON.stringify({
    success: true,
    data: {
      type: "chain",
      verdict: { click: "attributed", lead: "attributed", sale },
      attributed: sale === "attributed",
    },
  }),
});

test("the test chain is run last, and one that is not credited is wrong", async (t) => {
  const ledger = await running(t);
  let sale = "attributed";
  const url = await standBefore(t, ledger, (path) => (path === "/api/v1/cli/test-event" ? chained(sale) : undefined));
  const found = await ofLedger(t, ledger, { url, chain: true });
  assert.deepEqual([state(found, "chain"), found.findings.at(-1).check], ["fine", "chain"]);
  const cli = await command(t, { url, key: ledger.fixture.keys.live });
  assert.equal((await cli.run("test", "chain")).stdout, "click attributed, lead attributed, sale attributed\n");
  sale = "unattributed";
  assertOneFix(await ofLedger(t, ledger, { url, chain: true }), "chain", /sale unattributed/, /events tail/);
  assert.equal((await cli.run("test", "chain")).code, 1);
});
