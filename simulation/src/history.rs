//! The history: what clients asked, under which ids the Worker passed it on, and what they were told. The checks judge the
//! rows by it alone.
//!
//! State: all calls of a run, each with its attempts.

use std::cell::{Ref, RefCell};
use std::collections::BTreeSet;

use attribution::ids::ReferralId;
use attribution::ledger::{Answer, Rejection};
use attribution::payout::Payout;
use attribution::referral::Click;

use crate::body::Body;

/// What a client was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The click is recorded.
    Click(Box<Click>),
    /// What the command came to.
    Decided(Box<Answer>),
    /// Where a payout is.
    Payout(Box<Payout>),
    /// The payout cannot be what it was to be.
    PayoutRefused,
    /// Why it was refused.
    Rejected(Rejection),
    /// To come back.
    TryLater(String),
}

/// One try of a client's.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// As the Worker named it.
    pub request_id: String,
    /// Ids that the Worker minted for it.
    pub minted: BTreeSet<String>,
    /// When the client sent it.
    pub began: i64,
    /// When the client heard, and what. `None`: it never did.
    pub told: Option<(i64, Told)>,
}

/// A call with all its attempts.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked.
    pub body: Body,
    /// The `Idempotency-Key`.
    pub key: Option<String>,
    /// Every try.
    pub attempts: Vec<Attempt>,
}

/// Names an attempt: its call's place and its own.
pub type AttemptName = (usize, usize);

/// See the module.
#[derive(Default)]
pub struct History {
    calls: RefCell<Vec<Call>>,
    clicks: RefCell<Vec<ReferralId>>,
    jobs: RefCell<BTreeSet<String>>,
}

impl History {
    /// A new call.
    pub fn add(&self, body: Body, key: Option<String>) -> usize {
        self.calls.borrow_mut().push(Call { body, key, attempts: Vec::new() });
        self.calls.borrow().len() - 1
    }

    /// Every call so far.
    pub fn calls(&self) -> Ref<'_, Vec<Call>> {
        self.calls.borrow()
    }

    /// The call at this place, without its attempts.
    pub fn call(&self, place: usize) -> Option<(Body, Option<String>)> {
        self.calls.borrow().get(place).map(|call| (call.body.clone(), call.key.clone()))
    }

    /// Clicks that were acknowledged so far.
    pub fn clicks(&self) -> Ref<'_, Vec<ReferralId>> {
        self.clicks.borrow()
    }

    /// Requests that scheduled jobs made.
    pub fn jobs(&self) -> BTreeSet<String> {
        self.jobs.borrow().clone()
    }

    /// A scheduled job makes a request.
    pub fn note_job(&self, request_id: &str) {
        self.jobs.borrow_mut().insert(request_id.to_owned());
    }

    /// An attempt begins.
    pub fn begin(&self, place: usize, request_id: &str, now: i64) -> AttemptName {
        let mut calls = self.calls.borrow_mut();
        let Some(call) = calls.get_mut(place) else { return (place, 0) };
        let request_id = request_id.to_owned();
        call.attempts.push(Attempt { request_id, minted: BTreeSet::new(), began: now, told: None });
        (place, call.attempts.len() - 1)
    }

    /// The Worker minted an id.
    pub fn mint(&self, name: AttemptName, id: &str) {
        self.change(name, |attempt| {
            attempt.minted.insert(id.to_owned());
        });
    }

    /// The client heard.
    pub fn tell(&self, name: AttemptName, now: i64, told: Told) {
        if let Told::Click(click) = &told {
            let mut clicks = self.clicks.borrow_mut();
            if !clicks.contains(&click.id) {
                clicks.push(click.id.clone());
            }
        }
        self.change(name, |attempt| attempt.told = Some((now, told)));
    }

    fn change(&self, (place, attempt): AttemptName, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.calls.borrow_mut().get_mut(place).and_then(|call| call.attempts.get_mut(attempt)) {
            change(attempt);
        }
    }
}
