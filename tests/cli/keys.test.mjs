// `clickledger keys` by the API, and the doctor about keys that end soon; against the routes' published answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { json } from "node:stream/consumers";
import { startLedger } from "../support/ledger.mjs";
import { command, good, serve, standBefore } from "./command.mjs";

const KEY = {
  id: "key_1",
  program_id: "prog_1",
  name: "ci",
  form: "live",
  masked: "sk_live_****wxyz",
  scopes: ["read:referrals"],
  created_at: "2026-01-01T00:00:00Z",
  last_used_at: null,
  expires_at: null,
  disabled_at: null,
  replaces: null,
};

const answerOf = {
  "GET /v1/keys": () => ({ success: true, data: [KEY], pagination: { total: 1, has_next_page: false } }),
  "POST /v1/keys": () => ({ success: true, data: { ...KEY, secret: "sk_live_shown" } }),
  "POST /v1/keys/key_1/rotate": () => ({ success: true, data: { ...KEY, id: "key_2", replaces: "key_1", secret: "sk_live_new" } }),
  "DELETE /v1/keys/key_1": () => ({ success: true, message: "Key disabled" }),
};

/** What answers as `/v1/keys` does, and keeps what it was asked. */
async function keysServer(t) {
  const asked = [];
  const url = await serve(t, async (request, response) => {
    const call = `${request.method} ${request.url.split("?")[0]}`;
    asked.push({ call, body: await json(request).catch(() => undefined) });
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answerOf[call]()));
  });
  return { url, asked };
}

test("keys are made, listed, replaced and switched off by the routes for that", async (t) => {
  const { url, asked } = await keysServer(t);
  const cli = await command(t, { url, key: `sk_live_${"a".repeat(44)}` });
  const made = await good(
    cli,
    "keys",
    "create",
    "--name",
    "ci",
    "--scopes",
    "read:referrals,read:commissions",
    "--expires",
    "2027-01-01T00:00:00Z",
  );
  assert.equal(made.secret, "sk_live_shown");
  assert.deepEqual(asked.at(-1).body, {
    form: "live",
    name: "ci",
    expires_at: "2027-01-01T00:00:00Z",
    scopes: ["read:referrals", "read:commissions"],
  });
  assert.deepEqual(await good(cli, "keys", "list"), [KEY]);
  assert.match((await cli.run("keys", "list")).stdout, /^key_1 +live +sk_live_\*\*\*\*wxyz +ci +read:referrals/m);
  assert.equal((await good(cli, "keys", "rotate", "key_1", "--overlap-hours", "2")).secret, "sk_live_new");
  assert.deepEqual(asked.at(-1), { call: "POST /v1/keys/key_1/rotate", body: { overlap_hours: 2 } });
  await good(cli, "keys", "disable", "key_1");
  assert.equal(asked.at(-1).call, "DELETE /v1/keys/key_1");
  assert.match(
    (await cli.run("keys", "create", "--name", "ci")).stdout,
    /^sk_live_shown\n\nThis is key_1, shown this once/,
  );
  assert.equal((await cli.run("keys", "create")).code, 2);
});

test("broken: a key ends soon", async (t) => {
  const ledger = await startLedger(t);
  const soon = new Date(Date.now() + 24 * 3_600_000).toISOString();
  const keys = [
    { ...KEY, id: "key_9", disabled_at: "2026-01-01T00:00:00Z", expires_at: soon },
    { ...KEY, expires_at: soon },
    KEY,
  ];
  const url = await standBefore(t, ledger, (path) =>
    path.startsWith("/v1/keys") ? { status: 200, body: JSON.stringify({ success: true, data: keys }) } : undefined,
  );
  const cli = await command(t, { url, key: ledger.fixture.keys.live });
  const { code, json: found } = await cli.run("doctor", "--skip-chain", "--json");
  const wrong = found.findings.filter(({ state }) => state === "wrong");
  assert.deepEqual([code, wrong.map(({ check }) => check)], [1, ["expiry"]]);
  assert.match(wrong[0].do, /clickledger keys rotate key_1$/);
});
