//! Transitions: a status only ever follows one that it may follow, by whoever may make it so; and what was removed, or paid,
//! stays as it is.
//!
//! Keeps no state.

use attribution::sale::Commission;
use attribution::status::CommissionStatus;
use attribution::transitions::Mover;

use super::Step;
use crate::check::Problems;

/// See the module.
pub fn check(step: &Step<'_>, problems: &mut Problems) {
    let mover = mover(step);
    if let Some(before) = step.before {
        let (from, to) = (before.status, step.after.status);
        problems.unless(from == to || from.may_become(to, mover), || {
            format!("{} makes the referral {} out of {}", step.name(), to.as_str(), from.as_str())
        });
    }
    for sale in step.sales() {
        let Some(before) = step.sale_before(&sale.id) else { continue };
        let (from, to) = (before.sales_status, sale.sales_status);
        problems.unless(from == to || from.may_become(to, mover), || {
            format!("{} makes sale {} {} out of {}", step.name(), sale.id, to.as_str(), from.as_str())
        });
    }
    for commission in step.commissions() {
        if let Some(before) = step.commission_before(&commission.id) {
            check_commission(step, before, commission, mover, problems);
        }
    }
}

fn check_commission(step: &Step<'_>, before: &Commission, after: &Commission, mover: Mover, problems: &mut Problems) {
    let (from, to, id) = (before.status, after.status, &after.id);
    problems.unless(from == to || from.may_become(to, mover), || {
        format!("{} makes commission {id} {} out of {}", step.name(), to.as_str(), from.as_str())
    });
    let has_amount = after.amount_minor.is_some();
    problems.unless(has_amount || matches!(to, CommissionStatus::Pending | CommissionStatus::Declined), || {
        format!("{} makes commission {id} {}, and it has no amount", step.name(), to.as_str())
    });
    problems.unless(before.deleted_at.is_none() || before == after, || {
        format!("{} changes commission {id}, which was removed", step.name())
    });
    let is_paid = from == CommissionStatus::Paid;
    let same = (before.amount_minor, &before.payout_id) == (after.amount_minor, &after.payout_id);
    problems.unless(!is_paid || same, || format!("{} changes commission {id}, which was paid", step.name()));
}

/// Who made the step.
fn mover(step: &Step<'_>) -> Mover {
    match step.line.kind {
        "commission.updated"
        | "commission.deleted"
        | "sale.status_changed"
        | "referral.updated"
        | "referral.rejected"
        | "referral.released"
        | "referral.deleted"
        | "referral.reassigned"
        | "referral.milestone" => Mover::Person,
        _ => Mover::Ledger,
    }
}
