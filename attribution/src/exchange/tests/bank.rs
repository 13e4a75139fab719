//! The European Central Bank's file: what is read out of it, and what is no such file.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::day::Day;
use crate::exchange::QuotedRate;
use crate::exchange::ecb::{FileError, read};

const BEGIN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" \
    xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">\n\t<gesmes:subject>Reference rates</gesmes:subject>\n\
    \t<gesmes:Sender>\n\t\t<gesmes:name>European Central Bank</gesmes:name>\n\t</gesmes:Sender>\n\t<Cube>\n";

/// A file of these days, as the bank writes it.
fn file(days: &[(&str, &[(&str, &str)])]) -> String {
    let mut text = BEGIN.to_owned();
    for (time, rates) in days {
        writeln!(text, "\t\t<Cube time='{time}'>").unwrap();
        for (currency, rate) in *rates {
            writeln!(text, "\t\t\t<Cube currency='{currency}' rate='{rate}'/>").unwrap();
        }
        text += "\t\t</Cube>\n";
    }
    text + "\t</Cube>\n</gesmes:Envelope>"
}

/// What is read: `EUR/USD 1.0956 of 2026-03-09`.
fn rates(text: &str) -> Result<Vec<String>, FileError> {
    let line = |quote: &QuotedRate| {
        assert!(!quote.own);
        format!("{}/{} {} of {}", quote.base, quote.currency, quote.rate, quote.day)
    };
    read(text).map(|quotes| quotes.iter().map(line).collect())
}

#[test]
fn a_file_of_one_day_is_read() {
    let text = file(&[("2026-03-09", &[("USD", "1.0956"), ("JPY", "157.32"), ("BGN", "1.9558")])]);
    let expected = ["EUR/USD 1.0956 of 2026-03-09", "EUR/JPY 157.32 of 2026-03-09", "EUR/BGN 1.9558 of 2026-03-09"];
    assert_eq!(rates(&text).unwrap(), expected);
}

#[test]
fn a_file_of_several_days_is_read() {
    let text = file(&[("2026-03-09", &[("USD", "1.0956")]), ("2026-03-06", &[("USD", "1.0900"), ("KRW", "1600.5")])]);
    let expected = ["EUR/USD 1.0956 of 2026-03-09", "EUR/USD 1.0900 of 2026-03-06", "EUR/KRW 1600.5 of 2026-03-06"];
    assert_eq!(rates(&text).unwrap(), expected);
}

#[test]
fn an_unknown_currency_is_skipped() {
    let text = file(&[("2026-03-09", &[("ZZZ", "7"), ("USD", "1.0956"), ("XAU", "0.0004")])]);
    assert_eq!(rates(&text).unwrap(), ["EUR/USD 1.0956 of 2026-03-09"]);
}

#[test]
fn a_file_without_a_day_or_without_rates_is_refused() {
    let day = Day::parse("2026-03-09").unwrap();
    assert_eq!(rates(&file(&[])), Err(FileError::NoDay));
    assert_eq!(rates(""), Err(FileError::NoDay));
    assert_eq!(rates("<Cube><Cube currency='USD' rate='1.0956'/></Cube>"), Err(FileError::NoDay));
    assert_eq!(rates("<html><body>Service unavailable</body></html>"), Err(FileError::NoDay));
    assert_eq!(rates(&file(&[("2026-03-09", &[])])), Err(FileError::NoRates(day)));
    assert_eq!(rates(&file(&[("2026-03-09", &[("ZZZ", "7")])])), Err(FileError::NoRates(day)));
    let one_empty: &[(&str, &[(&str, &str)])] = &[("2026-03-10", &[("USD", "1.1")]), ("2026-03-09", &[])];
    assert_eq!(rates(&file(one_empty)), Err(FileError::NoRates(day)));
}

#[test]
fn a_wrong_day_or_rate_refuses_the_whole_file() {
    for time in ["", "9 March 2026", "2026-3-9", "2026-02-30"] {
        let text = file(&[("2026-03-06", &[("USD", "1.09")]), (time, &[("USD", "1.0956")])]);
        assert_eq!(rates(&text), Err(FileError::WrongDay(time.to_owned())));
    }
    for (currency, rate) in
        [("JPY", "N/A"), ("JPY", ""), ("JPY", "0"), ("JPY", "-1"), ("", "1.5"), ("EUR", "1"), ("ZZZ", "x")]
    {
        let text = file(&[("2026-03-09", &[("USD", "1.0956"), (currency, rate)])]);
        let wrong = FileError::WrongRate { currency: currency.to_owned(), rate: rate.to_owned() };
        assert_eq!(rates(&text), Err(wrong));
    }
}

#[test]
fn what_is_no_xml_or_half_of_it_is_refused() {
    let whole = file(&[("2026-03-09", &[("USD", "1.0956"), ("JPY", "157.32")])]);
    let half = whole.get(..whole.len() - 60).unwrap();
    let expanding = "<!DOCTYPE a [<!ENTITY b \"<Cube time='2026-03-09'/>\">]><a>&b;</a>";
    for text in ["{}", "Date, USD\n09 March 2026, 1.0956", half, expanding, "<a></b>", "<a>", "</a>", "<a b></a"] {
        assert!(matches!(rates(text), Err(FileError::NotXml(_))), "{text}");
    }
}

#[test]
fn a_file_of_nothing_but_elements_is_refused_and_ends() {
    let wide = format!("<a>{}</a>", "<Cube/>".repeat(100_000));
    assert_eq!(rates(&wide), Err(FileError::NoDay));
    let deep = "<Cube>".repeat(150_000);
    assert!(matches!(rates(&deep), Err(FileError::NotXml(_))));
}

proptest! {
    #[test]
    fn no_text_panics(text in "(<Cube( (time|currency|rate)='[-0-9.A-Z]{0,10}')*/?>|</Cube>|[<>&; ]|\\PC){0,30}") {
        let _ = read(&text);
    }
}
