//! Customers' e-mail addresses: what is kept of them, and how the same one is recognised.
//!
//! An address is trimmed and lower-cased, then hashed with HMAC-SHA-256 under a key of its program, so that the same
//! person cannot be matched across programs and a copy of the database without the secret recovers no address.

use crate::limits::MAX_EMAIL;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::ids::ProgramId;
use crate::status::EmailPolicy;

/// An e-mail address, trimmed and lower-cased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address: something before an `@`, a domain with a dot behind it, no white space. `None` otherwise.
    pub fn parse(text: &str) -> Option<Self> {
        let address = text.trim().to_lowercase();
        let (local, domain) = address.rsplit_once('@')?;
        let is_plain = |part: &str| !part.chars().any(|letter| letter.is_whitespace() || letter.is_control());
        let has_labels = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
        let fits = address.len() <= MAX_EMAIL && !local.is_empty() && !local.contains('@');
        (fits && has_labels && is_plain(&address)).then_some(Self(address))
    }

    /// The address as normalised.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The address without what its owner may add behind a `+`; `None` where nothing was added.
    pub fn without_tag(&self) -> Option<Self> {
        let (local, domain) = self.0.rsplit_once('@')?;
        let (name, _) = local.split_once('+').filter(|(name, _)| !name.is_empty())?;
        Some(Self(format!("{name}@{domain}")))
    }

    /// The first letter and the domain: `j***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or((&self.0, ""));
        let first = local.chars().next().map(String::from).unwrap_or_default();
        format!("{first}***@{domain}")
    }
}

/// Hashes addresses for one program.
pub struct EmailHasher(Hmac<Sha256>);

impl EmailHasher {
    /// Derives the program's key from the operator's secret.
    pub fn for_program(secret: &[u8], program: &ProgramId) -> Self {
        let mut derivation = keyed(secret);
        derivation.update(b"email:");
        derivation.update(program.as_str().as_bytes());
        Self(keyed(&derivation.finalize().into_bytes()))
    }

    /// The keyed hash of an address, as lower-case hex.
    pub fn hash(&self, address: &EmailAddress) -> String {
        let mut mac = self.0.clone();
        mac.update(address.as_str().as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// The keyed hash of a visitor's network address: for rules, never shown. Of IPv6 the first 64 bits count: whoever has
    /// one such address has all of its network.
    pub fn hash_ip(&self, ip: &str) -> String {
        let mut mac = self.0.clone();
        // No e-mail address contains a colon before its `@` unquoted, so the two kinds never meet.
        mac.update(b"ip:");
        mac.update(network(ip.trim()).as_bytes());
        hex(&mac.finalize().into_bytes())
    }

    /// What `policy` lets a referral keep of an address; `keep_address` is false for callers whose interface promises
    /// hash and mask only.
    pub fn kept(&self, address: &EmailAddress, policy: EmailPolicy, keep_address: bool) -> Option<KeptEmail> {
        if policy == EmailPolicy::Off {
            return None;
        }
        let shown = policy == EmailPolicy::Full && keep_address;
        Some(KeptEmail {
            hash: self.hash(address),
            masked: address.masked(),
            address: shown.then(|| address.as_str().to_owned()),
        })
    }
}

/// What tells one visitor's network address from another's.
pub(crate) fn network(ip: &str) -> Cow<'_, str> {
    match ip.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            Ipv6Addr::from(prefix).to_string().into()
        }
        Ok(address) => address.to_string().into(),
        Err(_) => ip.into(),
    }
}

/// What a referral keeps of its customer's address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEmail {
    /// Keyed hash, hex.
    pub hash: String,
    /// Mask, for people.
    pub masked: String,
    /// The address itself, only where the program's policy keeps it.
    pub address: Option<String>,
}

impl KeptEmail {
    /// The domain, which the mask shows.
    pub fn domain(&self) -> Option<&str> {
        self.masked.rsplit_once('@').map(|(_, domain)| domain)
    }
}

/// HMAC-SHA-256 under a key of any length.
pub(crate) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length; the error type is the trait's, not this hash's.
    <Hmac<Sha256> as KeyInit>::new_from_slice(key)
        .unwrap_or_else(|_| <Hmac<Sha256> as KeyInit>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()))
}

/// Lower-case hex of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn an_address_is_trimmed_and_lower_cased() {
        assert_eq!(address("  John@Example.COM ").as_str(), "john@example.com");
    }

    #[test]
    fn other_texts_are_no_addresses() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "",
            "john",
            "@example.com",
            "john@",
            "john@example",
            "jo hn@example.com",
            "a@b@example.com",
            "j@.com",
            &long,
        ] {
            assert_eq!(EmailAddress::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_mask_is_the_first_letter_and_the_domain() {
        assert_eq!(address("john@example.com").masked(), "j***@example.com");
        assert_eq!(address("äpfel@example.com").masked(), "ä***@example.com");
    }

    #[test]
    fn a_tag_behind_a_plus_is_its_owners_addition() {
        let plain = |text: &str| address(text).without_tag().map(|plain| plain.as_str().to_owned());
        assert_eq!(plain("jane+shop@example.com").as_deref(), Some("jane@example.com"));
        assert_eq!(plain("jane+a+b@example.com").as_deref(), Some("jane@example.com"));
        assert_eq!((plain("jane@example.com"), plain("+jane@example.com")), (None, None));
        assert_eq!(address("jane+shop@example.com").domain(), "example.com");
    }

    #[test]
    fn a_network_address_counts_by_its_network() {
        let hasher = EmailHasher::for_program(b"secret", &ProgramId::new("prog_1"));
        let same = |one: &str, other: &str| hasher.hash_ip(one) == hasher.hash_ip(other);
        assert!(same("2001:db8:1:2::1", "2001:DB8:1:2:ffff::") && !same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
        assert!(same(" 192.0.2.1 ", "192.0.2.1") && !same("no address", "192.0.2.1"));
    }

    #[test]
    fn the_hash_is_the_programs_own() {
        let one = EmailHasher::for_program(b"secret", &ProgramId::new("prog_1"));
        let other = EmailHasher::for_program(b"secret", &ProgramId::new("prog_2"));
        assert_eq!(one.hash(&address("John@example.com")), one.hash(&address("john@example.com")));
        assert_ne!(one.hash(&address("john@example.com")), other.hash(&address("john@example.com")));
    }

    #[test]
    fn the_policy_says_what_is_kept() {
        let hasher = EmailHasher::for_program(b"secret", &ProgramId::new("prog_1"));
        let john = address("john@example.com");
        assert_eq!(hasher.kept(&john, EmailPolicy::Off, true), None);
        assert_eq!(hasher.kept(&john, EmailPolicy::Masked, true).unwrap().address, None);
        assert_eq!(hasher.kept(&john, EmailPolicy::Full, false).unwrap().address, None);
        assert_eq!(hasher.kept(&john, EmailPolicy::Full, true).unwrap().address.unwrap(), "john@example.com");
    }
}
