//! `/v1/program/fraud-rules`: what speaks against a customer, and what is done about it. What each rule looks at is said in
//! docs/fraud.md.
//!
//! The fields are those of the current documentation; the names of the older client (`self_referral`, `duplicate_ip`, …) say
//! the same. `fast_signup_*` and the contents of `paid_traffic_config` are additions. Rules that are published and not here
//! are shown as `off` and cannot be switched on. State: columns of `program` in D1.

use attribution::edits::Edit;
use attribution::fraud::FraudRules;
use attribution::status::FraudMode;
use serde::Deserialize;
use serde_json::{Value, json};
use worker::Url;

use crate::affonso::{Problem, caller, live_caller, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::store::api_key::ApiKey;
use crate::store::program_settings::fraud_rules::{self, Change};

/// A list of a rule has at most so many entries: more than there are countries.
const MAX_ENTRIES: usize = 300;

/// The longest name of a parameter.
const MAX_PARAMETER: usize = 64;

/// So many others at most, within at most thirty days, and at most an hour from click to sign-up.
const MAX_THRESHOLD: u32 = 1_000;
const MAX_WINDOW_HOURS: u32 = 720;
const MAX_SECONDS: u32 = 3_600;

#[derive(Deserialize)]
struct Body {
    self_referral_mode: Option<String>,
    self_referral: Option<String>,
    suspicious_email_mode: Option<String>,
    paid_traffic_mode: Option<String>,
    banned_referral_mode: Option<String>,
    blocked_country_mode: Option<String>,
    duplicate_ip_mode: Option<String>,
    duplicate_ip: Option<String>,
    fast_signup_mode: Option<String>,
    #[serde(default)]
    paid_traffic_config: Edit<PaidTraffic>,
    #[serde(default)]
    banned_referral_config: Edit<BannedReferral>,
    #[serde(default)]
    blocked_country_config: Edit<BlockedCountry>,
    #[serde(default)]
    duplicate_ip_config: Edit<DuplicateIp>,
    #[serde(default)]
    fast_signup_config: Edit<FastSignup>,
    cross_program_ban_mode: Option<String>,
    duplicate_payout_mode: Option<String>,
    vpn_proxy: Option<String>,
    suspicious_conversion: Option<String>,
    self_referral_config: Option<Value>,
    vpn_proxy_config: Option<Value>,
    suspicious_conversion_config: Option<Value>,
}

#[derive(Default, Deserialize)]
struct PaidTraffic {
    allowed_campaigns: Option<Vec<String>>,
    further_click_ids: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct BannedReferral {
    domains: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct BlockedCountry {
    countries: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
struct DuplicateIp {
    threshold: Option<i64>,
    window_hours: Option<i64>,
}

#[derive(Default, Deserialize)]
struct FastSignup {
    seconds: Option<i64>,
}

/// The rules as they are set.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    answer(funnel, &key).await
}

/// Changes what is sent. A configuration is replaced as a whole; null gives it what a new program has.
pub async fn update(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let says_off =
        [&body.cross_program_ban_mode, &body.duplicate_payout_mode, &body.vpn_proxy, &body.suspicious_conversion]
            .into_iter()
            .any(Option::is_some);
    let change = check(body)?;
    if change == Change::default() && !says_off {
        return Err(nothing_sent("self_referral_mode").into());
    }
    if change != Change::default() {
        fraud_rules::change(&funnel.database, &key.program_id, &change).await?;
        forget_program(&key.program_id);
    }
    answer(funnel, &key).await
}

async fn answer(funnel: &Funnel, key: &ApiKey) -> Result<Answer, Problem> {
    let rules = fraud_rules::find(&funnel.database, &key.program_id).await?;
    Ok(success(200, &view(&rules)))
}

fn check(body: Body) -> Result<Change, BodyProblem> {
    let mut fields = Fields::default();
    refuse_unavailable(&mut fields, &body);
    let self_referral = mode(&mut fields, "self_referral_mode", body.self_referral_mode);
    let older_self_referral = mode(&mut fields, "self_referral", body.self_referral);
    let duplicate_ip = mode(&mut fields, "duplicate_ip_mode", body.duplicate_ip_mode);
    let older_duplicate_ip = mode(&mut fields, "duplicate_ip", body.duplicate_ip);
    let paid = replaced(body.paid_traffic_config);
    let banned = replaced(body.banned_referral_config);
    let blocked = replaced(body.blocked_country_config);
    let duplicates = replaced(body.duplicate_ip_config);
    let fast = replaced(body.fast_signup_config);
    let new = FraudRules::default();
    let mut number = |field, sent: Option<i64>, most, default| {
        sent.map_or(Some(default), |sent| fields.whole(field, sent, 1..=most))
    };
    let threshold = duplicates.as_ref().and_then(|sent| {
        number("duplicate_ip_config.threshold", sent.threshold, MAX_THRESHOLD, new.duplicate_ip_threshold)
    });
    let window = duplicates.as_ref().and_then(|sent| {
        number("duplicate_ip_config.window_hours", sent.window_hours, MAX_WINDOW_HOURS, new.duplicate_ip_window_hours)
    });
    let seconds = fast
        .as_ref()
        .and_then(|sent| number("fast_signup_config.seconds", sent.seconds, MAX_SECONDS, new.fast_signup_seconds));
    let change = Change {
        self_referral_mode: either(&mut fields, "self_referral", self_referral, older_self_referral),
        suspicious_email_mode: mode(&mut fields, "suspicious_email_mode", body.suspicious_email_mode),
        paid_traffic_mode: mode(&mut fields, "paid_traffic_mode", body.paid_traffic_mode),
        banned_referral_mode: mode(&mut fields, "banned_referral_mode", body.banned_referral_mode),
        blocked_country_mode: mode(&mut fields, "blocked_country_mode", body.blocked_country_mode),
        duplicate_ip_mode: either(&mut fields, "duplicate_ip", duplicate_ip, older_duplicate_ip),
        fast_signup_mode: mode(&mut fields, "fast_signup_mode", body.fast_signup_mode),
        further_click_ids: paid.as_ref().map(|sent| {
            list(&mut fields, "paid_traffic_config.further_click_ids", sent.further_click_ids.as_deref(), parameter)
        }),
        allowed_campaigns: paid.map(|sent| {
            list(&mut fields, "paid_traffic_config.allowed_campaigns", sent.allowed_campaigns.as_deref(), campaign)
        }),
        banned_domains: banned
            .map(|sent| list(&mut fields, "banned_referral_config.domains", sent.domains.as_deref(), domain)),
        blocked_countries: blocked
            .map(|sent| list(&mut fields, "blocked_country_config.countries", sent.countries.as_deref(), country)),
        duplicate_ip_threshold: threshold,
        duplicate_ip_window_hours: window,
        fast_signup_seconds: seconds,
    };
    fields.finish(Some(change))
}

/// Rules that are published and not here may be said to be off, and no more.
fn refuse_unavailable(fields: &mut Fields, body: &Body) {
    let modes = [
        ("cross_program_ban_mode", &body.cross_program_ban_mode),
        ("duplicate_payout_mode", &body.duplicate_payout_mode),
        ("vpn_proxy", &body.vpn_proxy),
        ("suspicious_conversion", &body.suspicious_conversion),
    ];
    for (field, sent) in modes {
        if sent.as_ref().is_some_and(|mode| !mode.eq_ignore_ascii_case(FraudMode::Off.as_str())) {
            fields.refuse(field, "is not available here and stays off");
        }
    }
    let configs = [
        ("self_referral_config", &body.self_referral_config),
        ("vpn_proxy_config", &body.vpn_proxy_config),
        ("suspicious_conversion_config", &body.suspicious_conversion_config),
    ];
    for (field, sent) in configs {
        if sent.as_ref().is_some_and(|config| !config.is_null()) {
            fields.refuse(field, "has nothing to set here: null");
        }
    }
}

fn mode(fields: &mut Fields, field: &str, sent: Option<String>) -> Option<FraudMode> {
    fields.known_word(field, sent, FraudMode::words()).and_then(FraudMode::from_word)
}

/// A rule that has two names, which must not say different things.
fn either(fields: &mut Fields, older: &str, one: Option<FraudMode>, other: Option<FraudMode>) -> Option<FraudMode> {
    if one.is_some() && other.is_some() && one != other {
        fields.refuse(older, format!("says something else than {older}_mode"));
    }
    one.or(other)
}

/// A configuration that was sent; what null gives, is what nothing in it gives.
fn replaced<T: Default>(edit: Edit<T>) -> Option<T> {
    match edit {
        Edit::Keep => None,
        Edit::Clear => Some(T::default()),
        Edit::Set(config) => Some(config),
    }
}

/// What an entry is meant to be, and how it is kept; why not, otherwise.
type Entry = fn(&str) -> Result<String, &'static str>;

/// A list as it is kept, each entry once.
fn list(fields: &mut Fields, field: &str, sent: Option<&[String]>, entry: Entry) -> Vec<String> {
    let sent = sent.unwrap_or_default();
    if sent.len() > MAX_ENTRIES {
        fields.refuse(field, format!("has more than {MAX_ENTRIES} entries"));
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

fn campaign(text: &str) -> Result<String, &'static str> {
    let fits = (1..=MAX_TEXT).contains(&text.chars().count()) && !text.contains('\0');
    if fits { Ok(text.to_lowercase()) } else { Err("must be names of campaigns, of 1 to 255 characters") }
}

fn parameter(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let fits = (1..=MAX_PARAMETER).contains(&text.len()) && text.bytes().all(is_plain);
    if fits {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("must be names of parameters, of 1 to 64 of a-z, 0-9, _, - and .")
    }
}

/// A domain as hosts are compared: in lower case, international names in their ASCII form.
fn domain(text: &str) -> Result<String, &'static str> {
    let wrong = "must be domains, like coupons.example";
    let url = Url::parse(&format!("https://{text}/")).map_err(|_| wrong)?;
    let host = url.host_str().unwrap_or_default();
    let is_bare = url.path() == "/" && url.query().is_none() && url.port().is_none() && url.username().is_empty();
    // Neither the address of a machine nor a name without a dot.
    let is_domain = url.domain().is_some_and(|domain| domain.trim_matches('.').contains('.'));
    if is_bare && is_domain { Ok(host.trim_end_matches('.').to_owned()) } else { Err(wrong) }
}

fn country(text: &str) -> Result<String, &'static str> {
    let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { Ok(text.to_ascii_uppercase()) } else { Err("must be countries of ISO 3166, two letters each, like DE") }
}

fn view(rules: &FraudRules) -> Value {
    let off = FraudMode::Off.as_str();
    let duplicate_ip = json!({
        "threshold": rules.duplicate_ip_threshold,
        "window_hours": rules.duplicate_ip_window_hours,
    });
    json!({
        "self_referral_mode": rules.self_referral.as_str(),
        "cross_program_ban_mode": off,
        "duplicate_payout_mode": off,
        "suspicious_email_mode": rules.suspicious_email.as_str(),
        "banned_referral_mode": rules.banned_referral.as_str(),
        "banned_referral_config": some(&rules.banned_domains, |domains| json!({ "domains": domains })),
        "paid_traffic_mode": rules.paid_traffic.as_str(),
        "paid_traffic_config": {
            "allowed_campaigns": rules.allowed_campaigns,
            "further_click_ids": rules.further_click_ids,
        },
        "blocked_country_mode": rules.blocked_country.as_str(),
        "blocked_country_config": some(&rules.blocked_countries, |countries| json!({ "countries": countries })),
        "duplicate_ip_mode": rules.duplicate_ip.as_str(),
        "fast_signup_mode": rules.fast_signup.as_str(),
        "fast_signup_config": { "seconds": rules.fast_signup_seconds },
        // As the older client names them.
        "self_referral": rules.self_referral.as_str(),
        "self_referral_config": null,
        "duplicate_ip": rules.duplicate_ip.as_str(),
        "duplicate_ip_config": duplicate_ip,
        "vpn_proxy": off,
        "vpn_proxy_config": null,
        "suspicious_conversion": off,
        "suspicious_conversion_config": null,
    })
}

/// A configuration that has something in it, else null.
fn some(entries: &[String], config: impl FnOnce(&[String]) -> Value) -> Value {
    if entries.is_empty() { Value::Null } else { config(entries) }
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
