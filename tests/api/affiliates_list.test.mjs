// The list of affiliates: every filter, every order, every page, every expansion, and what is wrong with a parameter.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertRefused, change, enrol } from "./affiliate_calls.mjs";
import { get, post } from "./calls.mjs";

/** Made so long ago, so that orders and dates are known. */
const DAYS = [
  ["anna", "2024-01-10T08:00:00Z"],
  ["Bert", "2024-01-10T23:59:59.999Z"],
  ["carl", "2024-01-11T00:00:00Z"],
  ["Dora", "2024-02-29T12:00:00Z"],
];

/** A ledger with the four, and without the affiliate that every ledger begins with. */
async function withFour(t) {
  const ledger = await startLedger(t);
  const ids = {};
  for (const [name, date] of DAYS) {
    const fields = { name, email: `${name}@mail-${name}.example`, tracking_id: `code-of-${name}` };
    const { id } = await enrol(ledger, fields);
    const at = Date.parse(date);
    await ledger.db.prepare("UPDATE affiliate SET created_at = ? WHERE id = ?").bind(at, id).run();
    ids[name] = id;
  }
  const { id } = ledger.fixture.affiliate;
  await ledger.db.prepare("UPDATE affiliate SET deleted_at = 1, partnership = 'rejected' WHERE id = ?").bind(id).run();
  return { ...ledger, request: ledger.request, fixture: ledger.fixture, ids };
}

