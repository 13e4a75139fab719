//! Coupons: rows of `coupon`. No rule reads them, so their writes raise no version.

use attribution::coupon::{Coupon, Discount, Term};
use attribution::edits::EditLine;
use attribution::ids::{AffiliateId, CouponId, ProgramId, TeamId};
use attribution::ledger::{NotCommitted, Unavailable};
use attribution::money::{Currency, Money, Rate};
use attribution::status::CouponDuration;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::page::{Page, Sort, order_and_limit, page_and_total};
use super::{Database, UnknownValue, away, event, json, rows, word};

const COLUMNS: &str = "id, team_id, program_id, affiliate_id, code, discount_type, discount_ppm, discount_minor, currency, \
    duration, duration_in_months, product_ids, created_at, updated_at";

#[derive(Deserialize)]
struct Row {
    id: String,
    team_id: String,
    program_id: String,
    affiliate_id: String,
    code: String,
    discount_type: String,
    discount_ppm: Option<i64>,
    discount_minor: Option<i64>,
    currency: Option<String>,
    duration: String,
    duration_in_months: Option<u32>,
    product_ids: String,
    created_at: i64,
    updated_at: Option<i64>,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

/// What a list of coupons may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortedBy {
    /// When they were made.
    CreatedAt,
    /// Their codes.
    Code,
}

/// Which coupons of a program a list shows: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// They are this affiliate's.
    pub affiliate_id: Option<AffiliateId>,
    /// They are this program's too.
    pub program_id: Option<ProgramId>,
    /// The code contains this, in either case.
    pub search: Option<String>,
}

/// The coupon with this id, if it is the program's.
pub async fn find(database: &Database, program: &ProgramId, id: &CouponId) -> Result<Option<Coupon>, Unavailable> {
    let sql = format!("SELECT {COLUMNS} FROM coupon WHERE id = ?1 AND program_id = ?2");
    let row: Option<Row> = database.first(query!(&database.0, sql, id, program)).await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

/// Whether a coupon of the program other than this one has its code.
pub async fn is_code_taken(database: &Database, coupon: &Coupon) -> Result<bool, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT id FROM coupon WHERE program_id = ?1 AND code = ?2 COLLATE NOCASE AND id <> ?3",
        coupon.program_id,
        coupon.code,
        coupon.id
    );
    let row: Option<IdRow> = database.first(statement).await?;
    Ok(row.is_some())
}

/// The coupons of these affiliates, oldest first.
pub async fn of_affiliates(
    database: &Database,
    program: &ProgramId,
    affiliates: &[&AffiliateId],
) -> Result<Vec<Coupon>, Unavailable> {
    let sql = format!(
        "SELECT {COLUMNS} FROM coupon WHERE affiliate_id IN (SELECT value FROM json_each(?1)) AND program_id = ?2 \
         ORDER BY created_at, id"
    );
    let rows: Vec<Row> = database.all(query!(&database.0, sql, serde_json::to_string(affiliates)?, program)).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// One page of a program's coupons, and how many there are in all.
pub async fn list(
    database: &Database,
    program: &ProgramId,
    filter: &Filter,
    page: Page,
    sort: Sort<SortedBy>,
) -> Result<(Vec<Coupon>, i64), Unavailable> {
    let column = match sort.by {
        SortedBy::CreatedAt => "created_at",
        SortedBy::Code => "code COLLATE NOCASE",
    };
    let order = order_and_limit(column, sort.descending, page);
    let shown = filtered(database, &format!("SELECT {COLUMNS}"), program, filter, &order);
    let total = filtered(database, "SELECT COUNT(*) AS total", program, filter, "");
    let (found, total): (Vec<Row>, i64) = page_and_total(database, shown, total).await?;
    let coupons = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok((coupons, total))
}

/// `select` from the coupons that the filter lets through, with `order` behind it.
fn filtered(
    database: &Database,
    select: &str,
    program: &ProgramId,
    filter: &Filter,
    order: &str,
) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "{select} FROM coupon WHERE program_id = ?1 AND (?2 IS NULL OR affiliate_id = ?2) \
         AND (?3 IS NULL OR program_id = ?3) AND (?4 IS NULL OR instr(lower(code), ?4) > 0){order}"
    );
    query!(
        &database.0,
        sql,
        program,
        filter.affiliate_id,
        filter.program_id,
        filter.search.as_ref().map(|text| text.to_ascii_lowercase())
    )
}

