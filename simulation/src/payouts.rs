//! Payouts: a person pays an affiliate out, and says later how it ended; a job goes on with what was left half done. A
//! payout is a row of its own; its commissions enter and leave it through the gates of their referrals.
//!
//! State: the rows of payouts; each change of one is a guarded write.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use attribution::fixtures;
use attribution::ids::{AffiliateId, PayoutId, ReferralId};
use attribution::ledger::{Change, Command, Context, MoveCommissions, Step};
use attribution::payout::{Payout, Work, is_payable};
use attribution::sale::Commission;
use attribution::status::{CommissionStatus, PayoutStatus};
use attribution::time::{Clock as _, Timestamp};

use crate::body::Body;
use crate::database::{Database, Kind};
use crate::edge::{Edge, Incoming};
use crate::history::Told;

/// The rows.
#[derive(Default)]
pub struct Payouts(RefCell<BTreeMap<PayoutId, Payout>>);

/// Who carries a payout on.
pub trait Cashier {
    /// Lets a referral's commissions take a step; the error says why to come back.
    async fn pass(&self, referral: &ReferralId, step: &Step) -> Result<(), String>;

    /// Asks the database.
    async fn ask<T: 'static>(
        &self,
        kind: Kind,
        work: impl FnOnce(&Database) -> Result<T, String> + 'static,
    ) -> Result<T, String>;

    /// Carries a payout on until nothing is left to do.
    async fn carry_on(&self, id: &PayoutId) -> Result<(), String> {
        loop {
            let wanted = id.clone();
            let Some(payout) = self.ask(Kind::Read, move |database| Ok(database.payouts.find(&wanted))).await? else {
                return Ok(());
            };
            let Some(step) = step_of(&payout) else { return Ok(()) };
            let (wanted, taking) = (payout.clone(), step.clone());
            let referrals = move |database: &Database| Ok(database.that_take(&taking, &wanted));
            let mut why = None;
            for referral in self.ask(Kind::Read, referrals).await? {
                why = self.pass(&referral, &step).await.err();
                if why.is_some() {
                    break;
                }
            }
            // Others may have brought it further meanwhile.
            let (before, is_done) = (payout.clone(), why.is_none());
            let has_moved = self.ask(Kind::Other, move |database| Ok(database.end_stretch(&before, is_done))).await?;
            if let Some(why) = why.filter(|_| !has_moved) {
                return Err(why);
            }
        }
    }
}

/// What a payout's commissions do, if anything.
fn step_of(payout: &Payout) -> Option<Step> {
    let payout_id = payout.id.clone();
    Some(match (payout.work?, payout.status) {
        (Work::Gathering, _) => Step::Gather { payout_id, affiliate_id: payout.affiliate_id.clone() },
        (Work::Settling, PayoutStatus::Completed) => Step::Pay { payout_id },
        (Work::Settling, _) => Step::Release { payout_id },
    })
}

impl Payouts {
    /// All of them.
    pub fn all(&self) -> BTreeMap<PayoutId, Payout> {
        self.0.borrow().clone()
    }

    /// The payout as it is now.
    pub fn find(&self, id: &PayoutId) -> Option<Payout> {
        self.0.borrow().get(id).cloned()
    }

    /// Those with work to do.
    pub fn at_work(&self) -> Vec<PayoutId> {
        self.0.borrow().values().filter(|payout| payout.work.is_some()).map(|payout| payout.id.clone()).collect()
    }

    /// Those that stand, and may end.
    pub fn pending(&self) -> Vec<PayoutId> {
        let payouts = self.0.borrow();
        let may_end = |payout: &&Payout| payout.work.is_none() && payout.status.may_become(PayoutStatus::Completed);
        payouts.values().filter(may_end).map(|payout| payout.id.clone()).collect()
    }

    /// Whether a batch adds lines to payouts only that are being gathered.
    pub fn take(&self, batch: &[Change]) -> bool {
        let payouts = self.0.borrow();
        batch.iter().all(|change| match change {
            Change::AddPayoutLine(line) => {
                payouts.get(&line.payout_id).is_some_and(|payout| payout.work == Some(Work::Gathering))
            }
            _ => true,
        })
    }

    fn begin(&self, id: &PayoutId, affiliate: &AffiliateId, now: Timestamp) {
        let mut payouts = self.0.borrow_mut();
        let invoice_number = i64::try_from(payouts.len()).unwrap_or(i64::MAX) + 1;
        payouts.entry(id.clone()).or_insert_with(|| Payout {
            id: id.clone(),
            scope: fixtures::scope(),
            affiliate_id: affiliate.clone(),
            invoice_number,
            currency: fixtures::program().currency,
            status: PayoutStatus::Pending,
            work: Some(Work::Gathering),
            payment_method: None,
            payment_reference: None,
            processed_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        });
    }

    /// Writes a payout that is still as it was `before`.
    fn save(&self, before: &Payout, status: PayoutStatus, work: Option<Work>) -> bool {
        let mut payouts = self.0.borrow_mut();
        let Some(stored) = payouts.get_mut(&before.id).filter(|stored| stored.version == before.version) else {
            return false;
        };
        *stored = Payout { status, work, version: stored.version + 1, ..stored.clone() };
        true
    }
}

