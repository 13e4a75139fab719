//! The database: D1 as it can be. Requests take their time, get lost, are applied with their answer lost, or are applied
//! long after they were given up; whoever sent them may be dead by then. A batch is applied whole or not at all.
//!
//! State: the rows ([`attribution::memory::Rows`]), which take and refuse batches as the real schema does, the counts of
//! clicks, and sales that are nobody's. Every request is a task of its own: it outlives the object that sent it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use attribution::ids::ReferralId;
use attribution::ledger::{Change, Query, State};
use attribution::memory::Rows;
use attribution::referral::Scope;
use attribution::shard::ClickCount;

use crate::batches;
use crate::breakage::Breakage;
use crate::commits::{Commit, Commits, Order};
use crate::crash_point::CrashPoint;
use crate::disk::CountKey;
use crate::executor::Life;
use crate::letter::{Sender, letter};
use crate::payouts::Payouts;
use crate::rules::RuleBook;
use crate::scene::Scene;
use crate::subscriber::Subscriber;

/// See the module.
pub struct Database {
    /// Time, chance, faults.
    pub scene: Rc<Scene>,
    /// The program's rules.
    pub rules: RuleBook,
    /// The endpoint, and the receiver behind it.
    pub subscriber: Rc<Subscriber>,
    /// The payouts.
    pub payouts: Payouts,
    /// What was written, in its order.
    pub commits: Commits,
    pub(crate) rows: RefCell<Rc<Rows>>,
    counts: RefCell<BTreeMap<(u16, CountKey), i64>>,
    unattributed: RefCell<BTreeMap<String, String>>,
    away_until: Cell<i64>,
    deciders: RefCell<BTreeMap<(u16, ReferralId), u64>>,
    /// What a job has found, by the referral; looked at only where that is built wrong.
    pub(crate) found: RefCell<BTreeMap<ReferralId, State>>,
    /// Batches that the fence refused.
    pub fenced: Cell<u32>,
}

/// What a request is: some are only counted as crash points when they are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A look-up.
    Read,
    /// A command's batch.
    Commit,
    /// A shard's counts.
    Counts,
    /// A sale that is nobody's.
    Other,
}

/// How a request fares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Normal,
    Lost,
    AnswerLost,
    AppliedLate,
}

impl Database {
    /// An empty one.
    pub fn empty(scene: Rc<Scene>) -> Self {
        Self {
            rules: RuleBook::draw(&scene.chance),
            subscriber: Rc::new(Subscriber::new(Rc::clone(&scene))),
            scene,
            payouts: Payouts::default(),
            commits: Commits::default(),
            rows: RefCell::default(),
            counts: RefCell::default(),
            unattributed: RefCell::default(),
            away_until: Cell::new(0),
            deciders: RefCell::default(),
            found: RefCell::default(),
            fenced: Cell::new(0),
        }
    }

    /// All rows as they are now.
    pub fn rows(&self) -> Rc<Rows> {
        Rc::clone(&self.rows.borrow())
    }

    /// Clicks by shard and hour.
    pub fn counts(&self) -> BTreeMap<(u16, CountKey), i64> {
        self.counts.borrow().clone()
    }

    /// Whether a sale is kept as nobody's under this key.
    pub fn keeps_unattributed(&self, key: &str) -> bool {
        self.unattributed.borrow().contains_key(key)
    }

