//! Referrals as their program's owner reads them: a list by cursor. Removed ones are not shown.

use attribution::ids::AffiliateId;
use attribution::ledger::Unavailable;
use attribution::referral::{Identity, IdentityKind, Referral, Scope};
use attribution::status::{FraudRule, ReferralStatus};
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::super::page::{Cursor, Period, Place, direction};
use super::super::{Database, away, rows};
use super::{COLUMNS, Row};

/// Which referrals of a program a list shows: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who is credited.
    pub affiliate_id: Option<AffiliateId>,
    /// What their customer is, or, where they are rejected, was known by: all of these.
    pub identities: Vec<Identity>,
    /// How far their customer has come.
    pub status: Option<ReferralStatus>,
    /// What fraud rules have said of it.
    pub fraud: Option<Suspected>,
    /// When they began.
    pub created: Period,
}

/// What fraud rules have said of a referral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspected {
    /// Some rule has hit.
    Any,
    /// Some rule has hit, and none rejected it when it was made.
    Detected,
    /// A rule rejected it when it was made.
    Blocked,
    /// This rule has hit.
    By(FraudRule),
}

/// One page of a program's referrals, and whether there are more; `None` where the cursor is none of the program's. A
/// removed referral still is a place in the list.
pub async fn list(
    database: &Database,
    scope: &Scope,
    filter: &Filter,
    cursor: &Cursor,
) -> Result<Option<(Vec<Referral>, bool)>, Unavailable> {
    #[derive(Deserialize)]
    struct Known {
        known: i64,
    }
    let reads = [place(database, scope, cursor), page(database, scope, filter, cursor)];
    let reads = reads.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(reads).await.map_err(|cause| away(&cause))?;
    let [known, page] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let known: Vec<Known> = rows(known)?;
    if known.first().is_none_or(|row| row.known == 0) {
        return Ok(None);
    }
    let page: Vec<Row> = rows(page)?;
    let referrals: Vec<Referral> = page.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok(Some(cursor.cut(referrals)))
}

fn place_id(cursor: &Cursor) -> Option<&str> {
    cursor.place.as_ref().map(|place| match place {
        Place::After(id) | Place::Before(id) => id.as_str(),
    })
}

/// Whether the cursor is a place in the program's list.
fn place(database: &Database, scope: &Scope, cursor: &Cursor) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT ?1 IS NULL OR EXISTS (SELECT 1 FROM referral WHERE id = ?1 AND program_id = ?2 AND is_test = ?3) AS known",
        place_id(cursor),
        scope.program_id,
        i64::from(scope.is_test)
    )
}

/// Equal moments go by the ids, so that no row is on two pages. A `+` keeps the index by program from being used where one
/// by affiliate or by name finds fewer.
fn page(database: &Database, scope: &Scope, filter: &Filter, cursor: &Cursor) -> worker::Result<D1PreparedStatement> {
    let is_narrow = filter.affiliate_id.is_some() || !filter.identities.is_empty();
    let unused = if is_narrow { "+" } else { "" };
    let affiliate = if filter.affiliate_id.is_some() { "affiliate_id = ?3" } else { "?3 IS NULL" };
    let names = by_names(&filter.identities);
    let suspected = suspected(filter.fraud);
    let beyond = beyond(cursor);
    let direction = direction(cursor.reads_descending());
    let sql = format!(
        "SELECT {COLUMNS} FROM referral WHERE {unused}program_id = ?1 AND {unused}is_test = ?2 AND status <> 'deleted' \
         AND {affiliate} AND {names} AND {suspected} AND {beyond} AND (?6 IS NULL OR status = ?6) \
         AND (?7 IS NULL OR created_at >= ?7) AND (?8 IS NULL OR created_at <= ?8) \
         ORDER BY created_at {direction}, id {direction} LIMIT ?9"
    );
    query!(
        &database.0,
        sql,
        scope.program_id,
        i64::from(scope.is_test),
        filter.affiliate_id,
        serde_json::to_string(&filter.identities)?,
        place_id(cursor),
        filter.status.map(ReferralStatus::as_str),
        filter.created.from,
        filter.created.to,
        cursor.wanted()
    )
}

/// Whether the rules have said so. Rules are words of this code, and nobody's input.
fn suspected(fraud: Option<Suspected>) -> String {
    match fraud {
        None => "TRUE".to_owned(),
        Some(Suspected::Any) => "suspicion IS NOT NULL".to_owned(),
        Some(Suspected::Detected) => "suspicion IS NOT NULL AND suspicion ->> '$.blocked_by' IS NULL".to_owned(),
        Some(Suspected::Blocked) => "suspicion IS NOT NULL AND suspicion ->> '$.blocked_by' IS NOT NULL".to_owned(),
        Some(Suspected::By(rule)) => format!(
            "suspicion IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(referral.suspicion, '$.rules') AS hit \
               WHERE hit.value = '{}')",
            rule.as_str()
        ),
    }
}

/// Whoever holds a name is found by it; whoever was rejected holds none, and is found among the rejected.
fn by_names(identities: &[Identity]) -> String {
    let by_name = |(place, identity): (usize, &Identity)| {
        let column = match identity.kind {
            IdentityKind::ExternalUserId => "external_user_id",
            IdentityKind::CustomerId => "customer_id",
            IdentityKind::EmailHash => "email_hash",
            IdentityKind::SubscriptionId => "subscription_id",
            // A further name only, and equal to no column.
            IdentityKind::ProviderCustomerId => "id",
        };
        format!(
            "id IN (SELECT identity.referral_id FROM identity WHERE identity.program_id = ?1 AND identity.is_test = ?2 \
               AND identity.kind = ?4 ->> '$[{place}].kind' AND identity.value = ?4 ->> '$[{place}].value' \
             UNION ALL SELECT rejected.id FROM referral AS rejected WHERE rejected.program_id = ?1 \
               AND rejected.is_test = ?2 AND rejected.status = 'rejected' \
               AND rejected.{column} = ?4 ->> '$[{place}].value')"
        )
    };
    let conditions: Vec<String> = identities.iter().enumerate().map(by_name).collect();
    if conditions.is_empty() { "?4 IS NOT NULL".to_owned() } else { conditions.join(" AND ") }
}

/// What is beyond the cursor in the direction of reading.
fn beyond(cursor: &Cursor) -> String {
    if cursor.place.is_none() {
        return "?5 IS NULL".to_owned();
    }
    let side = if cursor.reads_descending() { "<" } else { ">" };
    let moment = "(SELECT place.created_at FROM referral AS place WHERE place.id = ?5)";
    format!("created_at {side}= {moment} AND (created_at <> {moment} OR id {side} ?5)")
}
