//! A shard of the ledger as an algorithm: it keeps its own clicks, counts them into the database by alarm, and is the
//! gate of its referrals.
//!
//! State: clicks and their counts in the object's own storage ([`ObjectStorage`]), where every call is one transaction;
//! gates and what is remembered of the last commands in memory, which save work only. An object that is killed between
//! any two awaits loses nothing that was acknowledged: a click is answered once its storage has it, a command once the
//! database has its batch, and counts are absolute values that are sent until the database is known to have them.
//! The platform and the simulation bring their own storage and clock.

mod gate;
mod memory;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use self::gate::Gates;
use self::memory::Memory;
use crate::ids::{ProgramId, ReferralId};
use crate::ledger::{
    Answer, Clicks, Command, Configuration, Executed, Failure, IdempotencyKey, Ledger, Pause, Rejection, Store,
    Unavailable,
};
use crate::referral::Click;
use crate::time::{Clock, Timer, Timestamp};

/// Counts reach the database at most so long after their click.
const COUNT_DELAY_MILLISECONDS: u32 = 2_000;

/// One shard's count for one hour and affiliate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClickCount {
    /// The program.
    pub program_id: String,
    /// The affiliate.
    pub affiliate_id: String,
    /// 1 for test clicks.
    pub is_test: i64,
    /// Hours since 1970.
    pub hour: i64,
    /// The owner.
    pub team_id: String,
    /// Clicks of that hour so far.
    pub clicks: i64,
}

/// A click to be appended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewClick {
    /// The click.
    pub click: Click,
    /// The key under which a repeat of the call finds it.
    pub idempotency: Option<IdempotencyKey>,
    /// Whether its id follows from the browser's name for it ([`crate::event_id`]): then it may be there already.
    pub is_named: bool,
}

/// What came of a click.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Tracked {
    /// It is stored.
    Stored,
    /// A call with the same key, or with the same name for its click, has stored this one before.
    Before(Box<Click>),
    /// The key was used for another body.
    KeyReused,
}

/// An object's own storage and its alarm. Every synchronous call is one transaction; what was written is kept before
/// anything leaves the object.
pub trait ObjectStorage: Clicks {
    /// Appends a click together with its key. Appending the same click again changes nothing.
    fn append(&self, new: &NewClick, now: Timestamp) -> Result<Tracked, Unavailable>;

    /// The click with this id, if it was appended in this month or the one before: a browser that still sends a click
    /// began so late.
    fn find_recent(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable>;

    /// Raises the counts by every click since the last time.
    fn count(&self) -> Result<(), Unavailable>;

    /// Counts that the database has yet to hear of, as absolute values.
    fn unsent_counts(&self) -> Result<Vec<ClickCount>, Unavailable>;

    /// The database has these counts.
    fn note_sent(&self, counts: &[ClickCount]) -> Result<(), Unavailable>;

    /// Arms the alarm, in so many milliseconds.
    fn arm_alarm(&self, milliseconds: u32) -> impl Future<Output = Result<(), Unavailable>>;

    /// Takes the alarm back.
    fn disarm_alarm(&self) -> impl Future<Output = Result<(), Unavailable>>;
}

/// Where counts go.
pub trait CountStore {
    /// Stores a shard's counts as absolute values; a smaller one than is stored changes nothing.
    fn store_counts(&self, shard: u16, counts: &[ClickCount]) -> impl Future<Output = Result<(), Unavailable>>;
}

/// A shard over its storage.
pub struct Shard<O> {
    /// The object's storage.
    pub storage: O,
    gates: Gates,
    memory: Memory,
    alarm_armed: Cell<bool>,
    /// How often the alarm was taken back.
    alarms_taken_back: Cell<u64>,
    keys_in_flight: RefCell<HashSet<IdempotencyKey>>,
}

/// A command that was carried out.
#[derive(Clone, Debug)]
pub struct Carried {
    /// What the caller is told.
    pub answer: Answer,
    /// The program whose subscribers it has something to tell.
    pub tells_of: Option<ProgramId>,
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A rule refused it.
    #[error("refused: {}", .0.name())]
    Rejected(Rejection),
    /// The caller may try again: the gate stayed shut, others kept winning, or the database is away.
    #[error("{0}")]
    TryLater(String),
}

impl<O: ObjectStorage> Shard<O> {
    /// A shard that has just come to life: it knows nothing but what its storage holds.
    pub fn over(storage: O) -> Self {
        Self {
            storage,
            gates: Gates::default(),
            memory: Memory::default(),
            alarm_armed: Cell::new(false),
            alarms_taken_back: Cell::new(0),
            keys_in_flight: RefCell::default(),
        }
    }

