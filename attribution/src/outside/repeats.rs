//! `Idempotency-Key`: the header by which a caller makes a repeat of a call recognisable.

use super::BodyProblem;
use crate::keys::sha256;
use crate::ledger::IdempotencyKey;
use crate::limits::MAX_IDEMPOTENCY_KEY;

/// The header.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// What a call with the header was, besides.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// The body as it was sent.
    pub body: &'a [u8],
    /// Whether an API key came with it: calls without one have a name space of their own, so that no page can take a
    /// backend's keys.
    pub keyed: bool,
}

/// The header's value together with what it was sent for.
pub fn idempotency_key(value: &str, call: &Call) -> Result<IdempotencyKey, BodyProblem> {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if value.is_empty() || value.len() > MAX_IDEMPOTENCY_KEY || !is_plain {
        let message = format!("must be 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters");
        return Err(BodyProblem::of(IDEMPOTENCY_KEY, message));
    }
    let caller = if call.keyed { "" } else { "unkeyed " };
    let route = format!("{caller}{} {}", call.method, call.path);
    // The key may have been made of a customer's name, and bodies are short enough to be guessed: of the key only its hash
    // goes any further, and the body is hashed together with it.
    let body_hash = sha256(&[value.as_bytes(), b"\n", call.body].concat());
    Ok(IdempotencyKey { route, value: sha256(value.as_bytes()), body_hash })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call = Call { method: "POST", path: "/v1/clicks", body: b"{}", keyed: true };

    #[test]
    fn a_key_is_visible_ascii_and_not_too_long() {
        for value in ["k", "order 1", &"x".repeat(255)] {
            assert!(idempotency_key(value, &CALL).is_ok(), "{value}");
        }
        for value in ["", "é", "a\tb", "a\0", &"x".repeat(256)] {
            let problem = idempotency_key(value, &CALL).unwrap_err();
            assert_eq!(problem.message(), "Idempotency-Key: must be 1 to 255 visible ASCII characters", "{value:?}");
        }
    }

    #[test]
    fn another_body_is_another_hash_and_a_page_has_another_route() {
        let key = |call: &Call| idempotency_key("k", call).unwrap();
        assert_eq!(key(&CALL), key(&CALL));
        assert_ne!(key(&CALL).body_hash, key(&Call { body: b"{ }", ..CALL }).body_hash);
        assert_eq!(key(&CALL).value, key(&Call { body: b"{ }", ..CALL }).value);
        assert_eq!(key(&Call { keyed: false, ..CALL }).route, "unkeyed POST /v1/clicks");
    }
}
