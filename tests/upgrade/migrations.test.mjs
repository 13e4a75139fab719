// Old and new code run side by side while a version is rolled out, and migrations come first: they may only add.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { problemsOf } from "./rules.mjs";

const folder = join(import.meta.dirname, "../../migrations");

/** Migrations before this one were written before anybody had deployed anything. */
const FIRST = "0013";

test("migrations are numbered without a gap, and none is there twice", () => {
  const numbers = readdirSync(folder).filter((file) => file.endsWith(".sql")).sort().map((file) => Number(file.slice(0, 4)));
  assert.deepEqual(numbers, numbers.map((_, place) => place + 1));
});

test("every migration since the first deployment only adds", () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".sql") && name >= FIRST)) {
    assert.deepEqual(problemsOf(readFileSync(join(folder, file), "utf8")), [], file);
  }
});

test("what adds is right", () => {
  const added = [
    "CREATE TABLE thing (id TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID; CREATE UNIQUE INDEX thing_name ON thing (name);",
    "ALTER TABLE referral ADD COLUMN note TEXT; -- DROP TABLE referral",
    "ALTER TABLE referral ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;",
    "CREATE INDEX referral_rank ON referral (rank);",
    "UPDATE program SET name = 'RENAME; DROP TABLE x';",
    "INSERT INTO thing SELECT id, name FROM program;",
  ];
  for (const sql of added) assert.deepEqual(problemsOf(sql), [], sql);
});

test("what old code would not survive is named", () => {
  const wrong = [
    ["DROP TABLE referral;", /drops/],
    ["alter table referral\n  drop column note;", /drops/],
    ["DROP INDEX referral_by_program;", /drops/],
    ["ALTER TABLE referral RENAME TO customer;", /renames/],
    ["ALTER TABLE referral RENAME COLUMN name TO full_name;", /renames/],
    ["DELETE FROM event;", /deletes/],
    ["ALTER TABLE referral ADD COLUMN rank INTEGER NOT NULL;", /demands a value/],
    ["CREATE UNIQUE INDEX one_name ON referral (name);", /differ/],
    ["CREATE TRIGGER t AFTER INSERT ON referral BEGIN SELECT 1; END;", /changes what old code writes/],
  ];
  for (const [sql, why] of wrong) assert.match(problemsOf(sql).join("\n"), why, sql);
});
