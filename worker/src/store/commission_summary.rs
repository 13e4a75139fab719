//! Sums over commissions, by affiliate and month.

use attribution::ids::AffiliateId;
use attribution::ledger::Unavailable;
use attribution::referral::Scope;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::page::{Page, Period, page_and_total};
use super::{Database, UnknownValue, json};

/// By what commissions are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// By whose they are.
    Affiliate,
    /// By the month in which they were made, in UTC.
    Month,
}

/// Which commissions of a program and mode are counted: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// They are this affiliate's.
    pub affiliate_id: Option<AffiliateId>,
    /// They were made then.
    pub made: Period,
}

/// The sums of one group, in minor units of the team's currency.
#[derive(Clone, Debug)]
pub struct Group {
    /// Whose they are, where they are put together by that.
    pub affiliate_id: Option<AffiliateId>,
    /// The month (`2026-01`), where they are put together by that.
    pub month: Option<String>,
    /// So many, those that came to nothing included.
    pub count: i64,
    /// What they were before any refund; declined ones left out.
    pub earned_minor: i64,
    /// What they are now, with what negative lines take back; declined ones left out.
    pub net_minor: i64,
    /// For each status that there is: its word, how many, and what they are now.
    pub by_status: Vec<(String, i64, i64)>,
}

#[derive(Deserialize)]
struct Row {
    affiliate_id: Option<String>,
    month: Option<String>,
    count: i64,
    earned_minor: i64,
    net_minor: i64,
    by_status: String,
}

/// One page of groups, the latest month first and then by affiliate, and how many groups there are.
pub async fn groups(
    database: &Database,
    scope: &Scope,
    by: &[Grouping],
    filter: &Filter,
    page: Page,
) -> Result<(Vec<Group>, i64), Unavailable> {
    let of_page = format!(
        "SELECT affiliate_id, month, SUM(count) AS count, SUM(earned_minor) AS earned_minor, \
           SUM(net_minor) AS net_minor, json_group_array(json_array(status, count, amount_minor)) AS by_status \
         FROM by_status GROUP BY affiliate_id, month ORDER BY month DESC, affiliate_id LIMIT {} OFFSET {}",
        page.limit,
        page.offset()
    );
    let total = "SELECT COUNT(*) AS total FROM (SELECT 1 FROM by_status GROUP BY affiliate_id, month)";
    let shown = grouped(database, scope, by, filter, &of_page);
    let total = grouped(database, scope, by, filter, total);
    let (rows, total): (Vec<Row>, i64) = page_and_total(database, shown, total).await?;
    let groups = rows.into_iter().map(Group::try_from).collect::<Result<_, _>>()?;
    Ok((groups, total))
}

/// `select` from the sums of each group and status. A negative line earns nothing: what it takes back was earned before.
fn grouped(
    database: &Database,
    scope: &Scope,
    by: &[Grouping],
    filter: &Filter,
    select: &str,
) -> worker::Result<D1PreparedStatement> {
    let affiliate = if by.contains(&Grouping::Affiliate) { "affiliate_id" } else { "NULL" };
    let month =
        if by.contains(&Grouping::Month) { "strftime('%Y-%m', created_at / 1000, 'unixepoch')" } else { "NULL" };
    let sql = format!(
        "WITH by_status AS (SELECT {affiliate} AS affiliate_id, {month} AS month, status, COUNT(*) AS count, \
           COALESCE(SUM(amount_minor), 0) AS amount_minor, \
           COALESCE(SUM(earned_minor) FILTER (WHERE kind <> 'clawback' AND status <> 'declined'), 0) AS earned_minor, \
           COALESCE(SUM(amount_minor) FILTER (WHERE status <> 'declined'), 0) AS net_minor \
         FROM commission WHERE program_id = ?1 AND is_test = ?2 AND deleted_at IS NULL \
           AND (?3 IS NULL OR affiliate_id = ?3) AND (?4 IS NULL OR created_at >= ?4) \
           AND (?5 IS NULL OR created_at <= ?5) GROUP BY 1, 2, 3) {select}"
    );
    query!(
        &database.0,
        sql,
        scope.program_id,
        i64::from(scope.is_test),
        filter.affiliate_id,
        filter.made.from,
        filter.made.to
    )
}

impl TryFrom<Row> for Group {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            affiliate_id: row.affiliate_id.map(AffiliateId::new),
            month: row.month,
            count: row.count,
            earned_minor: row.earned_minor,
            net_minor: row.net_minor,
            by_status: json("commission.status", &row.by_status)?,
        })
    }
}
