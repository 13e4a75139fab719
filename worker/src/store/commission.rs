//! Commissions: rows of `commission`.

use attribution::decision::Reason;
use attribution::ids::{AffiliateId, CommissionId, ConversionId, IncentiveId, ReferralId};
use attribution::ledger::Unavailable;
use attribution::money::Currency;
use attribution::referral::Scope;
use attribution::sale::{Commission, Conversion};
use attribution::status::CommissionStatus;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, scope, word};

/// What a query of sales joins of their commission.
pub(super) const JOINED_COLUMNS: &str = "commission.incentive_id AS commission_incentive_id, \
    commission.amount_minor AS commission_amount_minor, commission.currency AS commission_currency, \
    commission.status AS commission_status, commission.hold_days AS commission_hold_days, \
    commission.hold_until AS commission_hold_until, commission.reason AS commission_reason, \
    commission.created_at AS commission_created_at, commission.updated_at AS commission_updated_at, \
    commission.earned_minor AS commission_earned_minor, commission.clawed_back_minor AS commission_clawed_back_minor";

/// A commission as joined to its sale: all null where there is none.
#[derive(Deserialize)]
#[allow(clippy::struct_field_names, reason = "the names are the query's, which tell them from the sale's own columns")]
pub(super) struct JoinedRow {
    commission_incentive_id: Option<String>,
    commission_amount_minor: Option<i64>,
    commission_currency: Option<String>,
    commission_status: Option<String>,
    commission_hold_days: Option<u32>,
    commission_hold_until: Option<i64>,
    commission_reason: Option<String>,
    commission_created_at: Option<i64>,
    commission_updated_at: Option<i64>,
    commission_earned_minor: Option<i64>,
    commission_clawed_back_minor: Option<i64>,
}

impl JoinedRow {
    pub(super) fn into_commission(self, conversion: &Conversion) -> Result<Option<Commission>, UnknownValue> {
        let (Some(id), Some(incentive_id)) = (conversion.commission_id.clone(), self.commission_incentive_id) else {
            return Ok(None);
        };
        let currency = self.commission_currency.unwrap_or_default();
        let status = self.commission_status.unwrap_or_default();
        let reason = self.commission_reason.unwrap_or_default();
        Ok(Some(Commission {
            id: CommissionId::new(id.as_str()),
            scope: conversion.scope.clone(),
            referral_id: conversion.referral_id.clone(),
            affiliate_id: conversion.affiliate_id.clone(),
            conversion_id: Some(conversion.id.clone()),
            incentive_id: IncentiveId::new(incentive_id),
            amount_minor: self.commission_amount_minor,
            earned_minor: self.commission_earned_minor,
            clawed_back_minor: self.commission_clawed_back_minor.unwrap_or_default(),
            currency: word("commission.currency", &currency, Currency::from_code)?,
            status: word("commission.status", &status, CommissionStatus::from_word)?,
            hold_days: self.commission_hold_days,
            hold_until: self.commission_hold_until.map(Timestamp::from_milliseconds),
            reason: word("commission.reason", &reason, |reason| reason.parse::<Reason>().ok())?,
            created_at: Timestamp::from_milliseconds(self.commission_created_at.unwrap_or_default()),
            updated_at: Timestamp::from_milliseconds(self.commission_updated_at.unwrap_or_default()),
        }))
    }
}

pub(super) fn insert(database: &Database, commission: &Commission) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO commission (id, team_id, program_id, is_test, referral_id, affiliate_id, conversion_id, \
           incentive_id, amount_minor, currency, status, hold_days, hold_until, reason, created_at, updated_at, \
           earned_minor, clawed_back_minor) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        commission.id,
        commission.scope.team_id,
        commission.scope.program_id,
        i64::from(commission.scope.is_test),
        commission.referral_id,
        commission.affiliate_id,
        commission.conversion_id,
        commission.incentive_id,
        commission.amount_minor,
        commission.currency,
        commission.status.as_str(),
        commission.hold_days,
        commission.hold_until,
        commission.reason.as_str(),
        commission.created_at,
        commission.updated_at,
        commission.earned_minor,
        commission.clawed_back_minor
    )
}

/// A commission whose amount or status has changed.
pub(super) fn update(database: &Database, commission: &Commission) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "UPDATE commission SET amount_minor = ?2, clawed_back_minor = ?3, status = ?4, hold_until = ?5, updated_at = ?6 \
         WHERE id = ?1",
        commission.id,
        commission.amount_minor,
        commission.clawed_back_minor,
        commission.status.as_str(),
        commission.hold_until,
        commission.updated_at
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
    incentive_id: String,
    amount_minor: Option<i64>,
    earned_minor: Option<i64>,
    clawed_back_minor: i64,
    currency: String,
    status: String,
    hold_days: Option<u32>,
    hold_until: Option<i64>,
    reason: String,
    created_at: i64,
    updated_at: i64,
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
            incentive_id: IncentiveId::new(row.incentive_id),
            amount_minor: row.amount_minor,
            earned_minor: row.earned_minor,
            clawed_back_minor: row.clawed_back_minor,
            currency: word("commission.currency", &row.currency, Currency::from_code)?,
            status: word("commission.status", &row.status, CommissionStatus::from_word)?,
            hold_days: row.hold_days,
            hold_until: row.hold_until.map(Timestamp::from_milliseconds),
            reason: word("commission.reason", &row.reason, |reason| reason.parse::<Reason>().ok())?,
            created_at: Timestamp::from_milliseconds(row.created_at),
            updated_at: Timestamp::from_milliseconds(row.updated_at),
        })
    }
}

/// The commissions of one referral: of its lead, of its sales, and what refunds take back. No index by referral is
/// needed for it, which every sale would pay for.
pub(super) fn select_of_referral(database: &Database, id: &ReferralId) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT id, team_id, program_id, is_test, referral_id, affiliate_id, conversion_id, incentive_id, amount_minor, \
           earned_minor, clawed_back_minor, currency, status, hold_days, hold_until, reason, created_at, updated_at \
         FROM commission WHERE (conversion_id IS NULL AND referral_id = ?1) OR id IN ( \
           SELECT commission_id FROM conversion WHERE referral_id = ?1 UNION ALL \
           SELECT refund.clawback_id FROM conversion JOIN refund ON refund.conversion_id = conversion.id \
           WHERE conversion.referral_id = ?1) \
         ORDER BY created_at, id",
        id
    )
}

/// Declines what a referral's lead has earned.
pub(super) fn decline_of_lead(
    database: &Database,
    referral: &ReferralId,
    at: Timestamp,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "UPDATE commission SET status = ?2, reason = ?3, updated_at = ?4 WHERE referral_id = ?1 AND conversion_id IS NULL",
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
         WHERE hold_until <= ?1 AND status = 'pending' AND amount_minor IS NOT NULL LIMIT ?2",
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
