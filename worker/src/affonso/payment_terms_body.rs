//! The body of a change of payment terms, and what it makes of the incentive by which most sales of the default group earn.
//!
//! The dialect calls lengths otherwise here: `forever`, `once` (one payment), `first_month`, `custom` (so many months).
//! `commission_duration_unit` is an addition: `custom` may also be so many payments. Nothing here keeps state.

use attribution::email::EmailAddress;
use attribution::incentive::{AppliesTo, Approval, Length, PaysFor, Reward};
use attribution::money::Currency;
use attribution::terms::Terms;
use serde::Deserialize;
use serde_json::Number;

use super::incentive_body::{MAX_LENGTH, known_word};
use crate::http::Incoming;
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::store::program_settings::payment_terms::{Change, InvoiceChange};

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

/// The longest life of a cookie.
const MAX_COOKIE_DAYS: u32 = 365;

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
    #[serde(default, deserialize_with = "input::clearable")]
    invoice_company_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    invoice_address: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    invoice_city: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    invoice_state: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    invoice_postal_code: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    invoice_country: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    invoice_vat_id: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    owner_first_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    owner_last_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "input::clearable")]
    owner_email: Option<Option<String>>,
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
            kind: known_word("commission_type", body.commission_type.take(), &TYPES, &mut fields),
            rate: body.commission_rate.take(),
            duration: known_word("commission_duration", body.commission_duration.take(), &DURATIONS, &mut fields),
            duration_value: body
                .commission_duration_value
                .and_then(|value| fields.whole("commission_duration_value", value, 1..=MAX_LENGTH)),
            duration_unit: known_word(
                "commission_duration_unit",
                body.commission_duration_unit.take(),
                &UNITS,
                &mut fields,
            ),
        };
        let change = Change {
            payment_threshold_minor: body
                .payment_threshold
                .as_ref()
                .and_then(|amount| fields.amount_or_nothing("payment_threshold", amount, currency)),
            payment_frequency: known_word(
                "payment_frequency",
                body.payment_frequency.take(),
                &FREQUENCIES,
                &mut fields,
            ),
            cookie_window_days: body
                .cookie_lifetime
                .and_then(|days| fields.whole("cookie_lifetime", days, 1..=MAX_COOKIE_DAYS)),
            auto_payout: body.auto_payout,
            invoice: invoice(&mut body, &mut fields),
        };
        fields.finish(Some(Self { change, commission }))
    }
}

fn invoice(body: &mut Body, fields: &mut Fields) -> Option<InvoiceChange> {
    let mut text = |field: &str, value: Option<Option<String>>| fields.clearable_text(field, value, MAX_TEXT);
    let change = InvoiceChange {
        invoice_required: body.invoice_required,
        invoice_company_name: text("invoice_company_name", body.invoice_company_name.take()),
        invoice_address: text("invoice_address", body.invoice_address.take()),
        invoice_city: text("invoice_city", body.invoice_city.take()),
        invoice_state: text("invoice_state", body.invoice_state.take()),
        invoice_postal_code: text("invoice_postal_code", body.invoice_postal_code.take()),
        invoice_country: text("invoice_country", body.invoice_country.take()),
        invoice_vat_id: text("invoice_vat_id", body.invoice_vat_id.take()),
        owner_first_name: text("owner_first_name", body.owner_first_name.take()),
        owner_last_name: text("owner_last_name", body.owner_last_name.take()),
        owner_email: text("owner_email", body.owner_email.take()),
    };
    if change.owner_email.iter().flatten().any(|email| EmailAddress::parse(email).is_none()) {
        fields.refuse("owner_email", "must be an e-mail address");
    }
    (change != InvoiceChange::default()).then_some(change)
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
mod tests {
    use attribution::money::Rate;
    use serde_json::{Value, json};

    use super::*;

    fn usd() -> Currency {
        Currency::from_code("USD").unwrap()
    }

    fn read(body: Value, current: Option<&Terms>) -> Result<Terms, String> {
        let sent = Sent::of(serde_json::from_value(body).unwrap(), usd());
        let terms = sent.and_then(|sent| sent.commission.terms(current, usd()));
        terms.map_err(|problem| problem.message())
    }

    fn earning(length: Length) -> Terms {
        let reward = Reward::Percentage(Rate::from_parts_per_million(300_000).unwrap());
        Terms { length, reward, ..read(json!({ "commission_rate": 30 }), None).unwrap() }
    }

    #[test]
    fn every_length_has_its_word_and_every_word_its_length() {
        let cases = [
            (Length::CustomerLifetime, "forever", None),
            (Length::Payments(1), "once", Some("payments")),
            (Length::Months(1), "first_month", Some("months")),
            (Length::Months(12), "custom", Some("months")),
            (Length::Payments(3), "custom", Some("payments")),
        ];
        for (length, word, counted_in) in cases {
            assert_eq!((duration(length), unit(length)), (word, counted_in), "{length:?}");
            let value = if word == "custom" { json!(length.value()) } else { Value::Null };
            let shown = json!({ "commission_duration": word, "commission_duration_value": value, "commission_duration_unit": counted_in });
            for before in [Length::CustomerLifetime, Length::Months(12), Length::Payments(3)] {
                assert_eq!(read(shown.clone(), Some(&earning(before))).unwrap().length, length, "{before:?}");
            }
        }
    }

    #[test]
    fn what_is_left_out_stays() {
        let current = earning(Length::Payments(3));
        assert_eq!(read(json!({ "commission_rate": 12.5 }), Some(&current)).unwrap().length, Length::Payments(3));
        let value = json!({ "commission_duration_value": 6 });
        assert_eq!(read(value, Some(&current)).unwrap().length, Length::Payments(6));
        let word = json!({ "commission_duration": "once" });
        assert_eq!(read(word, Some(&current)).unwrap(), Terms { length: Length::Payments(1), ..current });
    }

    #[test]
    fn custom_is_months_unless_it_says_payments() {
        let body = json!({ "commission_duration": "custom", "commission_duration_value": 6 });
        assert_eq!(read(body, Some(&earning(Length::Payments(1)))).unwrap().length, Length::Months(6));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let current = earning(Length::CustomerLifetime);
        let cases = [
            (json!({ "commission_type": "fixed" }), "commission_rate: is required where commission_type changes"),
            (json!({ "commission_duration": "custom" }), "commission_duration_value: is required"),
            (
                json!({ "commission_duration_value": 6 }),
                "commission_duration_value: is only for commission_duration custom",
            ),
            (
                json!({ "commission_duration": "once", "commission_duration_unit": "months" }),
                "commission_duration_unit: is only for commission_duration custom",
            ),
            (json!({ "commission_rate": 101 }), "commission_rate: must be a percentage: more than 0 and at most 100"),
        ];
        for (sent, message) in cases {
            assert_eq!(read(sent.clone(), Some(&current)).unwrap_err(), message, "{sent}");
        }
        let payments = json!({ "commission_duration_unit": "payments" });
        let message = read(payments, Some(&earning(Length::Months(12)))).unwrap_err();
        assert_eq!(message, "commission_duration_value: is required");
        let first = read(json!({ "commission_duration": "once" }), None).unwrap_err();
        assert_eq!(first, "commission_rate: is required");
    }
}
