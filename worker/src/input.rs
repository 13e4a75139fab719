//! What a call brings, as the readers of the rules' side take it (`attribution::outside`): its body, if it could be read
//! to its end, and its headers.

use attribution::ledger::IdempotencyKey;
pub use attribution::limits::MAX_TEXT;
use attribution::limits::{MAX_CALL_URL, MAX_HEADER};
pub use attribution::outside::fields::referral_id;
pub use attribution::outside::{BodyProblem, FieldProblem, Fields};
use attribution::outside::{body, media_type, repeats};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{BodyRefused, Incoming};

/// The headers that are read, but for those of fixed words, `Authorization`, which has the form of a key or is a 401, and
/// [`repeats::IDEMPOTENCY_KEY`].
const HEADERS: [&str; 3] = ["Origin", "User-Agent", "X-Forwarded-Host"];

/// What is wrong with the call before its body is looked at.
pub fn too_long(incoming: &Incoming) -> Option<BodyProblem> {
    if incoming.url.as_str().len() > MAX_CALL_URL {
        return Some(BodyProblem::Malformed(format!("the URL is longer than {MAX_CALL_URL} bytes")));
    }
    let is_long = |name: &&&str| incoming.header(name).is_some_and(|value| value.len() > MAX_HEADER);
    let name = HEADERS.iter().find(is_long)?;
    Some(BodyProblem::of(name, format!("is longer than {MAX_HEADER} bytes")))
}

/// What is wrong with the type that a body says it has.
pub fn wrong_type(incoming: &Incoming) -> Option<BodyProblem> {
    let has_body = incoming.body.as_ref().is_ok_and(|bytes| !bytes.is_empty());
    let kind = incoming.header("content-type").filter(|_| has_body)?;
    media_type::check(&kind).err()
}

/// Reads the body as a JSON object of type `T`.
pub fn read<T: DeserializeOwned>(incoming: &Incoming) -> Result<T, BodyProblem> {
    body::read(bytes(incoming)?)
}

/// The same for a body of which every field is optional: none at all is an empty object.
pub fn read_optional<T: DeserializeOwned>(incoming: &Incoming) -> Result<T, BodyProblem> {
    match bytes(incoming)? {
        [] => body::read(b"{}"),
        bytes => body::read(bytes),
    }
}

/// A body that was read, as it was sent.
pub fn sent(incoming: &Incoming) -> Value {
    let object = bytes(incoming).and_then(body::object);
    object.map(Value::Object).unwrap_or_default()
}

fn bytes(incoming: &Incoming) -> Result<&[u8], BodyProblem> {
    match &incoming.body {
        Ok(bytes) => Ok(bytes),
        Err(BodyRefused::TooLarge) => Err(BodyProblem::TooLarge),
        Err(BodyRefused::Unreadable) => Err(BodyProblem::Malformed("the body could not be read to its end".to_owned())),
    }
}

/// The call's `Idempotency-Key`, together with what it was sent for. `keyed` is whether an API key came with it.
pub fn idempotency_key(incoming: &Incoming, keyed: bool) -> Result<Option<IdempotencyKey>, BodyProblem> {
    let Some(value) = incoming.header(repeats::IDEMPOTENCY_KEY) else { return Ok(None) };
    let body = incoming.body.as_deref().unwrap_or_default();
    let call = repeats::Call { method: &incoming.method, path: incoming.url.path(), body, keyed };
    repeats::idempotency_key(&value, &call).map(Some)
}
