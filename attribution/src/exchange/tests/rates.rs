//! What is a rate, and what is none.

use proptest::prelude::*;

use crate::exchange::{DecimalRate, RateError};

fn read(text: &str) -> Result<String, RateError> {
    DecimalRate::parse(text).map(|rate| rate.to_string())
}

#[test]
fn a_rate_is_kept_as_it_was_written() {
    for text in ["1.0956", "29000.5", "1.0800", "0.336", "1", "10", "0.000000000001", "999999999999999", "0.10"] {
        assert_eq!(read(text).as_deref(), Ok(text));
    }
}

#[test]
fn exponents_and_zeros_in_front_are_written_plainly() {
    let cases = [("1e-7", "0.0000001"), ("2.90005E4", "29000.5"), ("1e3", "1000"), ("007.50", "7.5"), ("1e0", "1")];
    for (text, plain) in cases {
        assert_eq!(read(text).as_deref(), Ok(plain));
    }
}

#[test]
fn a_rate_is_more_than_nothing() {
    for text in ["0", "0.000", "-1", "-0.5", "0e5", "-0"] {
        assert_eq!(read(text), Err(RateError::NotPositive), "{text}");
    }
}

#[test]
fn a_rate_has_at_most_15_digits_and_12_after_the_point() {
    assert_eq!(read("0.0000000000001"), Err(RateError::TooPrecise));
    assert_eq!(read("1234.567890123456"), Err(RateError::TooPrecise));
    assert_eq!(read("1234.56789012345").as_deref(), Ok("1234.56789012345"));
    assert_eq!(read("1.5000000000000000").as_deref(), Ok("1.5000000000000000"));
    assert_eq!(read("1000000000000000"), Err(RateError::TooLarge));
    assert_eq!(read("1234567890123456.7"), Err(RateError::TooLarge));
    assert_eq!(read("1e15"), Err(RateError::TooLarge));
    assert_eq!(read("1e2000000000"), Err(RateError::TooLarge));
    assert_eq!(read("1e-2000000000"), Err(RateError::TooPrecise));
}

#[test]
fn other_texts_are_no_rates() {
    for text in ["", "1,5", "N/A", ".5", "5.", "1e", "0x1", "NaN", "infinity", " 1", "1 ", "+1", "١"] {
        assert_eq!(read(text), Err(RateError::NotANumber), "{text}");
    }
}

#[test]
fn a_rate_travels_as_its_text() {
    let rate = DecimalRate::parse("1.0800").unwrap();
    let written = serde_json::to_string(&rate).unwrap();
    assert_eq!(written, "\"1.0800\"");
    assert_eq!(serde_json::from_str::<DecimalRate>(&written).unwrap(), rate);
    assert!(serde_json::from_str::<DecimalRate>("\"0\"").is_err());
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-+.0-9eE]{0,24}|\\PC{0,70}") {
        if let Ok(rate) = DecimalRate::parse(&text) {
            prop_assert_eq!(DecimalRate::parse(rate.as_str()), Ok(rate));
        }
    }
}
