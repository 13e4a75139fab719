//! Events of the tracking API's test mode: integer ids, no production row, gone after seven days.

use attribution::ids::{ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::retention::TEST_EVENT_DAYS;
use attribution::time::{DAY_MILLISECONDS, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use worker::query;

use super::{Database, away};

/// The team of test events whose program is not known (`migrations/0003_test_events.sql`).
pub const UNCLAIMED_TEAM: &str = "team_unclaimed";

/// A test call to be kept.
pub struct TestEvent<'a> {
    /// `click`, `lead` or `sale`.
    pub kind: &'static str,
    /// Whose it is, where that is known.
    pub owner: Option<(&'a TeamId, &'a ProgramId)>,
    /// As sent, without the e-mail address.
    pub body: &'a Value,
    /// When.
    pub at: Timestamp,
}

/// A program gets so many test events without a key in a day, and so do all programs together that do not exist.
pub const UNKEYED_A_DAY: u32 = 1_000;

/// Keeps one and returns its id; `None` where `limit` have been kept of its program within a day.
pub async fn insert(
    database: &Database,
    event: &TestEvent<'_>,
    limit: Option<u32>,
) -> Result<Option<i64>, Unavailable> {
    #[derive(Deserialize)]
    struct Row {
        event_id: i64,
    }
    let statement = query!(
        &database.0,
        "INSERT INTO test_event (team_id, program_id, kind, body, created_at, expires_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?7 IS NULL \
           OR (SELECT COUNT(*) FROM test_event WHERE program_id IS ?2 AND created_at > ?5 - ?8) < ?7 \
         RETURNING event_id",
        event.owner.map_or(UNCLAIMED_TEAM, |(team, _)| team.as_str()),
        event.owner.map(|(_, program)| program),
        event.kind,
        event.body.to_string(),
        event.at,
        event.at.plus_days(TEST_EVENT_DAYS),
        limit,
        DAY_MILLISECONDS
    );
    let row: Option<Row> = database.first(statement).await?;
    Ok(row.map(|row| row.event_id))
}

/// Forgets those whose time is over, at most so many. The oldest are first: no need to look at all of them.
pub async fn forget(database: &Database, now: Timestamp, limit: u32) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "DELETE FROM test_event WHERE event_id IN ( \
           SELECT event_id FROM (SELECT event_id, expires_at FROM test_event ORDER BY event_id LIMIT ?2) \
           WHERE expires_at <= ?1)",
        now,
        limit
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}
