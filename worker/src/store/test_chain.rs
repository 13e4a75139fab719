//! Runs of the test chain: at most so many in an hour, and what the last one came to.

use attribution::ids::{ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::query;

use super::{Database, away};

/// A program's chain is run so often within [`WINDOW_MILLISECONDS`]. Source: reference of the dialects, section 2.6.
pub const RUNS: u32 = 10;

/// An hour.
pub const WINDOW_MILLISECONDS: i64 = 60 * 60 * 1000;

/// Whether a run may begin.
pub enum Start {
    /// It has; its number.
    Run(i64),
    /// There were too many; when the oldest of them began.
    Full(Timestamp),
}

#[derive(Deserialize)]
struct RunRow {
    run: i64,
}

#[derive(Deserialize)]
struct OldestRow {
    oldest: Option<i64>,
}

/// Notes that a run begins, unless there were too many.
pub async fn start(
    database: &Database,
    team: &TeamId,
    program: &ProgramId,
    now: Timestamp,
) -> Result<Start, Unavailable> {
    let insert = query!(
        &database.0,
        "INSERT INTO test_chain (team_id, program_id, started_at) SELECT ?1, ?2, ?3 \
         WHERE (SELECT COUNT(*) FROM test_chain WHERE program_id = ?2 AND started_at > ?3 - ?4) < ?5 RETURNING run",
        team,
        program,
        now,
        WINDOW_MILLISECONDS,
        RUNS
    );
    let row: Option<RunRow> = database.first(insert).await?;
    if let Some(RunRow { run }) = row {
        return Ok(Start::Run(run));
    }
    let oldest = query!(
        &database.0,
        "SELECT MIN(started_at) AS oldest FROM test_chain WHERE program_id = ?1 AND started_at > ?2 - ?3",
        program,
        now,
        WINDOW_MILLISECONDS
    );
    let oldest: Option<OldestRow> = database.first(oldest).await?;
    let oldest = oldest.and_then(|row| row.oldest).map_or(now, Timestamp::from_milliseconds);
    Ok(Start::Full(oldest))
}

/// Notes what a run came to.
pub async fn finish(database: &Database, run: i64, attributed: bool) -> Result<(), Unavailable> {
    let statement =
        query!(&database.0, "UPDATE test_chain SET attributed = ?2 WHERE run = ?1", run, i64::from(attributed));
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// Forgets runs that began before, at most so many. The oldest are first: no need to look at all of them.
pub async fn forget(database: &Database, before: Timestamp, limit: u32) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "DELETE FROM test_chain WHERE run IN ( \
           SELECT run FROM (SELECT run, started_at FROM test_chain ORDER BY run LIMIT ?2) WHERE started_at <= ?1)",
        before,
        limit
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}
