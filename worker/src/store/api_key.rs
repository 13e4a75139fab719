//! API keys: found by their hash, never by themselves; no row holds one.
//!
//! A row is written by its owner ([`manage`], with a line of the ledger) or by the operator's command line, and by
//! [`note_use`], at most once an hour.

pub mod manage;

use attribution::ids::{ProgramId, TeamId};
use attribution::keys::Scopes;
use attribution::ledger::Unavailable;
use attribution::rate_limit::RateLimit;
use attribution::time::Timestamp;
use serde::{Deserialize, Serialize};
use worker::query;

use super::{Database, away, json};

/// `last_used_at` is at most so much behind.
pub const USE_NOTED_EVERY_MILLISECONDS: i64 = 60 * 60 * 1000;

/// What a call needs to know of its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiKey {
    /// Names the key in decisions.
    pub id: String,
    /// Whose it is.
    pub team_id: TeamId,
    /// The program that it speaks for.
    pub program_id: ProgramId,
    /// Whether everything that it touches is a test row.
    pub is_test: bool,
    /// When it was switched off.
    pub disabled_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// What it may do.
    #[serde(default)]
    pub scopes: Scopes,
    /// How often it may call: its team's setting.
    #[serde(default)]
    pub limit: RateLimit,
}

/// The key with this SHA-256.
pub async fn find(database: &Database, key_hash: &str) -> Result<Option<ApiKey>, Unavailable> {
    #[derive(Deserialize)]
    struct Row {
        id: String,
        team_id: String,
        program_id: String,
        is_test: i64,
        disabled_at: Option<i64>,
        expires_at: Option<i64>,
        scopes: Option<String>,
        calls_per_minute: u32,
        calls_per_second: u32,
    }
    let statement = query!(
        &database.0,
        "SELECT api_key.id, team_id, program_id, is_test, disabled_at, expires_at, scopes, calls_per_minute, \
           calls_per_second \
         FROM api_key JOIN team ON team.id = team_id WHERE key_hash = ?1",
        key_hash
    );
    let row: Option<Row> = database.first(statement).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ApiKey {
        id: row.id,
        team_id: TeamId::new(row.team_id),
        program_id: ProgramId::new(row.program_id),
        is_test: row.is_test == 1,
        disabled_at: row.disabled_at.map(Timestamp::from_milliseconds),
        expires_at: row.expires_at.map(Timestamp::from_milliseconds),
        scopes: scopes(row.scopes.as_deref())?,
        limit: RateLimit { per_minute: row.calls_per_minute, per_second: row.calls_per_second },
    }))
}

/// Writes when a key was used, unless that was written less than an hour ago.
pub async fn note_use(database: &Database, id: &str, at: Timestamp) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "UPDATE api_key SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at <= ?2 - ?3)",
        id,
        at,
        USE_NOTED_EVERY_MILLISECONDS
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// A key that names a scope that is not known any more cannot be told from one that may do less: it fails.
fn scopes(column: Option<&str>) -> Result<Scopes, Unavailable> {
    Ok(column.map(|text| json("api_key.scopes", text)).transpose()?.unwrap_or_default())
}
