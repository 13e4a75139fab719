//! An outbox, a receiver, a clock and an alarm in memory, and a sender among them. Know no rule.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use serde_json::json;

use super::storage::Rows;
use crate::fixtures::scope;
use crate::ids::{Random, WebhookEndpointId};
use crate::ledger::Unavailable;
use crate::messages::Message;
use crate::scheduler::Alarm;
use crate::time::Clock;
use crate::time::Timestamp;
use crate::webhooks::{
    Disabled, DisabledReason, Endpoint, EventFilter, Line, Outbox, Post, PostFailure, PostResult, Reading, Secret,
    Sender, Standing, TargetPolicy, Transport, Window,
};

/// What a receiver does with one request.
#[derive(Clone, Debug)]
pub enum Answer {
    Status(u16),
    RetryAfter(u16, &'static str),
    Nothing(PostFailure),
}

/// The time of day, in milliseconds.
#[derive(Default)]
pub struct Watch(pub Cell<i64>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.0.get())
    }
}

#[derive(Default)]
pub struct Bell(pub RefCell<Vec<Option<i64>>>);

impl Bell {
    pub fn armed_for(&self) -> Option<i64> {
        self.0.borrow().last().copied().flatten()
    }
}

impl Alarm for Bell {
    async fn arm(&self, at: Option<Timestamp>) -> Result<(), Unavailable> {
        self.0.borrow_mut().push(at.map(Timestamp::milliseconds));
        Ok(())
    }
}

/// The database's part.
pub struct Ledger {
    pub endpoint: RefCell<Option<Endpoint>>,
    pub lines: RefCell<Vec<Line>>,
    pub head: Cell<i64>,
    /// Between an epoch's last position and the one that the next begins after.
    pub gap: Cell<Option<(i64, i64)>>,
    pub is_away: Cell<bool>,
    pub reads: Cell<u32>,
}

/// The position behind this one.
pub fn next_position(after: i64, gap: Option<(i64, i64)>) -> i64 {
    match gap {
        Some((last, begins_after)) if (last..begins_after).contains(&after) => begins_after + 1,
        _ => after.max(0) + 1,
    }
}

impl Ledger {
    fn reach(&self) -> Result<(), Unavailable> {
        self.reads.set(self.reads.get() + 1);
        if self.is_away.get() { Err(Unavailable("away".into())) } else { Ok(()) }
    }
}

impl Outbox for Ledger {
    async fn read(&self, _: &WebhookEndpointId, window: &Window) -> Result<Option<Reading>, Unavailable> {
        self.reach()?;
        let Some(endpoint) = self.endpoint.borrow().clone() else { return Ok(None) };
        let from = window.after.unwrap_or(i64::MIN).max(endpoint.starts_after);
        let lines = self.lines.borrow();
        let next = (from < self.head.get()).then(|| next_position(from, self.gap.get()));
        let first = next.map_or(from, |next| next - 1);
        let lines = lines
            .iter()
            .filter(|line| line.position > first && line.position <= first + window.span && line.at >= window.since)
            .take(window.limit)
            .cloned()
            .collect();
        Ok(Some(Reading { endpoint, head: self.head.get(), next, lines }))
    }

    async fn lines(&self, _: &Endpoint, positions: &[i64]) -> Result<Vec<Line>, Unavailable> {
        self.reach()?;
        Ok(self.lines.borrow().iter().filter(|line| positions.contains(&line.position)).cloned().collect())
    }

    async fn disable(
        &self,
        _: &WebhookEndpointId,
        version: i64,
        reason: DisabledReason,
        at: Timestamp,
    ) -> Result<(), Unavailable> {
        self.reach()?;
        if let Some(endpoint) = self.endpoint.borrow_mut().as_mut().filter(|endpoint| endpoint.version == version) {
            endpoint.disabled = Some(Disabled { at, reason });
            endpoint.version += 1;
        }
        Ok(())
    }
}

/// Answers as it is told, then 200 for ever. Each answer takes a hundred milliseconds.
#[derive(Default)]
pub struct Receiver {
    pub answers: RefCell<VecDeque<Answer>>,
    pub always: RefCell<Option<Answer>>,
    pub posts: RefCell<Vec<(i64, Post)>>,
}

/// Everything around one sender.
pub struct Scene {
    pub id: WebhookEndpointId,
    pub ledger: Ledger,
    pub rows: Rows,
    pub receiver: Receiver,
    pub watch: Watch,
    pub bell: Bell,
    pub woken: Cell<bool>,
}

