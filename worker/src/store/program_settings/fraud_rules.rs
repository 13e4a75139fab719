//! What a program has set of its fraud rules: `GET` and `PATCH /v1/program/fraud-rules`. State: columns of `program`.

use attribution::fraud::FraudRules;
use attribution::ids::ProgramId;
use attribution::ledger::Unavailable;
use attribution::status::FraudMode;
use serde::{Deserialize, Serialize};
use worker::query;

use super::{missing, update};
use crate::store::{Database, UnknownValue, away, json, word};

/// The columns of [`Row`], in `program`.
pub const COLUMNS: &str = "program.self_referral_mode, program.suspicious_email_mode, program.paid_traffic_mode, \
    program.banned_referral_mode, program.blocked_country_mode, program.duplicate_ip_mode, program.fast_signup_mode, \
    program.allowed_campaigns, program.further_click_ids, program.banned_domains, program.blocked_countries, \
    program.duplicate_ip_threshold, program.duplicate_ip_window_hours, program.fast_signup_seconds";

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

/// The rules as they are stored.
#[derive(Deserialize)]
pub struct Row {
    self_referral_mode: String,
    suspicious_email_mode: String,
    paid_traffic_mode: String,
    banned_referral_mode: String,
    blocked_country_mode: String,
    duplicate_ip_mode: String,
    fast_signup_mode: String,
    allowed_campaigns: String,
    further_click_ids: String,
    banned_domains: String,
    blocked_countries: String,
    duplicate_ip_threshold: u32,
    duplicate_ip_window_hours: u32,
    fast_signup_seconds: u32,
}

impl TryFrom<Row> for FraudRules {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let mode = |column, text: &str| word(column, text, FraudMode::from_word);
        Ok(Self {
            self_referral: mode("program.self_referral_mode", &row.self_referral_mode)?,
            suspicious_email: mode("program.suspicious_email_mode", &row.suspicious_email_mode)?,
            paid_traffic: mode("program.paid_traffic_mode", &row.paid_traffic_mode)?,
            banned_referral: mode("program.banned_referral_mode", &row.banned_referral_mode)?,
            blocked_country: mode("program.blocked_country_mode", &row.blocked_country_mode)?,
            duplicate_ip: mode("program.duplicate_ip_mode", &row.duplicate_ip_mode)?,
            fast_signup: mode("program.fast_signup_mode", &row.fast_signup_mode)?,
            allowed_campaigns: json("program.allowed_campaigns", &row.allowed_campaigns)?,
            further_click_ids: json("program.further_click_ids", &row.further_click_ids)?,
            banned_domains: json("program.banned_domains", &row.banned_domains)?,
            blocked_countries: json("program.blocked_countries", &row.blocked_countries)?,
            duplicate_ip_threshold: row.duplicate_ip_threshold,
            duplicate_ip_window_hours: row.duplicate_ip_window_hours,
            fast_signup_seconds: row.fast_signup_seconds,
        })
    }
}

/// The rules of the program with this id, which a key names.
pub async fn find(database: &Database, program: &ProgramId) -> Result<FraudRules, Unavailable> {
    let sql = format!("SELECT {COLUMNS} FROM program WHERE id = ?1");
    let row: Option<Row> = database.first(query!(&database.0, sql, program)).await?;
    Ok(row.ok_or_else(|| missing(program))?.try_into()?)
}

/// Changes what is sent.
pub async fn change(database: &Database, program: &ProgramId, change: &Change) -> Result<(), Unavailable> {
    let statement = update(database, program, change).map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}
