//! Whether Stripe signed a body: the `Stripe-Signature` header, `t=<unix>,v1=<hex>[,v1=<hex>]`, over `{t}.{body}`.
//!
//! Source: docs.stripe.com/webhooks, "Verify manually". While a secret is replaced the header carries one signature for
//! each; other schemes than `v1` are passed over.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::time::Timestamp;

/// A signature older, or younger, than so many seconds is refused: what was recorded on the way is not played again.
pub const TOLERANCE_SECONDS: u64 = 300;

/// A header with more signatures is none of Stripe's; bounds the work on hostile input.
const MAX_SIGNATURES: usize = 8;

/// Why a body is not taken for Stripe's. Callers answer all of them alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No header, or none with a moment and a signature.
    #[error("the header is missing or malformed")]
    Malformed,
    /// The moment is too far from now.
    #[error("the signature is too old")]
    TooOld,
    /// None of the secrets made any of the signatures.
    #[error("no secret matches")]
    NoMatch,
}

/// Finds the secret under which `body` was signed, as its place among `secrets`. The bytes are those that came, before
/// any JSON is read.
pub fn verify(header: &str, body: &[u8], secrets: &[&str], now: Timestamp) -> Result<usize, Refused> {
    let (signed_at, signatures) = read(header).ok_or(Refused::Malformed)?;
    let seconds: i64 = signed_at.parse().map_err(|_| Refused::Malformed)?;
    if seconds.abs_diff(now.milliseconds().div_euclid(1000)) > TOLERANCE_SECONDS {
        return Err(Refused::TooOld);
    }
    let is_of = |secret: &&str| signatures.iter().any(|signature| is_signature(secret, signed_at, body, signature));
    secrets.iter().position(is_of).ok_or(Refused::NoMatch)
}

/// The moment as it was written, for it is part of what is signed, and the signatures that are known here.
fn read(header: &str) -> Option<(&str, Vec<Vec<u8>>)> {
    let mut signed_at = None;
    let mut signatures = Vec::new();
    for (scheme, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match scheme {
            "t" => signed_at = Some(value),
            "v1" if signatures.len() < MAX_SIGNATURES => signatures.extend(bytes(value)),
            _ => {}
        }
    }
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    signed_at.filter(is_number).filter(|_| !signatures.is_empty()).map(|signed_at| (signed_at, signatures))
}

/// Hexadecimal digits as bytes.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2));
    pairs.map(|pair| pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())).collect()
}

/// Compares in constant time.
fn is_signature(secret: &str, signed_at: &str, body: &[u8], signature: &[u8]) -> bool {
    // HMAC takes keys of any length; the error type is the trait's, not this hash's.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(signature).is_ok()
}
