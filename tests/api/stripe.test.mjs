// Stripe in: who may speak, what counts as a sale, and that one payment is one sale, whoever says it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { assertError } from "./routes.mjs";
import { atOnce, click, contents, eventually, get, post, select, sold, unique } from "./calls.mjs";
import {
  LIVE_SECRET,
  TEST_SECRET,
  charge,
  connect,
  deliver,
  deliverAll,
  event,
  invoice,
  lead,
  saleOf,
  seconds,
  session,
  signature,
} from "./stripe_calls.mjs";

const rowsOf = async (ledger) => {
  const { stripe_connection: _, ...rows } = await contents(ledger);
  return rows;
};

test("only a fresh signature by a secret of this program and this mode is taken; all else is the same 400", async (t) => {
  const ledger = await startLedger(t);
  await connect(ledger);
  const paid = event("checkout.session.completed", session({ metadata: { affitor_click_id: await click(ledger) } }));
  const body = JSON.stringify(paid);
  const before = await rowsOf(ledger);
  const { other, program } = ledger.fixture;
  const refused = {
    "no header": { header: "" },
    "no signature": { header: `t=${seconds()}` },
    "another scheme": { header: signature(body).replace("v1=", "v0=") },
    "another secret": { secret: "whsec_another0123456789abcdef" },
    "of another body": { header: signature(`${body} `) },
    "too old": { at: seconds() - 330 },
    "of the future": { at: seconds() + 330 },
    "no moment": { header: signature(body).replace(/^t=\d+/, "t=now") },
    "no hexadecimal": { header: `t=${seconds()},v1=${"zz".repeat(32)}` },
    "test mode's secret for a live event": { secret: TEST_SECRET },
    "another team's program": { program: other.program.id },
    "a program that does not exist": { program: `prog_${"x".repeat(22)}` },
    "a number that no program has": { program: "4711" },
  };
  const texts = new Set();
  for (const [name, how] of Object.entries(refused)) {
    const answer = await deliver(ledger, paid, how);
    assertError("/webhooks", answer, 400, "VALIDATION_ERROR");
    assert.equal(answer.json.error.field, "Stripe-Signature", name);
    texts.add(JSON.stringify(answer.json.error));
  }
  assert.equal(texts.size, 1, "who tries learns nothing by the answer");
  assert.deepEqual(await rowsOf(ledger), before);

  const live = { ...paid, livemode: false };
  assert.equal((await deliver(ledger, live)).status, 400, "a live secret does not speak for test mode");
  assert.deepEqual(await rowsOf(ledger), before);
  const several = `${signature(body, { secret: "whsec_old" })},${signature(body).split(",")[1]}`;
  assert.equal((await deliver(ledger, paid, { header: several })).status, 200);
  const answer = await deliver(ledger, paid, { program: String(program.number), at: seconds() - 250 });
  assert.deepEqual([answer.status, answer.json], [200, { received: true, handled: true }]);
});

test("a body that is no event, or is too long, is a 400, and a type that nobody looks at is taken and left", async (t) => {
  const ledger = await startLedger(t);
  await connect(ledger);
  for (const body of ["", "[]", "{}", "nothing", '{"id":"evt_1","type":"invoice.paid","data":{}}']) {
    const answer = await deliver(ledger, body);
    assertError("/webhooks", answer, 400, "VALIDATION_ERROR");
  }
  const long = (bytes) => ({ ...event("invoice.paid", invoice()), padding: "x".repeat(bytes) });
  // Nobody reads it to its end: the answer may be cut off with it.
  const tooLong = await deliver(ledger, long(1024 * 1024)).catch(() => ({ status: 400 }));
  assert.equal(tooLong.status, 400);
  assert.equal((await deliver(ledger, long(900 * 1024))).status, 200);
  const answer = await deliver(ledger, event("customer.created", { id: "cus_1", object: "customer" }));
  assert.deepEqual([answer.status, answer.json], [200, { received: true, handled: false }]);
  assert.equal(answer.headers.get("access-control-allow-origin"), null);
});

