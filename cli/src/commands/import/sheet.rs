//! A file that is brought in: which columns it may have, and what is wrong with its lines before anything is sent.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use attribution::status::ReferralStatus;
use attribution::time::Timestamp;
use serde_json::{Value, json};

use crate::problem::Problem;

/// What the lines become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Who brings customers.
    Affiliates,
    /// Customers.
    Referrals,
}

impl Kind {
    /// The last part of the route.
    pub fn path(self) -> &'static str {
        match self {
            Self::Affiliates => "affiliates",
            Self::Referrals => "referrals",
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Affiliates => &[
                "name",
                "email",
                "tracking_id",
                "group_id",
                "external_user_id",
                "company_name",
                "country_code",
                "recruited_by",
            ],
            Self::Referrals => &[
                "affiliate_id",
                "tracking_id",
                "email",
                "customer_id",
                "subscription_id",
                "status",
                "created_at",
                "name",
            ],
        }
    }

    /// Of each of these lists every line has one.
    fn required(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Affiliates => &[&["name"], &["email"]],
            Self::Referrals => &[&["affiliate_id", "tracking_id"], &["email"]],
        }
    }
}

/// A line: its cells that are not empty.
#[derive(Debug)]
pub struct Line {
    /// As editors count, the titles being line 1.
    pub number: u64,
    /// By column.
    pub cells: BTreeMap<&'static str, String>,
}

impl Line {
    /// Something that is wrong with it.
    pub fn fault(&self, column: Option<&str>, reason: impl Into<String>) -> Fault {
        Fault { line: self.number, column: column.map(ToOwned::to_owned), reason: reason.into() }
    }
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// As editors count.
    pub line: u64,
    /// Where it is one cell.
    pub column: Option<String>,
    /// Why.
    pub reason: String,
}

impl Fault {
    /// For programs.
    pub fn json(&self) -> Value {
        json!({ "line": self.line, "column": self.column, "reason": self.reason })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(formatter, "line {}, {column}: {}", self.line, self.reason),
            None => write!(formatter, "line {}: {}", self.line, self.reason),
        }
    }
}

/// Reads a file: its good lines, and what is wrong with the others.
pub fn read(kind: Kind, path: &Path) -> Result<(Vec<Line>, Vec<Fault>), Problem> {
    let bytes = std::fs::read(path).map_err(Problem::file(path))?;
    parse(kind, &bytes, &path.display().to_string())
}

fn parse(kind: Kind, bytes: &[u8], name: &str) -> Result<(Vec<Line>, Vec<Fault>), Problem> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(bytes);
    let titles = reader.headers().map_err(|cause| unreadable(name, &cause.to_string()))?.clone();
    let columns = columns(kind, &titles, name)?;
    let (mut lines, mut faults, mut addresses) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut counter = LineCounter { bytes, at: 0, line: 1 };
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(cause) => {
                let line = counter.line_at(cause.position());
                faults.push(Fault { line, column: None, reason: "is no UTF-8 text".to_owned() });
                continue;
            }
        };
        let number = counter.line_at(record.position());
        if record.len() != columns.len() {
            let reason = format!("has {} cells, and there are {} columns", record.len(), columns.len());
            faults.push(Fault { line: number, column: None, reason });
            continue;
        }
        let cells = columns.iter().copied().zip(record.iter()).filter(|(_, cell)| !cell.is_empty());
        let line = Line { number, cells: cells.map(|(name, cell)| (name, cell.to_owned())).collect() };
        match check(kind, &line, &mut addresses) {
            None => lines.push(line),
            Some(fault) => faults.push(fault),
        }
    }
    Ok((lines, faults))
}

/// Counts lines as editors do. The reader's own count is one behind where lines end in CRLF.
struct LineCounter<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl LineCounter<'_> {
    /// The line in which a record begins; records are asked for in their order.
    fn line_at(&mut self, position: Option<&csv::Position>) -> u64 {
        let start = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.at);
        while let Some(byte) = self.bytes.get(self.at)
            && (self.at < start || matches!(byte, b'\r' | b'\n'))
        {
            self.line += u64::from(*byte == b'\n');
            self.at += 1;
        }
        self.line
    }
}

