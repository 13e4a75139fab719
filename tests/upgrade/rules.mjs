// What a migration may do while the version before it still runs: add. Old code names its columns, so it does not see what
// was added; it fails on what is gone, has another name, or is suddenly demanded of its rows (docs/operate.md).

const FORBIDDEN = [
  [/\bDROP\s+(TABLE|COLUMN|INDEX|VIEW|TRIGGER)\b/i, "drops what old code may use"],
  [/\bRENAME\b/i, "renames what old code uses"],
  [/\bDELETE\s+FROM\b/i, "deletes rows"],
  [/\bCREATE\s+TRIGGER\b/i, "changes what old code writes"],
  [/\bPRAGMA\s+(writable_schema|foreign_keys)\b/i, "goes behind the schema"],
];

/** The statements of a migration, without comments and texts. */
function statementsOf(sql) {
  const bare = sql.replaceAll(/'(?:[^']|'')*'/g, "''").replaceAll(/--[^\n]*/g, "").replaceAll(/\/\*[^]*?\*\//g, "");
  return bare.split(";").map((statement) => statement.replaceAll(/\s+/g, " ").trim()).filter(Boolean);
}

/** What of a migration the version before it would not survive; an empty list is right. */
export function problemsOf(sql) {
  const statements = statementsOf(sql);
  const made = statements.map((statement) => statement.match(/^CREATE TABLE (?:IF NOT EXISTS )?(\w+)/i)?.[1]).filter(Boolean);
  return statements.flatMap((statement) => {
    const found = FORBIDDEN.filter(([form]) => form.test(statement)).map(([, why]) => why);
    if (/\bADD COLUMN\b/i.test(statement)) found.push(...columnProblems(statement));
    const unique = statement.match(/^CREATE UNIQUE INDEX (?:IF NOT EXISTS )?\w+ ON (\w+)/i);
    if (unique && !made.includes(unique[1])) found.push("demands of old code's rows that they differ");
    return found.map((why) => `${why}: ${statement}`);
  });
}

function columnProblems(statement) {
  const isDemanded = /\bNOT NULL\b/i.test(statement) && !/\bDEFAULT\b/i.test(statement);
  return isDemanded ? ["demands a value that old code does not write"] : [];
}
