//! Bodies: one JSON object, read once and strictly, then turned into the type that a route wants.
//!
//! JSON itself leaves open what a name that is there twice means, and half a character, and has no bounds; readers differ
//! there, and what one has checked another reads otherwise. All of it is refused here, with its path, also in what nobody
//! reads: it would be stored, answered and sent on.

use std::cell::RefCell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{BodyProblem, FieldProblem};
use crate::limits::{MAX_BODY, MAX_DEPTH, MAX_ENTRIES, MAX_KEY, MAX_KEYS, MAX_NUMBER};

/// JavaScript takes a field of this name for something else than a field.
const PROTOTYPE: &str = "__proto__";

/// By this name `serde_json` hands over the text of a number that no integer holds (its feature `arbitrary_precision`). An
/// object of a caller's that looks the same is read as that number, here as anywhere else.
const NUMBER: &str = "$serde_json::private::Number";

/// How `serde_json` calls half a character.
const HALF_CHARACTER: [&str; 2] = ["lone leading surrogate in hex escape", "unexpected end of hex escape"];

/// Paths are shown so far.
const MAX_SHOWN: usize = 300;

/// Reads a body as an object of type `T`.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BodyProblem> {
    typed(object(bytes)?)
}

/// Reads a body as an object, whatever its fields are.
pub fn object(bytes: &[u8]) -> Result<Map<String, Value>, BodyProblem> {
    if bytes.len() > MAX_BODY {
        return Err(BodyProblem::TooLarge);
    }
    let malformed = |message: String| Err(BodyProblem::Malformed(message));
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(cause) => return malformed(format!("the body is not UTF-8 (byte {})", cause.valid_up_to() + 1)),
    };
    if text.starts_with('\u{feff}') {
        return malformed("the body begins with a byte-order mark: send UTF-8 without one".to_owned());
    }
    match text.trim_ascii_start().chars().next() {
        Some('{') => {}
        Some(_) => return malformed("the body must be a JSON object".to_owned()),
        None => return malformed("the body is empty: it must be a JSON object".to_owned()),
    }
    let problem = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let body = Strict { place: &Place { above: None, step: Step::Body, depth: 0 }, problem: &problem };
    let read = body.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match (read, problem.take()) {
        // Of the body as a whole.
        (_, Some(problem)) if problem.field.is_empty() => malformed(format!("the body {}", problem.message)),
        (_, Some(problem)) => Err(BodyProblem::Fields(vec![problem])),
        (Ok(Value::Object(object)), None) => Ok(object),
        (Ok(_), None) => malformed("the body must be a JSON object".to_owned()),
        (Err(cause), None) => {
            malformed(format!("the body is not valid JSON (line {}, column {})", cause.line(), cause.column()))
        }
    }
}

/// Turns an object into what a route wants; the first field of a wrong type is named.
pub fn typed<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, BodyProblem> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|cause| {
        let path = cause.path().to_string();
        let said = cause.into_inner().to_string();
        // Two names of one field: its own is in what is said, and the path is the object's.
        match said.strip_prefix("duplicate field `").and_then(|rest| rest.split('`').next()) {
            Some(field) if path == "." => BodyProblem::of(field, "is there twice, under two of its names"),
            Some(field) => BodyProblem::of(&format!("{path}.{field}"), "is there twice, under two of its names"),
            None if path == "." => BodyProblem::Malformed(in_words_of_json(&said)),
            None => BodyProblem::of(&shown(&path), in_words_of_json(&said)),
        }
    })
}

/// What serde says, without the names of Rust's types, which mean nothing to a caller.
fn in_words_of_json(said: &str) -> String {
    if said == "invalid number" {
        return "must be a whole number".to_owned();
    }
    let Some((found, expected)) = said.split_once(", expected ") else { return said.to_owned() };
    let expected = match expected {
        "i64" | "u32" | "i32" | "u64" | "u16" | "u8" => "a whole number",
        "a map" => "an object",
        "a sequence" => "a list",
        "a JSON number" => "a number",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let found = found.replace("invalid type: map", "invalid type: object").replace("sequence", "list");
    format!("{found}, expected {expected}")
}

/// The beginning of a path.
fn shown(path: &str) -> String {
    match path.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", path.get(..end).unwrap_or_default()),
        None => path.to_owned(),
    }
}

