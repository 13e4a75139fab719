//! Amounts, percentages, rates of exchange and currencies: what is read is within its bounds, and reads the same again as
//! it is written.

use attribution::exchange::DecimalRate;
use attribution::money::{Currency, MAX_MINOR, Money, Rate};

/// Looks at one input.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    for code in ["JPY", "USD", "KWD"] {
        let Some(currency) = Currency::from_code(code) else { panic!("{code} is a currency") };
        let Ok(amount) = Money::from_decimal(text, currency) else { continue };
        assert!(amount.minor.abs() <= MAX_MINOR);
        assert_eq!(Money::from_decimal(&amount.to_decimal(), currency), Ok(amount));
        assert_eq!(Money::from_decimal(&amount.to_fixed(), currency), Ok(amount));
    }
    if let Ok(rate) = Rate::from_percent(text) {
        assert!((1..=1_000_000).contains(&rate.parts_per_million()));
        assert_eq!(Rate::from_percent(&rate.to_percent()), Ok(rate));
    }
    if let Ok(rate) = DecimalRate::parse(text) {
        let again = DecimalRate::parse(rate.as_str());
        assert_eq!(again.as_ref().map(DecimalRate::as_str), Ok(rate.as_str()));
    }
    if let Some(currency) = Currency::from_code(text) {
        assert_eq!(Currency::from_code(currency.code()), Some(currency));
        assert!(text.eq_ignore_ascii_case(currency.code()));
    }
}
