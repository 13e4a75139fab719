// Clicks as browsers send them: again when they got no answer, by bots, of pages that nobody has seen yet; and their leads.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, atOnce, eventually, fromPage, get, latestClicks, post, rowCounts, select } from "./calls.mjs";

const SHOP = "https://shop.example";
const CLICK = "/api/v1/track/click";
const LEAD = "/api/v1/track/lead";
const link = (code = "alice") => ({ affiliate_url: `${SHOP}/?aff=${code}`, page_url: `${SHOP}/` });

/** A landing of this name; the click's id. */
async function land(ledger, event_id, { code, ...more } = {}) {
  const answer = await fromPage(ledger, CLICK, { ...link(code), event_id, ...more });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.success, true);
  return answer.json.click_id;
}

/** How many clicks D1 has been told of. */
async function counted(ledger) {
  const [{ clicks }] = await select(ledger, "SELECT COALESCE(SUM(clicks), 0) AS clicks FROM click_count");
  return clicks;
}

test("the same landing sent again is the same click, on another page and after a restart too", async (t) => {
  const ledger = await startLedger(t);
  const id = await land(ledger, "landing-1");
  assert.match(id, /^ref_\w{25}$/);
  assert.equal(await land(ledger, "landing-1"), id);
  assert.equal(await land(ledger, "landing-1", { page_url: `${SHOP}/pricing`, session_id: "another" }), id);
  await ledger.restart();
  assert.equal(await land(ledger, "landing-1"), id);
  await eventually(async () => assert.equal(await counted(ledger), 1));
  assert.deepEqual(
    (await latestClicks(ledger)).map((click) => click.id),
    [id],
  );
});

test("the same landing fifty times at once is one click", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const ids = await atOnce(50, () => land(ledger, "landing-1"));
  assert.equal(new Set(ids).size, 1);
  await eventually(async () => assert.equal(await counted(ledger), 1));
  assert.equal((await latestClicks(ledger)).length, 1);
});

test("another landing, another affiliate, and no name at all are other clicks", async (t) => {
  const ledger = await startLedger(t);
  await addAffiliate(ledger, { trackingId: "bob" });
  const ids = [
    await land(ledger, "landing-1"),
    await land(ledger, "landing-2"),
    await land(ledger, "landing-1", { code: "bob" }),
    await land(ledger, undefined),
    await land(ledger, undefined),
    await land(ledger, ""),
    await land(ledger, null),
  ];
  assert.equal(new Set(ids).size, ids.length);
});

test("a click under a name becomes a lead and a sale like any other", async (t) => {
  const ledger = await startLedger(t);
  const click_id = await land(ledger, "landing-1");
  assert.equal((await fromPage(ledger, LEAD, { click_id, customer_key: "user_1", event_id: "lead-1" })).status, 200);
  const sale = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  // 30 % of 99.00.
  assert.equal((await post(ledger, "/v1/conversions", sale)).json.data.commission_amount, 29.7);
  // The landing is known still, and what became of it is not undone.
  assert.equal(await land(ledger, "landing-1"), click_id);
  assert.deepEqual(await select(ledger, "SELECT id, status FROM referral"), [{ id: click_id, status: "customer" }]);
});

test("a landing of last month's last minute that is sent again this month is the same click", async (t) => {
  const ledger = await startLedger(t);
  const id = await land(ledger, "landing-1");
  await eventually(async () => assert.equal(await counted(ledger), 1));
  // The alarm after the one that counted finds nothing to do and is the last.
  await new Promise((done) => setTimeout(done, 3_000));
  await ledger.restart();
  assert.equal(makeOlder(ledger, 1), 1);
  assert.equal(await land(ledger, "landing-1"), id);
  await land(ledger, "landing-2");
  await eventually(async () => assert.equal(await counted(ledger), 2));
});

