//! What a program has set of its fraud rules: `GET` and `PATCH /v1/program/fraud-rules`. State: columns of `program`.

use attribution::fraud::FraudRules;
use attribution::ids::ProgramId;
use attribution::ledger::Unavailable;
use attribution::status::FraudMode;
use serde::{Deserialize, Serialize};
use worker::query;

use super::{missing, update};
use crate::store::{Database, UnknownValue, away, json};

/// The rules of `program` as one JSON text, as [`FraudRules`] reads it.
pub const RULES: &str = "json_object( \
    'self_referral', program.self_referral_mode, 'suspicious_email', program.suspicious_email_mode, \
    'paid_traffic', program.paid_traffic_mode, 'banned_referral', program.banned_referral_mode, \
    'blocked_country', program.blocked_country_mode, 'duplicate_ip', program.duplicate_ip_mode, \
    'fast_signup', program.fast_signup_mode, 'allowed_campaigns', json(program.allowed_campaigns), \
    'further_click_ids', json(program.further_click_ids), 'banned_domains', json(program.banned_domains), \
    'blocked_countries', json(program.blocked_countries), 'duplicate_ip_threshold', program.duplicate_ip_threshold, \
    'duplicate_ip_window_hours', program.duplicate_ip_window_hours, \
    'fast_signup_seconds', program.fast_signup_seconds) AS fraud";

/// What is changed of them, by the columns' names; absent: not changed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_referral_mode: Option<FraudMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspicious_email_mode: Option<FraudMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_traffic_mode: Option<FraudMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banned_referral_mode: Option<FraudMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_country_mode: Option<FraudMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_ip_mode: Option<FraudMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fast_signup_mode: Option<FraudMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_campaigns: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub further_click_ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banned_domains: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_countries: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_ip_threshold: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_ip_window_hours: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fast_signup_seconds: Option<u32>,
}

#[derive(Deserialize)]
struct Row {
    fraud: String,
}

/// The rules out of [`RULES`].
pub fn read(fraud: &str) -> Result<FraudRules, UnknownValue> {
    json("the fraud rules of a program", fraud)
}

/// The rules of the program with this id, which a key names.
pub async fn find(database: &Database, program: &ProgramId) -> Result<FraudRules, Unavailable> {
    let sql = format!("SELECT {RULES} FROM program WHERE id = ?1");
    let row: Option<Row> = database.first(query!(&database.0, sql, program)).await?;
    Ok(read(&row.ok_or_else(|| missing(program))?.fraud)?)
}

/// Changes what is sent.
pub async fn change(database: &Database, program: &ProgramId, change: &Change) -> Result<(), Unavailable> {
    let statement = update(database, program, change).map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}
