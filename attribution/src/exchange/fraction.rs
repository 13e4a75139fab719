//! The arithmetic of rates: a fraction of two integers, and an amount times it, rounded once.
//!
//! Why nothing overflows. A rate is digits below 10^15 over at most 10^12; two of them and the minor units of both
//! currencies (at most 4 digits each) make numerator and denominator at most 10^31, so below 2^103, and told in major
//! units again at most 10^35, so below 2^117: they fit 128 bits. An amount (2^63), parts per million (2^20) and the
//! doubling for the rounding make products below 2^188, and the search for 12 significant digits ends below 2^161: they
//! fit 256 bits.

use ethnum::U256;

use super::DecimalRate;
use crate::money::{MAX_MINOR, Rate};

/// A whole, in parts per million.
const MILLION: u64 = 1_000_000;

/// Digits of a rate that people see.
const SHOWN_DIGITS: u32 = 12;

/// A positive fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fraction {
    numerator: u128,
    denominator: u128,
}

impl Fraction {
    pub(super) const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// Times a rate. Of rates, at most two belong into one fraction.
    pub(super) fn times(self, rate: &DecimalRate) -> Self {
        let (numerator, denominator) = (self.numerator * rate.digits(), self.denominator * 10_u128.pow(rate.scale()));
        Self { numerator, denominator }
    }

    /// Divided by a rate.
    pub(super) fn divided_by(self, rate: &DecimalRate) -> Self {
        let (numerator, denominator) = (self.numerator * 10_u128.pow(rate.scale()), self.denominator * rate.digits());
        Self { numerator, denominator }
    }

    /// The same rate, told in minor units instead of major ones.
    pub(super) fn between_minor_units(self, from_digits: u32, to_digits: u32) -> Self {
        let numerator = self.numerator * 10_u128.pow(to_digits);
        let denominator = self.denominator * 10_u128.pow(from_digits);
        Self { numerator, denominator }
    }

    /// And back.
    pub(super) fn between_major_units(self, from_digits: u32, to_digits: u32) -> Self {
        self.between_minor_units(to_digits, from_digits)
    }

    /// `minor`, or its share, times this: rounded half-up, away from zero at exactly half. `None` beyond the largest
    /// amount.
    pub(super) fn of(self, minor: i64, share: Option<Rate>) -> Option<i64> {
        let parts = share.map_or(MILLION, Rate::parts_per_million);
        let exact = U256::from(minor.unsigned_abs()) * U256::from(parts) * U256::from(self.numerator);
        let whole = U256::from(self.denominator) * U256::from(MILLION);
        let rounded = (U256::from(2_u8) * exact + whole) / (U256::from(2_u8) * whole);
        let magnitude = i64::try_from(rounded).ok().filter(|magnitude| *magnitude <= MAX_MINOR)?;
        Some(if minor < 0 { -magnitude } else { magnitude })
    }

    /// A decimal of at most 12 significant digits, rounded half-up, without zeros at its end.
    pub(super) fn to_decimal(self) -> String {
        let least = U256::from(10_u64.pow(SHOWN_DIGITS - 1));
        let (mut numerator, mut denominator) = (U256::from(self.numerator), U256::from(self.denominator));
        let ten = U256::from(10_u8);
        let (mut after_point, mut zeros) = (0_usize, 0_usize);
        while numerator / denominator < least {
            numerator *= ten;
            after_point += 1;
        }
        while numerator / denominator >= least * ten {
            denominator *= ten;
            zeros += 1;
        }
        let two = U256::from(2_u8);
        let rounded = (two * numerator + denominator) / (two * denominator);
        point(&rounded.to_string(), after_point, zeros)
    }
}

/// Sets the point so many digits before the end, or adds zeros.
fn point(digits: &str, after_point: usize, zeros: usize) -> String {
    let padded = format!("{digits:0>width$}", width = after_point + 1);
    let Some((whole, fraction)) = padded.split_at_checked(padded.len() - after_point) else { return padded };
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{whole}{}", "0".repeat(zeros)) } else { format!("{whole}.{fraction}") }
}
