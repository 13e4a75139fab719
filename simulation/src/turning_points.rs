//! Which crash point a batch is, by what it holds and whose it is.
//!
//! Keeps no state.

use attribution::decision::Reason;
use attribution::ledger::{Change, Event};
use attribution::memory::Rows;
use attribution::referral::Scope;
use attribution::sale::Commission;
use attribution::status::{CommissionKind, CommissionStatus};

use crate::batches;
use crate::commits::Commit;
use crate::crash_point::CrashPoint;
use crate::database::Database;
use crate::executor::Life;

fn lines(batch: &[Change]) -> impl Iterator<Item = &Event> {
    batch.iter().filter_map(|change| match change {
        Change::AppendEvent(event) => Some(&**event),
        _ => None,
    })
}

/// Whether a sale was priced with what a cap had left.
pub fn is_capped(batch: &[Change]) -> bool {
    lines(batch).any(|line| line.detail.contains_key("cap"))
}

impl Database {
    /// A batch was committed.
    pub(crate) fn note_commit(&self, from: Life, commit: &Commit) {
        let of_payout = [Reason::CommissionsGathered, Reason::CommissionsPaid, Reason::PayoutEnded];
        if self.scene.is_dead(from) && commit.lines().any(|line| of_payout.contains(&line.reason)) {
            self.scene.hit(CrashPoint::PayoutLandsAfterItsObjectDied);
        }
        if commit.lines().any(|line| line.reason == Reason::PayoutEnded) {
            self.scene.hit(CrashPoint::PayoutReleased);
        }
        for change in &commit.batch {
            match change {
                Change::InsertCommission(row) if row.kind == CommissionKind::Clawback => {
                    let is_paid = commit.takes_back_of_paid(row);
                    self.scene.hit(if is_paid { CrashPoint::RefundAfterPayout } else { CrashPoint::RefundInPayout });
                }
                Change::InsertConversion(sale) => {
                    let came_meanwhile = commit.order.quotations < commit.before.rates.len();
                    if came_meanwhile && sale.decision.reason == Reason::MissingRate {
                        self.scene.hit(CrashPoint::RateArrivesMeanwhile);
                    }
                }
                Change::UpdateConversion(sale) => {
                    let is_settled = commit.lines().any(|line| line.reason == Reason::RateArrived);
                    if is_settled && sale.decision.reason == Reason::CapReached {
                        self.scene.hit(CrashPoint::CapUsedUpMeanwhile);
                    }
                }
                _ => {}
            }
        }
    }

    /// A batch was refused.
    pub(crate) fn note_refusal(&self, why: &str, is_late: bool, scope: &Scope, batch: &[Change]) {
        let rows = self.rows.borrow();
        let place = |key: &str| (scope.program_id.clone(), scope.is_test, key.to_owned());
        let sold_before = batches::sale_keys(batch).any(|key| rows.sale_keys.contains_key(&place(key)));
        if is_late {
            self.scene.hit(CrashPoint::LateCommitRefused);
        }
        if lines(batch).any(|line| line.reason == Reason::RefundExpired) && why.contains("subject") {
            self.scene.hit(CrashPoint::ExpiryMeetsItsSale);
        }
        if why.contains("seq") {
            self.fenced.set(self.fenced.get() + 1);
            self.scene.hit(CrashPoint::FenceRefused);
            self.note_fenced(&rows, batch);
        } else if why.contains("sale key") {
            self.scene.hit(if sold_before { CrashPoint::SaleKeyTaken } else { CrashPoint::IdentityTaken });
        } else if why.contains("rules_version") {
            self.scene.hit(CrashPoint::RulesMovedOn);
        } else if why.contains("payout") {
            self.scene.hit(CrashPoint::GatheredTooLate);
        }
    }

    fn note_fenced(&self, rows: &Rows, batch: &[Change]) {
        if is_capped(batch) {
            self.scene.hit(CrashPoint::SalesRaceForTheCap);
        }
        if lines(batch).any(|line| line.detail.contains_key("status_before")) {
            self.scene.hit(CrashPoint::EditFenced);
        }
        let is_reassigned = |change: &Change| {
            let Change::InsertConversion(sale) = change else { return false };
            rows.referrals.get(&sale.referral_id).is_some_and(|stored| stored.affiliate_id != sale.affiliate_id)
        };
        if batch.iter().any(is_reassigned) {
            self.scene.hit(CrashPoint::SaleMeetsReassignment);
        }
    }
}

impl Commit {
    /// Whether what a clawback takes back had been paid, and was not merely in a payout.
    fn takes_back_of_paid(&self, clawback: &Commission) -> bool {
        let is_paid = |row: &&Commission| row.status == CommissionStatus::Paid && row.level == clawback.level;
        let of_sale = self.before.commissions.values().filter(|row| row.conversion_id == clawback.conversion_id);
        of_sale.filter(|row| row.kind != CommissionKind::Clawback).any(|row| is_paid(&row))
    }
}
