//! Which crash point a batch is, by what it holds and whose it is.
//!
//! Keeps no state.

use attribution::decision::Reason;
use attribution::ledger::{Change, Event};
use attribution::referral::Scope;

use crate::batches;
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
    pub(crate) fn note_commit(&self, from: Life, batch: &[Change]) {
        let is_payout = lines(batch).any(|line| line.reason == Reason::CommissionsPaid);
        if is_payout && self.scene.is_dead(from) {
            self.scene.hit(CrashPoint::PayoutLandsAfterItsObjectDied);
        }
        let takes_back = |change: &Change| matches!(change, Change::InsertCommission(row) if row.reason == Reason::PaidCommissionClawedBack);
        if batch.iter().any(takes_back) {
            self.scene.hit(CrashPoint::RefundAfterPayout);
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
            if is_capped(batch) {
                self.scene.hit(CrashPoint::SalesRaceForTheCap);
            }
        } else if why.contains("sale key") {
            self.scene.hit(if sold_before { CrashPoint::SaleKeyTaken } else { CrashPoint::IdentityTaken });
        } else if why.contains("rules_version") {
            self.scene.hit(CrashPoint::RulesMovedOn);
        }
    }
}
