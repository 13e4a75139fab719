//! Paid invoices, as Stripe's own CSV export (Dashboard → Billing → Invoices → Export) or its API has them. An export has one
//! line each, amounts in major units, moments in UTC; its titles have changed over the years, so each column is known by
//! several. What of an invoice counts is `attribution::stripe`'s to say.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use attribution::incentive::Purchase;
use attribution::money::{Currency, Money};
use attribution::stripe::{Body, Event, without_tax};
use attribution::time::Timestamp;
use csv::StringRecord;
use serde_json::{Value, json};

use crate::problem::Problem;

/// Columns by their titles in small letters, the best first.
const ID: &[&str] = &["id", "invoice id"];
const PAID: &[&str] = &["amount paid"];
const TAX: &[&str] = &["tax"];
const TOTAL: &[&str] = &["total"];
const CURRENCY: &[&str] = &["currency"];
const STATUS: &[&str] = &["status"];
const MOMENT: &[&str] =
    &["paid at (utc)", "finalized at (utc)", "created (utc)", "date (utc)", "paid at", "created", "date"];
const CUSTOMER: &[&str] = &["customer", "customer id"];
const EMAIL: &[&str] = &["customer email", "email"];
const SUBSCRIPTION: &[&str] = &["subscription", "subscription id"];

/// Metadata that names the customer, and that names the click or referral; the export writes `name (metadata)`.
const USER: &[&str] = &["affitor_customer_key", "customer_key", "customer_code", "user_id"];
const CLICK: &[&str] = &["affitor_click_id", "affonso_referral", "client_reference_id", "partner_code"];

/// A paid invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// The provider's id, which is the sale's key.
    pub id: String,
    /// What was paid, without tax.
    pub paid: Money,
    /// When.
    pub at: Timestamp,
    /// The provider's customer.
    pub customer: Option<String>,
    /// Their address.
    pub email: Option<String>,
    /// Whether it is a subscription's.
    pub is_subscription: bool,
    /// What was bought; an export does not say.
    pub purchase: Option<Purchase>,
    /// The merchant's own id of the customer.
    pub user: Option<String>,
    /// The click, which is the referral's id too.
    pub click: Option<String>,
}

impl Invoice {
    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "invoice": self.id,
            "amount": number(self.paid),
            "currency": self.paid.currency.code(),
            "paid_at": self.at.to_rfc3339(),
            "customer": self.customer,
            "reason": "no event of this invoice has reached the ledger",
        })
    }
}

impl fmt::Display for Invoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (amount, currency) = (self.paid.to_fixed(), self.paid.currency.code());
        write!(f, "{}  {amount} {currency}  {}", self.id, self.at.to_rfc3339())?;
        self.customer.as_ref().map_or(Ok(()), |customer| write!(f, "  {customer}"))
    }
}

/// Digits as a JSON number.
pub fn number(money: Money) -> Value {
    serde_json::from_str(&money.to_decimal()).unwrap_or_default()
}

/// Invoices that are no sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpaid {
    /// Drafts, open, void or uncollectible ones.
    pub not_paid: usize,
    /// Trials, and what a coupon or a credit has covered whole.
    pub nothing_paid: usize,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// Those that were paid, each once.
    pub invoices: Vec<Invoice>,
    /// The others.
    pub unpaid: Unpaid,
}

impl Export {
    /// Adds an invoice as Stripe's API has it.
    pub fn add(&mut self, object: &Value) -> Result<(), Problem> {
        let event = json!({
            "id": "listed", "type": "invoice.paid", "created": object.get("created"), "livemode": object.get("livemode"),
            "data": { "object": object },
        });
        let event = Event::read(event.to_string().as_bytes()).map_err(|cause| {
            let what = format!("Stripe listed what is no invoice: {cause}");
            Problem::Network { what, fix: "Use a newer version of this command.".to_owned() }
        })?;
        let sales = event.facts.into_iter().find_map(|fact| match fact.body {
            Body::Sale(sale) => Some((fact.object, fact.names, sale)),
            _ => None,
        });
        let Some((id, names, sale)) = sales else {
            self.unpaid.nothing_paid += 1;
            return Ok(());
        };
        self.invoices.push(Invoice {
            id,
            paid: sale.amount,
            at: sale.paid_at,
            customer: names.customer,
            email: names.email.map(|email| email.as_str().to_owned()),
            is_subscription: sale.purchase.is_subscription,
            purchase: Some(sale.purchase),
            user: names.users.into_iter().next(),
            click: names.clicks.into_iter().next().or(names.reference),
        });
        Ok(())
    }
}

