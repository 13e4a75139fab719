//! The cookies of a call that was made on the site's own domain: set by an answer, they live as long as they say, where a
//! browser may end one that a script wrote after seven days.
//!
//! Why what a page says of its domain can be trusted: a browser stores a cookie for a domain only when the host that it
//! called belongs to it, and never for a public suffix. A page that lies sets a cookie for its own calls, or none.

use std::fmt::Write as _;

use url::Url;

use crate::limits::{MAX_COOKIE_DAYS, MAX_DOMAIN};

/// Both hold the click's id: each of the two products reads its own.
const CLICK_ID: [&str; 2] = ["affitor_click_id", "affonso_referral"];

/// Holds what the page wants remembered of its landing.
const LANDING: &str = "affitor_aff_url";

const SECONDS_PER_DAY: u32 = 24 * 60 * 60;

/// Where a call came from and went to.
#[derive(Clone, Copy, Debug)]
pub struct Called<'a> {
    /// The page's origin.
    pub origin: &'a str,
    /// The host that the browser called, with or without a port.
    pub host: &'a str,
    /// Whether it called by https.
    pub is_https: bool,
}

/// Page and call are on one site, whose cookies the answer may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSite {
    /// The domain of its cookies; `None` for the host alone.
    domain: Option<String>,
    is_https: bool,
}

impl OwnSite {
    /// The site, if both hosts belong to the domain that the page has found to take cookies; without one, if they are the
    /// same. `None` otherwise, and for what is no domain.
    pub fn of(called: &Called<'_>, cookie_domain: Option<&str>) -> Option<Self> {
        let origin = Url::parse(called.origin).ok()?;
        let page = origin.host_str().filter(|_| matches!(origin.scheme(), "http" | "https"))?;
        let host = without_port(called.host).to_ascii_lowercase();
        let is_https = called.is_https || origin.scheme() == "https";
        let domain = cookie_domain.filter(|domain| !domain.is_empty());
        let is_own = match domain {
            Some(domain) => is_domain(domain) && is_within(&host, domain) && is_within(page, domain),
            None => host == page,
        };
        is_own.then(|| Self { domain: domain.map(str::to_owned), is_https })
    }

    /// The values of `Set-Cookie` for a click, for so many days. Scripts read them, so they are not `HttpOnly`.
    pub fn cookies(&self, click_id: &str, landing: Option<&str>, days: u32) -> Vec<String> {
        let click = CLICK_ID.iter().map(|name| (*name, click_id));
        let landing = landing.map(|landing| (LANDING, landing));
        click.chain(landing).map(|(name, value)| self.cookie(name, value, days)).collect()
    }

    fn cookie(&self, name: &str, value: &str, days: u32) -> String {
        let seconds = days.min(MAX_COOKIE_DAYS) * SECONDS_PER_DAY;
        let domain = self.domain.as_ref().map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let secure = if self.is_https { "; Secure" } else { "" };
        format!("{name}={}; Path=/; SameSite=Lax; Max-Age={seconds}{domain}{secure}", encoded(value))
    }
}

/// `[::1]` keeps its brackets and colons.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A name with a dot that is no address: its last label is no number.
fn is_domain(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let last_label = text.rsplit('.').next().unwrap_or_default();
    let ends_in_number = last_label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= MAX_DOMAIN && text.contains('.') && text.bytes().all(is_plain) && !ends_in_number
}

