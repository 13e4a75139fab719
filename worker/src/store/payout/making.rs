//! New payouts: who has enough ready, and their rows.

use attribution::edits::{EditLine, Editor};
use attribution::ids::{AffiliateId, PayoutId};
use attribution::ledger::{NotCommitted, Unavailable};
use attribution::money::MAX_MINOR;
use attribution::payout::{Payout, least_payable};
use attribution::referral::Scope;
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{D1PreparedStatement, query};

use crate::store::{Database, event, rows};

/// A negative line that no payout takes up, since what it takes back of is in one that is under way: the rule is
/// `ledger::netting`'s, and asked again at the gate.
const WAITS: &str = "kind = 'clawback' AND EXISTS (SELECT 1 FROM commission AS paid WHERE paid.id = \
      CASE commission.level \
        WHEN 0 THEN (SELECT commission_id FROM conversion WHERE conversion.id = commission.conversion_id) \
        ELSE (SELECT id FROM commission AS other WHERE other.kind = 'level' \
          AND other.conversion_id = commission.conversion_id AND other.level = commission.level) END \
      AND paid.status = 'processing_payout' AND paid.payout_id IS NOT NULL AND paid.deleted_at IS NULL \
      AND paid.affiliate_id = commission.affiliate_id)";

/// What an affiliate has ready.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Who.
    pub affiliate_id: AffiliateId,
    /// So much, negative lines included, in minor units of the team's currency.
    pub sum_minor: i64,
}

/// The affiliates of the program and mode who have enough ready for a payout, at most so many; only this one, where one is
/// named. Without one it reads all of the program's commissions, which is what it is asked about.
pub async fn payable(
    database: &Database,
    scope: &Scope,
    affiliate: Option<&AffiliateId>,
    limit: usize,
) -> Result<Vec<Ready>, Unavailable> {
    #[derive(Deserialize)]
    struct Threshold {
        threshold_minor: i64,
    }
    #[derive(Deserialize)]
    struct Row {
        affiliate_id: String,
        sum_minor: i64,
    }
    let threshold = query!(
        &database.0,
        "SELECT payment_threshold_minor AS threshold_minor FROM program WHERE id = ?1",
        scope.program_id
    );
    let threshold: Option<Threshold> = database.first(threshold).await?;
    let least = least_payable(threshold.map_or(0, |row| row.threshold_minor));
    // `+` lets the affiliate's own index be used where one is named.
    let whose =
        if affiliate.is_some() { "affiliate_id = ?3 AND +program_id = ?1" } else { "program_id = ?1 AND ?3 IS NULL" };
    let sql = format!(
        "SELECT affiliate_id, MIN(SUM(amount_minor), {MAX_MINOR}) AS sum_minor FROM commission \
         WHERE {whose} AND is_test = ?2 AND status = 'ready_for_payment' AND deleted_at IS NULL AND NOT ({WAITS}) \
         GROUP BY affiliate_id HAVING SUM(amount_minor) >= ?4 ORDER BY affiliate_id LIMIT ?5"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = query!(&database.0, sql, scope.program_id, i64::from(scope.is_test), affiliate, least, limit);
    let found: Vec<Row> = database.all(statement).await?;
    let ready = |row: Row| Ready { affiliate_id: AffiliateId::new(row.affiliate_id), sum_minor: row.sum_minor };
    Ok(found.into_iter().map(ready).collect())
}

/// Stores payouts that have just been begun, all in one scope, each with its line, numbered on from the last one; says
/// which. One whose affiliate has a payout in the making already is left out.
pub async fn insert(
    database: &Database,
    begun: &[(Payout, Ready)],
    method: Option<&str>,
    by: &Editor,
) -> Result<Vec<PayoutId>, NotCommitted> {
    #[derive(Deserialize)]
    struct IdRow {
        id: String,
    }
    let lost = |cause: worker::Error| NotCommitted(cause.to_string());
    let lines: Vec<EditLine> =
        begun.iter().map(|(payout, ready)| payout.line_of_beginning(ready.sum_minor, by.clone())).collect();
    let writes = [insertion(database, begun, method), event::append_versions(database, "payout", &lines)];
    let ids: Vec<&PayoutId> = begun.iter().map(|(payout, _)| &payout.id).collect();
    let made = serde_json::to_string(&ids).map_err(|cause| NotCommitted(cause.to_string()))?;
    let made = query!(
        &database.0,
        "SELECT id FROM payout WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY invoice_number",
        made
    );
    let statements = writes.into_iter().chain([made]).collect::<worker::Result<_>>().map_err(lost)?;
    let answers = database.batch(statements).await.map_err(lost)?;
    let made: Vec<IdRow> =
        answers.last().map_or(Ok(Vec::new()), rows).map_err(|away| NotCommitted(away.to_string()))?;
    Ok(made.into_iter().map(|row| PayoutId::new(row.id)).collect())
}

/// The number is the next one as of the insertion itself. How the affiliate wants to be paid counts unless `method` says
/// otherwise.
fn insertion(
    database: &Database,
    begun: &[(Payout, Ready)],
    method: Option<&str>,
) -> worker::Result<D1PreparedStatement> {
    let Some((first, _)) = begun.first() else { return Ok(database.0.prepare("SELECT 1")) };
    let row = |(payout, _): &(Payout, Ready)| json!({ "id": payout.id, "affiliate_id": payout.affiliate_id });
    let wanted: Vec<Value> = begun.iter().map(row).collect();
    query!(
        &database.0,
        "INSERT INTO payout (id, team_id, program_id, is_test, affiliate_id, invoice_number, currency, status, work, \
           payment_method, version, created_at, updated_at) \
         SELECT wanted.value ->> 'id', ?2, ?3, ?4, wanted.value ->> 'affiliate_id', \
           (SELECT COALESCE(MAX(invoice_number), 0) FROM payout WHERE program_id = ?3 AND is_test = ?4) \
             + ROW_NUMBER() OVER (ORDER BY wanted.key), \
           ?5, 'pending', 'gathering', \
           COALESCE(?6, (SELECT payout_method FROM affiliate WHERE affiliate.id = wanted.value ->> 'affiliate_id')), \
           ?7, ?8, ?8 \
         FROM json_each(?1) AS wanted \
         WHERE NOT EXISTS (SELECT 1 FROM payout AS other INDEXED BY payout_at_work WHERE other.work IS NOT NULL \
           AND other.status = 'pending' AND other.affiliate_id = wanted.value ->> 'affiliate_id' \
           AND other.program_id = ?3 AND other.is_test = ?4)",
        serde_json::to_string(&wanted)?,
        first.scope.team_id,
        first.scope.program_id,
        i64::from(first.scope.is_test),
        first.currency.code(),
        method,
        first.version,
        first.created_at
    )
}
