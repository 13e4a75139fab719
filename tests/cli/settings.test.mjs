// The command line: its settings, its secrets, and how it says what keeps it from its work.
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { command, good, serve } from "./command.mjs";

const KEY = `sk_live_${letters(44)}`;

test("init writes settings that name no secret, a private file for the key, and what git is to ignore", async (t) => {
  const { run, cwd } = await command(t);
  const init = ["init", "--url", "https://t.example", "--site", "https://shop.example", "--on", "remote"];
  assert.equal((await run(...init)).code, 0);
  const settings = await readFile(join(cwd, "clickledger.toml"), "utf8");
  assert.match(settings, /^url = "https:\/\/t\.example"$/m);
  assert.match(settings, /^site = "https:\/\/shop\.example"$/m);
  assert.match(settings, /^location = "remote"$/m);
  assert.equal((await stat(join(cwd, ".clickledger.env"))).mode & 0o777, 0o600);
  assert.equal(await readFile(join(cwd, ".gitignore"), "utf8"), ".clickledger.env\n");

  await writeFile(join(cwd, ".clickledger.env"), `CLICKLEDGER_API_KEY=${KEY}\n`);
  const again = await run(...init, "--json");
  assert.equal(again.code, 2);
  assert.equal(again.json.error.code, "config_exists");
  assert.equal((await run(...init, "--force")).code, 0);
  assert.equal(await readFile(join(cwd, ".clickledger.env"), "utf8"), `CLICKLEDGER_API_KEY=${KEY}\n`);
  assert.equal(await readFile(join(cwd, ".gitignore"), "utf8"), ".clickledger.env\n");
});

test("the key comes from the file beside the settings, or from the environment, which beats it", async (t) => {
  const ledger = await startLedger(t);
  const { live, test: testKey } = ledger.fixture.keys;
  const { run, cwd } = await command(t, { settings: `url = "${ledger.url}"\n` });
  const none = await run("affiliates", "list", "--json");
  assert.deepEqual([none.code, none.json.error.code], [2, "no_key"]);
  await writeFile(join(cwd, ".clickledger.env"), `# the key\nCLICKLEDGER_API_KEY=${live}\n`);
  assert.equal((await run("affiliates", "list")).code, 0);

  const wrong = await command(t, { settings: `url = "${ledger.url}"\n`, key: `sk_live_${letters(44)}` });
  await writeFile(join(wrong.cwd, ".clickledger.env"), `CLICKLEDGER_API_KEY=${testKey}\n`);
  const refused = await wrong.run("affiliates", "list", "--json");
  assert.deepEqual([refused.code, refused.json.error.code], [4, "INVALID_API_KEY"]);
});

test("a key in the settings is refused, and not shown again", async (t) => {
  const { run } = await command(t, { settings: `url = "https://t.example"\nkey = "${KEY}"\n` });
  const answer = await run("affiliates", "list", "--json");
  assert.deepEqual([answer.code, answer.json.error.code], [2, "key_in_config"]);
  assert.ok(!(answer.stdout + answer.stderr).includes(KEY));
});

test("what cannot be understood is a matter of usage", async (t) => {
  const { run } = await command(t, { settings: "url = 5\n" });
  for (const args of [["nothing"], ["keys"], ["test", "refund"], ["export", "clicks"], ["affiliates", "list"]]) {
    const { code, stdout } = await run(...args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
  }
  const noUrl = await (await command(t, { key: KEY })).run("affiliates", "list", "--json");
  assert.deepEqual([noUrl.code, noUrl.json.error.code], [2, "no_config"]);
});

test("with the server away every command ends with 3, and says what was tried", async (t) => {
  const gone = await serve(t, () => {});
  const port = Number(new URL(gone).port);
  const url = `http://127.0.0.1:${port === 1 ? 2 : 1}`;
  const { run, cwd } = await command(t, { url, key: KEY });
  await writeFile(join(cwd, "a.csv"), "affiliate_id,email\naff_1,a@example.com\n");
  const calls = [
    ["keys", "list"],
    ["programs", "allow", "https://shop.example"],
    ["affiliates", "list"],
    ["test", "click"],
    ["events", "tail", "--no-follow"],
    ["webhooks", "list"],
    ["import", "referrals", "a.csv"],
    ["export", "referrals"],
  ];
  for (const call of calls) {
    const { code, json, stderr } = await run(...call, "--json");
    assert.deepEqual([code, json.error.code], [3, "network_error"], call.join(" "));
    assert.match(stderr, /nobody listens there/);
  }
});

test("with a wrong key every command ends with 4, and a redirect is not followed with the key", async (t) => {
  const ledger = await startLedger(t);
  const { run } = await command(t, { url: ledger.url, key: KEY });
  const calls = ["affiliates list", "test click", "events tail --no-follow", "webhooks list", "export payouts"];
  for (const call of calls.map((words) => words.split(" "))) {
    const { code, stderr } = await run(...call);
    assert.equal(code, 4, call.join(" "));
    assert.match(stderr, /CLICKLEDGER_API_KEY/);
  }

  let keysSeen = 0;
  const other = await serve(t, (request, response) => {
    keysSeen += 1;
    response.writeHead(200).end("{}");
  });
  const redirecting = await serve(
    t,
    (request, response) => response.writeHead(302, { location: `${other}/v1/affiliates` }).end(),
  );
  const answer = await (await command(t, { url: redirecting, key: KEY })).run("affiliates", "list", "--json");
  assert.deepEqual([answer.code, answer.json.error.code, keysSeen], [3, "network_error", 0]);
});

test("help and completions need neither settings nor a key", async (t) => {
  const { run } = await command(t);
  const help = await run("--help");
  assert.equal(help.code, 0);
  const names = ["init", "doctor", "keys", "programs", "affiliates", "test", "events", "webhooks", "import", "export", "demo"];
  for (const name of names) {
    assert.match(help.stdout, new RegExp(`^  ${name} `, "m"));
  }
  assert.match((await run("completions", "bash")).stdout, /complete -F _clickledger/);
  assert.match((await run("import", "affiliates", "--help")).stdout, /--dry-run/);
});

test("a call that is refused for now is made again after the time that is named, as the same call", async (t) => {
  const calls = [];
  const url = await serve(t, (request, response) => {
    calls.push({ url: request.url, key: request.headers["idempotency-key"] });
    if (calls.length % 2 === 1) return response.writeHead(429, { "retry-after": "1" }).end("{}");
    const body = { success: true, received: true, data: [], pagination: { total: 0, has_next_page: false } };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  const cli = await command(t, { url, key: KEY });
  assert.deepEqual(await good(cli, "affiliates", "list"), []);
  assert.deepEqual(calls.map(({ key }) => key), [undefined, undefined]);
  for (let time = 0; time < 2; time += 1) await good(cli, "test", "lead");
  const [first, again, second, secondAgain] = calls.slice(2).map(({ key }) => key);
  assert.ok(first);
  assert.deepEqual([again, secondAgain], [first, second]);
  assert.notEqual(second, first);
});