/// Whether `host` is `domain` or one below it.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// `value` with what a cookie may not carry percent-encoded, so that it can add neither an attribute nor a header. `%` stays:
/// an address reads as it was. tracker/src/cookie.rs writes the same.
fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\') {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(origin: &str, host: &str, cookie_domain: Option<&str>) -> Option<OwnSite> {
        OwnSite::of(&Called { origin, host, is_https: false }, cookie_domain)
    }

    #[test]
    fn page_and_call_must_both_be_on_the_domain() {
        for (origin, host, domain) in [
            ("https://shop.example", "shop.example", None),
            ("https://shop.example", "shop.example", Some("")),
            ("https://shop.example", "shop.example", Some("shop.example")),
            ("https://www.shop.example", "track.shop.example", Some("shop.example")),
            ("https://www.shop.example:8443", "track.shop.example:8080", Some("shop.example")),
            ("https://shop.example", "a.b.shop.example", Some("shop.example")),
            ("https://shop.co.uk", "shop.co.uk", Some("shop.co.uk")),
            ("http://localhost:3000", "localhost:8787", None),
            ("http://127.0.0.1:3000", "127.0.0.1:8787", None),
            ("http://[::1]:3000", "[::1]:8787", None),
            ("https://SHOP.example", "Shop.Example", None),
        ] {
            assert!(site(origin, host, domain).is_some(), "{origin} {host} {domain:?}");
        }
        for (origin, host, domain) in [
            ("https://shop.example", "ledger.example", None),
            ("https://www.shop.example", "track.shop.example", None),
            ("https://shop.example", "ledger.example", Some("shop.example")),
            ("https://evil.example", "shop.example", Some("shop.example")),
            ("https://evilshop.example", "shop.example", Some("shop.example")),
            ("https://shop.example.evil.example", "shop.example", Some("shop.example")),
            ("https://shop.example", "shop.example", Some("evil.example")),
            ("https://shop.example", "shop.example", Some("www.shop.example")),
            ("null", "shop.example", None),
            ("", "shop.example", None),
            ("chrome-extension://shop.example", "shop.example", None),
        ] {
            assert_eq!(site(origin, host, domain), None, "{origin} {host} {domain:?}");
        }
    }

    #[test]
    fn what_is_no_domain_sets_no_cookie() {
        let long = format!("{}.example", "a".repeat(250));
        for domain in [
            "example",
            ".example",
            "shop.example.",
            ".shop.example",
            "SHOP.example",
            "shop.example; Secure",
            "shop.example\r\nX: y",
            "shöp.example",
            " shop.example",
            &long,
        ] {
            assert_eq!(site("https://shop.example", "shop.example", Some(domain)), None, "{domain:?}");
        }
        for address in ["127.0.0.1", "10.1"] {
            assert_eq!(site(&format!("http://{address}"), address, Some(address)), None, "{address}");
        }
        assert_eq!(site("http://127.0.0.1", "127.0.0.1", Some("0.0.1")), None);
    }

    #[test]
    fn a_cookie_is_the_domains_and_secure_where_the_page_is() {
        let cookies = |origin, host, domain, days| {
            site(origin, host, domain).unwrap().cookies("ref_1", Some("https://shop.example/?aff=alice"), days)
        };
        assert_eq!(
            cookies("https://www.shop.example", "track.shop.example", Some("shop.example"), 60),
            [
                "affitor_click_id=ref_1; Path=/; SameSite=Lax; Max-Age=5184000; Domain=shop.example; Secure",
                "affonso_referral=ref_1; Path=/; SameSite=Lax; Max-Age=5184000; Domain=shop.example; Secure",
                "affitor_aff_url=https://shop.example/?aff=alice; Path=/; SameSite=Lax; Max-Age=5184000; \
                 Domain=shop.example; Secure",
            ]
        );
        assert_eq!(
            cookies("http://localhost:3000", "localhost:8787", None, 1)[0],
            "affitor_click_id=ref_1; Path=/; SameSite=Lax; Max-Age=86400"
        );
        // 400 days.
        assert!(cookies("http://localhost", "localhost", None, u32::MAX)[0].ends_with("Max-Age=34560000"));
    }

    #[test]
    fn without_a_landing_there_are_two() {
        let site = site("https://shop.example", "shop.example", None).unwrap();
        assert_eq!(site.cookies("ref_1", None, 60).len(), 2);
    }

    #[test]
    fn a_landing_can_add_nothing() {
        for (landing, expected) in [
            ("https://shop.example/?aff=a%20b&x=1#y", "https://shop.example/?aff=a%20b&x=1#y"),
            ("a; Domain=evil.example", "a%3B%20Domain=evil.example"),
            ("a\r\nSet-Cookie: b=c", "a%0D%0ASet-Cookie:%20b=c"),
            ("\"quoted\", \\ é \u{7f}", "%22quoted%22%2C%20%5C%20%C3%A9%20%7F"),
        ] {
            assert_eq!(encoded(landing), expected);
        }
    }
}
