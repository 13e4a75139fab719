// The list of referrals: every page in both directions, every filter, what stands beside them, and what is wrong with a
// parameter.
import assert from "node:assert/strict";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { assertRefused } from "./affiliate_calls.mjs";
import { addAffiliate, click, get, post, signedUp } from "./calls.mjs";
import { change, put, refer, referral, remove } from "./referral_calls.mjs";

async function list(ledger, query = "", options) {
  const answer = await get(ledger, `/v1/referrals${query}`, options);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(Object.keys(answer.json), ["success", "data", "has_more"]);
  return answer.json;
}

const ids = async (ledger, query, options) => (await list(ledger, query, options)).data.map(({ id }) => id);

/** So many referrals, one a day from 2024-01-01 on; their ids, the oldest first. */
async function withDays(t, count) {
  const ledger = await startLedger(t);
  const made = [];
  for (let day = 0; day < count; day += 1) {
    const created_at = new Date(Date.parse("2024-01-01T12:00:00Z") + day * 86_400_000).toISOString();
    made.push((await refer(ledger, { created_at })).id);
  }
  return { ledger, made };
}

/** All pages, each after the one before it. */
async function walk(ledger, query) {
  const seen = [];
  for (let place = ""; ; place = `&starting_after=${seen.at(-1)}`) {
    const page = await list(ledger, `?${query}${place}`);
    seen.push(...page.data.map(({ id }) => id));
    if (!page.has_more) return seen;
  }
}

/** All pages back to the beginning, each before the one after it, and the row that was begun with. */
async function walkBack(ledger, query, last) {
  const seen = [last];
  for (;;) {
    const page = await list(ledger, `?${query}&ending_before=${seen[0]}`);
    seen.unshift(...page.data.map(({ id }) => id));
    if (!page.has_more) return seen;
  }
}

test("the newest comes first, ten at once, and a cursor goes on after it or back before it", async (t) => {
  const { ledger, made } = await withDays(t, 12);
  const newest = made.toReversed();
  const first = await list(ledger);
  assert.deepEqual([first.data.map(({ id }) => id), first.has_more], [newest.slice(0, 10), true]);
  assert.deepEqual(first.data[0], await referral(ledger, newest[0]));

  const next = await list(ledger, `?starting_after=${newest[9]}`);
  assert.deepEqual([next.data.map(({ id }) => id), next.has_more], [newest.slice(10), false]);
  const back = await list(ledger, `?limit=4&ending_before=${newest[10]}`);
  assert.deepEqual([back.data.map(({ id }) => id), back.has_more], [newest.slice(6, 10), true]);
  const start = await list(ledger, `?limit=4&ending_before=${newest[3]}`);
  assert.deepEqual([start.data.map(({ id }) => id), start.has_more], [newest.slice(0, 3), false]);

  assert.deepEqual(await ids(ledger, "?order=asc&limit=100"), made);
  assert.deepEqual(await ids(ledger, `?order=asc&limit=2&starting_after=${made[4]}`), made.slice(5, 7));
  assert.deepEqual(await ids(ledger, `?order=asc&limit=2&ending_before=${made[4]}`), made.slice(2, 4));
  for (const order of ["asc", "desc"]) {
    const all = order === "asc" ? made : newest;
    assert.deepEqual(await walk(ledger, `limit=5&order=${order}`), all);
  }
});

test("rows of the same moment are on exactly one page each, in either direction", async (t) => {
  const ledger = await startLedger(t);
  const created_at = "2024-01-01T00:00:00Z";
  const made = await Promise.all(Array.from({ length: 11 }, () => refer(ledger, { created_at })));
  const sorted = made.map(({ id }) => id).sort();
  for (const limit of [1, 3, 4]) {
    for (const order of ["asc", "desc"]) {
      const all = order === "asc" ? sorted : sorted.toReversed();
      const query = `limit=${limit}&order=${order}`;
      assert.deepEqual(await walk(ledger, query), all, query);
      assert.deepEqual(await walkBack(ledger, query, all.at(-1)), all, query);
    }
  }
});

