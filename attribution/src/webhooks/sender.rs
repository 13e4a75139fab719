//! The sender of one endpoint: reads on in the outbox, records what it found, attempts what is due.
//!
//! Why nothing is left out and nothing is forgotten:
//! - deliveries and the cursor that has passed their lines are recorded in one step;
//! - the alarm is armed again before any work, so a run that dies is followed by another;
//! - a result is recorded after its attempt, so a crash between the two repeats the attempt, with the same id;
//! - runs may come twice, late, or never end: each one goes by what is recorded.
//!
//! Runs of one endpoint never overlap in one instance of its object. A run that outlives its instance can only repeat an
//! attempt: its storage takes no more writes, and [`Outbox::disable`] names the version that it was decided on.

use super::delivery::{Attempt, AttemptError, Delivery, Source};
use super::endpoint::{DisabledReason, Endpoint};
use super::envelope::{Line, body};
use super::schedule::{has_failed_too_long, later, retry_after};
use super::signature::sign;
use super::surroundings::{Outbox, Post, PostFailure, Progress, Reading, SenderStorage, Transport, Window};
use super::target::TargetPolicy;
use crate::ids::{Random, WebhookEndpointId};
use crate::ledger::Unavailable;
use crate::retention::{MESSAGE_DAYS, milliseconds};
use crate::scheduler::Alarm;
use crate::time::{Clock, Timestamp};

/// A read looks through so many positions, whoever's lines they are.
const SPAN: i64 = 10_000;

/// A read returns so many lines at most.
const LINES: usize = 50;

/// So many deliveries are attempted before the endpoint is looked at again.
const BATCH: usize = 20;

/// So many reads at most, and no attempt begins after so many milliseconds; the next run goes on. An alarm has an end.
const ROUNDS: usize = 20;
const RUN_TIME: i64 = 60_000;

/// Armed before any work, in milliseconds: when a run that dies is followed by the next one.
const LEASE: i64 = 60_000;

/// The status by which a receiver says that it is gone for good.
const GONE: u16 = 410;

/// What a run left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The next run is at this moment; none is needed before the next wake if there is none.
    Next(Option<Timestamp>),
    /// The endpoint is switched off: what is pending stays so.
    Disabled,
    /// There is no such endpoint, and nothing is left of it.
    Gone,
}

/// The sender of one endpoint, over its surroundings.
pub struct Sender<'a, O, S, T, C, A> {
    /// Whose sender.
    pub id: &'a WebhookEndpointId,
    /// The database.
    pub outbox: &'a O,
    /// The sender's own storage.
    pub storage: &'a S,
    /// The network.
    pub transport: &'a T,
    /// The clock.
    pub clock: &'a C,
    /// The alarm that runs the sender.
    pub alarm: &'a A,
    /// Where deliveries may go.
    pub targets: &'a TargetPolicy,
}