test("secrets are set, several hold at once, and none is ever shown", async (t) => {
  const ledger = await startLedger(t);
  const { live, test: testKey } = ledger.fixture.keys;
  const put = (body, key = live) => ledger.request("PUT", "/v1/program/stripe", { key, body });
  const empty = (await get(ledger, "/v1/program/stripe")).json.data;
  const url = `${ledger.url}/webhooks/stripe/${ledger.fixture.program.id}`;
  assert.deepEqual(empty, {
    webhook_url: url,
    live_signing_secrets: [],
    test_signing_secrets: [],
    last_live_event_at: null,
    last_test_event_at: null,
  });
  const [first, second] = ["whsec_first0123456789abcd", "whsec_second0123456789abcd"];
  for (let time = 0; time < 2; time += 1) {
    const answer = await put({ live_signing_secret: [first, second] });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json.data.live_signing_secrets, ["whsec_…abcd", "whsec_…abcd"]);
    assert.ok(!answer.text.includes("0123"), answer.text);
  }
  await put({ test_signing_secret: TEST_SECRET });
  for (const secret of [first, second]) {
    assert.equal((await deliver(ledger, event("ping", {}), { secret })).status, 200);
  }
  await put({ live_signing_secret: second });
  assert.equal((await deliver(ledger, event("ping", {}), { secret: first })).status, 400);
  assert.equal((await deliver(ledger, event("ping", {}, { livemode: false }), { secret: TEST_SECRET })).status, 200);
  const { last_live_event_at, last_test_event_at } = (await get(ledger, "/v1/program/stripe")).json.data;
  for (const at of [last_live_event_at, last_test_event_at]) assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
  await put({ live_signing_secret: [] });
  assert.equal((await deliver(ledger, event("ping", {}), { secret: second })).status, 400);

  assert.equal((await put({ live_signing_secret: first }, testKey)).status, 403);
  for (const [field, value] of [
    ["live_signing_secret", "sk_live_0123456789abcdef"],
    ["live_signing_secret", "whsec_short"],
    ["test_signing_secret", Array.from({ length: 6 }, (_, n) => `whsec_0123456789abcdef${n}`)],
  ]) {
    const answer = await put({ [field]: value });
    assert.ok(assertError("/v1/program/stripe", answer, 400).names(field), answer.text);
  }
  const both = await put({ live_signing_secret: first, test_signing_secret: first });
  assert.ok(assertError("/v1/program/stripe", both, 400).names("test_signing_secret"));
});

test("an invoice by the API and by an event, both at once, is one sale and one commission, twenty times", async (t) => {
  const ledger = await startLedger(t);
  await connect(ledger);
  for (let time = 0; time < 20; time += 1) {
    const key = unique("user");
    await lead(ledger, key);
    const paid = invoice({ metadata: { affitor_customer_key: key } });
    const kinds = ["invoice.paid", "invoice.payment_succeeded"];
    const body = { external_user_id: key, sale_amount: 100, external_event_id: paid.id };
    const sale = { transaction_id: paid.id, amount_cents: 10_000, customer_key: key };
    const answers = await Promise.all([
      ...kinds.map((kind) => deliver(ledger, event(kind, paid))),
      post(ledger, "/v1/conversions", body),
      post(ledger, "/api/v1/track/sale", sale, { key: ledger.fixture.keys.token }),
    ]);
    for (const { status, text } of answers) assert.ok([200, 201, 409].includes(status), `${status} ${text}`);
    const rows = await select(
      ledger,
      "SELECT COUNT(*) AS sales, (SELECT COUNT(*) FROM commission WHERE referral_id = v.referral_id) AS commissions, " +
        "(SELECT SUM(amount_minor) FROM commission WHERE referral_id = v.referral_id) AS earned " +
        "FROM conversion v WHERE sale_key = ?",
      paid.id,
    );
    assert.deepEqual(rows, [{ sales: 1, commissions: 1, earned: 3_000 }]);
  }
});

test("a sale that the API told under its payment is the invoice's, and a refund of the charge finds it", async (t) => {
  const ledger = await startLedger(t);
  await connect(ledger);
  const paid = invoice({ payments: { data: [{ payment: { type: "payment_intent", payment_intent: "pi_known" } }] } });
  await sold(ledger, "pi_known");
  await deliverAll(ledger, [event("invoice.paid", paid), event("invoice.paid", paid)]);
  assert.equal((await saleOf(ledger, paid.id)).sale_key, "pi_known");
  await deliverAll(ledger, [event("charge.refunded", charge("pi_known", 9_900, 3_300))]);
  // A third of 99.00, and of 29.70.
  const sale = await saleOf(ledger, "ch_known");
  assert.deepEqual([sale.sold, sale.refunded, sale.earned], [9_900, 3_300, 1_980]);
  assert.equal((await select(ledger, "SELECT COUNT(*) AS sales FROM conversion"))[0].sales, 1);
});

