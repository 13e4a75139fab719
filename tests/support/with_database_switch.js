// The Worker's entry in tests that interfere with D1. It runs in workerd, around the built Worker: each call to D1 asks
// the switch in the test's process first (database_switch.mjs), and fails in D1's own words where it is to fail.
import Ledger, { ClickLedger as Shard, Scheduler as Minutes, WebhookSender as Sender } from "./index.js";

const connectionLost = () =>
  new Error("D1_ERROR: Network connection lost.", { cause: new Error("Network connection lost.") });

/** Makes one call to D1 as the switch says. */
async function through(service, kind, call) {
  const answer = await service.fetch(`http://switch/${kind}`);
  const decision = await answer.text();
  if (decision === "fail") throw connectionLost();
  const result = await call();
  if (decision === "lose") throw connectionLost();
  return result;
}

/** Named like the platform's class: the Worker checks the name. */
class D1Database {
  #database;
  #service;

  constructor(database, service) {
    this.#database = database;
    this.#service = service;
  }

  prepare(sql) {
    return new Statement(this.#database.prepare(sql), this.#service, sql);
  }

  /** A batch that writes an event is a command's commit; others read, or carry counts. */
  batch(statements) {
    const kind = statements.some(({ sql }) => sql.includes("INSERT INTO event")) ? "commit" : "batch";
    const inner = statements.map(({ statement }) => statement);
    return through(this.#service, kind, () => this.#database.batch(inner));
  }

  exec(sql) {
    return through(this.#service, "exec", () => this.#database.exec(sql));
  }

  withSession(bookmark) {
    const session = this.#database.withSession(bookmark);
    const switchable = new D1Database(session, this.#service);
    switchable.getBookmark = () => session.getBookmark();
    return switchable;
  }
}

class Statement {
  #service;

  constructor(statement, service, sql) {
    this.statement = statement;
    this.sql = sql;
    this.#service = service;
  }

  bind(...values) {
    return new Statement(this.statement.bind(...values), this.#service, this.sql);
  }

  first = (...values) => this.#call("first", values);
  all = (...values) => this.#call("all", values);
  run = (...values) => this.#call("run", values);
  raw = (...values) => this.#call("raw", values);

  #call(method, values) {
    return through(this.#service, method, () => this.statement[method](...values));
  }
}

const switchable = (env) => ({ ...env, DB: new D1Database(env.DB, env.DATABASE_SWITCH) });

export class ClickLedger extends Shard {
  constructor(state, env) {
    super(state, switchable(env));
  }
}

export class Scheduler extends Minutes {
  constructor(state, env) {
    super(state, switchable(env));
  }
}

export class WebhookSender extends Sender {
  constructor(state, env) {
    super(state, switchable(env));
  }
}

export default class extends Ledger {
  constructor(context, env) {
    super(context, switchable(env));
  }
}
