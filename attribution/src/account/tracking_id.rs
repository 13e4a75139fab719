//! Tracking ids: what stands in an affiliate's links, `?aff=tracking_id`.

use crate::ids::Random;
use crate::limits::MAX_TRACKING_ID;

/// Ones that are made take at most so much of the name.
const MAX_NAME: usize = 40;

/// So many random letters follow the name.
const RANDOM_LETTERS: usize = 6;

/// No letter that is easily taken for another one.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What may stand in links: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingId(String);

impl TrackingId {
    /// Takes one as it was given; `None` where it cannot stand in a link.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (is_plain && (1..=MAX_TRACKING_ID).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// Makes one from a name: what of it can stand in a link, and random letters, so that two of a name differ.
    pub fn mint(name: &str, random: &mut impl Random) -> Self {
        let lower = name.to_lowercase();
        let words = lower.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let words: String = words.collect::<Vec<_>>().join("-").chars().take(MAX_NAME).collect();
        let name = words.trim_end_matches('-');
        let mut bytes = [0_u8; RANDOM_LETTERS];
        random.fill(&mut bytes);
        let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).copied().map_or('a', char::from);
        let letters: String = bytes.iter().map(letter).collect();
        Self(if name.is_empty() { letters } else { format!("{name}-{letters}") })
    }

    /// As text.
    pub fn into_text(self) -> String {
        self.0
    }
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
    fn letters_digits_and_two_signs_stand_in_links() {
        for text in ["a", "Alice_1", "jane-smith", &"x".repeat(100)] {
            assert!(TrackingId::parse(text).is_some(), "{text}");
        }
        for text in ["", "a b", "ä", "a/b", "a?b", "a.b", "a\n", &"x".repeat(101)] {
            assert_eq!(TrackingId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_is_made_from_the_name_and_random_letters() {
        let made = |name: &str| TrackingId::mint(name, &mut Bytes(33)).into_text();
        assert_eq!(made("Jane Smith"), "jane-smith-bbbbbb");
        assert_eq!(made("  O'Neill & Söhne, Ltd. "), "o-neill-s-hne-ltd-bbbbbb");
        assert_eq!(made("株式会社"), "bbbbbb");
        assert_eq!(made(&"ab ".repeat(40)).len(), 40 + 1 + 6);
        for name in ["Jane Smith", "株式会社", &"x".repeat(300)] {
            assert!(TrackingId::parse(&made(name)).is_some(), "{name}");
        }
    }
}
