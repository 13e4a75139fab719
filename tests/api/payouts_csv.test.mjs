// Payouts as tables: the form that spreadsheets read, and nothing in it that they would carry out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { get, post, refund, signedUp, sold, unique } from "./calls.mjs";
import { ended, payOut } from "./payout_calls.mjs";

const csv = (ledger, path, headers = {}) => get(ledger, path, { headers });

function assertTable(answer, name) {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers.get("content-type"), "text/csv; charset=utf-8; header=present");
  assert.equal(answer.headers.get("content-disposition"), `attachment; filename="${name}.csv"`);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(answer.headers.get("x-rows-cut-at"), null);
}

test("the list of payouts is a table, by name or by what the caller accepts", async (t) => {
  const ledger = await startLedger(t);
  const [first] = await Promise.all([sold(ledger, "order_1").then(() => payOut(ledger))]).then(([made]) => made);
  await ended(ledger, first.id, { status: "completed", paymentMethod: "wise", paymentReference: "wire 1, May" });
  await sold(ledger, "order_2", { sale_amount: 10 });
  const [second] = await payOut(ledger);
  const shown = (await get(ledger, "/v1/payouts?sort=invoice_number")).json.data;
  const { id, email } = ledger.fixture.affiliate;
  const expected = [
    "id,invoice_number,affiliate_id,affiliate_name,affiliate_email,amount,currency,status,payment_method," +
      "payment_reference,processed_at,created_at,updated_at",
    `${first.id},1,${id},alice,${email},29.70,USD,completed,wise,"wire 1, May",${shown[0].processed_at},` +
      `${shown[0].created_at},${shown[0].updated_at}`,
    `${second.id},2,${id},alice,${email},3.00,USD,pending,,,,${shown[1].created_at},${shown[1].updated_at}`,
    "",
  ].join("\r\n");
  const path = "/v1/payouts?sort=invoice_number";
  const answers = [
    await csv(ledger, `${path}&format=csv`),
    // All of it, whatever page.
    await csv(ledger, `${path}&format=csv&limit=1&page=2`),
    await csv(ledger, path, { accept: "application/json;q=0.1, text/csv" }),
  ];
  for (const answer of answers) {
    assertTable(answer, "payouts");
    assert.equal(answer.text, expected);
  }
  const json = await csv(ledger, `${path}&format=json`, { accept: "text/csv" });
  assert.deepEqual(json.json.data, shown);
});

test("a payout is a table of its lines, what it takes back among them", async (t) => {
  const ledger = await startLedger(t);
  const sale = await sold(ledger, "order_1");
  const [first] = await payOut(ledger);
  await ended(ledger, first.id, "completed");
  await refund(ledger, sale.id, { amount: 33 });
  const other = await sold(ledger, 'order "2"');
  const [second] = await payOut(ledger);
  const { transactions } = (await get(ledger, `/v1/payouts/${second.id}`)).json.data;
  const clawback = transactions.find(({ amount }) => amount < 0).commission.id;
  const answer = await csv(ledger, `/v1/payouts/${second.id}?format=csv`);
  assertTable(answer, "payout-2");
  const line = (commission, type, of, key, sold_for, amount) =>
    `${second.id},2,${commission},${type},0,${of.referral_id},${of.id},${key},${sold_for},USD,${amount},USD`;
  assert.equal(
    answer.text,
    [
      "payout_id,invoice_number,commission_id,earning_type,level,referral_id,conversion_id,external_event_id," +
        "sale_amount,sale_currency,commission_amount,commission_currency",
      line(clawback, "clawback", sale, "order_1", "66.00", "-9.90"),
      line(other.earning_id, "direct_commission", other, '"order ""2"""', "99.00", "29.70"),
      "",
    ].join("\r\n"),
  );
  assert.equal((await csv(ledger, `/v1/payouts/${second.id}`, { accept: "text/csv" })).text, answer.text);
});

test("no text of a stranger is a formula, and negative amounts stay numbers", async (t) => {
  const ledger = await startLedger(t);
  const evil = [
    ["=1+1", "'=1+1"],
    ["+49", "'+49"],
    ["-5", "'-5"],
    ["@SUM(A1:A9)", "'@SUM(A1:A9)"],
    ['=HYPERLINK("https://evil.example","x")', '"\'=HYPERLINK(""https://evil.example"",""x"")"'],
  ];
  for (const [key] of evil) {
    const referral_id = await signedUp(ledger, unique("user"));
    const body = { referral_id, sale_amount: 10, external_event_id: key };
    assert.equal((await post(ledger, "/v1/conversions", body)).status, 201);
  }
  const rename = "UPDATE affiliate SET name = ?, email = ? WHERE id = ?";
  await ledger.db.prepare(rename).bind("\t=cmd|' /C calc'!A0", "@evil", ledger.fixture.affiliate.id).run();
  const [{ id }] = await payOut(ledger, { payment_method: "=A1" });
  await ended(ledger, id, { status: "processing", paymentReference: "-1" });
  const lines = (await csv(ledger, `/v1/payouts/${id}?format=csv`)).text;
  for (const [, guarded] of evil) assert.ok(lines.includes(`,${guarded},10.00,`), `${guarded} in ${lines}`);
  const [, row] = (await csv(ledger, "/v1/payouts?format=csv")).text.split("\r\n");
  assert.ok(row.includes(",'\t=cmd|' /C calc'!A0,'@evil,15.00,USD,processing,'=A1,'-1,"), row);
});

test("currencies have their own digits in tables", async (t) => {
  const ledger = await startLedger(t);
  await ledger.db.prepare("UPDATE team SET currency = 'JPY' WHERE id = ?").bind(ledger.fixture.team.id).run();
  await sold(ledger, "order_1", { sale_amount: 1000, sale_amount_currency: "JPY" });
  const [{ id, amount, currency }] = await payOut(ledger);
  assert.deepEqual([amount, currency], [300, "JPY"]);
  const [, row] = (await csv(ledger, `/v1/payouts/${id}?format=csv`)).text.split("\r\n");
  assert.match(row, /,1000,JPY,300,JPY$/);
});

test("a table ends at ten thousand rows and says so", async (t) => {
  const ledger = await startLedger(t);
  await sold(ledger, "order_1");
  const [{ id }] = await payOut(ledger);
  await ledger.db
    .prepare(
      "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 10001) " +
        "INSERT INTO payout SELECT 'pay_' || i, team_id, program_id, is_test, affiliate_id, i, currency, status, work, " +
        "payment_method, payment_reference, processed_at, version, created_at, updated_at FROM payout, n WHERE id = ?",
    )
    .bind(id)
    .run();
  const all = await csv(ledger, "/v1/payouts?format=csv");
  assert.equal(all.headers.get("x-rows-cut-at"), "10000");
  assert.equal(all.text.split("\r\n").length, 10_002);
  const fewer = await csv(ledger, `/v1/payouts?format=csv&dateTo=2020-01-01`);
  assertTable(fewer, "payouts");
});
