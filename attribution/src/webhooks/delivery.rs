//! A delivery: one message on its way to one endpoint, and what came of each attempt.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::envelope::{Line, PING, message_id};
use super::schedule::next_attempt;
use crate::ids::Random;
use crate::time::Timestamp;

/// The log keeps so many attempts of a delivery: the latest.
const KEPT_ATTEMPTS: usize = 30;

/// Where a delivery is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryStatus {
    /// To be attempted, now or later.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// Given up; it can be sent again on request.
    Failed,
}

impl DeliveryStatus {
    /// The word as answers and storage write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Reads the word; `None` for any other.
    pub fn from_word(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}

/// What a delivery is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The message with this index in the line at this position. The content stays in the outbox.
    Line {
        /// The line.
        position: i64,
        /// The message.
        index: usize,
    },
    /// Nothing: it was asked for.
    Ping,
}

/// Why an attempt has failed without an answer, or in spite of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AttemptError {
    /// The receiver took too long.
    Timeout,
    /// No connection, or it broke off.
    Unreachable,
    /// The receiver answered with a redirect, which is never followed.
    Redirected,
    /// The receiver answered with another status than 2xx.
    Refused,
    /// The endpoint's URL is none that may be called.
    TargetNotAllowed,
    /// The event is no longer in the outbox.
    EventExpired,
}

impl AttemptError {
    /// The word as answers write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration: i64,
    /// The receiver's status, if it answered.
    pub status: Option<u16>,
    /// Why it failed; `None` when it did not.
    pub error: Option<AttemptError>,
}

impl Attempt {
    /// An attempt that was answered with this status.
    pub(super) fn answered(at: Timestamp, duration: i64, status: u16) -> Self {
        let error = match status {
            200..=299 => None,
            300..=399 => Some(AttemptError::Redirected),
            _ => Some(AttemptError::Refused),
        };
        Self { at, duration, status: Some(status), error }
    }

    /// An attempt without an answer.
    pub(super) fn unanswered(at: Timestamp, duration: i64, error: AttemptError) -> Self {
        Self { at, duration, status: None, error: Some(error) }
    }
}

/// One message on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The message's id: `webhook-id` on every attempt.
    pub id: String,
    /// The message's type.
    pub kind: String,
    /// What it is about.
    pub source: Source,
    /// When that happened.
    pub created_at: Timestamp,
    /// Where it is.
    pub status: DeliveryStatus,
    /// When it is to be attempted next; `None` unless it is pending.
    pub due_at: Option<Timestamp>,
    /// Attempts since it was last sent anew.
    pub tries: usize,
    /// The latest attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

impl Delivery {
    /// The delivery of a line's message, due at `now`; `None` when there is no such message.
    pub(super) fn of_line(line: &Line, index: usize, now: Timestamp) -> Option<Self> {
        let message = line.messages.get(index)?;
        let source = Source::Line { position: line.position, index };
        Some(Self::new(message_id(line, index), message.kind.clone(), source, line.at, now))
    }

    /// A ping that is due at once.
    pub fn ping(id: String, now: Timestamp) -> Self {
        Self::new(id, PING.to_owned(), Source::Ping, now, now)
    }

    fn new(id: String, kind: String, source: Source, created_at: Timestamp, due_at: Timestamp) -> Self {
        let status = DeliveryStatus::Pending;
        Self { id, kind, source, created_at, status, due_at: Some(due_at), tries: 0, attempts: Vec::new() }
    }

    /// The same delivery from the beginning of its schedule, whatever came of it: same id, log kept.
    #[must_use]
    pub fn again(self, now: Timestamp) -> Self {
        Self { status: DeliveryStatus::Pending, due_at: Some(now), tries: 0, ..self }
    }

    /// After this attempt: delivered, due again, or failed for good. `retry_after` is the receiver's wish, in
    /// milliseconds.
    #[must_use]
    pub(super) fn after(mut self, attempt: Attempt, retry_after: Option<i64>, random: &mut impl Random) -> Self {
        self.tries += 1;
        let ended_at = super::schedule::later(attempt.at, attempt.duration);
        self.due_at = match attempt.error {
            // There is nothing to send any more.
            None | Some(AttemptError::EventExpired) => None,
            Some(_) => next_attempt(self.tries, ended_at, retry_after, random),
        };
        self.status = match (attempt.error, self.due_at) {
            (None, _) => DeliveryStatus::Delivered,
            (Some(_), Some(_)) => DeliveryStatus::Pending,
            (Some(_), None) => DeliveryStatus::Failed,
        };
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(KEPT_ATTEMPTS);
        self.attempts.drain(..surplus);
        self
    }
}
