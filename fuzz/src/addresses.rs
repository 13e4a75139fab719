//! E-mail addresses, their domains, network addresses and the URLs that webhooks are sent to.

use attribution::email::{EmailAddress, EmailHasher};
use attribution::fraud::disposable;
use attribution::ids::ProgramId;
use attribution::rate_limit::address_key;
use attribution::webhooks::TargetPolicy;

const SECRET: &[u8] = b"a secret for tests, and only for them";

/// Looks at one input.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Some(address) = EmailAddress::parse(text) {
        assert_eq!(EmailAddress::parse(address.as_str()).as_ref(), Some(&address));
        assert!(address.masked().ends_with(&format!("***@{}", address.domain())));
        let hasher = EmailHasher::for_program(SECRET, &ProgramId::new("prog_1"));
        assert_eq!(hasher.hash(&address).len(), 64);
        if let Some(untagged) = address.without_tag() {
            assert_eq!(untagged.domain(), address.domain());
            assert_eq!(EmailAddress::parse(untagged.as_str()), Some(untagged));
        }
        let _ = disposable::listed(address.domain());
    }
    let _ = disposable::listed(text);
    assert_eq!(address_key(SECRET, text).len(), 64);
    for allow_loopback in [false, true] {
        let _ = TargetPolicy { allow_loopback }.check(text, "ledger.example:8787");
    }
}
