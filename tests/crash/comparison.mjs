// What was acknowledged and what is stored, compared both ways. Each difference is a sentence in one of four lists.
import { LEAD_COMMISSION, isAcknowledged } from "./load.mjs";

/**
 * @returns {{ lost: string[], double: string[], extra: string[], wrong: string[] }} lost: acknowledged and not stored;
 *   double: stored or acknowledged as new more than once; extra: stored and never asked for; wrong: stored otherwise
 *   than it was asked for, or rows that contradict each other
 */
export function compare(history, clicks, rows) {
  const found = { lost: [], double: [], extra: [], wrong: [] };
  compareAnswers(found, history);
  compareClicks(found, history.asked.click, clicks);
  compareLeads(found, history.asked.lead, rows);
  compareSales(found, new Map([...history.asked.conversion, ...history.asked.sale]), rows, history.asked.lead);
  compareSums(found, rows);
  for (const row of rows.unattributed_sale) found.extra.push(`unattributed sale ${row.sale_key}`);
  return found;
}

/** One answer only says that it is new; and nobody is told that it is known before anybody asked. */
function compareAnswers(found, history) {
  for (const intent of history.all()) {
    const { kind, key, asNew, asKnown } = intent;
    if (asNew > 1) found.double.push(`${kind} ${key} was new ${asNew} times`);
    if (asNew === 0 && asKnown > 0 && !isUncertain(intent)) found.wrong.push(`${kind} ${key} was known and never new`);
  }
}

function compareClicks(found, asked, clicks) {
  const stored = one(found, "click", clicks, ({ label }) => label);
  for (const [label, intent] of asked) {
    const click = stored.get(label);
    if (!isAcknowledged(intent)) continue;
    if (click === undefined) found.lost.push(`click ${label}`);
    else if (click.id !== intent.data) found.wrong.push(`click ${label} was ${intent.data} and is ${click.id}`);
  }
  notAskedFor(found, asked, stored);
}

function compareLeads(found, asked, { referral, identity, commission }) {
  const stored = one(found, "lead", referral, ({ external_user_id }) => external_user_id);
  const users = one(
    found,
    "identity",
    identity.filter(({ kind }) => kind === "external_user_id"),
    ({ value }) => value,
  );
  const earned = one(
    found,
    "commission of lead",
    commission.filter(({ conversion_id }) => conversion_id === null),
    ({ referral_id }) => referral_id,
  );
  for (const [name, intent] of asked) {
    const row = stored.get(name);
    if (row === undefined) {
      if (isAcknowledged(intent)) found.lost.push(`lead ${name}`);
      continue;
    }
    const { click_id } = intent.request.body;
    const amount = earned.get(click_id)?.amount_minor;
    if (row.id !== click_id) found.wrong.push(`lead ${name} came by ${click_id} and is ${row.id}`);
    if (users.get(name)?.referral_id !== row.id) found.wrong.push(`lead ${name} is not known by its user id`);
    if (amount !== LEAD_COMMISSION) found.wrong.push(`lead ${name} earned ${amount}`);
  }
  notAskedFor(found, asked, stored);
  const known = new Set(referral.map(({ id }) => id));
  for (const { id, referral_id } of commission) if (!known.has(referral_id)) found.extra.push(`commission ${id}`);
  for (const { value, referral_id } of identity) if (!known.has(referral_id)) found.extra.push(`identity ${value}`);
}

function compareSales(found, asked, { conversion, commission, sale_key }, leads) {
  const stored = one(found, "sale", conversion, ({ sale_key }) => sale_key);
  const claims = one(found, "sale key", sale_key, ({ value }) => value);
  const paid = commission.filter(({ conversion_id }) => conversion_id !== null);
  const earned = one(found, "commission of sale", paid, ({ conversion_id }) => conversion_id);
  for (const [key, intent] of asked) {
    const row = stored.get(key);
    if (row === undefined) {
      if (isAcknowledged(intent)) found.lost.push(`sale ${key}`);
      if (claims.has(key)) found.wrong.push(`sale key ${key} is claimed by no sale`);
      continue;
    }
    const expected = {
      id: intent.data ?? row.id,
      referral_id: leads.get(intent.customer).data,
      amount: intent.amount,
      commission: intent.commission,
      claim: row.id,
    };
    const actual = {
      id: row.id,
      referral_id: row.referral_id,
      amount: row.amount_minor,
      commission: earned.get(row.id)?.amount_minor,
      claim: claims.get(key)?.conversion_id,
    };
    if (!same(actual, expected)) found.wrong.push(`sale ${key}: ${say(actual)} instead of ${say(expected)}`);
    if (row.commission_id !== earned.get(row.id)?.id) found.wrong.push(`sale ${key} names another commission`);
  }
  notAskedFor(found, asked, stored);
  const known = new Set(conversion.map(({ id }) => id));
  for (const { id, conversion_id } of paid) if (!known.has(conversion_id)) found.extra.push(`commission ${id}`);
}

/** Each referral's own totals, and its line of events without a gap: one of the lead and one of each sale. */
function compareSums(found, { referral, conversion, commission, event }) {
  const sales = Map.groupBy(conversion, ({ referral_id }) => referral_id);
  const earned = Map.groupBy(commission, ({ referral_id }) => referral_id);
  const events = Map.groupBy(event, ({ subject }) => subject);
  for (const { id, seq, paid_sales, commission_total_minor } of referral) {
    const bought = sales.get(id)?.length ?? 0;
    const sum = (earned.get(id) ?? []).reduce((total, { amount_minor }) => total + amount_minor, 0);
    const line = (events.get(id) ?? []).map((row) => row.seq).sort((one, other) => one - other);
    const unbroken = Array.from({ length: 1 + bought }, (_, index) => index + 1);
    const actual = { seq, paid_sales, sum: commission_total_minor, line };
    const expected = { seq: 1 + bought, paid_sales: bought, sum, line: unbroken };
    if (!same(actual, expected)) found.wrong.push(`referral ${id}: ${say(actual)} instead of ${say(expected)}`);
    events.delete(id);
  }
  for (const id of events.keys()) found.extra.push(`events of ${id}`);
}

/** Rows by their key; a second one with the same key is a double. */
function one(found, what, rows, keyOf) {
  const byKey = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (byKey.has(key)) found.double.push(`${what} ${key}`);
    byKey.set(key, row);
  }
  return byKey;
}

/** Whether a try of it may have happened without anybody being told. */
const isUncertain = (intent) => intent.unknown + intent.refused > 0;

/** What is stored was acknowledged, or its answer was lost. */
function notAskedFor(found, asked, stored) {
  for (const key of stored.keys()) {
    const intent = asked.get(key);
    const explained = intent !== undefined && (isAcknowledged(intent) || isUncertain(intent));
    if (!explained) found.extra.push(`${intent?.kind ?? "row"} ${key}`);
  }
}

const say = (value) => JSON.stringify(value);
const same = (one, other) => say(one) === say(other);
