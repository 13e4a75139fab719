//! Sums: what a referral is said to have earned is what its commissions come to, after every commit; an incentive never
//! takes it beyond its cap; and what has earned a commission is counted.
//!
//! Keeps no state.

use attribution::decision::Reason;
use attribution::ids::AffiliateId;
use attribution::ledger::Command;
use attribution::memory::Rows;
use attribution::sale::Commission;
use attribution::status::{CommissionKind, CommissionStatus};

use super::Step;
use crate::check::Problems;

/// See the module.
pub fn check(step: &Step<'_>, problems: &mut Problems) {
    let (total, said) = (total(step, &step.commit.after, &step.after.affiliate_id), step.after.commission_total_minor);
    problems.unless(total == said, || format!("{} says {said} and its commissions come to {total}", step.name()));
    check_cap(step, total, problems);
    check_paid_sales(step, problems);
}

/// What an affiliate may keep by the customer: what is removed, declined or paid back is not, nor what others earn beside
/// them, and what takes paid amounts back is counted with these.
pub fn total(step: &Step<'_>, rows: &Rows, affiliate: &AffiliateId) -> i64 {
    let counts = |row: &&Commission| {
        let is_theirs = row.referral_id == step.after.id && row.affiliate_id == *affiliate;
        let is_direct = matches!(row.kind, CommissionKind::Sale | CommissionKind::Lead | CommissionKind::Manual);
        let is_over = matches!(row.status, CommissionStatus::Declined | CommissionStatus::Refunded);
        is_theirs && is_direct && !is_over && row.deleted_at.is_none()
    };
    let counted = rows.commissions.values().filter(counts);
    counted.map(|row| row.amount_minor.unwrap_or(0) - row.clawed_back_minor).sum()
}

/// What a lead that had been withheld earns by this step: it counts before anything else that the step earns.
pub fn made_good(step: &Step<'_>) -> i64 {
    let was_withheld = step.before.is_some_and(|before| before.lead_withheld);
    let is_new = |row: &&Commission| row.kind == CommissionKind::Lead && step.commission_before(&row.id).is_none();
    let leads = step.commissions().filter(|_| was_withheld).filter(is_new);
    leads.map(|row| row.amount_minor.unwrap_or(0)).sum()
}

/// Where an incentive prices something, or what it priced counts again, there was room for it.
fn check_cap(step: &Step<'_>, total: i64, problems: &mut Problems) {
    let is_priced = |row: &Commission| {
        let before = step.commission_before(&row.id);
        let is_new = before.is_none_or(|before| before.amount_minor.is_none() && row.amount_minor.is_some());
        is_new && row.kind == CommissionKind::Sale
    };
    let is_back = step.line.reason == Reason::CommissionUpdated
        && step.commissions().any(|row| {
            let before = step.commission_before(&row.id);
            let was_declined = before.is_some_and(|before| before.status == CommissionStatus::Declined);
            let same_amount = before.is_some_and(|before| before.amount_minor == row.amount_minor);
            was_declined && same_amount && row.status.counts() && row.kind == CommissionKind::Sale
        });
    if !is_back && !step.commissions().any(is_priced) {
        return;
    }
    // A commission that waited for its rate is under the cap that was in force when it was made.
    let awaited = step.sales().find_map(|sale| {
        let terms = step.sale_before(&sale.id)?.decision.awaiting.as_ref()?;
        sale.decision.awaiting.is_none().then_some(terms.cap_minor)
    });
    let Some(cap) = awaited.unwrap_or(step.rules.cap_minor) else { return };
    let before = step.before.map_or(0, |_| self::total(step, &step.commit.before, &step.after.affiliate_id));
    let before = before + made_good(step);
    // A cap that was lowered, or that others' amounts have gone beyond, takes nothing back.
    problems.unless(total <= cap.max(before), || {
        format!("{} goes beyond its cap {cap}: from {before} to {total}", step.name())
    });
}

/// Each sale that earned a commission when it was credited counts once.
fn check_paid_sales(step: &Step<'_>, problems: &mut Problems) {
    let earns = |row: &&Commission| {
        let is_of_sale = matches!(row.kind, CommissionKind::Sale | CommissionKind::Manual);
        is_of_sale && step.commission_before(&row.id).is_none()
    };
    let counts =
        |row: &&Commission| row.earned_minor.is_none() || asked(step, row).is_none_or(CommissionStatus::counts);
    let new = i64::try_from(step.commissions().filter(earns).filter(counts).count()).unwrap_or(0);
    // One that waited for a rate was counted; where its rate comes and it earns nothing, it no longer is.
    let came_to_nothing = |row: &&Commission| {
        let waited = |before: &Commission| before.status == CommissionStatus::Pending && before.earned_minor.is_none();
        row.earned_minor.is_some() && !row.status.counts() && step.commission_before(&row.id).is_some_and(waited)
    };
    let lost = i64::try_from(step.commissions().filter(came_to_nothing).count()).unwrap_or(0);
    let (before, after) = (step.before.map_or(0, |before| before.paid_sales), step.after.paid_sales);
    problems.unless(after == before + new - lost, || {
        format!("{} says {after} paid sales after {before}, and {new} earned, {lost} came to nothing", step.name())
    });
}

/// Where a caller wanted a new commission to be: a waiting refund may have moved it on at once.
fn asked(step: &Step<'_>, row: &Commission) -> Option<CommissionStatus> {
    match &*step.commit.order.command {
        Command::ManualCommission(command) => Some(command.status),
        _ => step.sale(row.conversion_id.as_ref()?)?.details.commission_status,
    }
}
