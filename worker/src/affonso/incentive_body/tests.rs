//! What bodies of incentives come to.

use attribution::money::Rate;
use serde_json::json;

use super::*;

fn usd() -> Currency {
    Currency::from_code("USD").unwrap()
}

fn read(body: Value, current: Option<&Terms>) -> Result<Terms, String> {
    let body: Body = serde_json::from_value(body).unwrap();
    let terms = Sent::of(body).and_then(|sent| sent.terms(current, usd()));
    terms.map_err(|problem| problem.message())
}

fn thirty_percent() -> Terms {
    read(json!({ "name": "Partners", "amount": 30, "is_percentage": true }), None).unwrap()
}

#[test]
fn what_is_left_out_of_a_new_one_has_a_default() {
    let terms = Terms {
        name: "Partners".to_owned(),
        pays_for: PaysFor::Sale,
        reward: Reward::Percentage(Rate::from_parts_per_million(300_000).unwrap()),
        applies_to: AppliesTo::AllPlans,
        approval: Approval::Automatic,
        length: Length::CustomerLifetime,
        cap_minor: None,
    };
    assert_eq!(thirty_percent(), terms);
}

#[test]
fn what_is_left_out_of_a_change_stays() {
    let sent = json!({
        "name": "Books", "amount": 12.5, "is_percentage": false, "apply_to": "SPECIFIC_PRODUCTS",
        "product_ids": ["p1"], "approval_type": "HOLD_PERIOD", "hold_period_days": 30,
        "incentive_length": "TIME_LIMITED", "length_value": 12, "cap": 100,
    });
    let books = read(sent, None).unwrap();
    assert_eq!(books.reward, Reward::Fixed(1250));
    assert_eq!(books.approval, Approval::HoldPeriod { days: 30 });
    assert_eq!(books.length, Length::Months(12));
    assert_eq!(books.cap_minor, Some(10_000));
    assert_eq!(read(json!({}), Some(&books)).unwrap(), books);
    let uncapped = read(json!({ "cap": null }), Some(&books)).unwrap();
    assert_eq!(uncapped, Terms { cap_minor: None, ..books.clone() });
    let everything = read(json!({ "apply_to": "all_plans", "approval_type": "manual" }), Some(&books)).unwrap();
    assert_eq!((everything.applies_to, everything.approval), (AppliesTo::AllPlans, Approval::Manual));
}

#[test]
fn only_a_fixed_amount_may_be_nothing() {
    let fixed = json!({ "name": "Excluded", "amount": 0, "is_percentage": false });
    assert_eq!(read(fixed, None).unwrap().reward, Reward::Fixed(0));
    let share = json!({ "name": "Nothing", "amount": 0, "is_percentage": true });
    assert_eq!(read(share, None).unwrap_err(), "amount: must be a percentage: more than 0 and at most 100");
}

#[test]
fn a_sign_up_pays_a_fixed_amount() {
    let sent = |amount: i64, is_percentage: bool| json!({ "name": "Leads", "amount": amount, "is_percentage": is_percentage, "apply_to": "signups" });
    let terms = read(sent(5, false), None).unwrap();
    assert_eq!((terms.pays_for, apply_to(&terms)), (PaysFor::Lead, "signups"));
    assert_eq!(read(sent(5, true), None).unwrap_err(), "is_percentage: must be false with apply_to signups");
    assert_eq!(read(sent(0, false), None).unwrap_err(), "amount: must be more than 0 with apply_to signups");
    let change = read(json!({ "apply_to": "signups" }), Some(&thirty_percent()));
    assert_eq!(change.unwrap_err(), "is_percentage: must be false with apply_to signups");
}

#[test]
fn what_a_word_needs_is_required_and_what_it_does_not_is_refused() {
    let current = thirty_percent();
    let cases = [
        (json!({ "is_percentage": false }), "amount: is required where is_percentage changes"),
        (json!({ "apply_to": "specific_products" }), "product_ids: is required with apply_to specific_products"),
        (json!({ "product_ids": ["p1"] }), "product_ids: is only for apply_to specific_products"),
        (json!({ "approval_type": "hold_period" }), "hold_period_days: is required with approval_type hold_period"),
        (json!({ "hold_period_days": 30 }), "hold_period_days: is only for approval_type hold_period"),
        (json!({ "incentive_length": "time_limited" }), "length_value: is required with incentive_length time_limited"),
        (json!({ "length_value": 3 }), "length_value: is only for an incentive_length that is limited"),
        (json!({ "cap": 0 }), "cap: must be a positive number"),
        (json!({ "type": "credits" }), "type: is not supported: only commission is"),
        (json!({ "variable_commission": true }), "variable_commission: is not supported: must be false"),
    ];
    for (sent, message) in cases {
        assert_eq!(read(sent.clone(), Some(&current)).unwrap_err(), message, "{sent}");
    }
}

#[test]
fn a_number_of_months_is_no_number_of_payments() {
    let months = read(json!({ "incentive_length": "time_limited", "length_value": 12 }), Some(&thirty_percent()));
    let change = read(json!({ "incentive_length": "payment_limited" }), Some(&months.unwrap()));
    assert_eq!(change.unwrap_err(), "length_value: is required with incentive_length payment_limited");
}

#[test]
fn what_is_wrong_with_a_field_by_itself_is_told_at_once() {
    let sent = json!({
        "name": " ", "apply_to": "everything", "approval_type": "never", "hold_period_days": 366,
        "incentive_length": "for ever", "length_value": 0, "type": "credits",
    });
    let problem = Sent::of(serde_json::from_value(sent).unwrap()).unwrap_err();
    let BodyProblem::Fields(problems) = problem else { panic!("no fields") };
    let fields: Vec<&str> = problems.iter().map(|problem| problem.field.as_str()).collect();
    let expected =
        ["type", "name", "apply_to", "approval_type", "hold_period_days", "incentive_length", "length_value"];
    assert_eq!(fields, expected);
}
