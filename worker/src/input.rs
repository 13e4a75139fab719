//! Reading JSON bodies: a wrong type is named with its field, and all that is wrong with the rest is listed at once.

use attribution::ids::ReferralId;
use attribution::keys::sha256;
use attribution::ledger::IdempotencyKey;
use attribution::money::{AmountError, Currency, Money};
use attribution::time::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use crate::http::{BodyRefused, Incoming, MAX_BODY_BYTES};

/// Names, ids and codes have at most so many characters.
pub const MAX_TEXT: usize = 255;

/// Bodies with more brackets within brackets are refused: what a caller sends is carried inside further messages, whose
/// reader has a limit too.
const MAX_DEPTH: usize = 32;

/// The header by which a caller makes a repeat of a call recognisable.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Something is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, as the caller wrote it.
    pub field: String,
    /// What is wrong and what is expected, to stand behind the field's name.
    pub message: String,
}

/// Why a body cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyProblem {
    /// Larger than what is taken.
    TooLarge,
    /// Not JSON, or no JSON object.
    Malformed(String),
    /// Some fields are wrong.
    Fields(Vec<FieldProblem>),
}

/// Reads the body as a JSON object of type `T`. A good body is parsed once; only of a bad one is it looked up what is wrong.
pub fn read<T: DeserializeOwned>(incoming: &Incoming) -> Result<T, BodyProblem> {
    let bytes = match &incoming.body {
        Ok(bytes) => bytes.as_slice(),
        Err(BodyRefused::TooLarge) => return Err(BodyProblem::TooLarge),
        Err(BodyRefused::Unreadable) => {
            return Err(BodyProblem::Malformed("the body could not be read to its end".to_owned()));
        }
    };
    let is_object = bytes.trim_ascii_start().first() == Some(&b'{');
    if is_object && !is_deeper_than(bytes, MAX_DEPTH) {
        // Checked first: the parser would go as deep as the body does.
        if let Ok(typed) = serde_json::from_slice(bytes) {
            return Ok(typed);
        }
    }
    Err(problem_of::<T>(bytes))
}

