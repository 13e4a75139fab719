//! Refunds, and refunds that wait for their sale: rows of `refund` and `parked_refund`.

use attribution::ids::{CommissionId, ConversionId, ProgramId, RefundId};
use attribution::ledger::Unavailable;
use attribution::money::{Currency, Money};
use attribution::sale::{ParkedRefund, SaleRefund};
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, scope, word};

#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    conversion_id: String,
    refund_key: Option<String>,
    amount_minor: i64,
    currency: String,
    asked_minor: Option<i64>,
    deducted_minor: i64,
    clawback_id: Option<String>,
    reason: Option<String>,
    refunded_at: i64,
    created_at: i64,
}

impl TryFrom<Row> for SaleRefund {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let currency = word("refund.currency", &row.currency, Currency::from_code)?;
        Ok(Self {
            id: RefundId::new(row.id),
            scope: scope(row.team_id, row.program_id, row.is_test),
            conversion_id: ConversionId::new(row.conversion_id),
            refund_key: row.refund_key,
            amount: Money { minor: row.amount_minor, currency },
            asked: row.asked_minor.map(|minor| Money { minor, currency }),
            deducted_minor: row.deducted_minor,
            clawback_id: row.clawback_id.map(CommissionId::new),
            reason: row.reason,
            refunded_at: Timestamp::from_milliseconds(row.refunded_at),
            created_at: Timestamp::from_milliseconds(row.created_at),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct ParkedRow {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    sale_key: String,
    refund_key: Option<String>,
    amount_minor: Option<i64>,
    currency: Option<String>,
    reason: Option<String>,
    refunded_at: i64,
    parked_at: i64,
    expires_at: i64,
}

impl TryFrom<ParkedRow> for ParkedRefund {
    type Error = UnknownValue;

    fn try_from(row: ParkedRow) -> Result<Self, UnknownValue> {
        let currency =
            row.currency.map(|code| word("parked_refund.currency", &code, Currency::from_code)).transpose()?;
        Ok(Self {
            id: RefundId::new(row.id),
            scope: scope(row.team_id, row.program_id, row.is_test),
            sale_key: row.sale_key,
            refund_key: row.refund_key,
            amount: row.amount_minor.zip(currency).map(|(minor, currency)| Money { minor, currency }),
            reason: row.reason,
            refunded_at: Timestamp::from_milliseconds(row.refunded_at),
            parked_at: Timestamp::from_milliseconds(row.parked_at),
            expires_at: Timestamp::from_milliseconds(row.expires_at),
        })
    }
}

const PARKED_COLUMNS: &str = "id, team_id, program_id, is_test, sale_key, refund_key, amount_minor, currency, reason, \
    refunded_at, parked_at, expires_at";

const COLUMNS: &str = "id, team_id, program_id, is_test, conversion_id, refund_key, amount_minor, currency, asked_minor, \
    deducted_minor, clawback_id, reason, refunded_at, created_at";

/// What was paid back of a sale, in the order in which it was recorded.
pub async fn of_sale(database: &Database, sale: &ConversionId) -> Result<Vec<SaleRefund>, Unavailable> {
    let sql = format!("SELECT {COLUMNS} FROM refund WHERE conversion_id = ?1 ORDER BY created_at, id");
    let rows: Vec<Row> = database.all(query!(&database.0, sql, sale)).await?;
    Ok(rows.into_iter().map(SaleRefund::try_from).collect::<Result<_, _>>()?)
}

/// The refund that was recorded under a key, or has the id.
pub(super) fn select(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    key: Option<&str>,
    id: &RefundId,
) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "SELECT {COLUMNS} FROM refund \
         WHERE id = ?4 OR (program_id = ?1 AND is_test = ?2 AND refund_key = ?3) LIMIT 1"
    );
    query!(&database.0, sql, program, i64::from(is_test), key, id)
}

/// Refunds that wait for a sale with any of these keys, or under a key of their own; oldest first.
pub(super) fn select_parked(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    sale_keys: &[String],
    refund_key: Option<&str>,
) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "SELECT {PARKED_COLUMNS} FROM parked_refund WHERE program_id = ?1 AND is_test = ?2 \
         AND (sale_key IN (SELECT value FROM json_each(?3)) OR refund_key = ?4) ORDER BY parked_at, id"
    );
    query!(&database.0, sql, program, i64::from(is_test), serde_json::to_string(sale_keys)?, refund_key)
}

