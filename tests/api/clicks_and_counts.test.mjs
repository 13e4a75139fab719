// What a click keeps, how clicks are counted into D1, and what the owner's dashboard shows of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { addAffiliate, atOnce, click, eventually, get, latestClicks, post, select, shardOf } from "./calls.mjs";

const HOUR = 60 * 60 * 1000;

const published = {
  sub1: "s1",
  sub2: "s2",
  sub3: "s3",
  sub4: "s4",
  sub5: "s5",
  referrer: "https://blog.example/review?x=1",
  userAgent: "Mozilla/5.0 (X11; Linux x86_64)",
  utmSource: "newsletter",
  utmMedium: "email",
  utmCampaign: "spring",
  utmTerm: "affiliate",
  utmContent: "button",
  gclid: "g1",
  fbclid: "f1",
  msclkid: "m1",
  ttclid: "t1",
};
const IP = "203.0.113.77";

test("a click keeps every published field, and of the address a keyed hash only", async (t) => {
  const ledger = await startLedger(t);
  const body = { trackingId: "alice", programId: ledger.fixture.program.id, ...published, ip: IP };
  const answer = await post(ledger, "/v1/clicks", body);
  assert.equal(answer.status, 201);
  const { id, created_at, ...rest } = answer.json.data;
  assert.deepEqual(rest, { tracking_id: "alice", program_id: ledger.fixture.program.id });
  assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);

  await post(ledger, "/v1/signups", { click_id: id, external_user_id: "user_1" });
  const [row] = await select(ledger, "SELECT click, clicked_at FROM referral");
  const { ip_hash, ...facts } = JSON.parse(row.click);
  assert.deepEqual(facts, published);
  assert.match(ip_hash, /^[0-9a-f]{64}$/);
  assert.equal(row.clicked_at, Date.parse(created_at));

  const overview = await get(ledger, "/dashboard/overview");
  const timeline = await get(ledger, `/v1/referrals/${id}/timeline`);
  for (const { text } of [answer, overview, timeline]) assert.ok(!text.includes(IP));
  for (const table of ["referral", "event", "identity"]) {
    assert.ok(!JSON.stringify(await select(ledger, `SELECT * FROM ${table}`)).includes(IP), table);
  }
});

const LIMITS = { userAgent: 1000, referrer: 2000, ip: 45 };

test("a field of a click may be as long as published, and no longer", async (t) => {
  const ledger = await startLedger(t);
  for (const field of [...Object.keys(published), "ip"]) {
    const limit = LIMITS[field] ?? 255;
    const send = (length) => post(ledger, "/v1/clicks", { trackingId: "alice", [field]: "x".repeat(length) });
    assert.equal((await send(limit)).status, 201, field);
    const longer = await send(limit + 1);
    assert.deepEqual([longer.status, longer.json.error.field], [400, field]);
  }
});

test(
  "limits are of characters, not of bytes",
  async (t) => {
    const ledger = await startLedger(t);
    const id = await click(ledger, { sub1: "ü".repeat(255) });
    const signup = { click_id: id, external_user_id: "user_1", name: "李".repeat(255) };
    assert.equal((await post(ledger, "/v1/signups", signup)).status, 201);
  },
);

test("a click may be dated back; its answer, its row and its hour are of that date", async (t) => {
  const ledger = await startLedger(t);
  const createdAt = "2026-03-01T14:59:59.500+02:00";
  const moment = Date.parse("2026-03-01T12:59:59.500Z");
  const answer = await post(ledger, "/v1/clicks", { trackingId: "alice", createdAt });
  assert.equal(Date.parse(answer.json.data.created_at), moment);
  await post(ledger, "/v1/signups", { click_id: answer.json.data.id, external_user_id: "user_1" });
  assert.deepEqual(await select(ledger, "SELECT clicked_at FROM referral"), [{ clicked_at: moment }]);
  const [shown] = await latestClicks(ledger);
  assert.equal(Date.parse(shown.created_at), moment);
  await eventually(async () => {
    const hours = await select(ledger, "SELECT hour, clicks FROM click_count");
    assert.deepEqual(hours, [{ hour: Math.floor(moment / HOUR), clicks: 1 }]);
  });
});

