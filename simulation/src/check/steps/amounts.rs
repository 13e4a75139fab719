//! Amounts: what is left of each commission after refunds, how it is netted where it was paid, when its hold ends, and what
//! a payout takes.
//!
//! Keeps no state.

use attribution::ledger::{Command, Step as Move};
use attribution::sale::{Commission, Conversion};
use attribution::status::{CommissionKind, CommissionStatus};
use attribution::time::DAY_MILLISECONDS;

use super::{Step, pro_rata};
use crate::check::Problems;

/// See the module.
pub fn check(step: &Step<'_>, problems: &mut Problems) {
    for commission in step.commissions().filter(|row| row.deleted_at.is_none()) {
        let sale = commission.conversion_id.as_ref().and_then(|id| step.sale(id));
        if let Some(sale) = sale.filter(|_| commission.kind != CommissionKind::Clawback) {
            check_left(step, commission, sale, problems);
            check_netted(step, commission, problems);
        }
        check_hold(step, commission, problems);
    }
    match &*step.commit.order.command {
        Command::MoveCommissions(command) => check_moved(step, &command.step, problems),
        Command::Refund(_) => check_refund(step, problems),
        _ => {}
    }
}

/// What it earns after refunds is its part of what it earned, however many they were.
fn check_left(step: &Step<'_>, commission: &Commission, sale: &Conversion, problems: &mut Problems) {
    let (Some(earned), Some(amount)) = (commission.earned_minor, commission.amount_minor) else { return };
    let (remaining, whole) = (sale.amount.minor - sale.refunded_minor, sale.amount.minor);
    let is_over = commission.status == CommissionStatus::Refunded;
    let due = if is_over { 0 } else { pro_rata(earned, remaining, whole) };
    let left = amount - commission.clawed_back_minor;
    problems
        .unless(left == due, || format!("{} leaves {left} of commission {}, due is {due}", step.name(), commission.id));
}

/// What is taken back of it beside it is what negative commissions say.
fn check_netted(step: &Step<'_>, commission: &Commission, problems: &mut Problems) {
    let of_commission = |row: &&Commission| {
        let is_clawback = row.kind == CommissionKind::Clawback && row.deleted_at.is_none();
        is_clawback && row.level == commission.level && row.conversion_id == commission.conversion_id
    };
    let netted: i64 = step.commissions().filter(of_commission).filter_map(|row| row.amount_minor).sum();
    problems.unless(netted == -commission.clawed_back_minor, || {
        let (id, said) = (&commission.id, commission.clawed_back_minor);
        format!("{} takes {said} back of commission {id}, which is netted by {netted}", step.name())
    });
    let was_paid = commission.status.is_paid_out();
    problems.unless(was_paid || netted == 0, || {
        format!("{} leaves commission {}, which is not in a payout, netted by {netted}", step.name(), commission.id)
    });
}

/// What waits for its hold to end says when that is.
fn check_hold(step: &Step<'_>, commission: &Commission, problems: &mut Problems) {
    let until = commission.hold_until.map(attribution::time::Timestamp::milliseconds);
    let waits = commission.status == CommissionStatus::Pending && commission.deleted_at.is_none();
    let end = |made: &Commission| {
        let days = commission.hold_days?;
        Some(made.created_at.milliseconds() + i64::from(days) * DAY_MILLISECONDS)
    };
    let due = end(commission);
    // A level that waited for a rate is held as long as the sale's own commission.
    let direct = commission.conversion_id.as_ref().and_then(|id| step.sale(id)?.commission_id.as_ref());
    let beside = direct.and_then(|id| end(step.commit.after.commissions.get(id)?));
    let is_well = if waits { until == due || until == beside } else { true };
    problems.unless(is_well, || {
        format!("{} holds commission {} until {until:?}, due is {due:?}", step.name(), commission.id)
    });
}

/// A job or a payout moves what it may, and nothing else.
fn check_moved(step: &Step<'_>, how: &Move, problems: &mut Problems) {
    let now = step.line.at.milliseconds();
    for after in step.commissions() {
        let Some(before) = step.commission_before(&after.id).filter(|before| before.status != after.status) else {
            continue;
        };
        let payout = before.payout_id.as_ref();
        let may = match how {
            Move::EndHold => before.hold_until.is_some_and(|end| end.milliseconds() <= now),
            Move::Gather { affiliate_id, .. } => before.affiliate_id == *affiliate_id,
            Move::Pay { payout_id } | Move::Release { payout_id } => payout == Some(payout_id),
        };
        let expected = match how {
            Move::EndHold | Move::Release { .. } => None,
            Move::Gather { payout_id, .. } | Move::Pay { payout_id } => Some(payout_id),
        };
        problems.unless(may && after.payout_id.as_ref() == expected, || {
            format!("{} moves commission {}, which was {before:?}", step.name(), after.id)
        });
    }
}

/// A refund says what its affiliate earns less.
fn check_refund(step: &Step<'_>, problems: &mut Problems) {
    let is_new = |id: &_| !step.commit.before.refunds.contains_key(id);
    for refund in step.commit.after.refunds.values().filter(|refund| is_new(&refund.id)) {
        let direct = step.sale(&refund.conversion_id).and_then(|sale| sale.commission_id.as_ref());
        let left =
            |row: Option<&Commission>| row.map_or(0, |row| row.amount_minor.unwrap_or(0) - row.clawed_back_minor);
        let before = left(direct.and_then(|id| step.commission_before(id)));
        let due = before - left(direct.and_then(|id| step.commit.after.commissions.get(id)));
        problems.unless(refund.deducted_minor == due, || {
            format!("refund {} took {} back, due is {due}", refund.id, refund.deducted_minor)
        });
    }
}
