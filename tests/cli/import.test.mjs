// The command line brings affiliates and customers in: every line once, whatever happens meanwhile, or named with its reason.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { select } from "../api/calls.mjs";
import { startLedger } from "../support/ledger.mjs";
import { command, commandOf, good, standBefore } from "./command.mjs";

const AFFILIATES = "name,email,tracking_id\nMara,mara@partners.example,mara\n\"Jon, jr.\",jon@partners.example,\n";

const counted = ({ sent, made, there_already, wrong }) => ({ sent, made, there_already, wrong });

const count = async (ledger, table) => (await select(ledger, `SELECT COUNT(*) AS count FROM ${table}`))[0].count;

test("affiliates are brought in once, however often the file is", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  await writeFile(join(cli.cwd, "a.csv"), AFFILIATES);
  const before = await count(ledger, "affiliate");
  assert.deepEqual(
    counted(await good(cli, "import", "affiliates", "a.csv", "--dry-run")),
    { sent: false, made: 0, there_already: 0, wrong: [] },
  );
  assert.equal(await count(ledger, "affiliate"), before);
  assert.deepEqual(
    counted(await good(cli, "import", "affiliates", "a.csv")),
    { sent: true, made: 2, there_already: 0, wrong: [] },
  );
  for (let time = 0; time < 2; time += 1) {
    assert.deepEqual(
      counted(await good(cli, "import", "affiliates", "a.csv")),
      { sent: true, made: 0, there_already: 2, wrong: [] },
    );
  }
  // A line that was edited since is known by its address.
  await writeFile(join(cli.cwd, "a.csv"), AFFILIATES.replace("Mara,", "Mara Lindqvist,"));
  assert.deepEqual(
    counted(await good(cli, "import", "affiliates", "a.csv")),
    { sent: true, made: 0, there_already: 2, wrong: [] },
  );
  assert.equal(await count(ledger, "affiliate"), before + 2);
});

test("customers are brought in by their affiliate's code or id", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const file = [
    "email,tracking_id,affiliate_id,status,created_at",
    "a@example.com,alice,,lead,2026-01-02T03:04:05Z",
    `b@example.com,,${ledger.fixture.affiliate.id},,`,
  ].join("\n");
  await writeFile(join(cli.cwd, "r.csv"), file);
  for (const made of [2, 0]) {
    assert.deepEqual(
      counted(await good(cli, "import", "referrals", "r.csv")),
      { sent: true, made, there_already: 2 - made, wrong: [] },
    );
  }
  const rows = await select(ledger, "SELECT email, affiliate_id, created_at FROM referral ORDER BY email");
  assert.deepEqual(rows.map(({ email }) => email), ["a@example.com", "b@example.com"]);
  assert.ok(rows.every(({ affiliate_id }) => affiliate_id === ledger.fixture.affiliate.id));
  assert.equal(rows[0].created_at, Date.parse("2026-01-02T03:04:05Z"));
});

test("wrong lines are named, and nothing is sent unless they are to be skipped", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const people = ["a@example.com,alice,lead", "no address,alice,lead", "c@example.com,nobody,lead", "d@example.com,alice,gone"];
  const file = ["email,tracking_id,status", ...people].join("\n");
  await writeFile(join(cli.cwd, "r.csv"), file);
  const wrong = [
    [3, "email"],
    [4, "tracking_id"],
    [5, "status"],
  ];
  const named = (json) => json.wrong.map(({ line, column }) => [line, column]);
  for (const more of [[], ["--dry-run"]]) {
    const { code, json } = await cli.run("import", "referrals", "r.csv", ...more, "--json");
    assert.deepEqual([code, json.sent, json.made, named(json)], [1, false, 0, wrong]);
  }
  assert.equal(await count(ledger, "referral"), 0);
  const { code, json } = await cli.run("import", "referrals", "r.csv", "--skip-wrong", "--json");
  assert.deepEqual([code, json.sent, json.made, named(json)], [1, true, 1, wrong]);
  const said = await cli.run("import", "referrals", "r.csv", "--skip-wrong");
  assert.match(said.stdout, /^line 3, email: is no e-mail address\nline 4, tracking_id: .*"nobody"\n/);
  assert.match(said.stdout, /0 made, 1 there already, 3 wrong\n$/);
});

test("what the service refuses is a fault of its line, and the others come in", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  await writeFile(
    join(cli.cwd, "a.csv"),
    "name,email,tracking_id\nA,a@partners.example,alice\nB,b@partners.example,b\n",
  );
  const { code, json } = await cli.run("import", "affiliates", "a.csv", "--json");
  assert.deepEqual(
    [code, json.made, json.wrong.map(({ line, column }) => [line, column])],
    [1, 1, [[2, "tracking_id"]]],
  );
});

test("a run that was interrupted is simply repeated", async (t) => {
  const ledger = await startLedger(t);
  const rows = Array.from({ length: 6 }, (_, number) => `N${number},n${number}@partners.example\n`);
  // The third line is made, and its answer is lost.
  let calls = 0;
  const url = await standBefore(t, ledger, () => {
    calls += 1;
    return calls === 3 ? "nothing" : undefined;
  });
  const cli = await command(t, { url, key: ledger.fixture.keys.live });
  await writeFile(join(cli.cwd, "a.csv"), `name,email\n${rows.join("")}`);
  const before = await count(ledger, "affiliate");
  const cut = await cli.run("import", "affiliates", "a.csv", "--json");
  assert.equal(cut.code, 3, cut.stdout + cut.stderr);
  assert.match(cut.stderr, /stopped at line 4; run it again/);
  assert.equal(await count(ledger, "affiliate"), before + 3);
  const direct = await command(t, { url: ledger.url, key: ledger.fixture.keys.live });
  await writeFile(join(direct.cwd, "a.csv"), `name,email\n${rows.join("")}`);
  assert.deepEqual(
    counted(await good(direct, "import", "affiliates", "a.csv")),
    { sent: true, made: 3, there_already: 3, wrong: [] },
  );
  assert.equal(await count(ledger, "affiliate"), before + 6);
});

test("a file that cannot be read as such is refused as a whole", async (t) => {
  const cli = await command(t, { url: "http://127.0.0.1:1", key: `sk_live_${"a".repeat(44)}` });
  await writeFile(join(cli.cwd, "a.csv"), "name,mail\nMara,mara@partners.example\n");
  const unknown = await cli.run("import", "affiliates", "a.csv", "--json");
  assert.deepEqual([unknown.code, unknown.json.error.code], [2, "bad_file"]);
  const missing = await cli.run("import", "affiliates", "b.csv", "--json");
  assert.deepEqual([missing.code, missing.json.error.code], [5, "file_error"]);
});
