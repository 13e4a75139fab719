//! Headers: keys of repeats, types of bodies, origins; and the cookies that an answer sets for what a page says.

use attribution::limits::{MAX_COOKIE_DAYS, MAX_DOMAIN, MAX_IDEMPOTENCY_KEY};
use attribution::outside::cookies::{Called, OwnSite};
use attribution::outside::repeats::{Call, idempotency_key};
use attribution::outside::{media_type, origin};

/// Looks at one input.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let call = Call { method: "POST", path: "/v1/clicks", body: input, keyed: text.len() % 2 == 0 };
    if let Ok(key) = idempotency_key(text, &call) {
        assert!((1..=MAX_IDEMPOTENCY_KEY).contains(&text.len()) && text.is_ascii());
        assert_eq!((key.value.len(), key.body_hash.len()), (64, 64));
        assert!(text.len() < 8 || !format!("{key:?}").contains(text));
    }
    if media_type::check(text).is_ok() {
        assert!(text.to_ascii_lowercase().contains("json"));
    }
    if let Some(written) = origin::written(text) {
        assert_eq!(origin::written(&written).as_ref(), Some(&written));
        assert!(written.starts_with("http") && written.is_ascii());
    }
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    look_at_cookies(next(), next(), next(), next());
}

fn look_at_cookies(origin: &str, host: &str, domain: &str, landing: &str) {
    let called = Called { origin, host, is_https: host.len() % 2 == 0 };
    for cookie_domain in [None, Some(domain)] {
        let Some(site) = OwnSite::of(&called, cookie_domain) else { continue };
        for cookie in site.cookies("ref_1", Some(landing), u32::MAX) {
            // Nothing that was sent adds an attribute, or a header.
            assert!(cookie.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{cookie:?}");
            let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
            assert!((3..=5).contains(&attributes.len()), "{cookie}");
            let life = format!("Max-Age={}", MAX_COOKIE_DAYS * 86_400);
            assert!(attributes.contains(&life.as_str()), "{cookie}");
            let domains: Vec<&str> = attributes.iter().filter_map(|one| one.strip_prefix("Domain=")).collect();
            assert!(domains.len() <= 1 && domains.iter().all(|one| *one == domain && one.len() <= MAX_DOMAIN));
        }
    }
}
