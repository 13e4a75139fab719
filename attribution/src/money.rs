//! Money: integer minor units of a currency, read from decimal text and written back exactly.
//!
//! No float anywhere. An amount's text is read digit by digit; amounts are at most 2^53 − 1 minor units, because the
//! database's numbers are doubles. Rounding is half-up to the minor unit, once, at the end of a calculation.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use crate::limits::MAX_MINOR;
use crate::limits::{MAX_DECIMAL, MAX_PERCENT_DIGITS};

/// A whole, in parts per million.
const MILLION: i128 = 1_000_000;

/// Why a text is no amount of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number.
    #[error("is not a decimal number")]
    NotANumber,
    /// More digits after the point than the currency has.
    #[error("has more than the currency's {digits} digits after the point")]
    TooPrecise {
        /// Digits that the currency has.
        digits: u32,
    },
    /// Beyond [`MAX_MINOR`].
    #[error("is beyond the largest amount, 9007199254740991 minor units")]
    TooLarge,
}

/// A currency of ISO 4217 that has minor units (or none, like the yen), unlike gold or the test codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Finds a currency by its three letters, in either case.
    pub fn from_code(code: &str) -> Option<Self> {
        let currency = iso_currency::Currency::from_code(&code.to_ascii_uppercase())?;
        currency.exponent().map(|_| Self(currency))
    }

    /// The three letters, upper-case.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Digits after the point: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn digits(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| de::Error::custom(format!("{code} is no currency of ISO 4217")))
    }
}

/// An amount of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// In minor units, within ±[`MAX_MINOR`].
    pub minor: i64,
    /// What the units are of.
    pub currency: Currency,
}

impl Money {
    /// Takes an amount in minor units; `TooLarge` beyond ±[`MAX_MINOR`].
    pub fn from_minor(minor: i64, currency: Currency) -> Result<Self, AmountError> {
        if minor.unsigned_abs() > MAX_MINOR.unsigned_abs() {
            return Err(AmountError::TooLarge);
        }
        Ok(Self { minor, currency })
    }

    /// Reads a decimal in major units: `"99.5"` of USD is 9950 minor units. Takes JSON's number syntax, exponent
    /// included; digits beyond the currency's must be zero.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let decimal = Decimal::parse(text)?;
        Self::from_minor(decimal.scaled_to(currency.digits())?, currency)
    }

    /// The amount in major units, exactly, without trailing zeros: 9950 minor units of USD are `99.5`.
    pub fn to_decimal(self) -> String {
        write_decimal(self.minor, self.currency.digits())
    }

    /// The amount in major units with all of the currency's digits, for people: `99.50`.
    pub fn to_fixed(self) -> String {
        let exact = self.to_decimal();
        let digits = self.currency.digits() as usize;
        let written = exact.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if digits == 0 {
            return exact;
        }
        let point = if written == 0 { "." } else { "" };
        format!("{exact}{point}{}", "0".repeat(digits - written))
    }

    /// Its share at `rate`, rounded half-up (away from zero at exactly half).
    #[must_use]
    pub fn share(self, rate: Rate) -> Self {
        let product = i128::from(self.minor) * i128::from(rate.0);
        let rounded = (product.abs() + MILLION / 2) / MILLION;
        // A rate is at most 100 %, so the share fits where the amount did.
        let minor = i64::try_from(rounded).unwrap_or(MAX_MINOR) * product.signum() as i64;
        Self { minor, currency: self.currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.to_decimal(), self.currency)
    }
}

/// `minor × part ÷ whole`, rounded half-up (away from zero at exactly half); nothing of nothing. `part` is at most `whole`.
pub fn pro_rata(minor: i64, part: i64, whole: i64) -> i64 {
    let whole = i128::from(whole);
    if whole == 0 {
        return 0;
    }
    let product = i128::from(minor) * i128::from(part);
    let rounded = (2 * product.abs() + whole.abs()) / (2 * whole.abs());
    // A part of the whole, so it fits where `minor` did.
    i64::try_from(rounded * product.signum() * whole.signum()).unwrap_or(MAX_MINOR)
}

/// A share of a whole in parts per million: 30 % is 300 000. At most the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(u32);

impl Rate {
    /// Takes parts per million; `None` unless more than nothing and at most the whole.
    pub fn from_parts_per_million(parts: i64) -> Option<Self> {
        let parts = u32::try_from(parts).ok()?;
        (1..=1_000_000).contains(&parts).then_some(Self(parts))
    }

