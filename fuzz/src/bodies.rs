//! Bodies: whatever is read keeps to its bounds, has each name once, and reads the same again as it is written.

use attribution::limits::{MAX_BODY, MAX_DEPTH, MAX_ENTRIES, MAX_KEY, MAX_KEYS};
use attribution::outside::{BodyProblem, body};
use serde_json::Value;

/// Looks at one input.
pub fn look(input: &[u8]) {
    match body::object(input) {
        Ok(object) => {
            assert!(input.len() <= MAX_BODY);
            let value = Value::Object(object);
            check(&value, 1);
            let written = value.to_string();
            if written.len() <= MAX_BODY {
                assert_eq!(body::object(written.as_bytes()).map(Value::Object), Ok(value));
            }
        }
        Err(BodyProblem::TooLarge) => assert!(input.len() > MAX_BODY),
        Err(BodyProblem::Malformed(message)) => assert!(message.starts_with("the body ") && message.len() < 200),
        Err(BodyProblem::Fields(problems)) => {
            assert_eq!(problems.len(), 1);
            assert!(problems.iter().all(|problem| !problem.field.is_empty() && problem.field.chars().count() <= 301));
        }
    }
}

fn check(value: &Value, depth: usize) {
    match value {
        Value::Object(object) => {
            assert!(depth <= MAX_DEPTH && object.len() <= MAX_KEYS);
            assert!(!object.contains_key("__proto__"));
            assert!(object.keys().all(|name| name.chars().count() <= MAX_KEY && !name.contains('\0')));
            object.values().for_each(|value| check(value, depth + 1));
        }
        Value::Array(entries) => {
            assert!(depth <= MAX_DEPTH && entries.len() <= MAX_ENTRIES);
            entries.iter().for_each(|value| check(value, depth + 1));
        }
        Value::String(text) => assert!(!text.contains('\0')),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