/** Makes the clicks of every shard so many months older, as their tables go, while no object is awake; how many tables. */
function makeOlder(ledger, months) {
  const folder = join(ledger.state, "do/clickledger-ClickLedger");
  let renamed = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite")) {
    const shard = new DatabaseSync(join(folder, file));
    const kept = shard.prepare("SELECT name FROM sqlite_master WHERE name = 'counted'").all();
    const tables = kept.length === 0 ? [] : shard.prepare("SELECT month FROM counted").all();
    for (const { month } of tables) {
      const [year, number] = month.split("_").map(Number);
      const older = new Date(Date.UTC(year, number - 1 - months)).toISOString().slice(0, 7).replace("-", "_");
      shard.exec(`ALTER TABLE click_${month} RENAME TO click_${older}`);
      shard.prepare("UPDATE counted SET month = ? WHERE month = ?").run(older, month);
      renamed += 1;
    }
    shard.close();
  }
  return renamed;
}

test("a name is 1 to 64 visible ASCII characters", async (t) => {
  const ledger = await startLedger(t);
  for (const event_id of ["x", "x".repeat(64), "0f8fad5b-d9cb-469f-a165-70867728950e", "!~"]) await land(ledger, event_id);
  for (const event_id of ["x".repeat(65), "two words", "é", "a\n", "\u0000", " "]) {
    const answer = await fromPage(ledger, CLICK, { ...link(), event_id });
    assert.equal(answer.status, 400, JSON.stringify(event_id));
    assert.match(answer.json.error, /^event_id: /);
  }
});

test("a backend's repeats go by its Idempotency-Key, not by the name", async (t) => {
  const ledger = await startLedger(t);
  const { token } = ledger.fixture.keys;
  const send = async (headers) => {
    const answer = await post(ledger, CLICK, { ...link(), event_id: "landing-1" }, { key: token, headers });
    assert.equal(answer.status, 200, answer.text);
    return answer.json.click_id;
  };
  assert.notEqual(await send(), await send());
  assert.equal(await send({ "idempotency-key": "visit-1" }), await send({ "idempotency-key": "visit-1" }));
});

test("with an Idempotency-Key beside it, a browser's name counts for nothing either", async (t) => {
  const ledger = await startLedger(t);
  const send = async (key) =>
    (await fromPage(ledger, CLICK, { ...link(), event_id: "landing-1" }, { "idempotency-key": key })).json.click_id;
  assert.equal(await send("visit-1"), await send("visit-1"));
  assert.notEqual(await send("visit-1"), await send("visit-2"));
});

test("nobody can tell a click's id from the landing's name", async (t) => {
  const [one, other] = [await startLedger(t), await startLedger(t)];
  assert.notEqual(await land(one, "landing-1"), await land(other, "landing-1"));
  const sameTeam = await startLedger(t, { vars: { IDENTITY_SECRET: "another secret of this operator" } });
  assert.notEqual(await land(one, "landing-1"), await land(sameTeam, "landing-1"));
});

test("the same lead three times is one referral and one line, with a key of its customer or the e-mail alone", async (t) => {
  const ledger = await startLedger(t);
  const bodies = [
    { customer_key: "user_1", email: "jane@example.com", event_id: "lead-1" },
    { email: "joe@example.com", event_id: "lead-2" },
  ];
  for (const [number, body] of bodies.entries()) {
    const click_id = await land(ledger, `landing-${number}`);
    for (let time = 0; time < 3; time += 1) {
      const answer = await fromPage(ledger, LEAD, { ...body, click_id });
      assert.deepEqual([answer.status, answer.json], [200, { success: true, message: "Lead tracked successfully" }]);
    }
    const answers = await atOnce(10, () => fromPage(ledger, LEAD, { ...body, click_id }));
    assert.ok(answers.every(({ status }) => status === 200));
  }
  // Two names for Jane, one for Joe.
  assert.deepEqual(await rowCounts(ledger), { referral: 2, identity: 3, event: 2 });
  const masked = await select(ledger, "SELECT email_masked, email FROM referral ORDER BY email_masked DESC");
  assert.deepEqual(masked, [
    { email_masked: "j***@example.com", email: null },
    { email_masked: "j***@example.com", email: null },
  ]);
});

