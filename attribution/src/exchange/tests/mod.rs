//! Which rate applies, what comes out by hand, and what must hold for all amounts and rates.

mod amounts;
mod bank;
mod choice;
mod laws;
mod rates;

use super::{DecimalRate, Exchange, QuotedRate};
use crate::day::Day;
use crate::money::Currency;

fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

/// Everybody's: so many `code` for one euro.
fn euro(code: &str, rate: &str, day: &str) -> QuotedRate {
    quote("EUR", code, rate, day)
}

/// Everybody's: so many `code` for one `base`.
fn quote(base: &str, code: &str, rate: &str, day: &str) -> QuotedRate {
    QuotedRate {
        base: currency(base),
        currency: currency(code),
        day: Day::parse(day).unwrap(),
        rate: DecimalRate::parse(rate).unwrap(),
        own: false,
    }
}

/// The team's own.
fn own(quote: QuotedRate) -> QuotedRate {
    QuotedRate { own: true, ..quote }
}

fn between(from: &str, to: &str, day: &str, quotes: &[QuotedRate]) -> Option<Exchange> {
    Exchange::between(currency(from), currency(to), Day::parse(day).unwrap(), quotes)
}
