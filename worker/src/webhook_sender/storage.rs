//! A sender's own SQLite: its deliveries, in the order in which they were recorded, and how far it has come.
//!
//! A delivery names its message's place in the outbox and holds none of its content: what is erased there is erased.
//! Every call here runs without an await between its statements, hence as one transaction; progress is written last.

use std::cell::Cell;

use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use attribution::webhooks::{Delivery, DeliveryStatus, DisabledReason, Figures, Progress, SenderStorage, Source};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue, Storage};

use super::DeliveryPage;

/// So many old deliveries are forgotten at a time.
const FORGOTTEN_AT_ONCE: i64 = 100;

const COLUMNS: &str = "ordinal, id, kind, position, message, created_at, status, due_at, tries, attempts";

/// The object's storage.
pub struct Deliveries {
    storage: Storage,
    sql: SqlStorage,
    is_prepared: Cell<bool>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    kind: String,
    position: Option<i64>,
    message: i64,
    created_at: i64,
    status: String,
    due_at: Option<i64>,
    tries: i64,
    attempts: String,
}

#[derive(Deserialize)]
struct ProgressRow {
    cursor: Option<i64>,
    taken_at: Option<i64>,
    failing_since: Option<i64>,
    failing_version: Option<i64>,
    disabling: Option<String>,
    disabling_version: Option<i64>,
}

#[derive(Deserialize)]
struct FiguresRow {
    pending: i64,
    failed: i64,
    oldest_pending_at: Option<i64>,
}

/// One number that was asked for.
#[derive(Deserialize)]
struct NumberRow {
    number: Option<i64>,
}

impl Deliveries {
    /// Opens the storage of an object.
    pub fn new(storage: Storage) -> Self {
        let sql = storage.sql();
        Self { storage, sql, is_prepared: Cell::new(false) }
    }

    /// The delivery with this id.
    pub fn find(&self, id: &str) -> Result<Option<Delivery>, Unavailable> {
        let rows: Vec<Row> = self.rows(&format!("SELECT {COLUMNS} FROM delivery WHERE id = ?"), vec![id.into()])?;
        rows.into_iter().next().map(Delivery::try_from).transpose()
    }

