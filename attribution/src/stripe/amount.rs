//! Stripe's integers as money. Its minor units are those of ISO 4217, but for some currencies.
//!
//! Source: docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal currencies" and "Special cases".

use crate::money::{Currency, Money, pro_rata};

/// Charged in whole units.
const ZERO_DECIMAL: [&str; 15] =
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"];

/// Written with two digits that are always zeros, as they once were.
const STILL_TWO_DECIMAL: [&str; 2] = ["ISK", "UGX"];

/// Digits behind the point in Stripe's integers.
fn digits(currency: Currency) -> u32 {
    let code = currency.code();
    if ZERO_DECIMAL.contains(&code) {
        return 0;
    }
    if STILL_TWO_DECIMAL.contains(&code) {
        return 2;
    }
    // Of the others its integers have two or three digits, as ISO 4217 has it.
    currency.digits().clamp(2, 3)
}

/// An amount of Stripe's; `None` where it is none, or too large.
pub(super) fn money(minor: i64, currency: Currency) -> Option<Money> {
    let (given, kept) = (digits(currency), currency.digits());
    let minor = if given > kept {
        pro_rata(minor, 1, 10_i64.pow(given - kept))
    } else {
        minor.checked_mul(10_i64.pow(kept - given))?
    };
    Money::from_minor(minor, currency).ok()
}

/// `paid` without the tax that is in it: the tax's part of the whole is its part of what was paid. All in minor units;
/// `untaxed` is the total without tax.
pub fn without_tax(paid: i64, total: i64, untaxed: i64) -> i64 {
    if total <= 0 || untaxed < 0 || untaxed >= total {
        return paid;
    }
    pro_rata(paid, untaxed, total)
}
