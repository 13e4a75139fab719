// Reads the platform's own counters of rows written, in a pass of its own: a module stands before the built Worker and
// hands it bindings that note what D1 and the object's SQL answer. The Worker is the same, byte for byte; what is
// measured for speed runs without this module.
import { setTimeout } from "node:timers/promises";
import { post } from "./contestants.mjs";

/** Where the entry module answers with what it has noted. */
const COUNTS_PATH = "/counts-of-this-pass";

/** The entry module for a Worker whose objects are of this class. */
export function countingEntry(className) {
  return `
import { WorkerEntrypoint } from "cloudflare:workers";
import Built, { ${className} as BuiltObject } from "./index.js";

// One isolate serves Worker and objects, so these are shared.
let noted = nothing();
const cursors = []; // a counter is final once its cursor has been read to the end

function nothing() {
  return { d1Rows: 0, d1Trips: 0, alarmsSet: 0 };
}

/** Like \`target\`, but for what \`instead\` has. A method runs on the target itself: the platform's classes insist. */
function intercept(target, instead) {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(instead, name)) return instead[name];
      const value = Reflect.get(target, name);
      return typeof value === "function" && name !== "constructor" ? value.bind(target) : value;
    },
  });
}

function noteTrip(answers) {
  noted.d1Trips += 1;
  for (const { meta } of answers) noted.d1Rows += meta.rows_written;
}

const own = new WeakMap(); // the statement that the Worker holds → the platform's

function countedStatement(statement) {
  const run = async (method) => {
    const answer = await statement[method]();
    noteTrip([answer]);
    return answer;
  };
  const counted = intercept(statement, {
    bind: (...values) => countedStatement(statement.bind(...values)),
    run: () => run("run"),
    all: () => run("all"),
    // The platform's own gives the row without the counters.
    first: async (column) => {
      const [row = null] = (await run("all")).results;
      return row === null || column === undefined ? row : row[column];
    },
  });
  own.set(counted, statement);
  return counted;
}

const countedDatabase = (database) =>
  intercept(database, {
    prepare: (sql) => countedStatement(database.prepare(sql)),
    batch: async (statements) => {
      const answers = await database.batch(statements.map((statement) => own.get(statement)));
      noteTrip(answers);
      return answers;
    },
  });

const countedSql = (sql) =>
  intercept(sql, {
    exec: (text, ...values) => {
      const cursor = sql.exec(text, ...values);
      cursors.push(cursor);
      return cursor;
    },
  });

const countedStorage = (storage) =>
  intercept(storage, {
    sql: countedSql(storage.sql),
    setAlarm: (...values) => {
      noted.alarmsSet += 1; // priced as one row
      return storage.setAlarm(...values);
    },
  });

const countedEnv = (env) => ({ ...env, DB: countedDatabase(env.DB) });

export class ${className} {
  constructor(state, env) {
    this.built = new BuiltObject(intercept(state, { storage: countedStorage(state.storage) }), countedEnv(env));
  }
  fetch(request) {
    return this.built.fetch(request);
  }
  alarm() {
    return this.built.alarm();
  }
}

function takeCounts() {
  const objectRows = cursors.splice(0).reduce((sum, cursor) => sum + cursor.rowsWritten, 0);
  const taken = { ...noted, objectRows };
  noted = nothing();
  return taken;
}

export default class extends WorkerEntrypoint {
  fetch(request) {
    if (new URL(request.url).pathname === "${COUNTS_PATH}") return Response.json(takeCounts());
    return new Built(this.ctx, countedEnv(this.env)).fetch(request);
  }
}
`;
}

/** Calls of each kind that are counted. */
const CALLS = 200;

/** By then a shard's alarm has carried its counts, found nothing new and stopped. */
const SETTLE_MILLISECONDS = 6_000;

/**
 * Counts what each call of a Worker writes: rows in the object (an alarm that is set is priced as one), rows in D1 and
 * trips to D1, per call. Clicks include what their counting costs, for so many of them in a burst.
 *
 * @param worker started with the entry module
 * @returns {Promise<Record<string, { object: number, d1: number, trips: number }>>} by the call's name
 */
export async function countRows(worker) {
  const prepared = new Map();
  for (const [name, call] of Object.entries(worker.calls)) {
    const bodies = await call.bodies(CALLS * 2);
    const repeated = Array.from({ length: CALLS * 2 }, (_, place) => bodies[place % bodies.length]);
    // The first calls make tables and fill caches.
    await post(worker, call.path, repeated.slice(0, CALLS));
    prepared.set(name, { ...call, bodies: repeated.slice(CALLS) });
  }
  await setTimeout(SETTLE_MILLISECONDS);
  const counted = {};
  for (const [name, call] of prepared) counted[name] = await countCalls(worker, call);
  return counted;
}

/** What one click costs when no other comes within the two seconds after which it is counted. */
export async function countLoneClick(worker) {
  const { click } = worker.calls;
  return countCalls(worker, { ...click, bodies: await click.bodies(1) });
}

async function countCalls(worker, { path, bodies, writesLater }) {
  await takeCounts(worker);
  await post(worker, path, bodies);
  if (writesLater) await setTimeout(SETTLE_MILLISECONDS);
  const { objectRows, alarmsSet, d1Rows, d1Trips } = await takeCounts(worker);
  const each = (sum) => sum / bodies.length;
  return { object: each(objectRows + alarmsSet), d1: each(d1Rows), trips: each(d1Trips) };
}

async function takeCounts({ url }) {
  return (await fetch(url + COUNTS_PATH)).json();
}