test("a date that is none is a 400", async (t) => {
  const ledger = await startLedger(t);
  for (const createdAt of [
    "",
    "yesterday",
    "2026-03-01",
    "2026-02-30T00:00:00Z",
    "2026-03-01T00:00:00",
    "1700000000",
  ]) {
    const answer = await post(ledger, "/v1/clicks", { trackingId: "alice", createdAt });
    assert.deepEqual([answer.status, answer.json.error.field], [400, "createdAt"], createdAt);
  }
  assert.deepEqual(await latestClicks(ledger), []);
});

/** The counts as D1 has them, in the form of `counted`. */
async function stored(ledger) {
  const rows = await select(ledger, "SELECT program_id, affiliate_id, is_test, hour, shard, clicks FROM click_count");
  const key = ({ program_id, affiliate_id, is_test, hour, shard }) =>
    [program_id, affiliate_id, is_test, hour, shard].join();
  return Object.fromEntries(rows.map((row) => [key(row), row.clicks]).sort());
}

/** The same, counted here from the answers of the calls. */
function counted(clicks) {
  const counts = {};
  for (const { affiliateId, isTest, data } of clicks) {
    const hour = Math.floor(Date.parse(data.created_at) / HOUR);
    const key = [data.program_id, affiliateId, isTest, hour, shardOf(data.id)].join();
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return Object.fromEntries(Object.entries(counts).sort());
}

/** Sixty clicks: of two affiliates and another team's, live and test, now and in the past. */
async function sixtyClicks(ledger) {
  const { keys, affiliate, other } = ledger.fixture;
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  const kinds = [
    { count: 25, key: keys.live, trackingId: "alice", affiliateId: affiliate.id, isTest: 0 },
    { count: 15, key: keys.live, trackingId: "bob", affiliateId: bob, isTest: 0 },
    { count: 10, key: keys.test, trackingId: "alice", affiliateId: affiliate.id, isTest: 1 },
    { count: 5, key: other.keys.live, trackingId: "mallory", affiliateId: other.affiliate.id, isTest: 0 },
    {
      count: 5,
      key: keys.live,
      trackingId: "alice",
      affiliateId: affiliate.id,
      isTest: 0,
      createdAt: "2026-01-02T03:04:05Z",
    },
  ];
  const made = kinds.map(({ count, key, trackingId, affiliateId, isTest, createdAt }) =>
    atOnce(count, async () => {
      const answer = await post(ledger, "/v1/clicks", { trackingId, ...(createdAt && { createdAt }) }, { key });
      assert.equal(answer.status, 201, answer.text);
      return { affiliateId, isTest, data: answer.json.data };
    }),
  );
  return (await Promise.all(made)).flat();
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

test("clicks are counted into D1 within five seconds, each once, by affiliate, mode, hour and shard", async (t) => {
  const ledger = await startLedger(t);
  const clicks = await sixtyClicks(ledger);
  assert.deepEqual([...new Set(clicks.map(({ data }) => shardOf(data.id)))].sort(), [0, 1, 2, 3]);
  assert.equal(new Set(clicks.map(({ data }) => data.id)).size, 60);

  await eventually(async () => assert.deepEqual(await stored(ledger), counted(clicks)));

  // More clicks raise the counts to what they then are; the old ones are not added again.
  const more = await sixtyMore(ledger, clicks);
  await eventually(async () => assert.deepEqual(await stored(ledger), counted(more)));
  await pause(3_000);
  assert.deepEqual(await stored(ledger), counted(more));
  await ledger.restart();
  await pause(3_000);
  assert.deepEqual(await stored(ledger), counted(more));
});

async function sixtyMore(ledger, clicks) {
  const affiliateId = ledger.fixture.affiliate.id;
  const answers = await atOnce(60, () => post(ledger, "/v1/clicks", { trackingId: "alice" }));
  return [...clicks, ...answers.map(({ json }) => ({ affiliateId, isTest: 0, data: json.data }))];
}

test("clicks acknowledged just before the end are counted after the restart, without any traffic", async (t) => {
  const ledger = await startLedger(t);
  const clicks = await sixtyClicks(ledger);
  assert.deepEqual(await stored(ledger), {});
  await ledger.restart();
  // Only D1 is asked: nothing wakes a shard but its own alarm.
  await eventually(async () => assert.deepEqual(await stored(ledger), counted(clicks)));
  await pause(3_000);
  assert.deepEqual(await stored(ledger), counted(clicks));
  assert.equal((await latestClicks(ledger)).length, 25);
});

test("/healthz says that database and objects answer", async (t) => {
  const ledger = await startLedger(t);
  for (const path of ["/healthz", "/healthz/", "/healthz?x=1"]) {
    const answer = await get(ledger, path, { key: null });
    const { status, database, objects } = answer.json;
    assert.deepEqual([answer.status, status, database, objects], [200, "ok", "ok", "ok"]);
  }
});

test("the dashboard shows clicks, leads, sales and commissions with their sums", async (t) => {
  const ledger = await startLedger(t);
  const id = await click(ledger, { referrer: "https://blog.example/" });
  await post(ledger, "/v1/signups", { click_id: id, external_user_id: "user_1", email: "jane@example.com" });
  const sale = { external_user_id: "user_1", sale_amount: 99, external_event_id: "order_1" };
  const sold = await post(ledger, "/v1/conversions", sale);
  const organic = await post(ledger, "/v1/conversions", {
    ...sale,
    external_user_id: "nobody",
    external_event_id: "order_2",
  });
  assert.deepEqual([sold.status, organic.status], [201, 404]);

  const expected = { clicks: 1, leads: 1, sales: 1, unattributed_sales: 1, commission: "29.70" };
  await eventually(async () => assert.deepEqual((await get(ledger, "/dashboard/overview")).json.totals, expected));
  const { json } = await get(ledger, "/dashboard/overview");
  const { program } = ledger.fixture;
  assert.deepEqual(json.program, { id: program.id, number: program.number, name: "Program 1" });
  assert.equal(json.currency, "USD");
  const [shown] = json.clicks;
  assert.deepEqual([shown.id, shown.tracking_id, shown.referrer], [id, "alice", "https://blog.example/"]);
  const [lead] = json.leads;
  assert.deepEqual([lead.id, lead.status, lead.customer], [id, "customer", "j***@example.com"]);
  const sales = json.sales.map(({ id: sale_id, amount, attributed }) => [sale_id, amount, attributed]);
  assert.deepEqual(
    sales.sort(),
    [
      [sold.json.data.id, "99.00", true],
      ["order_2", "99.00", false],
    ].sort(),
  );
  const [commission] = json.commissions;
  assert.deepEqual([commission.id, commission.amount, commission.kind], [sold.json.data.earning_id, "29.70", "sale"]);
  for (const row of [...json.leads, ...json.sales, ...json.commissions]) {
    assert.ok(row.reason.length > 0 && row.explanation.length > 0);
    assert.equal(row.is_test, false);
  }
});

test("the dashboard shows test rows only where they are asked for", async (t) => {
  const ledger = await startLedger(t);
  const { keys } = ledger.fixture;
  const test_id = await click(ledger, { key: keys.test });
  await post(ledger, "/v1/signups", { click_id: test_id, external_user_id: "user_1" }, { key: keys.test });
  const body = { customer_key: "user_2", additional_data: { test_mode: true } };
  await post(ledger, "/api/v1/track/lead", body, { key: keys.token });
  const shown = async (path, key) => {
    const { json } = await get(ledger, path, { key });
    return [json.clicks.length, json.leads.map(({ is_test }) => is_test)];
  };
  assert.deepEqual(await shown("/dashboard/overview", keys.live), [0, []]);
  assert.deepEqual(await shown("/dashboard/overview?test=0", keys.live), [0, []]);
  assert.deepEqual(await shown("/dashboard/overview?test=1", keys.live), [1, [true, true]]);
  assert.deepEqual(await shown("/dashboard/overview", keys.test), [1, [true, true]]);
});

test("the dashboard asks for a right key", async (t) => {
  const ledger = await startLedger(t);
  const { live, token } = ledger.fixture.keys;
  for (const key of [null, "sk_live_0123456789abcdef0123456789abcdef", token, `${live}x`]) {
    assert.equal((await get(ledger, "/dashboard/overview", { key })).status, 401);
  }
  const inPath = await ledger.request("GET", `/dashboard/overview?key=${live}`);
  assert.equal(inPath.status, 401);
});
