//! Incentives as their owners edit them: a group's, or an affiliate's overrides.
//!
//! State: rows of `incentive`. The rules read them together with their program. Every write raises the rules version in
//! its own batch ([`super::rules_version`]).

mod row;

use attribution::ids::{AffiliateId, GroupId, IncentiveId, ProgramId, TeamId};
use attribution::incentive::{Owner, Reward};
use attribution::ledger::{NotCommitted, Unavailable};
use attribution::limits::MAX_INCENTIVES;
use attribution::terms::Terms;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

pub(super) use self::row::{Row, RuleRow};
use super::{Database, away, rows, rules_version};

/// With the rules version of the program, as of the same moment.
const COLUMNS: &str = "incentive.id, incentive.group_id, incentive.affiliate_id, incentive.name, incentive.pays_for, \
    incentive.rate_ppm, incentive.amount_minor, incentive.apply_to, incentive.product_ids, incentive.approval, \
    incentive.hold_days, incentive.length, incentive.length_value, incentive.cap_minor, incentive.created_at, \
    incentive.updated_at, program.rules_version";

const TABLES: &str = "incentive JOIN program ON program.id = incentive.program_id";

/// An incentive, and when its terms were set.
#[derive(Clone, Debug)]
pub struct OwnedIncentive {
    /// Its id.
    pub id: IncentiveId,
    /// Who earns by it.
    pub owner: Owner,
    /// What its owner has set.
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The program's rules version when it was read.
    pub rules_version: i64,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

/// Stores a new one; false when its owner has [`MAX_INCENTIVES`] already.
pub async fn insert(
    database: &Database,
    team: &TeamId,
    program: &ProgramId,
    incentive: &OwnedIncentive,
) -> Result<bool, Unavailable> {
    let insertion = insertion(database, team, program, incentive, MAX_INCENTIVES);
    let writes = [insertion, rules_version::raise(database, program)];
    first_id(database, writes).await.map(|id| id.is_some())
}

/// The insertion; it inserts nothing where the owner has so many already.
pub(super) fn insertion(
    database: &Database,
    team: &TeamId,
    program: &ProgramId,
    incentive: &OwnedIncentive,
    at_most: i64,
) -> worker::Result<D1PreparedStatement> {
    let (group, affiliate) = columns_of(&incentive.owner);
    let terms = &incentive.terms;
    query!(
        &database.0,
        "INSERT INTO incentive (id, team_id, program_id, group_id, affiliate_id, name, pays_for, kind, rate_ppm, \
           amount_minor, apply_to, product_ids, approval, hold_days, length, length_value, cap_minor, created_at, \
           updated_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19 \
         WHERE (SELECT COUNT(*) FROM incentive \
                WHERE program_id = ?3 AND group_id IS ?4 AND affiliate_id IS ?5) < ?20 \
         RETURNING id",
        incentive.id,
        team,
        program,
        group,
        affiliate,
        terms.name,
        terms.pays_for.as_str(),
        terms.reward.kind(),
        rate_ppm(terms.reward),
        amount_minor(terms.reward),
        terms.applies_to.as_str(),
        serde_json::to_string(terms.applies_to.product_ids())?,
        terms.approval.as_str(),
        terms.approval.hold_days().unwrap_or(0),
        terms.length.as_str(),
        terms.length.value(),
        terms.cap_minor,
        incentive.created_at,
        incentive.updated_at,
        at_most
    )
}

/// Stores the terms of one that was read; not committed where its program's rules have moved on since.
pub async fn update(database: &Database, program: &ProgramId, incentive: &OwnedIncentive) -> Result<(), NotCommitted> {
    let fence = rules_version::raise_from(database, program, incentive.rules_version);
    let writes = [fence, replacement(database, incentive)].into_iter().collect::<worker::Result<_>>();
    let writes = writes.map_err(|cause| NotCommitted(cause.to_string()))?;
    database.batch(writes).await.map(|_| ()).map_err(|cause| NotCommitted(cause.to_string()))
}

/// The update of one, which needs the fence of [`rules_version::raise_from`] beside it.
pub(super) fn replacement(database: &Database, incentive: &OwnedIncentive) -> worker::Result<D1PreparedStatement> {
    let terms = &incentive.terms;
    query!(
        &database.0,
        "UPDATE incentive SET name = ?2, pays_for = ?3, kind = ?4, rate_ppm = ?5, amount_minor = ?6, apply_to = ?7, \
           product_ids = ?8, approval = ?9, hold_days = ?10, length = ?11, length_value = ?12, cap_minor = ?13, \
           updated_at = ?14 WHERE id = ?1",
        incentive.id,
        terms.name,
        terms.pays_for.as_str(),
        terms.reward.kind(),
        rate_ppm(terms.reward),
        amount_minor(terms.reward),
        terms.applies_to.as_str(),
        serde_json::to_string(terms.applies_to.product_ids())?,
        terms.approval.as_str(),
        terms.approval.hold_days().unwrap_or(0),
        terms.length.as_str(),
        terms.length.value(),
        terms.cap_minor,
        incentive.updated_at
    )
}

/// Removes one; false when its owner has none with this id. What it has earned stays.
pub async fn delete(
    database: &Database,
    program: &ProgramId,
    owner: &Owner,
    id: &IncentiveId,
) -> Result<bool, Unavailable> {
    let (group, affiliate) = columns_of(owner);
    let removal = query!(
        &database.0,
        "DELETE FROM incentive WHERE id = ?1 AND program_id = ?2 AND group_id IS ?3 AND affiliate_id IS ?4 \
         RETURNING id",
        id,
        program,
        group,
        affiliate
    );
    first_id(database, [removal, rules_version::raise(database, program)]).await.map(|id| id.is_some())
}

/// The one with this id, if it is this owner's.
pub async fn find(
    database: &Database,
    program: &ProgramId,
    owner: &Owner,
    id: &IncentiveId,
) -> Result<Option<OwnedIncentive>, Unavailable> {
    let (group, affiliate) = columns_of(owner);
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE incentive.id = ?1 AND incentive.program_id = ?2 \
         AND incentive.group_id IS ?3 AND incentive.affiliate_id IS ?4"
    );
    let row: Option<Row> = database.first(query!(&database.0, sql, id, program, group, affiliate)).await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

/// All of an owner's, oldest first.
pub async fn of_owner(
    database: &Database,
    program: &ProgramId,
    owner: &Owner,
) -> Result<Vec<OwnedIncentive>, Unavailable> {
    let (group, affiliate) = columns_of(owner);
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE incentive.program_id = ?1 AND incentive.group_id IS ?2 \
         AND incentive.affiliate_id IS ?3 ORDER BY incentive.created_at, incentive.id"
    );
    let rows: Vec<Row> = database.all(query!(&database.0, sql, program, group, affiliate)).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// All of these affiliates', oldest first.
pub async fn of_affiliates(
    database: &Database,
    program: &ProgramId,
    affiliates: &[&AffiliateId],
) -> Result<Vec<OwnedIncentive>, Unavailable> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE incentive.program_id = ?1 \
         AND incentive.affiliate_id IN (SELECT value FROM json_each(?2)) ORDER BY incentive.created_at, incentive.id"
    );
    let rows: Vec<Row> = database.all(query!(&database.0, sql, program, serde_json::to_string(affiliates)?)).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// All of a program's groups, oldest first.
