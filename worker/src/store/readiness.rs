//! How far a program has been set up, in one read.

use attribution::ids::ProgramId;
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::query;

use super::Database;

/// What is there of a program; counts and moments are those of one mode.
#[derive(Debug, Deserialize)]
pub struct Readiness {
    /// Whether its website is known: 0 or 1.
    pub has_website: i64,
    /// Incentives.
    pub incentives: i64,
    /// Affiliates whose partnership is approved.
    pub affiliates: i64,
    /// Those of them who have said how they want to be paid.
    pub payable_affiliates: i64,
    /// What the latest finished test chain came to: 0 or 1.
    pub last_chain: Option<i64>,
    /// Whether a live sale was credited: 0 or 1.
    pub live_sales: i64,
    /// Clicks of the last day.
    pub clicks: i64,
    /// Leads of the last day.
    pub leads: i64,
    /// Sales of the last day.
    pub sales: i64,
    /// The hour of the latest click, in hours since 1970.
    pub last_click_hour: Option<i64>,
    /// When the latest lead or sale was recorded, in milliseconds since 1970.
    pub last_recorded_at: Option<i64>,
}

/// How far this program has come, as of now. Every part is a look-up by an index that begins with the program.
pub async fn find(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    now: Timestamp,
) -> Result<Option<Readiness>, Unavailable> {
    let day_ago = now.milliseconds() - attribution::time::DAY_MILLISECONDS;
    let statement = query!(
        &database.0,
        "SELECT COALESCE(website_url, '') <> '' AS has_website, \
           (SELECT COUNT(*) FROM incentive WHERE program_id = ?1) AS incentives, \
           (SELECT COUNT(*) FROM affiliate WHERE program_id = ?1 AND partnership = 'approved' AND deleted_at IS NULL) \
             AS affiliates, \
           (SELECT COUNT(*) FROM affiliate WHERE program_id = ?1 AND partnership = 'approved' AND deleted_at IS NULL \
             AND payout_method IS NOT NULL) AS payable_affiliates, \
           (SELECT attributed FROM test_chain WHERE program_id = ?1 AND attributed IS NOT NULL \
             ORDER BY started_at DESC, run DESC LIMIT 1) AS last_chain, \
           EXISTS (SELECT 1 FROM conversion WHERE program_id = ?1 AND is_test = 0 AND attributed = 1) AS live_sales, \
           (SELECT COALESCE(SUM(clicks), 0) FROM click_count WHERE program_id = ?1 AND is_test = ?2 \
             AND hour >= ?3 / 3600000) AS clicks, \
           (SELECT COUNT(*) FROM referral WHERE program_id = ?1 AND is_test = ?2 AND created_at >= ?3) AS leads, \
           (SELECT COUNT(*) FROM conversion WHERE program_id = ?1 AND is_test = ?2 AND created_at >= ?3) AS sales, \
           (SELECT MAX(hour) FROM click_count WHERE program_id = ?1 AND is_test = ?2) AS last_click_hour, \
           (SELECT MAX(at) FROM (SELECT MAX(created_at) AS at FROM referral WHERE program_id = ?1 AND is_test = ?2 \
             UNION ALL SELECT MAX(created_at) FROM conversion WHERE program_id = ?1 AND is_test = ?2)) \
             AS last_recorded_at \
         FROM program WHERE id = ?1",
        program,
        i64::from(is_test),
        day_ago
    );
    database.first(statement).await
}
