//! The minute's look at who has fallen behind: makes sure that a sender that lost its wake is woken after all.
//!
//! It reads the outbox on from where it stopped and notes, in one step with how far it has read, up to which line each
//! endpoint has something to hear. Whoever's sender has not said that it has come so far is woken, this minute and every
//! later one. Senders answer with their figures, which is how health knows them. A minute without anything new costs one
//! read of the endpoints and of the head.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::surroundings::Figures;
use crate::epoch::places_between;
use crate::ids::{ProgramId, WebhookEndpointId};
use crate::ledger::Unavailable;
use crate::time::Timestamp;

/// A census looks through so many positions.
const SPAN: i64 = 10_000;

/// So many censuses at most in one minute.
const CENSUSES: usize = 20;

/// A sender so many positions behind is woken although there is nothing for it: its next read is then a short one.
const TOO_FAR_BEHIND: i64 = 10_000;

/// So many senders are woken in one minute, those first that were asked longest ago.
const WAKES: usize = 500;

/// An endpoint that gets deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// The endpoint.
    pub id: WebhookEndpointId,
    /// Whose lines it hears.
    pub program_id: ProgramId,
    /// Of which mode.
    pub is_test: bool,
}

/// A program that has something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The program.
    pub program_id: ProgramId,
    /// Its mode.
    pub is_test: bool,
    /// Its last line with messages in the span.
    pub position: i64,
}

/// What there is, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// All endpoints that get deliveries.
    pub subscribers: Vec<Subscriber>,
    /// Who has lines with messages in the span.
    pub spoken: Vec<Spoken>,
    /// The last position of the outbox; 0 when there is none.
    pub head: i64,
    /// The first position behind the one that it began after; `None` when there is none.
    pub next: Option<i64>,
}

/// The database, as the roll call needs it.
pub trait CensusTaker {
    /// The endpoints, the head, and who has lines at positions after `after`, in a span that begins with the first one
    /// there is (a restore leaves a gap); nobody when `after` is `None`.
    fn census(&self, after: Option<i64>, span: i64) -> impl Future<Output = Result<Census, Unavailable>>;
}

/// The senders.
pub trait Senders {
    /// Wakes each of them; what each answered, in the same order.
    fn wake(&self, ids: &[WebhookEndpointId]) -> impl Future<Output = Vec<Result<Figures, Unavailable>>>;
}

/// Keeps the roll. Each call is one transaction.
pub trait RollStorage {
    /// The roll as it was kept last.
    fn load(&self) -> Result<Roll, Unavailable>;

    /// Keeps it.
    fn save(&self, roll: &Roll) -> Result<(), Unavailable>;
}

/// What is known of a sender.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Up to here there is something for it.
    pub target: i64,
    /// What it answered last; `None` before its first answer.
    pub figures: Option<Figures>,
    /// It gets no deliveries any more: told so once, it is forgotten.
    pub leaving: bool,
    /// When it was asked last.
    pub asked_at: Option<Timestamp>,
}

/// Who is known, and how far the outbox has been looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roll {
    /// Everything up to here is in the targets; `None` before the first census.
    pub read_to: Option<i64>,
    /// The senders.
    pub known: BTreeMap<WebhookEndpointId, Known>,
}

impl Known {
    fn cursor(&self) -> Option<i64> {
        self.figures.as_ref().and_then(|figures| figures.cursor)
    }

    /// How many positions lie between its cursor and the last line that it must hear: others' lines among them.
    pub fn behind(&self) -> i64 {
        self.cursor().map_or(0, |cursor| places_between(cursor, self.target))
    }

    fn is_due(&self, read_to: i64) -> bool {
        let Some(figures) = &self.figures else { return true };
        let cursor = figures.cursor.unwrap_or(i64::MIN);
        self.leaving || figures.pending > 0 || cursor < self.target || read_to.saturating_sub(cursor) > TOO_FAR_BEHIND
    }
}

impl Roll {
    /// Takes in a census that began after `read_to`; whether there is more to look through.
    fn note(&mut self, census: &Census) -> bool {
        self.note_who_is_there(census);
        for subscriber in &census.subscribers {
            let known = self.known.entry(subscriber.id.clone()).or_default();
            let spoken = census
                .spoken
                .iter()
                .find(|spoken| spoken.program_id == subscriber.program_id && spoken.is_test == subscriber.is_test);
            known.target = spoken.map_or(known.target, |spoken| known.target.max(spoken.position));
        }
        let from = |after: i64| census.next.map_or(after, |next| after.max(next - 1));
        let read_to = self.read_to.map_or(census.head, |after| from(after).saturating_add(SPAN).min(census.head));
        if self.read_to.is_some_and(|before| before > census.head) {
            // A restore has set the database back: no target of before means anything.
            for known in self.known.values_mut() {
                *known = Known::default();
            }
        }
        self.read_to = Some(read_to);
        read_to < census.head
    }

    /// Whoever comes back is as good as new: lines may have passed in the meantime.
    fn note_who_is_there(&mut self, census: &Census) {
        let present: BTreeSet<_> = census.subscribers.iter().map(|subscriber| &subscriber.id).collect();
        for (id, known) in &mut self.known {
            let is_there = present.contains(id);
            if is_there && known.leaving {
                known.figures = None;
            }
            known.leaving = !is_there;
        }
    }

    /// Who is to be woken, those first that were asked longest ago.
    fn due(&self) -> Vec<WebhookEndpointId> {
        let read_to = self.read_to.unwrap_or(0);
        let mut due: Vec<_> = self.known.iter().filter(|(_, known)| known.is_due(read_to)).collect();
        due.sort_by_key(|(_, known)| known.asked_at);
        due.into_iter().take(WAKES).map(|(id, _)| id.clone()).collect()
    }

    fn answered(&mut self, id: &WebhookEndpointId, figures: Figures) {
        match self.known.get_mut(id) {
            Some(known) if known.leaving => drop(self.known.remove(id)),
            Some(known) => known.figures = Some(figures),
            None => {}
        }
    }
}

/// The minute's look, over its surroundings.
pub struct RollCall<'a, D, S, W> {
    /// The database.
    pub census: &'a D,
    /// Keeps the roll.
    pub storage: &'a S,
    /// The senders.
    pub senders: &'a W,
}

impl<D: CensusTaker, S: RollStorage, W: Senders> RollCall<'_, D, S, W> {
    /// Looks once. An error says what was left for the next minute.
    pub async fn run(&self, now: Timestamp) -> Result<(), Unavailable> {
        let mut roll = self.storage.load()?;
        for _ in 0..CENSUSES {
            let census = self.census.census(roll.read_to, SPAN).await?;
            if !roll.note(&census) {
                break;
            }
        }
        let due = roll.due();
        for id in &due {
            if let Some(known) = roll.known.get_mut(id) {
                known.asked_at = Some(now);
            }
        }
        // Before anybody is woken: a minute that dies in between leaves the next one to wake them.
        self.storage.save(&roll)?;
        if due.is_empty() {
            return Ok(());
        }
        let answers = self.senders.wake(&due).await;
        let mut silent = 0_usize;
        for (id, answer) in due.iter().zip(answers) {
            match answer {
                Ok(figures) => roll.answered(id, figures),
                Err(_) => silent += 1,
            }
        }
        self.storage.save(&roll)?;
        if silent > 0 {
            return Err(Unavailable(format!("{silent} of {} senders did not answer", due.len())));
        }
        Ok(())
    }
}
