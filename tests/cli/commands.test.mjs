// The command line against a running ledger: each command, for people and for programs, and each write twice.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { click, sold, unique } from "../api/calls.mjs";
import { deliveries, lead, startTelling, subscribe } from "../api/webhook_calls.mjs";
import { startLedger } from "../support/ledger.mjs";
import { startReceiver } from "../support/receiver.mjs";
import { command, commandOf, good, until } from "./command.mjs";

test("an affiliate is made once, and listed", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const create = [
    "affiliates",
    "create",
    "--name",
    "Mara",
    "--email",
    "mara@partners.example",
    "--tracking-id",
    "mara",
  ];
  const made = await good(cli, ...create);
  assert.deepEqual([made.name, made.tracking_id, made.partnership_status], ["Mara", "mara", "approved"]);
  const again = await cli.run(...create, "--json");
  assert.deepEqual([again.code, again.json.error.code, again.json.error.field], [4, "DUPLICATE_ERROR", "tracking_id"]);
  const listed = await good(cli, "affiliates", "list", "--search", "mara");
  assert.deepEqual(listed.map(({ id }) => id), [made.id]);
  assert.equal((await good(cli, "affiliates", "list")).length, 2);
  const table = await cli.run("affiliates", "list", "--search", "mara");
  assert.match(
    table.stdout,
    /^ID +TRACKING ID +NAME +EMAIL +STATUS\naff_\w+ +mara +Mara +mara@partners\.example +approved\n$/,
  );
});

test("test sends an event of each kind, which counts nowhere", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  for (const kind of ["click", "lead", "sale"]) {
    for (let time = 0; time < 2; time += 1) {
      const { event_type, received } = await good(cli, "test", kind);
      assert.deepEqual([event_type, received], [kind, true]);
    }
  }
  assert.equal((await cli.run("events", "tail", "--no-follow", "--json")).stdout, "");
});

test("events tail prints each line once, and those of test rows to a test key alone", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const child = cli.start("events", "tail", "--json", "--every", "1");
  let printed = "";
  child.stdout.on("data", (data) => (printed += data));
  const lines = () => printed.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const first = await sold(ledger, "order_1");
  await until(() => lines().length === 2);
  const second = await sold(ledger, "order_2");
  await sold(ledger, "order_1", { key: ledger.fixture.keys.test });
  await until(() => lines().length >= 4);
  assert.deepEqual(
    lines().map(({ event, subject }) => [event, subject]),
    [first, second].flatMap(({ referral_id }) => ["referral.lead", "sale.recorded"].map((event) => [event, referral_id])),
  );
  const people = await cli.run("events", "tail", "--no-follow", "--lines", "1");
  assert.match(
    people.stdout,
    new RegExp(`^\\S+  sale\\.recorded  commission_earned  ${second.referral_id}  key:key_\\w+\n$`),
  );
  const [, next] = people.stderr.match(/--after (\d+)/);
  assert.equal((await cli.run("events", "tail", "--no-follow", "--after", next)).stdout, "");
  const all = await cli.run("events", "tail", "--no-follow", "--after", "0");
  assert.equal(all.stdout.split("\n").length, 5);
  const tests = await command(t, { url: ledger.url, key: ledger.fixture.keys.test });
  assert.equal((await tests.run("events", "tail", "--no-follow")).stdout.split("\n").length, 3);
});

test("webhooks shows what an endpoint failed to take, and sends it again", async (t) => {
  const ledger = await startTelling(t);
  const receiver = await startReceiver(t);
  const cli = await commandOf(t, ledger);
  assert.deepEqual(await good(cli, "webhooks", "list"), []);
  const { id } = await subscribe(ledger, receiver.url);
  await lead(ledger);
  await receiver.received(1);
  const [endpoint] = await good(cli, "webhooks", "list");
  assert.deepEqual([endpoint.id, endpoint.failed], [id, 0]);
  const [delivery] = await until(async () => {
    const log = await deliveries(ledger, id, "?status=delivered");
    return log.length > 0 && log;
  });
  for (let time = 2; time <= 3; time += 1) {
    const replayed = await good(cli, "webhooks", "replay", id, delivery.id);
    assert.deepEqual([replayed.id, replayed.type], [delivery.id, "referral.lead"]);
    await until(() => receiver.requests.length === time);
  }
  for (let time = 0; time < 2; time += 1) assert.deepEqual(await good(cli, "webhooks", "replay", id), { replayed: 0 });
  const unknown = await cli.run("webhooks", "replay", "whe_none", "--json");
  assert.deepEqual([unknown.code, unknown.json.error.code], [4, "NOT_FOUND"]);
  const stranger = await command(t, { url: ledger.url, key: ledger.fixture.other.keys.live });
  assert.equal((await stranger.run("webhooks", "replay", id)).code, 4);
  assert.deepEqual(await good(stranger, "webhooks", "list"), []);
  for (let time = 0; time < 2; time += 1) assert.equal((await good(cli, "webhooks", "enable", id)).enabled, true);
});

test("programs allow adds an origin once, and keeps the others", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const expected = { origins: ["https://shop.example", "https://other.example"] };
  for (let time = 0; time < 2; time += 1) {
    const { origins } = await good(cli, "programs", "allow", "https://other.example/");
    assert.deepEqual(origins.toSorted().reverse(), expected.origins);
  }
  assert.equal((await cli.run("programs", "allow", "other.example")).code, 2);
});

test("export writes every row once, oldest first, through several pages", async (t) => {
  const ledger = await startLedger(t);
  const cli = await commandOf(t, ledger);
  const sales = [];
  for (let number = 0; number < 3; number += 1) sales.push(await sold(ledger, unique("order")));
  // More than a page of customers.
  const clicks = await Promise.all(Array.from({ length: 101 }, () => click(ledger)));
  await Promise.all(
    clicks.map((click_id, number) =>
      ledger.request(
        "POST",
        "/v1/signups",
        { key: ledger.fixture.keys.live, body: { click_id, external_user_id: `u${number}` } },
      ),
    ),
  );
  const lines = (await cli.run("export", "referrals", "--json")).stdout.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(new Set(lines.map(({ id }) => id)).size, 104);
  assert.equal(lines.length, 104);
  assert.deepEqual(lines.slice(0, 3).map(({ id }) => id), sales.map(({ referral_id }) => referral_id));

  for (const [kind, column, value] of [["conversions", "sale_amount", "99"], ["commissions", "commission_amount", "29.7"]]) {
    const [titles, ...rows] = (await cli.run("export", kind)).stdout.trim().split("\n").map((line) => line.split(","));
    assert.equal(rows.length, 3, kind);
    assert.deepEqual(rows.map((row) => row[titles.indexOf(column)]), [value, value, value]);
  }
  assert.equal((await cli.run("export", "payouts")).stdout, "");
  assert.equal((await cli.run("export", "conversions", "--to", "2020-01-01")).stdout, "");
  const file = await good(cli, "export", "conversions", "--format", "jsonl", "--output", "sales.jsonl");
  assert.deepEqual(file, { rows: 3, file: "sales.jsonl" });
  assert.equal((await readFile(join(cli.cwd, "sales.jsonl"), "utf8")).trim().split("\n").length, 3);
  const stranger = await command(t, { url: ledger.url, key: ledger.fixture.other.keys.live });
  assert.equal((await stranger.run("export", "conversions")).stdout, "");
});
