//! What is tracked, and by which parameters of a link: `GET` and `PATCH /v1/program/tracking`. State: columns of `program`.

use attribution::ids::ProgramId;
use attribution::ledger::Unavailable;
use attribution::status::{EmailPolicy, LeadAuth};
use serde::{Deserialize, Serialize};
use worker::query;

use super::{missing, update_where};
use crate::store::{Database, UnknownValue, json, word};

/// The default parameter is one of those that are enabled, whatever a change does to either.
const DEFAULT_IS_ENABLED: &str = "EXISTS (SELECT 1 FROM \
    json_each(COALESCE(json_extract(?2, '$.enabled_referral_parameters'), program.enabled_referral_parameters)) \
    WHERE value = COALESCE(json_extract(?2, '$.default_referral_parameter'), program.default_referral_parameter))";

const KEPT_AGAIN: &str = ", email_policy = CASE email_policy WHEN 'off' THEN 'full' ELSE email_policy END";

/// What a program tracks.
#[derive(Clone, Debug)]
pub struct Tracking {
    /// Stands in new links.
    pub default_referral_parameter: String,
    /// Are recognised in links.
    pub enabled_referral_parameters: Vec<String>,
    /// What is kept of customers' addresses.
    pub email_policy: EmailPolicy,
    /// Whether customers' names are kept.
    pub keeps_names: bool,
    /// Whether a lead that only a browser vouches for is paid without a person's approval.
    pub trust_browser_leads: bool,
    /// Whether a page's lead counts at once.
    pub lead_auth: LeadAuth,
    /// Whether Global Privacy Control keeps a visitor from being tracked.
    pub honour_gpc: bool,
    /// URLs that the program's owner has noted down, each for an event.
    pub postbacks: Vec<Postback>,
}

/// A URL for an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Postback {
    /// Where to.
    pub url: String,
    /// For which event.
    pub event: String,
    /// Whether it counts.
    pub enabled: bool,
}

/// What is changed of it; absent: not changed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Stands in new links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_referral_parameter: Option<String>,
    /// Are recognised in links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled_referral_parameters: Option<Vec<String>>,
    /// What is kept of customers' addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_policy: Option<EmailPolicy>,
    /// Whether customers' names are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_tracking: Option<bool>,
    /// Whether a lead that only a browser vouches for is paid without a person's approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_browser_leads: Option<bool>,
    /// Whether a page's lead counts at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_auth: Option<LeadAuth>,
    /// Whether Global Privacy Control keeps a visitor from being tracked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub honour_gpc: Option<bool>,
    /// All of them, in the place of those before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postbacks: Option<Vec<Postback>>,
    /// Addresses are kept again where nothing is kept of them; a policy that keeps a part of them stays. No column.
    #[serde(skip)]
    pub tracks_email_again: bool,
}

#[derive(Deserialize)]
struct Row {
    default_referral_parameter: String,
    enabled_referral_parameters: String,
    email_policy: String,
    name_tracking: i64,
    trust_browser_leads: i64,
    lead_auth: String,
    honour_gpc: i64,
    postbacks: String,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

impl TryFrom<Row> for Tracking {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            default_referral_parameter: row.default_referral_parameter,
            enabled_referral_parameters: json("program.enabled_referral_parameters", &row.enabled_referral_parameters)?,
            email_policy: word("program.email_policy", &row.email_policy, EmailPolicy::from_word)?,
            keeps_names: row.name_tracking == 1,
            trust_browser_leads: row.trust_browser_leads == 1,
            lead_auth: word("program.lead_auth", &row.lead_auth, LeadAuth::from_word)?,
            honour_gpc: row.honour_gpc == 1,
            postbacks: json("program.postbacks", &row.postbacks)?,
        })
    }
}

/// What the program with this id, which a key names, tracks.
pub async fn find(database: &Database, program: &ProgramId) -> Result<Tracking, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT default_referral_parameter, enabled_referral_parameters, email_policy, name_tracking, \
           trust_browser_leads, lead_auth, honour_gpc, postbacks FROM program WHERE id = ?1",
        program
    );
    let row: Option<Row> = database.first(statement).await?;
    Ok(row.ok_or_else(|| missing(program))?.try_into()?)
}

/// Changes what is sent; false, and nothing is changed, when the default parameter would not be enabled.
pub async fn change(database: &Database, program: &ProgramId, change: &Change) -> Result<bool, Unavailable> {
    let again = if change.tracks_email_again { KEPT_AGAIN } else { "" };
    let statement = update_where(database, program, change, again, DEFAULT_IS_ENABLED);
    let changed: Option<IdRow> = database.first(statement).await?;
    Ok(changed.is_some_and(|row| row.id == program.as_str()))
}