test("a cursor whose referral is removed while somebody pages still is a place", async (t) => {
  const { ledger, made } = await withDays(t, 5);
  const newest = made.toReversed();
  assert.deepEqual(await ids(ledger, "?limit=2"), newest.slice(0, 2));
  assert.equal((await remove(ledger, newest[1])).status, 200);
  assert.deepEqual(await ids(ledger, `?limit=2&starting_after=${newest[1]}`), newest.slice(2, 4));
  assert.ok(!(await ids(ledger)).includes(newest[1]));
});

test("filters let through those for which all of them hold", async (t) => {
  const ledger = await startLedger(t);
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  const anna = await refer(ledger, { email: "anna@example.com", customer_id: "cus_anna", created_at: "2024-01-10T08:00:00Z" });
  const bert = await refer(ledger, {
    affiliate_id: bob,
    email: "bert@example.com",
    status: "customer",
    created_at: "2024-01-11T00:00:00Z",
  });
  const carl = await signedUp(ledger, "user_carl");
  const known = await post(ledger, "/v1/signups", {
    click_id: await click(ledger),
    external_user_id: "user_carl",
    email: "carl@example.com",
  });
  assert.equal(known.status, 200);
  // A further name of the same customer.
  await post(ledger, "/v1/signups", { click_id: await click(ledger), external_user_id: "carl_2", email: "carl@example.com" });
  const dora = await refer(ledger, { email: "dora@example.com", customer_id: "cus_dora", created_at: "2024-03-01T00:00:00Z" });
  await change(ledger, dora.id, { external_user_id: "user_dora", status: "rejected" });
  const gone = await refer(ledger, { email: "gone@example.com", created_at: "2024-01-10T08:00:00Z" });
  await remove(ledger, gone.id);

  const [a, b, c, d] = [anna.id, bert.id, carl, dora.id];
  const cases = [
    ["", [c, d, b, a]],
    [`affiliate_id=${bob}`, [b]],
    [`affiliate_id=${ledger.fixture.affiliate.id}`, [c, d, a]],
    ["affiliate_id=aff_none", []],
    [`affiliate_id=${ledger.fixture.other.affiliate.id}`, []],
    ["external_user_id=user_carl", [c]],
    ["externalUserId=user_carl", [c]],
    ["external_user_id=carl_2", [c]],
    ["external_user_id=user_dora", [d]],
    ["external_user_id=user", []],
    ["customer_id=cus_anna", [a]],
    ["customer_id=cus_dora", [d]],
    ["customer_id=user_carl", []],
    ["email=Anna%40Example.com", [a]],
    ["email=carl%40example.com", [c]],
    ["email=dora%40example.com", [d]],
    ["email=gone%40example.com", []],
    ["email=anna%40example.com&customer_id=cus_anna", [a]],
    ["email=anna%40example.com&customer_id=cus_dora", []],
    ["status=lead", [c, a]],
    ["status=CUSTOMER", [b]],
    ["status=rejected", [d]],
    ["status=active", []],
    ["created_gte=2024-01-11", [c, d, b]],
    ["created_lte=2024-01-10", [a]],
    ["created_gte=2024-01-10T08:00:00Z&created_lte=2024-01-10T08:00:00Z", [a]],
    ["created_gte=2024-01-10T08:00:00.001Z&created_lte=2024-02-28", [b]],
    [`status=lead&affiliate_id=${ledger.fixture.affiliate.id}&created_lte=2024-12-31`, [a]],
    ["unknown=ignored", [c, d, b, a]],
  ];
  for (const [query, expected] of cases) assert.deepEqual(await ids(ledger, `?${query}`), expected, query);
  // A filter and a cursor together.
  assert.deepEqual(await ids(ledger, `?status=lead&starting_after=${d}`), [a]);
});

