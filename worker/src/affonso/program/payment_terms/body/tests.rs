//! What bodies of payment terms make of an incentive.

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
