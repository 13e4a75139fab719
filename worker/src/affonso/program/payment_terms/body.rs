//! The body of a change of payment terms, and what it makes of the incentive by which most sales of the default group earn.
//!
//! The dialect calls lengths otherwise here: `forever`, `once` (one payment), `first_month`, `custom` (so many months).
//! `commission_duration_unit` is an addition: `custom` may also be so many payments. Nothing here keeps state.

use attribution::limits::MAX_LENGTH;
use attribution::limits::MAX_WINDOW_DAYS;
use std::mem::take;

use attribution::edits::Edit;
use attribution::email::EmailAddress;
use attribution::incentive::{AppliesTo, Approval, Length, PaysFor, Reward};
use attribution::money::Currency;
use attribution::terms::Terms;
use serde::Deserialize;
use serde_json::Number;

use crate::http::Incoming;
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::store::program_settings::payment_terms::{BillingChange, Change};

/// How often affiliates are paid.
const FREQUENCIES: [&str; 3] = ["monthly", "biweekly", "weekly"];

/// What a commission may be.
const TYPES: [&str; 2] = ["percentage", "fixed"];

/// How long it may be earned.
const DURATIONS: [&str; 4] = ["forever", "once", "first_month", CUSTOM];

const CUSTOM: &str = "custom";

/// What a custom duration may be counted in.
const UNITS: [&str; 2] = [MONTHS, PAYMENTS];

const MONTHS: &str = "months";
const PAYMENTS: &str = "payments";

#[derive(Deserialize)]
struct Body {
    commission_type: Option<String>,
    commission_rate: Option<Number>,
    commission_duration: Option<String>,
    commission_duration_value: Option<i64>,
    commission_duration_unit: Option<String>,
    payment_threshold: Option<Number>,
    payment_frequency: Option<String>,
    cookie_lifetime: Option<i64>,
    auto_payout: Option<bool>,
    invoice_required: Option<bool>,
    #[serde(default)]
    invoice_company_name: Edit<String>,
    #[serde(default)]
    invoice_address: Edit<String>,
    #[serde(default)]
    invoice_city: Edit<String>,
    #[serde(default)]
    invoice_state: Edit<String>,
    #[serde(default)]
    invoice_postal_code: Edit<String>,
    #[serde(default)]
    invoice_country: Edit<String>,
    #[serde(default)]
    invoice_vat_id: Edit<String>,
    #[serde(default)]
    owner_first_name: Edit<String>,
    #[serde(default)]
    owner_last_name: Edit<String>,
    #[serde(default)]
    owner_email: Edit<String>,
}

/// What is sent: columns of the program, and what concerns the incentive.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Sent {
    /// Columns of the program.
    pub change: Change,
    /// The incentive.
    pub commission: Commission,
}

/// What is sent of the incentive: each field good by itself, absent where it is not sent.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Commission {
    kind: Option<&'static str>,
    rate: Option<Number>,
    duration: Option<&'static str>,
    duration_value: Option<u32>,
    duration_unit: Option<&'static str>,
}

impl Sent {
    /// Reads a body: what is wrong with a field by itself is told here.
    pub(super) fn read(incoming: &Incoming, currency: Currency) -> Result<Self, BodyProblem> {
        Self::of(input::read::<Body>(incoming)?, currency)
    }

    fn of(mut body: Body, currency: Currency) -> Result<Self, BodyProblem> {
        let mut fields = Fields::default();
        let commission = Commission {
            kind: fields.known_word("commission_type", body.commission_type.take(), &TYPES),
            rate: body.commission_rate.take(),
            duration: fields.known_word("commission_duration", body.commission_duration.take(), &DURATIONS),
            duration_value: body
                .commission_duration_value
                .and_then(|value| fields.whole("commission_duration_value", value, 1..=MAX_LENGTH)),
            duration_unit: fields.known_word("commission_duration_unit", body.commission_duration_unit.take(), &UNITS),
        };
        let change = Change {
            payment_threshold_minor: body
                .payment_threshold
                .as_ref()
                .and_then(|amount| fields.amount_or_nothing("payment_threshold", amount, currency)),
            payment_frequency: fields.known_word("payment_frequency", body.payment_frequency.take(), &FREQUENCIES),
            cookie_window_days: body
                .cookie_lifetime
                .and_then(|days| fields.whole("cookie_lifetime", days, 1..=MAX_WINDOW_DAYS)),
            auto_payout: body.auto_payout,
            invoice: invoice(&mut body, &mut fields),
        };
        fields.finish(Some(Self { change, commission }))
    }
}

