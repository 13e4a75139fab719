//! `export`: all rows of one kind, oldest first, read through page by page, as a table or as lines of JSON.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};

use super::{is_true, pages, rows, text};
use crate::api::Api;
use crate::arguments::{Export, ExportFormat, ExportKind};
use crate::output::{Output, note, progress};
use crate::problem::Problem;

/// Writes them out; says on standard error how many there were.
pub fn run(export: &Export, api: &Api, output: Output) -> Result<bool, Problem> {
    let place = export.output.clone().unwrap_or_else(|| "standard output".into());
    let out: Box<dyn Write> = match &export.output {
        Some(path) => Box::new(File::create(path).map_err(Problem::file(path))?),
        None => Box::new(io::stdout().lock()),
    };
    let format = export.format.unwrap_or(if output.json { ExportFormat::Jsonl } else { ExportFormat::Csv });
    let mut sink = match format {
        ExportFormat::Csv => Sink::table(BufWriter::new(out)),
        ExportFormat::Jsonl => Sink::Lines(BufWriter::new(out)),
    };
    let counter = progress(None, "rows");
    let given = [("dateFrom", &export.from), ("dateTo", &export.to)];
    let period: Vec<(&str, &str)> = given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let write = |rows: Vec<Value>| -> Result<(), Problem> {
        for row in rows {
            sink.write(&row).map_err(Problem::file(&place))?;
            counter.inc(1);
        }
        Ok(())
    };
    read(export.kind, api, &period, write)?;
    sink.end().map_err(Problem::file(&place))?;
    counter.finish_and_clear();
    note(&format!("{} rows", counter.position()));
    if export.output.is_some() {
        let count = counter.position();
        output.document(&json!({ "rows": count, "file": place }), &format!("{count} rows in {}", place.display()))?;
    }
    Ok(true)
}

/// Reads everything. Rows that are made meanwhile come last, so that no page shifts.
fn read(
    kind: ExportKind,
    api: &Api,
    period: &[(&str, &str)],
    mut each: impl FnMut(Vec<Value>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let path = match kind {
        ExportKind::Referrals => return read_by_cursor(api, "referrals", period, each),
        ExportKind::Conversions => "conversions",
        ExportKind::Commissions => "commissions",
        ExportKind::Payouts => "payouts",
    };
    let query: Vec<(&str, &str)> = period.iter().copied().chain([("sort", "created_at:asc")]).collect();
    pages(api, &["v1", path], &query, |rows, _| each(rows))
}

fn read_by_cursor(
    api: &Api,
    path: &str,
    period: &[(&str, &str)],
    mut each: impl FnMut(Vec<Value>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", "100"), ("order", "asc")];
        query.extend_from_slice(period);
        query.extend(after.as_deref().map(|id| ("starting_after", id)));
        let answer = api.get(&["v1", path], &query)?;
        let has_more = is_true(&answer, "/has_more");
        let page = rows(answer);
        let last = page.last().map(|row| text(row, "/id").to_owned());
        each(page)?;
        after = last;
        if !has_more || after.is_none() {
            return Ok(());
        }
    }
}

enum Sink<W: Write> {
    Csv { table: Box<csv::Writer<W>>, columns: Vec<String> },
    Lines(W),
}

impl<W: Write> Sink<W> {
    fn table(out: W) -> Self {
        Self::Csv { table: Box::new(csv::Writer::from_writer(out)), columns: Vec::new() }
    }

    fn write(&mut self, row: &Value) -> io::Result<()> {
        match self {
            Self::Lines(out) => writeln!(out, "{row}"),
            Self::Csv { table, columns } => {
                if columns.is_empty() {
                    columns.extend(row.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
                    table.write_record(&*columns)?;
                }
                table.write_record(columns.iter().map(|name| cell(row.get(name).unwrap_or(&Value::Null))))?;
                Ok(())
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Lines(out) => out.flush(),
            Self::Csv { table, .. } => table.flush(),
        }
    }
}

/// A value in a cell. Spreadsheets take a text that begins with one of these signs for a formula, and texts in these tables
/// come from strangers: such a one gets an apostrophe before it.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_the_fields_of_the_first_row_as_its_columns() {
        let mut sink = Sink::table(Vec::new());
        sink.write(&json!({ "id": "ref_1", "amount": -29.7, "name": null, "metadata": { "a": "b,c" } })).unwrap();
        sink.write(&json!({ "id": "ref_2", "amount": 99, "name": "=1+1", "metadata": null })).unwrap();
        let Sink::Csv { table, .. } = sink else { panic!("a table") };
        let text = String::from_utf8(table.into_inner().unwrap()).unwrap();
        assert_eq!(text, "id,amount,name,metadata\nref_1,-29.7,,\"{\"\"a\"\":\"\"b,c\"\"}\"\nref_2,99,'=1+1,\n");
    }
}
