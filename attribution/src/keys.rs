//! API keys: their forms, how they are minted, and the hash that is all the database keeps of them.

use sha2::{Digest, Sha256};

use crate::email::hex;
use crate::ids::{Random, mint};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// `sk_live_…`: a team's backend, on production rows.
    Live,
    /// `sk_test_…`: the same, on test rows.
    Test,
    /// `aff_…`: one program's tracking token.
    ProgramToken,
}

impl KeyForm {
    const ALL: [Self; 3] = [Self::Live, Self::Test, Self::ProgramToken];

    fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live",
            Self::Test => "sk_test",
            Self::ProgramToken => "aff",
        }
    }

    /// Tells a key's form by its prefix; `None` for a text that cannot be a key.
    pub fn of(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| {
            let secret = key.strip_prefix(form.prefix()).and_then(|rest| rest.strip_prefix('_'));
            secret.is_some_and(|secret| secret.len() >= 16 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        })
    }

    /// Whether everything that such a key touches is a test row.
    pub fn is_test(self) -> bool {
        self == Self::Test
    }

    /// Mints a key of this form with 256 random bits.
    pub fn mint(self, random: &mut impl Random) -> String {
        let second_half = mint("", random);
        format!("{}{}", mint(self.prefix(), random), second_half.trim_start_matches('_'))
    }
}

/// SHA-256 of a key as lower-case hex. A random key needs no slower hash.
pub fn key_hash(key: &str) -> String {
    sha256(key.as_bytes())
}

/// SHA-256 as lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);

    impl Random for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            self.0 += 1;
            bytes.fill(self.0);
        }
    }

    #[test]
    fn a_minted_key_has_its_form() {
        for form in KeyForm::ALL {
            let key = form.mint(&mut Counting(0));
            assert_eq!(KeyForm::of(&key), Some(form), "{key}");
            assert_eq!(key.len(), form.prefix().len() + 1 + 44);
        }
    }

    #[test]
    fn other_texts_have_none() {
        for text in ["", "sk_live_", "sk_live_short", "sk_dev_0123456789abcdef", "Bearer x", "sk_live_0123456789abcde!"]
        {
            assert_eq!(KeyForm::of(text), None, "{text}");
        }
    }

    #[test]
    fn the_hash_is_sha_256() {
        // The published test vector for "abc" (FIPS 180-2).
        assert_eq!(key_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
