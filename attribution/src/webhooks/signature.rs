//! Secrets and signatures: how a receiver can tell that a delivery is genuine and fresh.
//!
//! Each delivery carries both forms, and both list one signature per secret while a secret is being replaced:
//! - Standard Webhooks: `v1,<base64>` of HMAC-SHA-256 over `id.timestamp.body`, keyed by the bytes that the secret's
//!   base64 stands for;
//! - Affonso's: `t=<unix>,v1=<hex>` of HMAC-SHA-256 over `{t}.{body}`, keyed by the secret as it is shown, `whsec_`
//!   included: its documentation passes the text on to the hash, and says nothing of decoding it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::email::hex;
use crate::ids::Random;
use crate::time::Timestamp;

/// What every secret begins with.
const PREFIX: &str = "whsec_";

/// Random bytes in a secret; the standard wants 24 to 64.
const SECRET_BYTES: usize = 32;

/// An endpoint's secret. It is never written to a log: its `Debug` form says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl Secret {
    /// Mints 256 random bits.
    pub fn mint(random: &mut impl Random) -> Self {
        let mut bytes = [0_u8; SECRET_BYTES];
        random.fill(&mut bytes);
        Self(format!("{PREFIX}{}", STANDARD.encode(bytes)))
    }

    /// Takes a secret as it was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The secret itself: to be shown once, and to be stored.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The key of the standard's signature: what the base64 stands for.
    fn bytes(&self) -> Vec<u8> {
        let encoded = self.0.strip_prefix(PREFIX).unwrap_or(&self.0);
        STANDARD.decode(encoded).unwrap_or_else(|_| encoded.as_bytes().to_vec())
    }
}

/// The headers that prove a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signatures {
    /// `webhook-timestamp`: the attempt's moment, in seconds since 1970.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub standard: String,
    /// `x-affonso-signature`.
    pub affonso: String,
}

/// Signs an attempt with every secret that is in force.
pub fn sign(secrets: &[&Secret], id: &str, at: Timestamp, body: &str) -> Signatures {
    let timestamp = at.milliseconds().div_euclid(1000);
    let standard = secrets.iter().map(|secret| {
        format!("v1,{}", STANDARD.encode(authenticate(&secret.bytes(), &format!("{id}.{timestamp}.{body}"))))
    });
    let affonso = secrets
        .iter()
        .map(|secret| format!("v1={}", hex(&authenticate(secret.reveal().as_bytes(), &format!("{timestamp}.{body}")))));
    Signatures {
        timestamp,
        standard: standard.collect::<Vec<_>>().join(" "),
        affonso: std::iter::once(format!("t={timestamp}")).chain(affonso).collect::<Vec<_>>().join(","),
    }
}

fn authenticate(key: &[u8], content: &str) -> Vec<u8> {
    // HMAC takes keys of any length; the error type is the trait's, not this hash's.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(content.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(u8);

    impl Random for Bytes {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn the_standards_published_example_comes_out() {
        // From the standard's own reference libraries.
        let secret = Secret::stored("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let at = Timestamp::from_milliseconds(1_614_265_330_000);
        let signed = sign(&[&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, "{\"test\": 2432232314}");
        assert_eq!(signed.standard, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(signed.timestamp, 1_614_265_330);
    }

    #[test]
    fn affonsos_form_is_keyed_by_the_secret_as_it_is_shown() {
        let secret = Secret::stored("whsec_c2VjcmV0".to_owned());
        let signed = sign(&[&secret], "evt_1", Timestamp::from_milliseconds(1_700_000_000_999), "{}");
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_c2VjcmV0
        let expected = "t=1700000000,v1=364c5930136b64e55f7f7a0228b53cdcdcfe48ee68e73fa94d7a3e529cec1c38";
        assert_eq!(signed.affonso, expected);
    }

    #[test]
    fn two_secrets_make_two_signatures_of_each_form() {
        let (new, old) = (Secret::mint(&mut Bytes(1)), Secret::mint(&mut Bytes(2)));
        let at = Timestamp::from_milliseconds(5_000);
        let both = sign(&[&new, &old], "evt_1", at, "{}");
        let (one, other) = (sign(&[&new], "evt_1", at, "{}"), sign(&[&old], "evt_1", at, "{}"));
        assert_eq!(both.standard, format!("{} {}", one.standard, other.standard));
        assert_eq!(both.affonso, format!("{},{}", one.affonso, other.affonso.trim_start_matches("t=5,")));
    }

    #[test]
    fn a_secret_is_32_random_bytes_and_stays_out_of_logs() {
        let secret = Secret::mint(&mut Bytes(0xff));
        assert_eq!(secret.reveal(), "whsec_//////////////////////////////////////////8=");
        assert_eq!(secret.bytes(), [0xff; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
