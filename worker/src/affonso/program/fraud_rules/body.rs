//! The body of a change of the fraud rules: its fields, and what is wrong with them.
//!
//! Nothing here keeps state.

use attribution::edits::Edit;
use attribution::fraud::FraudRules;
use attribution::limits::{MAX_DUPLICATE_HOURS, MAX_DUPLICATES, MAX_FAST_SECONDS};
use attribution::status::FraudMode;
use serde::Deserialize;
use serde_json::Value;

use super::entries::{campaign, country, domain, list, parameter};
use crate::input::{BodyProblem, Fields};
use crate::store::program_settings::fraud_rules::Change;

/// What is sent.
#[derive(Deserialize)]
pub struct Body {
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
    paid_traffic_config: Edit<Config>,
    #[serde(default)]
    banned_referral_config: Edit<Config>,
    #[serde(default)]
    blocked_country_config: Edit<Config>,
    #[serde(default)]
    duplicate_ip_config: Edit<Config>,
    #[serde(default)]
    fast_signup_config: Edit<Config>,
    cross_program_ban_mode: Option<String>,
    duplicate_payout_mode: Option<String>,
    vpn_proxy: Option<String>,
    suspicious_conversion: Option<String>,
    self_referral_config: Option<Value>,
    vpn_proxy_config: Option<Value>,
    suspicious_conversion_config: Option<Value>,
}

/// What configurations hold; each rule reads its own fields.
#[derive(Default, Deserialize)]
struct Config {
    allowed_campaigns: Option<Vec<String>>,
    further_click_ids: Option<Vec<String>>,
    domains: Option<Vec<String>>,
    countries: Option<Vec<String>>,
    threshold: Option<i64>,
    window_hours: Option<i64>,
    seconds: Option<i64>,
}

impl Body {
    /// Rules that are published and not here.
    fn unavailable(&self) -> [(&'static str, Option<&String>); 4] {
        [
            ("cross_program_ban_mode", self.cross_program_ban_mode.as_ref()),
            ("duplicate_payout_mode", self.duplicate_payout_mode.as_ref()),
            ("vpn_proxy", self.vpn_proxy.as_ref()),
            ("suspicious_conversion", self.suspicious_conversion.as_ref()),
        ]
    }

    /// Whether something is said of them.
    pub fn names_unavailable(&self) -> bool {
        self.unavailable().iter().any(|(_, sent)| sent.is_some())
    }
}

/// What a good body changes.
pub fn check(body: Body) -> Result<Change, BodyProblem> {
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
        number("duplicate_ip_config.threshold", sent.threshold, MAX_DUPLICATES, new.duplicate_ip_threshold)
    });
    let window = duplicates.as_ref().and_then(|sent| {
        number(
            "duplicate_ip_config.window_hours",
            sent.window_hours,
            MAX_DUPLICATE_HOURS,
            new.duplicate_ip_window_hours,
        )
    });
    let seconds = fast
        .as_ref()
        .and_then(|sent| number("fast_signup_config.seconds", sent.seconds, MAX_FAST_SECONDS, new.fast_signup_seconds));
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
    for (field, sent) in body.unavailable() {
        if sent.is_some_and(|mode| !mode.eq_ignore_ascii_case(FraudMode::Off.as_str())) {
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
fn replaced(edit: Edit<Config>) -> Option<Config> {
    match edit {
        Edit::Keep => None,
        Edit::Clear => Some(Config::default()),
        Edit::Set(config) => Some(config),
    }
}
