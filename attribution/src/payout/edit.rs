//! What a person makes of a payout. The table of its statuses: docs/rules.md, section 7.

use super::{Payout, Work};
use crate::status::PayoutStatus;
use crate::time::Timestamp;

/// What a person makes of a payout. `None` keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutEdit {
    /// Where it is to be.
    pub status: PayoutStatus,
    /// How it was paid.
    pub payment_method: Option<String>,
    /// What the payment is called elsewhere.
    pub payment_reference: Option<String>,
}

/// Why nothing can be made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutRefusal {
    /// Its commissions are still being collected.
    Gathering,
    /// That status does not follow this one.
    NoSuchTransition {
        /// Where it is.
        from: PayoutStatus,
        /// Where it was to be.
        to: PayoutStatus,
    },
}

impl Payout {
    /// The payout after an edit; `None` where it is so already. What ends it is then told to its commissions.
    pub fn edited(&self, edit: &PayoutEdit, now: Timestamp) -> Result<Option<Self>, PayoutRefusal> {
        if self.is_being_made() {
            return Err(PayoutRefusal::Gathering);
        }
        let (from, to) = (self.status, edit.status);
        let moves = from != to;
        if moves && !from.may_become(to) {
            return Err(PayoutRefusal::NoSuchTransition { from, to });
        }
        let mut edited = self.clone();
        if moves {
            edited.status = to;
            let ends = matches!(to, PayoutStatus::Completed | PayoutStatus::Failed | PayoutStatus::Cancelled);
            edited.work = ends.then_some(Work::Settling);
            edited.processed_at = (to == PayoutStatus::Completed).then_some(now);
        }
        edited.payment_method = edit.payment_method.clone().or(edited.payment_method);
        edited.payment_reference = edit.payment_reference.clone().or(edited.payment_reference);
        Ok((edited != *self).then(|| edited.changed(now)))
    }
}
