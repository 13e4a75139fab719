//! A shard's own SQLite: clicks in monthly tables, and how far they have been counted.
//!
//! A click is one row and one index entry. Counting is the alarm's work: it reads on from where it stopped and raises
//! absolute counts in the same synchronous step (no await, hence one transaction), so a crash at any point counts
//! nothing twice. `sent` says what D1 is known to have; repeating a send is harmless. In a new epoch D1 is known to have
//! nothing: a restore may have taken any of it back ([`super::counting`]).

use std::cell::RefCell;

use attribution::epoch::Epoch;
use attribution::ids::{AffiliateId, ProgramId, ReferralId, TeamId};
use attribution::ledger::{Clicks, IdempotencyKey, Unavailable};
use attribution::referral::{Click, Scope};
use attribution::retention::{ANSWER_DAYS, CLICK_DAYS, milliseconds};
use attribution::shard::{ClickCount, NewClick, ObjectStorage, Tracked};
use attribution::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::{SqlStorage, SqlStorageValue, Storage};

use super::month;
use crate::configuration_copy::COPY_LIFE_MILLISECONDS;

/// So many rows of a month are looked through for the latest clicks of one program.
const LATEST_SCAN_ROWS: i64 = 5_000;

/// A click that a browser sends again was first sent in this month or the one before.
const RECENT_MONTHS: usize = 2;

/// D1 takes so many counts in one statement.
const COUNTS_PER_SEND: i64 = 500;

/// The object's storage.
pub struct ShardStorage {
    alarms: Storage,
    sql: SqlStorage,
    /// Names of the monthly tables, newest first.
    pub(super) months: RefCell<Vec<String>>,
    /// Why the storage could not be opened; every call says so.
    broken: Option<String>,
}

#[derive(Deserialize)]
struct ClickRow {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    affiliate_id: String,
    tracking_id: String,
    clicked_at: i64,
    facts: String,
}

const CLICK_COLUMNS: &str = "id, team_id, program_id, is_test, affiliate_id, tracking_id, clicked_at, facts";

impl ShardStorage {
    /// Opens the storage, creating what every shard has.
    pub fn open(storage: Storage, epoch: Epoch) -> Self {
        let mut shard = Self { sql: storage.sql(), alarms: storage, months: RefCell::default(), broken: None };
        if let Err(cause) = shard.prepare().and_then(|()| shard.enter(epoch)) {
            shard.broken = Some(cause.0);
        }
        shard
    }

    fn prepare(&self) -> Result<(), Unavailable> {
        self.run(
            "CREATE TABLE IF NOT EXISTS click_count (program_id TEXT NOT NULL, affiliate_id TEXT NOT NULL, \
               is_test INTEGER NOT NULL, hour INTEGER NOT NULL, team_id TEXT NOT NULL, clicks INTEGER NOT NULL, \
               sent INTEGER NOT NULL, PRIMARY KEY (program_id, affiliate_id, is_test, hour)) WITHOUT ROWID",
            vec![],
        )?;
        self.run("CREATE INDEX IF NOT EXISTS unsent ON click_count (hour) WHERE sent < clicks", vec![])?;
        self.run(
            "CREATE TABLE IF NOT EXISTS counted (month TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",
            vec![],
        )?;
        self.run(
            "CREATE TABLE IF NOT EXISTS idempotency_key (team_id TEXT NOT NULL, is_test INTEGER NOT NULL, \
               route TEXT NOT NULL, value TEXT NOT NULL, body_hash TEXT NOT NULL, click_id TEXT NOT NULL, \
               at INTEGER NOT NULL, PRIMARY KEY (team_id, is_test, route, value)) WITHOUT ROWID",
            vec![],
        )?;
        self.run(
            "CREATE TABLE IF NOT EXISTS epoch (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL)",
            vec![],
        )?;
        self.run(
            "CREATE TABLE IF NOT EXISTS configuration_copy (name TEXT PRIMARY KEY, copy TEXT NOT NULL, \
               read_at INTEGER NOT NULL) WITHOUT ROWID",
            vec![],
        )?;
        self.read_months()
    }