    /// Appends a click. The alarm is armed before the click is written: without a click it is harmless, and a click
    /// without an alarm would wait for the next one to be counted.
    pub async fn track(&self, new: &NewClick, clock: &impl Clock) -> Result<Tracked, Unavailable> {
        self.ensure_alarm().await?;
        // No await from here on: of two that come at once, the later one finds the earlier one's click.
        if new.is_named
            && let Some(before) = self.storage.find_recent(&new.click.id)?
        {
            return Ok(Tracked::Before(Box::new(before)));
        }
        self.storage.append(new, clock.now())
    }

    /// Forgets what the last commands at a click's gate were answered.
    pub fn forget(&self, click: &ReferralId) {
        self.memory.forget(click);
    }

    /// Takes a command through its gate, decides and commits it.
    pub async fn execute<S: Store, C: Configuration, P: Pause>(
        &self,
        ledger: &Ledger<'_, S, C, O, P>,
        command: &Command,
        clock: &impl Timer,
    ) -> Result<Carried, Refused> {
        if command.is_dry_run() {
            // It waits for nobody, and nobody for it; what is remembered stays.
            let Executed { answer, .. } = ledger.execute(command, None, clock.now()).await?;
            return Ok(Carried { answer, tells_of: None });
        }
        let key = command.context().idempotency.as_ref();
        let waits_for_itself = key.is_some_and(|key| self.keys_in_flight.borrow().contains(key));
        let _in_flight = InFlight::of(key, &self.keys_in_flight);
        let _turn = self.gates.enter(command.gate(), clock).await.map_err(|busy| {
            if waits_for_itself {
                return Refused::Rejected(Rejection::KeyInFlight);
            }
            Refused::TryLater(busy.to_string())
        })?;
        if let Some(answer) = self.memory.answer(command, clock.now()) {
            return Ok(Carried { answer, tells_of: None });
        }
        let remembered = self.memory.referral(command.gate());
        self.memory.forget(command.gate());
        let now = clock.now();
        let Executed { answer, committed, tells_of } = ledger.execute(command, remembered.as_ref(), now).await?;
        self.memory.keep(command, committed, &answer, now);
        Ok(Carried { answer, tells_of })
    }

    /// The alarm: carries counts to the database. The next alarm is armed first, and taken back only once the database
    /// has everything.
    pub async fn carry_counts(&self, number: u16, counts: &impl CountStore) -> Result<(), Unavailable> {
        self.alarm_armed.set(false);
        self.ensure_alarm().await?;
        self.storage.count()?;
        let unsent = self.storage.unsent_counts()?;
        if unsent.is_empty() {
            // Noted before the storage is told: a click that comes in between arms it again.
            self.alarm_armed.set(false);
            self.alarms_taken_back.set(self.alarms_taken_back.get() + 1);
            return self.storage.disarm_alarm().await;
        }
        counts.store_counts(number, &unsent).await?;
        self.storage.note_sent(&unsent)
    }

    /// Has whatever is not counted yet counted by the next alarm: for a shard that no click wakes.
    pub async fn call_for_counting(&self) -> Result<(), Unavailable> {
        self.ensure_alarm().await
    }

    async fn ensure_alarm(&self) -> Result<(), Unavailable> {
        while !self.alarm_armed.get() {
            let taken_back = self.alarms_taken_back.get();
            self.storage.arm_alarm(COUNT_DELAY_MILLISECONDS).await?;
            // Whoever took the alarm back during the wait took this one too.
            self.alarm_armed.set(taken_back == self.alarms_taken_back.get());
        }
        Ok(())
    }
}

/// A key whose call is under way; it no longer is when this is dropped.
struct InFlight<'a> {
    key: Option<IdempotencyKey>,
    keys: &'a RefCell<HashSet<IdempotencyKey>>,
}

impl<'a> InFlight<'a> {
    /// Nothing for a call without a key, and for one that waits for another with the same.
    fn of(key: Option<&IdempotencyKey>, keys: &'a RefCell<HashSet<IdempotencyKey>>) -> Self {
        let key = key.filter(|key| keys.borrow_mut().insert((*key).clone())).cloned();
        Self { key, keys }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.keys.borrow_mut().remove(key);
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(rejection) => Self::Rejected(rejection),
            other @ (Failure::Busy(_) | Failure::Unavailable(_)) => Self::TryLater(other.to_string()),
        }
    }
}
