// The comparison after the kills finds what it is there to find: each kind of loss, double and stranger is named.
import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./comparison.mjs";
import { History } from "./load.mjs";

const ID = "ref_0001customer";
const answer = (status, id) => ({ status, json: { data: { id } }, headers: new Headers(), text: "" });

/** A customer who clicked, signed up and paid 99.00 once, all of it acknowledged; and a click whose answer was lost. */
function oneCustomer() {
  const history = new History();
  const click = history.intend("click", "jane.a", { body: {} });
  const unanswered = history.intend("click", "jane.b", { body: {} });
  const lead = history.intend("lead", "jane", { body: { click_id: ID } });
  const sale = history.intend("conversion", "order", { body: {} });
  Object.assign(sale, { customer: "jane", amount: 9900, commission: 2970 });
  history.note(click, answer(201, ID));
  history.note(unanswered, undefined);
  history.note(lead, answer(201, ID));
  history.note(sale, answer(201, "conv_1"));
  const clicks = [{ id: ID, label: "jane.a" }];
  const rows = {
    referral: [{ id: ID, external_user_id: "jane", seq: 2, paid_sales: 1, commission_total_minor: 3470 }],
    identity: [{ kind: "external_user_id", value: "jane", referral_id: ID }],
    conversion: [
      { id: "conv_1", sale_key: "order", referral_id: ID, amount_minor: 9900, commission_id: "com_2" },
    ],
    commission: [
      { id: "com_1", referral_id: ID, conversion_id: null, amount_minor: 500 },
      { id: "com_2", referral_id: ID, conversion_id: "conv_1", amount_minor: 2970 },
    ],
    sale_key: [{ value: "order", conversion_id: "conv_1" }],
    event: [
      { subject: ID, seq: 1 },
      { subject: ID, seq: 2 },
    ],
    unattributed_sale: [],
  };
  return { history, clicks, rows, lead, sale };
}

test("nothing is found where everything is as it was asked for, an unanswered click stored or not", () => {
  const { history, clicks, rows } = oneCustomer();
  const nothing = { lost: [], double: [], extra: [], wrong: [] };
  assert.deepEqual(compare(history, clicks, rows), nothing);
  assert.deepEqual(compare(history, [...clicks, { id: "ref_0001other", label: "jane.b" }], rows), nothing);
});

/** What is done to the stored rows or to the history, and which list must then name it. */
const BREAKAGES = [
  ["a click is gone", "lost", /^click jane\.a/, ({ clicks }) => clicks.pop()],
  ["a lead is gone", "lost", /^lead jane/, ({ rows }) => rows.referral.pop()],
  ["a sale is gone", "lost", /^sale order/, ({ rows }) => rows.conversion.pop()],
  ["a click is there twice", "double", /^click/, ({ clicks }) => clicks.push({ id: "ref_0001twin", label: "jane.a" })],
  ["a sale is there twice", "double", /^sale order/, ({ rows }) => rows.conversion.push({ ...rows.conversion[0] })],
  [
    "a sale earns twice",
    "double",
    /^commission of sale/,
    ({ rows }) => rows.commission.push({ ...rows.commission[1], id: "com_3" }),
  ],
  [
    "a lead earns twice",
    "double",
    /^commission of lead/,
    ({ rows }) => rows.commission.push({ ...rows.commission[0], id: "com_3" }),
  ],
  [
    "two callers are told that the sale is new",
    "double",
    /^conversion order was new 2/,
    ({ history, sale }) => history.note(sale, answer(201, "conv_1")),
  ],
  ["a click that nobody made", "extra", /^row stranger/, ({ clicks }) => clicks.push({ id: "x", label: "stranger" })],
  [
    "a sale that nobody made",
    "extra",
    /^row stranger/,
    ({ rows }) => rows.conversion.push({ ...rows.conversion[0], id: "conv_2", sale_key: "stranger" }),
  ],
  ["a sale credited to nobody", "extra", /^unattributed/, ({ rows }) => rows.unattributed_sale.push({ sale_key: "x" })],
  ["a commission off by one", "wrong", /"commission":2971/, ({ rows }) => (rows.commission[1].amount_minor = 2971)],
  ["a total off by one", "wrong", /^referral/, ({ rows }) => (rows.referral[0].commission_total_minor = 3471)],
  ["a gap in the events", "wrong", /"line":\[1,3\]/, ({ rows }) => (rows.event[1].seq = 3)],
  ["a sale without its key", "wrong", /^sale order/, ({ rows }) => rows.sale_key.pop()],
  ["another sale than was answered", "wrong", /"id":"conv_9"/, ({ sale }) => (sale.data = "conv_9")],
];

for (const [name, list, sentence, breakIt] of BREAKAGES) {
  test(`${name}: ${list}`, () => {
    const state = oneCustomer();
    breakIt(state);
    const found = compare(state.history, state.clicks, state.rows);
    assert.match(found[list].join("\n"), new RegExp(sentence, "m"));
  });
}
