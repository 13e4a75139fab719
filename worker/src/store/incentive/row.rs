//! Rows of `incentive`, as their owners see them and as the rules do.

use attribution::ids::{AffiliateId, GroupId, IncentiveId};
use attribution::incentive::{AppliesTo, Approval, Incentive, Length, Owner, PaysFor, Reward};
use attribution::money::Rate;
use attribution::terms::Terms;
use attribution::time::Timestamp;
use serde::Deserialize;

use super::OwnedIncentive;
use crate::store::{UnknownValue, json, word};

/// An incentive as it is stored.
#[derive(Deserialize)]
pub(in crate::store) struct Row {
    id: String,
    group_id: Option<String>,
    affiliate_id: Option<String>,
    name: String,
    pays_for: String,
    rate_ppm: Option<i64>,
    amount_minor: Option<i64>,
    apply_to: String,
    product_ids: String,
    approval: String,
    hold_days: u32,
    length: String,
    length_value: Option<u32>,
    cap_minor: Option<i64>,
    created_at: i64,
    updated_at: Option<i64>,
    rules_version: i64,
}

/// The same without what only its owner looks at.
#[derive(Deserialize)]
pub(in crate::store) struct RuleRow {
    id: String,
    group_id: Option<String>,
    affiliate_id: Option<String>,
    pays_for: String,
    rate_ppm: Option<i64>,
    amount_minor: Option<i64>,
    apply_to: String,
    product_ids: String,
    approval: String,
    hold_days: u32,
    length: String,
    length_value: Option<u32>,
    cap_minor: Option<i64>,
}

impl TryFrom<Row> for OwnedIncentive {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let created_at = Timestamp::from_milliseconds(row.created_at);
        Ok(Self {
            owner: owner(row.group_id, row.affiliate_id)?,
            terms: Terms {
                name: row.name,
                pays_for: word("incentive.pays_for", &row.pays_for, PaysFor::from_word)?,
                reward: reward(row.rate_ppm, row.amount_minor)?,
                applies_to: applies_to(&row.apply_to, &row.product_ids)?,
                approval: word("incentive.approval", &row.approval, |word| Approval::from_word(word, row.hold_days))?,
                length: word("incentive.length", &row.length, |word| Length::from_word(word, row.length_value))?,
                cap_minor: row.cap_minor,
            },
            id: IncentiveId::new(row.id),
            created_at,
            updated_at: row.updated_at.map_or(created_at, Timestamp::from_milliseconds),
            rules_version: row.rules_version,
        })
    }
}

impl TryFrom<RuleRow> for Incentive {
    type Error = UnknownValue;

    fn try_from(row: RuleRow) -> Result<Self, UnknownValue> {
        Ok(Self {
            id: IncentiveId::new(row.id),
            owner: owner(row.group_id, row.affiliate_id)?,
            pays_for: word("incentive.pays_for", &row.pays_for, PaysFor::from_word)?,
            reward: reward(row.rate_ppm, row.amount_minor)?,
            applies_to: applies_to(&row.apply_to, &row.product_ids)?,
            approval: word("incentive.approval", &row.approval, |word| Approval::from_word(word, row.hold_days))?,
            length: word("incentive.length", &row.length, |word| Length::from_word(word, row.length_value))?,
            cap_minor: row.cap_minor,
        })
    }
}

/// Who earns by it, out of two columns of which one is filled.
fn owner(group_id: Option<String>, affiliate_id: Option<String>) -> Result<Owner, UnknownValue> {
    match (group_id, affiliate_id) {
        (_, Some(affiliate)) => Ok(Owner::Affiliate(AffiliateId::new(affiliate))),
        (Some(group), None) => Ok(Owner::Group(GroupId::new(group))),
        (None, None) => Err(UnknownValue { column: "incentive.group_id", value: "nobody".to_owned() }),
    }
}

/// What it pays, out of two columns of which one is filled.
fn reward(rate_ppm: Option<i64>, amount_minor: Option<i64>) -> Result<Reward, UnknownValue> {
    let rate = rate_ppm.and_then(Rate::from_parts_per_million).map(Reward::Percentage);
    let unknown = || UnknownValue { column: "incentive.rate_ppm", value: format!("{rate_ppm:?}") };
    rate.or(amount_minor.map(Reward::Fixed)).ok_or_else(unknown)
}

/// Which purchases it prices.
fn applies_to(apply_to: &str, product_ids: &str) -> Result<AppliesTo, UnknownValue> {
    let product_ids = json("incentive.product_ids", product_ids)?;
    word("incentive.apply_to", apply_to, |word| AppliesTo::from_word(word, product_ids))
}