    /// Reads a percentage: `"12.5"` is 125 000 parts. `NotANumber` also for what is no share: nothing, or more than 100.
    pub fn from_percent(text: &str) -> Result<Self, AmountError> {
        let parts = Decimal::parse(text)?.scaled_to(MAX_PERCENT_DIGITS)?;
        Self::from_parts_per_million(parts).ok_or(AmountError::NotANumber)
    }

    /// Parts per million: from 1 to 1 000 000.
    pub fn parts_per_million(self) -> u64 {
        u64::from(self.0)
    }

    /// The rate as a percentage, exactly: 125 000 parts are `12.5`.
    pub fn to_percent(self) -> String {
        write_decimal(i64::from(self.0), MAX_PERCENT_DIGITS)
    }
}

/// A decimal as it was written: digits and where the point stands among them.
pub(crate) struct Decimal {
    pub(crate) negative: bool,
    pub(crate) digits: String,
    /// Digits after the point; negative when zeros are missing before it.
    pub(crate) scale: i64,
}

impl Decimal {
    pub(crate) fn parse(text: &str) -> Result<Self, AmountError> {
        if text.len() > MAX_DECIMAL {
            return Err(AmountError::NotANumber);
        }
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if mantissa.ends_with('.') || !is_digits(whole) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AmountError::NotANumber);
        }
        let exponent = parse_exponent(exponent)?;
        let scale = i64::try_from(fraction.len()).map_err(|_| AmountError::NotANumber)? - exponent;
        Ok(Self { negative, digits: format!("{whole}{fraction}"), scale })
    }

    /// The value times ten to the `digits`, which must come out whole.
    fn scaled_to(&self, digits: u32) -> Result<i64, AmountError> {
        let significant = self.digits.trim_start_matches('0');
        if significant.is_empty() {
            return Ok(0);
        }
        let shift = i64::from(digits) - self.scale;
        let scaled =
            if shift >= 0 { append_zeros(significant, shift)? } else { cut_zeros(significant, -shift, digits)? };
        let minor = scaled.parse::<i64>().map_err(|_| AmountError::TooLarge)?;
        Ok(if self.negative { -minor } else { minor })
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_exponent(text: &str) -> Result<i64, AmountError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !is_digits(digits) {
        return Err(AmountError::NotANumber);
    }
    text.parse::<i32>().map(i64::from).map_err(|_| AmountError::TooLarge)
}

fn append_zeros(significant: &str, count: i64) -> Result<String, AmountError> {
    // 2^53 has 16 digits; twenty more than that cannot fit, whatever they are.
    let count = usize::try_from(count).ok().filter(|count| *count <= 20).ok_or(AmountError::TooLarge)?;
    Ok(format!("{significant}{}", "0".repeat(count)))
}

fn cut_zeros(significant: &str, count: i64, digits: u32) -> Result<String, AmountError> {
    let too_precise = AmountError::TooPrecise { digits };
    let count = usize::try_from(count).map_err(|_| too_precise)?;
    let kept = significant.len().checked_sub(count).filter(|kept| *kept > 0).ok_or(too_precise)?;
    let (whole, fraction) = significant.split_at(kept);
    if fraction.bytes().any(|byte| byte != b'0') {
        return Err(too_precise);
    }
    Ok(whole.to_owned())
}

