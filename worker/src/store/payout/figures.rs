//! Payouts with work to do: for the job that does it, and for health.

use attribution::ids::PayoutId;
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::query;

use crate::store::Database;

/// How the work on payouts is going.
pub struct AtWork {
    /// So many have work to do.
    pub count: i64,
    /// When the one that has waited longest last changed.
    pub oldest_at: Option<Timestamp>,
}

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

/// How many have work to do, and since when.
pub async fn at_work(database: &Database) -> Result<AtWork, Unavailable> {
    #[derive(Deserialize)]
    struct Row {
        count: i64,
        oldest_at: Option<i64>,
    }
    let statement = query!(
        &database.0,
        "SELECT COUNT(*) AS count, MIN(updated_at) AS oldest_at FROM payout WHERE work IS NOT NULL"
    );
    let row: Option<Row> = database.first(Ok(statement)).await?;
    let (count, oldest_at) = row.map_or((0, None), |row| (row.count, row.oldest_at));
    Ok(AtWork { count, oldest_at: oldest_at.map(Timestamp::from_milliseconds) })
}
