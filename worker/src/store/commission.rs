//! Commissions: rows of `commission`.

use attribution::decision::Reason;
use attribution::ids::{CommissionId, IncentiveId, ReferralId};
use attribution::money::Currency;
use attribution::sale::{Commission, Conversion};
use attribution::status::CommissionStatus;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, word};

/// What a query of sales joins of their commission.
pub(super) const JOINED_COLUMNS: &str = "commission.incentive_id AS commission_incentive_id, \
    commission.amount_minor AS commission_amount_minor, commission.currency AS commission_currency, \
    commission.status AS commission_status, commission.hold_days AS commission_hold_days, \
    commission.hold_until AS commission_hold_until, commission.reason AS commission_reason, \
    commission.created_at AS commission_created_at, commission.updated_at AS commission_updated_at";

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
           incentive_id, amount_minor, currency, status, hold_days, hold_until, reason, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
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
        commission.updated_at
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
