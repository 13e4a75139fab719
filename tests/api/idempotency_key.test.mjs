// A call with an Idempotency-Key happens once, whatever it is and however often it comes, and is answered the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startLedger } from "../support/ledger.mjs";
import { atOnce, tally } from "./calls.mjs";
import { amounts, assertFirst, assertReplay, isReplay, KEYED_CALLS, known, prepared, send } from "./keyed_calls.mjs";
import { assertError } from "./routes.mjs";

const LONGEST = 255;

/** How much more there is of everything. */
const grown = (before, after) =>
  Object.fromEntries(Object.entries(after).map(([what, rows]) => [what, rows - before[what]]));

for (const call of KEYED_CALLS) {
  test(`${call.name}: the same key and body are answered the same, and happen once`, async (t) => {
    const ledger = await startLedger(t);
    const made = await prepared(ledger, call);
    const before = await known(ledger);
    const first = await send(ledger, call, made, "key_1");
    assertFirst(first, call.status);
    const after = await known(ledger);
    assert.notDeepEqual(amounts(after), amounts(before), "the first call has an effect");
    for (let again = 0; again < 3; again += 1) assertReplay(await send(ledger, call, made, "key_1"), first);
    await ledger.restart();
    for (let again = 0; again < 2; again += 1) assertReplay(await send(ledger, call, made, "key_1"), first);
    assert.deepEqual(await known(ledger), after);
  });

  test(`${call.name}: twenty at once with one key, over two Workers, happen once`, async (t) => {
    const ledger = await startLedger(t, { instances: 2 });
    const alone = await prepared(ledger, call);
    const made = await prepared(ledger, call);
    const before = amounts(await known(ledger));
    assertFirst(await send(ledger, call, alone, "key_0"), call.status);
    const between = amounts(await known(ledger));
    const answers = await atOnce(20, () => send(ledger, call, made, "key_1"));
    assert.deepEqual(tally(answers), { [call.status]: 20 });
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    assert.equal(answers.filter(isReplay).length, 19);
    const after = amounts(await known(ledger));
    // Twenty calls with one key did what the one call before them did.
    assert.deepEqual(grown(between, after), grown(before, between));
  });

  test(`${call.name}: the same key with another body is a 422, and does nothing`, async (t) => {
    const ledger = await startLedger(t);
    const made = await prepared(ledger, call);
    const first = await send(ledger, call, made, "key_1");
    assertFirst(first, call.status);
    const after = await known(ledger);
    const other = { ...made, body: call.other(made.body) };
    for (let twice = 0; twice < 2; twice += 1) {
      const answer = await send(ledger, call, other, "key_1");
      assertError(call.path, answer, 422);
      assert.equal(isReplay(answer), false);
    }
    assert.deepEqual(await known(ledger), after);
    assertReplay(await send(ledger, call, made, "key_1"), first);
  });

  test(`${call.name}: a key that cannot be one is a 400, and does nothing`, async (t) => {
    const ledger = await startLedger(t);
    const made = await prepared(ledger, call);
    const before = await known(ledger);
    const umlautInUtf8 = Buffer.from("ü").toString("latin1");
    for (const value of ["", "k".repeat(LONGEST + 1), "schlüssel", umlautInUtf8]) {
      for (let twice = 0; twice < 2; twice += 1) {
        assertError(call.path, await send(ledger, call, made, value), 400, "VALIDATION_ERROR");
      }
    }
    assert.deepEqual(await known(ledger), before);
    const longest = await send(ledger, call, made, "k".repeat(LONGEST));
    assertFirst(longest, call.status);
    assertReplay(await send(ledger, call, made, "k".repeat(LONGEST)), longest);
  });
}