    /// Sends `work` to the database and waits for its answer; the error says why there is none.
    pub async fn request<T: 'static>(
        self: &Rc<Self>,
        from: Option<Life>,
        kind: Kind,
        work: impl FnOnce(&Self) -> Result<T, String> + 'static,
    ) -> Result<T, String> {
        let (answer, waiting) = letter();
        let request = Rc::clone(self).carry(from, kind, work, answer);
        self.scene.executor.spawn(None, request);
        waiting.await.unwrap_or_else(|_| Err("the connection was lost".to_owned()))
    }

    async fn carry<T>(
        self: Rc<Self>,
        from: Option<Life>,
        kind: Kind,
        work: impl FnOnce(&Self) -> Result<T, String>,
        answer: Sender<Result<T, String>>,
    ) {
        let scene = Rc::clone(&self.scene);
        let fate = self.draw_fate();
        if self.perhaps_doom(from, kind) {
            scene.wait(20, 3_000).await;
        }
        self.travel().await;
        if self.is_away() {
            scene.hit(CrashPoint::DatabaseAway);
            return answer.send(Err("the database is away".to_owned()));
        }
        match fate {
            Fate::Lost => {
                if kind == Kind::Commit {
                    scene.hit(CrashPoint::CommitLost);
                }
                answer.send(Err("lost before it was applied".to_owned()));
            }
            Fate::AppliedLate => {
                answer.send(Err("no answer in time".to_owned()));
                scene.wait(1, 15_000).await;
                if work(&self).is_ok() && kind == Kind::Commit {
                    scene.hit(CrashPoint::CommitLandsAfterItsError);
                }
            }
            Fate::Normal | Fate::AnswerLost => {
                let result = work(&self);
                let applied = result.is_ok();
                let was_awaited = answer.is_awaited();
                self.perhaps_doom(from, kind);
                self.travel().await;
                if applied && was_awaited && !answer.is_awaited() && from.is_some() {
                    self.note_orphan(kind);
                }
                if applied && fate == Fate::AnswerLost && kind == Kind::Commit {
                    scene.hit(CrashPoint::CommitAnswerLost);
                }
                let lost = fate == Fate::AnswerLost;
                answer.send(if lost { Err("lost after it was applied".to_owned()) } else { result });
            }
        }
    }

    /// Lets an object die at the moment that hurts most: what it decided is under way, and the next instance will know
    /// nothing of it.
    fn perhaps_doom(&self, from: Option<Life>, kind: Kind) -> bool {
        let Some(life) = from.filter(|_| matches!(kind, Kind::Commit | Kind::Counts)) else { return false };
        let dies = self.scene.chance.hits(self.scene.faults.rates().kill_in_flight);
        if dies {
            self.scene.doom(life);
        }
        dies
    }

    fn note_orphan(&self, kind: Kind) {
        match kind {
            Kind::Commit => self.scene.hit(CrashPoint::AfterCommitBeforeItsAnswerIsKept),
            Kind::Counts => self.scene.hit(CrashPoint::CountsStoredNotNoted),
            Kind::Read | Kind::Other => {}
        }
    }

    fn draw_fate(&self) -> Fate {
        let (chance, rates) = (&self.scene.chance, self.scene.faults.rates());
        if chance.hits(rates.away) {
            self.away_until.set(self.scene.executor.now() + i64::from(chance.between(100, 9_000)));
        }
        if chance.hits(rates.request_lost) {
            Fate::Lost
        } else if chance.hits(rates.answer_lost) {
            Fate::AnswerLost
        } else if chance.hits(rates.applied_late) {
            Fate::AppliedLate
        } else {
            Fate::Normal
        }
    }

    fn is_away(&self) -> bool {
        let is_away = self.away_until.get() > self.scene.executor.now();
        is_away && self.scene.faults.rates().away > 0
    }

    async fn travel(&self) {
        let (chance, rates) = (&self.scene.chance, self.scene.faults.rates());
        let longest = if chance.hits(rates.slow) { 4_000 } else { 25 };
        self.scene.wait(1, longest).await;
    }

    /// Reads what a command asks for.
    pub fn load(&self, from: Life, query: &Query) -> (State, usize) {
        query.referrals.iter().for_each(|id| self.note_decider(from, id));
        let rows = self.rows();
        (self.as_found(query, rows.read(query)), rows.rates.len())
    }

    /// Writes a batch.
    pub fn commit(&self, from: Life, order: Order, scope: &Scope, batch: &[Change]) -> Result<(), String> {
        let is_late = batches::referrals(batch).any(|id| self.was_overtaken(from, id));
        let (before, rules_version) = (self.rows(), self.rules.version());
        let result = if self.payouts.take(batch) || self.scene.breaks(Breakage::PayoutLineWithoutGuard) {
            batches::apply(&self.scene, &mut self.rows.borrow_mut(), scope, batch, rules_version)
        } else {
            Err("the payout is not being gathered")
        };
        if let Err(why) = result {
            self.scene.note(|| format!("database  refuses a batch of {from:?}: {why}"));
            self.note_refusal(why, is_late, scope, batch);
            return Err(why.to_owned());
        }
        self.scene.note(|| format!("database  commits a batch of {from:?}: {}", batches::in_words(batch)));
        let after = self.rows();
        let commit = Commit { order, scope: scope.clone(), batch: batch.to_vec(), rules_version, before, after };
        self.note_commit(from, &commit);
        self.commits.add(commit);
        if is_late {
            self.scene.hit(CrashPoint::CommitLandsAfterTheNextDecided);
        }
        for key in batches::sale_keys(batch) {
            self.unattributed.borrow_mut().remove(key);
        }
        Ok(())
    }

    /// Remembers which life of a shard was the last to look at a referral.
    fn note_decider(&self, life: Life, id: &ReferralId) {
        let mut deciders = self.deciders.borrow_mut();
        let last = deciders.entry((life.shard, id.clone())).or_default();
        *last = life.number.max(*last);
    }

    fn was_overtaken(&self, life: Life, id: &ReferralId) -> bool {
        self.deciders.borrow().get(&(life.shard, id.clone())).is_some_and(|last| *last > life.number)
    }

    /// Stores a shard's counts; a smaller one than is stored changes nothing.
    pub fn store_counts(&self, shard: u16, counts: &[ClickCount]) {
        let mut stored = self.counts.borrow_mut();
        for ClickCount { program_id, affiliate_id, is_test, hour, clicks, .. } in counts {
            let key = (shard, (program_id.clone(), affiliate_id.clone(), *is_test, *hour));
            let old = stored.entry(key).or_default();
            if *clicks < *old {
                self.scene.hit(CrashPoint::OldCountsArriveLate);
            }
            if self.scene.breaks(Breakage::CountsAdded) {
                *old += clicks;
            } else if self.scene.breaks(Breakage::CountsReplaced) {
                *old = *clicks;
            } else {
                *old = (*old).max(*clicks);
            }
        }
    }

    /// Keeps a sale that is nobody's, under its key.
    pub fn keep_unattributed(&self, key: &str, request_id: &str) {
        self.unattributed.borrow_mut().entry(key.to_owned()).or_insert_with(|| request_id.to_owned());
    }
}
