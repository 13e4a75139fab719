//! The scheduler's own SQLite: the last run of each job, when rates were fetched, and the roll of webhook senders.
//!
//! Every call runs without an await between its statements, hence as one transaction. Of the roll only what has changed
//! is written.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use attribution::ids::WebhookEndpointId;
use attribution::ledger::Unavailable;
use attribution::scheduler::{JobLog, JobRun};
use attribution::time::Timestamp;
use attribution::webhooks::{Known, Roll, RollStorage};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue};

use super::JobFigures;
use crate::store::provider_fact::FactPlace;
use crate::store::waiting_sale::Place;

/// The object's storage.
pub struct Book {
    sql: SqlStorage,
    is_prepared: Cell<bool>,
    /// When rates were last asked for, as far as this instance knows.
    asked_for_rates: Cell<Option<Timestamp>>,
    /// How far this instance has looked through the sales that wait for a rate.
    looked_to: RefCell<Place>,
    /// How far this instance has looked through what a payment provider said and waits.
    facts_looked_to: RefCell<FactPlace>,
    /// Up to which line this instance has forgotten what subscribers were told.
    forgotten_to: Cell<i64>,
    /// When this instance last had the shards forget old clicks.
    clicks_forgotten: Cell<Option<Timestamp>>,
}

#[derive(Deserialize)]
struct SenderRow {
    endpoint_id: String,
    known: String,
}

#[derive(Deserialize)]
struct FetchRow {
    fetched_at: i64,
}

#[derive(Deserialize)]
struct ReadRow {
    read_to: i64,
}

impl Book {
    /// Opens the storage.
    pub fn new(sql: SqlStorage) -> Self {
        Self {
            sql,
            is_prepared: Cell::new(false),
            asked_for_rates: Cell::new(None),
            looked_to: RefCell::default(),
            facts_looked_to: RefCell::default(),
            forgotten_to: Cell::new(0),
            clicks_forgotten: Cell::new(None),
        }
    }

    /// The jobs that have run so far.
    pub fn jobs(&self) -> Result<Vec<JobFigures>, Unavailable> {
        self.rows("SELECT name, last_run_at, last_error_at, last_error FROM job ORDER BY name", vec![])
    }

    /// When rates were last got from this address.
    pub fn rates_fetched_at(&self, url: &str) -> Result<Option<Timestamp>, Unavailable> {
        let rows: Vec<FetchRow> = self.rows("SELECT fetched_at FROM rates_source WHERE url = ?", vec![url.into()])?;
        Ok(rows.first().map(|row| Timestamp::from_milliseconds(row.fetched_at)))
    }

    /// When rates were last asked for, got or not, by this instance.
    pub fn rates_asked_at(&self) -> Option<Timestamp> {
        self.asked_for_rates.get()
    }

    /// Keeps that rates are asked for.
    pub fn note_rates_asked(&self, at: Timestamp) {
        self.asked_for_rates.set(Some(at));
    }

    /// Keeps that rates were got. Another address is another source, which is asked at once.
    pub fn note_rates_fetched(&self, url: &str, at: Timestamp) -> Result<(), Unavailable> {
        self.run("DELETE FROM rates_source", vec![])?;
        self.run("INSERT INTO rates_source (url, fetched_at) VALUES (?, ?)", vec![url.into(), at.milliseconds().into()])
    }

    /// How far this instance has looked through the sales that wait for a rate.
    pub fn looked_to(&self) -> Place {
        self.looked_to.borrow().clone()
    }

    /// Keeps how far it has looked.
    pub fn note_looked_to(&self, place: Place) {
        self.looked_to.replace(place);
    }

    /// How far this instance has looked through what a payment provider said and waits.
    pub fn facts_looked_to(&self) -> FactPlace {
        self.facts_looked_to.borrow().clone()
    }

    /// Keeps how far it has looked.
    pub fn note_facts_looked_to(&self, place: FactPlace) {
        self.facts_looked_to.replace(place);
    }

