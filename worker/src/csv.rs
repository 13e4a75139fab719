//! Tables as CSV (RFC 4180): lines end in CRLF, a cell with a comma, a quote or a line break stands in quotes.
//!
//! Spreadsheets take a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula, and texts in these
//! tables come from strangers: such a text gets an apostrophe before it. Numbers are the ledger's own and stay as they are.

/// One cell.
pub enum Cell {
    /// Somebody's text.
    Text(String),
    /// A number, as its digits.
    Number(String),
    /// Nothing.
    Empty,
}

impl Cell {
    /// A text, where there is one.
    pub fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Empty, |text| Self::Text(text.into()))
    }

    /// A number, where there is one.
    pub fn number(number: Option<impl ToString>) -> Self {
        number.map_or(Self::Empty, |number| Self::Number(number.to_string()))
    }

    fn write(&self, table: &mut String) {
        match self {
            Self::Empty => {}
            Self::Number(digits) => table.push_str(digits),
            Self::Text(text) => write_text(text, table),
        }
    }
}

/// A table: the names of its columns, then its rows.
pub fn table<const COLUMNS: usize>(names: [&str; COLUMNS], rows: impl IntoIterator<Item = [Cell; COLUMNS]>) -> String {
    let mut table = names.join(",");
    table.push_str(LINE_END);
    for row in rows {
        for (number, cell) in row.iter().enumerate() {
            if number > 0 {
                table.push(',');
            }
            cell.write(&mut table);
        }
        table.push_str(LINE_END);
    }
    table
}

const LINE_END: &str = "\r\n";

fn write_text(text: &str, table: &mut String) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let is_quoted = text.contains([',', '"', '\r', '\n']);
    if is_quoted {
        table.push('"');
    }
    if is_formula {
        table.push('\'');
    }
    table.push_str(&text.replace('"', "\"\""));
    if is_quoted {
        table.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cell: Cell) -> String {
        let table = table(["a"], [[cell]]);
        table.strip_prefix("a\r\n").unwrap().strip_suffix("\r\n").unwrap().to_owned()
    }

    fn text(text: &str) -> String {
        written(Cell::Text(text.to_owned()))
    }

    #[test]
    fn lines_end_as_the_standard_says_and_empty_cells_stay_empty() {
        let rows = [[Cell::Number("1".to_owned()), Cell::Empty], [Cell::text(None::<String>), Cell::number(Some(2))]];
        assert_eq!(table(["a", "b"], rows), "a,b\r\n1,\r\n,2\r\n");
        assert_eq!(table(["a", "b"], []), "a,b\r\n");
    }

    #[test]
    fn what_would_break_a_line_stands_in_quotes() {
        assert_eq!(text("plain text; with 'others'"), "plain text; with 'others'");
        assert_eq!(text("a,b"), r#""a,b""#);
        assert_eq!(text(r#"say "hi""#), r#""say ""hi""""#);
        assert_eq!(text("two\nlines"), "\"two\nlines\"");
        assert_eq!(text(""), "");
    }

    #[test]
    fn no_text_is_a_formula_and_numbers_are_numbers() {
        for (formula, guarded) in [
            ("=1+1", "'=1+1"),
            ("+49 30 1", "'+49 30 1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\""),
        ] {
            assert_eq!(text(formula), guarded);
        }
        assert_eq!(text("a=1"), "a=1");
        assert_eq!(written(Cell::Number("-12.5".to_owned())), "-12.5");
    }
}
