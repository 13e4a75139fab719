//! The rule of disputes, as a payment provider reports them: while the customer's bank asks for the payment back, what it
//! earned waits; when that is over, what is left of it is on its way again.
//!
//! Source: docs/rules.md, section 7; docs/stripe.md. What is paid, or in a payout, stays: should the dispute be lost, the
//! refund that follows takes it back. Both turns may be said again and again.

use super::View;
use super::changes::Plan;
use super::crediting::derived_status;
use super::edit_commission::{Edited, Entry, in_status, levels_that_follow, plan, unchanged};
use super::outcome::Rejection;
use super::requests::EditCommission;
use crate::decision::Reason;
use crate::referral::Referral;
use crate::status::CommissionStatus;
use crate::transitions::Mover;

/// What a commission is told to subscribers as, and why it has changed.
const WHAT: (&str, Reason, &str) = ("commission.updated", Reason::CommissionUpdated, "transaction.updated");

/// A dispute was opened: the commission and its levels wait for its end, as far as each may.
pub(super) fn open(
    command: &EditCommission,
    referral: &Referral,
    (before, conversion): Entry<'_>,
    view: &View<'_>,
) -> Result<Plan, Rejection> {
    let next = CommissionStatus::Dispute;
    if before.amount_minor.is_none() || !before.status.may_become(next, Mover::Person) {
        return Ok(unchanged(before, conversion));
    }
    let edited = Edited {
        commission: in_status(before, next),
        conversion: conversion.cloned(),
        levels: levels_that_follow(before, next, view),
    };
    plan(command, referral, (before, conversion), edited, WHAT, view)
}

/// The dispute has ended: the commission is where its incentive's approval puts it. What a person had approved before is
/// approved anew.
pub(super) fn end(
    command: &EditCommission,
    referral: &Referral,
    (before, conversion): Entry<'_>,
    view: &View<'_>,
) -> Result<Plan, Rejection> {
    if before.status != CommissionStatus::Dispute {
        return Ok(unchanged(before, conversion));
    }
    let (next, _) = derived_status(before, view);
    let edited = Edited {
        commission: in_status(before, next),
        conversion: conversion.cloned(),
        levels: levels_that_follow(before, next, view),
    };
    plan(command, referral, (before, conversion), edited, WHAT, view)
}