/// What keeps a body from being an object of type `T`.
fn problem_of<T: DeserializeOwned>(bytes: &[u8]) -> BodyProblem {
    let sent: Value = match serde_json::from_slice(bytes) {
        Ok(sent) => sent,
        Err(cause) => return BodyProblem::Malformed(malformed(&cause)),
    };
    if !sent.is_object() {
        return BodyProblem::Malformed("the body must be a JSON object".to_owned());
    }
    if is_deeper_than(bytes, MAX_DEPTH) {
        return BodyProblem::Malformed(format!("the body is nested deeper than {MAX_DEPTH} levels"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let typed: Result<T, _> = serde_path_to_error::deserialize(&mut deserializer);
    let Err(cause) = typed else { return BodyProblem::Malformed("the body is not valid JSON".to_owned()) };
    let field = cause.path().to_string();
    let message = without_position(&cause.into_inner().to_string());
    if field == "." {
        return BodyProblem::Malformed(message);
    }
    BodyProblem::Fields(vec![FieldProblem { field, message }])
}

/// A body that was read, as it was sent.
pub fn sent(incoming: &Incoming) -> Value {
    incoming.body.as_deref().ok().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
}

/// The same for a body of which every field is optional: none at all is an empty object.
pub fn read_optional<T: DeserializeOwned>(incoming: &Incoming) -> Result<T, BodyProblem> {
    if matches!(&incoming.body, Ok(bytes) if bytes.is_empty()) {
        return serde_json::from_str("{}").map_err(|cause| BodyProblem::Malformed(malformed(&cause)));
    }
    read(incoming)
}

/// The call's `Idempotency-Key`, together with what it was sent for. `keyed` is whether an API key came with it: calls
/// without one have a name space of their own, so that no page can take a backend's keys.
pub fn idempotency_key(incoming: &Incoming, keyed: bool) -> Result<Option<IdempotencyKey>, BodyProblem> {
    let Some(value) = incoming.header(&IDEMPOTENCY_KEY.to_lowercase()) else { return Ok(None) };
    let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if value.is_empty() || value.len() > MAX_TEXT || !is_plain {
        let message = format!("must be 1 to {MAX_TEXT} visible ASCII characters");
        return Err(BodyProblem::Fields(vec![FieldProblem { field: IDEMPOTENCY_KEY.to_owned(), message }]));
    }
    let caller = if keyed { "" } else { "unkeyed " };
    let route = format!("{caller}{} {}", incoming.method, incoming.url.path());
    let body = incoming.body.as_deref().unwrap_or_default();
    // The key may have been made of a customer's name, and bodies are short enough to be guessed: of the key only its hash
    // goes any further, and the body is hashed together with it.
    let body_hash = sha256(&[value.as_bytes(), b"\n", body].concat());
    Ok(Some(IdempotencyKey { route, value: sha256(value.as_bytes()), body_hash }))
}

/// Whether brackets stand within brackets so often, those in texts not counted.
fn is_deeper_than(json: &[u8], levels: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

fn malformed(cause: &serde_json::Error) -> String {
    format!("the body is not valid JSON (line {}, column {})", cause.line(), cause.column())
}

/// What serde says, without the position, which means nothing once the field is named.
fn without_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

impl BodyProblem {
    /// One field is wrong.
    pub fn of(field: &str, message: impl Into<String>) -> Self {
        Self::Fields(vec![FieldProblem { field: field.to_owned(), message: message.into() }])
    }

    /// One sentence for people.
    pub fn message(&self) -> String {
        match self {
            Self::TooLarge => format!("the body is larger than {MAX_BODY_BYTES} bytes"),
            Self::Malformed(message) => message.clone(),
            Self::Fields(problems) => problems.iter().map(FieldProblem::sentence).collect::<Vec<_>>().join("; "),
        }
    }
}

impl FieldProblem {
    /// The field and what is wrong with it.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}

/// Collects what is wrong with fields, so that a caller learns all of it at once.
#[derive(Default)]
pub struct Fields {
    problems: Vec<FieldProblem>,
}

impl Fields {
    /// Notes a problem.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(FieldProblem { field: field.to_owned(), message: message.into() });
    }

    /// Takes an optional text: at most `max` characters long as it was sent, trimmed, absent when empty.
    pub fn text(&mut self, field: &str, value: Option<String>, max: usize) -> Option<String> {
        let sent = value?;
        if sent.chars().count() > max {
            self.refuse(field, format!("is longer than {max} characters"));
            return None;
        }
        let text = Some(sent.trim().to_owned()).filter(|text| !text.is_empty())?;
        if text.contains('\0') {
            self.refuse(field, "contains a NUL character");
            return None;
        }
        Some(text)
    }

    /// Takes a text that must be there.
    pub fn required(&mut self, field: &str, value: Option<String>, max: usize) -> Option<String> {
        let before = self.problems.len();
        let text = self.text(field, value, max);
        if text.is_none() && self.problems.len() == before {
            self.refuse(field, "is required");
        }
        text
    }

    /// Takes a list of texts.
    pub fn texts(&mut self, field: &str, values: Option<Vec<String>>) -> Vec<String> {
        let values = values.unwrap_or_default();
        if values.len() > 100 {
            self.refuse(field, "has more than 100 entries");
        }
        values.into_iter().filter_map(|value| self.text(field, Some(value), MAX_TEXT)).collect()
    }

    /// Takes an optional word out of a list.
    pub fn word<T>(
        &mut self,
        field: &str,
        value: Option<String>,
        words: &[&str],
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let word = value?;
        let found = read(&word);
        if found.is_none() {
            self.refuse(field, format!("must be one of: {}", words.join(", ")));
        }
        found
    }

    /// Takes an optional moment.
    pub fn moment(&mut self, field: &str, value: Option<String>) -> Option<Timestamp> {
        let text = value?;
        let moment = Timestamp::parse(&text);
        if moment.is_none() {
            self.refuse(field, "must be an ISO 8601 date and time with its offset, like 2024-01-20T15:30:00Z");
        }
        moment
    }

    /// Takes an optional currency.
    pub fn currency(&mut self, field: &str, value: Option<String>) -> Option<Currency> {
        let code = self.text(field, value, MAX_TEXT)?;
        let currency = Currency::from_code(&code);
        if currency.is_none() {
            self.refuse(field, "must be a three-letter currency code of ISO 4217, like USD");
        }
        currency
    }

    /// Takes an amount in major units that must be there and more than nothing.
    pub fn positive_amount(&mut self, field: &str, value: Option<&Number>, currency: Currency) -> Option<Money> {
        let Some(number) = value else {
            self.refuse(field, "is required and must be a positive number");
            return None;
        };
        match Money::from_decimal(&number.to_string(), currency) {
            Ok(money) if money.minor > 0 => Some(money),
            Ok(_) => {
                self.refuse(field, "must be a positive number");
                None
            }
            Err(AmountError::NotANumber) => {
                self.refuse(field, "must be a number");
                None
            }
            Err(problem) => {
                self.refuse(field, format!("{problem} ({currency})"));
                None
            }
        }
    }

    /// Whether nothing has been refused so far.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The value, unless anything has been refused.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, BodyProblem> {
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(BodyProblem::Fields(self.problems)),
        }
    }
}

/// A click's or referral's id, as far as it can be one; `None` for any other text.
pub fn referral_id(text: &str, shards: u16) -> Option<ReferralId> {
    let id = ReferralId::new(text);
    id.placement().filter(|placement| placement.shard < shards && placement.database == 0).map(|_| id)
}

#[cfg(test)]
mod tests;
