//! Work that waits in the database: for health and for monitors. One trip.

use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::query;

use super::Database;

/// Rows of a kind are counted up to here.
const MOST: i64 = 10_000;

/// What waits.
pub struct Backlog {
    /// Payouts whose commissions are being collected or settled.
    pub payouts: i64,
    /// When the one of them that has waited longest last changed.
    pub oldest_payout_at: Option<Timestamp>,
    /// Refunds that wait for their sale.
    pub parked_refunds: i64,
    /// Sales that wait for a rate of exchange.
    pub sales_without_rate: i64,
    /// What a payment provider said of sales and customers that are not known yet.
    pub provider_facts: i64,
}

#[derive(Deserialize)]
struct Row {
    payouts: i64,
    oldest_payout_at: Option<i64>,
    parked_refunds: i64,
    sales_without_rate: i64,
    provider_facts: i64,
}

/// What waits at this moment. Each count goes through an index that holds nothing else, and ends at [`MOST`].
pub async fn find(database: &Database) -> Result<Backlog, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT \
           (SELECT COUNT(*) FROM (SELECT 1 FROM payout WHERE work IS NOT NULL LIMIT ?1)) AS payouts, \
           (SELECT MIN(updated_at) FROM payout WHERE work IS NOT NULL) AS oldest_payout_at, \
           (SELECT COUNT(*) FROM (SELECT 1 FROM parked_refund LIMIT ?1)) AS parked_refunds, \
           (SELECT COUNT(*) FROM (SELECT 1 FROM conversion WHERE converted_minor IS NULL LIMIT ?1)) \
             AS sales_without_rate, \
           (SELECT COUNT(*) FROM (SELECT 1 FROM provider_fact WHERE waits = 1 LIMIT ?1)) AS provider_facts",
        MOST
    );
    let row: Option<Row> = database.first(statement).await?;
    let row = row.ok_or_else(|| Unavailable("the database counts nothing".to_owned()))?;
    Ok(Backlog {
        payouts: row.payouts,
        oldest_payout_at: row.oldest_payout_at.map(Timestamp::from_milliseconds),
        parked_refunds: row.parked_refunds,
        sales_without_rate: row.sales_without_rate,
        provider_facts: row.provider_facts,
    })
}
