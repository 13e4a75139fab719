// What is stored, read where it lies: the rows of D1, and the clicks in the files of the objects. Nobody is asked, so
// nothing is woken by looking.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Every click of every shard: `{ id, sub1, hour, … }`. */
export function storedClicks({ state }) {
  const folder = join(state, "do/clickledger-ClickLedger");
  const files = readdirSync(folder).filter((file) => file.endsWith(".sqlite") && !file.startsWith("metadata"));
  return files.flatMap((file) => clicksOf(join(folder, file)));
}

function clicksOf(file) {
  const shard = new DatabaseSync(file, { readOnly: true });
  try {
    const tables = shard.prepare("SELECT name FROM sqlite_schema WHERE name GLOB 'click_[0-9]*'").all();
    return tables.flatMap(({ name }) =>
      shard.prepare(`SELECT *, json_extract(facts, '$.sub1') AS label FROM ${name}`).all(),
    );
  } finally {
    shard.close();
  }
}

const TABLES = ["referral", "identity", "conversion", "commission", "sale_key", "event", "unattributed_sale"];

/** All rows of what calls write to D1, in a fixed order. */
export async function storedRows({ db }) {
  const rows = {};
  for (const table of TABLES) {
    const { results } = await db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3, 4`).all();
    rows[table] = results;
  }
  return rows;
}

/** The counts in D1: `{ "program affiliate mode hour shard": clicks }`. */
export async function storedCounts({ db }) {
  const { results } = await db.prepare("SELECT * FROM click_count").all();
  return sorted(results.map((row) => [countKey(row), row.clicks]));
}

/** What these clicks come to, counted here. */
export function countsOf(clicks) {
  const counts = new Map();
  for (const click of clicks) {
    const shard = Number.parseInt(click.id.slice(5, 7), 36);
    const key = countKey({ ...click, shard });
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return sorted([...counts]);
}

const countKey = (row) => [row.program_id, row.affiliate_id, row.is_test, row.hour, row.shard].join(" ");
const sorted = (entries) => Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
