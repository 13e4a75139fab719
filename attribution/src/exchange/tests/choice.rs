//! Which of several quotations applies.

use super::{between, euro, own, quote};
use crate::day::Day;
use crate::exchange::{QuotedRate, in_force};

/// The rate by which euros became dollars on the 10th, and its day.
fn applied(quotes: &[QuotedRate]) -> Option<String> {
    let exchange = between("EUR", "USD", "2026-03-10", quotes)?;
    Some(format!("{} of {}", exchange.rate(), exchange.day()))
}

#[test]
fn the_last_rate_of_the_day_or_before_applies() {
    let quotes = [euro("USD", "1.1", "2026-03-06"), euro("USD", "1.2", "2026-03-09"), euro("USD", "1.3", "2026-03-11")];
    assert_eq!(applied(&quotes).as_deref(), Some("1.2 of 2026-03-09"));
    assert_eq!(applied(&[euro("USD", "1.4", "2026-03-10")]).as_deref(), Some("1.4 of 2026-03-10"));
    assert_eq!(applied(&[euro("USD", "1.3", "2026-03-11")]), None);
    assert_eq!(applied(&[]), None);
}

#[test]
fn the_teams_own_rate_goes_before_everybodys_of_the_same_day_and_after_a_later_one() {
    let everybodys = euro("USD", "1.1", "2026-03-09");
    let same_day = own(euro("USD", "1.2", "2026-03-09"));
    assert_eq!(applied(&[everybodys.clone(), same_day.clone()]).as_deref(), Some("1.2 of 2026-03-09"));
    assert_eq!(applied(&[same_day, everybodys.clone()]).as_deref(), Some("1.2 of 2026-03-09"));
    assert_eq!(applied(&[own(euro("USD", "1.2", "2026-03-08")), everybodys]).as_deref(), Some("1.1 of 2026-03-09"));
}

#[test]
fn a_rate_told_the_other_way_round_applies_too() {
    assert_eq!(applied(&[quote("USD", "EUR", "0.8", "2026-03-09")]).as_deref(), Some("1.25 of 2026-03-09"));
}

#[test]
fn through_the_euro_each_leg_is_the_last_of_its_own_and_the_older_day_counts() {
    let quotes = [
        euro("USD", "1.5", "2026-03-09"),
        euro("USD", "1.1", "2026-03-06"),
        own(euro("VND", "30000", "2026-03-04")),
        euro("JPY", "160", "2026-03-09"),
    ];
    let exchange = between("USD", "VND", "2026-03-10", &quotes).unwrap();
    assert_eq!((exchange.rate().as_str(), exchange.day().to_string().as_str()), ("20000", "2026-03-04"));
    assert_eq!(exchange.legs().len(), 2);
}

#[test]
fn a_direct_rate_goes_before_one_through_the_euro_of_the_same_day() {
    let through = [euro("USD", "1", "2026-03-09"), euro("VND", "30000", "2026-03-09")];
    let with = |direct| {
        let quotes = [through.as_slice(), &[direct]].concat();
        between("USD", "VND", "2026-03-10", &quotes).unwrap().rate()
    };
    assert_eq!(with(quote("USD", "VND", "25000", "2026-03-09")), "25000");
    assert_eq!(with(quote("VND", "USD", "0.00004", "2026-03-09")), "25000");
    assert_eq!(with(quote("USD", "VND", "25000", "2026-03-08")), "30000");
    assert_eq!(with(quote("USD", "VND", "25000", "2026-03-11")), "30000");
}

#[test]
fn through_anything_but_the_euro_there_is_no_way() {
    let quotes = [quote("USD", "JPY", "150", "2026-03-09"), quote("USD", "VND", "25000", "2026-03-09")];
    assert_eq!(between("JPY", "VND", "2026-03-10", &quotes), None);
    assert_eq!(between("JPY", "VND", "2026-03-10", &[euro("JPY", "160", "2026-03-09")]), None);
}

#[test]
fn a_currency_is_itself_without_any_rate() {
    let same = between("VND", "VND", "2026-03-10", &[]).unwrap();
    assert_eq!((same.rate().as_str(), same.day().to_string().as_str()), ("1", "2026-03-10"));
    assert!(same.legs().is_empty());
}

#[test]
fn of_each_two_currencies_one_quotation_is_in_force() {
    let quotes = vec![
        euro("USD", "1.1", "2026-03-09"),
        own(euro("USD", "1.2", "2026-03-09")),
        euro("USD", "1.3", "2026-03-11"),
        own(euro("JPY", "150", "2026-03-06")),
        euro("JPY", "160", "2026-03-09"),
        own(quote("USD", "VND", "25000", "2026-03-01")),
    ];
    let day = Day::parse("2026-03-10").unwrap();
    let applying: Vec<_> = in_force(day, quotes)
        .iter()
        .map(|quote| format!("{}/{} {} {}", quote.base, quote.currency, quote.rate, quote.own))
        .collect();
    assert_eq!(applying, ["EUR/JPY 160 false", "EUR/USD 1.2 true", "USD/VND 25000 true"]);
}
