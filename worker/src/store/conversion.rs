//! Conversions: rows of `conversion` with their commission, and the keys by which a sale is recognised.

pub mod list;

use attribution::day::Day;
use attribution::decision::Decision;
use attribution::ids::{AffiliateId, CommissionId, ConversionId, IncentiveId, ProgramId, ReferralId};
use attribution::ledger::Unavailable;
use attribution::money::{Currency, Money};
use attribution::referral::Scope;
use attribution::sale::{Conversion, Converted, RecordedSale, UsedRate};
use attribution::status::SalesStatus;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::commission::JoinedRow;
use super::{Database, UnknownValue, json, scope, word};

/// Every column of `conversion` and of the commission that it earned.
const COLUMNS: &str = "conversion.id, conversion.team_id, conversion.program_id, conversion.is_test, \
    conversion.referral_id, conversion.affiliate_id, conversion.sale_key, conversion.amount_minor, \
    conversion.currency, conversion.sales_status, conversion.details, conversion.attributed, \
    conversion.commission_id, conversion.matched_incentive_id, conversion.decision, conversion.created_at, \
    conversion.recorded_at, conversion.updated_at, conversion.refunded_minor, conversion.converted_minor, \
    conversion.rate, conversion.rate_day";

#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    referral_id: String,
    affiliate_id: String,
    sale_key: Option<String>,
    amount_minor: i64,
    currency: String,
    sales_status: String,
    details: String,
    attributed: i64,
    commission_id: Option<String>,
    matched_incentive_id: Option<String>,
    decision: String,
    created_at: i64,
    recorded_at: i64,
    updated_at: i64,
    refunded_minor: i64,
    converted_minor: Option<i64>,
    rate: Option<String>,
    rate_day: Option<i64>,
    #[serde(flatten)]
    commission: JoinedRow,
}

impl TryFrom<Row> for RecordedSale {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let currency = word("conversion.currency", &row.currency, Currency::from_code)?;
        let decision: Decision = json("conversion.decision", &row.decision)?;
        let by = row.rate.zip(row.rate_day).map(|(rate, day)| UsedRate { rate, day: Day::from_number(day) });
        let conversion = Conversion {
            converted: row.converted_minor.map(|minor| Converted { minor, by }),
            id: ConversionId::new(row.id),
            scope: scope(row.team_id, row.program_id, row.is_test),
            referral_id: ReferralId::new(row.referral_id),
            affiliate_id: AffiliateId::new(row.affiliate_id),
            sale_key: row.sale_key,
            amount: Money { minor: row.amount_minor, currency },
            refunded_minor: row.refunded_minor,
            sales_status: word("conversion.sales_status", &row.sales_status, SalesStatus::from_word)?,
            details: json("conversion.details", &row.details)?,
            attributed: row.attributed == 1,
            commission_id: row.commission_id.map(CommissionId::new),
            matched_incentive_id: row.matched_incentive_id.map(IncentiveId::new),
            decision,
            created_at: Timestamp::from_milliseconds(row.created_at),
            recorded_at: Timestamp::from_milliseconds(row.recorded_at),
            updated_at: Timestamp::from_milliseconds(row.updated_at),
        };
        let commission = row.commission.into_commission(&conversion)?;
        Ok(Self { conversion, commission, levels: Vec::new() })
    }
}

/// The sales for which a condition holds, each with what it earned.
pub(super) fn select_where(condition: &str) -> String {
    format!(
        "SELECT {COLUMNS}, {} FROM conversion LEFT JOIN commission ON commission.id = conversion.commission_id \
         WHERE {condition}",
        super::commission::JOINED_COLUMNS
    )
}

/// The sales of one referral, newest first, at most a hundred.
pub async fn of_referral(database: &Database, id: &ReferralId) -> Result<Vec<RecordedSale>, Unavailable> {
    let sql = select_where("conversion.referral_id = ?1 ORDER BY conversion.created_at DESC LIMIT 100");
    let rows: Vec<Row> = database.all(query!(&database.0, sql, id)).await?;
    Ok(rows.into_iter().map(RecordedSale::try_from).collect::<Result<_, _>>()?)
}

/// All sales of one referral.
pub(super) fn select_of_referral(database: &Database, id: &ReferralId) -> worker::Result<D1PreparedStatement> {
    query!(&database.0, select_where("conversion.referral_id = ?1"), id)
}

/// The ids of the sales that were recorded under any of the keys in a JSON list; the texts are marks of the statement.
pub(super) fn of_keys(program: &str, is_test: &str, keys: &str) -> String {
    format!(
        "SELECT sale_key.conversion_id FROM json_each({keys}) AS wanted CROSS JOIN sale_key \
         ON sale_key.program_id = {program} AND sale_key.is_test = {is_test} AND sale_key.value = wanted.value"
    )
}

/// The sale that was recorded under one of these keys, or has the id.
pub(super) fn select_recorded(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    keys: &[String],
    id: Option<&ConversionId>,
) -> worker::Result<D1PreparedStatement> {
    let wanted = of_keys("?1", "?2", "?3");
    let sql = select_where(&format!("conversion.id IN (SELECT ?4 UNION ALL {wanted}) LIMIT 1"));
    query!(&database.0, sql, program, i64::from(is_test), serde_json::to_string(keys)?, id)
}