async function list(ledger, query = "") {
  const answer = await get(ledger, `/v1/affiliates${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

const names = async (ledger, query) => (await list(ledger, query)).data.map(({ name }) => name);

test("the newest comes first, and each page knows its neighbours", async (t) => {
  const ledger = await withFour(t);
  assert.deepEqual(await names(ledger), ["Dora", "carl", "Bert", "anna"]);
  assert.deepEqual((await list(ledger)).pagination, {
    page: 1,
    limit: 50,
    total: 4,
    total_pages: 1,
    has_next_page: false,
    has_prev_page: false,
  });
  const pages = [];
  for (const page of [1, 2, 3]) pages.push(await list(ledger, `?limit=3&page=${page}`));
  assert.deepEqual(
    pages.map(({ data }) => data.map(({ name }) => name)),
    [["Dora", "carl", "Bert"], ["anna"], []],
  );
  assert.deepEqual(
    pages.map(({ pagination: { page, total_pages, has_next_page, has_prev_page } }) => [
      page,
      total_pages,
      has_next_page,
      has_prev_page,
    ]),
    [
      [1, 2, true, false],
      [2, 2, false, true],
      [3, 2, false, true],
    ],
  );
});

test("each order is as it says, in either writing", async (t) => {
  const ledger = await withFour(t);
  const byName = ["anna", "Bert", "carl", "Dora"];
  const byDate = ["anna", "Bert", "carl", "Dora"];
  const orders = [
    ["sort=created_at:asc", byDate],
    ["sort=created_at", byDate],
    ["sort=createdAt:desc", byDate.toReversed()],
    ["sort=-created_at", byDate.toReversed()],
    ["sort=name", byName],
    ["sort=name:desc", byName.toReversed()],
    ["sort=email", byName],
    ["sort=-email", byName.toReversed()],
  ];
  for (const [query, expected] of orders) assert.deepEqual(await names(ledger, `?${query}`), expected, query);
  await change(ledger, ledger.ids.Bert, { status: "pending" });
  await change(ledger, ledger.ids.anna, { status: "rejected" });
  assert.deepEqual((await names(ledger, "?sort=partnershipStatus:desc")).slice(0, 2), ["anna", "Bert"]);
  assert.deepEqual((await names(ledger, "?sort=updated_at:desc")).slice(0, 2), ["anna", "Bert"]);
});

test("rows that are equal in what they are sorted by are on exactly one page each", async (t) => {
  const ledger = await startLedger(t);
  const made = await Promise.all(Array.from({ length: 12 }, () => enrol(ledger, { name: "The same" })));
  await ledger.db.prepare("UPDATE affiliate SET created_at = 5").run();
  for (const sort of ["created_at", "-created_at", "name", "-name", "partnership_status"]) {
    const seen = [];
    for (const page of [1, 2, 3, 4]) {
      seen.push(...(await list(ledger, `?limit=4&page=${page}&sort=${sort}`)).data.map(({ id }) => id));
    }
    assert.deepEqual(new Set(seen), new Set([...made.map(({ id }) => id), ledger.fixture.affiliate.id]), sort);
    assert.equal(seen.length, 13);
  }
});

test("filters let through those for which all of them hold", async (t) => {
  const ledger = await withFour(t);
  const { group, program, other } = ledger.fixture;
  await change(ledger, ledger.ids.Bert, { status: "pending", group_id: null });
  await change(ledger, ledger.ids.carl, { status: "rejected" });
  const cases = [
    ["partnership_status=approved", ["Dora", "anna"]],
    ["partnership_status=pending", ["Bert"]],
    ["partnership_status=REJECTED", ["carl"]],
    ["partnership_status=null", []],
    [`group_id=${group.id}`, ["Dora", "carl", "anna"]],
    ["group_id=grp_none", []],
    [`group_id=${other.group.id}`, []],
    [`program_id=${program.id}`, ["Dora", "carl", "Bert", "anna"]],
    [`program_id=${other.program.id}`, []],
    ["search=CARL", ["carl"]],
    ["search=mail-dora", ["Dora"]],
    ["search=code-of-", ["Dora", "carl", "Bert", "anna"]],
    ["search=code-of-an", ["anna"]],
    ["search=%25", []],
    ["search=_", []],
    ["search=nobody", []],
    ["search=", ["Dora", "carl", "Bert", "anna"]],
    ["search=a&partnership_status=approved", ["Dora", "anna"]],
    [`search=r&group_id=${group.id}&sort=name`, ["carl", "Dora"]],
    ["unknown=ignored", ["Dora", "carl", "Bert", "anna"]],
  ];
  for (const [query, expected] of cases) {
    assert.deepEqual(await names(ledger, `?${query}`), expected, query);
    assert.equal((await list(ledger, `?${query}`)).pagination.total, expected.length);
  }
});

test("a date is its whole day, and a moment is exactly itself", async (t) => {
  const ledger = await withFour(t);
  const cases = [
    ["dateFrom=2024-01-11", ["Dora", "carl"]],
    ["dateTo=2024-01-10", ["Bert", "anna"]],
    ["dateFrom=2024-01-10&dateTo=2024-01-10", ["Bert", "anna"]],
    ["dateFrom=2024-01-10T08:00:00Z&dateTo=2024-01-11T00:00:00Z", ["carl", "Bert", "anna"]],
    ["dateFrom=2024-01-10T08:00:00.001Z&dateTo=2024-01-10T23:59:59.998Z", []],
    ["dateFrom=2024-01-11T01:00:00%2B01:00", ["Dora", "carl"]],
    ["created_gte=2024-02-01&created_lte=2024-02-29", ["Dora"]],
    ["createdGte=2024-02-01&createdLte=2024-03-01T00:00:00Z", ["Dora"]],
    ["dateFrom=2024-03-01&dateTo=2024-01-01", []],
  ];
  for (const [query, expected] of cases) assert.deepEqual(await names(ledger, `?${query}`), expected, query);
});

test("expansions are added, for each affiliate its own", async (t) => {
  const ledger = await withFour(t);
  const { anna, Bert } = ledger.ids;
  const coupon = { affiliate_id: anna, code: "anna10", discount_type: "percentage", discount_value: 10, duration: "once" };
  const { json } = await post(ledger, "/v1/coupons", coupon);
  const override = { name: "Own", amount: 40, is_percentage: true, apply_to: "all_plans" };
  const own = await post(ledger, `/v1/affiliates/${Bert}/overrides`, override);
  assert.equal(own.status, 201, own.text);
  await change(ledger, Bert, { payout_method: "manual", country_code: "DE" });

  const plain = (await list(ledger)).data;
  const query = "?expand=promoCodes,commissionOverrides,invoiceDetails,payoutMethod,onboardingResponses";
  const expanded = (await list(ledger, query)).data;
  const added = ["promoCodes", "commissionOverrides", "invoiceDetails", "payoutMethod", "onboardingResponses"];
  for (const [number, one] of expanded.entries()) {
    assert.deepEqual(Object.keys(one), [...Object.keys(plain[number]), ...added]);
  }
  const of = (id) => expanded.find((one) => one.id === id);
  assert.deepEqual(of(anna).promoCodes, [
    {
      id: json.data.id,
      code: "ANNA10",
      promo_code_id: null,
      coupon_id: null,
      discount_type: "percentage",
      discount_value: 10,
      duration: "once",
      created_at: json.data.created_at,
    },
  ]);
  assert.deepEqual(of(Bert).promoCodes, []);
  assert.deepEqual(of(anna).commissionOverrides, []);
  assert.deepEqual(of(Bert).commissionOverrides, [own.json.data]);
  assert.deepEqual(of(Bert).payoutMethod, { type: "manual", details: {} });
  assert.equal(of(Bert).invoiceDetails.country, "DE");
  assert.deepEqual([of(anna).payoutMethod, of(anna).invoiceDetails, of(anna).onboardingResponses], [null, null, null]);
});

test("a parameter that cannot be is a 400 that names it, and all of them are named at once", async (t) => {
  const ledger = await startLedger(t);
  const wrong = [
    ...["page=0", "page=-1", "page=two", "page=1.5", "page="],
    ...["limit=0", "limit=201", "limit=-1", "limit=many"],
    ...["sort=colour", "sort=name:sideways", "sort=", "sort=name;DROP TABLE affiliate"],
    ...["partnership_status=gone", "partnership_status="],
    ...["dateFrom=yesterday", "dateTo=2024-02-30", "dateFrom=2024-01-10T08:00:00", "dateTo="],
    ...["created_gte=x", "createdLte=x"],
    ...[`search=${"x".repeat(101)}`, "search=a%00b", `group_id=${"x".repeat(256)}`],
    ...["expand=everything", "expand=promoCodes,everything", "expand=promocodes"],
  ];
  for (const query of wrong) {
    const field = query.split("=")[0];
    assertRefused(await get(ledger, `/v1/affiliates?${query}`), field);
  }
  assertRefused(await get(ledger, `/v1/affiliates/${ledger.fixture.affiliate.id}?expand=everything`), "expand");
  const unknown = await get(ledger, "/v1/affiliates?expand=everything");
  assert.match(
    unknown.json.error.message,
    /promoCodes, commissionOverrides, invoiceDetails, payoutMethod, onboardingResponses/,
  );
  const many = await get(ledger, "/v1/affiliates?page=0&limit=0&sort=x&expand=y");
  assert.deepEqual(
    many.json.error.details.map(({ field }) => field),
    ["page", "limit", "sort", "expand"],
  );
});