test("the affiliate stands beside each row where that is asked for", async (t) => {
  const ledger = await startLedger(t);
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  await refer(ledger, { created_at: "2024-01-01T00:00:00Z" });
  const ofBob = await refer(ledger, { affiliate_id: bob, created_at: "2024-01-02T00:00:00Z" });
  assert.equal((await list(ledger)).data[0].affiliate, undefined);
  const { data } = await list(ledger, "?expand=affiliate");
  assert.deepEqual(
    data.map(({ affiliate }) => [affiliate.id, affiliate.tracking_id, affiliate.partnership_status]),
    [
      [bob, "bob", "approved"],
      [ledger.fixture.affiliate.id, "alice", "approved"],
    ],
  );
  assert.equal((await referral(ledger, ofBob.id, "?expand=affiliate")).affiliate.name, "bob");
  await ledger.db.prepare("UPDATE affiliate SET deleted_at = 1, partnership = 'rejected' WHERE id = ?").bind(bob).run();
  assert.equal((await referral(ledger, ofBob.id, "?expand=affiliate")).affiliate, null);
  for (const path of ["/v1/referrals", `/v1/referrals/${ofBob.id}`]) {
    assertRefused(await get(ledger, `${path}?expand=affiliates`), "expand");
  }
  assertRefused(await get(ledger, `/v1/referrals/${ofBob.id}?include=sums`), "include");
});

test("a parameter that is wrong is a 400 that names it", async (t) => {
  const { ledger, made } = await withDays(t, 1);
  const [place] = made;
  const { keys, other } = ledger.fixture;
  const foreign = await refer(ledger, {}, { key: other.keys.live, owner: other });
  const inTest = await refer(ledger, {}, { key: keys.test });
  const cases = [
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=ten", "limit"],
    ["order=newest", "order"],
    ["status=click", "status"],
    ["status=deleted", "status"],
    ["status=", "status"],
    ["email=nobody", "email"],
    ["created_gte=yesterday", "created_gte"],
    ["created_lte=2024-02-30", "created_lte"],
    [`starting_after=${place}&ending_before=${place}`, "ending_before"],
    [`starting_after=ref_000${letters(22)}`, "starting_after"],
    ["starting_after=nonsense", "starting_after"],
    [`ending_before=${foreign.id}`, "ending_before"],
    [`starting_after=${foreign.id}`, "starting_after"],
    [`starting_after=${inTest.id}`, "starting_after"],
    ["expand=referral", "expand"],
  ];
  for (const [query, field] of cases) assertRefused(await get(ledger, `/v1/referrals?${query}`), field);
  const several = await get(ledger, "/v1/referrals?limit=0&order=x&email=y");
  assert.deepEqual(several.json.error.details.map(({ field }) => field).sort(), ["email", "limit", "order"]);
});

test("live and test rows, and those of two teams, are never in one list", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const email = "jane@example.com";
  const live = await refer(ledger, { email });
  const test_ = await refer(ledger, { email }, { key: keys.test });
  const foreign = await refer(ledger, { email }, { key: other.keys.live, owner: other });
  const places = [
    [keys.live, live],
    [keys.test, test_],
    [other.keys.live, foreign],
  ];
  for (const [key, { id }] of places) {
    for (const query of ["", "?email=jane%40example.com", `?affiliate_id=${ledger.fixture.affiliate.id}`]) {
      const expected = query.includes("affiliate_id") && key === other.keys.live ? [] : [id];
      assert.deepEqual(await ids(ledger, query, { key }), expected, query);
    }
    // Shown to whom it belongs, and changed by nobody else.
    for (const [stranger] of places.filter(([one]) => one !== key)) {
      assert.equal((await put(ledger, id, { name: "x" }, { key: stranger })).status, 404);
    }
  }
  assert.deepEqual(await ids(ledger, "", { key: other.keys.test }), []);
});