    /// Up to which line this instance has forgotten what subscribers were told.
    pub fn forgotten_to(&self) -> i64 {
        self.forgotten_to.get()
    }

    /// Keeps how far it has come.
    pub fn note_forgotten_to(&self, position: i64) {
        self.forgotten_to.set(position);
    }

    /// When this instance last had the shards forget old clicks.
    pub fn clicks_forgotten_at(&self) -> Option<Timestamp> {
        self.clicks_forgotten.get()
    }

    /// Keeps that they have.
    pub fn note_clicks_forgotten(&self, at: Timestamp) {
        self.clicks_forgotten.set(Some(at));
    }

    fn prepare(&self) -> Result<(), Unavailable> {
        if self.is_prepared.get() {
            return Ok(());
        }
        let tables = [
            "CREATE TABLE IF NOT EXISTS job (name TEXT PRIMARY KEY, last_run_at INTEGER NOT NULL, \
               last_error_at INTEGER, last_error TEXT) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS sender (endpoint_id TEXT PRIMARY KEY, known TEXT NOT NULL) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS rates_source (url TEXT PRIMARY KEY, fetched_at INTEGER NOT NULL) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS outbox (one INTEGER PRIMARY KEY CHECK (one = 1), read_to INTEGER NOT NULL)",
        ];
        for table in tables {
            self.sql.exec(table, None).map_err(|cause| Unavailable(cause.to_string()))?;
        }
        self.is_prepared.set(true);
        Ok(())
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

    fn write(&self, id: &WebhookEndpointId, known: &Known) -> Result<(), Unavailable> {
        let known = serde_json::to_string(known).map_err(|cause| Unavailable(cause.to_string()))?;
        self.run(
            "INSERT OR REPLACE INTO sender (endpoint_id, known) VALUES (?, ?)",
            vec![id.as_str().into(), known.into()],
        )
    }
}

impl JobLog for Book {
    fn note(&self, run: &JobRun) -> Result<(), Unavailable> {
        let failed_at = run.error.as_ref().map(|_| run.at.milliseconds());
        self.run(
            "INSERT INTO job (name, last_run_at, last_error_at, last_error) VALUES (?, ?, ?, ?) \
             ON CONFLICT (name) DO UPDATE SET last_run_at = excluded.last_run_at, \
               last_error_at = COALESCE(excluded.last_error_at, last_error_at), \
               last_error = COALESCE(excluded.last_error, last_error)",
            vec![run.name.into(), run.at.milliseconds().into(), failed_at.into(), run.error.clone().into()],
        )
    }
}

impl RollStorage for Book {
    fn load(&self) -> Result<Roll, Unavailable> {
        let read: Vec<ReadRow> = self.rows("SELECT read_to FROM outbox", vec![])?;
        let senders: Vec<SenderRow> = self.rows("SELECT endpoint_id, known FROM sender", vec![])?;
        let known: Result<BTreeMap<_, _>, _> = senders
            .into_iter()
            .map(|row| Ok((WebhookEndpointId::new(row.endpoint_id), serde_json::from_str(&row.known)?)))
            .collect();
        let known = known.map_err(|cause: serde_json::Error| Unavailable(cause.to_string()))?;
        Ok(Roll { read_to: read.first().map(|row| row.read_to), known })
    }

    fn save(&self, roll: &Roll) -> Result<(), Unavailable> {
        let before = self.load()?;
        for (id, known) in &roll.known {
            if before.known.get(id) != Some(known) {
                self.write(id, known)?;
            }
        }
        for id in before.known.keys().filter(|id| !roll.known.contains_key(*id)) {
            self.run("DELETE FROM sender WHERE endpoint_id = ?", vec![id.as_str().into()])?;
        }
        if before.read_to != roll.read_to {
            self.run("INSERT OR REPLACE INTO outbox (one, read_to) VALUES (1, ?)", vec![roll.read_to.into()])?;
        }
        Ok(())
    }
}
