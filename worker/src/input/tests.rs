//! What bodies and fields may be, and what is said of those that may not.

use super::*;

#[test]
fn an_empty_text_is_absent_and_a_long_one_is_refused() {
    let mut fields = Fields::default();
    assert_eq!(fields.text("name", Some("  ".into()), 5), None);
    assert_eq!(fields.text("name", Some(" Ann ".into()), 5), Some("Ann".into()));
    assert_eq!(fields.text("name", Some("too long".into()), 5), None);
    let problem = fields.finish(Some(())).unwrap_err();
    assert_eq!(problem.message(), "name: is longer than 5 characters");
}

#[test]
fn a_text_is_measured_as_it_was_sent() {
    let mut fields = Fields::default();
    assert_eq!(fields.text("name", Some("  Ann ".into()), 5), None);
    assert!(!fields.is_clean());
}

#[test]
fn everything_that_is_wrong_is_listed() {
    let mut fields = Fields::default();
    fields.required("click_id", None, MAX_TEXT);
    fields.moment("created_at", Some("yesterday".into()));
    let BodyProblem::Fields(problems) = fields.finish(Some(())).unwrap_err() else { panic!("no fields") };
    assert_eq!(problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(), ["click_id", "created_at"]);
}

#[test]
fn depth_is_counted_from_the_body_itself() {
    let nested = |levels: usize| (0..levels).fold(Value::Null, |inner, _| serde_json::json!([inner]));
    assert!(!is_deeper_than(nested(32).to_string().as_bytes(), 32));
    assert!(is_deeper_than(nested(33).to_string().as_bytes(), 32));
    let brackets_in_a_text = br#"{"text": "[[[[[[\"[[[[", "list": [1]}"#;
    assert!(!is_deeper_than(brackets_in_a_text, 2));
}

#[test]
fn an_id_of_a_shard_that_does_not_exist_is_none() {
    assert!(referral_id("ref_0030000000000000000000000", 4).is_some());
    assert!(referral_id("ref_0040000000000000000000000", 4).is_none());
    assert!(referral_id("cust_42_1234567890", 4).is_none());
}