struct Wire<'a>(&'a Scene);

impl Transport for Wire<'_> {
    async fn post(&self, post: &Post) -> Result<PostResult, PostFailure> {
        let Scene { receiver, watch, .. } = self.0;
        receiver.posts.borrow_mut().push((watch.0.get(), post.clone()));
        watch.0.set(watch.0.get() + 100);
        let told = receiver.answers.borrow_mut().pop_front();
        match told.or_else(|| receiver.always.borrow().clone()).unwrap_or(Answer::Status(200)) {
            Answer::Status(status) => Ok(PostResult { status, retry_after: None }),
            Answer::RetryAfter(status, header) => Ok(PostResult { status, retry_after: Some(header.into()) }),
            Answer::Nothing(failure) => Err(failure),
        }
    }
}

/// Makes jitter nothing.
struct Even;

impl Random for Even {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&200_u32.to_be_bytes());
    }
}

pub fn endpoint() -> Endpoint {
    Endpoint {
        id: WebhookEndpointId::new("whe_1"),
        scope: scope(),
        url: "https://hooks.example.com/".into(),
        own_host: "api.example.com".into(),
        events: EventFilter::everything(),
        description: None,
        secret: Secret::stored("whsec_c2VjcmV0".into()),
        previous_secrets: Vec::new(),
        disabled: None,
        starts_after: 0,
        version: 1,
        created_at: Timestamp::from_milliseconds(0),
        updated_at: Timestamp::from_milliseconds(0),
    }
}

impl Scene {
    pub fn new() -> Self {
        Self {
            id: WebhookEndpointId::new("whe_1"),
            ledger: Ledger {
                endpoint: RefCell::new(Some(endpoint())),
                lines: RefCell::default(),
                head: Cell::new(0),
                gap: Cell::new(None),
                is_away: Cell::new(false),
                reads: Cell::new(0),
            },
            rows: Rows::default(),
            receiver: Receiver::default(),
            watch: Watch::default(),
            bell: Bell::default(),
            woken: Cell::new(false),
        }
    }

    /// Commits a line with messages of these types, after so many lines of others.
    pub fn commit(&self, others: i64, kinds: &[&str]) {
        let position = self.ledger.head.get() + others + 1;
        let message = |kind: &&str| Message { kind: (*kind).to_owned(), data: json!({ "n": position }) };
        self.ledger.head.set(position);
        self.ledger.lines.borrow_mut().push(Line {
            position,
            subject: "ref_1".into(),
            seq: position,
            at: self.watch.now(),
            messages: kinds.iter().map(message).collect(),
        });
    }

    pub fn change(&self, change: impl FnOnce(&mut Endpoint)) {
        let mut endpoint = self.ledger.endpoint.borrow_mut();
        let endpoint = endpoint.as_mut().unwrap();
        change(endpoint);
        endpoint.version += 1;
    }

    pub fn answer(&self, answers: &[Answer]) {
        self.receiver.answers.borrow_mut().extend(answers.iter().cloned());
    }

    /// What the alarm does.
    pub fn run(&self) -> Result<Standing, Unavailable> {
        let sender = Sender {
            id: &self.id,
            outbox: &self.ledger,
            storage: &self.rows,
            transport: &Wire(self),
            clock: &self.watch,
            alarm: &self.bell,
            targets: &TargetPolicy { allow_loopback: false },
        };
        pollster::block_on(sender.run(&mut Even, || self.woken.take()))
    }

    /// Lets time pass to each alarm in turn, until none is armed or this moment comes.
    pub fn live_until(&self, end: i64) {
        while let Some(at) = self.bell.armed_for().filter(|at| *at <= end) {
            self.watch.0.set(self.watch.0.get().max(at));
            // An error is for the log.
            let _ = self.run();
        }
    }

    /// `n` of the data of each post, in order.
    pub fn received(&self) -> Vec<i64> {
        let number = |(_, post): &(i64, Post)| {
            let body: serde_json::Value = serde_json::from_str(&post.body).unwrap();
            body["data"]["n"].as_i64().unwrap()
        };
        self.receiver.posts.borrow().iter().map(number).collect()
    }

    /// The header of each post, in order.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let value = |(_, post): &(i64, Post)| {
            post.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()).unwrap()
        };
        self.receiver.posts.borrow().iter().map(value).collect()
    }
}
