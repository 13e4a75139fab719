//! Which migrations the database has, by the table that the platform's tool (`wrangler d1 migrations apply`) keeps.

use attribution::ledger::Unavailable;
use serde::Deserialize;

use super::Database;

/// The newest migration that this Worker was built with: its queries need it.
pub const NEEDED: &str = env!("NEWEST_MIGRATION");

/// The newest that was applied; `None` where the tool has applied none.
pub async fn newest_applied(database: &Database) -> Result<Option<String>, Unavailable> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
    }
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'd1_migrations'";
    let table: Option<Row> = database.first(Ok(database.0.prepare(tables))).await?;
    if table.is_none() {
        return Ok(None);
    }
    let newest = "SELECT name FROM d1_migrations ORDER BY name DESC LIMIT 1";
    let row: Option<Row> = database.first(Ok(database.0.prepare(newest))).await?;
    Ok(row.map(|row| row.name))
}
