//! Sales for which no referral was found: counted, visible with their reason, open to be credited by a later call.

use attribution::decision::Reason;
use attribution::ledger::Unavailable;
use attribution::money::Money;
use attribution::referral::Scope;
use attribution::time::Timestamp;
use serde_json::Value;
use worker::{D1PreparedStatement, query};

use super::{Database, away};

/// A sale that nobody is credited with.
pub struct UnattributedSale {
    /// Whose it is: the caller's program.
    pub scope: Scope,
    /// The caller's key, else the request's id.
    pub sale_key: String,
    /// What was paid.
    pub amount: Money,
    /// Why nobody is credited.
    pub reason: Reason,
    /// The identifiers that were compared.
    pub detail: Value,
    /// The request that reported it.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
}

/// Records one; a repeated call changes nothing, nor does one that comes after the sale has found its referral.
pub async fn record(database: &Database, sale: &UnattributedSale) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "INSERT INTO unattributed_sale (program_id, is_test, sale_key, team_id, amount_minor, currency, reason, detail, \
           request_id, created_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 \
         WHERE NOT EXISTS (SELECT 1 FROM sale_key WHERE program_id = ?1 AND is_test = ?2 AND value = ?3) \
         ON CONFLICT DO NOTHING",
        sale.scope.program_id,
        i64::from(sale.scope.is_test),
        sale.sale_key,
        sale.scope.team_id,
        sale.amount.minor,
        sale.amount.currency,
        sale.reason.as_str(),
        sale.detail.to_string(),
        sale.request_id,
        sale.at
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// The sale has found its referral.
pub(super) fn forget(database: &Database, scope: &Scope, key: &str) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "DELETE FROM unattributed_sale WHERE program_id = ?1 AND is_test = ?2 AND sale_key = ?3",
        scope.program_id,
        i64::from(scope.is_test),
        key
    )
}
