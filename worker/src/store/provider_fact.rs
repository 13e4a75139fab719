//! What a payment provider has said that waits for a sale or a customer, and how its subscriptions and disputes stood
//! last: rows of `provider_fact`, found by `provider_fact_name`.
//!
//! Rows are merged under `version`: whoever writes on what is no longer so writes nothing, and reads again.

use attribution::ids::ConversionId;
use attribution::ledger::Unavailable;
use attribution::referral::Scope;
use attribution::stripe::Fact;
use attribution::time::Timestamp;
use serde::{Deserialize, Serialize};
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, away, json, rows, scope};

/// So many facts of one name are looked at at once; the scheduler comes back for the rest.
const MOST_AT_ONCE: u32 = 100;

/// By what a fact is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactName {
    /// An identity's kind, `referral` or `sale_key`.
    pub kind: &'static str,
    /// The name.
    pub value: String,
}

/// A fact as it is stored.
pub struct StoredFact {
    /// Whose it is.
    pub scope: Scope,
    /// What was said.
    pub fact: Fact,
    /// Whether it is still to be carried out.
    pub waits: bool,
    /// Raised by every change.
    pub version: i64,
}

/// A fact that is to be stored.
pub struct NewFact<'a> {
    /// Whose it is.
    pub scope: &'a Scope,
    /// What was said.
    pub fact: &'a Fact,
    /// By what it is to be found.
    pub names: &'a [FactName],
    /// Whether it is still to be carried out.
    pub waits: bool,
    /// The version that was read; `None` for none.
    pub read: Option<i64>,
    /// Now.
    pub at: Timestamp,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Row {
    program_id: String,
    is_test: i64,
    team_id: String,
    fact: String,
    waits: i64,
    version: i64,
    stored_at: i64,
}

impl TryFrom<Row> for StoredFact {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            scope: scope(row.team_id, row.program_id, row.is_test),
            fact: json("provider_fact.fact", &row.fact)?,
            waits: row.waits == 1,
            version: row.version,
        })
    }
}

const COLUMNS: &str = "program_id, is_test, team_id, fact, waits, version, stored_at";

/// What is stored of this object.
pub async fn find(database: &Database, scope: &Scope, object: &str) -> Result<Option<StoredFact>, Unavailable> {
    let sql = format!("SELECT {COLUMNS} FROM provider_fact WHERE program_id = ?1 AND is_test = ?2 AND object = ?3");
    let row: Option<Row> =
        database.first(query!(&database.0, sql, scope.program_id, i64::from(scope.is_test), object)).await?;
    Ok(row.map(StoredFact::try_from).transpose()?)
}

/// Facts that are found by any of these names, those that wait or all of them.
pub async fn of_names(
    database: &Database,
    scope: &Scope,
    names: &[FactName],
    only_waiting: bool,
) -> Result<Vec<StoredFact>, Unavailable> {
    let names = serde_json::to_string(names).map_err(|cause| Unavailable(cause.to_string()))?;
    let waiting = if only_waiting { " AND waits = 1" } else { "" };
    // A look-up by the whole name for each wanted one, never a scan of the program's facts.
    let sql = format!(
        "SELECT {COLUMNS} FROM provider_fact WHERE program_id = ?1 AND is_test = ?2 AND object IN ( \
           SELECT name.object FROM json_each(?3) AS wanted CROSS JOIN provider_fact_name AS name \
           ON name.program_id = ?1 AND name.is_test = ?2 AND name.kind = wanted.value ->> 'kind' \
             AND name.value = wanted.value ->> 'value'){waiting} ORDER BY stored_at, object LIMIT {MOST_AT_ONCE}"
    );
    let rows: Vec<Row> =
        database.all(query!(&database.0, sql, scope.program_id, i64::from(scope.is_test), names)).await?;
    Ok(rows.into_iter().map(StoredFact::try_from).collect::<Result<_, _>>()?)
}

/// Stores a fact with its names; false where another version was there.
pub async fn put(database: &Database, new: &NewFact<'_>) -> Result<bool, Unavailable> {
    #[derive(Deserialize)]
    struct Written {
        version: i64,
    }
    let statements = put_statements(database, new).map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let written: Vec<Written> = answers.first().map(rows).transpose()?.unwrap_or_default();
    Ok(written.first().is_some_and(|row| row.version == new.read.unwrap_or(0) + 1))
}

fn put_statements(database: &Database, new: &NewFact<'_>) -> worker::Result<Vec<D1PreparedStatement>> {
    let Scope { team_id, program_id, is_test } = new.scope;
    let is_test = i64::from(*is_test);
    Ok(vec![
        query!(
            &database.0,
            "INSERT INTO provider_fact (program_id, is_test, object, team_id, fact, waits, version, stored_at, \
               expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8) \
             ON CONFLICT DO UPDATE SET fact = ?5, waits = ?6, version = version + 1, expires_at = ?8 \
             WHERE version = ?9 RETURNING version",
            program_id,
            is_test,
            new.fact.object,
            team_id,
            serde_json::to_string(new.fact)?,
            i64::from(new.waits),
            new.at,
            new.expires_at,
            new.read
        )?,
        // Names are only ever added: one too many finds a fact that then waits on.
        query!(
            &database.0,
            "INSERT INTO provider_fact_name (program_id, is_test, kind, value, object, team_id) \
             SELECT ?1, ?2, wanted.value ->> 'kind', wanted.value ->> 'value', ?3, ?4 FROM json_each(?5) AS wanted \
             WHERE true ON CONFLICT DO NOTHING",
            program_id,
            is_test,
            new.fact.object,
            team_id,
            serde_json::to_string(new.names)?
        )?,
    ])
}

