//! Commissions as their program's owner reads them: one with its sale, and lists. Removed ones are not shown.

use attribution::ids::{AffiliateId, ConversionId, ProgramId, ReferralId, TeamId};
use attribution::ledger::Unavailable;
use attribution::referral::Scope;
use attribution::sale::{Commission, Conversion, RecordedSale};
use attribution::status::{CommissionKind, CommissionStatus, SalesStatus};
use worker::{D1PreparedStatement, query};

use super::super::page::{Page, Period, Sort, order_and_limit, page_and_total};
use super::super::{Database, away, conversion, rows};
use super::{COLUMNS, Row};

/// What is shown as a commission.
#[derive(Clone, Debug)]
pub enum Entry {
    /// What somebody earns, and the sale that it is for; a lead's has none.
    Earned(Box<Commission>, Option<Box<Conversion>>),
    /// A sale that earned nothing.
    Unearned(Box<Conversion>),
}

impl Entry {
    /// What is earned.
    pub fn commission(&self) -> Option<&Commission> {
        match self {
            Self::Earned(commission, _) => Some(commission),
            Self::Unearned(_) => None,
        }
    }

    /// The sale that it is for.
    pub fn sale(&self) -> Option<&Conversion> {
        match self {
            Self::Earned(_, sale) => sale.as_deref(),
            Self::Unearned(sale) => Some(sale),
        }
    }

    /// Whose it is.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Earned(commission, _) => &commission.scope,
            Self::Unearned(sale) => &sale.scope,
        }
    }

    /// The same entry after its sale has become `sale`.
    pub fn after(self, sale: RecordedSale) -> Self {
        let RecordedSale { conversion, commission, levels } = sale;
        let Self::Earned(before, _) = self else { return Self::of(commission, conversion) };
        let now = commission.into_iter().chain(levels).find(|one| one.id == before.id);
        // What takes a refund back stands beside the sale, whatever becomes of it.
        Self::of(Some(now.unwrap_or(*before)), conversion)
    }

    /// A sale with what it earned, if anything.
    pub fn of(commission: Option<Commission>, sale: Conversion) -> Self {
        match commission {
            Some(commission) => Self::Earned(Box::new(commission), Some(Box::new(sale))),
            None => Self::Unearned(Box::new(sale)),
        }
    }
}

/// What a list of commissions may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortedBy {
    /// When they were made.
    CreatedAt,
    /// When they last changed.
    UpdatedAt,
    /// What they pay.
    Amount,
    /// What was paid for their sales and not paid back, in the team's currency.
    SaleAmount,
}

/// Which commissions of a program a list shows: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Where they are.
    pub status: Option<CommissionStatus>,
    /// Where their sales are; a lead's counts as complete.
    pub sales_status: Option<SalesStatus>,
    /// The customer's referral.
    pub referral_id: Option<ReferralId>,
    /// Who earns them.
    pub affiliate_id: Option<AffiliateId>,
    /// They are in this program too.
    pub program_id: Option<ProgramId>,
    /// Why they are as they are: the code of the decision.
    pub reason: Option<String>,
    /// What they are earned for.
    pub kind: Option<CommissionKind>,
    /// When they were made.
    pub made: Period,
}

/// What of a sale was not paid back, in the team's currency; nothing for a lead, and NULL while a rate is missing.
const SALE_AMOUNT: &str = "CASE WHEN commission.conversion_id IS NULL THEN 0 ELSE (SELECT CASE conversion.amount_minor \
    WHEN 0 THEN 0 ELSE conversion.converted_minor * (conversion.amount_minor - conversion.refunded_minor) \
      / conversion.amount_minor END \
    FROM conversion WHERE conversion.id = commission.conversion_id) END";