/// Where in a body a value stands.
struct Place<'a> {
    above: Option<&'a Place<'a>>,
    step: Step<'a>,
    /// Objects and lists around it.
    depth: usize,
}

enum Step<'a> {
    Body,
    Field(&'a str),
    Entry(usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        if let Some(above) = self.above {
            above.fmt(formatter)?;
        }
        match self.step {
            Step::Body => Ok(()),
            Step::Field("") => formatter.write_str("\"\""),
            Step::Field(name) if self.above.is_some_and(|above| above.above.is_some()) => write!(formatter, ".{name}"),
            Step::Field(name) => formatter.write_str(name),
            Step::Entry(number) => write!(formatter, "[{number}]"),
        }
    }
}

/// Reads a value at its place; what is wrong with it is noted beside, since an error of serde has no room for it.
#[derive(Clone, Copy)]
struct Strict<'a> {
    place: &'a Place<'a>,
    problem: &'a RefCell<Option<FieldProblem>>,
}

impl<'a> Strict<'a> {
    fn at<'b>(self, place: &'b Place<'b>) -> Strict<'b>
    where
        'a: 'b,
    {
        Strict { place, problem: self.problem }
    }

    fn below(&self, step: Step<'a>) -> Place<'a> {
        Place { above: Some(self.place), step, depth: self.place.depth + 1 }
    }

    /// Notes a problem with this value, unless one was found before.
    fn refuse<E: serde::de::Error>(self, message: impl Into<String>) -> E {
        let problem = FieldProblem { field: shown(&self.place.to_string()), message: message.into() };
        self.problem.borrow_mut().get_or_insert(problem);
        E::custom("refused")
    }

    /// The parser's own error, at the innermost value that it is about.
    fn failed<E: serde::de::Error>(self, cause: E) -> E {
        let said = cause.to_string();
        if HALF_CHARACTER.iter().any(|half| said.starts_with(half)) {
            return self.refuse("contains half a character (a lone surrogate)");
        }
        cause
    }

    /// An object or a list may begin here.
    fn check_depth<E: serde::de::Error>(self) -> Result<(), E> {
        if self.place.depth < MAX_DEPTH {
            return Ok(());
        }
        Err(self.refuse(format!("is nested deeper than {MAX_DEPTH} levels")))
    }

    fn check_name<E: serde::de::Error>(self, name: &str, object: &Map<String, Value>) -> Result<(), E> {
        if object.contains_key(name) {
            return Err(self.refuse("is there twice"));
        }
        if name.contains('\0') {
            return Err(self.refuse("has a name that contains a NUL character"));
        }
        if name.chars().count() > MAX_KEY {
            return Err(self.refuse(format!("has a name that is longer than {MAX_KEY} characters")));
        }
        if name == PROTOTYPE {
            return Err(self.refuse("is no name for a field"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        if text.contains('\0') { Err(self.refuse("contains a NUL character")) } else { Ok(Value::String(text)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut entries = Vec::new();
        loop {
            let place = self.below(Step::Entry(entries.len()));
            let entry = self.at(&place);
            match list.next_element_seed(entry).map_err(|cause| entry.failed(cause))? {
                Some(_) if entries.len() >= MAX_ENTRIES => {
                    return Err(self.refuse(format!("has more than {MAX_ENTRIES} entries")));
                }
                Some(value) => entries.push(value),
                None => return Ok(Value::Array(entries)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>().map_err(|cause| self.failed(cause))? {
            if name == NUMBER && object.is_empty() {
                return self.number(&map.next_value::<String>()?);
            }
            self.check_depth()?;
            let place = self.below(Step::Field(&name));
            let field = self.at(&place);
            field.check_name(&name, &object)?;
            if object.len() >= MAX_KEYS {
                return Err(self.refuse(format!("has more than {MAX_KEYS} fields")));
            }
            let value = map.next_value_seed(field).map_err(|cause| field.failed(cause))?;
            object.insert(name, value);
        }
        if object.is_empty() {
            self.check_depth()?;
        }
        Ok(Value::Object(object))
    }
}

impl Strict<'_> {
    fn number<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        if text.len() > MAX_NUMBER {
            return Err(self.refuse(format!("is a number of more than {MAX_NUMBER} characters")));
        }
        text.parse::<Number>().map(Value::Number).map_err(|_| self.refuse("is no number"))
    }
}

#[cfg(test)]
mod tests;