/// Refunds of a program that wait, oldest first.
pub async fn list_parked(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    limit: u32,
) -> Result<Vec<ParkedRefund>, Unavailable> {
    let sql = format!(
        "SELECT {PARKED_COLUMNS} FROM parked_refund WHERE program_id = ?1 AND is_test = ?2 \
         ORDER BY parked_at, id LIMIT ?3"
    );
    let rows: Vec<ParkedRow> = database.all(query!(&database.0, sql, program, i64::from(is_test), limit)).await?;
    Ok(rows.into_iter().map(ParkedRefund::try_from).collect::<Result<_, _>>()?)
}

/// Refunds whose time is over, at most so many.
pub async fn expired(database: &Database, now: Timestamp, limit: u32) -> Result<Vec<ParkedRefund>, Unavailable> {
    let sql = format!("SELECT {PARKED_COLUMNS} FROM parked_refund WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2");
    let rows: Vec<ParkedRow> = database.all(query!(&database.0, sql, now, limit)).await?;
    Ok(rows.into_iter().map(ParkedRefund::try_from).collect::<Result<_, _>>()?)
}

/// The unique index fails the batch when another refund has the key; `created_at` comes out NULL, which does so too, when
/// one that waits has it.
pub(super) fn insert(database: &Database, refund: &SaleRefund) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO refund (id, team_id, program_id, is_test, conversion_id, refund_key, amount_minor, currency, \
           asked_minor, deducted_minor, clawback_id, reason, refunded_at, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, CASE WHEN EXISTS ( \
           SELECT 1 FROM parked_refund WHERE program_id = ?3 AND is_test = ?4 AND refund_key = ?6) \
           THEN NULL ELSE ?14 END)",
        refund.id,
        refund.scope.team_id,
        refund.scope.program_id,
        i64::from(refund.scope.is_test),
        refund.conversion_id,
        refund.refund_key,
        refund.amount.minor,
        refund.amount.currency,
        refund.asked.map(|asked| asked.minor),
        refund.deducted_minor,
        refund.clawback_id,
        refund.reason,
        refund.refunded_at,
        refund.created_at
    )
}

/// Parks a refund. `expires_at` comes out NULL, which fails the batch, when the sale is there already, or a refund has the
/// key.
pub(super) fn park(database: &Database, parked: &ParkedRefund) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO parked_refund (id, team_id, program_id, is_test, sale_key, refund_key, amount_minor, currency, \
           reason, refunded_at, parked_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, CASE WHEN EXISTS (SELECT 1 FROM sale_key \
           WHERE program_id = ?3 AND is_test = ?4 AND value = ?5 UNION ALL SELECT 1 FROM refund \
           WHERE program_id = ?3 AND is_test = ?4 AND refund_key = ?6) THEN NULL ELSE ?12 END)",
        parked.id,
        parked.scope.team_id,
        parked.scope.program_id,
        i64::from(parked.scope.is_test),
        parked.sale_key,
        parked.refund_key,
        parked.amount.map(|amount| amount.minor),
        parked.amount.map(|amount| amount.currency),
        parked.reason,
        parked.refunded_at,
        parked.parked_at,
        parked.expires_at
    )
}

pub(super) fn settle(database: &Database, id: &RefundId) -> worker::Result<D1PreparedStatement> {
    query!(&database.0, "DELETE FROM parked_refund WHERE id = ?1", id)
}
