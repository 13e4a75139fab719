// Keys: what is said to a call without one, with a wrong one, or with one of the other dialect.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { click, get, post, rowCounts, signedUp } from "./calls.mjs";
import { assertError, isAffitor, ROUTES } from "./routes.mjs";

const DAY = 24 * 60 * 60 * 1000;

const affonso = ROUTES.filter((route) => route.key === "live");
const affitor = ROUTES.filter((route) => route.key === "token");
// A key is optional on track/lead; present but wrong it is refused.
const lead = ROUTES.find(({ path }) => path === "/api/v1/track/lead");

const call = (ledger, route, authorization) =>
  ledger.request(route.method, route.path, {
    body: route.body,
    headers: authorization === undefined ? {} : { authorization },
  });

/** Every route that looks at keys answers this header with a 401; the code is Affonso's. */
async function assertRefused(ledger, authorization, code, some = [...affonso, ...affitor, lead]) {
  for (const route of some) {
    for (const answer of [await call(ledger, route, authorization), await call(ledger, route, authorization)]) {
      const { message } = assertError(route.path, answer, 401, code);
      const secret = authorization?.split(" ").at(-1);
      if (secret?.length > 16) assert.ok(!message.includes(secret), "a refusal never repeats the key");
    }
  }
  assert.deepEqual(await rowCounts(ledger), {});
}

/** Puts a key of this form into the database before it is used for the first time. */
async function addKey(ledger, form, columns) {
  const key = `${form}_${letters(44)}`;
  const row = {
    key_hash: createHash("sha256").update(key).digest("hex"),
    id: `key_${letters(22)}`,
    team_id: ledger.fixture.team.id,
    program_id: ledger.fixture.program.id,
    kind: form === "aff" ? "program_token" : "secret",
    is_test: form === "sk_test" ? 1 : 0,
    created_at: 0,
    ...columns,
  };
  const marks = Object.keys(row).map(() => "?");
  const sql = `INSERT INTO api_key (${Object.keys(row).join(", ")}) VALUES (${marks.join(", ")})`;
  await ledger.db
    .prepare(sql)
    .bind(...Object.values(row))
    .run();
  return key;
}

test("without a key every route that needs one is a 401, and says how to send it", async (t) => {
  const ledger = await startLedger(t);
  await assertRefused(ledger, undefined, "MISSING_API_KEY", [...affonso, ...affitor]);
  const answer = await call(ledger, affonso[0], undefined);
  assert.deepEqual(answer.json, {
    success: false,
    error: { code: "MISSING_API_KEY", message: "API key is required. Use Authorization: Bearer <api_key>" },
  });
});

test("what has no form of a key is a 401", async (t) => {
  const ledger = await startLedger(t);
  const { live } = ledger.fixture.keys;
  const malformed = [
    ...["Bearer", "Bearer x", `Basic ${live}`, live, "Bearer sk_live_", "Bearer sk_live_short", `Bearer ${live}!`],
    ...[`Bearer ${live} ${live}`, `Bearer "${live}"`, "Bearer sk_dev_0123456789abcdef0123456789abcdef", "Bearer null"],
    ...[`Bearer ${live.toUpperCase()}`, "Bearer undefined", `Bearer ${"a".repeat(4_000)}`],
  ];
  for (const authorization of malformed) await assertRefused(ledger, authorization, "INVALID_API_KEY_FORMAT");
});

test("a key that nobody has is a 401", async (t) => {
  const ledger = await startLedger(t);
  const { live, test: testKey } = ledger.fixture.keys;
  const last = live.endsWith("0") ? "1" : "0";
  for (const key of [`sk_live_${letters(44)}`, `sk_test_${letters(44)}`, live.slice(0, -1) + last, live.slice(0, -1)]) {
    await assertRefused(ledger, `Bearer ${key}`, "INVALID_API_KEY");
  }
  await assertRefused(ledger, `Bearer ${live.replace("sk_live", "sk_test")}`, "INVALID_API_KEY");
  await assertRefused(ledger, `Bearer ${testKey.replace("sk_test", "sk_live")}`, "INVALID_API_KEY");
});

test("a key that was switched off, or has ended, is a 401", async (t) => {
  const ledger = await startLedger(t);
  const now = Date.now();
  for (const form of ["sk_live", "sk_test"]) {
    const disabled = await addKey(ledger, form, { disabled_at: now - 1_000 });
    await assertRefused(ledger, `Bearer ${disabled}`, "API_KEY_DISABLED");
    const expired = await addKey(ledger, form, { expires_at: now - 1_000 });
    await assertRefused(ledger, `Bearer ${expired}`, "API_KEY_EXPIRED");
  }
  for (const columns of [{ disabled_at: now - 1_000 }, { expires_at: now - 1_000 }]) {
    const token = await addKey(ledger, "aff", columns);
    await assertRefused(ledger, `Bearer ${token}`, undefined, [...affitor, lead]);
  }
});

test("a key that ends tomorrow works today", async (t) => {
  const ledger = await startLedger(t);
  const key = await addKey(ledger, "sk_live", { expires_at: Date.now() + DAY });
  assert.match(await click(ledger, { key }), /^ref_/);
});

test("a key that is switched off is dead within ten seconds", async (t) => {
  const ledger = await startLedger(t);
  const key = await addKey(ledger, "sk_live", {});
  await click(ledger, { key });
  await ledger.db.prepare("UPDATE api_key SET disabled_at = ? WHERE disabled_at IS NULL").bind(Date.now()).run();
  await new Promise((done) => setTimeout(done, 10_000));
  const answer = await post(ledger, "/v1/clicks", { trackingId: "alice" }, { key });
  assertError("/v1/clicks", answer, 401, "API_KEY_DISABLED");
});

test("a program's token is no key for /v1", async (t) => {
  const ledger = await startLedger(t);
  await assertRefused(ledger, `Bearer ${ledger.fixture.keys.token}`, "INVALID_API_KEY", affonso);
});

test("a team's secret key, which the tracking routes take as well, reaches rows of its own mode and program only", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const referral = await signedUp(ledger, "user_1");
  const sale = { transaction_id: "txn_1", amount_cents: 4900, click_id: referral };
  for (const key of [keys.test, other.keys.live, other.keys.token]) {
    const answer = await post(ledger, "/api/v1/track/sale", sale, { key });
    assert.ok([400, 401].includes(answer.status), answer.text);
  }
  assert.equal((await get(ledger, `/v1/referrals/${referral}`)).json.data.status, "lead");
});

test("the scheme of the header may be written in any case", async (t) => {
  const ledger = await startLedger(t);
  for (const scheme of ["bearer", "BEARER", "Bearer"]) {
    const answer = await call(ledger, affonso[0], `${scheme} ${ledger.fixture.keys.live}`);
    assert.equal(answer.status, 201);
  }
});

test("open routes need no key, and refuse none that is right", async (t) => {
  const ledger = await startLedger(t);
  const track = { affiliate_url: "https://shop.example/?aff=alice" };
  assert.equal((await post(ledger, "/api/v1/track/click", track, { key: null })).status, 200);
  assert.equal((await post(ledger, "/api/v1/track/click", track, { key: ledger.fixture.keys.token })).status, 200);
  assert.equal((await get(ledger, "/healthz", { key: null })).status, 200);
  assert.equal(ROUTES.filter(({ path }) => isAffitor(path)).length, 6);
});
