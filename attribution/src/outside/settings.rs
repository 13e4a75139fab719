//! Fields that settings are made of: percentages, amounts that may be nothing, whole numbers within bounds.
//!
//! Nothing here keeps state; what is wrong is collected in [`Fields`], as everywhere.

use std::ops::RangeInclusive;

use serde_json::{Map, Number, Value};
use url::Url;

use super::Fields;
use crate::edits::Edit;
use crate::limits::{MAX_PERCENT_DIGITS, MAX_URL};
use crate::money::{AmountError, Currency, Money, Rate};

impl Fields {
    /// Takes a percentage: more than nothing, at most 100, at most four digits after the point.
    pub fn percentage(&mut self, field: &str, value: &Number) -> Option<Rate> {
        match Rate::from_percent(&value.to_string()) {
            Ok(rate) => Some(rate),
            Err(AmountError::TooPrecise { .. }) => {
                self.refuse(field, format!("has more than {MAX_PERCENT_DIGITS} digits after the point"));
                None
            }
            Err(_) => {
                self.refuse(field, "must be a percentage: more than 0 and at most 100");
                None
            }
        }
    }

    /// Takes an amount in major units that may be nothing; in minor units.
    pub fn amount_or_nothing(&mut self, field: &str, value: &Number, currency: Currency) -> Option<i64> {
        match Money::from_decimal(&value.to_string(), currency) {
            Ok(money) if money.minor >= 0 => Some(money.minor),
            Ok(_) => {
                self.refuse(field, "must not be negative");
                None
            }
            Err(problem) => {
                self.refuse(field, format!("{problem} ({currency})"));
                None
            }
        }
    }

    /// Takes a text that may be left out, and not be emptied.
    pub fn filled_text(&mut self, field: &str, value: Option<String>, max: usize) -> Option<String> {
        let sent = Some(value?);
        self.required(field, sent, max)
    }

    /// Takes one of these words, in either case.
    pub fn known_word(&mut self, field: &str, sent: Option<String>, words: &[&'static str]) -> Option<&'static str> {
        let sent = sent.map(|word| word.to_ascii_lowercase());
        self.word(field, sent, words, |sent| words.iter().copied().find(|word| *word == sent))
    }

    /// Takes a text that may be cleared, by null or by nothing in it.
    pub fn clearable_text(&mut self, field: &str, edit: Edit<String>, max: usize) -> Edit<String> {
        match edit {
            Edit::Set(text) => self.text(field, Some(text), max).map_or(Edit::Clear, Edit::Set),
            other => other,
        }
    }

    /// Takes what is kept as it was sent, and may be cleared.
    pub fn clearable_kept(&mut self, field: &str, edit: Edit<Map<String, Value>>) -> Edit<Value> {
        match edit {
            Edit::Set(value) => self.kept(field, Some(value)).map_or(Edit::Keep, Edit::Set),
            Edit::Clear => Edit::Clear,
            Edit::Keep => Edit::Keep,
        }
    }

    /// Takes an address of a page or a file on the web that may be cleared.
    pub fn clearable_url(&mut self, field: &str, edit: Edit<String>) -> Edit<String> {
        let edit = self.clearable_text(field, edit, MAX_URL);
        let is_web = |url: &String| Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !edit.as_set().is_none_or(is_web) {
            self.refuse(field, "must be an absolute URL, like https://shop.example/");
        }
        edit
    }

    /// Notes that a field is missing.
    pub fn missing<T>(&mut self, field: &str) -> Option<T> {
        self.refuse(field, "is required");
        None
    }

    /// Takes a whole number within bounds.
    pub fn whole(&mut self, field: &str, value: i64, bounds: RangeInclusive<u32>) -> Option<u32> {
        let whole = u32::try_from(value).ok().filter(|value| bounds.contains(value));
        if whole.is_none() {
            self.refuse(field, format!("must be a whole number from {} to {}", bounds.start(), bounds.end()));
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(take: impl FnOnce(&mut Fields)) -> Option<String> {
        let mut fields = Fields::default();
        take(&mut fields);
        fields.finish(Some(())).err().map(|problem| problem.message())
    }

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn a_percentage_is_a_share_of_four_digits() {
        let mut fields = Fields::default();
        assert_eq!(fields.percentage("amount", &number("12.5")), Rate::from_parts_per_million(125_000));
        for text in ["0", "-5", "100.1"] {
            let message = refused(|fields| assert_eq!(fields.percentage("amount", &number(text)), None));
            assert_eq!(message.unwrap(), "amount: must be a percentage: more than 0 and at most 100", "{text}");
        }
        let message = refused(|fields| assert_eq!(fields.percentage("amount", &number("0.00001")), None));
        assert_eq!(message.unwrap(), "amount: has more than 4 digits after the point");
    }

    #[test]
    fn an_amount_may_be_nothing_and_not_less() {
        let usd = Currency::from_code("USD").unwrap();
        assert_eq!(Fields::default().amount_or_nothing("amount", &number("0"), usd), Some(0));
        assert_eq!(Fields::default().amount_or_nothing("amount", &number("49.5"), usd), Some(4950));
        for text in ["-0.01", "0.001", "1e20"] {
            assert!(refused(|fields| assert_eq!(fields.amount_or_nothing("cap", &number(text), usd), None)).is_some());
        }
    }

    #[test]
    fn a_word_is_taken_in_either_case() {
        let known = |sent: &str| Fields::default().known_word("base", Some(sent.to_owned()), &["sale", "commission"]);
        assert_eq!((known("Sale"), known("COMMISSION"), known("profit")), (Some("sale"), Some("commission"), None));
    }

    #[test]
    fn a_whole_number_keeps_to_its_bounds() {
        assert_eq!(Fields::default().whole("days", 365, 1..=365), Some(365));
        for value in [0, 366, -1, i64::MAX] {
            let message = refused(|fields| assert_eq!(fields.whole("days", value, 1..=365), None));
            assert_eq!(message.unwrap(), "days: must be a whole number from 1 to 365", "{value}");
        }
    }
}
