// Customers under load: each clicks, signs up and buys, repeats what it got no answer to, and now and then asks twice
// on purpose. Everything that was asked and what came of it is kept, to be compared with what is stored.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * What is bought, and what it earns at 30 %, by hand: 30 % of 3.33 is 0.999 and of 1.05 is 0.315, which round half up
 * to 1.00 and 0.32.
 */
const PRICES = [
  { amount: 9900, text: "99.00", commission: 2970 },
  { amount: 4900, text: "49.00", commission: 1470 },
  { amount: 333, text: "3.33", commission: 100 },
  { amount: 105, text: "1.05", commission: 32 },
];

/** What a sign-up earns, in minor units. */
export const LEAD_COMMISSION = 500;

export const INCENTIVES = [
  { kind: "percentage", percent: "30" },
  { trigger: "lead", kind: "fixed", amount_minor: LEAD_COMMISSION },
];

/** So many of those who get no answer never ask again; the others repeat their request. */
const GIVE_UP = 0.25;
/** So many requests are sent twice at once. */
const TWICE = 0.2;

const NEW = { click: 201, lead: 201, conversion: 201, sale: 200 };
/** How a dialect says that it has this already. */
export const KNOWN = { click: undefined, lead: 200, conversion: 200, sale: 409 };

/** Everything that was asked: by kind, by the key that the request itself carries. */
export class History {
  asked = { click: new Map(), lead: new Map(), conversion: new Map(), sale: new Map() };
  /** Answers with success. */
  acknowledged = { click: 0, lead: 0, conversion: 0, sale: 0 };
  unknown = 0;
  /** 503: try later. As with no answer at all, it may have happened. */
  refused = 0;
  /** Answers that nothing excuses. */
  surprises = [];

  get acknowledgements() {
    return Object.values(this.acknowledged).reduce((sum, count) => sum + count);
  }

  *all() {
    for (const asked of Object.values(this.asked)) yield* asked.values();
  }

  /** Notes that something will be asked for, before it is. */
  intend(kind, key, request) {
    const intent = { kind, key, request, asNew: 0, asKnown: 0, unknown: 0, refused: 0, data: undefined };
    this.asked[kind].set(key, intent);
    return intent;
  }

  note(intent, answer) {
    if (answer === undefined) {
      this.unknown += 1;
      intent.unknown += 1;
    } else if (answer.status === NEW[intent.kind]) {
      this.#acknowledge(intent, answer);
      intent.asNew += 1;
    } else if (answer.status === KNOWN[intent.kind]) {
      if (answer.status === 200) this.#acknowledge(intent, answer);
      intent.asKnown += 1;
    } else if (answer.status === 503 && answer.headers.has("retry-after")) {
      this.refused += 1;
      intent.refused += 1;
    } else {
      this.surprises.push(`${intent.kind} ${intent.key}: ${answer.status} ${answer.text}`);
    }
  }

  #acknowledge(intent, answer) {
    this.acknowledged[intent.kind] += 1;
    const id = answer.json.data?.id ?? answer.json.sale_id;
    intent.data ??= id;
    if (intent.data !== id) this.surprises.push(`${intent.kind} ${intent.key}: first ${intent.data}, then ${id}`);
  }
}

/** Whether somebody was told that it is recorded. */
export const isAcknowledged = (intent) => intent.asNew + intent.asKnown > 0;

/** Lets so many ask at once while `interfere` does what it does; `load.ended` and `load.isUp` are its to set. */
export async function underLoad(ledger, history, count, interfere) {
  const load = { ledger, history, ended: false, isUp: Promise.resolve() };
  const clients = Array.from({ length: count }, (_, number) => customers(load, number));
  try {
    await interfere(load);
  } finally {
    load.ended = true;
    await Promise.all(clients);
  }
}

/** The requests of one customer after the other, until `load.ended`. */
async function customers(load, number) {
  for (let count = 0; !load.ended; count += 1) await customer(load, `${number}.${count}`);
}

async function customer(load, name) {
  const { history } = load;
  const clicks = [`${name}.a`, `${name}.b`].map((label) =>
    history.intend("click", label, { path: "/v1/clicks", body: { trackingId: "alice", sub1: label } }),
  );
  await Promise.all(clicks.map((click) => ask(load, click)));
  const came = clicks.find(isAcknowledged);
  if (came === undefined) return;
  const body = { click_id: came.data, external_user_id: name, email: `jane.${name}@example.com` };
  const lead = history.intend("lead", name, { path: "/v1/signups", body });
  await ask(load, lead);
  if (!isAcknowledged(lead)) return;
  await Promise.all([conversion(load, name, 0), sale(load, name, 1)]);
  await conversion(load, name, 2);
  await sale(load, name, 3);
}

async function conversion(load, name, number) {
  const { amount, text, commission } = PRICES[number];
  const key = `order.${name}.${number}`;
  const body = `{"external_user_id":"${name}","external_event_id":"${key}","sale_amount":${text}}`;
  const intent = load.history.intend("conversion", key, { path: "/v1/conversions", body });
  await ask(load, Object.assign(intent, { customer: name, amount, commission }));
}

async function sale(load, name, number) {
  const { amount, commission } = PRICES[number];
  const key = `txn.${name}.${number}`;
  const body = { customer_key: name, transaction_id: key, amount_cents: amount };
  const intent = load.history.intend("sale", key, { path: "/api/v1/track/sale", body });
  await ask(load, Object.assign(intent, { customer: name, amount, commission }));
}

/** Asks, twice at once now and then; a click is never asked for twice, since a second one would be another click. */
async function ask(load, intent) {
  const twice = intent.kind !== "click" && Math.random() < TWICE;
  await Promise.all([askUntilAnswered(load, intent), ...(twice ? [askUntilAnswered(load, intent)] : [])]);
}

async function askUntilAnswered(load, intent) {
  while (!load.ended) {
    const answer = await send(load.ledger, intent);
    load.history.note(intent, answer);
    if (answer !== undefined && answer.status !== 503) return;
    // The runtime was killed, or is busy: everybody waits a little, and then some ask again and some never do. A 503 may
    // have happened too.
    await load.isUp;
    await sleep(50 * Math.random());
    if (intent.kind === "click" || (answer === undefined && Math.random() < GIVE_UP)) return;
  }
}

/** Waits until so many answers with success have come in. */
export async function enoughAnswers(history, wanted) {
  for (let waited = 0; history.acknowledgements < wanted; waited += 5) {
    assert.deepEqual(history.surprises, []);
    assert.ok(waited < 60_000, `${history.acknowledgements} answers instead of ${wanted} after a minute`);
    await sleep(5);
  }
}

/** One request; nothing is returned when no answer came, or only a part of one. */
export async function send(ledger, { request, kind }) {
  const { keys } = ledger.fixture;
  const key = kind === "sale" ? keys.token : keys.live;
  return ledger.request("POST", request.path, { key, body: request.body }).catch(() => undefined);
}