/// The commission with this id, or the sale with it and what that earned for the affiliate who made it.
pub async fn find(database: &Database, team: &TeamId, is_test: bool, id: &str) -> Result<Option<Entry>, Unavailable> {
    let commission = format!(
        "SELECT {COLUMNS} FROM commission \
         WHERE commission.id IN (?1, (SELECT commission_id FROM conversion WHERE conversion.id = ?1)) \
         AND commission.team_id = ?2 AND commission.is_test = ?3 AND commission.deleted_at IS NULL"
    );
    let sale = conversion::select_where(
        "conversion.id IN (?1, (SELECT conversion_id FROM commission AS named WHERE named.id = ?1 \
           AND named.deleted_at IS NULL)) AND conversion.team_id = ?2 AND conversion.is_test = ?3",
    );
    let reads = [commission, sale].map(|sql| query!(&database.0, sql, id, team, i64::from(is_test)));
    let reads = reads.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(reads).await.map_err(|cause| away(&cause))?;
    let [commission, sale] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let commission: Vec<Row> = rows(commission)?;
    let sale: Vec<conversion::Row> = rows(sale)?;
    let commission: Option<Commission> = commission.into_iter().next().map(TryInto::try_into).transpose()?;
    let sale: Option<RecordedSale> = sale.into_iter().next().map(TryInto::try_into).transpose()?;
    Ok(match (commission, sale) {
        (commission, Some(sale)) => Some(Entry::of(commission, sale.conversion)),
        (Some(commission), None) => Some(Entry::Earned(Box::new(commission), None)),
        (None, None) => None,
    })
}

/// One page of a program's commissions, each with its sale, and how many there are in all.
pub async fn list(
    database: &Database,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    sort: Sort<SortedBy>,
) -> Result<(Vec<Entry>, i64), Unavailable> {
    let column = match sort.by {
        SortedBy::CreatedAt => "created_at",
        SortedBy::UpdatedAt => "updated_at",
        SortedBy::Amount => "amount_minor - clawed_back_minor",
        SortedBy::SaleAmount => SALE_AMOUNT,
    };
    let order = order_and_limit(column, sort.descending, page);
    let shown = filtered(database, &format!("SELECT {COLUMNS}"), scope, filter, &order);
    let total = filtered(database, "SELECT COUNT(*) AS total", scope, filter, "");
    let (found, total): (Vec<Row>, i64) = page_and_total(database, shown, total).await?;
    let commissions: Vec<Commission> = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok((with_sales(database, commissions).await?, total))
}

/// Each with its sale, read for all of them at once.
async fn with_sales(database: &Database, commissions: Vec<Commission>) -> Result<Vec<Entry>, Unavailable> {
    let ids: Vec<&ConversionId> = commissions.iter().filter_map(|one| one.conversion_id.as_ref()).collect();
    let sales = conversion::list::with_ids(database, &ids).await?;
    let with_sale = |commission: Commission| {
        let sale = sales.iter().find(|sale| Some(&sale.conversion.id) == commission.conversion_id.as_ref());
        Entry::Earned(Box::new(commission), sale.map(|sale| Box::new(sale.conversion.clone())))
    };
    Ok(commissions.into_iter().map(with_sale).collect())
}

/// `select` from the commissions that the filter lets through, with `order` behind it. A `+` keeps an index by program
/// from being used where one by affiliate, or the referral's own rows, are fewer.
fn filtered(
    database: &Database,
    select: &str,
    scope: &Scope,
    filter: &Filter,
    order: &str,
) -> worker::Result<D1PreparedStatement> {
    let affiliate = if filter.affiliate_id.is_some() { "affiliate_id = ?3" } else { "?3 IS NULL" };
    let referral = if filter.referral_id.is_some() { super::OF_REFERRAL } else { "?4 IS NULL" };
    let is_narrow = filter.affiliate_id.is_some() || filter.referral_id.is_some();
    let unused = if is_narrow { "+" } else { "" };
    let sql = format!(
        "{select} FROM commission WHERE {unused}program_id = ?1 AND {unused}is_test = ?2 AND deleted_at IS NULL \
         AND {affiliate} AND {referral} \
         AND (?5 IS NULL OR status = ?5) \
         AND (?6 IS NULL OR ?6 = COALESCE( \
           (SELECT sales_status FROM conversion WHERE conversion.id = commission.conversion_id), 'complete')) \
         AND (?7 IS NULL OR program_id = ?7) AND (?8 IS NULL OR reason = ?8) AND (?9 IS NULL OR kind = ?9) \
         AND (?10 IS NULL OR created_at >= ?10) AND (?11 IS NULL OR created_at <= ?11){order}"
    );
    query!(
        &database.0,
        sql,
        scope.program_id,
        i64::from(scope.is_test),
        filter.affiliate_id,
        filter.referral_id,
        filter.status.map(CommissionStatus::as_str),
        filter.sales_status.map(SalesStatus::as_str),
        filter.program_id,
        filter.reason,
        filter.kind.map(CommissionKind::as_str),
        filter.made.from,
        filter.made.to
    )
}
