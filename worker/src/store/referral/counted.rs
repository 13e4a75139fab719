//! Referrals as fraud rules and the limits of claims count them: how many others signed up from a network address, and how
//! many leads only a page vouches for.
//!
//! Counting stops where the answer is known, and looks at one affiliate's, or one address's, referrals of a while.

use attribution::ledger::{AddressQuery, ClaimCounts, ClaimQuery, MOST_OF_ADDRESS, MOST_OF_AFFILIATE, Unavailable};
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::super::{Database, away};

/// A count.
#[derive(Deserialize)]
pub struct Count {
    /// So many.
    pub count: u32,
}

/// Claims beside a new one.
#[derive(Deserialize)]
pub struct ClaimsRow {
    of_affiliate: u32,
    of_address: u32,
}

impl From<ClaimsRow> for ClaimCounts {
    fn from(row: ClaimsRow) -> Self {
        Self { of_affiliate: row.of_affiliate, of_address: row.of_address }
    }
}

/// The claims of an affiliate, as an expression.
pub(super) fn claims_of_affiliate(is_test: &str, affiliate: &str, since: &str) -> String {
    format!(
        "(SELECT COUNT(*) FROM (SELECT 1 FROM referral AS claim WHERE claim.affiliate_id = {affiliate} \
           AND claim.created_at > {since} AND claim.verified = 0 AND claim.is_test = {is_test} LIMIT {MOST_OF_AFFILIATE}))"
    )
}

/// The claims from a network address, as an expression. Verified ones keep no address.
pub(super) fn claims_from_address(is_test: &str, address: &str, since: &str) -> String {
    format!(
        "(SELECT COUNT(*) FROM (SELECT 1 FROM referral AS claim WHERE claim.claimed_from = {address} \
           AND claim.claimed_from IS NOT NULL AND claim.created_at > {since} AND claim.is_test = {is_test} \
           LIMIT {MOST_OF_ADDRESS}))"
    )
}

/// The claims that count beside a new one.
pub fn select_claims(database: &Database, is_test: bool, wanted: &ClaimQuery) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "SELECT {} AS of_affiliate, {} AS of_address",
        claims_of_affiliate("?1", "?2", "?4"),
        claims_from_address("?1", "?3", "?4")
    );
    query!(&database.0, sql, i64::from(is_test), wanted.affiliate_id, wanted.claimed_from, wanted.since)
}

/// Others of an affiliate whose clicks came from a network address.
pub fn select_same_address(
    database: &Database,
    is_test: bool,
    wanted: &AddressQuery,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT COUNT(*) AS count FROM (SELECT 1 FROM referral WHERE affiliate_id = ?1 AND created_at >= ?2 \
           AND is_test = ?3 AND id <> ?4 AND click ->> '$.ip_hash' = ?5 LIMIT ?6)",
        wanted.affiliate_id,
        wanted.since,
        i64::from(is_test),
        wanted.other_than,
        wanted.ip_hash,
        wanted.most
    )
}

/// Forgets the network addresses of claims that were made before then, of so many at most. Nothing that a command decides on
/// is changed, so no command that is under way has to begin again.
pub async fn forget_addresses(database: &Database, before: Timestamp, limit: u32) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "UPDATE referral SET claimed_from = NULL WHERE id IN ( \
           SELECT id FROM referral WHERE claimed_from IS NOT NULL AND created_at <= ?1 LIMIT ?2)",
        before,
        limit
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}
