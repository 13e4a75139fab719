//! What surrounds a sender: the database, its own storage, the network. Platform and simulation each bring theirs.

use serde::{Deserialize, Serialize};

use super::delivery::Delivery;
use super::endpoint::{DisabledReason, Endpoint};
use super::envelope::Line;
use crate::ids::WebhookEndpointId;
use crate::ledger::Unavailable;
use crate::time::Timestamp;

/// What is to be read of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The cursor: lines after it are wanted. `None` before the first read, and after the endpoint's `starts_after` in
    /// any case.
    pub after: Option<i64>,
    /// At most so many positions are looked through, from the first one on that there is: a restore leaves a gap.
    pub span: i64,
    /// At most so many lines are returned.
    pub limit: usize,
    /// No older lines.
    pub since: Timestamp,
}

/// What was read, at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The endpoint as it is.
    pub endpoint: Endpoint,
    /// The last position of the outbox, whoever's it is; 0 when there is none.
    pub head: i64,
    /// The first position behind the cursor, whoever's it is; `None` when there is none.
    pub next: Option<i64>,
    /// The lines with messages of the endpoint's program and mode in the window, in order.
    pub lines: Vec<Line>,
}

/// The database, as a sender needs it.
pub trait Outbox {
    /// The endpoint, the head and the lines of `window`; `None` when there is no such endpoint any more.
    fn read(
        &self,
        id: &WebhookEndpointId,
        window: &Window,
    ) -> impl Future<Output = Result<Option<Reading>, Unavailable>>;

    /// These lines, as far as they are still there and the endpoint's.
    fn lines(&self, endpoint: &Endpoint, positions: &[i64]) -> impl Future<Output = Result<Vec<Line>, Unavailable>>;

    /// Switches the endpoint off, unless it has been changed since `version` (which is no error).
    fn disable(
        &self,
        id: &WebhookEndpointId,
        version: i64,
        reason: DisabledReason,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>>;
}

/// A request to a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Where to.
    pub url: String,
    /// Beside the content type, which is JSON.
    pub headers: Vec<(&'static str, String)>,
    /// The envelope.
    pub body: String,
}

/// A receiver's answer. Its body means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostResult {
    /// The status, as it came: redirects are not followed.
    pub status: u16,
    /// The `Retry-After` header, as it came.
    pub retry_after: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostFailure {
    /// None within [`super::TIMEOUT_MILLISECONDS`].
    TimedOut,
    /// No connection, or it broke off.
    Unreachable,
}

/// The network.
pub trait Transport {
    /// Posts once.
    fn post(&self, post: &Post) -> impl Future<Output = Result<PostResult, PostFailure>>;
}

/// How far a sender has come, beside its deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// All lines up to here have their deliveries.
    pub cursor: Option<i64>,
    /// When lines were taken last: first attempts keep their order even if the clock goes back.
    pub taken_at: Option<Timestamp>,
    /// Since when there were only failures, at the given version of the endpoint.
    pub failing: Option<(Timestamp, i64)>,
    /// The endpoint is to be switched off: why, and the version that this was decided on.
    pub disabling: Option<(DisabledReason, i64)>,
}

/// What a sender has left to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Its cursor; `None` before the first read.
    pub cursor: Option<i64>,
    /// Deliveries that wait for their next attempt.
    pub pending: i64,
    /// Deliveries that were given up.
    pub failed: i64,
    /// When the event of the oldest pending one happened.
    pub oldest_pending_at: Option<Timestamp>,
}

/// A sender's own storage. Each call is one transaction.
pub trait SenderStorage {
    /// How far the sender has come.
    fn progress(&self) -> Result<Progress, Unavailable>;

    /// Records new deliveries, in their order, with the progress that has passed their lines; one whose id is there
    /// already is left as it is. Forgets some that are older than `forget_before`.
    fn take(&self, new: &[Delivery], progress: &Progress, forget_before: Timestamp) -> Result<(), Unavailable>;

    /// Replaces a delivery with what became of it, and the progress with it.
    fn record(&self, delivery: &Delivery, progress: &Progress) -> Result<(), Unavailable>;

    /// Pending deliveries that are due by `now`: those due first, then those recorded first.
    fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, Unavailable>;

    /// When the next pending delivery is due.
    fn next_due_at(&self) -> Result<Option<Timestamp>, Unavailable>;

    /// What is left to do.
    fn figures(&self) -> Result<Figures, Unavailable>;

    /// Removes everything: the endpoint is gone. Later calls find an empty storage.
    fn clear(&self) -> impl Future<Output = Result<(), Unavailable>>;
}
