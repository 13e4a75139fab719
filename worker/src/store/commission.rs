//! Commissions: rows of `commission`.

pub mod list;

use attribution::decision::Reason;
use attribution::ids::{AffiliateId, CommissionId, ConversionId, IncentiveId, PayoutId, ProgramId, ReferralId};
use attribution::ledger::Unavailable;
use attribution::money::Currency;
use attribution::referral::Scope;
use attribution::sale::{Commission, Conversion};
use attribution::status::{CommissionKind, CommissionStatus};
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, conversion, scope, word};

/// Every column of `commission`.
pub(super) const COLUMNS: &str = "commission.id, commission.team_id, commission.program_id, commission.is_test, \
    commission.referral_id, commission.affiliate_id, commission.conversion_id, commission.kind, commission.level, \
    commission.incentive_id, commission.amount_minor, commission.earned_minor, commission.clawed_back_minor, \
    commission.currency, commission.status, commission.hold_days, commission.hold_until, commission.reason, \
    commission.payout_id, commission.created_at, commission.updated_at, commission.deleted_at";

/// What a query of sales joins of their commission.
pub(super) const JOINED_COLUMNS: &str = "commission.kind AS commission_kind, \
    commission.affiliate_id AS commission_affiliate_id, commission.incentive_id AS commission_incentive_id, \
    commission.amount_minor AS commission_amount_minor, commission.currency AS commission_currency, \
    commission.status AS commission_status, commission.hold_days AS commission_hold_days, \
    commission.hold_until AS commission_hold_until, commission.reason AS commission_reason, \
    commission.payout_id AS commission_payout_id, commission.created_at AS commission_created_at, \
    commission.updated_at AS commission_updated_at, commission.deleted_at AS commission_deleted_at, \
    commission.earned_minor AS commission_earned_minor, commission.clawed_back_minor AS commission_clawed_back_minor";

/// A commission as joined to its sale: all null where there is none.
#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the names are the query's, which tell them from the sale's own columns")]
pub(super) struct JoinedRow {
    commission_kind: Option<String>,
    commission_affiliate_id: Option<String>,
    commission_incentive_id: Option<String>,
    commission_amount_minor: Option<i64>,
    commission_currency: Option<String>,
    commission_status: Option<String>,
    commission_hold_days: Option<u32>,
    commission_hold_until: Option<i64>,
    commission_reason: Option<String>,
    commission_payout_id: Option<String>,
    commission_created_at: Option<i64>,
    commission_updated_at: Option<i64>,
    commission_deleted_at: Option<i64>,
    commission_earned_minor: Option<i64>,
    commission_clawed_back_minor: Option<i64>,
}

impl JoinedRow {
    pub(super) fn into_commission(self, conversion: &Conversion) -> Result<Option<Commission>, UnknownValue> {
        let (Some(id), Some(kind)) = (conversion.commission_id.clone(), self.commission_kind) else {
            return Ok(None);
        };
        let row = Row {
            id: id.as_str().to_owned(),
            team_id: conversion.scope.team_id.as_str().to_owned(),
            program_id: conversion.scope.program_id.as_str().to_owned(),
            is_test: i64::from(conversion.scope.is_test),
            referral_id: conversion.referral_id.as_str().to_owned(),
            affiliate_id: self.commission_affiliate_id.unwrap_or_default(),
            conversion_id: Some(conversion.id.as_str().to_owned()),
            kind,
            level: 0,
            incentive_id: self.commission_incentive_id,
            amount_minor: self.commission_amount_minor,
            earned_minor: self.commission_earned_minor,
            clawed_back_minor: self.commission_clawed_back_minor.unwrap_or_default(),
            currency: self.commission_currency.unwrap_or_default(),
            status: self.commission_status.unwrap_or_default(),
            hold_days: self.commission_hold_days,
            hold_until: self.commission_hold_until,
            reason: self.commission_reason.unwrap_or_default(),
            payout_id: self.commission_payout_id,
            created_at: self.commission_created_at.unwrap_or_default(),
            updated_at: self.commission_updated_at.unwrap_or_default(),
            deleted_at: self.commission_deleted_at,
        };
        Commission::try_from(row).map(Some)
    }
}

