//! Entries of the lists that fraud rules have: how each is kept, and why it is refused.
//!
//! Nothing here keeps state.

use attribution::limits::MAX_FRAUD_ENTRIES;
use attribution::limits::MAX_FRAUD_PARAMETER;
use worker::Url;

use crate::input::{Fields, MAX_TEXT};

/// What an entry is meant to be, and how it is kept; why not, otherwise.
pub type Entry = fn(&str) -> Result<String, &'static str>;

/// A list as it is kept, each entry once.
pub fn list(fields: &mut Fields, field: &str, sent: Option<&[String]>, entry: Entry) -> Vec<String> {
    let sent = sent.unwrap_or_default();
    if sent.len() > MAX_FRAUD_ENTRIES {
        fields.refuse(field, format!("has more than {MAX_FRAUD_ENTRIES} entries"));
        return Vec::new();
    }
    let mut kept: Vec<String> = Vec::new();
    for text in sent {
        match entry(text.trim()) {
            Ok(text) if kept.contains(&text) => {}
            Ok(text) => kept.push(text),
            Err(message) => fields.refuse(field, message),
        }
    }
    kept
}

/// The value of a campaign's parameter, in lower case.
pub fn campaign(text: &str) -> Result<String, &'static str> {
    let fits = (1..=MAX_TEXT).contains(&text.chars().count()) && !text.contains('\0');
    if fits { Ok(text.to_lowercase()) } else { Err("must be names of campaigns, of 1 to 255 characters") }
}

/// The name of a parameter, in lower case.
pub fn parameter(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let fits = (1..=MAX_FRAUD_PARAMETER).contains(&text.len()) && text.bytes().all(is_plain);
    if fits {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("must be names of parameters, of 1 to 64 of a-z, 0-9, _, - and .")
    }
}

/// A domain as hosts are compared: in lower case, international names in their ASCII form.
pub fn domain(text: &str) -> Result<String, &'static str> {
    let wrong = "must be domains, like coupons.example";
    let url = Url::parse(&format!("https://{text}/")).map_err(|_| wrong)?;
    let host = url.host_str().unwrap_or_default();
    let is_bare = url.path() == "/" && url.query().is_none() && url.port().is_none() && url.username().is_empty();
    // Neither the address of a machine nor a name without a dot.
    let is_domain = url.domain().is_some_and(|domain| domain.trim_matches('.').contains('.'));
    if is_bare && is_domain { Ok(host.trim_end_matches('.').to_owned()) } else { Err(wrong) }
}

/// A country, in upper case.
pub fn country(text: &str) -> Result<String, &'static str> {
    let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { Ok(text.to_ascii_uppercase()) } else { Err("must be countries of ISO 3166, two letters each, like DE") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_kept_as_hosts_are_compared() {
        assert_eq!(domain("Coupons.Example").as_deref(), Ok("coupons.example"));
        assert_eq!(domain("bücher.example.").as_deref(), Ok("xn--bcher-kva.example"));
        for text in [
            "",
            "example",
            "https://coupons.example",
            "coupons.example/x",
            "a@coupons.example",
            "127.0.0.1",
            "a b.example",
        ] {
            assert!(domain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_country_is_two_letters() {
        assert_eq!((country("de").as_deref(), country("T1").as_deref()), (Ok("DE"), Ok("T1")));
        for text in ["", "D", "DEU", "é"] {
            assert!(country(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_entry_counts_once() {
        let mut fields = Fields::default();
        let sent = ["DE".to_owned(), "de".to_owned(), "FR".to_owned()];
        assert_eq!(list(&mut fields, "countries", Some(&sent), country), ["DE", "FR"]);
        assert!(fields.is_clean());
    }
}
