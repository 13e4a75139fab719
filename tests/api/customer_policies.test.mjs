// What a program keeps of addresses and names: full, masked or off, in every call of both dialects that brings one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { emailHash, startLedger } from "../support/ledger.mjs";
import { addAffiliate, click, fromPage, get, post, select, unique } from "./calls.mjs";
import { assertError } from "./routes.mjs";

const EMAIL = "Jane.Doe@Example.com";
const NAME = "Jane Doe";

/** What is stored of the address and the name: with the hash made by hand. */
async function kept(ledger, referral) {
  const sql = "SELECT email, email_hash, email_masked, name FROM referral WHERE id = ?";
  const [row] = await select(ledger, sql, referral);
  const names = await select(ledger, "SELECT value FROM identity WHERE kind = 'email_hash' AND referral_id = ?", referral);
  return { ...row, identities: names.map(({ value }) => value) };
}

/** Every call that brings an address and a name: the referral that comes of it, and whether it may keep the address. */
const CALLS = [
  {
    name: "POST /v1/signups",
    keepsAddress: true,
    call: async (ledger) => {
      const click_id = await click(ledger);
      const body = { click_id, external_user_id: unique("user"), email: EMAIL, name: NAME };
      return [await post(ledger, "/v1/signups", body), click_id];
    },
  },
  {
    name: "POST /v1/referrals",
    keepsAddress: true,
    call: async (ledger) => {
      const body = { affiliate_id: ledger.fixture.affiliate.id, customer_id: unique("cus"), email: EMAIL, name: NAME };
      const answer = await post(ledger, "/v1/referrals", body);
      return [answer, answer.json.data?.id];
    },
  },
  {
    name: "PUT /v1/referrals/{id}",
    keepsAddress: true,
    call: async (ledger) => {
      const id = await click(ledger);
      await post(ledger, "/v1/signups", { click_id: id, external_user_id: unique("user") });
      const key = ledger.fixture.keys.live;
      return [await ledger.request("PUT", `/v1/referrals/${id}`, { key, body: { email: EMAIL, name: NAME } }), id];
    },
  },
  {
    name: "POST /api/v1/track/lead with a key",
    keepsAddress: false,
    call: async (ledger) => {
      const click_id = await click(ledger);
      const body = { click_id, customer_key: unique("user"), email: EMAIL, name: NAME };
      return [await post(ledger, "/api/v1/track/lead", body, { key: ledger.fixture.keys.token }), click_id];
    },
  },
  {
    name: "POST /api/v1/track/lead from a page",
    keepsAddress: false,
    call: async (ledger) => {
      const click_id = await click(ledger);
      const body = { click_id, customer_key: unique("user"), email: EMAIL, name: NAME };
      return [await fromPage(ledger, "/api/v1/track/lead", body), click_id];
    },
  },
];

for (const { name, keepsAddress, call } of CALLS) {
  for (const policy of ["full", "masked", "off"]) {
    test(`${name} keeps what the policy ${policy} lets it`, async (t) => {
      const ledger = await startLedger(t, { program: { email_policy: policy } });
      const [answer, id] = await call(ledger);
      assert.ok([200, 201].includes(answer.status), answer.text);
      const hash = emailHash(ledger.fixture.program.id, EMAIL);
      const masked = { email_hash: hash, email_masked: "j***@example.com", identities: [hash] };
      const expected = {
        full: { ...masked, email: keepsAddress ? "jane.doe@example.com" : null },
        masked: { ...masked, email: null },
        off: { email: null, email_hash: null, email_masked: null, identities: [] },
      };
      assert.deepEqual(await kept(ledger, id), { ...expected[policy], name: NAME });
      const lines = await select(ledger, "SELECT detail, messages FROM event WHERE subject = ?", id);
      const told = JSON.stringify(lines).toLowerCase();
      assert.equal(told.includes("jane.doe@"), policy === "full" && keepsAddress);
      assert.equal(told.includes("j***@"), policy !== "off");
    });
  }

  test(`${name} drops the name where names are not tracked`, async (t) => {
    const ledger = await startLedger(t, { program: { name_tracking: 0 } });
    const [answer, id] = await call(ledger);
    assert.ok([200, 201].includes(answer.status), answer.text);
    assert.equal((await kept(ledger, id)).name, null);
    const lines = await select(ledger, "SELECT detail, messages FROM event WHERE subject = ?", id);
    assert.ok(!JSON.stringify(lines).includes(NAME));
  });
}

