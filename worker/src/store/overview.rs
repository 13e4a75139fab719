//! What the dashboard shows: totals and the latest rows of one program. Read only.
//!
//! Counting whole tables is bounded by the indexes over (program, mode, date); this is an owner's page, not a hot path.

use attribution::ids::ProgramId;
use attribution::ledger::Unavailable;
use serde::Deserialize;
use worker::query;

use super::{Database, away, rows};

/// How many rows each list shows.
pub const LATEST: i64 = 25;

/// Sums over a program.
#[derive(Default, Deserialize)]
pub struct Totals {
    /// Clicks that the shards have reported.
    pub clicks: i64,
    /// Referrals.
    pub leads: i64,
    /// Sales of referred customers.
    pub sales: i64,
    /// Sales that nobody is credited with.
    pub unattributed_sales: i64,
    /// Commissions that stand (neither declined nor refunded), in minor units of the team's currency.
    pub commission_minor: i64,
}

/// A referral, or a lead of the test mode.
#[derive(Deserialize)]
pub struct LeadRow {
    /// Its id.
    pub id: String,
    /// When.
    pub created_at: i64,
    /// How far the customer has come.
    pub status: String,
    /// Mask or user id.
    pub customer: Option<String>,
    /// Who is credited.
    pub affiliate_name: Option<String>,
    /// Code of the decision.
    pub reason: String,
    /// 1 for test rows.
    pub is_test: i64,
}

/// A sale, credited or not, or one of the test mode.
#[derive(Deserialize)]
pub struct SaleRow {
    /// Its id.
    pub id: String,
    /// When.
    pub created_at: i64,
    /// What was paid; `None` where a test did not say.
    pub amount_minor: Option<i64>,
    /// Its currency.
    pub currency: Option<String>,
    /// Where the purchase is.
    pub sales_status: String,
    /// Who is credited.
    pub affiliate_name: Option<String>,
    /// 1 when somebody is.
    pub attributed: i64,
    /// Code of the decision.
    pub reason: String,
    /// 1 for test rows.
    pub is_test: i64,
}

/// A commission.
#[derive(Deserialize)]
pub struct CommissionRow {
    /// Its id.
    pub id: String,
    /// When.
    pub created_at: i64,
    /// `sale` or `lead`.
    pub kind: String,
    /// `None` while it waits for a rate.
    pub amount_minor: Option<i64>,
    /// The team's currency.
    pub currency: String,
    /// Where it is on its way.
    pub status: String,
    /// Who earns it.
    pub affiliate_name: Option<String>,
    /// Code of the decision.
    pub reason: String,
    /// 1 for test rows.
    pub is_test: i64,
}

/// A click of the test mode; all other clicks are in the shards.
#[derive(Deserialize)]
pub struct TestClickRow {
    /// Its number.
    pub id: String,
    /// When.
    pub created_at: i64,
}

/// Everything on the page but the clicks.
pub struct Overview {
    /// Sums.
    pub totals: Totals,
    /// Latest first.
    pub leads: Vec<LeadRow>,
    /// Latest first.
    pub sales: Vec<SaleRow>,
    /// Latest first.
    pub commissions: Vec<CommissionRow>,
    /// Latest first.
    pub test_clicks: Vec<TestClickRow>,
}

const TOTALS: &str = "SELECT \
    (SELECT COALESCE(SUM(clicks), 0) FROM click_count WHERE program_id = ?1 AND is_test IN (?2, ?3)) AS clicks, \
    (SELECT COUNT(*) FROM referral WHERE program_id = ?1 AND is_test IN (?2, ?3) AND status <> 'deleted') AS leads, \
    (SELECT COUNT(*) FROM conversion WHERE program_id = ?1 AND is_test IN (?2, ?3)) AS sales, \
    (SELECT COUNT(*) FROM unattributed_sale WHERE program_id = ?1 AND is_test IN (?2, ?3)) AS unattributed_sales, \
    (SELECT COALESCE(SUM(amount_minor), 0) FROM commission \
      WHERE program_id = ?1 AND is_test IN (?2, ?3) AND status NOT IN ('declined', 'refunded')) AS commission_minor";

