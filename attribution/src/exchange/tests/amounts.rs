//! Amounts by hand, in the currencies that differ in digits.

use super::{between, currency, euro, own, quote};
use crate::exchange::Exchange;
use crate::money::{MAX_MINOR, Money, Rate};

const DAY: &str = "2026-03-10";

/// Of the European Central Bank's currencies two, and two that it does not list.
fn exchange(from: &str, to: &str) -> Exchange {
    let quotes = [
        euro("USD", "1.0956", DAY),
        euro("JPY", "157.32", DAY),
        own(euro("KWD", "0.336", DAY)),
        own(euro("VND", "29000.5", DAY)),
    ];
    between(from, to, DAY, &quotes).unwrap()
}

/// What an amount is in another currency, in major units, and the rate that is shown.
fn converted(amount: &str, from: &str, to: &str) -> (String, String) {
    let money = Money::from_decimal(amount, currency(from)).unwrap();
    let exchange = exchange(from, to);
    let minor = exchange.convert(money.minor).unwrap();
    (Money { minor, currency: currency(to) }.to_fixed(), exchange.rate())
}

#[test]
fn amounts_by_hand() {
    let cases = [
        // 100 × 1.0956
        ("100", "EUR", "USD", "109.56", "1.0956"),
        // 100 ÷ 1.0956 = 91.2741…
        ("100", "USD", "EUR", "91.27", "0.912741876597"),
        // 10000 ÷ 157.32 = 63.5647…
        ("10000", "JPY", "EUR", "63.56", "0.00635647088736"),
        // 0.99 × 157.32 = 155.7468
        ("0.99", "EUR", "JPY", "156", "157.32"),
        // 10000 × 1.0956 ÷ 157.32 = 69.6414…
        ("10000", "JPY", "USD", "69.64", "0.0069641495042"),
        // 10 × 0.336
        ("10", "EUR", "KWD", "3.360", "0.336"),
        // 1.234 ÷ 0.336 = 3.6726…
        ("1.234", "KWD", "EUR", "3.67", "2.97619047619"),
        // 1000000 × 1.0956 ÷ 29000.5 = 37.7786…
        ("1000000", "VND", "USD", "37.78", "0.0000377786589886"),
        // 19.99 × 29000.5 ÷ 1.0956 = 529134.7…
        ("19.99", "USD", "VND", "529135", "26469.9707923"),
        // 1000000 × 157.32 ÷ 29000.5 = 5424.7340…
        ("1000000", "VND", "JPY", "5425", "0.00542473405631"),
        // 100 × 0.336 ÷ 157.32 = 0.21357…
        ("100", "JPY", "KWD", "0.214", "0.00213577421815"),
    ];
    for (amount, from, to, expected, rate) in cases {
        assert_eq!(converted(amount, from, to), (expected.to_owned(), rate.to_owned()), "{amount} {from} in {to}");
    }
}

#[test]
fn exactly_half_a_unit_is_rounded_away_from_zero() {
    let halves = between("USD", "EUR", DAY, &[euro("USD", "2", DAY)]).unwrap();
    let converted: Vec<_> = [0, 1, 2, 3, 5, -1, -2, -3].map(|minor| halves.convert(minor).unwrap()).to_vec();
    assert_eq!(converted, [0, 1, 1, 2, 3, -1, -1, -2]);
}

#[test]
fn a_share_is_rounded_once() {
    let halves = between("USD", "EUR", DAY, &[euro("USD", "2", DAY)]).unwrap();
    let half = Rate::from_parts_per_million(500_000).unwrap();
    // 0.01 ÷ 2 × 50 % = 0.0025, which is nothing; rounded twice it would be 0.01.
    assert_eq!(halves.share(1, half), Some(0));
    // 19.99 USD in VND × 30 % = 529134.71… × 0.3 = 158740.41…
    let thirty = Rate::from_parts_per_million(300_000).unwrap();
    assert_eq!(exchange("USD", "VND").share(1999, thirty), Some(158_740));
    // 99.00 EUR in KWD × 12.5 % = 33.264 × 0.125 = 4.158
    let eighth = Rate::from_parts_per_million(125_000).unwrap();
    assert_eq!(exchange("EUR", "KWD").share(9900, eighth), Some(4158));
}

#[test]
fn beyond_the_largest_amount_there_is_none() {
    let same = between("EUR", "EUR", DAY, &[]).unwrap();
    assert_eq!(same.convert(MAX_MINOR), Some(MAX_MINOR));
    assert_eq!(same.convert(MAX_MINOR + 1), None);
    assert_eq!(same.convert(i64::MIN), None);
    assert_eq!(exchange("EUR", "VND").convert(MAX_MINOR), None);
    // 9007199254740991 ÷ 29000.5 = 310587722788.9516…
    assert_eq!(exchange("VND", "EUR").convert(-MAX_MINOR), Some(-31_058_772_278_895));
}

#[test]
fn the_widest_rates_there_can_be() {
    let (least, most) = (euro("CLF", "0.000000000001", DAY), euro("JPY", "999999999999999", DAY));
    let quotes = [least, most, quote("EUR", "UYW", "999999999999999", DAY)];
    let up = between("CLF", "JPY", DAY, &quotes).unwrap();
    assert_eq!(up.rate(), format!("1{}", "0".repeat(27)));
    assert_eq!(up.convert(1), None);
    assert_eq!(up.convert(0), Some(0));
    let down = between("UYW", "CLF", DAY, &quotes).unwrap();
    assert_eq!(down.rate(), "0.000000000000000000000000001");
    assert_eq!(down.convert(MAX_MINOR), Some(0));
}
