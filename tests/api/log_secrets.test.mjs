// Nothing that the runtime logs names a customer or shows a key: not when calls succeed, not when they are refused, not when
// D1 is away, and not when a row cannot be read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { letters, startLedger } from "../support/ledger.mjs";
import { get, post, select } from "./calls.mjs";
import { leaveTraces, somebody } from "./customer_calls.mjs";
import { keyOf, ROUTES } from "./routes.mjs";

/** The body with a secret in every text, and an address where one is wanted. */
function marked(value, { mark, email }) {
  if (typeof value === "string") return value.includes("@") ? email : `${value} ${mark}`;
  if (Array.isArray(value)) return value.map((one) => marked(one, { mark, email }));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, marked(one, { mark, email })]));
}

/** Calls every route: well, with secrets in all of its texts, with none of its types right, and with keys of nobody. */
async function callAll(ledger, secret, strangers) {
  const headers = {
    "user-agent": `Mozilla ${secret.mark}`,
    "cf-connecting-ip": secret.ip,
    referer: `https://${secret.mark}.example/`,
    "idempotency-key": `key ${secret.mark}`,
  };
  for (const route of ROUTES) {
    const { method, path } = route;
    const key = keyOf(ledger, route);
    const query = `?email=${encodeURIComponent(secret.email)}&external_user_id=${secret.user}`;
    const texts = Object.keys(route.fields ?? {}).filter((field) => route.fields[field] === "a text");
    const everywhere = Object.fromEntries(texts.map((field) => [field, field === "email" ? secret.email : secret.user]));
    const bodies = route.body === undefined ? [undefined] : [
      route.body,
      { ...route.body, ...everywhere },
      marked(route.body, secret),
      { ...route.body, email: secret.mark, [secret.mark]: [secret.email] },
      `{"email":"${secret.email}`,
    ];
    for (const body of bodies) {
      await ledger.request(method, path, { key, body, headers });
      await ledger.request(method, path.replace(/\w+_none/, secret.user), { key, body, headers });
    }
    if (method === "GET") await ledger.request(method, path + query, { key, headers });
    for (const stranger of strangers) await ledger.request(method, path, { key: stranger, body: route.body, headers });
  }
}

test("nothing that names a customer and no key is ever logged", async (t) => {
  const log = [];
  const ledger = await startLedger(t, { switchable: true, log });
  const jane = somebody(ledger);
  const strangers = [`sk_live_${letters(44)}`, `sk_test_${letters(44)}`, `aff_${letters(44)}`, `wrong ${jane.mark}`];
  const { referral } = await leaveTraces(ledger, jane);
  await callAll(ledger, jane, strangers);

  // A row that cannot be read: the answer is 503, and the log says which column.
  await ledger.db.prepare("UPDATE event SET detail = ? WHERE subject = ?").bind(`{"sent": ${jane.email}`, referral).run();
  assert.equal((await get(ledger, `/v1/referrals/${referral}/timeline`)).status, 503);
  await ledger.db.prepare("UPDATE conversion SET details = ? WHERE referral_id = ?").bind(`{ ${jane.user}`, referral).run();
  assert.equal((await get(ledger, "/v1/conversions")).status, 503);

  ledger.database.takeAway();
  await callAll(ledger, jane, strangers);
  const away = await post(ledger, "/v1/customers/erase", { email: jane.email });
  assert.equal(away.status, 503, away.text);
  ledger.database.giveBack();
  await ledger.restart();
  await get(ledger, "/healthz", { key: null });

  const lines = log.map((entry) => JSON.stringify(entry));
  const text = lines.join("\n");
  for (const expected of ["event.detail", "conversion.details", "Network connection lost"]) {
    assert.ok(text.includes(expected), `${expected} was not logged: nothing is shown by this test`);
  }
  const hashes = "SELECT key_hash FROM api_key WHERE team_id = ? LIMIT 1";
  const [{ key_hash }] = await select(ledger, hashes, ledger.fixture.team.id);
  const secrets = {
    ...jane.secrets,
    ...ledger.fixture.keys,
    ...Object.fromEntries(strangers.map((key, number) => [`key of nobody ${number}`, key])),
    "hash of a key": key_hash,
  };
  for (const [name, secret] of Object.entries(secrets)) {
    const shown = lines.find((line) => line.includes(secret.toString("latin1")));
    assert.equal(shown, undefined, `${name} was logged: ${shown}`);
  }
});