/// Reads an export. A line that makes no sense ends it: an invoice that was not compared must not pass for one that was.
pub fn read(path: &Path) -> Result<Export, Problem> {
    let file = File::open(path).map_err(Problem::file(path))?;
    parse(file, &path.display().to_string())
}

fn parse(input: impl Read, name: &str) -> Result<Export, Problem> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).trim(csv::Trim::All).from_reader(input);
    let titles = reader.headers().map_err(|cause| unreadable(name, &cause.to_string()))?;
    let columns = Columns::of(titles);
    for (needed, titles) in [("an id", ID), ("what was paid", PAID), ("a currency", CURRENCY), ("a moment", MOMENT)] {
        if columns.place(titles).is_none() {
            let titles = titles.join("\", \"");
            return Err(unreadable(name, &format!("no column has {needed}: none is called \"{titles}\"")));
        }
    }
    let mut export = Export::default();
    let mut seen: BTreeMap<String, Money> = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|cause| unreadable(name, &cause.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |why: String| unreadable(name, &format!("line {line}: {why}"));
        if columns.cell(&record, STATUS).is_some_and(|status| !status.eq_ignore_ascii_case("paid")) {
            export.unpaid.not_paid += 1;
            continue;
        }
        let Some(invoice) = columns.invoice(&record).map_err(wrong)? else {
            export.unpaid.nothing_paid += 1;
            continue;
        };
        if seen.insert(invoice.id.clone(), invoice.paid).is_some() {
            return Err(wrong(format!("{} is there twice", invoice.id)));
        }
        export.invoices.push(invoice);
    }
    Ok(export)
}

/// Where each column is.
struct Columns(BTreeMap<String, usize>);

impl Columns {
    fn of(titles: &StringRecord) -> Self {
        let plain = |title: &str| title.trim_start_matches('\u{feff}').trim().to_lowercase();
        Self(titles.iter().enumerate().map(|(place, title)| (plain(title), place)).collect())
    }

    fn place(&self, titles: &[&str]) -> Option<usize> {
        titles.iter().find_map(|title| self.0.get(*title)).copied()
    }

    /// The first of these cells with something in it.
    fn cell<'a>(&self, record: &'a StringRecord, titles: &[&str]) -> Option<&'a str> {
        let cells = titles.iter().filter_map(|title| record.get(*self.0.get(*title)?));
        cells.map(str::trim).find(|cell| !cell.is_empty())
    }

    fn metadata<'a>(&self, record: &'a StringRecord, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| {
            let titles = [format!("{name} (metadata)"), format!("metadata[{name}]"), (*name).to_owned()];
            titles.iter().find_map(|title| self.cell(record, &[title.as_str()]))
        })
    }

    /// The invoice of a line; none where nothing was paid.
    fn invoice(&self, record: &StringRecord) -> Result<Option<Invoice>, String> {
        let id = self.cell(record, ID).ok_or("it has no id")?;
        let code = self.cell(record, CURRENCY).ok_or("it has no currency")?;
        let currency = Currency::from_code(&code.to_ascii_uppercase()).ok_or(format!("{code:?} is no currency"))?;
        let amount = |titles| match self.cell(record, titles) {
            None => Ok(0),
            Some(text) => minor(text, currency).ok_or(format!("{text:?} is no amount in {}", currency.code())),
        };
        let (paid, tax) = (amount(PAID)?, amount(TAX)?);
        let total = if self.cell(record, TOTAL).is_some() { amount(TOTAL)? } else { paid };
        let paid = without_tax(paid, total, total.saturating_sub(tax));
        if paid <= 0 {
            return Ok(None);
        }
        let moment = self.cell(record, MOMENT).ok_or("it has no moment")?;
        let text = |found: Option<&str>| found.map(ToOwned::to_owned);
        Ok(Some(Invoice {
            id: id.to_owned(),
            paid: Money::from_minor(paid, currency).map_err(|cause| cause.to_string())?,
            at: utc(moment).ok_or(format!("{moment:?} is no moment"))?,
            customer: text(self.cell(record, CUSTOMER)),
            email: text(self.cell(record, EMAIL)),
            is_subscription: self.cell(record, SUBSCRIPTION).is_some(),
            purchase: None,
            user: text(self.metadata(record, USER)),
            click: text(self.metadata(record, CLICK)),
        }))
    }
}

