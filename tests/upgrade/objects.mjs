// The objects' own SQLite files as text, and back: what a shard keeps between two versions.
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const folderOf = (state) => join(state, "do/clickledger-ClickLedger");

/** Of each shard's file: how its tables are made, and their rows. The platform's own tables are left out. */
export function objectsOf(state) {
  const names = readdirSync(folderOf(state)).filter((name) => name.endsWith(".sqlite") && !name.startsWith("metadata"));
  return names.sort().map((name) => {
    const file = new DatabaseSync(join(folderOf(state), name), { readOnly: true });
    const all = file.prepare("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name").all();
    const own = all.filter((entry) => !entry.name.startsWith("_cf_") && !entry.name.startsWith("sqlite_"));
    const tables = own.filter(({ type }) => type === "table");
    const rows = Object.fromEntries(tables.map((table) => [table.name, file.prepare(`SELECT * FROM ${table.name}`).all()]));
    file.close();
    return { name, made: own.map(({ sql }) => sql), rows };
  });
}

/** Writes them where the runtime will look for them. */
export function putObjects(state, objects) {
  mkdirSync(folderOf(state), { recursive: true });
  for (const { name, made, rows } of objects) {
    const path = join(folderOf(state), name);
    if (existsSync(path)) throw new Error(`${path} is there already`);
    const file = new DatabaseSync(path);
    file.exec("PRAGMA journal_mode = WAL");
    for (const sql of made) file.exec(sql);
    for (const [table, all] of Object.entries(rows)) for (const row of all) insert(file, table, row);
    file.close();
  }
}

function insert(file, table, row) {
  const columns = Object.keys(row);
  const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
  file.prepare(sql).run(...Object.values(row));
}
