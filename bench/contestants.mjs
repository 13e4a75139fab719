// The product and the bare Worker, each started with the calls that are measured. Both run on the same runtime, with
// the same settings, as many objects and the same number of customers.
import { letters, startLedger } from "../tests/support/ledger.mjs";
import { product, startRuntime } from "../tests/support/runtime.mjs";

/** The Worker of bench/reference. */
export const bare = { name: "bare", build: "bench/reference/build", objects: { CLICK_LEDGER: "BareObject" } };

/** Conversions are spread over so many customers, and repeats over as many sign-ups. */
const CUSTOMERS = 400;

/** How many calls prepare at a time. */
const AT_ONCE = 32;

/**
 * Starts the product with a program in it. Its calls:
 *   `bodies(count)`  what to send, prepared by calling the API where ids are needed
 *   `again`          whether a body may be sent twice
 *   `grows`          the table that has one row more for every answer
 *   `writesLater`    whether an alarm writes more on its behalf
 *
 * @param {{ persist: string, worker?: typeof product }} options state's folder; what is started
 */
export async function startProduct({ persist, worker: started = product }) {
  const ends = [];
  const test = { after: (end) => ends.push(end) };
  const ledger = await startLedger(test, { persist, worker: started });
  const { keys, affiliate } = ledger.fixture;
  const worker = {
    url: ledger.url,
    db: ledger.db,
    headers: headersWith(keys.live),
    stop: () => Promise.all(ends.map((end) => end())),
  };
  const visit = JSON.stringify({
    trackingId: affiliate.trackingId,
    sub1: "newsletter",
    referrer: "https://blog.example/review",
    userAgent: "Mozilla/5.0 (X11)",
  });
  const clicks = async (count) => {
    const answers = await post(worker, "/v1/clicks", new Array(count).fill(visit));
    return answers.map(({ data }) => data.id);
  };
  const signUps = async (count) => (await clicks(count)).map(signUp);
  const signedUp = async (count) => {
    const bodies = await signUps(count);
    await post(worker, "/v1/signups", bodies);
    return bodies;
  };
  let customers;
  worker.calls = {
    click: { path: "/v1/clicks", again: true, writesLater: true, bodies: async () => [visit] },
    signup: { path: "/v1/signups", grows: "referral", bodies: signUps },
    conversion: {
      path: "/v1/conversions",
      grows: "conversion",
      bodies: async (count) => {
        customers ??= (await signedUp(CUSTOMERS)).map((body) => JSON.parse(body).click_id);
        return Array.from({ length: count }, (_, turn) => sale(customers[turn % CUSTOMERS]));
      },
    },
    // Signed up just before, so that all of them are repeated within a minute.
    repeat: { path: "/v1/signups", again: true, bodies: () => signedUp(CUSTOMERS) },
  };
  return worker;
}

function headersWith(key) {
  return { authorization: `Bearer ${key}`, "content-type": "application/json" };
}

function signUp(click_id) {
  const user = letters(12);
  return JSON.stringify({ click_id, external_user_id: `user_${user}`, email: `${user}@example.com` });
}

function sale(referral_id) {
  const external_event_id = `order_${letters(22)}`;
  return JSON.stringify({ referral_id, sale_amount: 99, sale_amount_currency: "USD", external_event_id });
}

/** Starts the bare Worker with the rows that its statements refer to. Its calls are like the product's. */
export async function startBare({ persist, worker: started = bare }) {
  const runtime = await startRuntime({ persist, worker: started });
  await runtime.db.batch(bareRows.map((sql) => runtime.db.prepare(sql)));
  // The same request, though nobody looks at its key.
  const headers = headersWith(`sk_live_${letters(44)}`);
  const worker = { url: runtime.url, db: runtime.db, headers, stop: () => runtime.stop() };
  const body = signUp(`ref_${letters(25)}`); // as long as the product's
  const same = (path, grows) => ({ path, grows, again: true, bodies: async () => [body] });
  worker.calls = {
    empty: same("/empty"),
    insert: same("/insert", "bare"),
    append: same("/append"),
    read: same("/read"),
    signup: same("/signup", "referral"),
    conversion: {
      ...same("/conversion", "conversion"),
      bodies: async () => {
        await post(worker, "/signup", new Array(CUSTOMERS * 2).fill(body)); // its objects keep 100 each in mind
        return [body];
      },
    },
  };
  return worker;
}

const bareRows = [
  "CREATE TABLE bare (position INTEGER PRIMARY KEY, body TEXT NOT NULL)",
  "INSERT INTO team (id, name, currency, created_at) VALUES ('team_bare0000000000000000000', 'Bare', 'USD', 0)",
  "INSERT INTO program (id, number, team_id, name, created_at) \
   VALUES ('prog_bare0000000000000000000', 1, 'team_bare0000000000000000000', 'Bare', 0)",
];

/** Posts all `bodies`, some at a time; their answers, in order. Anything but 2xx ends the benchmark. */
export async function post({ url, headers }, path, bodies) {
  const answers = [];
  let next = 0;
  const client = async () => {
    while (next < bodies.length) {
      const place = next++;
      const response = await fetch(url + path, { method: "POST", headers, body: bodies[place] });
      const text = await response.text();
      if (!response.ok) throw new Error(`POST ${path} was answered ${response.status}: ${text}`);
      answers[place] = text === "" || text[0] !== "{" ? undefined : JSON.parse(text);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return answers;
}
