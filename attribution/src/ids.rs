//! Identifiers: how they are minted, and what they say about where a row lives.
//!
//! An id is a prefix, the database, the shard and 128 random bits in base62: `ref_0A1…`. The shard names the object
//! whose gate a referral passes, so an id alone is enough to route a call, and raising the number of shards strands no
//! old id. Minting takes its randomness as an argument; nothing here keeps state.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 62^22 > 2^128: so many digits hold 128 bits.
const RANDOM_DIGITS: usize = 22;

/// One digit for the database, two for the shard.
const PLACEMENT_DIGITS: usize = 3;

/// Shards that two base62 digits can name.
pub const MAX_SHARDS: u16 = 62 * 62;

/// Source of unguessable bytes.
pub trait Random {
    /// Fills the whole of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// Which object and database hold a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Placement {
    /// The database's number; 0 is the first one.
    pub database: u8,
    /// The shard's number, from 0.
    pub shard: u16,
}

impl Placement {
    /// A place in the first database.
    pub fn of_shard(shard: u16) -> Self {
        Self { database: 0, shard: shard % MAX_SHARDS }
    }

    /// Where a referral goes that has no click: the same identity in the same program always meets the same gate.
    pub fn of_identity(program: &ProgramId, identity: &str, shards: u16) -> Self {
        Self::of_text(&format!("{program}\0{identity}"), shards)
    }

    /// The place that a text always has.
    pub fn of_text(text: &str, shards: u16) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let head = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let shard = head % u64::from(shards.max(1));
        Self::of_shard(u16::try_from(shard).unwrap_or(0))
    }
}

/// Mints `prefix`, placement and 128 random bits.
pub fn mint_placed(prefix: &str, placement: Placement, random: &mut impl Random) -> String {
    let mut id = String::with_capacity(prefix.len() + 1 + PLACEMENT_DIGITS + RANDOM_DIGITS);
    id.push_str(prefix);
    id.push('_');
    push_base62(&mut id, u128::from(placement.database), 1);
    push_base62(&mut id, u128::from(placement.shard), 2);
    push_base62(&mut id, random_u128(random), RANDOM_DIGITS);
    id
}

/// Mints `prefix` and 128 random bits, for rows that live in no shard: programs, affiliates, keys, requests.
pub fn mint(prefix: &str, random: &mut impl Random) -> String {
    let mut id = format!("{prefix}_");
    push_base62(&mut id, random_u128(random), RANDOM_DIGITS);
    id
}

/// An id that follows from `parts` alone: the same parts make the same id for ever, wherever it is asked for.
pub fn derive(prefix: &str, parts: &[&str]) -> String {
    let mut id = format!("{prefix}_");
    push_base62(&mut id, digest_of(parts), RANDOM_DIGITS);
    id
}

/// 128 bits that follow from `parts`.
fn digest_of(parts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().take(16).fold(0_u128, |number, byte| (number << 8) | u128::from(*byte))
}

/// Reads the placement out of an id made by [`mint_placed`] with `prefix`; `None` for anything else.
pub fn placement_of(prefix: &str, id: &str) -> Option<Placement> {
    let digits = id.strip_prefix(prefix)?.strip_prefix('_')?.as_bytes();
    if digits.len() != PLACEMENT_DIGITS + RANDOM_DIGITS {
        return None;
    }
    let values = digits.iter().map(|digit| base62_value(*digit)).collect::<Option<Vec<u16>>>()?;
    let [database, high, low, ..] = values.as_slice() else { return None };
    Some(Placement { database: u8::try_from(*database).ok()?, shard: high * 62 + low })
}

fn random_u128(random: &mut impl Random) -> u128 {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    u128::from_be_bytes(bytes)
}

/// Appends `number` in base62, most significant digit first, padded to `digits`.
pub(crate) fn push_base62(text: &mut String, number: u128, digits: usize) {
    let mut rest = number;
    let mut reversed = Vec::with_capacity(digits);
    for _ in 0..digits {
        let digit = usize::try_from(rest % 62).unwrap_or(0);
        reversed.push(BASE62.get(digit).copied().unwrap_or(b'0'));
        rest /= 62;
    }
    text.extend(reversed.iter().rev().map(|digit| char::from(*digit)));
}

fn base62_value(digit: u8) -> Option<u16> {
    let value = match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'Z' => digit - b'A' + 10,
        b'a'..=b'z' => digit - b'a' + 36,
        _ => return None,
    };
    Some(u16::from(value))
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What every id of this kind begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Takes an id as it was given; whether it exists is for the store to say.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

id_types! {
    /// The owner of programs.
    TeamId, "team";
    /// A partner program.
    ProgramId, "prog";
    /// Holds incentives.
    GroupId, "grp";
    /// Who sends visitors.
    AffiliateId, "aff";
    /// The rule that prices a lead or a sale.
    IncentiveId, "inc";
    /// A click, and the referral that it becomes: they share the id.
    ReferralId, "ref";
    /// A sale.
    ConversionId, "conv";
    /// What a sale or a lead earns.
    CommissionId, "com";
    /// What is paid back of a sale.
    RefundId, "rfd";
    /// What is paid out to an affiliate.
    PayoutId, "pay";
    /// What a customer types in to pay less.
    CouponId, "cpn";
    /// Where a program's subscriber wants its webhooks.
    WebhookEndpointId, "whe";
}

impl GroupId {
    /// Mints the id of a new group.
    pub fn mint(random: &mut impl Random) -> Self {
        Self(mint(Self::PREFIX, random))
    }
}

impl AffiliateId {
    /// Mints the id of a new affiliate.
    pub fn mint(random: &mut impl Random) -> Self {
        Self(mint(Self::PREFIX, random))
    }
}

