//! Each rule by hand: what it looks at, and what it says.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Examination, Found, FraudRules, Inquiry, Suspicion, Visit, examine};
use crate::fixtures::affiliate;
use crate::program::Affiliate;
use crate::status::{FraudMode, FraudRule};

/// A customer of whom nothing is known.
fn inquiry(affiliate: &Affiliate) -> Inquiry<'_> {
    Inquiry {
        visit: None,
        affiliate,
        email_hashes: Vec::new(),
        email_domain: None,
        external_user_id: None,
        same_address: None,
        seconds_after_click: None,
    }
}

/// What the only rule that is on found, and why.
fn said(rules: &FraudRules, inquiry: &Inquiry<'_>) -> (Found, String) {
    let findings = examine(rules, inquiry, false).findings;
    assert_eq!(findings.len(), 1);
    (findings[0].found, findings[0].because.clone())
}

fn of_visit(rules: &FraudRules, facts: &Value) -> (Found, String) {
    let alice = affiliate();
    said(rules, &Inquiry { visit: Some(Visit::of(facts)), ..inquiry(&alice) })
}

#[test]
fn a_rule_that_is_off_is_not_asked() {
    let alice = affiliate();
    assert!(examine(&FraudRules::default(), &inquiry(&alice), false).findings.is_empty());
}

#[test]
fn the_customer_is_the_affiliate_by_address_or_by_user_id() {
    let rules = FraudRules { self_referral: FraudMode::Detect, ..FraudRules::default() };
    let alice =
        Affiliate { email_hash: Some("hash_alice".into()), external_user_id: Some("user_a".into()), ..affiliate() };
    let with = |hashes: &[&str], user: Option<&'static str>| {
        let email_hashes = hashes.iter().map(|hash| (*hash).to_owned()).collect();
        said(&rules, &Inquiry { email_hashes, external_user_id: user, ..inquiry(&alice) }).0
    };
    assert_eq!(with(&["hash_alice+shop", "hash_alice"], None), Found::Hit);
    assert_eq!(with(&["hash_bob"], Some("user_a")), Found::Hit);
    assert_eq!(with(&["hash_bob"], Some("user_b")), Found::Nothing);
    assert_eq!(with(&["hash_bob"], None), Found::Nothing);
    assert_eq!(with(&[], None), Found::Unknown);
    // Of neither anything is known: two that are missing are not equal.
    let nobody = affiliate();
    assert_eq!(said(&rules, &inquiry(&nobody)).0, Found::Unknown);
    let user = Inquiry { external_user_id: Some("user_a"), ..inquiry(&nobody) };
    assert_eq!(said(&rules, &user).0, Found::Unknown);
}

#[test]
fn a_throw_away_address_is_known_by_its_domain() {
    let rules = FraudRules { suspicious_email: FraudMode::Detect, ..FraudRules::default() };
    let alice = affiliate();
    let of = |domain: Option<&str>| {
        let email_domain = domain.map(str::to_owned);
        said(&rules, &Inquiry { email_domain, ..inquiry(&alice) })
    };
    assert_eq!(of(Some("a.mailinator.com")), (Found::Hit, "mailinator.com gives throw-away addresses".into()));
    assert_eq!(of(Some("example.com")).0, Found::Nothing);
    assert_eq!(of(None).0, Found::Unknown);
}

#[test]
fn a_paid_visit_is_known_by_click_ids_and_by_its_medium() {
    let rules = FraudRules { paid_traffic: FraudMode::Detect, ..FraudRules::default() };
    for facts in [
        json!({ "gclid": "x" }),
        json!({ "msclkid": "x" }),
        json!({ "page_url": "https://shop.example/?aff=a&GBRAID=x" }),
        json!({ "affiliate_url": "https://shop.example/?aff=a&gad_source=1" }),
        json!({ "utmMedium": "cpc" }),
        json!({ "utmMedium": "Paid-Social" }),
        json!({ "page_url": "https://shop.example/?utm_medium=PPC" }),
    ] {
        assert_eq!(of_visit(&rules, &facts).0, Found::Hit, "{facts}");
    }
    for facts in [
        json!({}),
        json!({ "gclid": "" }),
        json!({ "utmMedium": "email" }),
        json!({ "utmMedium": "affiliate", "utmCampaign": "paid" }),
        json!({ "fbclid": "x" }),
        json!({ "page_url": "https://shop.example/gclid?q=gclid" }),
    ] {
        assert_eq!(of_visit(&rules, &facts).0, Found::Nothing, "{facts}");
    }
    let alice = affiliate();
    assert_eq!(said(&rules, &inquiry(&alice)).0, Found::Unknown);
}