impl<O: Outbox, S: SenderStorage, T: Transport, C: Clock, A: Alarm> Sender<'_, O, S, T, C, A> {
    /// What an alarm does. `woken` tells whether somebody has called for attention since it was last asked: such a call
    /// may have come after the last look at the outbox.
    ///
    /// An error is for the log: the next run is armed already.
    pub async fn run(&self, random: &mut impl Random, woken: impl Fn() -> bool) -> Result<Standing, Unavailable> {
        self.alarm.arm(Some(later(self.clock.now(), LEASE))).await?;
        // What was called for before this run, the run does.
        woken();
        let standing = self.work(random).await?;
        let next = match standing {
            _ if woken() => Some(self.clock.now()),
            Standing::Next(next) => next,
            Standing::Disabled | Standing::Gone => None,
        };
        self.alarm.arm(next).await?;
        Ok(standing)
    }

    async fn work(&self, random: &mut impl Random) -> Result<Standing, Unavailable> {
        let ends_at = later(self.clock.now(), RUN_TIME);
        for _ in 0..ROUNDS {
            if self.clock.now() >= ends_at {
                break;
            }
            let window = self.window()?;
            let Some(reading) = self.outbox.read(self.id, &window).await? else {
                self.storage.clear().await?;
                return Ok(Standing::Gone);
            };
            if self.is_switched_off(&reading.endpoint).await? {
                return Ok(Standing::Disabled);
            }
            let read_to = self.take(&reading, &window)?;
            let due = self.storage.due(self.clock.now(), BATCH)?;
            if due.is_empty() && read_to >= reading.head {
                return Ok(Standing::Next(self.storage.next_due_at()?));
            }
            self.attempt_all(due, &reading, ends_at, random).await?;
        }
        Ok(Standing::Next(Some(self.clock.now())))
    }

    fn window(&self) -> Result<Window, Unavailable> {
        let after = self.storage.progress()?.cursor;
        Ok(Window { after, span: SPAN, limit: LINES, since: later(self.clock.now(), -milliseconds(MESSAGE_DAYS)) })
    }

    /// Carries out what was decided about the endpoint in an earlier attempt, if it still stands.
    async fn is_switched_off(&self, endpoint: &Endpoint) -> Result<bool, Unavailable> {
        if !endpoint.is_enabled() {
            return Ok(true);
        }
        match self.storage.progress()?.disabling {
            Some((reason, version)) if version == endpoint.version => {
                self.outbox.disable(self.id, version, reason, self.clock.now()).await?;
                Ok(true)
            }
            // Decided on what has been changed since: another URL, say, or switched on again.
            _ => Ok(false),
        }
    }

    /// Records the lines as deliveries, and the new cursor, in one step; returns the cursor.
    fn take(&self, reading: &Reading, window: &Window) -> Result<i64, Unavailable> {
        let mut progress = self.storage.progress()?;
        let now = progress.taken_at.map_or(self.clock.now(), |before| before.max(self.clock.now()));
        let read_to = read_to(reading, window);
        let deliveries: Vec<Delivery> =
            reading.lines.iter().flat_map(|line| wanted(line, &reading.endpoint, now)).collect();
        if deliveries.is_empty() && progress.cursor == Some(read_to) {
            return Ok(read_to);
        }
        progress.cursor = Some(read_to);
        if !deliveries.is_empty() {
            progress.taken_at = Some(now);
        }
        self.storage.take(&deliveries, &progress, window.since)?;
        Ok(read_to)
    }

    /// One after the other, in order: a receiver gets first attempts as they were committed.
    async fn attempt_all(
        &self,
        due: Vec<Delivery>,
        reading: &Reading,
        ends_at: Timestamp,
        random: &mut impl Random,
    ) -> Result<(), Unavailable> {
        let lines = self.lines_of(&due, reading).await?;
        for delivery in due {
            if self.clock.now() >= ends_at {
                break;
            }
            let (attempt, asked) = self.attempt(&delivery, &lines, &reading.endpoint).await;
            let progress = judge(self.storage.progress()?, &attempt, reading.endpoint.version, self.clock.now());
            self.storage.record(&delivery.after(attempt, asked, random), &progress)?;
            if progress.disabling.is_some_and(|(_, version)| version == reading.endpoint.version) {
                break;
            }
        }
        Ok(())
    }

    /// The lines that deliveries are about: those just read, and the older ones from the outbox.
    async fn lines_of(&self, due: &[Delivery], reading: &Reading) -> Result<Vec<Line>, Unavailable> {
        let mut lines = reading.lines.clone();
        let mut missing: Vec<i64> = due.iter().filter_map(position).collect();
        missing.retain(|position| lines.iter().all(|line| line.position != *position));
        missing.dedup();
        if !missing.is_empty() {
            lines.extend(self.outbox.lines(&reading.endpoint, &missing).await?);
        }
        Ok(lines)
    }

    async fn attempt(&self, delivery: &Delivery, lines: &[Line], endpoint: &Endpoint) -> (Attempt, Option<i64>) {
        let began = self.clock.now();
        if self.targets.check(&endpoint.url, &endpoint.own_host).is_err() {
            return (Attempt::unanswered(began, 0, AttemptError::TargetNotAllowed), None);
        }
        let Some(body) = body(delivery, lines) else {
            return (Attempt::unanswered(began, 0, AttemptError::EventExpired), None);
        };
        let post = signed(delivery, endpoint, body, began);
        let answer = self.transport.post(&post).await;
        let now = self.clock.now();
        let duration = now.milliseconds().saturating_sub(began.milliseconds()).max(0);
        match answer {
            Ok(answer) => {
                let asked = answer.retry_after.and_then(|header| retry_after(&header, now));
                (Attempt::answered(began, duration, answer.status), asked)
            }
            Err(PostFailure::TimedOut) => (Attempt::unanswered(began, duration, AttemptError::Timeout), None),
            Err(PostFailure::Unreachable) => (Attempt::unanswered(began, duration, AttemptError::Unreachable), None),
        }
    }
}

/// How far a reading has come: to its last line if there may be more, else to the end of its window.
fn read_to(reading: &Reading, window: &Window) -> i64 {
    let from = window.after.unwrap_or(i64::MIN).max(reading.endpoint.starts_after);
    let from = reading.next.map_or(from, |next| from.max(next - 1));
    match reading.lines.last() {
        Some(last) if reading.lines.len() >= window.limit => last.position,
        // A head before the cursor is one that a restore has set back: what comes after it is new.
        _ => from.saturating_add(window.span).min(reading.head),
    }
}

/// The deliveries of a line's messages that the endpoint wants.
fn wanted<'a>(line: &'a Line, endpoint: &'a Endpoint, now: Timestamp) -> impl Iterator<Item = Delivery> + 'a {
    let messages = line.messages.iter().enumerate().filter(|(_, message)| endpoint.events.wants(&message.kind));
    messages.filter_map(move |(index, _)| Delivery::of_line(line, index, now))
}

fn position(delivery: &Delivery) -> Option<i64> {
    match delivery.source {
        Source::Line { position, .. } => Some(position),
        Source::Ping => None,
    }
}

fn signed(delivery: &Delivery, endpoint: &Endpoint, body: String, now: Timestamp) -> Post {
    let signatures = sign(&endpoint.signing_secrets(now), &delivery.id, now, &body);
    Post {
        url: endpoint.url.clone(),
        headers: vec![
            ("webhook-id", delivery.id.clone()),
            ("webhook-timestamp", signatures.timestamp.to_string()),
            ("webhook-signature", signatures.standard),
            ("x-affonso-signature", signatures.affonso),
        ],
        body,
    }
}

/// What an attempt says about the endpoint itself. An event that has expired says nothing about it.
fn judge(progress: Progress, attempt: &Attempt, version: i64, now: Timestamp) -> Progress {
    match attempt.error {
        Some(AttemptError::EventExpired) => progress,
        None => Progress { failing: None, disabling: None, ..progress },
        Some(_) => {
            let known = progress.failing.filter(|(_, seen)| *seen == version);
            let (since, _) = known.unwrap_or((attempt.at, version));
            let reason = if attempt.status == Some(GONE) {
                Some(DisabledReason::Gone)
            } else {
                has_failed_too_long(since, now).then_some(DisabledReason::OnlyFailures)
            };
            Progress { failing: Some((since, version)), disabling: reason.map(|reason| (reason, version)), ..progress }
        }
    }
}
