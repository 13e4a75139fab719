// A D1 that can be read but not written: the test holds the write lock of its SQLite file, as another writer would.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Until the returned function is called, every write to D1 fails (SQLITE_BUSY) and every read succeeds.
 *
 * @param {{ state: string }} runtime whose database it is; it must be running
 */
export function lockDatabase({ state }) {
  const folder = join(state, "d1/miniflare-D1DatabaseObject");
  const [file] = readdirSync(folder).filter((name) => name.endsWith(".sqlite") && !name.startsWith("metadata"));
  const writer = new DatabaseSync(join(folder, file));
  writer.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
  return () => {
    writer.exec("ROLLBACK");
    writer.close();
  };
}
