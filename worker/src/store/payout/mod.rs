//! Payouts: rows of `payout` and `payout_line`.
//!
//! Every write of a payout is one batch with its line of the ledger, guarded by the version and the lines that it was
//! decided on; a payout's commissions are moved by their referrals' gates alone.

pub mod figures;
pub mod lines;
pub mod list;
pub mod making;
mod row;
mod work;

use attribution::ids::PayoutId;
use attribution::ledger::Unavailable;
use attribution::payout::{PayoutLine, Tally};
use worker::{D1PreparedStatement, query};

use super::Database;

/// A payout as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// With what it comes to.
    pub tally: Tally,
    /// Who is paid: their name.
    pub affiliate_name: Option<String>,
    /// Who is paid: their address.
    pub affiliate_email: Option<String>,
}

/// The payout with this id, whoever's it is; the caller checks.
pub async fn find(database: &Database, id: &PayoutId) -> Result<Option<Shown>, Unavailable> {
    let sql = format!("SELECT {} FROM payout WHERE id = ?1", row::COLUMNS);
    let row: Option<row::Row> = database.first(query!(&database.0, sql, id)).await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

/// Those of these payouts that there are, in the order of their numbers.
pub async fn find_all(database: &Database, ids: &[PayoutId]) -> Result<Vec<Shown>, Unavailable> {
    let sql = format!(
        "SELECT {} FROM payout WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY invoice_number",
        row::COLUMNS
    );
    let rows: Vec<row::Row> = database.all(query!(&database.0, sql, serde_json::to_string(ids)?)).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

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
