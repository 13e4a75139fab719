//! The work on payouts on D1: the protocol is [`attribution::payout`]'s.

use attribution::edits::EditLine;
use attribution::ids::{PayoutId, ReferralId};
use attribution::ledger::{NotCommitted, Step, Unavailable};
use attribution::payout::{Payout, Payouts, Tally};
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::find;
use crate::store::{Database, away, event, rows};

#[derive(Deserialize)]
struct ReferralRow {
    referral_id: String,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

impl Payouts for Database {
    async fn tally(&self, id: &PayoutId) -> Result<Option<Tally>, Unavailable> {
        Ok(find(self, id).await?.map(|shown| shown.tally))
    }

    async fn referrals(&self, payout: &Payout, step: &Step, limit: usize) -> Result<Vec<ReferralId>, Unavailable> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let select = match step {
            Step::Gather { .. } => ready(self, payout, limit),
            Step::EndHold | Step::Pay { .. } | Step::Release { .. } => still_in(self, payout, limit),
        };
        let rows: Vec<ReferralRow> = self.all(select).await?;
        Ok(rows.into_iter().map(|row| ReferralId::new(row.referral_id)).collect())
    }

    async fn save(&self, before: &Tally, after: &Payout, line: &EditLine) -> Result<(), NotCommitted> {
        let lost = |cause: worker::Error| NotCommitted(cause.to_string());
        let writes = [update(self, before, after), event::append_versions(self, "payout", std::slice::from_ref(line))];
        let writes = writes.into_iter().collect::<worker::Result<_>>().map_err(lost)?;
        let answers = self.batch(writes).await.map_err(lost)?;
        let updated: Vec<IdRow> =
            answers.first().map_or(Ok(Vec::new()), rows).map_err(|away| NotCommitted(away.to_string()))?;
        let is_there = updated.first().is_some_and(|row| row.id == after.id.as_str());
        if is_there { Ok(()) } else { Err(NotCommitted("the payout has been removed".to_owned())) }
    }

    async fn settle(&self, payout: &Payout) -> Result<bool, Unavailable> {
        let writes = if payout.is_given_up() { removal(self, payout) } else { rest(self, payout) };
        let writes = writes.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
        let answers = self.batch(writes).await.map_err(|cause| away(&cause))?;
        let settled: Vec<IdRow> = answers.last().map_or(Ok(Vec::new()), rows)?;
        if settled.first().is_some_and(|row| row.id == payout.id.as_str()) {
            return Ok(true);
        }
        // Perhaps others have done it.
        Ok(self.tally(&payout.id).await?.is_none_or(|tally| tally.payout.work.is_none()))
    }
}

/// Referrals with commissions of the affiliate that are ready; a negative line is not while what it takes back is in a
/// payout that is under way. By the index of the affiliate's: `+` keeps the planner
/// from reading the whole program's.
fn ready(database: &Database, payout: &Payout, limit: i64) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT DISTINCT referral_id FROM commission \
         WHERE affiliate_id = ?1 AND +program_id = ?2 AND +is_test = ?3 AND status = 'ready_for_payment' \
           AND deleted_at IS NULL AND (kind <> 'clawback' OR NOT EXISTS (SELECT 1 FROM commission AS taken_back \
             WHERE taken_back.level = commission.level AND taken_back.payout_id IS NOT NULL \
               AND taken_back.status = 'processing_payout' AND taken_back.kind <> 'clawback' \
               AND taken_back.id IN ( \
                 SELECT commission_id FROM conversion WHERE conversion.id = commission.conversion_id UNION ALL \
                 SELECT id FROM commission AS level WHERE level.kind IN ('level', 'clawback') \
                   AND level.conversion_id = commission.conversion_id))) LIMIT ?4",
        payout.affiliate_id,
        payout.scope.program_id,
        i64::from(payout.scope.is_test),
        limit
    )
}

/// Referrals with commissions that are in the payout and have not heard of its end.
fn still_in(database: &Database, payout: &Payout, limit: i64) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT DISTINCT referral_id FROM commission WHERE payout_id = ?1 AND status = 'processing_payout' LIMIT ?2",
        payout.id,
        limit
    )
}

/// Sets NULL, which fails the batch, when the version or the lines are no longer those that `before` was read with.
fn update(database: &Database, before: &Tally, after: &Payout) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "UPDATE payout SET version = CASE WHEN version = ?2 \
             AND ?3 = (SELECT COUNT(*) FROM payout_line WHERE payout_id = ?1) \
             AND ?4 = (SELECT COALESCE(SUM(amount_minor), 0) FROM payout_line WHERE payout_id = ?1) \
           THEN ?5 END, \
           status = ?6, work = ?7, payment_method = ?8, payment_reference = ?9, processed_at = ?10, updated_at = ?11 \
         WHERE id = ?1 RETURNING id",
        after.id,
        before.payout.version,
        before.lines,
        before.sum_minor,
        after.version,
        after.status.as_str(),
        after.work.map(<&str>::from),
        after.payment_method,
        after.payment_reference,
        after.processed_at,
        after.updated_at
    )
}

/// The end of the settling. No line: nothing is decided here.
fn rest(database: &Database, payout: &Payout) -> Vec<worker::Result<D1PreparedStatement>> {
    vec![query!(
        &database.0,
        "UPDATE payout SET work = NULL WHERE id = ?1 AND status <> 'pending' AND work = 'settling' \
           AND NOT EXISTS (SELECT 1 FROM commission WHERE payout_id = ?1 AND status = 'processing_payout') \
         RETURNING id",
        payout.id
    )]
}

/// A payout that was given up goes with its lines, once nothing is in it. The line of the ledger that says why stays.
fn removal(database: &Database, payout: &Payout) -> Vec<worker::Result<D1PreparedStatement>> {
    vec![
        query!(
            &database.0,
            "DELETE FROM payout_line WHERE payout_id = ?1 \
               AND EXISTS (SELECT 1 FROM payout WHERE id = ?1 AND status = 'pending' AND work = 'settling') \
               AND NOT EXISTS (SELECT 1 FROM commission WHERE payout_id = ?1)",
            payout.id
        ),
        query!(
            &database.0,
            "DELETE FROM payout WHERE id = ?1 AND status = 'pending' AND work = 'settling' \
               AND NOT EXISTS (SELECT 1 FROM commission WHERE payout_id = ?1) RETURNING id",
            payout.id
        ),
    ]
}
