//! Sales for which no referral was found: counted, visible with their reason, open to be credited by a later call.

use attribution::decision::Reason;
use attribution::ids::ConversionId;
use attribution::ledger::Unavailable;
use attribution::money::{Currency, Money};
use attribution::referral::Scope;
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use worker::{D1PreparedStatement, query};

use super::page::{Page, Period, direction, page_and_total};
use super::{Database, UnknownValue, away, json, scope, word};

/// A sale that nobody is credited with.
pub struct UnattributedSale {
    /// Whose it is: the caller's program.
    pub scope: Scope,
    /// The caller's key, else the request's id.
    pub sale_key: String,
    /// What was paid.
    pub amount: Money,
    /// Why nobody is credited.
    pub reason: Reason,
    /// The identifiers that were compared.
    pub detail: Value,
    /// The request that reported it.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// The sale that it became after all, although its caller named somebody who does not exist.
    pub conversion_id: Option<ConversionId>,
}

/// Records one; a repeated call changes nothing, nor does one that comes after the sale has found its referral, unless it
/// is about that.
pub async fn record(database: &Database, sale: &UnattributedSale) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "INSERT INTO unattributed_sale (program_id, is_test, sale_key, team_id, amount_minor, currency, reason, detail, \
           request_id, created_at, conversion_id) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 \
         WHERE ?11 IS NOT NULL OR NOT EXISTS (SELECT 1 FROM sale_key WHERE program_id = ?1 AND is_test = ?2 AND value = ?3) \
         ON CONFLICT DO NOTHING",
        sale.scope.program_id,
        i64::from(sale.scope.is_test),
        sale.sale_key,
        sale.scope.team_id,
        sale.amount.minor,
        sale.amount.currency,
        sale.reason.as_str(),
        sale.detail.to_string(),
        sale.request_id,
        sale.at,
        sale.conversion_id
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// The sale has found its referral.
pub(super) fn forget(database: &Database, scope: &Scope, key: &str) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "DELETE FROM unattributed_sale WHERE program_id = ?1 AND is_test = ?2 AND sale_key = ?3",
        scope.program_id,
        i64::from(scope.is_test),
        key
    )
}

#[derive(Deserialize)]
struct Row {
    program_id: String,
    is_test: i64,
    sale_key: String,
    team_id: String,
    amount_minor: i64,
    currency: String,
    reason: String,
    detail: String,
    request_id: String,
    created_at: i64,
    conversion_id: Option<String>,
}

impl TryFrom<Row> for UnattributedSale {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let currency = word("unattributed_sale.currency", &row.currency, Currency::from_code)?;
        Ok(Self {
            scope: scope(row.team_id, row.program_id, row.is_test),
            sale_key: row.sale_key,
            amount: Money { minor: row.amount_minor, currency },
            reason: word("unattributed_sale.reason", &row.reason, |reason| reason.parse::<Reason>().ok())?,
            detail: json("unattributed_sale.detail", &row.detail)?,
            request_id: row.request_id,
            at: Timestamp::from_milliseconds(row.created_at),
            conversion_id: row.conversion_id.map(ConversionId::new),
        })
    }
}

/// Which of a program's sales without a referral a list shows: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The caller's key.
    pub external_event_id: Option<String>,
    /// When they were reported.
    pub reported: Period,
    /// Those that were credited after all, or those that were not.
    pub credited: Option<bool>,
}

/// One page of a program's sales without a referral, by their time, and how many there are in all.
pub async fn list(
    database: &Database,
    scope: &Scope,
    filter: &Filter,
    page: Page,
    descending: bool,
) -> Result<(Vec<UnattributedSale>, i64), Unavailable> {
    let direction = direction(descending);
    let order =
        format!(" ORDER BY created_at {direction}, sale_key {direction} LIMIT {} OFFSET {}", page.limit, page.offset());
    let columns = "SELECT program_id, is_test, sale_key, team_id, amount_minor, currency, reason, detail, request_id, \
        created_at, conversion_id";
    let shown = filtered(database, columns, scope, filter, &order);
    let total = filtered(database, "SELECT COUNT(*) AS total", scope, filter, "");
    let (found, total): (Vec<Row>, i64) = page_and_total(database, shown, total).await?;
    Ok((found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?, total))
}

fn filtered(
    database: &Database,
    select: &str,
    scope: &Scope,
    filter: &Filter,
    order: &str,
) -> worker::Result<D1PreparedStatement> {
    let key = if filter.external_event_id.is_some() { "sale_key = ?3" } else { "?3 IS NULL" };
    let sql = format!(
        "{select} FROM unattributed_sale WHERE program_id = ?1 AND is_test = ?2 AND {key} \
         AND (?4 IS NULL OR created_at >= ?4) AND (?5 IS NULL OR created_at <= ?5) \
         AND (?6 IS NULL OR (conversion_id IS NOT NULL) = ?6){order}"
    );
    query!(
        &database.0,
        sql,
        scope.program_id,
        i64::from(scope.is_test),
        filter.external_event_id,
        filter.reported.from,
        filter.reported.to,
        filter.credited.map(i64::from)
    )
}
