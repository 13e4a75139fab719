//! What the ledger has recorded: sales of referred customers and sales of nobody, by the key that they were sent with.

use std::collections::BTreeMap;

use attribution::money::{Currency, Money};
use attribution::time::Timestamp;
use serde_json::Value;

use super::super::{data, pages, rows, text};
use super::Period;
use super::invoices::Invoice;
use crate::api::Api;
use crate::output::progress;
use crate::problem::Problem;

/// A sale's moment is the provider's, or that of the call that reported it: later by as long as the provider repeats an
/// event, or as a customer of the API takes.
const AROUND_DAYS: i64 = 35;

/// A sale as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What was paid; refunds are not taken off.
    pub amount: Money,
    /// When it happened.
    pub at: Timestamp,
    /// As what.
    pub known: Known,
}

/// As what a sale is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// A referred customer's: its id.
    Conversion(String),
    /// Nobody's: why.
    Nobodys(String),
}

impl Known {
    /// The id, where it has one.
    pub fn conversion(&self) -> Option<String> {
        match self {
            Self::Conversion(id) => Some(id.clone()),
            Self::Nobodys(_) => None,
        }
    }
}

/// Everything recorded around that time, by key; an invoice that is not among it is asked for by itself.
pub fn read(api: &Api, period: Period, invoices: &[Invoice]) -> Result<BTreeMap<String, Recorded>, Problem> {
    let shifted = |at: Timestamp, days: i64| {
        let milliseconds = at.milliseconds().saturating_add(days * attribution::time::DAY_MILLISECONDS);
        Timestamp::from_milliseconds(milliseconds).to_rfc3339()
    };
    let (from, to) = (shifted(period.from, -AROUND_DAYS), shifted(period.to, AROUND_DAYS));
    let query = [("dateFrom", from.as_str()), ("dateTo", to.as_str()), ("sort", "created_at:asc")];
    let counter = progress(None, "sales");
    let mut found = BTreeMap::new();
    for path in [CONVERSIONS, UNATTRIBUTED] {
        pages(api, path, &query, |rows, _| {
            counter.inc(u64::try_from(rows.len()).unwrap_or_default());
            rows.iter().try_for_each(|row| keep(api, row, &mut found))
        })?;
    }
    counter.finish_and_clear();
    for invoice in invoices {
        if !found.contains_key(&invoice.id) {
            look_up(api, &invoice.id, &mut found)?;
        }
    }
    Ok(found)
}

const CONVERSIONS: &[&str] = &["v1", "conversions"];
const UNATTRIBUTED: &[&str] = &["v1", "conversions", "unattributed"];

/// An invoice that is known by another of its sale's keys, or was recorded at another time.
fn look_up(api: &Api, id: &str, found: &mut BTreeMap<String, Recorded>) -> Result<(), Problem> {
    for path in [CONVERSIONS, UNATTRIBUTED] {
        let listed = rows(api.get(path, &[("external_event_id", id)])?);
        let Some(row) = listed.first() else { continue };
        found.insert(id.to_owned(), recorded(api, row)?);
        return Ok(());
    }
    Ok(())
}

/// A row by its key. A sale of somebody's comes before one of nobody's.
fn keep(api: &Api, row: &Value, found: &mut BTreeMap<String, Recorded>) -> Result<(), Problem> {
    let key = text(row, "/external_event_id");
    if key.is_empty() || found.contains_key(key) {
        return Ok(());
    }
    found.insert(key.to_owned(), recorded(api, row)?);
    Ok(())
}

fn recorded(api: &Api, row: &Value) -> Result<Recorded, Problem> {
    let id = text(row, "/id");
    let known =
        if id.is_empty() { Known::Nobodys(text(row, "/reason").to_owned()) } else { Known::Conversion(id.to_owned()) };
    let is_refunded = matches!(text(row, "/sales_status"), "refunded" | "partial_refunded");
    let amount = if is_refunded {
        let explained = data(api.get(&["v1", "conversions", id, "explain"], &[])?);
        money(explained.pointer("/amounts/sale/amount"), text(&explained, "/amounts/sale/currency"))
    } else {
        money(row.get("sale_amount"), text(row, "/sale_amount_currency"))
    };
    let at = Timestamp::parse(text(row, "/created_at"));
    let (Some(amount), Some(at)) = (amount, at) else {
        let fix = "Use the version of this command that came with the service.";
        return Err(Problem::Network {
            what: format!("a sale is not as this command knows them: {row}"),
            fix: fix.to_owned(),
        });
    };
    Ok(Recorded { amount, at, known })
}

/// A JSON number's own digits as an amount.
fn money(value: Option<&Value>, code: &str) -> Option<Money> {
    let digits = value?.as_number()?.to_string();
    Money::from_decimal(&digits, Currency::from_code(code)?).ok()
}
