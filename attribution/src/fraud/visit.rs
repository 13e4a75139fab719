//! What a click keeps that fraud rules look at, read out of its facts.
//!
//! The facts stand there under the names by which they were sent, and the two APIs name some of them differently. Nothing
//! here is the visitor's address: only its keyed hash is kept.

use std::borrow::Cow;

use serde_json::Value;
use url::{Host, Url, form_urlencoded};

/// Under these names stands where the visitor came from.
const REFERRERS: [&str; 2] = ["referrer", "referrer_url"];

/// Under these names stand addresses with parameters of an advertisement.
const ADDRESSES: [&str; 2] = ["page_url", "affiliate_url"];

/// Parameters of an advertisement that may also stand by themselves, with the names that they have in an address.
const PARAMETERS: [(&str, &str); 6] = [
    ("utmMedium", "utm_medium"),
    ("utmCampaign", "utm_campaign"),
    ("gclid", "gclid"),
    ("fbclid", "fbclid"),
    ("msclkid", "msclkid"),
    ("ttclid", "ttclid"),
];

/// The key of the facts under which the keyed hash of the visitor's network address stands.
pub const IP_HASH: &str = "ip_hash";

/// The key of the facts under which the visitor's country stands: ISO 3166, two letters, upper-case; `T1` is Tor.
pub const COUNTRY: &str = "country";

/// A visit as far as rules look at it.
pub struct Visit<'a> {
    /// The host that the visitor came from, in lower case.
    pub referrer: Option<String>,
    /// Parameters of the landing, names in lower case.
    pub parameters: Vec<(String, Cow<'a, str>)>,
    /// The visitor's country.
    pub country: Option<&'a str>,
    /// Keyed hash of the visitor's network address.
    pub ip_hash: Option<&'a str>,
}

impl<'a> Visit<'a> {
    /// Reads the facts of a click.
    pub fn of(facts: &'a Value) -> Self {
        let text = |name: &str| facts.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let sent = PARAMETERS.iter().filter_map(|(name, parameter)| Some((*parameter, text(name)?)));
        let sent = sent.map(|(name, value)| (name.to_owned(), Cow::Borrowed(value)));
        let in_addresses = ADDRESSES.iter().filter_map(|name| text(name)).flat_map(query);
        Self {
            referrer: REFERRERS.iter().find_map(|name| host(text(name)?)),
            parameters: sent.chain(in_addresses).collect(),
            country: text(COUNTRY),
            ip_hash: text(IP_HASH),
        }
    }

    /// The values of a parameter that is not empty.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.parameters
            .iter()
            .filter(move |(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| &**value)
    }
}

/// The parameters of an address, whatever else is wrong with it.
fn query(address: &str) -> impl Iterator<Item = (String, Cow<'_, str>)> {
    let query = address.split_once('?').map_or("", |(_, behind)| behind);
    let query = query.split('#').next().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.to_ascii_lowercase(), value))
}

/// The host of an address, which may come without its scheme.
fn host(address: &str) -> Option<String> {
    let with_scheme =
        if address.contains("://") { Cow::Borrowed(address) } else { format!("https://{address}").into() };
    let url = Url::parse(&with_scheme).ok()?;
    match url.host()? {
        Host::Domain(name) => Some(name.trim_end_matches('.').to_owned()),
        address => Some(address.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_apis_names_are_read() {
        let facts = json!({
            "referrer": "https://Coupons.Example/deals?x=1", "utmMedium": "cpc", "gclid": "abc", "ip_hash": "h",
            "country": "DE",
        });
        let visit = Visit::of(&facts);
        assert_eq!(visit.referrer.as_deref(), Some("coupons.example"));
        assert_eq!(visit.values("utm_medium").collect::<Vec<_>>(), ["cpc"]);
        assert_eq!(visit.values("gclid").count(), 1);
        assert_eq!((visit.country, visit.ip_hash), (Some("DE"), Some("h")));

        let facts = json!({
            "referrer_url": "android-app://com.example.app/", "page_url": "https://shop.example/?aff=a&UTM_Medium=paid%20social#x",
            "affiliate_url": "/no address?gbraid=1",
        });
        let visit = Visit::of(&facts);
        assert_eq!(visit.referrer.as_deref(), Some("com.example.app"));
        assert_eq!(visit.values("utm_medium").collect::<Vec<_>>(), ["paid social"]);
        assert_eq!(visit.values("gbraid").count(), 1);
    }

    #[test]
    fn what_is_not_there_or_no_text_is_nothing() {
        for facts in [json!({}), json!(null), json!({ "referrer": 5, "page_url": "", "gclid": "", "country": null })] {
            let visit = Visit::of(&facts);
            assert!(visit.referrer.is_none() && visit.parameters.is_empty() && visit.country.is_none());
        }
    }

    #[test]
    fn a_referrer_is_read_with_or_without_its_scheme() {
        let of = |text: &str| Visit::of(&json!({ "referrer": text })).referrer;
        for text in ["coupons.example", "coupons.example/x", "//coupons.example./", "http://coupons.example:8080"] {
            assert!(of(text).is_none_or(|host| host == "coupons.example"), "{text}: {:?}", of(text));
        }
        assert_eq!(of("coupons.example/x").as_deref(), Some("coupons.example"));
        assert_eq!(of("http://"), None);
        assert_eq!(of("no host at all"), None);
    }
}
