//! Conversions as their program's owner reads them: one with everything beside it, and lists.

use attribution::ids::{AffiliateId, ConversionId, ProgramId, ReferralId};
use attribution::ledger::Unavailable;
use attribution::referral::Scope;
use attribution::sale::{Commission, RecordedSale};
use attribution::status::{CommissionKind, CommissionStatus, SalesStatus};
use worker::{D1PreparedStatement, query};

use super::super::page::{Page, Period, Sort, direction, page_and_total};
use super::super::{Database, away, commission, rows};
use super::{Row, select_where};

/// What a list of conversions may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortedBy {
    /// When the sales happened.
    CreatedAt,
    /// What was paid and not paid back, in the team's currency.
    SaleAmount,
}

/// Which sales of a program a list shows: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The customer's referral.
    pub referral_id: Option<ReferralId>,
    /// Who is credited, or would be.
    pub affiliate_id: Option<AffiliateId>,
    /// They are in this program too.
    pub program_id: Option<ProgramId>,
    /// Where what they earned is.
    pub status: Option<CommissionStatus>,
    /// Where they are.
    pub sales_status: Option<SalesStatus>,
    /// Whether somebody is credited.
    pub attributed: Option<bool>,
    /// Why they are as they are: the code of the decision.
    pub reason: Option<String>,
    /// The key by which the sale is recognised.
    pub external_event_id: Option<String>,
    /// The billing customer: as the sale named them, or as the referral is known.
    pub customer_id: Option<String>,
    /// When they happened.
    pub happened: Period,
}

/// A sale with everything beside it: levels in their order, and what refunds take back.
#[derive(Clone, Debug)]
pub struct WholeSale {
    /// The sale, what it earned, and what those earned who recruited the affiliate.
    pub sale: RecordedSale,
    /// Negative commissions.
    pub clawbacks: Vec<Commission>,
}

/// The sale with this id and all that it earned, whoever owns it; the caller checks whose it is.
pub async fn find(database: &Database, id: &ConversionId) -> Result<Option<WholeSale>, Unavailable> {
    let reads =
        [query!(&database.0, select_where("conversion.id = ?1"), id), commission::select_beside_sales(database, &[id])];
    let reads = reads.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(reads).await.map_err(|cause| away(&cause))?;
    let [sale, beside] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let sale: Vec<Row> = rows(sale)?;
    let Some(row) = sale.into_iter().next() else { return Ok(None) };
    let beside = commissions(rows(beside)?)?;
    let (levels, clawbacks) = beside.into_iter().partition(|one| one.kind == CommissionKind::Level);
    Ok(Some(WholeSale { sale: RecordedSale { levels, ..row.try_into()? }, clawbacks }))
}

/// The sales with these ids, without their levels.
pub async fn with_ids(database: &Database, ids: &[&ConversionId]) -> Result<Vec<RecordedSale>, Unavailable> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = select_where("conversion.id IN (SELECT value FROM json_each(?1))");
    let rows: Vec<Row> = database.all(query!(&database.0, sql, serde_json::to_string(ids)?)).await?;
    Ok(rows.into_iter().map(RecordedSale::try_from).collect::<Result<_, _>>()?)
}

/// One page of a program's sales, with all that they earned, and how many there are in all.
pub async fn list(
    database: &Database,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    sort: Sort<SortedBy>,
) -> Result<(Vec<RecordedSale>, i64), Unavailable> {
    let column = match sort.by {
        SortedBy::CreatedAt => "conversion.created_at",
        SortedBy::SaleAmount => {
            "CASE conversion.amount_minor WHEN 0 THEN 0 ELSE conversion.converted_minor \
             * (conversion.amount_minor - conversion.refunded_minor) / conversion.amount_minor END"
        }
    };
    let (direction, offset) = (direction(sort.descending), page.offset());
    let order =
        format!(" ORDER BY {column} {direction}, conversion.id {direction} LIMIT {} OFFSET {offset}", page.limit);
    let condition = condition(filter);
    let shown = filtered(database, select_where(&format!("{condition}{order}")), scope, filter);
    let total = "SELECT COUNT(*) AS total FROM conversion LEFT JOIN commission \
         ON commission.id = conversion.commission_id WHERE ";
    let total = filtered(database, format!("{total}{condition}"), scope, filter);
    let (found, total): (Vec<Row>, i64) = page_and_total(database, shown, total).await?;
    let sales: Vec<RecordedSale> = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok((with_levels(database, sales).await?, total))
}

/// Each with its levels, read for all of them at once.
async fn with_levels(database: &Database, mut sales: Vec<RecordedSale>) -> Result<Vec<RecordedSale>, Unavailable> {
    let ids: Vec<&ConversionId> = sales.iter().map(|sale| &sale.conversion.id).collect();
    if ids.is_empty() {
        return Ok(sales);
    }
    let beside = commission::select_beside_sales(database, &ids);
    let mut levels = commissions(database.all(beside).await?)?;
    levels.retain(|one| one.kind == CommissionKind::Level);
    for sale in &mut sales {
        let is_of_sale = |level: &&Commission| level.conversion_id.as_ref() == Some(&sale.conversion.id);
        sale.levels = levels.iter().filter(is_of_sale).cloned().collect();
    }
    Ok(sales)
}

fn commissions(rows: Vec<commission::Row>) -> Result<Vec<Commission>, Unavailable> {
    Ok(rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?)
}

/// What the filter lets through. A `+` keeps the index by program from being used where the referral's own sales are
/// fewer.
fn condition(filter: &Filter) -> String {
    let referral = if filter.referral_id.is_some() { "conversion.referral_id = ?3" } else { "?3 IS NULL" };
    let unused = if filter.referral_id.is_some() { "+" } else { "" };
    let key = if filter.external_event_id.is_some() {
        "conversion.id = (SELECT conversion_id FROM sale_key WHERE program_id = ?1 AND is_test = ?2 AND value = ?4)"
    } else {
        "?4 IS NULL"
    };
    format!(
        "{unused}conversion.program_id = ?1 AND {unused}conversion.is_test = ?2 AND {referral} AND {key} \
         AND (?5 IS NULL OR conversion.affiliate_id = ?5) AND (?6 IS NULL OR conversion.program_id = ?6) \
         AND (?7 IS NULL OR commission.status = ?7) AND (?8 IS NULL OR conversion.sales_status = ?8) \
         AND (?9 IS NULL OR conversion.attributed = ?9) AND (?10 IS NULL OR conversion.reason = ?10) \
         AND (?11 IS NULL OR conversion.details ->> 'customer_id' = ?11 \
           OR conversion.referral_id = (SELECT referral_id FROM identity WHERE identity.program_id = ?1 \
             AND identity.is_test = ?2 AND identity.kind = 'customer_id' AND identity.value = ?11)) \
         AND (?12 IS NULL OR conversion.created_at >= ?12) AND (?13 IS NULL OR conversion.created_at <= ?13)"
    )
}

fn filtered(database: &Database, sql: String, scope: &Scope, filter: &Filter) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        sql,
        scope.program_id,
        i64::from(scope.is_test),
        filter.referral_id,
        filter.external_event_id,
        filter.affiliate_id,
        filter.program_id,
        filter.status.map(CommissionStatus::as_str),
        filter.sales_status.map(SalesStatus::as_str),
        filter.attributed.map(i64::from),
        filter.reason,
        filter.customer_id,
        filter.happened.from,
        filter.happened.to
    )
}
