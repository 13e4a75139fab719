//! Ids, keys, scopes and codes: no text of a caller's makes their readers fail, and what is read is what was sent.

use attribution::account::TrackingId;
use attribution::coupon::coupon_code;
use attribution::event_id::EventId;
use attribution::ids::{ReferralId, placement_of};
use attribution::keys::{KeyScope, is_whole, key_hash, masked};
use attribution::webhooks::EventFilter;

/// Of a key its form and at most its last four characters.
const MOST_SHOWN: usize = "sk_live_…".len() + 4;

/// Looks at one input.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Some(placement) = ReferralId::new(text).placement() {
        assert!(text.starts_with("ref_") && placement.shard < 62 * 62);
    }
    for prefix in ["", "conv", text] {
        let _ = placement_of(prefix, text);
    }
    assert!(!is_whole(text) || text.is_ascii());
    assert!(masked(text).len() <= MOST_SHOWN);
    assert_eq!(key_hash(text).len(), 64);
    if let Some(scope) = KeyScope::from_word(text) {
        assert_eq!(scope.as_str(), text);
    }
    if let Some(code) = coupon_code(text) {
        assert_eq!(coupon_code(&code).as_ref(), Some(&code));
    }
    if let Some(id) = TrackingId::parse(text) {
        assert_eq!(id.into_text(), text);
    }
    let _ = EventId::parse(text);
    let _ = EventFilter::new(text.split('\n').map(str::to_owned).collect());
}
