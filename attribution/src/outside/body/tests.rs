//! What a body may be, and what is said of one that may not.

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

fn refused(body: impl AsRef<[u8]>) -> String {
    object(body.as_ref()).unwrap_err().message()
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn what_cannot_be_read_says_where_it_ends_and_names_no_field() {
    for (body, message) in [
        ("", "the body is empty: it must be a JSON object"),
        (" \n", "the body is empty: it must be a JSON object"),
        ("[]", "the body must be a JSON object"),
        ("\"{}\"", "the body must be a JSON object"),
        ("1e400", "the body must be a JSON object"),
        ("null", "the body must be a JSON object"),
        ("\u{feff}{}", "the body begins with a byte-order mark: send UTF-8 without one"),
        ("{", "the body is not valid JSON (line 1, column 1)"),
        ("{\"a\":\n1,}", "the body is not valid JSON (line 2, column 3)"),
        ("{\"a\":\"b", "the body is not valid JSON (line 1, column 7)"),
        ("{}{}", "the body is not valid JSON (line 1, column 3)"),
        ("{\"a\":NaN}", "the body is not valid JSON (line 1, column 6)"),
    ] {
        assert_eq!(object(body.as_bytes()), Err(BodyProblem::Malformed(message.to_owned())), "{body:?}");
    }
    assert_eq!(refused(b"{\"\xff\":1}"), "the body is not UTF-8 (byte 3)");
}

#[test]
fn what_is_refused_anywhere_names_its_place() {
    for (body, message) in [
        (r#"{"a":1,"a":1}"#.to_owned(), "a: is there twice"),
        (r#"{"a":1,"\u0061":1}"#.to_owned(), "a: is there twice"),
        (r#"{"metadata":{"a":[{},{"b":1,"b":2}]}}"#.to_owned(), "metadata.a[1].b: is there twice"),
        (r#"{"a":{"b":"x\u0000"}}"#.to_owned(), "a.b: contains a NUL character"),
        (r#"{"a":["\ud800"]}"#.to_owned(), "a[0]: contains half a character (a lone surrogate)"),
        (r#"{"a":"\udc00x"}"#.to_owned(), "a: contains half a character (a lone surrogate)"),
        (r#"{"a":"\ud800\ud800"}"#.to_owned(), "a: contains half a character (a lone surrogate)"),
        (r#"{"a":{"__proto__":{}}}"#.to_owned(), "a.__proto__: is no name for a field"),
        (format!(r#"{{"a":{}}}"#, "9".repeat(101)), "a: is a number of more than 100 characters"),
        (format!(r#"{{"a":[{}0]}}"#, "0,".repeat(1_000)), "a: has more than 1000 entries"),
        (format!(r#"{{"a":{{"{}":1}}}}"#, "k".repeat(256)), "a.kkk"),
    ] {
        let said = refused(&body);
        assert!(said.starts_with(message), "{body}: {said}");
        assert!(said.len() < 1_000, "{said}");
    }
}

#[test]
fn an_object_has_so_many_fields_and_no_more() {
    let fields = |count: usize| (0..count).map(|number| format!("\"f{number}\":1")).collect::<Vec<_>>().join(",");
    assert!(object(format!("{{{}}}", fields(500)).as_bytes()).is_ok());
    assert_eq!(refused(format!("{{{}}}", fields(501))), "the body has more than 500 fields");
    assert_eq!(refused(format!("{{\"a\":{{{}}}}}", fields(501))), "a: has more than 500 fields");
}

#[test]
fn depth_is_counted_from_the_body_itself() {
    assert!(object(format!("{{\"a\":{}}}", nested(31)).as_bytes()).is_ok());
    let place = format!("a{}", "[0]".repeat(31));
    let message = format!("{place}: is nested deeper than 32 levels");
    assert_eq!(refused(format!("{{\"a\":{}}}", nested(32))), message);
    assert_eq!(refused(format!("{{\"a\":{}}}", nested(30_000))), message);
    assert_eq!(refused("{\"a\":".repeat(10_000)), format!("a{}: is nested deeper than 32 levels", ".a".repeat(31)));
    assert!(object(br#"{"text": "[[[[[[\"[[[[", "list": [1]}"#).is_ok());
}

#[test]
fn a_body_is_not_larger_than_it_may_be() {
    let sized = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert!(object(sized(65_536).as_bytes()).is_ok());
    assert_eq!(object(sized(65_537).as_bytes()), Err(BodyProblem::TooLarge));
}

#[test]
fn numbers_keep_their_text() {
    let sent = r#"{"a":99999999999999999999,"b":1e+400,"c":0.10,"d":-0}"#;
    assert_eq!(serde_json::to_string(&object(sent.as_bytes()).unwrap()).unwrap(), sent);
}

#[test]
fn an_object_that_looks_like_the_parsers_numbers_is_a_number_or_nothing() {
    let sent = r#"{"a":{"$serde_json::private::Number":"12"}}"#;
    assert_eq!(object(sent.as_bytes()).unwrap().get("a"), Some(&json!(12)));
    for wrong in [r#"{"$serde_json::private::Number":"x"}"#, r#"{"$serde_json::private::Number":5}"#] {
        assert!(object(format!("{{\"a\":{wrong}}}").as_bytes()).is_err(), "{wrong}");
        assert!(object(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Wanted {
    #[serde(alias = "otherName")]
    name: Option<String>,
    days: Option<i64>,
    products: Option<Vec<Product>>,
    metadata: Option<Map<String, Value>>,
    flag: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only read")]
struct Product {
    id: Option<String>,
}

#[test]
fn a_wrong_type_is_named_with_its_path() {
    for (body, message) in [
        (r#"{"name":5}"#, "name: invalid type: number, expected a string"),
        (r#"{"days":"x"}"#, "days: invalid type: string \"x\", expected a whole number"),
        (r#"{"days":1e400}"#, "days: must be a whole number"),
        (r#"{"days":1.5}"#, "days: must be a whole number"),
        (r#"{"products":[{},{},{},{"id":5}]}"#, "products[3].id: invalid type: number, expected a string"),
        (r#"{"products":{}}"#, "products: invalid type: object, expected a list"),
        (r#"{"products":[5]}"#, "products[0]: invalid type: number, expected an object"),
        (r#"{"metadata":[]}"#, "metadata: invalid type: list, expected an object"),
        (r#"{"flag":"true"}"#, "flag: invalid type: string \"true\", expected a boolean"),
        (r#"{"name":"a","otherName":"b"}"#, "name: is there twice, under two of its names"),
    ] {
        let BodyProblem::Fields(problems) = read::<Wanted>(body.as_bytes()).unwrap_err() else {
            panic!("{body} names no field")
        };
        assert_eq!(problems[0].sentence(), message, "{body}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_sent(text in "[ -~é\u{1F600}]{0,40}", number in any::<i64>(), keys in prop::collection::btree_set("[a-z]{1,8}", 0..8)) {
        let inner: Map<String, Value> = keys.into_iter().map(|key| (key, json!([text, number, null, true]))).collect();
        let body = json!({ "text": text, "inner": inner });
        prop_assert_eq!(Value::Object(object(body.to_string().as_bytes()).unwrap()), body);
    }

    #[test]
    fn a_name_that_is_there_twice_is_never_read(key in "[a-z]{1,8}", deep in 0_usize..20) {
        let twice = format!("{{\"{key}\":1,\"{key}\":2}}");
        let body = format!("{}{twice}{}", "{\"o\":".repeat(deep), "}".repeat(deep));
        prop_assert!(refused(body).ends_with("is there twice"));
    }
}
