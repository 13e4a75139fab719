//! A browser's name for one landing: a click that is sent again under it is the same click.
//!
//! The click's id is minted from the name instead of from randomness, so the repeat finds the click where it is, in its
//! shard and under its id, and the name costs no row. The mint is keyed: who does not know the operator's secret cannot
//! tell the id from the name. Who knows the name can ask for the id, so a browser makes it of the time and random digits.

use crate::limits::MAX_EVENT_ID;
use hmac::Mac as _;

use crate::email::keyed;
use crate::ids::{AffiliateId, Derived, Placement, ProgramId, ReferralId};

/// The name: 1 to [`MAX_EVENT_ID`] visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventId(String);

impl EventId {
    /// Reads a name; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=MAX_EVENT_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The id of the click that this landing through a link of `affiliate` comes to, under the operator's secret. The same
    /// landing through another affiliate's link is another click.
    pub fn click_id(&self, secret: &[u8], program: &ProgramId, affiliate: &AffiliateId, shards: u16) -> ReferralId {
        let mut derivation = keyed(secret);
        derivation.update(b"click:");
        derivation.update(program.as_str().as_bytes());
        let mut mac = keyed(&derivation.finalize().into_bytes());
        mac.update(affiliate.as_str().as_bytes());
        // No id and no name contains it.
        mac.update(b"\0");
        mac.update(self.0.as_bytes());
        let bits =
            mac.finalize().into_bytes().iter().take(16).fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
        ReferralId::mint(Placement::of_identity(program, &self.0, shards), &mut Derived(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(secret: &[u8], program: &str, affiliate: &str, name: &str) -> ReferralId {
        let event = EventId::parse(name).unwrap();
        event.click_id(secret, &ProgramId::new(program), &AffiliateId::new(affiliate), 4)
    }

    #[test]
    fn a_name_is_visible_ascii_and_not_too_long() {
        assert!(EventId::parse("0f8fad5b-d9cb-469f-a165-70867728950e").is_some());
        assert!(EventId::parse(&"x".repeat(64)).is_some());
        for text in ["", " ", "a b", "a\n", "é", "a\0", &"x".repeat(65)] {
            assert_eq!(EventId::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_same_landing_comes_to_the_same_click_in_the_same_shard() {
        let first = id(b"secret", "prog_1", "aff_1", "landing");
        assert_eq!(first, id(b"secret", "prog_1", "aff_1", "landing"));
        let placement = Placement::of_identity(&ProgramId::new("prog_1"), "landing", 4);
        assert_eq!(first.placement(), Some(placement));
    }

    #[test]
    fn another_program_affiliate_name_or_secret_is_another_click() {
        let first = id(b"secret", "prog_1", "aff_1", "landing");
        for other in [
            id(b"secret2", "prog_1", "aff_1", "landing"),
            id(b"secret", "prog_2", "aff_1", "landing"),
            id(b"secret", "prog_1", "aff_2", "landing"),
            id(b"secret", "prog_1", "aff_1", "landing2"),
            // The parts do not run into each other.
            id(b"secret", "prog_1", "aff_1l", "anding"),
            id(b"secret", "prog_1a", "ff_1", "landing"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn the_id_is_the_hmac_of_the_name() {
        // openssl: key = HMAC("secret", "click:prog_1"); HMAC(key, "aff_1" 00 "landing"), its first 16 bytes.
        let known = u128::from_str_radix("24decf8f5cd84bd662719fe03b40391a", 16).unwrap();
        let placement = Placement::of_identity(&ProgramId::new("prog_1"), "landing", 4);
        assert_eq!(id(b"secret", "prog_1", "aff_1", "landing"), ReferralId::mint(placement, &mut Derived(known)));
    }
}