/// Stores a new coupon with its line. Not committed where its code is taken, or its affiliate is not there any more.
pub async fn insert(database: &Database, coupon: &Coupon, line: &EditLine) -> Result<(), NotCommitted> {
    let writes = [insertion(database, coupon), event::append(database, &coupon.team_id, &coupon.program_id, line)];
    let writes = writes.into_iter().collect::<worker::Result<_>>();
    let writes = writes.map_err(|cause| NotCommitted(cause.to_string()))?;
    database.batch(writes).await.map(|_| ()).map_err(|cause| NotCommitted(cause.to_string()))
}

/// The insertion. Where the affiliate has been deleted `team_id` comes out NULL, which fails the batch.
fn insertion(database: &Database, coupon: &Coupon) -> worker::Result<D1PreparedStatement> {
    let (ppm, amount) = match coupon.discount {
        Discount::Percentage(rate) => (Some(rate.parts_per_million()), None),
        Discount::Fixed(amount) => (None, Some(amount)),
    };
    query!(
        &database.0,
        "INSERT INTO coupon (id, team_id, program_id, affiliate_id, code, discount_type, discount_ppm, discount_minor, \
           currency, duration, duration_in_months, product_ids, created_at) \
         VALUES (?1, (SELECT team_id FROM affiliate WHERE id = ?3 AND program_id = ?2 AND deleted_at IS NULL), \
           ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        coupon.id,
        coupon.program_id,
        coupon.affiliate_id,
        coupon.code,
        coupon.discount.kind(),
        ppm,
        amount.map(|amount| amount.minor),
        amount.map(|amount| amount.currency.code()),
        coupon.term.duration().as_str(),
        coupon.term.months(),
        serde_json::to_string(&coupon.product_ids)?,
        coupon.created_at
    )
}

/// Removes one, with its line; false when it was gone before. Its code may be given again.
pub async fn delete(database: &Database, coupon: &Coupon, line: &EditLine) -> Result<bool, Unavailable> {
    let writes = [
        query!(&database.0, "DELETE FROM coupon WHERE id = ?1 RETURNING id", coupon.id),
        event::append(database, &coupon.team_id, &coupon.program_id, line),
    ];
    let writes = writes.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(writes).await.map_err(|cause| away(&cause))?;
    let deleted: Vec<IdRow> = answers.first().map_or(Ok(Vec::new()), rows)?;
    Ok(deleted.first().is_some_and(|row| row.id == coupon.id.as_str()))
}

impl TryFrom<Row> for Coupon {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let currency = row.currency.map(|code| word("coupon.currency", &code, Currency::from_code)).transpose()?;
        let amount =
            row.discount_minor.zip(currency).map(|(minor, currency)| Discount::Fixed(Money { minor, currency }));
        let share = row.discount_ppm.and_then(Rate::from_parts_per_million).map(Discount::Percentage);
        let unknown = UnknownValue { column: "coupon.discount_type", value: row.discount_type };
        let months = row.duration_in_months;
        Ok(Self {
            discount: share.or(amount).ok_or(unknown)?,
            term: word("coupon.duration", &row.duration, |word| term(CouponDuration::from_word(word)?, months))?,
            product_ids: json("coupon.product_ids", &row.product_ids)?,
            id: CouponId::new(row.id),
            team_id: TeamId::new(row.team_id),
            program_id: ProgramId::new(row.program_id),
            affiliate_id: AffiliateId::new(row.affiliate_id),
            code: row.code,
            created_at: Timestamp::from_milliseconds(row.created_at),
            updated_at: row.updated_at.map(Timestamp::from_milliseconds),
        })
    }
}

fn term(duration: CouponDuration, months: Option<u32>) -> Option<Term> {
    match duration {
        CouponDuration::Forever => Some(Term::Forever),
        CouponDuration::Once => Some(Term::Once),
        CouponDuration::Repeating => months.map(Term::Repeating),
    }
}