fn invoice(body: &mut Body, fields: &mut Fields) -> Option<BillingChange> {
    let mut text = |field: &str, value: Edit<String>| fields.clearable_text(field, value, MAX_TEXT);
    let change = BillingChange {
        invoice_required: body.invoice_required,
        invoice_company_name: text("invoice_company_name", take(&mut body.invoice_company_name)),
        invoice_address: text("invoice_address", take(&mut body.invoice_address)),
        invoice_city: text("invoice_city", take(&mut body.invoice_city)),
        invoice_state: text("invoice_state", take(&mut body.invoice_state)),
        invoice_postal_code: text("invoice_postal_code", take(&mut body.invoice_postal_code)),
        invoice_country: text("invoice_country", take(&mut body.invoice_country)),
        invoice_vat_id: text("invoice_vat_id", take(&mut body.invoice_vat_id)),
        owner_first_name: text("owner_first_name", take(&mut body.owner_first_name)),
        owner_last_name: text("owner_last_name", take(&mut body.owner_last_name)),
        owner_email: text("owner_email", take(&mut body.owner_email)),
    };
    if change.owner_email.as_set().is_some_and(|email| EmailAddress::parse(email).is_none()) {
        fields.refuse("owner_email", "must be an e-mail address");
    }
    (change != BillingChange::default()).then_some(change)
}

impl Commission {
    /// The terms that come of `current`, or of nothing; else all that is wrong with them.
    pub(super) fn terms(&self, current: Option<&Terms>, currency: Currency) -> Result<Terms, BodyProblem> {
        let mut fields = Fields::default();
        let reward = self.reward(current, currency, &mut fields);
        let length = self.length(current.map_or(Length::CustomerLifetime, |current| current.length), &mut fields);
        let terms = reward.zip(length).map(|(reward, length)| match current {
            Some(current) => Terms { reward, length, ..current.clone() },
            None => Terms {
                name: "Default".to_owned(),
                pays_for: PaysFor::Sale,
                reward,
                applies_to: AppliesTo::AllPlans,
                approval: Approval::Automatic,
                length,
                cap_minor: None,
            },
        });
        fields.finish(terms)
    }

    fn reward(&self, current: Option<&Terms>, currency: Currency, fields: &mut Fields) -> Option<Reward> {
        let before = current.map(|current| current.reward);
        let kind = self.kind.or(before.map(Reward::kind)).unwrap_or("percentage");
        match &self.rate {
            Some(rate) if kind == "percentage" => fields.percentage("commission_rate", rate).map(Reward::Percentage),
            Some(amount) => fields.amount_or_nothing("commission_rate", amount, currency).map(Reward::Fixed),
            None if before.map(Reward::kind) == Some(kind) => before,
            None => {
                let when = if before.is_some() { " where commission_type changes" } else { "" };
                fields.refuse("commission_rate", format!("is required{when}"));
                None
            }
        }
    }

    fn length(&self, before: Length, fields: &mut Fields) -> Option<Length> {
        let word = self.duration.unwrap_or(duration(before));
        let length = match word {
            "forever" => Length::CustomerLifetime,
            "once" => Length::Payments(1),
            "first_month" => Length::Months(1),
            _ => self.custom_length(before, fields)?,
        };
        if word != CUSTOM && self.duration_value.is_some() {
            fields.refuse("commission_duration_value", "is only for commission_duration custom");
        }
        if self.duration_unit.is_some() && self.duration_unit != unit(length) {
            fields.refuse("commission_duration_unit", "is only for commission_duration custom");
        }
        Some(length)
    }

    fn custom_length(&self, before: Length, fields: &mut Fields) -> Option<Length> {
        let before = Some(before).filter(|length| duration(*length) == CUSTOM);
        let counted_in = self.duration_unit.or(before.and_then(unit)).unwrap_or(MONTHS);
        // A number of months is no number of payments.
        let kept = before.filter(|length| unit(*length) == Some(counted_in)).and_then(Length::value);
        let Some(value) = self.duration_value.or(kept) else { return fields.missing("commission_duration_value") };
        Some(if counted_in == PAYMENTS { Length::Payments(value) } else { Length::Months(value) })
    }
}

/// What the dialect calls a length.
pub(super) fn duration(length: Length) -> &'static str {
    match length {
        Length::CustomerLifetime => "forever",
        Length::Payments(1) => "once",
        Length::Months(1) => "first_month",
        Length::Months(_) | Length::Payments(_) => CUSTOM,
    }
}

/// What a length is counted in.
pub(super) fn unit(length: Length) -> Option<&'static str> {
    match length {
        Length::CustomerLifetime => None,
        Length::Months(_) => Some(MONTHS),
        Length::Payments(_) => Some(PAYMENTS),
    }
}

#[cfg(test)]
mod tests;
