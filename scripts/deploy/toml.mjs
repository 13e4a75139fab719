// The one line of wrangler.toml that a deployment writes.

/** The text with the database's id in the environment's section, below the database's name; it must lack one. */
export function withDatabaseId(text, environment, id) {
  const lines = text.split("\n");
  const start = lines.indexOf(`[[env.${environment}.d1_databases]]`);
  const after = lines.findIndex((line, number) => number > start && line.startsWith("["));
  const end = after === -1 ? lines.length : after;
  const name = lines.findIndex((line, number) => number > start && number < end && line.startsWith("database_name"));
  if (start === -1 || name === -1) throw new Error(`wrangler.toml: no [[env.${environment}.d1_databases]] with a database_name`);
  return lines.toSpliced(name + 1, 0, `database_id = "${id}"`).join("\n");
}