/// Minor units of an amount as the export writes it, `1234.50`; in some countries with a decimal comma, which is none where
/// it could as well part thousands.
fn minor(text: &str, currency: Currency) -> Option<i64> {
    let with_point = match text.split_once(',') {
        Some((_, fraction)) if currency.digits() == 2 && fraction.len() == 2 => text.replace(',', "."),
        _ => text.to_owned(),
    };
    Money::from_decimal(&with_point, currency).ok().map(|money| money.minor)
}

/// `2026-01-31 15:30`, with or without seconds, in UTC.
fn utc(text: &str) -> Option<Timestamp> {
    let joined = text.replacen(' ', "T", 1);
    ["", "Z", ":00Z", "T00:00:00Z"].iter().find_map(|end| Timestamp::parse(&format!("{joined}{end}")))
}

fn unreadable(name: &str, why: &str) -> Problem {
    let fix = "Export the invoices again: in Stripe's dashboard Billing → Invoices → Export, with all columns.";
    Problem::settings("bad_file", format!("{name}: {why}"), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(text: &str) -> Export {
        parse(text.as_bytes(), "x.csv").unwrap()
    }

    fn why(text: &str) -> String {
        parse(text.as_bytes(), "x.csv").unwrap_err().to_string()
    }

    #[test]
    fn an_export_of_today_and_one_of_years_ago_are_read() {
        let today = "\u{feff}id,Amount Due,Amount Paid,Currency,Customer,Customer Email,Status,Subscription,Tax,\
            Paid At (UTC),affitor_customer_key (metadata)\n\
            in_1,119.00,119.00,eur,cus_1,jane@example.com,paid,sub_1,19.00,2026-01-31 15:30,user_1\n";
        let then = "id,Amount Paid,Currency,Date (UTC)\nin_1,100.00,EUR,2026-01-31 15:30:00\n";
        let (today, then) = (export(today), export(then));
        let [invoice] = today.invoices.as_slice() else { panic!("one invoice") };
        assert_eq!((invoice.paid.minor, invoice.paid.currency.code()), (10_000, "EUR"));
        assert_eq!(invoice.at.to_rfc3339(), "2026-01-31T15:30:00Z");
        assert_eq!((invoice.customer.as_deref(), invoice.user.as_deref()), (Some("cus_1"), Some("user_1")));
        assert!(invoice.is_subscription);
        let [old] = then.invoices.as_slice() else { panic!("one invoice") };
        assert_eq!((old.paid, old.at, old.is_subscription), (invoice.paid, invoice.at, false));
    }

    #[test]
    fn amounts_are_read_to_the_last_digit() {
        let of = |text, code| minor(text, Currency::from_code(code).unwrap());
        assert_eq!(of("20.00", "USD"), Some(2_000));
        assert_eq!(of("20,00", "EUR"), Some(2_000));
        assert_eq!(of("500", "JPY"), Some(500));
        assert_eq!(of("1.234", "KWD"), Some(1_234));
        for text in ["1,234", "1,234.00", "20.001", "$20.00", ""] {
            assert_eq!(of(text, "USD"), None, "{text}");
        }
        assert_eq!(of("1,234", "KWD"), None, "a thousand, or a bit more than one");
    }

    #[test]
    fn what_was_not_paid_is_counted_and_left_out() {
        let text = "id,Amount Paid,Currency,Status,Created (UTC)\nin_1,0.00,usd,paid,2026-01-01 00:00\n\
            in_2,5.00,usd,open,2026-01-01 00:00\nin_3,5.00,usd,void,2026-01-01 00:00\nin_4,5.00,usd,paid,2026-01-01 00:00\n";
        let Export { invoices, unpaid } = export(text);
        assert_eq!(invoices.iter().map(|invoice| invoice.id.as_str()).collect::<Vec<_>>(), ["in_4"]);
        assert_eq!(unpaid, Unpaid { not_paid: 2, nothing_paid: 1 });
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        let head = "id,Amount Paid,Currency,Created (UTC)\n";
        assert!(why("id,Currency,Created (UTC)\n").contains("no column has what was paid"), "{}", why("id,Currency\n"));
        let lines = [
            ("in_1,x,usd,2026-01-01 00:00\n", "line 2: \"x\" is no amount in USD"),
            ("in_1,5.00,xxq,2026-01-01 00:00\n", "line 2: \"xxq\" is no currency"),
            ("in_1,5.00,usd,yesterday\n", "line 2: \"yesterday\" is no moment"),
            ("in_1,5.00,usd,2026-01-01\nin_1,5.00,usd,2026-01-01\n", "line 3: in_1 is there twice"),
        ];
        for (line, expected) in lines {
            let said = why(&format!("{head}{line}"));
            assert!(said.contains(expected), "{said}");
        }
    }
}
