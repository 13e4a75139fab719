//! The checks: what must hold of rows and disks, judged by the history alone.
//!
//! Keeps no state.

mod answers;
mod clicks;
mod messages;
mod payouts;
mod progress;
mod referrals;
mod refunds;
mod replay;
mod sales;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use attribution::ids::{PayoutId, ReferralId};
use attribution::memory::Rows;
use attribution::payout::Payout;
use attribution::referral::Click;

use crate::commits::Commit;
use crate::disk::{CountKey, Tables};
use crate::history::{Attempt, Call, Told};
use crate::rules::RuleBook;
use crate::world::World;

/// What is judged, and by what.
pub struct Evidence<'a> {
    /// Every call.
    pub calls: Vec<Call>,
    /// The database's rows.
    pub rows: Rc<Rows>,
    /// The payouts.
    pub payouts: BTreeMap<PayoutId, Payout>,
    /// What was written, in its order.
    pub commits: &'a [Commit],
    /// The disks of the shards.
    pub disks: Vec<Tables>,
    /// The database's counts.
    pub counts: BTreeMap<(u16, CountKey), i64>,
    /// What the subscriber received, by the message's id.
    pub received: BTreeMap<String, Vec<String>>,
    /// The rules.
    pub rules: &'a RuleBook,
    /// Requests of scheduled jobs.
    pub jobs: BTreeSet<String>,
    /// When this is judged, in milliseconds.
    pub now: i64,
    /// Whether a refused sale is kept as nobody's.
    pub keeps_unattributed: Box<dyn Fn(&str) -> bool + 'a>,
}

/// What is wrong.
#[derive(Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Notes a problem unless all is well.
    pub fn unless(&mut self, is_well: bool, problem: impl FnOnce() -> String) {
        if !is_well {
            self.0.push(problem());
        }
    }
}

impl Evidence<'_> {
    /// Every attempt with its call.
    pub fn attempts(&self) -> impl Iterator<Item = (&Call, &Attempt)> {
        self.calls.iter().flat_map(|call| call.attempts.iter().map(move |attempt| (call, attempt)))
    }

    /// The attempt that the Worker called so.
    pub fn by_request(&self, request_id: &str) -> Option<(&Call, &Attempt)> {
        self.attempts().find(|(_, attempt)| attempt.request_id == request_id)
    }

    /// The click that is stored under this id.
    pub fn click(&self, id: &ReferralId) -> Option<&Click> {
        self.disks.iter().flat_map(|tables| &tables.clicks).find(|click| click.id == *id).map(|click| &**click)
    }

    /// Whether a person has changed a referral.
    pub fn was_edited(&self, id: &ReferralId) -> bool {
        let is_edit = |call: &Call| call.body.edited_referral() == Some(id);
        self.calls.iter().any(|call| is_edit(call) && !call.attempts.is_empty())
    }

    /// What was answered, with the call that asked.
    pub fn answers(&self) -> impl Iterator<Item = (&Call, &Attempt, &Told)> {
        self.attempts().filter_map(|(call, attempt)| Some((call, attempt, &attempt.told.as_ref()?.1)))
    }
}

/// Everything that is wrong with the world as it is.
pub fn everything(world: &World) -> Vec<String> {
    let evidence = Evidence {
        calls: world.history.calls().clone(),
        rows: world.database.rows(),
        payouts: world.database.payouts.all(),
        commits: &world.database.commits.all(),
        disks: world.objects.disks().iter().map(|disk| disk.durable()).collect(),
        counts: world.database.counts(),
        received: world.database.subscriber.received(),
        rules: &world.database.rules,
        jobs: world.history.jobs(),
        now: world.scene.executor.now(),
        keeps_unattributed: Box::new(|key| world.database.keeps_unattributed(key)),
    };
    let mut problems = Problems::default();
    clicks::check(&evidence, &mut problems);
    referrals::check(&evidence, &mut problems);
    sales::check(&evidence, &mut problems);
    steps::check(&evidence, &mut problems);
    replay::check(&evidence, &mut problems);
    payouts::check(&evidence, &mut problems);
    refunds::check(&evidence, &mut problems);
    progress::check(&evidence, &mut problems);
    answers::check(&evidence, &mut problems);
    messages::check(&evidence, &mut problems);
    check_calm(world, &evidence, &mut problems);
    problems.0
}

/// Without faults, or once they have ended, nobody is asked to come back; and no batch fails on the fence where all
/// commands came through one gate.
fn check_calm(world: &World, evidence: &Evidence<'_>, problems: &mut Problems) {
    let are_none = world.scene.faults.are_none;
    for (call, attempt, told) in evidence.answers() {
        let is_calm = are_none || world.faults_ended_at().is_some_and(|end| attempt.began > end);
        let is_well = !is_calm || !matches!(told, Told::TryLater(_));
        problems.unless(is_well, || format!("without faults {:?} got {told:?}", call.body));
    }
    let fenced = world.database.fenced.get();
    problems.unless(!are_none || !world.scenario.is_orderly || fenced == 0, || {
        format!("without faults, and through one gate each, {fenced} batches failed on the fence")
    });
}
