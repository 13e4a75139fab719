//! Fields of bodies and parameters: texts, words, moments, amounts, each within its bounds. What is wrong is collected, so
//! that a caller learns all of it at once.

use serde_json::{Map, Number, Value};

use super::{BodyProblem, FieldProblem};
use crate::ids::ReferralId;
use crate::limits::{MAX_KEPT, MAX_TEXT, MAX_TEXTS};
use crate::money::{AmountError, Currency, Money};
use crate::time::Timestamp;

/// Collects what is wrong with fields, so that a caller learns all of it at once.
#[derive(Default)]
pub struct Fields {
    problems: Vec<FieldProblem>,
}

impl Fields {
    /// Notes a problem.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(FieldProblem { field: field.to_owned(), message: message.into() });
    }

    /// Takes an optional text: at most `max` characters long as it was sent, trimmed, absent when empty.
    pub fn text(&mut self, field: &str, value: Option<String>, max: usize) -> Option<String> {
        let sent = value?;
        if sent.chars().count() > max {
            self.refuse(field, format!("is longer than {max} characters"));
            return None;
        }
        let text = Some(sent.trim().to_owned()).filter(|text| !text.is_empty())?;
        if text.contains('\0') {
            self.refuse(field, "contains a NUL character");
            return None;
        }
        Some(text)
    }

    /// Takes a text that must be there.
    pub fn required(&mut self, field: &str, value: Option<String>, max: usize) -> Option<String> {
        let before = self.problems.len();
        let text = self.text(field, value, max);
        if text.is_none() && self.problems.len() == before {
            self.refuse(field, "is required");
        }
        text
    }

    /// Takes a list of texts.
    pub fn texts(&mut self, field: &str, values: Option<Vec<String>>) -> Vec<String> {
        let values = values.unwrap_or_default();
        if values.len() > MAX_TEXTS {
            self.refuse(field, format!("has more than {MAX_TEXTS} entries"));
            return Vec::new();
        }
        let entry = |(place, value)| self.text(&format!("{field}[{place}]"), Some(value), MAX_TEXT);
        values.into_iter().enumerate().filter_map(entry).collect()
    }

    /// Takes what is kept as it was sent, however it is made: of so many bytes at most.
    pub fn kept(&mut self, field: &str, value: Option<Map<String, Value>>) -> Option<Value> {
        let value = Value::Object(value?);
        self.check_kept(field, &value);
        Some(value)
    }

    /// Refuses what is too large to be kept as it was sent.
    pub fn check_kept(&mut self, field: &str, value: &Value) {
        if value.to_string().len() > MAX_KEPT {
            self.refuse(field, format!("is larger than {MAX_KEPT} bytes"));
        }
    }

    /// Takes an optional word out of a list.
    pub fn word<T>(
        &mut self,
        field: &str,
        value: Option<String>,
        words: &[&str],
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let word = value?;
        let found = read(&word);
        if found.is_none() {
            self.refuse(field, format!("must be one of: {}", words.join(", ")));
        }
        found
    }

    /// Takes an optional moment.
    pub fn moment(&mut self, field: &str, value: Option<String>) -> Option<Timestamp> {
        let text = value?;
        let moment = Timestamp::parse(&text);
        if moment.is_none() {
            self.refuse(field, "must be an ISO 8601 date and time with its offset, like 2024-01-20T15:30:00Z");
        }
        moment
    }

    /// Takes an optional currency.
    pub fn currency(&mut self, field: &str, value: Option<String>) -> Option<Currency> {
        let code = self.text(field, value, MAX_TEXT)?;
        let currency = Currency::from_code(&code);
        if currency.is_none() {
            self.refuse(field, "must be a three-letter currency code of ISO 4217, like USD");
        }
        currency
    }

    /// Refuses a number that is not above zero, where nobody needs it. Its digits are looked at, for it is an amount.
    pub fn positive_number(&mut self, field: &str, value: Option<&Number>) {
        let is_positive = |number: &Number| {
            let text = number.to_string();
            let digits = text.split(['e', 'E']).next().unwrap_or_default();
            !text.starts_with('-') && digits.chars().any(|digit| matches!(digit, '1'..='9'))
        };
        if value.is_some_and(|number| !is_positive(number)) {
            self.refuse(field, "must be a positive number");
        }
    }

    /// Takes an amount in major units that must be there and more than nothing.
    pub fn positive_amount(&mut self, field: &str, value: Option<&Number>, currency: Currency) -> Option<Money> {
        let Some(number) = value else {
            self.refuse(field, "is required and must be a positive number");
            return None;
        };
        match Money::from_decimal(&number.to_string(), currency) {
            Ok(money) if money.minor > 0 => Some(money),
            Ok(_) => {
                self.refuse(field, "must be a positive number");
                None
            }
            Err(AmountError::NotANumber) => {
                self.refuse(field, "must be a number");
                None
            }
            Err(problem) => {
                self.refuse(field, format!("{problem} ({currency})"));
                None
            }
        }
    }

    /// Whether nothing has been refused so far.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The value, unless anything has been refused.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, BodyProblem> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(BodyProblem::Fields(self.problems)),
        }
    }
}

/// A click's or referral's id, as far as it can be one; `None` for any other text.
pub fn referral_id(text: &str, shards: u16) -> Option<ReferralId> {
    let id = ReferralId::new(text);
    id.placement().filter(|placement| placement.shard < shards && placement.database == 0).map(|_| id)
}

#[cfg(test)]
mod tests;