    fn read_months(&self) -> Result<(), Unavailable> {
        #[derive(Deserialize)]
        struct Row {
            month: String,
        }
        let rows: Vec<Row> = self.rows("SELECT month FROM counted ORDER BY month DESC", vec![])?;
        *self.months.borrow_mut() = rows.into_iter().map(|row| row.month).collect();
        Ok(())
    }

    /// Appends a click to the month in which it is recorded.
    fn append_click(&self, click: &Click, now: Timestamp) -> Result<(), Unavailable> {
        let month = month(now);
        self.ensure_month(&month, now)?;
        let sql = format!(
            "INSERT INTO click_{month} ({CLICK_COLUMNS}, hour) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO NOTHING"
        );
        self.run(
            &sql,
            vec![
                click.id.as_str().into(),
                click.scope.team_id.as_str().into(),
                click.scope.program_id.as_str().into(),
                i64::from(click.scope.is_test).into(),
                click.affiliate_id.as_str().into(),
                click.tracking_id.as_str().into(),
                click.clicked_at.milliseconds().into(),
                click.facts.to_string().into(),
                click.clicked_at.milliseconds().div_euclid(3_600_000).into(),
            ],
        )
    }

    /// The click with this id in one of the latest `months` months: a look-up by unique index in each, newest first.
    fn find_in(&self, months: usize, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        for month in self.months.borrow().iter().take(months) {
            let sql = format!("SELECT {CLICK_COLUMNS} FROM click_{month} WHERE id = ?");
            let rows: Vec<ClickRow> = self.rows(&sql, vec![id.as_str().into()])?;
            if let Some(row) = rows.into_iter().next() {
                return row.try_into().map(Some);
            }
        }
        Ok(None)
    }

    /// Empties what a click has kept of its visitor: the page, the browser, the campaign. That it was, when, and whose it
    /// was, stays.
    pub fn empty_click(&self, id: &ReferralId) -> Result<(), Unavailable> {
        for month in self.months.borrow().iter() {
            let sql = format!("UPDATE click_{month} SET facts = '{{}}' WHERE id = ? AND facts <> '{{}}'");
            self.run(&sql, vec![id.as_str().into()])?;
        }
        Ok(())
    }

    /// What an earlier call with this key has come to.
    fn used_before(&self, scope: &Scope, key: &IdempotencyKey, now: Timestamp) -> Result<Option<Tracked>, Unavailable> {
        #[derive(Deserialize)]
        struct Row {
            body_hash: String,
            click_id: String,
        }
        let rows: Vec<Row> = self.rows(
            "SELECT body_hash, click_id FROM idempotency_key \
             WHERE team_id = ? AND is_test = ? AND route = ? AND value = ? AND at > ?",
            vec![
                scope.team_id.as_str().into(),
                i64::from(scope.is_test).into(),
                key.route.as_str().into(),
                key.value.as_str().into(),
                (now.milliseconds() - milliseconds(ANSWER_DAYS)).into(),
            ],
        )?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        if row.body_hash != key.body_hash {
            return Ok(Some(Tracked::KeyReused));
        }
        let click = self.find(&ReferralId::new(row.click_id))?;
        Ok(click.map(|click| Tracked::Before(Box::new(click))))
    }

