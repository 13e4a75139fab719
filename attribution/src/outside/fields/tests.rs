//! What fields may be, and what is said of those that may not.

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
fn an_id_of_a_shard_that_does_not_exist_is_none() {
    assert!(referral_id("ref_0030000000000000000000000", 4).is_some());
    assert!(referral_id("ref_0040000000000000000000000", 4).is_none());
    assert!(referral_id("cust_42_1234567890", 4).is_none());
}

#[test]
fn an_entry_of_a_list_is_named_by_its_place() {
    let mut fields = Fields::default();
    fields.texts("products", Some(vec!["a".into(), "x".repeat(256)]));
    fields.texts("prices", Some(vec!["a".into(); 101]));
    let message = fields.finish(Some(())).unwrap_err().message();
    assert_eq!(message, "products[1]: is longer than 255 characters; prices: has more than 100 entries");
}

#[test]
fn what_is_kept_as_it_was_sent_has_a_size() {
    let kept = |length: usize| {
        let mut fields = Fields::default();
        let value = serde_json::Map::from_iter([("a".to_owned(), "x".repeat(length).into())]);
        fields.kept("metadata", Some(value));
        fields.finish(Some(())).err().map(|problem| problem.message())
    };
    // {"a":""} is 8 bytes.
    assert_eq!(kept(16_384 - 8), None);
    assert_eq!(kept(16_384 - 7).as_deref(), Some("metadata: is larger than 16384 bytes"));
}
