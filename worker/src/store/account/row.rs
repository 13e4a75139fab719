//! The row of an account, in and out.

use attribution::account::{Account, Particulars, Surroundings, Unique};
use attribution::ids::{AffiliateId, GroupId, ProgramId, TeamId};
use attribution::status::{Partnership, PayoutMethod};
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::super::{Database, UnknownValue, json, word};

pub(super) const COLUMNS: &str = "id, team_id, program_id, group_id, tracking_id, name, email, email_hash, partnership, \
    recruited_by, source, onboarding_completed, external_user_id, metadata, company_name, country_code, payout_method, \
    payout_details, created_at, updated_at, deleted_at";

#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    team_id: String,
    program_id: String,
    group_id: Option<String>,
    tracking_id: String,
    name: String,
    email: Option<String>,
    email_hash: Option<String>,
    partnership: String,
    recruited_by: Option<String>,
    source: Option<String>,
    onboarding_completed: i64,
    external_user_id: Option<String>,
    metadata: Option<String>,
    company_name: Option<String>,
    country_code: Option<String>,
    payout_method: Option<String>,
    payout_details: Option<String>,
    created_at: i64,
    updated_at: Option<i64>,
    deleted_at: Option<i64>,
}

impl TryFrom<Row> for Account {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let method = |text: String| word("affiliate.payout_method", &text, PayoutMethod::from_word);
        // The texts hold what is private, and errors go to the log.
        let details = |text: String| json("affiliate.payout_details", &text).map_err(|_| unreadable("payout_details"));
        let metadata = |text: String| json("affiliate.metadata", &text).map_err(|_| unreadable("metadata"));
        Ok(Self {
            partnership: word("affiliate.partnership", &row.partnership, Partnership::from_word)?,
            id: AffiliateId::new(row.id),
            team_id: TeamId::new(row.team_id),
            program_id: ProgramId::new(row.program_id),
            group_id: row.group_id.map(GroupId::new),
            tracking_id: row.tracking_id,
            name: row.name,
            email: row.email,
            email_hash: row.email_hash,
            recruited_by: row.recruited_by.map(AffiliateId::new),
            source: row.source,
            particulars: Particulars {
                onboarding_completed: row.onboarding_completed == 1,
                external_user_id: row.external_user_id,
                metadata: row.metadata.map(metadata).transpose()?,
                company_name: row.company_name,
                country_code: row.country_code,
                payout_method: row.payout_method.map(method).transpose()?,
                payout_details: row.payout_details.map(details).transpose()?,
            },
            created_at: Timestamp::from_milliseconds(row.created_at),
            updated_at: row.updated_at.map(Timestamp::from_milliseconds),
            deleted_at: row.deleted_at.map(Timestamp::from_milliseconds),
        })
    }
}

fn unreadable(column: &'static str) -> UnknownValue {
    UnknownValue { column, value: "no JSON that can be read".to_owned() }
}

/// What stands around an account, as one row.
#[derive(Deserialize)]
pub(super) struct Around {
    rules_version: i64,
    default_group: Option<String>,
    has_group: i64,
    tracking_id_taken: i64,
    email_taken: i64,
    external_user_id_taken: i64,
}

#[derive(Deserialize)]
pub(super) struct Id {
    id: String,
}

impl Around {
    pub(super) fn with(self, recruiters: Vec<Id>) -> (Surroundings, i64) {
        let unique = [
            (self.tracking_id_taken, Unique::TrackingId),
            (self.email_taken, Unique::Email),
            (self.external_user_id_taken, Unique::ExternalUserId),
        ];
        let surroundings = Surroundings {
            default_group: self.default_group.map(GroupId::new),
            has_group: self.has_group == 1,
            taken: unique.into_iter().filter(|(is_taken, _)| *is_taken == 1).map(|(_, unique)| unique).collect(),
            recruiters: recruiters.into_iter().map(|row| AffiliateId::new(row.id)).collect(),
        };
        (surroundings, self.rules_version)
    }
}

pub(super) fn insertion(database: &Database, account: &Account) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "INSERT INTO affiliate ({COLUMNS}) VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)"
    );
    let particulars = &account.particulars;
    query!(
        &database.0,
        sql,
        account.id,
        account.team_id,
        account.program_id,
        account.group_id,
        account.tracking_id,
        account.name,
        account.email,
        account.email_hash,
        account.partnership.as_str(),
        account.recruited_by,
        account.source,
        i64::from(particulars.onboarding_completed),
        particulars.external_user_id,
        particulars.metadata.as_ref().map(serde_json::to_string).transpose()?,
        particulars.company_name,
        particulars.country_code,
        particulars.payout_method.map(PayoutMethod::as_str),
        particulars.payout_details.as_ref().map(serde_json::to_string).transpose()?,
        account.created_at,
        account.updated_at,
        account.deleted_at
    )
}

/// The whole account anew. Where it is no longer as `before`, `created_at` comes out NULL, which fails the batch.
pub(super) fn replacement(
    database: &Database,
    before: &Account,
    after: &Account,
) -> worker::Result<D1PreparedStatement> {
    let particulars = &after.particulars;
    query!(
        &database.0,
        "UPDATE affiliate SET created_at = CASE WHEN updated_at IS ?2 AND deleted_at IS ?3 THEN created_at END, \
           group_id = ?4, name = ?5, email = ?6, email_hash = ?7, partnership = ?8, recruited_by = ?9, \
           onboarding_completed = ?10, external_user_id = ?11, metadata = ?12, company_name = ?13, country_code = ?14, \
           payout_method = ?15, payout_details = ?16, updated_at = ?17, deleted_at = ?18 \
         WHERE id = ?1",
        after.id,
        before.updated_at,
        before.deleted_at,
        after.group_id,
        after.name,
        after.email,
        after.email_hash,
        after.partnership.as_str(),
        after.recruited_by,
        i64::from(particulars.onboarding_completed),
        particulars.external_user_id,
        particulars.metadata.as_ref().map(serde_json::to_string).transpose()?,
        particulars.company_name,
        particulars.country_code,
        particulars.payout_method.map(PayoutMethod::as_str),
        particulars.payout_details.as_ref().map(serde_json::to_string).transpose()?,
        after.updated_at,
        after.deleted_at
    )
}
