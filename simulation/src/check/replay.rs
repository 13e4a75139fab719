//! The replay: every command that was committed is carried out once more, alone, without faults, in the order of the
//! commits, on rows of its own. Each has to write the same batch again: whatever raced with it, it has done what it would
//! have done had nobody else been there. At the end the rows are the same.
//!
//! State: the rows of the replay.

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use attribution::ids::{AffiliateId, ProgramId, ReferralId};
use attribution::ledger::{
    Change, Clicks, Configuration, Failure, Ledger, NotCommitted, Pause, Query, State, Store, Unavailable,
};
use attribution::memory::Rows;
use attribution::program::{Affiliate, Program};
use attribution::referral::{Click, Scope};

use super::{Evidence, Problems};
use crate::commits::Commit;
use crate::objects::IDENTITY_SECRET;
use crate::rules::RuleBook;

/// The world as one command alone finds it: the rows before it, the rules and the rates that it was decided on.
struct Solitude<'a> {
    evidence: &'a Evidence<'a>,
    commit: &'a Commit,
    rules_version: i64,
    rows: Rc<Rows>,
    written: RefCell<String>,
    after: RefCell<Option<Rc<Rows>>>,
}

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut rows = evidence.commits.first().map_or_else(Rc::default, |commit| Rc::clone(&commit.before));
    for commit in evidence.commits {
        // A call that changes nothing may still keep its answer.
        let Some(line) = commit.lines().next() else {
            rows = rows.after(&commit.scope, &commit.batch, None).map_or_else(|_| Rc::clone(&commit.after), Rc::new);
            continue;
        };
        problems.unless(line.rules_version == commit.rules_version, || {
            let (said, due) = (line.rules_version, commit.rules_version);
            format!(
                "line {} of {} was decided under rules {said} and should have been under {due}",
                line.seq, line.subject
            )
        });
        let alone = Solitude {
            evidence,
            commit,
            rules_version: line.rules_version,
            rows: Rc::clone(&rows),
            written: RefCell::default(),
            after: RefCell::default(),
        };
        let outcome = alone.execute(line.at);
        let (due, said) = (alone.written.take(), format!("{:?}", commit.batch));
        problems.unless(due == said, || {
            let difference = difference(&said, &due);
            format!("line {} of {} alone would be otherwise ({outcome:?}): {difference}", line.seq, line.subject)
        });
        rows = alone.after.take().filter(|_| due == said).unwrap_or_else(|| Rc::clone(&commit.after));
    }
    let rates = evidence.rows.rates.clone();
    let same = Rows { rates, ..(*rows).clone() } == *evidence.rows;
    problems.unless(same, || format!("the rows are not what the lines {}", whose(&rows, &evidence.rows)));
}

impl Solitude<'_> {
    fn execute(&self, now: attribution::time::Timestamp) -> Result<(), Failure> {
        let ledger =
            Ledger { store: self, configuration: self, clicks: self, pause: self, identity_secret: IDENTITY_SECRET };
        let work = pin!(ledger.execute(&self.commit.order.command, None, now));
        match work.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done.map(|_| ()),
            Poll::Pending => Err(Unavailable("nothing here waits".to_owned()).into()),
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
        *self.after.borrow_mut() = Some(Rc::new(after.map_err(|why| NotCommitted(why.to_owned()))?));
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