test("test mode writes test rows, and neither mode sees the other's customers", async (t) => {
  const ledger = await startLedger(t);
  await connect(ledger);
  const { test: key } = ledger.fixture.keys;
  const [live, testing] = [await click(ledger), await click(ledger, { key })];
  const paid = (id, affitor_click_id) => session({ payment_intent: id, metadata: { affitor_click_id } });
  const inTest = (object) => event("checkout.session.completed", object, { livemode: false });
  await deliverAll(ledger, [inTest(paid("pi_test", testing)), inTest(paid("pi_lost", live))], { secret: TEST_SECRET });
  await deliverAll(ledger, [event("checkout.session.completed", paid("pi_live", testing))]);
  assert.equal((await saleOf(ledger, "pi_test", 1)).earned, 1_500);
  for (const id of ["pi_lost", "pi_live"]) assert.equal(await saleOf(ledger, id), undefined);
  assert.deepEqual(await select(ledger, "SELECT sale_key, is_test FROM unattributed_sale ORDER BY 1"), [
    { sale_key: "pi_live", is_test: 0 },
    { sale_key: "pi_lost", is_test: 1 },
  ]);
});

test("an event that names another program is left to that one's endpoint", async (t) => {
  const ledger = await startLedger(t);
  await connect(ledger);
  const { program, other } = ledger.fixture;
  const named = async (program_id) => {
    const metadata = { affitor_click_id: await click(ledger), program_id };
    const object = session({ metadata });
    return [object, await deliver(ledger, event("checkout.session.completed", object))];
  };
  const [elsewhere, left] = await named(other.program.id);
  assert.deepEqual(left.json, { received: true, handled: false, reason: "other_program" });
  assert.equal(await saleOf(ledger, elsewhere.id), undefined);
  for (const id of [program.id, String(program.number)]) {
    const [here, taken] = await named(id);
    assert.deepEqual(taken.json, { received: true, handled: true });
    assert.equal((await saleOf(ledger, here.id)).earned, 1_500);
  }
});

test("while D1 is away an event is 503, and its repetition is recorded", async (t) => {
  const ledger = await startLedger(t, { switchable: true });
  await connect(ledger);
  const object = session({ metadata: { affitor_click_id: await click(ledger) } });
  const paid = event("checkout.session.completed", object);
  ledger.database.takeAway();
  const away = await deliver(ledger, paid);
  assertError("/webhooks", away, 503, "SERVICE_UNAVAILABLE");
  assert.ok(Number(away.headers.get("retry-after")) > 0);
  ledger.database.giveBack();
  await eventually(async () => assert.equal((await deliver(ledger, paid)).status, 200), 20_000);
  assert.equal((await saleOf(ledger, object.id)).earned, 1_500);
  // A commit whose answer is lost is found again.
  const again = session({ metadata: { affitor_click_id: await click(ledger) } });
  ledger.database.loseNextAnswer();
  await eventually(async () => {
    assert.equal((await deliver(ledger, event("checkout.session.completed", again))).status, 200);
  }, 20_000);
  assert.equal((await saleOf(ledger, again.id)).earned, 1_500);
});

test("the same event fifty times at once is one sale", async (t) => {
  const ledger = await startLedger(t);
  await connect(ledger);
  const object = session({ metadata: { affitor_click_id: await click(ledger) } });
  const paid = event("checkout.session.completed", object);
  const answers = await atOnce(50, () => deliver(ledger, paid, { secret: LIVE_SECRET }));
  for (const { status, text } of answers) assert.ok([200, 503].includes(status), text);
  assert.ok(answers.some(({ status }) => status === 200));
  assert.equal((await deliver(ledger, paid)).status, 200);
  const rows = await select(ledger, "SELECT COUNT(*) AS count, SUM(amount_minor) AS earned FROM commission");
  assert.deepEqual(rows, [{ count: 1, earned: 1_500 }]);
});
