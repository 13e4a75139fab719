//! Payouts: rows of `payout` and `payout_line`.

use attribution::payout::PayoutLine;
use worker::{D1PreparedStatement, query};

use super::Database;

/// A commission enters a payout. The sub-select is NULL, which fails the batch, unless the payout is being gathered; the
/// primary key fails it where the commission is in already.
pub(super) fn add_line(database: &Database, line: &PayoutLine) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO payout_line (payout_id, commission_id, referral_id, amount_minor, created_at) \
         VALUES ((SELECT id FROM payout WHERE id = ?1 AND status = 'pending' AND work = 'gathering'), ?2, ?3, ?4, ?5)",
        line.payout_id,
        line.commission_id,
        line.referral_id,
        line.amount_minor,
        line.created_at
    )
}