    fn keep_key(&self, click: &Click, key: &IdempotencyKey, now: Timestamp) -> Result<(), Unavailable> {
        self.run(
            "INSERT OR REPLACE INTO idempotency_key (team_id, is_test, route, value, body_hash, click_id, at) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            vec![
                click.scope.team_id.as_str().into(),
                i64::from(click.scope.is_test).into(),
                key.route.as_str().into(),
                key.value.as_str().into(),
                key.body_hash.as_str().into(),
                click.id.as_str().into(),
                now.milliseconds().into(),
            ],
        )
    }

    fn ensure_month(&self, month: &str, now: Timestamp) -> Result<(), Unavailable> {
        if self.months.borrow().iter().any(|known| known == month) {
            return Ok(());
        }
        self.run(
            &format!(
                "CREATE TABLE IF NOT EXISTS click_{month} (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, \
                   team_id TEXT NOT NULL, program_id TEXT NOT NULL, is_test INTEGER NOT NULL, \
                   affiliate_id TEXT NOT NULL, tracking_id TEXT NOT NULL, clicked_at INTEGER NOT NULL, \
                   facts TEXT NOT NULL, hour INTEGER NOT NULL)"
            ),
            vec![],
        )?;
        self.run("INSERT INTO counted (month, position) VALUES (?, 0) ON CONFLICT DO NOTHING", vec![month.into()])?;
        self.read_months()?;
        self.forget_old(now)
    }

    /// Drops the months of which every click is older than clicks are kept, counted first, and forgets keys and copies
    /// whose time is over.
    pub fn forget_old(&self, now: Timestamp) -> Result<(), Unavailable> {
        let oldest = month(Timestamp::from_milliseconds(now.milliseconds() - milliseconds(CLICK_DAYS)));
        let old: Vec<String> = self.months.borrow().iter().filter(|month| **month < oldest).cloned().collect();
        if !old.is_empty() {
            ObjectStorage::count(self)?;
        }
        for month in &old {
            self.run(&format!("DROP TABLE click_{month}"), vec![])?;
            self.run("DELETE FROM counted WHERE month = ?", vec![month.as_str().into()])?;
        }
        self.read_months()?;
        let ended = now.milliseconds() - milliseconds(ANSWER_DAYS);
        self.run("DELETE FROM idempotency_key WHERE at <= ?", vec![ended.into()])?;
        let oldest = now.milliseconds() - COPY_LIFE_MILLISECONDS;
        self.run("DELETE FROM configuration_copy WHERE read_at <= ?", vec![oldest.into()])
    }

    /// The latest clicks of a program, newest first: month by month until there are enough.
    pub fn latest(&self, program_id: &str, is_test: bool, limit: u32) -> Result<Vec<Click>, Unavailable> {
        let mut clicks = Vec::new();
        for month in self.months.borrow().iter() {
            let wanted = i64::from(limit).saturating_sub(i64::try_from(clicks.len()).unwrap_or(i64::MAX));
            if wanted <= 0 {
                break;
            }
            let sql = format!(
                "SELECT {CLICK_COLUMNS} FROM (SELECT * FROM click_{month} ORDER BY position DESC LIMIT ?) \
                 WHERE program_id = ? AND is_test = ? LIMIT ?"
            );
            let values = vec![LATEST_SCAN_ROWS.into(), program_id.into(), i64::from(is_test).into(), wanted.into()];
            let rows: Vec<ClickRow> = self.rows(&sql, values)?;
            for row in rows {
                clicks.push(row.try_into()?);
            }
        }
        Ok(clicks)
    }

    /// Whether the storage answers.
    pub fn ping(&self) -> Result<(), Unavailable> {
        self.run("SELECT 1", vec![])
    }

    pub(super) fn run(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<(), Unavailable> {
        self.check()?;
        self.sql.exec(sql, values).map(|_| ()).map_err(|cause| Unavailable(cause.to_string()))
    }

    pub(super) fn rows<T: DeserializeOwned>(
        &self,
        sql: &str,
        values: Vec<SqlStorageValue>,
    ) -> Result<Vec<T>, Unavailable> {
        self.check()?;
        let cursor = self.sql.exec(sql, values).map_err(|cause| Unavailable(cause.to_string()))?;
        cursor.to_array().map_err(|cause| Unavailable(cause.to_string()))
    }

    fn check(&self) -> Result<(), Unavailable> {
        self.broken.clone().map_or(Ok(()), |cause| Err(Unavailable(cause)))
    }
}

