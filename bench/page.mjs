// Figures as Markdown: a table that reads well on a terminal too, and its place in a page of docs/.
import { readFile, writeFile } from "node:fs/promises";

const END = "<!-- end of figures -->";

/** A table with its columns aligned; the first row is the head. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const text = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [text(rows[0]), rule, ...rows.slice(1).map(text)].join("\n");
}

/** Puts figures between the marks of a page that name the command which makes them. */
export async function writeInto(page, command, figures) {
  const begin = `<!-- figures: written by ${command} -->`;
  const text = await readFile(page, "utf8");
  const from = text.indexOf(begin);
  const to = text.indexOf(END, from);
  if (from < 0 || to < 0) throw new Error(`${page} has no place marked for what ${command} writes`);
  await writeFile(page, `${text.slice(0, from)}${begin}\n\n${figures}\n\n${text.slice(to)}`);
}
