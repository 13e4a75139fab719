//! The history: what clients asked, under which ids the Worker passed it on, and what they were told. The checks judge the
//! rows by it alone.
//!
//! State: all calls of a run, each with its attempts.

use std::cell::{Ref, RefCell};
use std::collections::BTreeSet;

use attribution::ids::{AffiliateId, PayoutId, ReferralId};
use attribution::ledger::{Answer, Rejection};
use attribution::referral::Click;
use attribution::status::{ReferralStatus, SalesStatus};

/// What a client asks. A repeat has the same body.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A visit.
    Click {
        /// Who is credited.
        affiliate: AffiliateId,
        /// Days before the call at which it was, where the caller dates it.
        days_ago: Option<u32>,
    },
    /// A sign-up.
    SignUp {
        /// The click.
        click: ReferralId,
        /// The merchant's user id.
        user: Option<String>,
        /// The address.
        email: Option<String>,
        /// Whether a key vouches for it.
        verified: bool,
        /// Whether a customer beyond a lead is refused.
        only_leads: bool,
    },
    /// A direct referral.
    Direct {
        /// Who is credited.
        affiliate: AffiliateId,
        /// The address.
        email: String,
        /// The billing customer.
        customer: Option<String>,
        /// The click that it comes from.
        click: Option<ReferralId>,
        /// How far the customer has come.
        status: ReferralStatus,
    },
    /// A sale.
    Sale {
        /// The referral that is named.
        referral: Option<ReferralId>,
        /// The click that is named.
        click: Option<ReferralId>,
        /// The user that is named.
        user: Option<String>,
        /// The billing customer that is named.
        customer: Option<String>,
        /// The key by which the same sale is recognised.
        key: Option<String>,
        /// What was paid, in minor units.
        minor: i64,
        /// Where the purchase is.
        status: SalesStatus,
    },
    /// A refund.
    Refund {
        /// The sale's key.
        sale: String,
        /// What is paid back, in minor units; all that remains if there is none.
        minor: Option<i64>,
        /// The key by which the same refund is recognised.
        key: Option<String>,
        /// Whether it may come before its sale.
        may_wait: bool,
    },
    /// A person pays out what an affiliate has earned by a referral.
    PayOut {
        /// The referral.
        referral: ReferralId,
        /// Who is paid.
        affiliate: AffiliateId,
        /// The payout.
        payout: PayoutId,
    },
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The click is recorded.
    Click(Box<Click>),
    /// What the command came to.
    Decided(Box<Answer>),
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
