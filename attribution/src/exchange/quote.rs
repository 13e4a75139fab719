//! Rates as they are published: a decimal, kept as it was written, between two currencies on a day.

use crate::limits::{MAX_RATE_DIGITS, MAX_RATE_SCALE};
use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::day::Day;
use crate::money::{Currency, Decimal};

/// So many units of `currency` for one of `base`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotedRate {
    /// What one unit of is priced.
    pub base: Currency,
    /// What it is priced in.
    pub currency: Currency,
    /// The day that it was published for.
    pub day: Day,
    /// Units of `currency`.
    pub rate: DecimalRate,
    /// Whether it is the team's own; else everybody's.
    pub own: bool,
}

impl QuotedRate {
    /// Whether it is between these two, whichever way round.
    pub fn is_between(&self, one: Currency, other: Currency) -> bool {
        (self.base, self.currency) == (one, other) || (self.base, self.currency) == (other, one)
    }

    /// Which of two is used: the later; of the same day the team's own; of these the one that multiplies.
    pub(super) fn by_precedence(&self, other: &Self) -> Ordering {
        let rank = |quote: &Self| (quote.day, quote.own, quote.base.code());
        rank(self).cmp(&rank(other))
    }
}

/// Why a text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a decimal number.
    #[error("is not a decimal number")]
    NotANumber,
    /// Zero or less.
    #[error("must be more than 0")]
    NotPositive,
    /// More digits than are kept.
    #[error("has more than 15 digits, or more than 12 after the point")]
    TooPrecise,
    /// 10^15 or more.
    #[error("must be less than 10^15")]
    TooLarge,
}

/// A positive decimal of at most 15 digits, at most 12 of them after the point; zeros at either end do not count. Two are
/// equal that are written alike.
#[derive(Clone, PartialEq, Eq)]
pub struct DecimalRate {
    text: String,
    /// The value times ten to the `scale`: below 10^15.
    digits: u64,
    /// At most 12.
    scale: u32,
}

impl DecimalRate {
    /// Reads a decimal, in JSON's syntax for numbers. The text is kept; one with an exponent, or with zeros in front, is
    /// written plainly.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let decimal = Decimal::parse(text).map_err(|_| RateError::NotANumber)?;
        let significant = decimal.digits.trim_start_matches('0');
        if significant.is_empty() || decimal.negative {
            return Err(RateError::NotPositive);
        }
        let (digits, scale) = without_trailing_zeros(significant, decimal.scale)?;
        if digits.len().saturating_sub(scale) > MAX_RATE_DIGITS {
            return Err(RateError::TooLarge);
        }
        if digits.len() > MAX_RATE_DIGITS || scale > MAX_RATE_SCALE {
            return Err(RateError::TooPrecise);
        }
        let text = if is_plain(text) { text.to_owned() } else { plain(&digits, scale) };
        let digits = digits.parse().map_err(|_| RateError::TooLarge)?;
        Ok(Self { text, digits, scale: u32::try_from(scale).map_err(|_| RateError::TooPrecise)? })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value times ten to its scale: below 10^15.
    pub(super) fn digits(&self) -> u128 {
        u128::from(self.digits)
    }

    /// Digits after the point: at most 12.
    pub(super) fn scale(&self) -> u32 {
        self.scale
    }
}

/// The digits and how many of them are after the point, as few as there can be.
fn without_trailing_zeros(significant: &str, scale: i64) -> Result<(String, usize), RateError> {
    let Ok(scale) = usize::try_from(scale) else {
        // The exponent stands for zeros before the point.
        let zeros = usize::try_from(scale.unsigned_abs()).map_err(|_| RateError::TooLarge)?;
        if zeros > MAX_RATE_DIGITS {
            return Err(RateError::TooLarge);
        }
        return Ok((format!("{significant}{}", "0".repeat(zeros)), 0));
    };
    let trimmed = significant.trim_end_matches('0');
    let dropped = (significant.len() - trimmed.len()).min(scale);
    let kept = significant.get(..significant.len() - dropped).unwrap_or(significant);
    Ok((kept.to_owned(), scale - dropped))
}

fn is_plain(text: &str) -> bool {
    let zeros_in_front = text.starts_with('0') && text.len() > 1 && !text.starts_with("0.");
    !text.contains(['e', 'E']) && !zeros_in_front
}

fn plain(digits: &str, scale: usize) -> String {
    let padded = format!("{digits:0>width$}", width = scale + 1);
    match padded.split_at_checked(padded.len() - scale) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
        _ => padded,
    }
}

impl fmt::Display for DecimalRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for DecimalRate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl Serialize for DecimalRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for DecimalRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|problem| de::Error::custom(format!("{text} {problem}")))
    }
}
