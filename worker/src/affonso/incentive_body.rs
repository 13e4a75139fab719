//! The body of an incentive, as `/v1` sends it, and the terms that come of it.
//!
//! The dialect publishes the fields (reference, `GroupIncentive`); `cap` is an addition. What a body leaves out stays as it
//! was, or has a default where there was nothing. Nothing here keeps state.

use attribution::incentive::{AppliesTo, Approval, Length, PaysFor, Reward};
use attribution::money::Currency;
use attribution::terms::Terms;
use serde::Deserialize;
use serde_json::{Number, Value};

use crate::input::{self, BodyProblem, Fields, MAX_TEXT};

/// What `apply_to` may say, most specific first.
const APPLY_TO: [&str; 6] =
    [SPECIFIC_PRODUCTS, "yearly_plans", "monthly_plans", "one_time_products", ALL_PLANS, SIGNUPS];

const SPECIFIC_PRODUCTS: &str = "specific_products";
const ALL_PLANS: &str = "all_plans";

/// What the dialect calls a lead incentive's `apply_to`.
pub(super) const SIGNUPS: &str = "signups";

/// The only `type` that there is.
pub(super) const COMMISSION: &str = "commission";

/// The longest hold, in days.
const MAX_HOLD_DAYS: u32 = 365;

/// The longest length, in months or payments.
pub(super) const MAX_LENGTH: u32 = 1200;

/// What is sent of an incentive.
#[derive(Deserialize)]
pub(super) struct Body {
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    amount: Option<Number>,
    is_percentage: Option<bool>,
    apply_to: Option<String>,
    product_ids: Option<Vec<String>>,
    approval_type: Option<String>,
    hold_period_days: Option<i64>,
    incentive_length: Option<String>,
    length_value: Option<i64>,
    #[serde(default, deserialize_with = "input::clearable")]
    cap: Option<Option<Number>>,
    variable_commission: Option<bool>,
    variable_config: Option<Value>,
}

impl Body {
    /// Whether nothing is sent that is known.
    pub(super) fn is_empty(&self) -> bool {
        let Self { name, kind, apply_to, approval_type, incentive_length, .. } = self;
        [name, kind, apply_to, approval_type, incentive_length].into_iter().all(Option::is_none)
            && [self.hold_period_days, self.length_value].iter().all(Option::is_none)
            && [self.is_percentage, self.variable_commission].iter().all(Option::is_none)
            && self.amount.is_none()
            && self.product_ids.is_none()
            && self.cap.is_none()
            && self.variable_config.is_none()
    }

    /// The terms that this body makes of `current`, or of nothing; else all that is wrong with it.
    pub(super) fn terms(&self, current: Option<&Terms>, currency: Currency) -> Result<Terms, BodyProblem> {
        let mut fields = Fields::default();
        self.refuse_unsupported(&mut fields);
        let name = match (&self.name, current) {
            (None, Some(current)) => Some(current.name.clone()),
            (name, _) => fields.required("name", name.clone(), MAX_TEXT),
        };
        let applies = self.applies(current, &mut fields);
        let reward = self.reward(current, currency, &mut fields);
        if let Some(((PaysFor::Lead, _), reward)) = applies.as_ref().zip(reward) {
            check_lead(reward, &mut fields);
        }
        let approval = self.approval(current, &mut fields);
        let length = self.length(current, &mut fields);
        let cap_minor = self.cap_minor(current, currency, &mut fields);
        let terms = (|| {
            let (pays_for, applies_to) = applies?;
            Some(Terms {
                name: name?,
                pays_for,
                reward: reward?,
                applies_to,
                approval: approval?,
                length: length?,
                cap_minor,
            })
        })();
        fields.finish(terms)
    }

    fn refuse_unsupported(&self, fields: &mut Fields) {
        if self.kind.as_ref().is_some_and(|kind| !kind.eq_ignore_ascii_case(COMMISSION)) {
            fields.refuse("type", "is not supported: only commission is");
        }
        if self.variable_commission == Some(true) {
            fields.refuse("variable_commission", "is not supported: must be false");
        }
        if self.variable_config.is_some() {
            fields.refuse("variable_config", "is not supported: must be null");
        }
    }

    fn applies(&self, current: Option<&Terms>, fields: &mut Fields) -> Option<(PaysFor, AppliesTo)> {
        let word =
            known_word("apply_to", self.apply_to.as_ref(), &APPLY_TO, current.map_or(ALL_PLANS, apply_to), fields)?;
        let is_sent = self.product_ids.is_some();
        let product_ids = match current {
            Some(current) if !is_sent => current.applies_to.product_ids().to_vec(),
            _ => fields.texts("product_ids", self.product_ids.clone()),
        };
        if word == SPECIFIC_PRODUCTS && product_ids.is_empty() {
            fields.refuse("product_ids", "is required with apply_to specific_products");
            return None;
        }
        if word != SPECIFIC_PRODUCTS && is_sent && !product_ids.is_empty() {
            fields.refuse("product_ids", "is only for apply_to specific_products");
            return None;
        }
        if word == SIGNUPS {
            return Some((PaysFor::Lead, AppliesTo::AllPlans));
        }
        AppliesTo::from_word(word, product_ids).map(|applies_to| (PaysFor::Sale, applies_to))
    }