pub(super) fn insert(database: &Database, commission: &Commission) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO commission (id, team_id, program_id, is_test, referral_id, affiliate_id, conversion_id, kind, \
           level, incentive_id, amount_minor, earned_minor, clawed_back_minor, currency, status, hold_days, \
           hold_until, reason, payout_id, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
        commission.id,
        commission.scope.team_id,
        commission.scope.program_id,
        i64::from(commission.scope.is_test),
        commission.referral_id,
        commission.affiliate_id,
        commission.conversion_id,
        commission.kind.as_str(),
        commission.level,
        commission.incentive_id,
        commission.amount_minor,
        commission.earned_minor,
        commission.clawed_back_minor,
        commission.currency,
        commission.status.as_str(),
        commission.hold_days,
        commission.hold_until,
        commission.reason.as_str(),
        commission.payout_id,
        commission.created_at,
        commission.updated_at
    )
}

/// A commission whose amount, status, payout or reason has changed, or that was removed. Who earns it has a change of
/// its own, since it is indexed.
pub(super) fn update(database: &Database, commission: &Commission) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "UPDATE commission SET amount_minor = ?2, earned_minor = ?3, clawed_back_minor = ?4, status = ?5, \
           hold_days = ?6, hold_until = ?7, reason = ?8, payout_id = ?9, updated_at = ?10, deleted_at = ?11 \
         WHERE id = ?1",
        commission.id,
        commission.amount_minor,
        commission.earned_minor,
        commission.clawed_back_minor,
        commission.status.as_str(),
        commission.hold_days,
        commission.hold_until,
        commission.reason.as_str(),
        commission.payout_id,
        commission.updated_at,
        commission.deleted_at
    )
}

/// A commission with the id of its sale, which has to be read beside it.
#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    referral_id: String,
    affiliate_id: String,
    conversion_id: Option<String>,
    kind: String,
    level: u8,
    incentive_id: Option<String>,
    amount_minor: Option<i64>,
    earned_minor: Option<i64>,
    clawed_back_minor: i64,
    currency: String,
    status: String,
    hold_days: Option<u32>,
    hold_until: Option<i64>,
    reason: String,
    payout_id: Option<String>,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
}

impl TryFrom<Row> for Commission {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            id: CommissionId::new(row.id),
            scope: scope(row.team_id, row.program_id, row.is_test),
            referral_id: ReferralId::new(row.referral_id),
            affiliate_id: AffiliateId::new(row.affiliate_id),
            conversion_id: row.conversion_id.map(ConversionId::new),
            kind: word("commission.kind", &row.kind, CommissionKind::from_word)?,
            level: row.level,
            incentive_id: row.incentive_id.map(IncentiveId::new),
            amount_minor: row.amount_minor,
            earned_minor: row.earned_minor,
            clawed_back_minor: row.clawed_back_minor,
            currency: word("commission.currency", &row.currency, Currency::from_code)?,
            status: word("commission.status", &row.status, CommissionStatus::from_word)?,
            hold_days: row.hold_days,
            hold_until: row.hold_until.map(Timestamp::from_milliseconds),
            reason: word("commission.reason", &row.reason, |reason| reason.parse::<Reason>().ok())?,
            payout_id: row.payout_id.map(PayoutId::new),
            created_at: Timestamp::from_milliseconds(row.created_at),
            updated_at: Timestamp::from_milliseconds(row.updated_at),
            deleted_at: row.deleted_at.map(Timestamp::from_milliseconds),
        })
    }
}

