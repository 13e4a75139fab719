//! Sales that wait for a rate of exchange: rows of `conversion` without the sale in the team's currency.

use attribution::exchange::PIVOT;
use attribution::ids::{ConversionId, ReferralId};
use attribution::ledger::Unavailable;
use attribution::money::{Currency, MAX_MINOR, Money};
use attribution::referral::Scope;
use attribution::time::{DAY_MILLISECONDS, Timestamp};
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, away, rows, scope, word};

/// A sale that waits for a rate.
pub struct WaitingSale {
    /// Its id.
    pub id: ConversionId,
    /// The customer's referral, whose gate settles it.
    pub referral_id: ReferralId,
    /// Whose it is.
    pub scope: Scope,
    /// What it was paid in.
    pub currency: Currency,
    /// When it happened.
    pub occurred_at: Timestamp,
}

/// A place in the order in which waiting sales are looked at: by currency, then by when they happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Place {
    currency: String,
    created_at: i64,
    id: String,
}

/// Sales that can be settled now.
pub struct ToSettle {
    /// Those among the ones looked at, at most as many as were asked for.
    pub sales: Vec<WaitingSale>,
    /// Where to look on; `None` when all were looked at, to begin again.
    pub next: Option<Place>,
}

/// What waits in one currency.
pub struct Waiting {
    /// So many sales.
    pub count: i64,
    /// When the oldest happened.
    pub oldest: Timestamp,
    /// When the newest happened.
    pub newest: Timestamp,
    /// What was paid; as much as an amount can be, where it is more.
    pub amount: Money,
    /// Whether the currency was ever quoted, for another day; else nobody has a rate for it.
    pub is_quoted: bool,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    referral_id: String,
    currency: String,
    created_at: i64,
}

impl Row {
    fn place(&self) -> Place {
        Place { currency: self.currency.clone(), created_at: self.created_at, id: self.id.clone() }
    }
}

impl TryFrom<Row> for WaitingSale {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            id: ConversionId::new(row.id),
            referral_id: ReferralId::new(row.referral_id),
            scope: scope(row.team_id, row.program_id, row.is_test),
            currency: word("conversion.currency", &row.currency, Currency::from_code)?,
            occurred_at: Timestamp::from_milliseconds(row.created_at),
        })
    }
}

/// So many waiting sales are looked at in one go: without a rate most of them stay for long.
const MAX_LOOKED_AT: u32 = 5_000;

/// After `?1` to `?3`.
const NEXT: &str = "FROM conversion WHERE converted_minor IS NULL AND (currency, created_at, id) > (?1, ?2, ?3) \
    ORDER BY currency, created_at, id";

/// Whether there is a rate between two currencies on the day of a waiting sale, whichever way round.
fn quoted(one: &str, other: &str) -> String {
    let exists = |base: &str, currency: &str| {
        format!(
            "EXISTS (SELECT 1 FROM exchange_rate WHERE base = {base} AND currency = {currency} \
               AND team_id IN ('', waiting.team_id) AND day <= waiting.created_at / {DAY_MILLISECONDS})"
        )
    };
    format!("({} OR {})", exists(one, other), exists(other, one))
}

/// Sales for which there is a rate by now: among so many waiting ones behind `after`, so that those that nobody has a rate
/// for, or that cannot be settled for another reason, keep none from its turn.
pub async fn to_settle(database: &Database, after: &Place, limit: u32) -> Result<ToSettle, Unavailable> {
    let statements = [select_to_settle(database, after, limit), select_last_looked_at(database, after)];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let [found, last] = answers.as_slice() else { return Err(Unavailable("two reads, not two answers".to_owned())) };
    let found: Vec<Row> = rows(found)?;
    let last: Vec<Place> = rows(last)?;
    let is_full = u32::try_from(found.len()).is_ok_and(|count| count >= limit);
    let next = if is_full { found.last().map(Row::place) } else { last.into_iter().next() };
    let sales: Result<_, UnknownValue> = found.into_iter().map(TryInto::try_into).collect();
    Ok(ToSettle { sales: sales?, next })
}

fn select_to_settle(database: &Database, after: &Place, limit: u32) -> worker::Result<D1PreparedStatement> {
    let pivot = format!("'{PIVOT}'");
    let sql = format!(
        "WITH waiting AS (SELECT id, team_id, program_id, is_test, referral_id, currency, created_at {NEXT} LIMIT ?4) \
         SELECT waiting.id, waiting.team_id, waiting.program_id, waiting.is_test, waiting.referral_id, \
           waiting.currency, waiting.created_at \
         FROM waiting CROSS JOIN team ON team.id = waiting.team_id \
         WHERE waiting.currency = team.currency OR {} OR ({} AND {}) \
         ORDER BY waiting.currency, waiting.created_at, waiting.id LIMIT ?5",
        quoted("waiting.currency", "team.currency"),
        quoted("waiting.currency", &pivot),
        quoted("team.currency", &pivot),
    );
    query!(&database.0, sql, after.currency, after.created_at, after.id, MAX_LOOKED_AT, limit)
}

fn select_last_looked_at(database: &Database, after: &Place) -> worker::Result<D1PreparedStatement> {
    let sql = format!("SELECT currency, created_at, id {NEXT} LIMIT 1 OFFSET ?4");
    query!(&database.0, sql, after.currency, after.created_at, after.id, MAX_LOOKED_AT - 1)
}

/// What waits in each currency, of one program and mode. The index is named: it holds what waits, the program's own all
/// its sales.
pub async fn by_currency(
    database: &Database,
    scope: &Scope,
    team_currency: Currency,
) -> Result<Vec<Waiting>, Unavailable> {
    #[derive(Deserialize)]
    struct SumRow {
        currency: String,
        sales: i64,
        oldest: i64,
        newest: i64,
        amount_minor: i64,
        is_quoted: i64,
    }
    let sql = format!(
        "SELECT waiting.currency, waiting.sales, waiting.oldest, waiting.newest, waiting.amount_minor, \
           EXISTS (SELECT 1 FROM exchange_rate WHERE base IN ('{PIVOT}', ?4) AND currency = waiting.currency \
             AND team_id IN ('', ?3)) \
           OR EXISTS (SELECT 1 FROM exchange_rate WHERE base = waiting.currency AND currency IN ('{PIVOT}', ?4) \
             AND team_id IN ('', ?3)) AS is_quoted \
         FROM (SELECT currency, COUNT(*) AS sales, MIN(created_at) AS oldest, MAX(created_at) AS newest, \
             MIN(SUM(amount_minor), {MAX_MINOR}) AS amount_minor \
           FROM conversion INDEXED BY conversion_without_rate \
           WHERE converted_minor IS NULL AND program_id = ?1 AND is_test = ?2 GROUP BY currency) AS waiting \
         ORDER BY waiting.currency"
    );
    let statement = query!(&database.0, sql, scope.program_id, i64::from(scope.is_test), scope.team_id, team_currency);
    let found: Vec<SumRow> = database.all(statement).await?;
    let waiting = |row: SumRow| {
        let currency = word("conversion.currency", &row.currency, Currency::from_code)?;
        Ok(Waiting {
            count: row.sales,
            oldest: Timestamp::from_milliseconds(row.oldest),
            newest: Timestamp::from_milliseconds(row.newest),
            amount: Money { minor: row.amount_minor, currency },
            is_quoted: row.is_quoted == 1,
        })
    };
    let waiting: Result<_, UnknownValue> = found.into_iter().map(waiting).collect();
    Ok(waiting?)
}