    fn reward(&self, current: Option<&Terms>, currency: Currency, fields: &mut Fields) -> Option<Reward> {
        let before = current.map(|current| current.reward);
        let was_percentage = before.map(|reward| matches!(reward, Reward::Percentage(_)));
        let Some(is_percentage) = self.is_percentage.or(was_percentage) else {
            fields.refuse("is_percentage", "is required");
            return None;
        };
        let Some(amount) = &self.amount else {
            if was_percentage == Some(is_percentage) {
                return before;
            }
            fields.refuse(
                "amount",
                if before.is_some() { "is required where is_percentage changes" } else { "is required" },
            );
            return None;
        };
        if is_percentage {
            fields.percentage("amount", amount).map(Reward::Percentage)
        } else {
            fields.amount_or_nothing("amount", amount, currency).map(Reward::Fixed)
        }
    }

    fn approval(&self, current: Option<&Terms>, fields: &mut Fields) -> Option<Approval> {
        let before = current.map_or(Approval::Automatic, |current| current.approval);
        let word = known_word("approval_type", self.approval_type.as_ref(), &Approval::WORDS, before.as_str(), fields)?;
        let is_hold = Approval::from_word(word, 0) == Some(Approval::HoldPeriod { days: 0 });
        if !is_hold {
            if self.hold_period_days.is_some_and(|days| days != 0) {
                fields.refuse("hold_period_days", "is only for approval_type hold_period");
            }
            return Approval::from_word(word, 0);
        }
        let days = match (self.hold_period_days, before.hold_days()) {
            (Some(days), _) => fields.whole("hold_period_days", days, 0..=MAX_HOLD_DAYS)?,
            (None, Some(days)) => days,
            (None, None) => {
                fields.refuse("hold_period_days", "is required with approval_type hold_period");
                return None;
            }
        };
        Approval::from_word(word, days)
    }

    fn cap_minor(&self, current: Option<&Terms>, currency: Currency, fields: &mut Fields) -> Option<i64> {
        match &self.cap {
            Some(Some(cap)) => fields.positive_amount("cap", Some(cap), currency).map(|cap| cap.minor),
            Some(None) => None,
            None => current.and_then(|current| current.cap_minor),
        }
    }

    fn length(&self, current: Option<&Terms>, fields: &mut Fields) -> Option<Length> {
        let before = current.map_or(Length::CustomerLifetime, |current| current.length);
        let word =
            known_word("incentive_length", self.incentive_length.as_ref(), &Length::WORDS, before.as_str(), fields)?;
        if word == Length::CustomerLifetime.as_str() {
            if self.length_value.is_some() {
                fields.refuse("length_value", "is only for an incentive_length that is limited");
            }
            return Some(Length::CustomerLifetime);
        }
        // Months do not become payments: a number belongs to the length that it was sent for.
        let kept = before.value().filter(|_| before.as_str() == word);
        let value = match self.length_value {
            Some(value) => fields.whole("length_value", value, 1..=MAX_LENGTH)?,
            None if kept.is_some() => kept?,
            None => {
                fields.refuse("length_value", format!("is required with incentive_length {word}"));
                return None;
            }
        };
        Length::from_word(word, Some(value))
    }
}

/// What `apply_to` says of these terms.
pub(super) fn apply_to(terms: &Terms) -> &'static str {
    match terms.pays_for {
        PaysFor::Lead => SIGNUPS,
        PaysFor::Sale => terms.applies_to.as_str(),
    }
}

/// A sign-up pays a fixed amount, and one of nothing would exclude nothing.
fn check_lead(reward: Reward, fields: &mut Fields) {
    match reward {
        Reward::Percentage(_) => fields.refuse("is_percentage", "must be false with apply_to signups"),
        Reward::Fixed(0) => fields.refuse("amount", "must be more than 0 with apply_to signups"),
        Reward::Fixed(_) => {}
    }
}

/// The word that is sent, in either case, or the one that stands; `None` for an unknown one.
fn known_word<'a>(
    field: &str,
    sent: Option<&String>,
    words: &[&'a str],
    otherwise: &'a str,
    fields: &mut Fields,
) -> Option<&'a str> {
    let Some(sent) = sent else { return Some(otherwise) };
    let lower = sent.to_ascii_lowercase();
    fields.word(field, Some(lower), words, |sent| words.iter().copied().find(|word| *word == sent))
}

#[cfg(test)]
mod tests;