/// Writes `minor / 10^digits` without trailing zeros.
fn write_decimal(minor: i64, digits: u32) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let magnitude = u128::from(minor.unsigned_abs());
    let unit = 10_u128.pow(digits);
    let whole = magnitude / unit;
    if digits == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{:0width$}", magnitude % unit, width = digits as usize);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).unwrap()
    }

    fn minor(text: &str, code: &str) -> Result<i64, AmountError> {
        Money::from_decimal(text, currency(code)).map(|money| money.minor)
    }

    #[test]
    fn a_currency_has_its_own_digits() {
        assert_eq!(minor("99", "USD"), Ok(9900));
        assert_eq!(minor("99.5", "usd"), Ok(9950));
        assert_eq!(minor("99.50", "EUR"), Ok(9950));
        assert_eq!(minor("500", "JPY"), Ok(500));
        assert_eq!(minor("1.234", "KWD"), Ok(1234));
        assert_eq!(minor("0", "USD"), Ok(0));
        assert_eq!(minor("-0.01", "USD"), Ok(-1));
    }

    #[test]
    fn exponents_are_read_as_json_writes_them() {
        assert_eq!(minor("1e2", "USD"), Ok(10000));
        assert_eq!(minor("1.5E+1", "USD"), Ok(1500));
        assert_eq!(minor("12345e-2", "USD"), Ok(12345));
        assert_eq!(minor("0e999999", "USD"), Ok(0));
    }

    #[test]
    fn zeros_beyond_the_digits_are_no_precision() {
        assert_eq!(minor("1.1000", "USD"), Ok(110));
        assert_eq!(minor("5.0", "JPY"), Ok(5));
        assert_eq!(minor("1.005", "USD"), Err(AmountError::TooPrecise { digits: 2 }));
        assert_eq!(minor("0.5", "JPY"), Err(AmountError::TooPrecise { digits: 0 }));
        assert_eq!(minor("1e-9", "KWD"), Err(AmountError::TooPrecise { digits: 3 }));
    }

    #[test]
    fn the_largest_amount_is_two_to_the_53_less_one() {
        assert_eq!(minor("90071992547409.91", "USD"), Ok(MAX_MINOR));
        assert_eq!(minor("90071992547409.92", "USD"), Err(AmountError::TooLarge));
        assert_eq!(minor("1e400", "USD"), Err(AmountError::TooLarge));
        assert_eq!(minor("99999999999999999999999999", "JPY"), Err(AmountError::TooLarge));
    }

    #[test]
    fn other_texts_are_no_amounts() {
        for text in ["", "-", ".", "1.", ".5", "1,5", "1e", "1e+", "0x10", "NaN", " 1", "1 ", "--1", "१"] {
            assert_eq!(minor(text, "USD"), Err(AmountError::NotANumber), "{text}");
        }
    }

    #[test]
    fn a_share_is_rounded_half_up_once() {
        let share = |minor, parts| {
            Money::from_minor(minor, currency("USD")).unwrap().share(Rate::from_parts_per_million(parts).unwrap()).minor
        };
        assert_eq!(share(9900, 300_000), 2970);
        assert_eq!(share(5, 500_000), 3);
        assert_eq!(share(5, 499_999), 2);
        assert_eq!(share(3333, 333_333), 1111);
        assert_eq!(share(MAX_MINOR, 1_000_000), MAX_MINOR);
        assert_eq!(share(-5, 500_000), -3);
    }

    #[test]
    fn people_see_all_digits() {
        let fixed = |minor, code| Money::from_minor(minor, currency(code)).unwrap().to_fixed();
        assert_eq!(fixed(9950, "USD"), "99.50");
        assert_eq!(fixed(9900, "USD"), "99.00");
        assert_eq!(fixed(5, "USD"), "0.05");
        assert_eq!(fixed(500, "JPY"), "500");
        assert_eq!(fixed(-1234, "KWD"), "-1.234");
    }

    #[test]
    fn gold_and_nonsense_are_no_currencies() {
        for code in ["XAU", "XXX", "XTS", "", "US", "USDX", "ÄÖÜ"] {
            assert_eq!(Currency::from_code(code), None, "{code}");
        }
    }

    #[test]
    fn a_rate_is_more_than_nothing_and_at_most_the_whole() {
        assert_eq!(Rate::from_parts_per_million(0), None);
        assert_eq!(Rate::from_parts_per_million(1_000_001), None);
        assert_eq!(Rate::from_parts_per_million(125_000).unwrap().to_percent(), "12.5");
    }

    #[test]
    fn a_percentage_has_at_most_four_digits_and_is_at_most_all() {
        let parts = |text| Rate::from_percent(text).map(Rate::parts_per_million);
        assert_eq!(parts("30"), Ok(300_000));
        assert_eq!(parts("12.5"), Ok(125_000));
        assert_eq!(parts("0.0001"), Ok(1));
        assert_eq!(parts("1e2"), Ok(1_000_000));
        assert_eq!(parts("0.00001"), Err(AmountError::TooPrecise { digits: 4 }));
        for text in ["0", "-1", "100.0001", "thirty"] {
            assert_eq!(parts(text), Err(AmountError::NotANumber), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(minor in -MAX_MINOR..=MAX_MINOR, code in "USD|JPY|KWD|CLF|EUR") {
            let money = Money::from_minor(minor, currency(&code)).unwrap();
            prop_assert_eq!(Money::from_decimal(&money.to_decimal(), money.currency), Ok(money));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = Money::from_decimal(&text, currency("USD"));
        }

        #[test]
        fn a_share_is_within_half_a_unit_of_the_exact_one(minor in 0..=MAX_MINOR, parts in 1_i64..=1_000_000) {
            let money = Money::from_minor(minor, currency("USD")).unwrap();
            let share = money.share(Rate::from_parts_per_million(parts).unwrap());
            let error = i128::from(share.minor) * MILLION - i128::from(minor) * i128::from(parts);
            prop_assert!(error.abs() * 2 <= MILLION);
        }
    }
}