test("a browser's lead tells the customer's name, where the program keeps names; the line keeps it nowhere", async (t) => {
  for (const [name_tracking, kept] of [
    [1, "Jane Doe"],
    [0, null],
  ]) {
    const ledger = await startLedger(t, { program: { name_tracking } });
    const click_id = await land(ledger, "landing-1");
    const body = { click_id, email: "jane@example.com", customer_key: "user_1", name: " Jane Doe " };
    for (let twice = 0; twice < 2; twice += 1) assert.equal((await fromPage(ledger, LEAD, body)).status, 200);
    assert.deepEqual(await select(ledger, "SELECT name FROM referral"), [{ name: kept }]);
    assert.equal((await get(ledger, `/v1/referrals/${click_id}`)).json.data.name, kept);
    assert.ok(!JSON.stringify(await select(ledger, "SELECT * FROM event")).includes("Doe"));
  }
});

test("a name has up to 255 characters", async (t) => {
  const ledger = await startLedger(t);
  const click_id = await land(ledger, "landing-1");
  const longer = await fromPage(ledger, LEAD, { click_id, customer_key: "user_1", name: "李".repeat(256) });
  assert.deepEqual([longer.status, longer.json.error], [400, "name: is longer than 255 characters"]);
  assert.deepEqual(await rowCounts(ledger), {});
  const fits = await fromPage(ledger, LEAD, { click_id, customer_key: "user_1", name: "李".repeat(255) });
  assert.equal(fits.status, 200);
});

const BOTS = [
  "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
  "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
];
const PHONE =
  "Mozilla/5.0 (Linux; Android 12; CUBOT_X50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36";

test("a bot is not tracked and gets no id, whatever the body says; people and tools are", async (t) => {
  const ledger = await startLedger(t);
  for (const agent of BOTS) {
    for (const user_agent of [undefined, PHONE]) {
      const answer = await fromPage(ledger, CLICK, { ...link(), event_id: "landing-1", user_agent }, { "user-agent": agent });
      assert.deepEqual([answer.status, answer.json], [200, { success: true, tracked: false, reason: "bot" }], agent);
    }
  }
  assert.deepEqual(await latestClicks(ledger), []);
  for (const agent of [PHONE, "curl/8.5.0", "python-requests/2.32.3", "PostmanRuntime/7.42.0", ""]) {
    const answer = await fromPage(ledger, CLICK, link(), { "user-agent": agent });
    assert.match(answer.json.click_id, /^ref_/, agent);
  }
  assert.equal((await latestClicks(ledger)).length, 5);
});

test("of a backend's call only the visitor's user agent counts, where it is sent", async (t) => {
  const ledger = await startLedger(t);
  const [bot] = BOTS;
  const { token } = ledger.fixture.keys;
  const track = (user_agent, agent) =>
    post(ledger, CLICK, { ...link(), user_agent }, { key: token, headers: { "user-agent": agent } });
  assert.deepEqual((await track(bot, "node")).json, { success: true, tracked: false, reason: "bot" });
  assert.match((await track(PHONE, bot)).json.click_id, /^ref_/);
  assert.match((await track(undefined, bot)).json.click_id, /^ref_/);

  const create = (userAgent, agent) =>
    post(ledger, "/v1/clicks", { trackingId: "alice", userAgent }, { headers: { "user-agent": agent } });
  for (let twice = 0; twice < 2; twice += 1) {
    const told = await create(bot, "node");
    assert.deepEqual([told.status, told.json], [200, { success: true, data: { tracked: false, reason: "bot" } }]);
  }
  assert.equal((await create(PHONE, bot)).status, 201);
  assert.equal((await create(undefined, bot)).status, 201);
  assert.equal((await latestClicks(ledger)).length, 4);
});

for (const headers of [
  { "x-purpose": "preview" },
  { purpose: "preview" },
  { "x-moz": "prefetch" },
  { "sec-purpose": "prefetch;anonymous-client-ip" },
  { "sec-purpose": "Prefetch" },
]) {
  test(`a page that is loaded ahead is no click: ${JSON.stringify(headers)}`, async (t) => {
    const ledger = await startLedger(t);
    const answer = await fromPage(ledger, CLICK, link(), headers);
    assert.deepEqual([answer.status, answer.json], [200, { success: true, tracked: false, reason: "prefetch" }]);
    assert.deepEqual(await latestClicks(ledger), []);
  });
}