/// The commissions of the referral ?4: of its lead, of its sales with their levels, and what refunds take back. No index
/// by referral is needed for it, which every sale would pay for.
const OF_REFERRAL: &str = "((conversion_id IS NULL AND referral_id = ?4) \
    OR id IN (SELECT commission_id FROM conversion WHERE referral_id = ?4) \
    OR (kind IN ('level', 'clawback') AND conversion_id IN (SELECT id FROM conversion WHERE referral_id = ?4)))";

/// The commissions of one referral.
pub(super) fn select_of_referral(database: &Database, id: &ReferralId) -> worker::Result<D1PreparedStatement> {
    let of_referral = OF_REFERRAL.replace("?4", "?1");
    let sql =
        format!("SELECT {COLUMNS} FROM commission WHERE deleted_at IS NULL AND {of_referral} ORDER BY created_at, id");
    query!(&database.0, sql, id)
}

/// What stands beside the sales with these ids: levels, and what refunds take back.
pub(super) fn select_beside_sales(database: &Database, ids: &[&ConversionId]) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "SELECT {COLUMNS} FROM commission WHERE kind IN ('level', 'clawback') AND deleted_at IS NULL \
         AND conversion_id IN (SELECT value FROM json_each(?1)) ORDER BY conversion_id, level, created_at, id"
    );
    query!(&database.0, sql, serde_json::to_string(ids)?)
}

/// What those earned who recruited the affiliate of a sale that has the key, or the id. Both kinds that the index of these
/// rows knows are named, since it is not used otherwise.
pub(super) fn select_levels(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    keys: &[String],
    id: Option<&ConversionId>,
) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "SELECT {COLUMNS} FROM commission WHERE kind IN ('level', 'clawback') AND kind = 'level' AND deleted_at IS NULL \
         AND conversion_id IN (SELECT ?4 UNION ALL {}) ORDER BY conversion_id, level",
        conversion::of_keys("?1", "?2", "?3")
    );
    query!(&database.0, sql, program, i64::from(is_test), serde_json::to_string(keys)?, id)
}

/// Gives a referral, and these of its commissions, to another affiliate.
pub(super) fn reassign(
    database: &Database,
    referral: &ReferralId,
    affiliate: &AffiliateId,
    commissions: &[CommissionId],
) -> worker::Result<[D1PreparedStatement; 2]> {
    Ok([
        query!(&database.0, "UPDATE referral SET affiliate_id = ?2 WHERE id = ?1", referral, affiliate)?,
        query!(
            &database.0,
            "UPDATE commission SET affiliate_id = ?1 WHERE id IN (SELECT value FROM json_each(?2))",
            affiliate,
            serde_json::to_string(commissions)?
        )?,
    ])
}

/// Declines what a referral's lead has earned.
pub(super) fn decline_of_lead(
    database: &Database,
    referral: &ReferralId,
    at: Timestamp,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "UPDATE commission SET status = ?2, reason = ?3, updated_at = ?4 \
         WHERE referral_id = ?1 AND conversion_id IS NULL AND deleted_at IS NULL",
        referral,
        CommissionStatus::Declined.as_str(),
        Reason::ClaimOverridden.as_str(),
        at
    )
}
/// Referrals with a commission whose hold is over, at most so many.
pub async fn with_ended_hold(
    database: &Database,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(ReferralId, Scope)>, Unavailable> {
    #[derive(Deserialize)]
    struct DueRow {
        referral_id: String,
        team_id: String,
        program_id: String,
        is_test: i64,
    }
    let statement = query!(
        &database.0,
        "SELECT DISTINCT referral_id, team_id, program_id, is_test FROM commission \
         WHERE hold_until <= ?1 AND status = 'pending' AND amount_minor IS NOT NULL AND deleted_at IS NULL LIMIT ?2",
        now,
        limit
    );
    let rows: Vec<DueRow> = database.all(statement).await?;
    let due = |row: DueRow| {
        let scope = super::scope(row.team_id, row.program_id, row.is_test);
        (ReferralId::new(row.referral_id), scope)
    };
    Ok(rows.into_iter().map(due).collect())
}
