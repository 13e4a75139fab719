// A database's backup, as an operator makes and restores it.
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { unstable_splitSqlQuery as splitSqlQuery } from "wrangler";

/** The SQL that `wrangler d1 export --local` writes: it asks the local database in the same words. */
export async function exported(ledger) {
  const [lines] = await ledger.db.prepare("PRAGMA miniflare_d1_export(?,?,?);").bind(0, 0).raw();
  return lines.join("\n");
}

/** Runs a backup's statements on an empty database, as `wrangler d1 execute --file` does: all of them or none. */
export async function imported(ledger, sql) {
  await ledger.db.batch(splitSqlQuery(sql).map((statement) => ledger.db.prepare(statement)));
}

const folderOf = ({ state }, part) => join(state, part);

/** Removes what D1 holds (`d1`) or what the objects do (`do`), while nothing runs. */
export const wiped = (ledger, part) => rm(folderOf(ledger, part), { recursive: true, force: true });

/** Copies D1's files, while nothing runs: a point in time that can be gone back to. */
export const keptPoint = (ledger, to) => cp(folderOf(ledger, "d1"), to, { recursive: true });

/** Goes back to such a point, while nothing runs. */
export async function backTo(ledger, from) {
  await wiped(ledger, "d1");
  await cp(from, folderOf(ledger, "d1"), { recursive: true });
}