pub async fn of_groups(database: &Database, program: &ProgramId) -> Result<Vec<OwnedIncentive>, Unavailable> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE incentive.program_id = ?1 AND incentive.group_id IS NOT NULL \
         ORDER BY incentive.created_at, incentive.id"
    );
    let rows: Vec<Row> = database.all(query!(&database.0, sql, program)).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// All that the rules look at of a program's, oldest first.
pub(super) fn select_rules(database: &Database, program: &ProgramId) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT id, group_id, affiliate_id, pays_for, rate_ppm, amount_minor, apply_to, product_ids, approval, \
           hold_days, length, length_value, cap_minor FROM incentive WHERE program_id = ?1 ORDER BY created_at, id",
        program
    )
}

/// The one by which most sales of the default group's affiliates earn: it pays for every plan; the oldest of several.
pub(super) fn select_default(database: &Database, program: &ProgramId) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} \
         WHERE incentive.program_id = ?1 AND incentive.pays_for = 'sale' AND incentive.apply_to = 'all_plans' \
         AND incentive.group_id = (SELECT id FROM affiliate_group WHERE program_id = ?1 AND is_default = 1) \
         ORDER BY incentive.created_at, incentive.id LIMIT 1"
    );
    query!(&database.0, sql, program)
}

/// The id that the first of these writes returned.
async fn first_id(
    database: &Database,
    writes: [worker::Result<D1PreparedStatement>; 2],
) -> Result<Option<IncentiveId>, Unavailable> {
    let writes = writes.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(writes).await.map_err(|cause| away(&cause))?;
    let Some(answer) = answers.first() else { return Ok(None) };
    let returned: Vec<IdRow> = rows(answer)?;
    Ok(returned.into_iter().next().map(|row| IncentiveId::new(row.id)))
}

fn columns_of(owner: &Owner) -> (Option<&GroupId>, Option<&AffiliateId>) {
    match owner {
        Owner::Group(group) => (Some(group), None),
        Owner::Affiliate(affiliate) => (None, Some(affiliate)),
    }
}

fn rate_ppm(reward: Reward) -> Option<u64> {
    match reward {
        Reward::Percentage(rate) => Some(rate.parts_per_million()),
        Reward::Fixed(_) => None,
    }
}

fn amount_minor(reward: Reward) -> Option<i64> {
    match reward {
        Reward::Percentage(_) => None,
        Reward::Fixed(minor) => Some(minor),
    }
}
