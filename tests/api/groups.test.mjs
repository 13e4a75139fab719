// Groups of affiliates: one is always the default, and none goes while somebody earns by it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertLiveKeyNeeded, assertRefused, assertUnknown, enrol, patch, remove, sale } from "./affiliate_calls.mjs";
import { atOnce, get, post, select, signedUp, tally, unique } from "./calls.mjs";

const GROUPS = "/v1/program/groups";

/** Makes a group; what is shown of it. */
async function group(ledger, fields = {}) {
  const answer = await post(ledger, GROUPS, { name: unique("Group"), ...fields });
  assert.equal(answer.status, 201, answer.text);
  return answer.json.data;
}

async function list(ledger, query = "") {
  const answer = await get(ledger, `${GROUPS}${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

const one = async (ledger, id, query = "") => (await get(ledger, `${GROUPS}/${id}${query}`)).json.data;

/** The names of the default groups: there is to be one. */
const defaults = async (ledger) => (await list(ledger)).data.filter((group) => group.is_default).map(({ name }) => name);

test("a group is made, shown by itself and in the list, oldest first", async (t) => {
  const ledger = await startLedger(t);
  const { id: first } = ledger.fixture.group;
  const everyone = {
    id: first,
    name: "Everyone",
    description: null,
    is_default: true,
    affiliate_count: 1,
    created_at: "2026-01-01T00:00:00Z",
  };
  assert.deepEqual(await list(ledger), {
    success: true,
    data: [everyone],
    pagination: { page: 1, limit: 100, total: 1, total_pages: 1, has_next_page: false, has_prev_page: false },
  });
  const { id, created_at, ...made } = await group(ledger, { name: "Gold", description: "The best" });
  assert.match(id, /^grp_\w{22}$/);
  assert.ok(Math.abs(Date.now() - Date.parse(created_at)) < 60_000);
  assert.deepEqual(made, { name: "Gold", description: "The best", is_default: false, affiliate_count: 0 });
  assert.deepEqual(await one(ledger, id), { id, ...made, created_at });
  assert.deepEqual((await list(ledger)).data, [everyone, { id, ...made, created_at }]);
});

test("pages of the list hold every group once", async (t) => {
  const ledger = await startLedger(t);
  for (const name of ["A", "B", "C", "D"]) await group(ledger, { name });
  const names = [];
  for (const page of [1, 2, 3, 4]) {
    const { data, pagination } = await list(ledger, `?limit=2&page=${page}`);
    names.push(data.map(({ name }) => name));
    const { has_next_page, has_prev_page, total, total_pages } = pagination;
    assert.deepEqual([has_next_page, has_prev_page, total, total_pages], [page < 3, page > 1, 5, 3]);
  }
  assert.deepEqual(names, [["Everyone", "A"], ["B", "C"], ["D"], []]);
  for (const query of ["page=0", "page=x", "limit=0", "limit=201", "expand=coupons"]) {
    assertRefused(await get(ledger, `${GROUPS}?${query}`), query.split("=")[0]);
  }
});

test("incentives and levels are shown where they are asked for", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await group(ledger);
  const path = `${GROUPS}/${id}`;
  const made = await post(ledger, `${path}/incentives`, { name: "Ten", amount: 10, is_percentage: true });
  assert.equal(made.status, 201, made.text);
  const levels = [{ level: 1, base: "commission", percentage: 10 }];
  assert.equal((await ledger.request("PUT", `${path}/levels`, { key: ledger.fixture.keys.live, body: { levels } })).status, 200);

  const plain = await one(ledger, id);
  assert.deepEqual([plain.incentives, plain.multi_level_incentives], [undefined, undefined]);
  assert.deepEqual(await one(ledger, id, "?expand=incentives"), { ...plain, incentives: [made.json.data] });
  assert.deepEqual(await one(ledger, id, "?expand=multi_level_incentives"), { ...plain, multi_level_incentives: levels });
  const both = { ...plain, incentives: [made.json.data], multi_level_incentives: levels };
  assert.deepEqual(await one(ledger, id, "?expand=incentives,multi_level_incentives"), both);
  const [everyone, listed] = (await list(ledger, "?expand=incentives&expand=multi_level_incentives")).data;
  assert.deepEqual(listed, both);
  assert.deepEqual([everyone.incentives.length, everyone.incentives[0].amount], [1, 30]);
  assert.deepEqual(everyone.multi_level_incentives, []);
  assertRefused(await get(ledger, `${path}?expand=affiliates`), "expand");
});

test("a change changes what it names and nothing else, however often it is made", async (t) => {
  const ledger = await startLedger(t);
  const { id, ...made } = await group(ledger, { name: "Gold", description: "The best" });
  const changes = [{ name: "Silver" }, { description: "The others" }, { description: null }, { is_default: false }];
  let expected = { id, ...made };
  for (const change of changes) {
    expected = { ...expected, ...change };
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await patch(ledger, `${GROUPS}/${id}`, change);
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(answer.json.data, expected);
    }
    assert.deepEqual(await one(ledger, id), expected);
  }
});

test("what is wrong with a group is a 400 that names the field", async (t) => {
  const ledger = await startLedger(t);
  const { id } = ledger.fixture.group;
  const wrong = [
    [{ name: "" }, "name"],
    [{ name: "x".repeat(256) }, "name"],
    [{ name: "a\0b" }, "name"],
    [{ name: "Gold", description: "x".repeat(2001) }, "description"],
    [{ name: "Gold", is_default: "yes" }, "is_default"],
  ];
  for (const [body, field] of wrong) {
    assertRefused(await post(ledger, GROUPS, body), field);
    assertRefused(await patch(ledger, `${GROUPS}/${id}`, body), field);
  }
  assertRefused(await post(ledger, GROUPS, { description: "nameless" }), "name");
  assertRefused(await patch(ledger, `${GROUPS}/${id}`, {}), "name");
  assertRefused(await patch(ledger, `${GROUPS}/${id}`, { is_default: false }), "is_default");
  assert.deepEqual(await defaults(ledger), ["Everyone"]);
  assert.equal((await list(ledger)).pagination.total, 1);
});

test("a new default takes the flag from the old one", async (t) => {
  const ledger = await startLedger(t);
  const { id: silver } = await group(ledger, { name: "Silver" });
  await group(ledger, { name: "Gold", is_default: true });
  assert.deepEqual(await defaults(ledger), ["Gold"]);
  for (let twice = 0; twice < 2; twice += 1) {
    const answer = await patch(ledger, `${GROUPS}/${silver}`, { is_default: true });
    assert.deepEqual([answer.status, answer.json.data.is_default], [200, true]);
    assert.deepEqual(await defaults(ledger), ["Silver"]);
  }
  assert.equal((await enrol(ledger)).group_id, silver);
});

test("there is exactly one default however many become it at once", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  const groups = await atOnce(4, () => group(ledger));
  const answers = await Promise.all([
    ...groups.map(({ id }) => patch(ledger, `${GROUPS}/${id}`, { is_default: true })),
    ...groups.map(() => post(ledger, GROUPS, { name: unique("Group"), is_default: true })),
  ]);
  assert.deepEqual(tally(answers), { 200: 4, 201: 4 });
  assert.equal((await defaults(ledger)).length, 1);
});

test("the first group of a program is its default", async (t) => {
  const ledger = await startLedger(t);
  const { affiliate, program } = ledger.fixture;
  for (const sql of ["UPDATE affiliate SET group_id = NULL WHERE id = ?", "DELETE FROM incentive WHERE program_id = ?"]) {
    await ledger.db.prepare(sql).bind(sql.startsWith("UPDATE") ? affiliate.id : program.id).run();
  }
  await ledger.db.prepare("DELETE FROM affiliate_group WHERE program_id = ?").bind(program.id).run();
  const terms = await patch(ledger, "/v1/program/payment-terms", { commission_rate: 10 });
  assert.deepEqual([terms.status, terms.json.error.code], [409, "NO_DEFAULT_GROUP"]);
  assert.equal((await group(ledger, { is_default: false })).is_default, true);
  assert.equal((await group(ledger)).is_default, false);
  assert.equal((await patch(ledger, "/v1/program/payment-terms", { commission_rate: 10 })).status, 200);
});

test("a group goes with its incentives and levels, but neither as the default nor with affiliates in it", async (t) => {
  const ledger = await startLedger(t);
  const { id: everyone } = ledger.fixture.group;
  const asDefault = await remove(ledger, `${GROUPS}/${everyone}`);
  assert.deepEqual([asDefault.status, asDefault.json.error.code], [409, "DEFAULT_GROUP"]);

  const { id } = await group(ledger);
  const path = `${GROUPS}/${id}`;
  await post(ledger, `${path}/incentives`, { name: "Ten", amount: 10, is_percentage: true });
  const levels = [{ level: 1, base: "sale", percentage: 1 }];
  await ledger.request("PUT", `${path}/levels`, { key: ledger.fixture.keys.live, body: { levels } });
  const member = await enrol(ledger, { group_id: id });
  assert.equal((await one(ledger, id)).affiliate_count, 1);
  const inUse = await remove(ledger, path);
  assert.deepEqual([inUse.status, inUse.json.error.code], [409, "GROUP_IN_USE"]);
  assert.equal((await one(ledger, id, "?expand=incentives")).incentives.length, 1);

  assert.equal((await remove(ledger, `/v1/affiliates/${member.id}`)).status, 200);
  const gone = await remove(ledger, path);
  assert.deepEqual([gone.status, gone.json], [200, { success: true, message: "Group deleted" }]);
  assertUnknown(await remove(ledger, path));
  assertUnknown(await get(ledger, path));
  for (const table of ["incentive", "level"]) {
    assert.deepEqual(await select(ledger, `SELECT id FROM ${table} WHERE group_id = ?`, id), []);
  }
  assert.equal((await list(ledger)).pagination.total, 1);
});

test("an affiliate who comes into a group while it is deleted is in a group that there is", async (t) => {
  const ledger = await startLedger(t, { instances: 2 });
  for (let round = 0; round < 5; round += 1) {
    const { id } = await group(ledger);
    const body = { name: "Partner", email: `${unique("partner")}@partners.example`, group_id: id };
    const [gone, made] = await Promise.all([remove(ledger, `${GROUPS}/${id}`), post(ledger, "/v1/affiliates", body)]);
    if (made.status === 201) {
      assert.equal(gone.status, 409, gone.text);
      assert.equal((await one(ledger, id)).affiliate_count, 1);
    } else {
      assert.equal(gone.status, 200, gone.text);
      assertUnknown(await get(ledger, `${GROUPS}/${id}`));
    }
  }
});

test("affiliates earn by the group that they are moved to, from the next sale on", async (t) => {
  const ledger = await startLedger(t);
  const { id } = await group(ledger);
  await post(ledger, `${GROUPS}/${id}/incentives`, { name: "Forty", amount: 40, is_percentage: true });
  const referral = await signedUp(ledger, unique("user"));
  assert.equal((await sale(ledger, referral)).commission_amount, 30);
  const path = `/v1/affiliates/${ledger.fixture.affiliate.id}`;
  const moved = await ledger.request("PUT", path, { key: ledger.fixture.keys.live, body: { group_id: id } });
  assert.equal(moved.status, 200, moved.text);
  assert.equal((await sale(ledger, referral)).commission_amount, 40);
});

test("another team's groups are nobody's, and a test key reads without changing", async (t) => {
  const ledger = await startLedger(t);
  const { keys, other } = ledger.fixture;
  const path = `${GROUPS}/${ledger.fixture.group.id}`;
  const stranger = { key: other.keys.live };
  assertUnknown(await get(ledger, path, stranger));
  assertUnknown(await patch(ledger, path, { name: "Mine" }, stranger));
  assertUnknown(await patch(ledger, path, { is_default: true }, stranger));
  assertUnknown(await remove(ledger, path, stranger));
  assert.deepEqual(
    (await get(ledger, GROUPS, stranger)).json.data.map(({ id }) => id),
    [other.group.id],
  );
  const test = { key: keys.test };
  assert.deepEqual((await get(ledger, GROUPS, test)).json, await list(ledger));
  assertLiveKeyNeeded(await post(ledger, GROUPS, { name: "Gold" }, test));
  assertLiveKeyNeeded(await patch(ledger, path, { name: "Gold" }, test));
  assertLiveKeyNeeded(await remove(ledger, path, test));
  assert.deepEqual(await defaults(ledger), ["Everyone"]);
});

test("a repeated call with an Idempotency-Key makes one group", async (t) => {
  const ledger = await startLedger(t);
  const headers = { "idempotency-key": "one" };
  const [first, second] = [
    await post(ledger, GROUPS, { name: "Gold" }, { headers }),
    await post(ledger, GROUPS, { name: "Gold" }, { headers }),
  ];
  assert.deepEqual([first.status, second.status, second.json], [201, 201, first.json]);
  assert.equal(second.headers.get("idempotent-replayed"), "true");
  assert.equal((await post(ledger, GROUPS, { name: "Silver" }, { headers })).status, 422);
  assert.equal((await list(ledger)).pagination.total, 2);
});

test("a program has at most a hundred groups, also when they are made at once", async (t) => {
  const ledger = await startLedger(t);
  const { program, team } = ledger.fixture;
  const insert = ledger.db.prepare(
    "INSERT INTO affiliate_group (id, team_id, program_id, name, created_at) VALUES (?, ?, ?, 'Full', 0)",
  );
  await ledger.db.batch(Array.from({ length: 97 }, (_, number) => insert.bind(`grp_${number}`, team.id, program.id)));
  const answers = await atOnce(6, () => post(ledger, GROUPS, { name: "One more", is_default: true }));
  assert.deepEqual(tally(answers), { 201: 2, 409: 4 });
  assert.equal(answers.find(({ status }) => status === 409).json.error.code, "LIMIT_REACHED");
  // The published client knows no pages of groups: without being asked for one, all are shown.
  const { data, pagination } = await list(ledger);
  assert.deepEqual([data.length, pagination.total, pagination.has_next_page], [100, 100, false]);
  assert.equal(data.filter((group) => group.is_default).length, 1);
});
