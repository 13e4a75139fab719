//! What the dashboard shows: totals and the latest rows of one program. Read only.
//!
//! The lists read as many rows as they show, by the indexes over program, mode and date. The totals count whole ranges of
//! those indexes: this is an owner's page, not a hot path.

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
    (SELECT COUNT(*) FROM unattributed_sale \
      WHERE program_id = ?1 AND is_test IN (?2, ?3) AND conversion_id IS NULL) AS unattributed_sales, \
    (SELECT MIN(COALESCE(SUM(amount_minor), 0), 9007199254740991) FROM commission \
      WHERE program_id = ?1 AND is_test IN (?2, ?3) AND status NOT IN ('declined', 'refunded') \
        AND deleted_at IS NULL) AS commission_minor";

/// The latest rows of a table: those of the first mode and, where it differs, of the second, each by its index.
macro_rules! latest {
    ($table:literal, $condition:literal) => {
        concat!(
            "WITH latest AS (SELECT * FROM (SELECT * FROM ",
            $table,
            " WHERE program_id = ?1 AND is_test = ?2 ",
            $condition,
            " ORDER BY created_at DESC LIMIT ?4) UNION ALL SELECT * FROM (SELECT * FROM ",
            $table,
            " WHERE program_id = ?1 AND is_test = ?3 AND ?3 <> ?2 ",
            $condition,
            " ORDER BY created_at DESC LIMIT ?4)) "
        )
    };
}

const LEADS: &str = concat!(
    latest!("referral", "AND status <> 'deleted'"),
    "SELECT latest.id AS id, latest.created_at AS created_at, latest.status AS status, \
       COALESCE(latest.email_masked, latest.external_user_id, latest.customer_id) AS customer, \
       affiliate.name AS affiliate_name, \
       (SELECT reason FROM event WHERE event.subject = latest.id AND event.seq = 1) AS reason, \
       latest.is_test AS is_test \
     FROM latest LEFT JOIN affiliate ON affiliate.id = latest.affiliate_id \
     UNION ALL \
     SELECT CAST(event_id AS TEXT), created_at, 'lead', CAST(body ->> 'customer_key' AS TEXT), NULL, 'test_mode', 1 \
     FROM test_event WHERE program_id = ?1 AND kind = 'lead' AND ?3 = 1 \
     ORDER BY created_at DESC LIMIT ?4"
);

const SALES: &str = concat!(
    latest!("conversion", ""),
    "SELECT latest.id AS id, latest.created_at AS created_at, latest.amount_minor AS amount_minor, \
       latest.currency AS currency, latest.sales_status AS sales_status, affiliate.name AS affiliate_name, \
       latest.attributed AS attributed, latest.reason AS reason, latest.is_test AS is_test \
     FROM latest LEFT JOIN affiliate ON affiliate.id = latest.affiliate_id \
     UNION ALL \
     SELECT sale_key, created_at, amount_minor, currency, 'complete', NULL, 0, reason, is_test FROM unattributed_sale \
     WHERE program_id = ?1 AND is_test IN (?2, ?3) AND conversion_id IS NULL \
     UNION ALL \
     SELECT CAST(event_id AS TEXT), created_at, \
       CASE json_type(body, '$.amount_cents') WHEN 'integer' THEN \
         MAX(MIN(body ->> 'amount_cents', 9007199254740991), -9007199254740991) END, \
       CAST(body ->> 'currency' AS TEXT), 'complete', NULL, 0, 'test_mode', 1 \
     FROM test_event WHERE program_id = ?1 AND kind = 'sale' AND ?3 = 1 \
     ORDER BY created_at DESC LIMIT ?4"
);

const COMMISSIONS: &str = concat!(
    latest!("commission", ""),
    "SELECT latest.id AS id, latest.created_at AS created_at, \
       CASE WHEN latest.conversion_id IS NULL THEN 'lead' ELSE 'sale' END AS kind, \
       latest.amount_minor AS amount_minor, latest.currency AS currency, latest.status AS status, \
       affiliate.name AS affiliate_name, latest.reason AS reason, latest.is_test AS is_test \
     FROM latest LEFT JOIN affiliate ON affiliate.id = latest.affiliate_id \
     ORDER BY created_at DESC LIMIT ?4"
);

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