impl Database {
    /// Referrals with a commission that takes the step.
    fn that_take(&self, step: &Step, payout: &Payout) -> BTreeSet<ReferralId> {
        let takes = |row: &&Commission| match step {
            Step::Gather { affiliate_id, .. } => {
                row.status == CommissionStatus::ReadyForPayment && row.affiliate_id == *affiliate_id
            }
            _ => row.status == CommissionStatus::ProcessingPayout && row.payout_id.as_ref() == Some(&payout.id),
        };
        let rows = self.rows.borrow();
        let standing = rows.commissions.values().filter(|row| row.deleted_at.is_none());
        standing.filter(takes).map(|row| row.referral_id.clone()).collect()
    }

    /// Where all referrals have taken the step, the payout stands, is given up, or is done with. Says whether it is no longer
    /// as it was.
    fn end_stretch(&self, payout: &Payout, have_all_passed: bool) -> bool {
        if have_all_passed && payout.work == Some(Work::Settling) {
            let is_done = step_of(payout).is_some_and(|step| self.that_take(&step, payout).is_empty());
            if is_done {
                self.payouts.save(payout, payout.status, None);
            }
        } else if have_all_passed {
            self.count(payout);
        }
        self.payouts.find(&payout.id).as_ref() != Some(payout)
    }

    /// What was gathered is paid out, or is too little.
    fn count(&self, payout: &Payout) {
        let rows = self.rows.borrow();
        let lines = rows.payout_lines.iter().filter(|(of, ..)| *of == payout.id);
        let sum = lines.map(|(_, _, minor)| minor).sum();
        let threshold = self.rules.of_version(self.rules.version()).map_or(0, |rules| rules.threshold_minor);
        if is_payable(sum, threshold) {
            self.payouts.save(payout, PayoutStatus::Pending, None);
        } else {
            self.payouts.save(payout, PayoutStatus::Cancelled, Some(Work::Settling));
        }
    }

    /// What a person says of a payout; `None` where that cannot follow.
    fn end_payout(&self, id: &PayoutId, status: PayoutStatus) -> Option<Payout> {
        let payout = self.payouts.find(id)?;
        if payout.status != status {
            let may_end = payout.work.is_none() && payout.status.may_become(status);
            let ends = status != PayoutStatus::Processing;
            if !may_end || !self.payouts.save(&payout, status, ends.then_some(Work::Settling)) {
                return None;
            }
        }
        self.payouts.find(id)
    }
}

/// A person's attempt.
struct ByHand<'a>(&'a Edge, &'a Incoming<'a>);

impl Cashier for ByHand<'_> {
    async fn pass(&self, referral: &ReferralId, step: &Step) -> Result<(), String> {
        let Self(edge, incoming) = self;
        let context = Context { idempotency: None, ..incoming.context(true) };
        let step = step.clone();
        let command = MoveCommissions { context, referral_id: referral.clone(), scope: fixtures::scope(), step };
        match edge.execute(incoming, Command::MoveCommissions(command)).await {
            Told::TryLater(why) => Err(why),
            _ => Ok(()),
        }
    }

    async fn ask<T: 'static>(
        &self,
        kind: Kind,
        work: impl FnOnce(&Database) -> Result<T, String> + 'static,
    ) -> Result<T, String> {
        self.0.database.request(None, kind, work).await
    }
}

impl Edge {
    /// Carries out one attempt of a payout.
    pub(crate) async fn pay_out(&self, incoming: &Incoming<'_>) -> Told {
        let Body::PayOut { affiliate, payout } = incoming.body else { return Told::TryLater("no payout".to_owned()) };
        let (id, affiliate, now) = (payout.clone(), affiliate.clone(), self.scene.now());
        let begin = move |database: &Database| {
            database.payouts.begin(&id, &affiliate, now);
            Ok(())
        };
        match self.database.request(None, Kind::Other, begin).await {
            Ok(()) => self.finish(incoming, payout).await,
            Err(away) => Told::TryLater(away),
        }
    }

    /// Carries out one attempt of a payout's end.
    pub(crate) async fn end_payout(&self, incoming: &Incoming<'_>) -> Told {
        let Body::EndPayout { payout, status } = incoming.body else { return Told::TryLater("no payout".to_owned()) };
        let (id, status) = (payout.clone(), *status);
        let end = move |database: &Database| Ok(database.end_payout(&id, status));
        match self.database.request(None, Kind::Other, end).await {
            Ok(Some(_)) => self.finish(incoming, payout).await,
            Ok(None) => Told::PayoutRefused,
            Err(away) => Told::TryLater(away),
        }
    }

    async fn finish(&self, incoming: &Incoming<'_>, payout: &PayoutId) -> Told {
        if let Err(why) = ByHand(self, incoming).carry_on(payout).await {
            return Told::TryLater(why);
        }
        let id = payout.clone();
        match self.database.request(None, Kind::Read, move |database| Ok(database.payouts.find(&id))).await {
            Ok(Some(payout)) => Told::Payout(Box::new(payout)),
            Ok(None) => Told::PayoutRefused,
            Err(away) => Told::TryLater(away),
        }
    }
}
