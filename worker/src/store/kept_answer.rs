//! Answers to calls with an `Idempotency-Key`: rows of `kept_answer`. The ledger keeps what an answer is made from, in the
//! batch of its command; other routes keep the answer itself.

use attribution::ledger::{KeptAnswer, KeptKey, Unavailable};
use attribution::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, away, json};

#[derive(Deserialize)]
pub(super) struct Row {
    body_hash: String,
    request_id: String,
    outcome: String,
    created_at: i64,
}

impl TryFrom<Row> for KeptAnswer {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            body_hash: row.body_hash,
            request_id: row.request_id,
            outcome: json("kept_answer.outcome", &row.outcome)?,
            at: Timestamp::from_milliseconds(row.created_at),
        })
    }
}

pub(super) fn select(database: &Database, key: &KeptKey) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT body_hash, request_id, outcome, created_at FROM kept_answer \
         WHERE team_id = ?1 AND is_test = ?2 AND route = ?3 AND value = ?4",
        key.team_id,
        i64::from(key.is_test),
        key.route,
        key.value
    )
}

/// Forgets answers that were kept long enough, at most so many.
pub async fn forget(database: &Database, before: Timestamp, limit: u32) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "DELETE FROM kept_answer WHERE (team_id, is_test, route, value) IN ( \
           SELECT team_id, is_test, route, value FROM kept_answer WHERE created_at <= ?1 LIMIT ?2)",
        before,
        limit
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// Keeps an answer; the primary key fails the batch when the key was used.
pub(super) fn insert(database: &Database, key: &KeptKey, answer: &KeptAnswer) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO kept_answer (team_id, is_test, route, value, body_hash, request_id, referral_id, outcome, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        key.team_id,
        i64::from(key.is_test),
        key.route,
        key.value,
        answer.body_hash,
        answer.request_id,
        answer.outcome.referral_id(),
        serde_json::to_string(&answer.outcome)?,
        answer.at
    )
}

/// The answer of a route that is not the ledger's.
#[derive(Serialize, Deserialize)]
pub struct KeptResponse {
    /// The status.
    pub status: u16,
    /// The body, without what is shown only once.
    pub body: Value,
}

/// What a call with this key was answered, with the hash of the body that was answered.
pub async fn find_response(database: &Database, key: &KeptKey) -> Result<Option<(String, KeptResponse)>, Unavailable> {
    let row: Option<Row> = database.first(select(database, key)).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((row.body_hash, json("kept_answer.outcome", &row.outcome)?)))
}

/// Keeps a response, unless one is kept under the key.
pub async fn keep_response(
    database: &Database,
    key: &KeptKey,
    body_hash: &str,
    request_id: &str,
    response: &KeptResponse,
    at: Timestamp,
) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "INSERT INTO kept_answer (team_id, is_test, route, value, body_hash, request_id, outcome, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        key.team_id,
        i64::from(key.is_test),
        key.route,
        key.value,
        body_hash,
        request_id,
        serde_json::to_string(response)?,
        at
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}
