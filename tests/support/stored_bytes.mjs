// Every byte that a running ledger has stored, after a checkpoint: of D1, of each object, and of whatever else is in the folder.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";

const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/**
 * The files of a state folder: `[{ name, bytes }]`.
 *
 * The local runtime lets nobody say `PRAGMA secure_delete`, `wal_checkpoint` or `VACUUM`: what was overwritten stays in pages
 * that nothing refers to until they are used again. So a copy of the folder is taken, each database in it is checkpointed
 * and written anew without its free pages, and that is looked at: all that a query, an index or a backup by SQL can reach.
 */
export function storedFiles(state) {
  const copy = mkdtempSync(join(tmpdir(), "clickledger-bytes-"));
  try {
    cpSync(state, copy, { recursive: true, filter: (path) => !path.endsWith("-shm") });
    for (const path of filesOf(copy).filter((path) => path.endsWith(".sqlite"))) {
      const database = new DatabaseSync(path);
      database.exec("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
      database.close();
    }
    return filesOf(copy).map((path) => ({ name: relative(copy, path), bytes: readFileSync(path) }));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** How often each secret, a text or a Buffer, is in each of these files; those that are nowhere are left out. */
export function occurrences(files, secrets) {
  const found = {};
  for (const [name, secret] of Object.entries(secrets)) {
    for (const file of files) {
      for (let at = file.bytes.indexOf(secret); at !== -1; at = file.bytes.indexOf(secret, at + 1)) {
        found[name] ??= {};
        found[name][file.name] = (found[name][file.name] ?? 0) + 1;
      }
    }
  }
  return found;
}