test("an address that is all that names the customer is a 400 that says so, where none are kept", async (t) => {
  const ledger = await startLedger(t, { program: { email_policy: "off" } });
  const click_id = await click(ledger);
  const affiliate_id = ledger.fixture.affiliate.id;
  for (let twice = 0; twice < 2; twice += 1) {
    const signup = await post(ledger, "/v1/signups", { click_id, email: EMAIL });
    const { message, names } = assertError("/v1/signups", signup, 400, "VALIDATION_ERROR");
    assert.ok(names("external_user_id") && message.includes("keeps no e-mail addresses"), message);
    const direct = await post(ledger, "/v1/referrals", { affiliate_id, email: EMAIL });
    const refused = assertError("/v1/referrals", direct, 400, "VALIDATION_ERROR");
    assert.ok(refused.names("customer_id") && refused.message.includes("keeps no e-mail addresses"), refused.message);
  }
  assert.deepEqual(await select(ledger, "SELECT * FROM referral"), []);
  // The click is a name by itself, in both dialects.
  assert.equal((await post(ledger, "/v1/referrals", { affiliate_id, email: EMAIL, click_id })).status, 201);
  const lead = { click_id: await click(ledger), email: EMAIL };
  assert.equal((await post(ledger, "/api/v1/track/lead", lead, { key: ledger.fixture.keys.token })).status, 200);
});

test("a policy that is changed by its route holds for the next call", async (t) => {
  const ledger = await startLedger(t);
  const set = (body) => ledger.request("PATCH", "/v1/program/tracking", { key: ledger.fixture.keys.live, body });
  for (const [change, expected] of [
    [{ email_policy: "masked" }, [null, "j***@example.com", NAME]],
    [{ track_email: false, track_name: false }, [null, null, null]],
    [{ email_policy: "full", track_name: true }, ["jane.doe@example.com", "j***@example.com", NAME]],
  ]) {
    assert.equal((await set(change)).status, 200);
    const click_id = await click(ledger);
    const body = { click_id, external_user_id: unique("user"), email: EMAIL, name: NAME };
    // With the address kept, the second one would be the same customer.
    await ledger.db.prepare("DELETE FROM identity WHERE kind = 'email_hash'").run();
    assert.equal((await post(ledger, "/v1/signups", body)).status, 201);
    const { email, email_masked, name } = await kept(ledger, click_id);
    assert.deepEqual([email, email_masked, name], expected);
  }
});

test("where addresses are not kept, the same address is two customers and the same key is one", async (t) => {
  const ledger = await startLedger(t, { program: { email_policy: "off" } });
  const bob = await addAffiliate(ledger, { trackingId: "bob" });
  assert.ok(bob);
  const signUp = async (external_user_id, trackingId) => {
    const click_id = await click(ledger, { trackingId });
    const answer = await post(ledger, "/v1/signups", { click_id, external_user_id, email: EMAIL });
    return [answer.status, answer.json.data.id === click_id];
  };
  assert.deepEqual(await signUp("user_1"), [201, true]);
  assert.deepEqual(await signUp("user_2", "bob"), [201, true]);
  assert.deepEqual(await signUp("user_1", "bob"), [200, false]);
  assert.equal((await get(ledger, `/v1/referrals?email=${encodeURIComponent(EMAIL)}`)).json.data.length, 0);
});
