//! Rates of exchange: rows of `exchange_rate`, everybody's (without a team) and each team's own.
//!
//! The table grows by some thirty rows a day, so nothing here walks it: what is wanted is the last row of a pair of
//! currencies up to a day, and the primary key finds it. Rates are read with whatever a command reads and written by
//! nobody's gate: a sale that was priced a moment before a rate came keeps its price, one that found none is settled later.

use attribution::day::Day;
use attribution::exchange::{DecimalRate, PIVOT, QuotedRate};
use attribution::ids::TeamId;
use attribution::ledger::{RateQuery, Unavailable};
use attribution::money::Currency;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, away, word};

/// Whose the rates are that the European Central Bank publishes.
const EVERYBODY: &str = "";

#[derive(Deserialize)]
pub(super) struct Row {
    base: String,
    currency: String,
    team_id: String,
    day: i64,
    rate: String,
}

impl TryFrom<Row> for QuotedRate {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            base: word("exchange_rate.base", &row.base, Currency::from_code)?,
            currency: word("exchange_rate.currency", &row.currency, Currency::from_code)?,
            day: Day::from_number(row.day),
            rate: word("exchange_rate.rate", &row.rate, |text| DecimalRate::parse(text).ok())?,
            own: row.team_id != EVERYBODY,
        })
    }
}

/// The last rows up to the day `?1` of each `pair (base, currency)`: everybody's, and those of the team `?2`. `CROSS JOIN`
/// keeps the order: two look-ups by the whole primary key for each pair and never a scan.
const LAST_OF_PAIRS: &str = "SELECT exchange_rate.base, exchange_rate.currency, exchange_rate.team_id, \
      exchange_rate.day, exchange_rate.rate \
    FROM pair CROSS JOIN (SELECT '' AS id UNION ALL SELECT ?2) AS team \
    CROSS JOIN exchange_rate ON exchange_rate.base = pair.base AND exchange_rate.currency = pair.currency \
      AND exchange_rate.team_id = team.id AND exchange_rate.day = ( \
        SELECT MAX(day) FROM exchange_rate AS earlier WHERE earlier.base = pair.base \
        AND earlier.currency = pair.currency AND earlier.team_id = team.id AND earlier.day <= ?1)";

/// What the exchange between two currencies can be made of on a day: see [`attribution::exchange::Exchange::between`]. At
/// most one row for each two of the two and the euro, whichever way round, of everybody's and of the team's own.
pub(super) fn select_quotes(database: &Database, wanted: &RateQuery) -> worker::Result<D1PreparedStatement> {
    let sql = format!(
        "WITH side (code) AS (SELECT ?3 UNION SELECT ?4 UNION SELECT '{PIVOT}'), \
         pair (base, currency) AS (SELECT one.code, other.code FROM side AS one JOIN side AS other \
           ON one.code <> other.code) {LAST_OF_PAIRS}"
    );
    query!(&database.0, sql, wanted.day, wanted.team_id, wanted.from, wanted.to)
}

/// What is quoted on a day: of every pair of currencies the last rate up to it, everybody's and the team's own. The pairs
/// are found by a look-up for each of them.
pub async fn quoted(database: &Database, day: Day, team: &TeamId) -> Result<Vec<QuotedRate>, Unavailable> {
    let sql = format!(
        "WITH RECURSIVE side (base) AS (SELECT MIN(base) FROM exchange_rate UNION ALL \
           SELECT (SELECT MIN(next.base) FROM exchange_rate AS next WHERE next.base > side.base) FROM side \
           WHERE side.base IS NOT NULL), \
         pair (base, currency) AS ( \
           SELECT base, (SELECT MIN(first.currency) FROM exchange_rate AS first WHERE first.base = side.base) FROM side \
           UNION ALL \
           SELECT base, (SELECT MIN(next.currency) FROM exchange_rate AS next \
             WHERE next.base = pair.base AND next.currency > pair.currency) FROM pair \
           WHERE pair.currency IS NOT NULL) {LAST_OF_PAIRS}"
    );
    let rows: Vec<Row> = database.all(query!(&database.0, sql, day, team)).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// Whether sales can be converted to a currency through the euro: it is the euro, or was ever quoted against it, for
/// everybody or by the team.
pub async fn is_quoted(database: &Database, currency: Currency, team: &TeamId) -> Result<bool, Unavailable> {
    #[derive(Deserialize)]
    struct FoundRow {
        found: i64,
    }
    let sql = format!(
        "SELECT ?1 = '{PIVOT}' OR EXISTS (SELECT 1 FROM exchange_rate WHERE base = '{PIVOT}' AND currency = ?1 \
           AND team_id IN ('', ?2)) OR EXISTS (SELECT 1 FROM exchange_rate WHERE base = ?1 AND currency = '{PIVOT}' \
           AND team_id IN ('', ?2)) AS found"
    );
    let row: Option<FoundRow> = database.first(query!(&database.0, sql, currency, team)).await?;
    Ok(row.is_some_and(|row| row.found == 1))
}

/// Stores rates in one statement: everybody's, or a team's own. One that is there already is replaced; one that is the
/// same is not written.
pub async fn record(
    database: &Database,
    quotes: &[QuotedRate],
    team: Option<&TeamId>,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let quotes = serde_json::to_string(quotes).map_err(|cause| Unavailable(cause.to_string()))?;
    let statement = query!(
        &database.0,
        "INSERT INTO exchange_rate (base, currency, team_id, day, rate, recorded_at) \
         SELECT value ->> 'base', value ->> 'currency', ?1, value ->> 'day', value ->> 'rate', ?2 \
         FROM json_each(?3) WHERE true \
         ON CONFLICT DO UPDATE SET rate = excluded.rate, recorded_at = excluded.recorded_at \
           WHERE exchange_rate.rate <> excluded.rate",
        team.map_or(EVERYBODY, TeamId::as_str),
        now,
        quotes
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}
