//! `/v1/program/fraud-rules`: what speaks against a customer, and what is done about it. What each rule looks at is said in
//! docs/fraud.md.
//!
//! The fields are those of the current documentation; the names of the older client (`self_referral`, `duplicate_ip`, …) say
//! the same. `fast_signup_*` and the contents of `paid_traffic_config` are additions. Rules that are published and not here
//! are shown as `off` and cannot be switched on. State: columns of `program` in D1.

mod body;
mod entries;

use attribution::fraud::FraudRules;
use attribution::status::FraudMode;
use serde_json::{Value, json};

use self::body::{Body, check};
use crate::affonso::{Problem, caller, live_caller, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input;
use crate::store::api_key::ApiKey;
use crate::store::program_settings::fraud_rules::{self, Change};

/// The rules as they are set.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    answer(funnel, &key).await
}

/// Changes what is sent. A configuration is replaced as a whole; null gives it what a new program has.
pub async fn update(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let says_off = body.names_unavailable();
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