#[test]
fn a_program_allows_campaigns_and_adds_click_ids() {
    let rules = FraudRules {
        paid_traffic: FraudMode::Block,
        allowed_campaigns: vec!["summer".into()],
        further_click_ids: vec!["fbclid".into()],
        ..FraudRules::default()
    };
    assert_eq!(of_visit(&rules, &json!({ "fbclid": "x" })).0, Found::Hit);
    assert_eq!(of_visit(&rules, &json!({ "gclid": "x", "utmCampaign": "Summer" })).0, Found::Nothing);
    assert_eq!(of_visit(&rules, &json!({ "gclid": "x", "utmCampaign": "summer2" })).0, Found::Hit);
}

#[test]
fn a_banned_site_is_banned_with_what_lies_within_it() {
    let rules = FraudRules {
        banned_referral: FraudMode::Detect,
        banned_domains: vec!["coupons.example".into()],
        ..FraudRules::default()
    };
    let from = |referrer: &str| of_visit(&rules, &json!({ "referrer": referrer })).0;
    assert_eq!(from("https://coupons.example/deal"), Found::Hit);
    assert_eq!(from("https://www.COUPONS.example"), Found::Hit);
    assert_eq!(from("https://goodcoupons.example/"), Found::Nothing);
    assert_eq!(from("https://coupons.example.other/"), Found::Nothing);
    assert_eq!(of_visit(&rules, &json!({})).0, Found::Unknown);
}

#[test]
fn a_blocked_country_is_known_by_its_two_letters() {
    let rules = FraudRules {
        blocked_country: FraudMode::Detect,
        blocked_countries: vec!["CN".into(), "RU".into()],
        ..FraudRules::default()
    };
    let of = |country: &str| of_visit(&rules, &json!({ "country": country })).0;
    assert_eq!((of("RU"), of("DE")), (Found::Hit, Found::Nothing));
    assert_eq!(of_visit(&rules, &json!({})).0, Found::Unknown);
}

#[test]
fn as_many_others_as_the_threshold_are_too_many() {
    let rules = FraudRules { duplicate_ip: FraudMode::Detect, duplicate_ip_threshold: 2, ..FraudRules::default() };
    let alice = affiliate();
    let with = |others: Option<u32>| said(&rules, &Inquiry { same_address: others, ..inquiry(&alice) }).0;
    assert_eq!((with(Some(0)), with(Some(1))), (Found::Nothing, Found::Nothing));
    assert_eq!((with(Some(2)), with(None)), (Found::Hit, Found::Unknown));
}

#[test]
fn a_sign_up_is_too_fast_below_the_bound() {
    let rules = FraudRules { fast_signup: FraudMode::Detect, fast_signup_seconds: 3, ..FraudRules::default() };
    let alice = affiliate();
    let after = |seconds: Option<i64>| said(&rules, &Inquiry { seconds_after_click: seconds, ..inquiry(&alice) }).0;
    assert_eq!((after(Some(2)), after(Some(3))), (Found::Hit, Found::Nothing));
    // A click that is said to be later than its sign-up.
    assert_eq!((after(Some(-5)), after(None)), (Found::Hit, Found::Unknown));
}