impl ObjectStorage for ShardStorage {
    fn append(&self, new: &NewClick, now: Timestamp) -> Result<Tracked, Unavailable> {
        let NewClick { click, idempotency, .. } = new;
        if let Some(key) = idempotency {
            if let Some(before) = self.used_before(&click.scope, key, now)? {
                return Ok(before);
            }
            self.keep_key(click, key, now)?;
        }
        self.append_click(click, now)?;
        Ok(Tracked::Stored)
    }

    fn find_recent(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        self.find_in(RECENT_MONTHS, id)
    }

    fn count(&self) -> Result<(), Unavailable> {
        for month in self.months.borrow().iter() {
            // Both statements run without an await between them: one transaction.
            self.run(
                &format!(
                    "INSERT INTO click_count (program_id, affiliate_id, is_test, hour, team_id, clicks, sent) \
                     SELECT program_id, affiliate_id, is_test, hour, team_id, COUNT(*), 0 FROM click_{month} \
                     WHERE position > (SELECT position FROM counted WHERE month = ?) \
                     GROUP BY program_id, affiliate_id, is_test, hour, team_id \
                     ON CONFLICT DO UPDATE SET clicks = clicks + excluded.clicks"
                ),
                vec![month.as_str().into()],
            )?;
            self.run(
                &format!(
                    "UPDATE counted SET position = (SELECT MAX(position) FROM click_{month}) \
                     WHERE month = ? AND position < (SELECT MAX(position) FROM click_{month})"
                ),
                vec![month.as_str().into()],
            )?;
        }
        Ok(())
    }

    fn unsent_counts(&self) -> Result<Vec<ClickCount>, Unavailable> {
        self.rows(
            "SELECT program_id, affiliate_id, is_test, hour, team_id, clicks FROM click_count WHERE sent < clicks LIMIT ?",
            vec![COUNTS_PER_SEND.into()],
        )
    }

    fn note_sent(&self, counts: &[ClickCount]) -> Result<(), Unavailable> {
        for count in counts {
            self.run(
                "UPDATE click_count SET sent = MAX(sent, ?) \
                 WHERE program_id = ? AND affiliate_id = ? AND is_test = ? AND hour = ?",
                vec![
                    count.clicks.into(),
                    count.program_id.as_str().into(),
                    count.affiliate_id.as_str().into(),
                    count.is_test.into(),
                    count.hour.into(),
                ],
            )?;
        }
        Ok(())
    }

    async fn arm_alarm(&self, milliseconds: u32) -> Result<(), Unavailable> {
        let armed = self.alarms.set_alarm(i64::from(milliseconds)).await;
        armed.map_err(|cause| Unavailable(cause.to_string()))
    }

    async fn disarm_alarm(&self) -> Result<(), Unavailable> {
        self.alarms.delete_alarm().await.map_err(|cause| Unavailable(cause.to_string()))
    }
}

impl Clicks for ShardStorage {
    /// Looks through all months: a handful of look-ups.
    fn find(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        self.find_in(usize::MAX, id)
    }
}

impl TryFrom<ClickRow> for Click {
    type Error = Unavailable;

    fn try_from(row: ClickRow) -> Result<Self, Unavailable> {
        Ok(Self {
            id: ReferralId::new(row.id),
            scope: Scope {
                team_id: TeamId::new(row.team_id),
                program_id: ProgramId::new(row.program_id),
                is_test: row.is_test == 1,
            },
            affiliate_id: AffiliateId::new(row.affiliate_id),
            tracking_id: row.tracking_id,
            clicked_at: Timestamp::from_milliseconds(row.clicked_at),
            facts: serde_json::from_str(&row.facts).map_err(|cause| Unavailable(cause.to_string()))?,
        })
    }
}
