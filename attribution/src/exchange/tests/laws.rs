//! What holds for all amounts and rates, checked with integers of any size.

use num_bigint::BigInt;
use proptest::prelude::*;

use super::{between, currency, euro, quote};
use crate::exchange::{Exchange, QuotedRate};
use crate::money::{MAX_MINOR, Rate};

const DAY: &str = "2026-03-10";

/// A rate as text, and the same as digits and digits after the point.
fn rate() -> impl Strategy<Value = (u64, u32)> {
    prop_oneof![
        (1_u64..1_000_000, 0_u32..=6),
        (1_u64..1_000_000_000_000_000, 0_u32..=12),
        Just((1, 12)),
        Just((999_999_999_999_999, 0)),
    ]
}

fn text((digits, scale): (u64, u32)) -> String {
    format!("{digits}e-{scale}")
}

/// Digits after the point of currencies of each kind.
const CURRENCIES: [(&str, u32); 5] = [("USD", 2), ("JPY", 0), ("KWD", 3), ("VND", 0), ("CLF", 4)];

/// An exchange with the fraction that it must be, in minor units, made here from its parts.
#[derive(Debug)]
struct Known {
    exchange: Exchange,
    back: Exchange,
    numerator: BigInt,
    denominator: BigInt,
}

fn ten(power: u32) -> BigInt {
    BigInt::from(10).pow(power)
}

fn known() -> impl Strategy<Value = Known> {
    (0..5_usize, 0..5_usize, rate(), rate(), 0..3_u8).prop_filter_map(
        "two currencies",
        |(from, to, one, other, way)| {
            let ((from, from_digits), (to, to_digits)) = (CURRENCIES[from], CURRENCIES[to]);
            if from == to {
                return None;
            }
            // Units of `to` for one of `from`, over `denominator`.
            let (quotes, numerator, denominator): (Vec<QuotedRate>, BigInt, BigInt) = match way {
                0 => (vec![quote(from, to, &text(one), DAY)], one.0.into(), ten(one.1)),
                1 => (vec![quote(to, from, &text(one), DAY)], ten(one.1), one.0.into()),
                _ => (
                    vec![euro(from, &text(one), DAY), euro(to, &text(other), DAY)],
                    BigInt::from(other.0) * ten(one.1),
                    BigInt::from(one.0) * ten(other.1),
                ),
            };
            Some(Known {
                exchange: between(from, to, DAY, &quotes)?,
                back: between(to, from, DAY, &quotes)?,
                numerator: numerator * ten(to_digits),
                denominator: denominator * ten(from_digits),
            })
        },
    )
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![0..=1_000_000_i64, 0..=MAX_MINOR, -MAX_MINOR..=0, Just(MAX_MINOR)]
}

fn distance(one: &BigInt, other: &BigInt) -> BigInt {
    if one > other { one - other } else { other - one }
}

fn magnitude(of: &BigInt) -> BigInt {
    distance(of, &BigInt::ZERO)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn nothing_is_off_by_more_than_half_a_unit(known in known(), minor in amount(), parts in 1_i64..=1_000_000) {
        let whole = known.exchange.convert(minor);
        let exact = BigInt::from(minor) * &known.numerator;
        match whole {
            Some(whole) => {
                let off = distance(&(BigInt::from(whole) * &known.denominator), &exact);
                prop_assert!(off * 2 <= known.denominator);
            }
            None => prop_assert!(magnitude(&exact) > BigInt::from(MAX_MINOR) * &known.denominator),
        }
        let rate = Rate::from_parts_per_million(parts).unwrap();
        let (exact, unit) = (exact * parts, &known.denominator * 1_000_000);
        match known.exchange.share(minor, rate) {
            Some(share) => prop_assert!(distance(&(BigInt::from(share) * &unit), &exact) * 2 <= unit),
            None => prop_assert!(magnitude(&exact) > BigInt::from(MAX_MINOR) * &unit),
        }
    }

    #[test]
    fn a_larger_amount_is_never_worth_less(known in known(), one in amount(), other in amount()) {
        let (less, more) = (one.min(other), one.max(other));
        if let (Some(less), Some(more)) = (known.exchange.convert(less), known.exchange.convert(more)) {
            prop_assert!(less <= more);
        }
    }

    #[test]
    fn a_share_is_at_most_the_whole(known in known(), minor in 0..=MAX_MINOR, parts in 1_i64..=1_000_000) {
        let rate = Rate::from_parts_per_million(parts).unwrap();
        if let Some(whole) = known.exchange.convert(minor) {
            let share = known.exchange.share(minor, rate).unwrap();
            prop_assert!(share <= whole);
            prop_assert_eq!(known.exchange.share(minor, Rate::from_parts_per_million(1_000_000).unwrap()), Some(whole));
        }
    }

    #[test]
    fn there_and_back_gains_no_more_than_rounding(known in known(), minor in 0..=MAX_MINOR) {
        let there = known.exchange.convert(minor);
        if let Some(back) = there.and_then(|there| known.back.convert(there)) {
            // Half a unit there is worth so much here, and half a unit is rounded here.
            let gained = BigInt::from(2) * (BigInt::from(back) - minor) * &known.numerator;
            prop_assert!(gained <= &known.denominator + &known.numerator);
        }
    }

    #[test]
    fn a_sum_in_parts_gains_at_most_half_a_unit_per_part(
        known in known(),
        parts in prop::collection::vec(0..=1_000_000_000_i64, 1..10),
    ) {
        let converted: Option<Vec<i64>> = parts.iter().map(|part| known.exchange.convert(*part)).collect();
        if let Some(converted) = converted {
            let sum: BigInt = converted.iter().map(|part| BigInt::from(*part)).sum();
            let exact = BigInt::from(parts.iter().sum::<i64>()) * &known.numerator;
            let gained = sum * &known.denominator - exact;
            prop_assert!(gained * 2 <= &known.denominator * parts.len());
        }
    }

    #[test]
    fn nothing_is_worth_nothing_and_a_minus_stays_one(known in known(), minor in amount()) {
        prop_assert_eq!(known.exchange.convert(0), Some(0));
        prop_assert_eq!(known.exchange.convert(-minor), known.exchange.convert(minor).map(|minor| -minor));
    }

    #[test]
    fn a_currency_is_itself_exactly(minor in amount(), code in "USD|JPY|KWD|VND|CLF|EUR") {
        let same = between(&code, &code, DAY, &[quote("EUR", "USD", "1.1", DAY)]).unwrap();
        prop_assert_eq!(same.convert(minor), Some(minor));
        prop_assert_eq!(same.rate(), "1");
    }

    #[test]
    fn the_shown_rate_is_the_exact_one_to_twelve_digits(known in known()) {
        let shown = known.exchange.rate();
        let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
        let digits: BigInt = format!("{whole}{fraction}").parse().unwrap();
        // In major units: minor units of one, told back.
        let [from, to] = [&known.exchange.from, &known.exchange.to].map(|one| currency(one.code()).digits());
        let (numerator, denominator) = (&known.numerator * ten(from), &known.denominator * ten(to));
        let scaled = &numerator * ten(u32::try_from(fraction.len()).unwrap());
        let off = distance(&(digits * &denominator), &scaled);
        // Half a unit of the twelfth digit is at most 5 in 10^12 of the whole.
        prop_assert!(off * ten(12) <= scaled * 5);
    }
}
