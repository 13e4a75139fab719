//! Lists of payouts.

use attribution::ids::AffiliateId;
use attribution::ledger::Unavailable;
use attribution::referral::Scope;
use attribution::status::PayoutStatus;
use worker::{D1PreparedStatement, query};

use super::{Shown, row};
use crate::store::Database;
use crate::store::page::{Page, Period, Sort, order_and_limit, page_and_total};

/// What a list of payouts may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortedBy {
    /// When they were begun.
    CreatedAt,
    /// What they come to.
    Amount,
    /// Their numbers.
    InvoiceNumber,
}

/// Which payouts of a program and mode a list shows: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// They are there.
    pub status: Option<PayoutStatus>,
    /// They are this affiliate's.
    pub affiliate_id: Option<AffiliateId>,
    /// They were begun then.
    pub begun: Period,
}

/// One page of payouts, and how many there are in all. One that is being made is in no list: its sum is not yet what is
/// to be paid.
pub async fn list(
    database: &Database,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    sort: Sort<SortedBy>,
) -> Result<(Vec<Shown>, i64), Unavailable> {
    let column = match sort.by {
        SortedBy::CreatedAt => "created_at",
        SortedBy::Amount => "sum_minor",
        SortedBy::InvoiceNumber => "invoice_number",
    };
    let order = order_and_limit(column, sort.descending, page);
    let shown = filtered(database, &format!("SELECT {}", row::COLUMNS), scope, filter, &order);
    let total = filtered(database, "SELECT COUNT(*) AS total", scope, filter, "");
    let (found, total): (Vec<row::Row>, i64) = page_and_total(database, shown, total).await?;
    let payouts = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok((payouts, total))
}

/// `select` from the payouts that the filter lets through, with `order` behind it.
fn filtered(
    database: &Database,
    select: &str,
    scope: &Scope,
    filter: &Filter,
    order: &str,
) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "{select} FROM payout WHERE program_id = ?1 AND is_test = ?2 AND NOT (status = 'pending' AND work IS NOT NULL) \
         AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR affiliate_id = ?4) \
         AND (?5 IS NULL OR created_at >= ?5) AND (?6 IS NULL OR created_at <= ?6){order}"
    );
    query!(
        &database.0,
        sql,
        scope.program_id,
        i64::from(scope.is_test),
        filter.status.map(PayoutStatus::as_str),
        filter.affiliate_id,
        filter.begun.from,
        filter.begun.to
    )
}