/// The program's sale that was recorded under one of these keys, without its levels.
pub async fn of_any_key(
    database: &Database,
    scope: &Scope,
    keys: &[String],
) -> Result<Option<RecordedSale>, Unavailable> {
    let select = select_recorded(database, &scope.program_id, scope.is_test, keys, None);
    let row: Option<Row> = database.first(select).await?;
    Ok(row.map(RecordedSale::try_from).transpose()?)
}

pub(super) fn insert(database: &Database, conversion: &Conversion) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO conversion (id, team_id, program_id, is_test, referral_id, affiliate_id, sale_key, amount_minor, \
           currency, sales_status, details, attributed, commission_id, matched_incentive_id, reason, decision, \
           created_at, recorded_at, updated_at, refunded_minor, converted_minor, rate, rate_day) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
        conversion.id,
        conversion.scope.team_id,
        conversion.scope.program_id,
        i64::from(conversion.scope.is_test),
        conversion.referral_id,
        conversion.affiliate_id,
        conversion.sale_key,
        conversion.amount.minor,
        conversion.amount.currency,
        conversion.sales_status.as_str(),
        serde_json::to_string(&conversion.details)?,
        i64::from(conversion.attributed),
        conversion.commission_id,
        conversion.matched_incentive_id,
        conversion.decision.reason.as_str(),
        serde_json::to_string(&conversion.decision)?,
        conversion.created_at,
        conversion.recorded_at,
        conversion.updated_at,
        conversion.refunded_minor,
        conversion.converted.as_ref().map(|converted| converted.minor),
        used_rate(conversion).map(|used| &used.rate),
        used_rate(conversion).map(|used| used.day.number())
    )
}

fn used_rate(conversion: &Conversion) -> Option<&UsedRate> {
    conversion.converted.as_ref()?.by.as_ref()
}

/// A sale that was paid back, completed, priced anew, corrected or given to another affiliate. What it was called by,
/// when and by whom stays.
pub(super) fn update(database: &Database, conversion: &Conversion) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "UPDATE conversion SET refunded_minor = ?2, sales_status = ?3, updated_at = ?4, affiliate_id = ?5, \
           amount_minor = ?6, currency = ?7, attributed = ?8, commission_id = ?9, matched_incentive_id = ?10, \
           reason = ?11, decision = ?12, converted_minor = ?13, rate = ?14, rate_day = ?15 WHERE id = ?1",
        conversion.id,
        conversion.refunded_minor,
        conversion.sales_status.as_str(),
        conversion.updated_at,
        conversion.affiliate_id,
        conversion.amount.minor,
        conversion.amount.currency,
        i64::from(conversion.attributed),
        conversion.commission_id,
        conversion.matched_incentive_id,
        conversion.decision.reason.as_str(),
        serde_json::to_string(&conversion.decision)?,
        conversion.converted.as_ref().map(|converted| converted.minor),
        used_rate(conversion).map(|used| &used.rate),
        used_rate(conversion).map(|used| used.day.number())
    )
}

/// A sale as a refund needs it before it is at the gate.
pub struct NamedSale {
    /// The sale.
    pub id: ConversionId,
    /// Its referral: the gate.
    pub referral_id: ReferralId,
    /// What it was paid in.
    pub currency: Currency,
}

/// The program's sale with this id, under this key, or with a commission of this id.
pub async fn find_named(database: &Database, scope: &Scope, named: &str) -> Result<Option<NamedSale>, Unavailable> {
    #[derive(Deserialize)]
    struct NamedRow {
        id: String,
        referral_id: String,
        currency: String,
    }
    let statement = query!(
        &database.0,
        "SELECT id, referral_id, currency FROM conversion WHERE program_id = ?1 AND is_test = ?2 AND id IN (?3, \
           (SELECT conversion_id FROM sale_key WHERE program_id = ?1 AND is_test = ?2 AND value = ?3), \
           (SELECT conversion_id FROM commission WHERE id = ?3)) LIMIT 1",
        scope.program_id,
        i64::from(scope.is_test),
        named
    );
    let Some(row) = database.first::<NamedRow>(statement).await? else { return Ok(None) };
    Ok(Some(NamedSale {
        id: ConversionId::new(row.id),
        referral_id: ReferralId::new(row.referral_id),
        currency: word("conversion.currency", &row.currency, Currency::from_code)?,
    }))
}

/// Claims the sale's key. The primary key fails the batch when another sale has it; the sub-select, which is NULL then,
/// when a refund still waits for it.
pub(super) fn claim_key(
    database: &Database,
    conversion: &Conversion,
    key: &str,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO sale_key (program_id, is_test, value, conversion_id, team_id) \
         VALUES (?1, ?2, ?3, CASE WHEN EXISTS (SELECT 1 FROM parked_refund \
           WHERE program_id = ?1 AND is_test = ?2 AND sale_key = ?3) THEN NULL ELSE ?4 END, ?5)",
        conversion.scope.program_id,
        i64::from(conversion.scope.is_test),
        key,
        conversion.id,
        conversion.scope.team_id
    )
}
