//! The rows of payouts, as the database keeps them: what `worker/src/store/payout/` does in SQL. A payout's lines are rows of
//! its commissions' batches; every other write of it is guarded by the version and the lines that it was decided on.
//!
//! State: one row per payout.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use attribution::edits::EditLine;
use attribution::ids::{AffiliateId, PayoutId, ReferralId};
use attribution::ledger::{Change, Event, Step};
use attribution::payout::{Payout, Tally, Work, least_payable};
use attribution::sale::Commission;
use attribution::status::{CommissionStatus, PayoutStatus};

use crate::breakage::Breakage;
use crate::crash_point::CrashPoint;
use crate::database::Database;

/// See the module.
#[derive(Default)]
pub struct PayoutRows(RefCell<BTreeMap<PayoutId, Payout>>);

impl PayoutRows {
    /// All of them.
    pub fn all(&self) -> BTreeMap<PayoutId, Payout> {
        self.0.borrow().clone()
    }

    /// Those with work to do.
    pub fn at_work(&self) -> Vec<PayoutId> {
        self.0.borrow().values().filter(|payout| payout.work.is_some()).map(|payout| payout.id.clone()).collect()
    }

    /// Those that stand, and may end.
    pub fn standing(&self) -> Vec<PayoutId> {
        let payouts = self.0.borrow();
        let may_end = |payout: &&Payout| payout.work.is_none() && payout.status.may_become(PayoutStatus::Completed);
        payouts.values().filter(may_end).map(|payout| payout.id.clone()).collect()
    }

    /// Whether a batch adds lines to payouts only that are being gathered.
    pub fn take(&self, batch: &[Change]) -> bool {
        let payouts = self.0.borrow();
        let is_gathered =
            |payout: &Payout| (payout.status, payout.work) == (PayoutStatus::Pending, Some(Work::Gathering));
        batch.iter().all(|change| match change {
            Change::AddPayoutLine(line) => payouts.get(&line.payout_id).is_some_and(is_gathered),
            _ => true,
        })
    }
}

impl Database {
    /// Affiliates with commissions that are ready.
    pub fn with_ready(&self) -> Vec<AffiliateId> {
        self.commissions(|row| row.status == CommissionStatus::ReadyForPayment, |row| row.affiliate_id.clone())
    }

    /// What an affiliate has ready, if that is enough for a payout.
    pub fn payable(&self, affiliate: &AffiliateId) -> Option<i64> {
        let rows = self.rows.borrow();
        let ready = rows.commissions.values().filter(|row| {
            let is_ready = row.status == CommissionStatus::ReadyForPayment && row.deleted_at.is_none();
            is_ready && row.affiliate_id == *affiliate
        });
        let sum = ready.filter_map(|row| row.amount_minor).sum();
        (sum >= least_payable(self.threshold())).then_some(sum)
    }

    /// Stores a payout that has just been begun, with its line, unless its affiliate has one in the making; says whether.
    pub fn begin_payout(&self, payout: &Payout, line: &EditLine) -> bool {
        let mut payouts = self.payouts.0.borrow_mut();
        if payouts.values().any(|other| other.is_being_made() && other.affiliate_id == payout.affiliate_id) {
            return false;
        }
        let invoice_number = payouts.values().map(|other| other.invoice_number).max().unwrap_or(0) + 1;
        payouts.insert(payout.id.clone(), Payout { invoice_number, ..payout.clone() });
        self.append(line, payout.version);
        true
    }

    /// A payout with what it comes to.
    pub fn tally(&self, id: &PayoutId) -> Option<Tally> {
        let payout = self.payouts.0.borrow().get(id).cloned()?;
        let rows = self.rows.borrow();
        let lines = rows.payout_lines.iter().filter(|(of, ..)| of == id);
        let sum_minor = lines.clone().map(|(.., minor)| minor).sum();
        let lines = i64::try_from(lines.count()).unwrap_or(i64::MAX);
        Some(Tally { payout, sum_minor, lines, threshold_minor: self.threshold() })
    }

