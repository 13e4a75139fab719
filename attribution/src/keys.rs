//! API keys: their forms, how they are minted, what of them is kept and shown, and what they may do.
//!
//! A key is its form's prefix, 256 random bits and a checksum of both: `sk_live_` + 44 + 6 base62 digits. The database keeps
//! a key's SHA-256 and its mask, so a stolen database opens nothing. The checksum tells a mistyped or made-up key without a
//! look-up, and lets scanners for leaked secrets be sure of what they found. Nothing here keeps state.

mod issued;
mod scope;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::issued::{IssuedKey, NotRotated};
pub use self::scope::{KeyScope, Scopes};
use crate::email::hex;
use crate::ids::{Random, mint, push_base62};

/// 44 base62 digits hold 256 bits. Keys that were minted before there was a checksum are so long.
const RANDOM_DIGITS: usize = 44;

/// Base62 digits that hold 32 bits.
const CHECKSUM_DIGITS: usize = 6;

/// No text with a shorter secret part is taken for a key.
const MIN_SECRET: usize = 16;

/// So many of a key's last characters are shown. They belong to the checksum, and say nothing of the random part.
const SHOWN: usize = 4;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// `sk_live_…`: a team's backend, on production rows.
    Live,
    /// `sk_test_…`: the same, on test rows.
    Test,
    /// `aff_…`: one program's tracking token.
    ProgramToken,
}

impl KeyForm {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Live, Self::Test, Self::ProgramToken];

    fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live",
            Self::Test => "sk_test",
            Self::ProgramToken => "aff",
        }
    }

    /// The word for it in requests and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
            Self::ProgramToken => "program_token",
        }
    }

    /// The form with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == word)
    }

    /// Tells a key's form by its prefix; `None` for a text that cannot be a key.
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| {
            let secret = form.secret_part(key);
            secret.is_some_and(|secret| {
                secret.len() >= MIN_SECRET && secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
            })
        })
    }

    /// The form by what `api_key` says in its columns `kind` and `is_test`.
    pub fn of_columns(kind: &str, is_test: bool) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.kind() == kind && form.is_test() == is_test)
    }

    /// What `api_key.kind` says of it.
    pub fn kind(self) -> &'static str {
        if self == Self::ProgramToken { "program_token" } else { "secret" }
    }

    /// Whether everything that such a key touches is a test row.
    pub fn is_test(self) -> bool {
        self == Self::Test
    }

    /// Mints a key of this form.
    pub fn mint(self, random: &mut impl Random) -> String {
        let second_half = mint("", random);
        let body = format!("{}{}", mint(self.prefix(), random), second_half.trim_start_matches('_'));
        let checksum = checksum(&body);
        body + &checksum
    }

    fn secret_part(self, key: &str) -> Option<&str> {
        key.strip_prefix(self.prefix())?.strip_prefix('_')
    }
}

/// Whether a key was typed whole and right, as far as that can be seen of it: its checksum fits, or it was minted before
/// there was one. What fails here is nobody's key, and need not be looked up.
pub fn is_whole(key: &str) -> bool {
    let Some(secret) = KeyForm::of(key).and_then(|form| form.secret_part(key)) else { return false };
    if secret.len() == RANDOM_DIGITS {
        return true;
    }
    let split = key.len() - CHECKSUM_DIGITS.min(key.len());
    match (secret.len() == RANDOM_DIGITS + CHECKSUM_DIGITS, key.split_at_checked(split)) {
        (true, Some((body, sent))) => checksum(body) == sent,
        _ => false,
    }
}

/// What of a key may be shown: `sk_live_…x7Kd`.
pub fn masked(key: &str) -> String {
    let prefix = KeyForm::of(key).map_or("", KeyForm::prefix);
    let last = key.len().saturating_sub(SHOWN);
    format!("{prefix}_…{}", key.get(last..).unwrap_or_default())
}

/// SHA-256 of a key as lower-case hex. A random key needs no slower hash.
pub fn key_hash(key: &str) -> String {
    sha256(key.as_bytes())
}

/// SHA-256 as lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The first 32 bits of the SHA-256 of what stands before it.
fn checksum(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    let head = digest.iter().take(4).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte));
    let mut checksum = String::with_capacity(CHECKSUM_DIGITS);
    push_base62(&mut checksum, head, CHECKSUM_DIGITS);
    checksum
}

#[cfg(test)]
mod tests;
