//! The body of an incentive, as `/v1` sends it, and the terms that come of it.
//!
//! The dialect publishes the fields (reference, `GroupIncentive`); `cap` is an addition. What a body leaves out stays as it
//! was, or has a default where there was nothing. Nothing here keeps state.

use attribution::edits::Edit;
use attribution::incentive::{AppliesTo, Approval, Length, PaysFor, Reward};
use attribution::limits::MAX_HOLD_DAYS;
use attribution::limits::MAX_LENGTH;
use attribution::money::Currency;
use attribution::terms::Terms;
use serde::Deserialize;
use serde_json::{Number, Value};

use crate::http::Incoming;
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

/// A body, before its words are looked up.
#[derive(Deserialize)]
struct Body {
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
    #[serde(default)]
    cap: Edit<Number>,
    variable_commission: Option<bool>,
    variable_config: Option<Value>,
}

/// What is sent of an incentive: each field good by itself, absent where it is not sent.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sent {
    name: Option<String>,
    amount: Option<Number>,
    is_percentage: Option<bool>,
    apply_to: Option<&'static str>,
    product_ids: Option<Vec<String>>,
    approval_type: Option<&'static str>,
    hold_days: Option<u32>,
    length: Option<&'static str>,
    length_value: Option<u32>,
    cap: Edit<Number>,
}

impl Sent {
    /// Reads a body: what is wrong with a field by itself is told here.
    pub(super) fn read(incoming: &Incoming) -> Result<Self, BodyProblem> {
        Self::of(input::read::<Body>(incoming)?)
    }

    fn of(body: Body) -> Result<Self, BodyProblem> {
        let mut fields = Fields::default();
        refuse_unsupported(&body, &mut fields);
        let whole = |fields: &mut Fields, name: &str, value: Option<i64>, bounds| {
            value.and_then(|value| fields.whole(name, value, bounds))
        };
        let sent = Self {
            name: fields.filled_text("name", body.name, MAX_TEXT),
            amount: body.amount,
            is_percentage: body.is_percentage,
            apply_to: fields.known_word("apply_to", body.apply_to, &APPLY_TO),
            product_ids: body.product_ids.map(|ids| fields.texts("product_ids", Some(ids))),
            approval_type: fields.known_word("approval_type", body.approval_type, &Approval::WORDS),
            hold_days: whole(&mut fields, "hold_period_days", body.hold_period_days, 0..=MAX_HOLD_DAYS),
            length: fields.known_word("incentive_length", body.incentive_length, &Length::WORDS),
            length_value: whole(&mut fields, "length_value", body.length_value, 1..=MAX_LENGTH),
            cap: body.cap,
        };
        fields.finish(Some(sent))
    }

    /// Whether nothing is sent that is known.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The terms that come of `current`, or of nothing; else all that is wrong with them.
    pub(super) fn terms(&self, current: Option<&Terms>, currency: Currency) -> Result<Terms, BodyProblem> {
        let mut fields = Fields::default();
        let name = self.name.clone().or_else(|| current.map(|current| current.name.clone()));
        let name = fields.required("name", name, MAX_TEXT);
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

    fn applies(&self, current: Option<&Terms>, fields: &mut Fields) -> Option<(PaysFor, AppliesTo)> {
        let word = self.apply_to.unwrap_or(current.map_or(ALL_PLANS, apply_to));
        let before = || current.map(|current| current.applies_to.product_ids().to_vec());
        let product_ids = self.product_ids.clone().or_else(before).unwrap_or_default();
        if word == SPECIFIC_PRODUCTS && product_ids.is_empty() {
            fields.refuse("product_ids", "is required with apply_to specific_products");
            return None;
        }
        if word != SPECIFIC_PRODUCTS && self.product_ids.as_ref().is_some_and(|ids| !ids.is_empty()) {
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
            if self.amount.is_none() {
                fields.refuse("amount", "is required");
            }
            fields.refuse("is_percentage", "is required");
            return None;
        };
        match &self.amount {
            Some(amount) if is_percentage => fields.percentage("amount", amount).map(Reward::Percentage),
            Some(amount) => fields.amount_or_nothing("amount", amount, currency).map(Reward::Fixed),
            None if was_percentage == Some(is_percentage) => before,
            None => {
                let when = if before.is_some() { " where is_percentage changes" } else { "" };
                fields.refuse("amount", format!("is required{when}"));
                None
            }
        }
    }

    fn approval(&self, current: Option<&Terms>, fields: &mut Fields) -> Option<Approval> {
        let before = current.map_or(Approval::Automatic, |current| current.approval);
        let word = self.approval_type.unwrap_or(before.as_str());
        let days = self.hold_days.or(before.hold_days());
        match Approval::from_word(word, days.unwrap_or(0))? {
            Approval::HoldPeriod { .. } if days.is_none() => {
                fields.refuse("hold_period_days", "is required with approval_type hold_period");
                None
            }
            Approval::Automatic | Approval::Manual if self.hold_days.is_some_and(|days| days > 0) => {
                fields.refuse("hold_period_days", "is only for approval_type hold_period");
                None
            }
            approval => Some(approval),
        }
    }

    fn length(&self, current: Option<&Terms>, fields: &mut Fields) -> Option<Length> {
        let before = current.map_or(Length::CustomerLifetime, |current| current.length);
        let word = self.length.unwrap_or(before.as_str());
        // Months do not become payments: a number belongs to the length that it was sent for.
        let value = self.length_value.or(before.value().filter(|_| before.as_str() == word));
        let length = Length::from_word(word, value);
        if length.is_none() {
            fields.refuse("length_value", format!("is required with incentive_length {word}"));
        }
        if length == Some(Length::CustomerLifetime) && self.length_value.is_some() {
            fields.refuse("length_value", "is only for an incentive_length that is limited");
        }
        length
    }

    fn cap_minor(&self, current: Option<&Terms>, currency: Currency, fields: &mut Fields) -> Option<i64> {
        match &self.cap {
            Edit::Set(cap) => fields.positive_amount("cap", Some(cap), currency).map(|cap| cap.minor),
            Edit::Clear => None,
            Edit::Keep => current.and_then(|current| current.cap_minor),
        }
    }
}

fn refuse_unsupported(body: &Body, fields: &mut Fields) {
    if body.kind.as_ref().is_some_and(|kind| !kind.eq_ignore_ascii_case(COMMISSION)) {
        fields.refuse("type", "is not supported: only commission is");
    }
    if body.variable_commission == Some(true) {
        fields.refuse("variable_commission", "is not supported: must be false");
    }
    if body.variable_config.is_some() {
        fields.refuse("variable_config", "is not supported: must be null");
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

#[cfg(test)]
mod tests;
