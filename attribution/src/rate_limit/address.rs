//! Under what an address is counted where calls need no key.

use hmac::Mac as _;

use crate::email::{hex, keyed, network};

/// A keyed hash of an address: what is counted is not stored and cannot be turned back. Of IPv6 the network counts, since
/// a visitor has all addresses of a /64.
pub fn address_key(secret: &[u8], address: &str) -> String {
    let mut mac = keyed(secret);
    mac.update(b"calls of:");
    mac.update(network(address.trim()).as_bytes());
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a secret for tests";

    #[test]
    fn an_address_counts_by_itself_and_an_ipv6_one_by_its_network() {
        let key = |address| address_key(SECRET, address);
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(address_key(b"another secret", "192.0.2.1"), key("192.0.2.1"));
        assert!(!key("192.0.2.1").contains("192"));
    }
}
