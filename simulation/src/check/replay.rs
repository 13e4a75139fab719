//! The replay: every command that was committed is carried out once more, alone, without faults, in the order of the
//! commits, on rows of its own. Each has to write the same batch again: whatever raced with it, it has done what it would
//! have done had nobody else been there. At the end the rows are the same.
//!
//! A batch is fenced by what it writes, and not by what it only read: a sale that nobody is credited with claims no name, so
//! that its customer may become known while it is on its way. Such a batch is what its command would have written some
//! commits earlier, while it was on its way; and what it writes is what it read.
//!
//! Keeps no state.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use attribution::ids::{AffiliateId, ProgramId, ReferralId};
use attribution::ledger::{
    Change, Clicks, Configuration, Event, Ledger, NotCommitted, Pause, Query, State, Store, Unavailable,
};
use attribution::memory::Rows;
use attribution::program::{Affiliate, Program};
use attribution::referral::{Click, Scope};

use super::{Evidence, Problems};
use crate::commits::Commit;
use crate::objects::IDENTITY_SECRET;
use crate::rules::RuleBook;

/// The world as one command alone finds it: some rows, and the rules and the rates that it was decided on.
struct Solitude<'a> {
    evidence: &'a Evidence<'a>,
    commit: &'a Commit,
    rules_version: i64,
    rows: Rc<Rows>,
    written: RefCell<String>,
}

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut rows = evidence.commits.first().map_or_else(Rc::default, |commit| Rc::clone(&commit.before));
    let mut past: Vec<Rc<Rows>> = Vec::new();
    for (place, commit) in evidence.commits.iter().enumerate() {
        past.push(Rc::clone(&rows));
        let line = commit.lines().next();
        let after = rows.after(&commit.scope, &commit.batch, line.map(|line| line.rules_version));
        // A call that changes nothing may still keep its answer.
        if let Some(line) = line {
            check_version(line, commit, problems);
            let way =
                evidence.commits.iter().take(place + 1).rev().take_while(|other| other.at >= line.at.milliseconds());
            let earlier = past.iter().rev().take(way.count() + 1);
            let said = format!("{:?}", commit.batch);
            let alone = |rows: &Rc<Rows>| Solitude::of(evidence, commit, line, rows).execute(line);
            problems.unless(after.is_ok() && earlier.map(alone).any(|due| due == said), || {
                let difference = difference(&said, &alone(&rows));
                format!("line {} of {} alone would be otherwise: {difference}", line.seq, line.subject)
            });
        }
        // What cannot be written once more was not written as a database writes.
        rows = after.map_or_else(|_| Rc::clone(&commit.after), Rc::new);
    }
    // Rates and payouts are written beside the commits.
    let (rates, mut events) = (evidence.rows.rates.clone(), evidence.rows.events.clone());
    events.retain(|line| !line.kind.starts_with("payout."));
    let mut expected = Rows { rates, ..(*rows).clone() };
    expected.payout_lines.retain(|(payout, ..)| evidence.payouts.contains_key(payout));
    let actual = Rows { events, ..(*evidence.rows).clone() };
    problems.unless(expected == actual, || format!("the rows are not what the lines {}", whose(&expected, &actual)));
}

/// What was decided under other rules than those in force is not written.
fn check_version(line: &Event, commit: &Commit, problems: &mut Problems) {
    let (said, due) = (line.rules_version, commit.rules_version);
    problems.unless(said == due, || {
        format!("line {} of {} was decided under rules {said} and should have been under {due}", line.seq, line.subject)
    });
}

impl<'a> Solitude<'a> {
    fn of(evidence: &'a Evidence<'_>, commit: &'a Commit, line: &Event, rows: &Rc<Rows>) -> Self {
        let (rules_version, rows) = (line.rules_version, Rc::clone(rows));
        Self { evidence, commit, rules_version, rows, written: RefCell::default() }
    }

    /// The batch that the command writes, or why it writes none.
    fn execute(&self, line: &Event) -> String {
        let ledger =
            Ledger { store: self, configuration: self, clicks: self, pause: self, identity_secret: IDENTITY_SECRET };
        let work = pin!(ledger.execute(&self.commit.order.command, None, line.at));
        match work.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(_)) => self.written.take(),
            Poll::Ready(Err(failure)) => failure.to_string(),
            Poll::Pending => "nothing here waits".to_owned(),
        }
    }

    fn rules(&self) -> &RuleBook {
        self.evidence.rules
    }
}

impl Store for Solitude<'_> {
    async fn load(&self, query: &Query) -> Result<State, Unavailable> {
        let mut state = self.rows.read(query);
        if query.rates.is_some() {
            let published = self.evidence.rows.rates.iter();
            state.rates = published.take(self.commit.order.quotations).cloned().collect();
        }
        Ok(state)
    }

    async fn commit(&self, scope: &Scope, changes: &[Change]) -> Result<(), NotCommitted> {
        let after = self.rows.after(scope, changes, Some(self.rules_version));
        after.map_err(|why| NotCommitted(why.to_owned()))?;
        *self.written.borrow_mut() = format!("{changes:?}");
        Ok(())
    }
}

impl Configuration for Solitude<'_> {
    async fn program(&self, _id: &ProgramId, _fresh: bool) -> Result<Option<Program>, Unavailable> {
        Ok(self.rules().program(self.rules_version))
    }

    async fn affiliate(&self, id: &AffiliateId, _fresh: bool) -> Result<Option<Affiliate>, Unavailable> {
        Ok(self.rules().affiliate(id, self.rules_version))
    }
}

impl Clicks for Solitude<'_> {
    fn find(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        Ok(self.evidence.click(id).cloned())
    }
}

impl Pause for Solitude<'_> {
    async fn before(&self, _attempt: u32) {}
}

/// Where two texts begin to differ.
fn difference(one: &str, other: &str) -> String {
    let place = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| {
        let (from, to) = (place.saturating_sub(60), (place + 60).min(text.len()));
        text.get(from..to).unwrap_or_default().to_owned()
    };
    format!("…{}… and …{}…", around(one), around(other))
}

/// The table in which two databases differ.
fn whose(one: &Rows, other: &Rows) -> &'static str {
    if one.referrals != other.referrals {
        "say of referrals"
    } else if one.identities != other.identities {
        "say of names"
    } else if one.conversions != other.conversions {
        "say of sales"
    } else if one.commissions != other.commissions {
        "say of commissions"
    } else if one.payout_lines != other.payout_lines {
        "say of payouts"
    } else {
        "say"
    }
}
