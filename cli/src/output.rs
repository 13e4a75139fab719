//! What a command prints: with `--json` one document, or one line for each thing, on standard output; without it tables and
//! sentences. Progress and notes go to standard error, so that standard output can always be piped on.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::problem::Problem;

/// Where a command prints to.
#[derive(Clone, Copy)]
pub struct Output {
    /// For programs rather than people.
    pub json: bool,
}

/// A column of a table: its title, and where its value is, as a JSON pointer.
pub type Column = (&'static str, &'static str);

impl Output {
    /// The one thing that a command has to say: a document for programs, `text` for people.
    pub fn document(self, document: &Value, text: &str) -> Result<(), Problem> {
        if self.json { write_out(&format!("{document:#}\n")) } else { write_out(&with_end(text)) }
    }

    /// One of many things, as soon as it is there.
    pub fn line(self, document: &Value, text: &str) -> Result<(), Problem> {
        if self.json { write_out(&format!("{document}\n")) } else { write_out(&with_end(text)) }
    }

    /// Rows: a list for programs, a table for people.
    pub fn rows(self, rows: &[Value], columns: &[Column], none: &str) -> Result<(), Problem> {
        let text = if rows.is_empty() { none.to_owned() } else { table(rows, columns) };
        self.document(&Value::Array(rows.to_vec()), &text)
    }
}

/// A sentence beside the answer.
pub fn note(text: &str) {
    eprintln!("{}", printable(text));
}

/// How far long work has come; shown where standard error is a terminal.
pub fn progress(total: Option<u64>, doing: &str) -> ProgressBar {
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let template = if total.is_some() { "{msg} {bar:30} {pos}/{len}, {eta} left" } else { "{msg} {pos}" };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(doing.to_owned())
}

/// Writes to standard output.
pub fn write_out(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Problem::file("standard output"))
}

fn with_end(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// Rows under titles, each column as wide as its widest cell.
fn table(rows: &[Value], columns: &[Column]) -> String {
    let titles = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let cells = rows.iter().map(|row| columns.iter().map(|(_, at)| cell(row.pointer(at))).collect());
    let lines: Vec<Vec<String>> = std::iter::once(titles).chain(cells).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A value in a cell: texts as they are, nothing as `-`. Control characters, which could move a terminal's cursor, are
/// shown as `?`.
fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().map(|item| cell(Some(item))).collect::<Vec<_>>().join(" "),
        Some(other) => other.to_string(),
    };
    printable(&text)
}

/// A stranger's text for a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [json!({ "id": "aff_1", "name": "Mara" }), json!({ "id": "aff_22", "name": null, "n": 3 })];
        let table = table(&rows, &[("ID", "/id"), ("NAME", "/name"), ("N", "/n")]);
        assert_eq!(table, "ID      NAME  N\naff_1   Mara  -\naff_22  -     3\n");
    }

    #[test]
    fn a_strangers_text_moves_no_cursor() {
        assert_eq!(cell(Some(&json!("a\u{1b}[2Jb\nc"))), "a?[2Jb?c");
        assert_eq!(cell(Some(&json!(["a", "b"]))), "a b");
    }
}
