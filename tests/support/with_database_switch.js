// The Worker's entry in tests that take D1 away. It runs in workerd, around the built Worker: each call to D1 asks the
// switch first (database_switch.mjs) and fails, in D1's own words, while D1 is away.
import Ledger, { ClickLedger as Shard } from "./index.js";

/** Named like the platform's class: the Worker checks the name. */
class D1Database {
  #database;
  #check;

  constructor(database, check) {
    this.#database = database;
    this.#check = check;
  }

  prepare(sql) {
    return new Statement(this.#database.prepare(sql), this.#check);
  }

  async batch(statements) {
    await this.#check();
    return this.#database.batch(statements.map(({ statement }) => statement));
  }

  async exec(sql) {
    await this.#check();
    return this.#database.exec(sql);
  }

  withSession(bookmark) {
    const session = this.#database.withSession(bookmark);
    const checked = new D1Database(session, this.#check);
    checked.getBookmark = () => session.getBookmark();
    return checked;
  }
}

class Statement {
  #check;

  constructor(statement, check) {
    this.statement = statement;
    this.#check = check;
  }

  bind(...values) {
    return new Statement(this.statement.bind(...values), this.#check);
  }

  async #call(method, values) {
    await this.#check();
    return this.statement[method](...values);
  }

  first = (...values) => this.#call("first", values);
  all = (...values) => this.#call("all", values);
  run = (...values) => this.#call("run", values);
  raw = (...values) => this.#call("raw", values);
}

async function failWhileAway(service) {
  const answer = await service.fetch("http://switch/");
  if ((await answer.text()) !== "away") return;
  throw new Error("D1_ERROR: Network connection lost.", { cause: new Error("Network connection lost.") });
}

const switchable = (env) => ({ ...env, DB: new D1Database(env.DB, () => failWhileAway(env.DATABASE_SWITCH)) });

export class ClickLedger extends Shard {
  constructor(state, env) {
    super(state, switchable(env));
  }
}

export default class extends Ledger {
  constructor(context, env) {
    super(context, switchable(env));
  }
}
