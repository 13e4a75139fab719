//! Rates of exchange: which quotation applies to a sale, and what the sale is worth in the team's currency.
//!
//! Exact: a rate is a fraction of integers between minor units, and what is computed with it is rounded half-up to the
//! minor unit once, at the end. Integers of 256 bits hold every product (see [`Fraction`]). Nothing here keeps state: the
//! quotations are the caller's. Source of the rules: docs/rules.md, section 5.

pub mod ecb;
mod fraction;
mod quote;
#[cfg(test)]
mod tests;

use crate::day::Day;
use crate::money::{Currency, Rate};

use self::fraction::Fraction;
pub use self::quote::{DecimalRate, QuotedRate, RateError};

/// The currency that others are reached through: the European Central Bank's.
pub const PIVOT: &str = "EUR";

/// How one currency becomes another: exact, with the day that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    from: Currency,
    to: Currency,
    day: Day,
    /// What is multiplied or divided by, in order: none, one, or two by way of the euro.
    legs: Vec<QuotedRate>,
    /// Minor units of `to` for one of `from`.
    fraction: Fraction,
}

/// Of each two currencies the quotation that applies on `day`, in the order of their codes.
pub fn in_force(day: Day, quotes: Vec<QuotedRate>) -> Vec<QuotedRate> {
    let pair = |quote: &QuotedRate| (quote.base.code(), quote.currency.code());
    let mut quotes: Vec<_> = quotes.into_iter().filter(|quote| quote.day <= day).collect();
    quotes.sort_by(|one, other| pair(one).cmp(&pair(other)).then(other.by_precedence(one)));
    quotes.dedup_by(|next, first| pair(next) == pair(first));
    quotes
}

impl Exchange {
    /// The exchange that is in force on `day`, out of quotations of that day and before: directly between the two, else
    /// through the euro. The later is taken (of two legs the older counts), of the same day the direct one. `None` where
    /// nothing is quoted; a currency needs nothing to become itself.
    pub fn between(from: Currency, to: Currency, day: Day, quotes: &[QuotedRate]) -> Option<Self> {
        if from == to {
            return Some(Self::by(from, to, day, vec![]));
        }
        let in_force = |one, other| {
            let asked = quotes.iter().filter(|quote| quote.day <= day && quote.is_between(one, other));
            asked.max_by(|one, other| one.by_precedence(other))
        };
        let direct = in_force(from, to).map(|quote| Self::by(from, to, day, vec![quote.clone()]));
        let pivot = Currency::from_code(PIVOT).filter(|pivot| ![from, to].contains(pivot));
        let crossed = pivot.and_then(|pivot| {
            let (first, second) = (in_force(from, pivot)?, in_force(pivot, to)?);
            Some(Self::by(from, to, day, vec![first.clone(), second.clone()]))
        });
        match (direct, crossed) {
            (Some(direct), Some(crossed)) if direct.day < crossed.day => Some(crossed),
            (direct, crossed) => direct.or(crossed),
        }
    }

    /// By these legs, which lead from `from` to `to`: of the older one's day, or of the day that was `asked` for.
    fn by(from: Currency, to: Currency, asked: Day, legs: Vec<QuotedRate>) -> Self {
        let mut fraction = Fraction::ONE;
        let mut reached = from;
        for leg in &legs {
            if leg.base == reached {
                fraction = fraction.times(&leg.rate);
                reached = leg.currency;
            } else {
                fraction = fraction.divided_by(&leg.rate);
                reached = leg.base;
            }
        }
        let day = legs.iter().map(|leg| leg.day).min().unwrap_or(asked);
        Self { from, to, day, legs, fraction: fraction.between_minor_units(from.digits(), to.digits()) }
    }

    /// The day of its quotation, of the older one where there are two; the day that was asked for where none was needed.
    pub fn day(&self) -> Day {
        self.day
    }

    /// What it is made of: no quotation from a currency to itself, one, or two by way of the euro.
    pub fn legs(&self) -> &[QuotedRate] {
        &self.legs
    }

    /// Units (major ones) of the currency that is reached, for one of the other: a decimal of at most 12 significant
    /// digits, for people. No calculation uses it.
    pub fn rate(&self) -> String {
        self.fraction.between_major_units(self.from.digits(), self.to.digits()).to_decimal()
    }

    /// An amount in minor units, rounded half-up (away from zero at exactly half); `None` beyond the largest amount.
    pub fn convert(&self, minor: i64) -> Option<i64> {
        self.fraction.of(minor, None)
    }

    /// A share of an amount, converted: one calculation, rounded once, as [`Self::convert`].
    pub fn share(&self, minor: i64, rate: Rate) -> Option<i64> {
        self.fraction.of(minor, Some(rate))
    }
}
