//! Events of the tracking API's test mode: integer ids, no production row, gone after seven days.

use attribution::ids::{ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use worker::query;

use super::{Database, away, rows};

/// How long a test event is kept.
const LIFE_DAYS: u32 = 7;

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

/// Keeps one and returns its id; sweeps out what has expired in the same trip.
pub async fn insert(database: &Database, event: &TestEvent<'_>) -> Result<i64, Unavailable> {
    #[derive(Deserialize)]
    struct Row {
        event_id: i64,
    }
    let sweep = query!(&database.0, "DELETE FROM test_event WHERE expires_at <= ?1", event.at);
    let insert = query!(
        &database.0,
        "INSERT INTO test_event (team_id, program_id, kind, body, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING event_id",
        event.owner.map_or(UNCLAIMED_TEAM, |(team, _)| team.as_str()),
        event.owner.map(|(_, program)| program),
        event.kind,
        event.body.to_string(),
        event.at,
        event.at.plus_days(LIFE_DAYS)
    );
    let statements = [sweep, insert].into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let inserted: Vec<Row> = answers.last().map(rows).transpose()?.unwrap_or_default();
    inserted.first().map(|row| row.event_id).ok_or_else(|| Unavailable("the test event has no id".to_owned()))
}
