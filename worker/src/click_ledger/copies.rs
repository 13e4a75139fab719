//! The shard's part in [`crate::configuration_copy`]: rows of the configuration, kept for the time that D1 is away.

use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use serde::Deserialize;

use super::storage::ShardStorage;
use crate::configuration_copy::COPY_LIFE_MILLISECONDS;

/// A copy that says the same is written again after so long.
const COPY_REFRESH_MILLISECONDS: i64 = 30 * 60 * 1000;

impl ShardStorage {
    /// Keeps a copy of a row of the configuration. Many isolates have the same one made: within half an hour it is
    /// written once.
    pub fn keep_copy(&self, name: &str, copy: &str, now: Timestamp) -> Result<(), Unavailable> {
        self.run(
            "INSERT INTO configuration_copy (name, copy, read_at) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET copy = excluded.copy, read_at = excluded.read_at \
             WHERE copy <> excluded.copy OR read_at < excluded.read_at - ?",
            vec![name.into(), copy.into(), now.milliseconds().into(), COPY_REFRESH_MILLISECONDS.into()],
        )
    }

    /// The copy with this name, if it is young enough to be used.
    pub fn copy(&self, name: &str, now: Timestamp) -> Result<Option<String>, Unavailable> {
        #[derive(Deserialize)]
        struct Row {
            copy: String,
        }
        let oldest = now.milliseconds() - COPY_LIFE_MILLISECONDS;
        let rows: Vec<Row> = self.rows(
            "SELECT copy FROM configuration_copy WHERE name = ? AND read_at > ?",
            vec![name.into(), oldest.into()],
        )?;
        Ok(rows.into_iter().next().map(|row| row.copy))
    }
}
