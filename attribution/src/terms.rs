//! The terms of an incentive, as its owner sets them, and the words for them, and for levels, in requests, answers and the
//! database.
//!
//! A term that makes no sense cannot be written down here: a percentage is more than 0, named products have names. What
//! the terms mean is said in [`crate::incentive`]. Source: docs/rules.md, section 1.

use crate::ids::GroupId;
use crate::incentive::{AppliesTo, Approval, Length, Owner, PaysFor, Reward};
use crate::level::Base;

/// All that an owner sets of an incentive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// For people.
    pub name: String,
    /// What it pays for.
    pub pays_for: PaysFor,
    /// What it pays.
    pub reward: Reward,
    /// Which purchases it prices; a lead incentive prices every lead.
    pub applies_to: AppliesTo,
    /// How its commissions come to be payable.
    pub approval: Approval,
    /// How long it pays for one customer.
    pub length: Length,
    /// All that an affiliate may earn by one customer, in minor units of the team's currency.
    pub cap_minor: Option<i64>,
}

impl Owner {
    /// The group; `None` for an affiliate.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Group(group) => Some(group),
            Self::Affiliate(_) => None,
        }
    }
}

impl PaysFor {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Sale => "sale",
        }
    }

    /// Finds the value for a word; `None` for any other text.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Lead, Self::Sale].into_iter().find(|value| value.as_str() == word)
    }
}

impl Reward {
    /// The word for its kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Percentage(_) => "percentage",
            Self::Fixed(_) => "fixed",
        }
    }
}

impl AppliesTo {
    /// Finds the value for a word; the products count where the word is for named ones.
    pub fn from_word(word: &str, product_ids: Vec<String>) -> Option<Self> {
        let values = [
            Self::SpecificProducts(product_ids),
            Self::YearlyPlans,
            Self::MonthlyPlans,
            Self::OneTimeProducts,
            Self::AllPlans,
        ];
        values.into_iter().find(|value| value.as_str() == word)
    }

    /// The products or prices that it names.
    pub fn product_ids(&self) -> &[String] {
        match self {
            Self::SpecificProducts(ids) => ids,
            _ => &[],
        }
    }
}

impl Approval {
    /// Every word.
    pub const WORDS: [&str; 3] = ["automatic", "hold_period", "manual"];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::HoldPeriod { .. } => "hold_period",
            Self::Manual => "manual",
        }
    }

    /// Finds the value for a word; the days count where the word is for a hold.
    pub fn from_word(word: &str, days: u32) -> Option<Self> {
        [Self::Automatic, Self::HoldPeriod { days }, Self::Manual].into_iter().find(|value| value.as_str() == word)
    }
}

impl Length {
    /// Every word.
    pub const WORDS: [&str; 3] = ["customer_lifetime", "time_limited", "payment_limited"];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomerLifetime => "customer_lifetime",
            Self::Months(_) => "time_limited",
            Self::Payments(_) => "payment_limited",
        }
    }

    /// So many months, or payments.
    pub fn value(self) -> Option<u32> {
        match self {
            Self::CustomerLifetime => None,
            Self::Months(value) | Self::Payments(value) => Some(value),
        }
    }

    /// Finds the length for a word and a number; `None` for any other text, and for a limit without a number.
    pub fn from_word(word: &str, value: Option<u32>) -> Option<Self> {
        match (word, value) {
            ("customer_lifetime", _) => Some(Self::CustomerLifetime),
            ("time_limited", Some(months)) => Some(Self::Months(months)),
            ("payment_limited", Some(payments)) => Some(Self::Payments(payments)),
            _ => None,
        }
    }
}

impl Base {
    /// Every word.
    pub const WORDS: [&str; 2] = ["commission", "sale"];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Commission => "commission",
            Self::Sale => "sale",
        }
    }

    /// Finds the value for a word; `None` for any other text.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Commission, Self::Sale].into_iter().find(|value| value.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_back_and_others_are_refused() {
        for value in [AppliesTo::YearlyPlans, AppliesTo::AllPlans, AppliesTo::SpecificProducts(vec!["p1".into()])] {
            assert_eq!(AppliesTo::from_word(value.as_str(), vec!["p1".into()]), Some(value));
        }
        for value in [Approval::Automatic, Approval::HoldPeriod { days: 30 }, Approval::Manual] {
            assert_eq!(Approval::from_word(value.as_str(), 30), Some(value));
        }
        for value in [PaysFor::Lead, PaysFor::Sale] {
            assert_eq!(PaysFor::from_word(value.as_str()), Some(value));
        }
        assert_eq!(Base::WORDS.map(Base::from_word), [Some(Base::Commission), Some(Base::Sale)]);
        assert_eq!(Base::from_word("Sale"), None);
        assert_eq!(AppliesTo::from_word("signups", vec![]), None);
        assert_eq!(Approval::from_word("Manual", 0), None);
        assert_eq!(PaysFor::from_word(""), None);
    }

    #[test]
    fn a_limit_has_a_number() {
        assert_eq!(Length::from_word("customer_lifetime", None), Some(Length::CustomerLifetime));
        assert_eq!(Length::from_word("time_limited", Some(12)), Some(Length::Months(12)));
        assert_eq!(Length::from_word("payment_limited", Some(3)), Some(Length::Payments(3)));
        assert_eq!(Length::from_word("time_limited", None), None);
        assert_eq!(Length::from_word("for ever", None), None);
    }
}
