// Runs in workerd, before the built Worker: hands it bindings that note what the platform counts.
import { WorkerEntrypoint } from "cloudflare:workers";
import * as built from "./index.js";

const BuiltWorker = built.default;
const BuiltObject = built.ClickLedger ?? built.BareObject; // the product's, or the bare Worker's

// One isolate serves Worker and objects, so these are shared.
let noted = nothing();
const cursors = []; // a counter is final once its cursor has been read to the end

function nothing() {
  return { d1Rows: 0, d1Trips: 0, alarmsSet: 0 };
}

/** Like `target`, but for what `instead` has. A method runs on the target itself: the platform's classes insist. */
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

export class CountedObject {
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
    if (new URL(request.url).pathname === "/counts") return Response.json(takeCounts());
    return new BuiltWorker(this.ctx, countedEnv(this.env)).fetch(request);
  }
}
