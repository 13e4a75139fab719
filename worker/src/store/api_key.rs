//! API keys: found by their hash, never by themselves.

use attribution::ids::{ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use serde::{Deserialize, Serialize};
use worker::query;

use super::Database;

/// What is known of a key.
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
    }
    let statement = query!(
        &database.0,
        "SELECT id, team_id, program_id, is_test, disabled_at, expires_at FROM api_key WHERE key_hash = ?1",
        key_hash
    );
    let row: Option<Row> = database.first(statement).await?;
    Ok(row.map(|row| ApiKey {
        id: row.id,
        team_id: TeamId::new(row.team_id),
        program_id: ProgramId::new(row.program_id),
        is_test: row.is_test == 1,
        disabled_at: row.disabled_at.map(Timestamp::from_milliseconds),
        expires_at: row.expires_at.map(Timestamp::from_milliseconds),
    }))
}