/// Forgets a fact that was carried out as it was read; one that has changed since stays.
pub async fn forget(database: &Database, stored: &StoredFact) -> Result<(), Unavailable> {
    let Scope { program_id, is_test, .. } = &stored.scope;
    let (is_test, object) = (i64::from(*is_test), &stored.fact.object);
    let statements = [
        query!(
            &database.0,
            "DELETE FROM provider_fact_name WHERE program_id = ?1 AND is_test = ?2 AND object = ?3 AND EXISTS ( \
               SELECT 1 FROM provider_fact WHERE program_id = ?1 AND is_test = ?2 AND object = ?3 AND version = ?4)",
            program_id,
            is_test,
            object,
            stored.version
        ),
        query!(
            &database.0,
            "DELETE FROM provider_fact WHERE program_id = ?1 AND is_test = ?2 AND object = ?3 AND version = ?4",
            program_id,
            is_test,
            object,
            stored.version
        ),
    ];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    database.batch(statements).await.map(|_| ()).map_err(|cause| away(&cause))
}

/// A place among the facts that wait, by when they came.
#[derive(Clone, Debug, Default)]
pub struct FactPlace {
    stored_at: i64,
    object: String,
}

/// One of whose names a customer, a referral or a sale has by now.
const IS_PROMISING: &str = "EXISTS (SELECT 1 FROM provider_fact_name AS name \
    WHERE name.program_id = waiting.program_id AND name.is_test = waiting.is_test AND name.object = waiting.object AND ( \
      EXISTS (SELECT 1 FROM identity WHERE identity.program_id = name.program_id \
        AND identity.is_test = name.is_test AND identity.kind = name.kind AND identity.value = name.value) \
      OR name.kind = 'referral' AND EXISTS (SELECT 1 FROM referral WHERE referral.id = name.value) \
      OR name.kind = 'sale_key' AND EXISTS (SELECT 1 FROM sale_key WHERE sale_key.program_id = name.program_id \
        AND sale_key.is_test = name.is_test AND sale_key.value = name.value)))";

/// Of the next so many facts that wait, those that can perhaps be carried out by now; and the place to go on from, `None`
/// at the end.
pub async fn waiting(
    database: &Database,
    after: &FactPlace,
    limit: u32,
) -> Result<(Vec<StoredFact>, Option<FactPlace>), Unavailable> {
    #[derive(Deserialize)]
    struct Looked {
        object: String,
        is_promising: i64,
        #[serde(flatten)]
        row: Row,
    }
    let sql = format!(
        "SELECT {COLUMNS}, object, {IS_PROMISING} AS is_promising FROM provider_fact AS waiting \
         WHERE waits = 1 AND (stored_at, object) > (?1, ?2) ORDER BY stored_at, object LIMIT ?3"
    );
    let looked: Vec<Looked> = database.all(query!(&database.0, sql, after.stored_at, after.object, limit)).await?;
    let is_full = u32::try_from(looked.len()).is_ok_and(|count| count == limit);
    let place = |last: &Looked| FactPlace { stored_at: last.row.stored_at, object: last.object.clone() };
    let next = looked.last().filter(|_| is_full).map(place);
    let promising = looked.into_iter().filter(|looked| looked.is_promising == 1);
    Ok((promising.map(|looked| looked.row.try_into()).collect::<Result<_, _>>()?, next))
}

/// Gives up what waited too long, and states that nobody will ask for, at most so many.
pub async fn expire(database: &Database, now: Timestamp, limit: u32) -> Result<(), Unavailable> {
    let over = "SELECT program_id, is_test, object FROM provider_fact WHERE expires_at <= ?1 \
        ORDER BY expires_at, program_id, is_test, object LIMIT ?2";
    let of_names = format!("DELETE FROM provider_fact_name WHERE (program_id, is_test, object) IN ({over})");
    let of_facts = format!("DELETE FROM provider_fact WHERE (program_id, is_test, object) IN ({over})");
    let statements = [query!(&database.0, of_names, now, limit), query!(&database.0, of_facts, now, limit)];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    database.batch(statements).await.map(|_| ()).map_err(|cause| away(&cause))
}

/// Makes further keys a recorded sale's. A key that another sale has, or that a refund waits for, stays as it is. No rule
/// looks at a key beside its sale, so this needs no fence.
pub async fn link_sale(
    database: &Database,
    scope: &Scope,
    sale: &ConversionId,
    keys: &[String],
) -> Result<(), Unavailable> {
    let keys = serde_json::to_string(keys).map_err(|cause| Unavailable(cause.to_string()))?;
    let claim = query!(
        &database.0,
        "INSERT INTO sale_key (program_id, is_test, value, conversion_id, team_id) \
         SELECT ?1, ?2, wanted.value, ?3, ?4 FROM json_each(?5) AS wanted WHERE NOT EXISTS ( \
           SELECT 1 FROM parked_refund WHERE program_id = ?1 AND is_test = ?2 AND sale_key = wanted.value) \
         ON CONFLICT DO NOTHING",
        scope.program_id,
        i64::from(scope.is_test),
        sale,
        scope.team_id,
        keys
    );
    let forget = query!(
        &database.0,
        "DELETE FROM unattributed_sale WHERE program_id = ?1 AND is_test = ?2 AND conversion_id IS NULL \
         AND sale_key IN (SELECT value FROM json_each(?3))",
        scope.program_id,
        i64::from(scope.is_test),
        keys
    );
    let statements = [claim, forget].into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    database.batch(statements).await.map(|_| ()).map_err(|cause| away(&cause))
}
