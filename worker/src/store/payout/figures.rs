//! Payouts with work to do: for the job that does it.

use attribution::ids::PayoutId;
use attribution::ledger::Unavailable;
use serde::Deserialize;
use worker::query;

use crate::store::Database;

/// Those that have work to do, whose last change is longest ago first, at most so many.
pub async fn ids_at_work(database: &Database, limit: u32) -> Result<Vec<PayoutId>, Unavailable> {
    #[derive(Deserialize)]
    struct IdRow {
        id: String,
    }
    let statement =
        query!(&database.0, "SELECT id FROM payout WHERE work IS NOT NULL ORDER BY updated_at LIMIT ?1", limit);
    let rows: Vec<IdRow> = database.all(statement).await?;
    Ok(rows.into_iter().map(|row| PayoutId::new(row.id)).collect())
}