const LEADS: &str = "SELECT referral.id AS id, referral.created_at AS created_at, referral.status AS status, \
      COALESCE(referral.email_masked, referral.external_user_id, referral.customer_id) AS customer, \
      affiliate.name AS affiliate_name, \
      (SELECT reason FROM event WHERE event.referral_id = referral.id AND event.seq = 1) AS reason, \
      referral.is_test AS is_test \
    FROM referral LEFT JOIN affiliate ON affiliate.id = referral.affiliate_id \
    WHERE referral.program_id = ?1 AND referral.is_test IN (?2, ?3) AND referral.status <> 'deleted' \
    UNION ALL \
    SELECT CAST(event_id AS TEXT), created_at, 'lead', body ->> 'customer_key', NULL, 'test_mode', 1 FROM test_event \
    WHERE program_id = ?1 AND kind = 'lead' AND ?3 = 1 \
    ORDER BY created_at DESC LIMIT ?4";

const SALES: &str = "SELECT conversion.id AS id, conversion.created_at AS created_at, \
      conversion.amount_minor AS amount_minor, conversion.currency AS currency, \
      conversion.sales_status AS sales_status, affiliate.name AS affiliate_name, conversion.attributed AS attributed, \
      conversion.reason AS reason, conversion.is_test AS is_test \
    FROM conversion LEFT JOIN affiliate ON affiliate.id = conversion.affiliate_id \
    WHERE conversion.program_id = ?1 AND conversion.is_test IN (?2, ?3) \
    UNION ALL \
    SELECT sale_key, created_at, amount_minor, currency, 'complete', NULL, 0, reason, is_test FROM unattributed_sale \
    WHERE program_id = ?1 AND is_test IN (?2, ?3) \
    UNION ALL \
    SELECT CAST(event_id AS TEXT), created_at, body ->> 'amount_cents', body ->> 'currency', 'complete', NULL, 0, \
      'test_mode', 1 FROM test_event WHERE program_id = ?1 AND kind = 'sale' AND ?3 = 1 \
    ORDER BY created_at DESC LIMIT ?4";

const COMMISSIONS: &str = "SELECT commission.id AS id, commission.created_at AS created_at, \
      CASE WHEN commission.conversion_id IS NULL THEN 'lead' ELSE 'sale' END AS kind, \
      commission.amount_minor AS amount_minor, commission.currency AS currency, commission.status AS status, \
      affiliate.name AS affiliate_name, commission.reason AS reason, commission.is_test AS is_test \
    FROM commission LEFT JOIN affiliate ON affiliate.id = commission.affiliate_id \
    WHERE commission.program_id = ?1 AND commission.is_test IN (?2, ?3) \
    ORDER BY commission.created_at DESC LIMIT ?4";

const TEST_CLICKS: &str = "SELECT CAST(event_id AS TEXT) AS id, created_at FROM test_event \
    WHERE program_id = ?1 AND kind = 'click' AND ?3 = 1 AND ?2 IN (0, 1) ORDER BY event_id DESC LIMIT ?4";

/// Reads the overview of a program: rows of the key's own mode and, if wanted, test rows.
pub async fn read(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    with_test_rows: bool,
) -> Result<Overview, Unavailable> {
    let first = i64::from(is_test);
    let second = i64::from(is_test || with_test_rows);
    let statements = [
        query!(&database.0, TOTALS, program, first, second),
        query!(&database.0, LEADS, program, first, second, LATEST),
        query!(&database.0, SALES, program, first, second, LATEST),
        query!(&database.0, COMMISSIONS, program, first, second, LATEST),
        query!(&database.0, TEST_CLICKS, program, first, second, LATEST),
    ];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let [totals, leads, sales, commissions, test_clicks] = answers.as_slice() else {
        return Err(Unavailable("a batch of five answered otherwise".to_owned()));
    };
    let totals: Vec<Totals> = rows(totals)?;
    Ok(Overview {
        totals: totals.into_iter().next().unwrap_or_default(),
        leads: rows(leads)?,
        sales: rows(sales)?,
        commissions: rows(commissions)?,
        test_clicks: rows(test_clicks)?,
    })
}