    /// Part of the log, newest first: those of this status, recorded before `after`.
    pub fn page(
        &self,
        status: Option<DeliveryStatus>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<DeliveryPage, Unavailable> {
        let mut conditions = Vec::new();
        let mut values: Vec<SqlStorageValue> = Vec::new();
        if let Some(status) = status {
            conditions.push("status = ?");
            values.push(status.as_str().into());
        }
        if let Some(after) = after {
            conditions.push("ordinal < (SELECT ordinal FROM delivery WHERE id = ?)");
            values.push(after.into());
        }
        let only = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        // One more than wanted tells whether there are more.
        values.push((i64::from(limit) + 1).into());
        let sql = format!("SELECT {COLUMNS} FROM delivery {only} ORDER BY ordinal DESC LIMIT ?");
        let rows: Vec<Row> = self.rows(&sql, values)?;
        let mut deliveries = rows.into_iter().map(Delivery::try_from).collect::<Result<Vec<_>, _>>()?;
        let has_more = deliveries.len() > limit as usize;
        deliveries.truncate(limit as usize);
        Ok(DeliveryPage { deliveries, has_more })
    }

    /// Begins the schedule of everything that was given up anew, as [`Delivery::again`] does for one; how many.
    pub fn replay_failed(&self, now: Timestamp) -> Result<i64, Unavailable> {
        let counts: Vec<NumberRow> =
            self.rows("SELECT COUNT(*) AS number FROM delivery WHERE status = 'failed'", vec![])?;
        self.run(
            "UPDATE delivery SET status = 'pending', due_at = ?, tries = 0 WHERE status = 'failed'",
            vec![now.milliseconds().into()],
        )?;
        Ok(counts.first().and_then(|row| row.number).unwrap_or(0))
    }

    /// Creates the tables where they are not there, also after [`SenderStorage::clear`].
    fn prepare(&self) -> Result<(), Unavailable> {
        if self.is_prepared.get() {
            return Ok(());
        }
        let tables = [
            "CREATE TABLE IF NOT EXISTS delivery (ordinal INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, \
               kind TEXT NOT NULL, position INTEGER, message INTEGER NOT NULL, created_at INTEGER NOT NULL, \
               status TEXT NOT NULL, due_at INTEGER, tries INTEGER NOT NULL, attempts TEXT NOT NULL)",
            "CREATE INDEX IF NOT EXISTS pending ON delivery (due_at) WHERE status = 'pending'",
            "CREATE INDEX IF NOT EXISTS failed ON delivery (ordinal) WHERE status = 'failed'",
            "CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), cursor INTEGER, \
               taken_at INTEGER, failing_since INTEGER, failing_version INTEGER, disabling TEXT, \
               disabling_version INTEGER)",
        ];
        for table in tables {
            self.sql.exec(table, None).map_err(|cause| Unavailable(cause.to_string()))?;
        }
        self.is_prepared.set(true);
        Ok(())
    }

    fn insert(&self, delivery: &Delivery) -> Result<(), Unavailable> {
        let (position, message) = place(delivery.source);
        self.run(
            "INSERT INTO delivery (id, kind, position, message, created_at, status, due_at, tries, attempts) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
            vec![
                delivery.id.as_str().into(),
                delivery.kind.as_str().into(),
                position.into(),
                message.into(),
                delivery.created_at.milliseconds().into(),
                delivery.status.as_str().into(),
                delivery.due_at.map(Timestamp::milliseconds).into(),
                count(delivery.tries).into(),
                attempts(delivery)?.into(),
            ],
        )
    }

    fn save(&self, progress: &Progress) -> Result<(), Unavailable> {
        if self.progress()? == *progress {
            return Ok(());
        }
        self.run(
            "INSERT OR REPLACE INTO progress (one, cursor, taken_at, failing_since, failing_version, disabling, \
               disabling_version) VALUES (1, ?, ?, ?, ?, ?, ?)",
            vec![
                progress.cursor.into(),
                progress.taken_at.map(Timestamp::milliseconds).into(),
                progress.failing.map(|(since, _)| since.milliseconds()).into(),
                progress.failing.map(|(_, version)| version).into(),
                progress.disabling.map(|(reason, _)| reason.as_str().to_owned()).into(),
                progress.disabling.map(|(_, version)| version).into(),
            ],
        )
    }

    fn run(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<(), Unavailable> {
        self.prepare()?;
        self.sql.exec(sql, values).map(|_| ()).map_err(|cause| Unavailable(cause.to_string()))
    }

    fn rows<T: DeserializeOwned>(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<Vec<T>, Unavailable> {
        self.prepare()?;
        let cursor = self.sql.exec(sql, values).map_err(|cause| Unavailable(cause.to_string()))?;
        cursor.to_array().map_err(|cause| Unavailable(cause.to_string()))
    }
}

impl SenderStorage for Deliveries {
    fn progress(&self) -> Result<Progress, Unavailable> {
        let rows: Vec<ProgressRow> = self.rows(
            "SELECT cursor, taken_at, failing_since, failing_version, disabling, disabling_version FROM progress",
            vec![],
        )?;
        let Some(row) = rows.into_iter().next() else { return Ok(Progress::default()) };
        let disabling = row.disabling.and_then(|reason| DisabledReason::from_word(&reason));
        Ok(Progress {
            cursor: row.cursor,
            taken_at: row.taken_at.map(Timestamp::from_milliseconds),
            failing: row.failing_since.map(Timestamp::from_milliseconds).zip(row.failing_version),
            disabling: disabling.zip(row.disabling_version),
        })
    }

    fn take(&self, new: &[Delivery], progress: &Progress, forget_before: Timestamp) -> Result<(), Unavailable> {
        // The oldest are first: no need to look at all of them, or for an index.
        self.run(
            "DELETE FROM delivery WHERE ordinal IN (SELECT ordinal FROM \
               (SELECT ordinal, created_at FROM delivery ORDER BY ordinal LIMIT ?) WHERE created_at < ?)",
            vec![FORGOTTEN_AT_ONCE.into(), forget_before.milliseconds().into()],
        )?;
        for delivery in new {
            self.insert(delivery)?;
        }
        self.save(progress)
    }

    fn record(&self, delivery: &Delivery, progress: &Progress) -> Result<(), Unavailable> {
        self.run(
            "UPDATE delivery SET status = ?, due_at = ?, tries = ?, attempts = ? WHERE id = ?",
            vec![
                delivery.status.as_str().into(),
                delivery.due_at.map(Timestamp::milliseconds).into(),
                count(delivery.tries).into(),
                attempts(delivery)?.into(),
                delivery.id.as_str().into(),
            ],
        )?;
        self.save(progress)
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Unavailable> {
        let sql = format!(
            "SELECT {COLUMNS} FROM delivery WHERE status = 'pending' AND due_at <= ? ORDER BY due_at, ordinal LIMIT ?"
        );
        let rows: Vec<Row> = self.rows(&sql, vec![now.milliseconds().into(), count(limit).into()])?;
        rows.into_iter().map(Delivery::try_from).collect()
    }

    fn next_due_at(&self) -> Result<Option<Timestamp>, Unavailable> {
        let rows: Vec<NumberRow> =
            self.rows("SELECT MIN(due_at) AS number FROM delivery WHERE status = 'pending'", vec![])?;
        Ok(rows.first().and_then(|row| row.number).map(Timestamp::from_milliseconds))
    }

    fn figures(&self) -> Result<Figures, Unavailable> {
        let rows: Vec<FiguresRow> = self.rows(
            "SELECT (SELECT COUNT(*) FROM delivery WHERE status = 'pending') AS pending, \
               (SELECT COUNT(*) FROM delivery WHERE status = 'failed') AS failed, \
               (SELECT MIN(created_at) FROM delivery WHERE status = 'pending') AS oldest_pending_at",
            vec![],
        )?;
        let row = rows.into_iter().next().ok_or_else(|| Unavailable("no figures".to_owned()))?;
        Ok(Figures {
            cursor: self.progress()?.cursor,
            pending: row.pending,
            failed: row.failed,
            oldest_pending_at: row.oldest_pending_at.map(Timestamp::from_milliseconds),
        })
    }

    async fn clear(&self) -> Result<(), Unavailable> {
        self.is_prepared.set(false);
        self.storage.delete_all().await.map_err(|cause| Unavailable(cause.to_string()))
    }
}

fn place(source: Source) -> (Option<i64>, i64) {
    match source {
        Source::Line { position, index } => (Some(position), count(index)),
        Source::Ping => (None, 0),
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn attempts(delivery: &Delivery) -> Result<String, Unavailable> {
    serde_json::to_string(&delivery.attempts).map_err(|cause| Unavailable(cause.to_string()))
}

impl TryFrom<Row> for Delivery {
    type Error = Unavailable;

    fn try_from(row: Row) -> Result<Self, Unavailable> {
        let unreadable = |column: &str| Unavailable(format!("delivery {}: no such {column}", row.id));
        let index = usize::try_from(row.message).map_err(|_| unreadable("message"))?;
        Ok(Self {
            source: row.position.map_or(Source::Ping, |position| Source::Line { position, index }),
            status: DeliveryStatus::from_word(&row.status).ok_or_else(|| unreadable("status"))?,
            attempts: serde_json::from_str(&row.attempts).map_err(|_| unreadable("attempts"))?,
            tries: usize::try_from(row.tries).map_err(|_| unreadable("tries"))?,
            created_at: Timestamp::from_milliseconds(row.created_at),
            due_at: row.due_at.map(Timestamp::from_milliseconds),
            kind: row.kind,
            id: row.id,
        })
    }
}