impl IncentiveId {
    /// Mints the id of a new incentive, or of a new level: commissions name either.
    pub fn mint(random: &mut impl Random) -> Self {
        Self(mint(Self::PREFIX, random))
    }
}

impl CouponId {
    /// Mints the id of a new coupon.
    pub fn mint(random: &mut impl Random) -> Self {
        Self(mint(Self::PREFIX, random))
    }
}

impl PayoutId {
    /// Mints the id of a new payout.
    pub fn mint(random: &mut impl Random) -> Self {
        Self(mint(Self::PREFIX, random))
    }
}

impl WebhookEndpointId {
    /// Mints the id of a new endpoint.
    pub fn mint(random: &mut impl Random) -> Self {
        Self(mint(Self::PREFIX, random))
    }
}

impl ReferralId {
    /// Mints the id of a click or referral that lives in `placement`.
    pub fn mint(placement: Placement, random: &mut impl Random) -> Self {
        Self(mint_placed(Self::PREFIX, placement, random))
    }

    /// Where the click and the gate of this referral are; `None` when the text is no such id.
    pub fn placement(&self) -> Option<Placement> {
        placement_of(Self::PREFIX, &self.0)
    }
}

impl ConversionId {
    /// Mints the id of a sale of a referral in `placement`.
    pub fn mint(placement: Placement, random: &mut impl Random) -> Self {
        Self(mint_placed(Self::PREFIX, placement, random))
    }
}

impl RefundId {
    /// Mints the id of a refund of a sale of a referral in `placement`.
    pub fn mint(placement: Placement, random: &mut impl Random) -> Self {
        Self(mint_placed(Self::PREFIX, placement, random))
    }
}

impl CommissionId {
    /// Mints the id of a commission of a referral in `placement`.
    pub fn mint(placement: Placement, random: &mut impl Random) -> Self {
        Self(mint_placed(Self::PREFIX, placement, random))
    }

    /// The id of what a referral's lead earns after it had been withheld: one for each referral.
    pub fn of_lead(referral: &ReferralId) -> Self {
        let placement = referral.placement().unwrap_or(Placement::of_shard(0));
        let mut bits = Derived(digest_of(&[referral.as_str(), "lead"]));
        Self(mint_placed(Self::PREFIX, placement, &mut bits))
    }

    /// The id of a further commission that comes with this one, in the same place: it follows from this id and from what
    /// it is for alone.
    #[must_use]
    pub fn beside(&self, what: &str) -> Self {
        let placement = placement_of(Self::PREFIX, &self.0).unwrap_or(Placement::of_shard(0));
        let mut bits = Derived(digest_of(&[&self.0, what]));
        Self(mint_placed(Self::PREFIX, placement, &mut bits))
    }
}

/// Bits that follow from something, in the place of random ones.
pub(crate) struct Derived(pub(crate) u128);

impl Random for Derived {
    fn fill(&mut self, bytes: &mut [u8]) {
        for (byte, derived) in bytes.iter_mut().zip(self.0.to_be_bytes()) {
            *byte = derived;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Fixed(u128);

    impl Random for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.to_be_bytes());
        }
    }

    #[test]
    fn an_id_is_prefix_database_shard_and_twenty_two_digits() {
        let placement = Placement { database: 0, shard: 63 };
        assert_eq!(ReferralId::mint(placement, &mut Fixed(0)).as_str(), "ref_0110000000000000000000000");
        assert_eq!(ReferralId::mint(placement, &mut Fixed(61)).as_str(), "ref_011000000000000000000000z");
    }

    #[test]
    fn anything_else_has_no_placement() {
        for text in ["", "ref_", "ref_0A", "clk_0110000000000000000000000", "ref_011000000000000000000000!", "ref_é"] {
            assert_eq!(ReferralId::new(text).placement(), None, "{text}");
        }
    }

    #[test]
    fn a_derived_id_follows_from_its_parts_alone() {
        let id = derive("evt", &["ref_1", "2", "0"]);
        assert_eq!(id, derive("evt", &["ref_1", "2", "0"]));
        assert_eq!(id.len(), 4 + RANDOM_DIGITS);
        for other in [["ref_1", "2", "1"], ["ref_1", "20", ""], ["ref_12", "", "0"]] {
            assert_ne!(id, derive("evt", &other));
        }
    }

    #[test]
    fn a_commission_beside_another_lives_in_the_same_place_under_an_id_of_its_own() {
        let sale = CommissionId::mint(Placement::of_shard(63), &mut Fixed(7));
        let (first, second) = (sale.beside("level 1"), sale.beside("level 2"));
        assert_eq!(first, sale.beside("level 1"));
        assert_ne!(first, second);
        assert_eq!(placement_of("com", first.as_str()), Some(Placement::of_shard(63)));
    }

    #[test]
    fn one_identity_meets_one_gate() {
        let program = ProgramId::new("prog_1");
        let first = Placement::of_identity(&program, "user_1", 4);
        assert_eq!(first, Placement::of_identity(&program, "user_1", 4));
        assert!(first.shard < 4);
    }

    proptest! {
        #[test]
        fn every_minted_id_says_where_it_lives(bits: u128, database in 0_u8..62, shard in 0..MAX_SHARDS) {
            let placement = Placement { database, shard };
            let id = ReferralId::mint(placement, &mut Fixed(bits));
            prop_assert_eq!(id.as_str().len(), 29);
            prop_assert_eq!(id.placement(), Some(placement));
        }

        #[test]
        fn different_bits_make_different_ids(one: u128, other: u128) {
            prop_assume!(one != other);
            let placement = Placement::of_shard(0);
            prop_assert_ne!(
                ReferralId::mint(placement, &mut Fixed(one)),
                ReferralId::mint(placement, &mut Fixed(other))
            );
        }
    }
}
