// `clickledger keys` by the API: made, listed, replaced and switched off; and the doctor about a key that ends soon.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { command, commandOf, good, until } from "./command.mjs";

const CREATE = ["keys", "create", "--name", "ci", "--scopes", "read:affiliates,read:keys"];

test("a key that was made may do what it was given, and no more", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const made = await good(cli, ...CREATE);
  assert.deepEqual([made.name, made.form, made.scopes], ["ci", "live", ["read:affiliates", "read:keys"]]);
  const own = await command(t, { url: ledger.url, key: made.secret });
  assert.equal((await good(own, "affiliates", "list")).length, 1);
  const refused = await own.run("webhooks", "list", "--json");
  assert.deepEqual([refused.code, refused.json.error.code], [4, "INSUFFICIENT_PERMISSIONS"]);
  const listed = (await good(own, "keys", "list")).find(({ id }) => id === made.id);
  assert.deepEqual([listed.name, listed.secret], ["ci", undefined]);
  const people = await cli.run(...CREATE);
  assert.match(people.stdout, /^sk_live_\w{50}\n\nThis is key_\w+, shown this once\./);
  assert.ok(!(await cli.run("keys", "list")).stdout.includes(made.secret));
  assert.equal((await cli.run("keys", "create")).code, 2);
});

test("a key is replaced once, with an overlap, and one that is switched off is refused", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const made = await good(cli, ...CREATE);
  const replaced = await good(cli, "keys", "rotate", made.id, "--overlap-hours", "1");
  assert.equal(replaced.replaces, made.id);
  for (const key of [made.secret, replaced.secret]) {
    await good(await command(t, { url: ledger.url, key }), "affiliates", "list");
  }
  const again = await cli.run("keys", "rotate", made.id, "--json");
  assert.deepEqual([again.code, again.json.error.code], [4, "KEY_ALREADY_ROTATED"]);
  for (let time = 0; time < 2; time += 1) await good(cli, "keys", "disable", replaced.id);
  const off = await command(t, { url: ledger.url, key: replaced.secret });
  const refused = await until(async () => {
    const answer = await off.run("affiliates", "list", "--json");
    return answer.code !== 0 && answer;
  });
  assert.deepEqual([refused.code, refused.json.error.code], [4, "API_KEY_DISABLED"]);
  const stranger = await command(t, { url: ledger.url, key: ledger.fixture.other.keys.live });
  for (const call of [["rotate", made.id], ["disable", made.id]]) {
    const answer = await stranger.run("keys", ...call, "--json");
    assert.deepEqual([answer.code, answer.json.error.code], [4, "NOT_FOUND"]);
  }
});

test("broken: a key ends soon", async (t) => {
  const ledger = await startLedger(t);
  await until(async () => (await ledger.request("GET", "/healthz")).json?.jobs?.length > 0);
  const cli = await commandOf(t, ledger);
  const soon = new Date(Date.now() + 24 * 3_600_000).toISOString();
  const { id } = await good(cli, "keys", "create", "--name", "ci", "--expires", soon);
  const off = await good(cli, "keys", "create", "--name", "off", "--expires", soon);
  await good(cli, "keys", "disable", off.id);
  const { code, json } = await cli.run("doctor", "--skip-chain", "--json");
  const wrong = json.findings.filter(({ state }) => state === "wrong");
  assert.deepEqual([code, wrong.map(({ check }) => check)], [1, ["expiry"]], JSON.stringify(json, null, 2));
  assert.match(wrong[0].do, new RegExp(`clickledger keys rotate ${id}$`));
});
