//! What a change of a referral makes of the commissions that it has: declined with it, up for approval again, or another
//! affiliate's. Source: docs/rules.md, sections 7 and 9.
//!
//! What was paid, or is in a payout, stays as it is, and so does what takes back what was paid.

use super::View;
use super::edit_commission::room_under_cap;
use crate::decision::Reason;
use crate::ids::{AffiliateId, CommissionId};
use crate::referral::Referral;
use crate::sale::{Commission, Conversion};
use crate::status::{CommissionKind, CommissionStatus, ReferralStatus};
use crate::transitions::Mover;

/// A commission and its sale, before and after a change.
pub(super) struct Entry<'a> {
    before: &'a Commission,
    sale_before: Option<&'a Conversion>,
    /// The commission after it.
    pub commission: Commission,
    /// Its sale after it.
    pub sale: Option<Conversion>,
}

impl Entry<'_> {
    fn is_changed(&self) -> bool {
        self.commission != *self.before || self.sale.as_ref() != self.sale_before
    }

    /// Whether it was earned by the sale itself, by the sign-up, or named by the owner.
    fn is_direct(&self) -> bool {
        matches!(self.before.kind, CommissionKind::Sale | CommissionKind::Lead | CommissionKind::Manual)
    }

    fn turn(&mut self, status: CommissionStatus, reason: Reason) {
        self.commission.status = status;
        self.commission.hold_until = None;
        self.commission.reason = reason;
    }
}

/// All commissions of a referral.
pub(super) struct Commissions<'a> {
    entries: Vec<Entry<'a>>,
    /// Those that have become another affiliate's.
    pub moved: Vec<CommissionId>,
}

impl<'a> Commissions<'a> {
    /// As they are stored, oldest first.
    pub fn of(view: &View<'a>) -> Self {
        let mut entries: Vec<Entry<'_>> =
            view.state.commissions.iter().map(|(commission, sale)| entry(commission, sale.as_ref())).collect();
        entries.sort_by(|one, other| {
            (one.before.created_at, &one.before.id).cmp(&(other.before.created_at, &other.before.id))
        });
        Self { entries, moved: Vec::new() }
    }

    /// Those that the change has touched, each with its sale.
    pub fn changed(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(|entry| entry.is_changed())
    }

    /// The sales that the change has touched.
    pub fn changed_sales(&self) -> impl Iterator<Item = &Conversion> {
        let changed = self.entries.iter().filter(|entry| entry.sale.as_ref() != entry.sale_before);
        changed.filter_map(|entry| entry.sale.as_ref())
    }

    /// What they add to all that `affiliate` may keep by the customer, in minor units.
    pub fn total(&self, affiliate: &AffiliateId) -> i64 {
        self.entries.iter().map(|entry| entry.commission.counted_minor(affiliate)).sum()
    }

    /// Rejecting or removing a referral declines what is not paid; a release puts what was declined so up for approval.
    pub fn follow_status(&mut self, before: &Referral, after: &Referral, view: &View<'_>) {
        if before.status == after.status {
            return;
        }
        match after.status {
            ReferralStatus::Rejected => self.decline(Reason::ReferralRejected),
            ReferralStatus::Deleted => self.decline(Reason::ReferralDeleted),
            _ if before.status.holds_identities() => {}
            _ => self.release(after, view),
        }
    }

    fn decline(&mut self, reason: Reason) {
        for entry in &mut self.entries {
            let is_owed = entry.before.kind != CommissionKind::Clawback;
            if is_owed && entry.commission.status.may_become(CommissionStatus::Declined, Mover::Person) {
                entry.turn(CommissionStatus::Declined, reason);
            }
        }
    }

    /// Others may have used the room under a cap meanwhile: what does not fit stays declined, and so do its levels.
    fn release(&mut self, after: &Referral, view: &View<'_>) {
        let mut total = self.total(&after.affiliate_id);
        for entry in self.entries.iter_mut().filter(|entry| entry.is_direct() && is_rejected(&entry.commission)) {
            let amount = entry.commission.amount().map_or(0, |amount| amount.minor);
            let room = room_under_cap(&entry.commission, &after.affiliate_id, total, view);
            if room.is_some_and(|room| amount > room) {
                continue;
            }
            put_up_for_approval(entry);
            total += entry.commission.counted_minor(&after.affiliate_id);
        }
        let standing = self.directs(|entry| entry.commission.status.counts());
        let released = |entry: &&mut Entry<'_>| {
            entry.before.kind == CommissionKind::Level && is_rejected(&entry.commission) && is_of(entry, &standing)
        };
        for level in self.entries.iter_mut().filter(released) {
            level.turn(CommissionStatus::PendingManualApproval, Reason::ReferralReleased);
        }
    }

    /// Gives what is not paid yet to another affiliate. Levels go with the commission that they were earned by.
    pub fn move_unpaid(&mut self, from: &AffiliateId, to: &AffiliateId) {
        for entry in &mut self.entries {
            let status = entry.commission.status;
            let is_open = !status.is_paid_out() && status != CommissionStatus::Refunded;
            if entry.is_direct() && is_open && entry.commission.affiliate_id == *from {
                entry.commission.affiliate_id = to.clone();
                if let Some(sale) = &mut entry.sale {
                    sale.affiliate_id = to.clone();
                }
                self.moved.push(entry.before.id.clone());
            }
        }
        let moved = self.directs(|entry| self.moved.contains(&entry.before.id));
        for level in self.entries.iter_mut().filter(|entry| is_of(entry, &moved)) {
            let may_decline = level.commission.status.may_become(CommissionStatus::Declined, Mover::Person);
            if level.before.kind == CommissionKind::Level && may_decline {
                level.turn(CommissionStatus::Declined, Reason::ReferralReassigned);
            }
        }
    }

    /// The sales of those direct commissions for which something holds.
    fn directs(&self, holds: impl Fn(&Entry<'_>) -> bool) -> Vec<String> {
        let directs = self.entries.iter().filter(|entry| entry.is_direct() && holds(entry));
        directs.filter_map(|entry| Some(entry.before.conversion_id.as_ref()?.as_str().to_owned())).collect()
    }
}

fn entry<'a>(commission: &'a Commission, sale: Option<&'a Conversion>) -> Entry<'a> {
    Entry { before: commission, sale_before: sale, commission: commission.clone(), sale: sale.cloned() }
}

fn is_of(entry: &Entry<'_>, sales: &[String]) -> bool {
    entry.before.conversion_id.as_ref().is_some_and(|id| sales.iter().any(|sale| sale == id.as_str()))
}

/// Whether it was declined because its referral was rejected.
fn is_rejected(commission: &Commission) -> bool {
    commission.status == CommissionStatus::Declined && commission.reason == Reason::ReferralRejected
}

/// Without an amount it waits for its rate as before, and for approval after that.
fn put_up_for_approval(entry: &mut Entry<'_>) {
    if entry.commission.amount_minor.is_some() {
        entry.turn(CommissionStatus::PendingManualApproval, Reason::ReferralReleased);
        return;
    }
    entry.turn(CommissionStatus::Pending, Reason::MissingRate);
    if let Some(terms) = entry.sale.as_mut().and_then(|sale| sale.decision.awaiting.as_mut()) {
        terms.status = CommissionStatus::PendingManualApproval;
    }
}