fn columns(kind: Kind, titles: &csv::StringRecord, name: &str) -> Result<Vec<&'static str>, Problem> {
    let known = kind.columns();
    let mut columns = Vec::new();
    for title in titles {
        let lower = title.to_ascii_lowercase();
        match known.iter().find(|column| **column == lower) {
            Some(column) if !columns.contains(column) => columns.push(*column),
            Some(_) => return Err(unreadable(name, &format!("the column {title:?} is there twice"))),
            None => {
                let known = known.join(", ");
                return Err(unreadable(name, &format!("there is no column {title:?}; there may be {known}")));
            }
        }
    }
    for names in kind.required() {
        if !names.iter().any(|name| columns.contains(name)) {
            return Err(unreadable(name, &format!("the column {} is missing", names.join(" or "))));
        }
    }
    Ok(columns)
}

/// The first thing that is wrong with a line. `addresses` are those of the lines before it.
fn check(kind: Kind, line: &Line, addresses: &mut BTreeMap<String, u64>) -> Option<Fault> {
    for names in kind.required() {
        if !names.iter().any(|name| line.cells.contains_key(name)) {
            return Some(line.fault(Some(&names.join(" or ")), "is required"));
        }
    }
    let email = line.cells.get("email").map(|email| email.to_lowercase()).unwrap_or_default();
    let is_address = email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    if !is_address || email.contains(char::is_whitespace) {
        return Some(line.fault(Some("email"), "is no e-mail address"));
    }
    if let Some(status) = line.cells.get("status")
        && !ReferralStatus::words().contains(&status.as_str())
    {
        return Some(line.fault(Some("status"), format!("must be one of {}", ReferralStatus::words().join(", "))));
    }
    if let Some(moment) = line.cells.get("created_at")
        && Timestamp::parse(moment).is_none()
    {
        return Some(
            line.fault(Some("created_at"), "must be a date and time with its offset, like 2026-01-20T15:30:00Z"),
        );
    }
    let first = *addresses.entry(email).or_insert(line.number);
    (first != line.number).then(|| line.fault(Some("email"), format!("is that of line {first} too")))
}

fn unreadable(name: &str, why: &str) -> Problem {
    Problem::settings(
        "bad_file",
        format!("{name}: {why}"),
        "Correct the file's first line; `clickledger import --help`.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(kind: Kind, text: &str) -> Vec<String> {
        parse(kind, text.as_bytes(), "x.csv").unwrap().1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_are_counted_as_editors_do() {
        let text = "\u{feff}Name,Email\r\nMara,mara@x.example\r\n\"two\nlines\",no address\r\nJon\r\n,a@b.example\r\n";
        let found = faults(Kind::Affiliates, text);
        let expected = [
            "line 3, email: is no e-mail address",
            "line 5: has 1 cells, and there are 2 columns",
            "line 6, name: is required",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_a_referral_says_is_checked() {
        let text = "tracking_id,email,status,created_at\n\
             mara,a@x.example,lead,2026-01-20T15:30:00Z\nmara,b@x.example,gone,\nmara,c@x.example,,yesterday\n\
             ,d@x.example,,\nmara,A@x.example,,\n";
        let found = faults(Kind::Referrals, text);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("line 3, status: must be one of lead, "), "{found:?}");
        assert!(found[1].starts_with("line 4, created_at: must be"), "{found:?}");
        assert_eq!(found[2], "line 5, affiliate_id or tracking_id: is required");
        assert_eq!(found[3], "line 6, email: is that of line 2 too");
    }

    #[test]
    fn a_column_that_is_not_known_or_missing_is_named() {
        let problem = |text: &str| parse(Kind::Affiliates, text.as_bytes(), "x.csv").unwrap_err().to_string();
        assert!(problem("name,mail\n").contains("there is no column \"mail\"; there may be name, email"));
        assert!(problem("name\n").contains("the column email is missing"));
        assert!(problem("name,email,Name\n").contains("is there twice"));
    }
}