    /// Referrals with commissions that take a payout's step, at most so many.
    pub fn that_take(&self, payout: &Payout, step: &Step, limit: usize) -> Vec<ReferralId> {
        let is_ready = |row: &Commission| {
            row.status == CommissionStatus::ReadyForPayment && row.affiliate_id == payout.affiliate_id
        };
        let is_in = |row: &Commission| is_in(row, &payout.id);
        let takes = |row: &Commission| if matches!(step, Step::Gather { .. }) { is_ready(row) } else { is_in(row) };
        let mut referrals = self.commissions(takes, |row| row.referral_id.clone());
        referrals.truncate(limit);
        referrals
    }

    /// Writes what has become of a payout, while its version and its lines are those of `before`.
    pub fn save_payout(&self, before: &Tally, after: &Payout, line: &EditLine) -> Result<(), String> {
        let now = self.tally(&after.id).ok_or("the payout has been removed")?;
        let read = (before.payout.version, before.lines, before.sum_minor);
        if read != (now.payout.version, now.lines, now.sum_minor) && !self.scene.breaks(Breakage::PayoutSavedAnyhow) {
            self.scene.hit(CrashPoint::PayoutSavedByOthers);
            return Err("the payout is not what it was".to_owned());
        }
        self.payouts.0.borrow_mut().insert(after.id.clone(), after.clone());
        self.append(line, after.version);
        Ok(())
    }

    /// Ends the settling, or removes a payout that was given up; false while commissions are in it.
    pub fn settle_payout(&self, payout: &Payout) -> bool {
        let mut payouts = self.payouts.0.borrow_mut();
        let Some(stored) = payouts.get_mut(&payout.id).filter(|stored| stored.work == Some(Work::Settling)) else {
            return payouts.get(&payout.id).is_none_or(|stored| stored.work.is_none());
        };
        let is_left = |row: &Commission| {
            if payout.is_given_up() { row.payout_id.as_ref() == Some(&payout.id) } else { is_in(row, &payout.id) }
        };
        if self.rows.borrow().commissions.values().any(is_left) {
            return false;
        }
        match (payout.is_given_up(), stored.is_given_up()) {
            (true, true) => {
                payouts.remove(&payout.id);
                self.change_rows(|rows| rows.payout_lines.retain(|(of, ..)| *of != payout.id));
            }
            (false, false) => stored.work = None,
            _ => return false,
        }
        true
    }

    /// Something of every commission for which something holds, each once.
    fn commissions<T: Ord>(&self, holds: impl Fn(&Commission) -> bool, take: impl Fn(&Commission) -> T) -> Vec<T> {
        let rows = self.rows.borrow();
        let there = rows.commissions.values().filter(|row| row.deleted_at.is_none() && holds(row));
        there.map(take).collect::<BTreeSet<T>>().into_iter().collect()
    }

    /// Less is not paid out.
    fn threshold(&self) -> i64 {
        self.rules.of_version(self.rules.version()).map_or(0, |rules| rules.threshold_minor)
    }

    fn append(&self, line: &EditLine, version: i64) {
        let line = Event {
            subject: line.subject.clone(),
            seq: version,
            kind: line.kind,
            reason: line.reason,
            detail: line.detail.clone(),
            messages: line.messages.clone(),
            actor: line.by.actor.clone(),
            request_id: line.by.request_id.clone(),
            rules_version: self.rules.version(),
            at: line.by.at,
        };
        self.scene.note(|| format!("database  writes {} of {} {:?}", line.kind, line.subject, line.detail));
        self.change_rows(|rows| rows.events.push(line));
    }
}

fn is_in(row: &Commission, payout: &PayoutId) -> bool {
    row.status == CommissionStatus::ProcessingPayout && row.payout_id.as_ref() == Some(payout)
}