#[test]
fn the_first_rule_that_blocks_gives_the_reason_and_none_does_once_a_person_has_looked() {
    let rules = FraudRules {
        self_referral: FraudMode::Detect,
        suspicious_email: FraudMode::Block,
        fast_signup: FraudMode::Block,
        ..FraudRules::default()
    };
    let alice = Affiliate { email_hash: Some("hash".into()), ..affiliate() };
    let everything = Inquiry {
        email_hashes: vec!["hash".into()],
        email_domain: Some("mailinator.com".into()),
        seconds_after_click: Some(0),
        ..inquiry(&alice)
    };
    let examined = examine(&rules, &everything, false);
    assert_eq!(examined.blocking(), Some(FraudRule::SuspiciousEmail));
    assert_eq!(examined.hits(), [FraudRule::SelfReferral, FraudRule::SuspiciousEmail, FraudRule::FastSignup]);
    let cleared = examine(&rules, &everything, true);
    assert_eq!((cleared.blocking(), cleared.hits().len()), (None, 3));
}

#[test]
fn nothing_that_is_said_names_an_address() {
    let all = FraudRules {
        self_referral: FraudMode::Detect,
        suspicious_email: FraudMode::Detect,
        paid_traffic: FraudMode::Detect,
        banned_referral: FraudMode::Detect,
        blocked_country: FraudMode::Detect,
        duplicate_ip: FraudMode::Detect,
        fast_signup: FraudMode::Detect,
        ..FraudRules::default()
    };
    let alice = Affiliate { email_hash: Some("hash_of_the_address".into()), ..affiliate() };
    let facts = json!({ "ip_hash": "hash_of_the_network", "country": "DE", "referrer": "https://a.example/jane@x" });
    let everything = Inquiry {
        visit: Some(Visit::of(&facts)),
        email_hashes: vec!["hash_of_the_address".into()],
        email_domain: Some("example.com".into()),
        external_user_id: Some("user_1"),
        same_address: Some(1),
        seconds_after_click: Some(60),
        ..inquiry(&alice)
    };
    let examined = examine(&all, &everything, false);
    assert_eq!(examined.findings.len(), FraudRule::ALL.len());
    let text = examined.to_value().to_string();
    for secret in ["hash_of", "@", "user_1", "example.com\""] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn suspicions_add_up_and_each_rule_is_named_once() {
    assert_eq!(Suspicion::noted(None, &[]), None);
    let first = Suspicion::noted(None, &[FraudRule::PaidTraffic]).unwrap();
    let second = Suspicion::noted(Some(first), &[FraudRule::PaidTraffic, FraudRule::SelfReferral]).unwrap();
    assert_eq!(second.rules, [FraudRule::PaidTraffic, FraudRule::SelfReferral]);
    assert_eq!(Examination::default().blocking(), None);
}

proptest! {
    #[test]
    fn whatever_a_stranger_sends_is_looked_at(texts in proptest::collection::vec(".{0,80}", 6)) {
        let rules = FraudRules {
            paid_traffic: FraudMode::Detect,
            banned_referral: FraudMode::Detect,
            blocked_country: FraudMode::Detect,
            suspicious_email: FraudMode::Detect,
            ..FraudRules::default()
        };
        let facts = json!({
            "referrer": texts[0], "page_url": texts[1], "utmMedium": texts[2], "country": texts[3], "gclid": texts[4],
        });
        let alice = affiliate();
        let domain = Some(texts[5].clone());
        let asked = Inquiry { visit: Some(Visit::of(&facts)), email_domain: domain, ..inquiry(&alice) };
        prop_assert_eq!(examine(&rules, &asked, false).findings.len(), 4);
    }

    #[test]
    fn a_host_is_banned_exactly_where_its_last_labels_are_the_domain(
        host in "[ab]{1,2}(\\.[ab]{1,2}){1,3}", domain in "[ab]{1,2}\\.[ab]{1,2}",
    ) {
        let rules = FraudRules {
            banned_referral: FraudMode::Detect,
            banned_domains: vec![domain.clone()],
            ..FraudRules::default()
        };
        let labels = |name: &str| name.split('.').rev().map(str::to_owned).collect::<Vec<_>>();
        let expected = labels(&host).starts_with(&labels(&domain));
        let found = of_visit(&rules, &json!({ "referrer": format!("https://{host}/") })).0;
        prop_assert_eq!(found == Found::Hit, expected);
    }
}
