//! The program's owner changes a commission: its status, its hold, its amount; or removes it.
//!
//! Source: docs/rules.md, sections 2, 4 and 7; the reference of the management API. What is paid, or in a payout, is
//! changed by refunds alone.

use super::changes::{Change, Event, Plan};
use super::outcome::{Outcome, Rejection};
use super::requests::{CommissionEdit, EditCommission};
use super::{View, dispute};
use crate::decision::{Decision, Reason};
use crate::ids::AffiliateId;
use crate::messages::{commission_message, decimal};
use crate::money::Money;
use crate::referral::Referral;
use crate::sale::{Commission, Conversion, Converted};
use crate::status::{CommissionKind, CommissionStatus};
use crate::transitions::Mover;

/// A commission with its sale.
pub(super) type Entry<'a> = (&'a Commission, Option<&'a Conversion>);

/// Decides one change.
pub(super) fn decide(command: &EditCommission, view: &View<'_>) -> Result<Plan, Rejection> {
    let referral = view.state.referral(&command.gate).ok_or(Rejection::CommissionNotFound)?;
    command.context.reach.admit(&referral.scope, Rejection::CommissionNotFound)?;
    let entries = view.state.commissions.iter();
    let mut entries = entries.map(|(commission, conversion)| (commission, conversion.as_ref()));
    let entry = entries.find(|(commission, _)| commission.id == command.commission_id);
    let entry = entry.ok_or(Rejection::CommissionNotFound)?;
    match &command.edit {
        CommissionEdit::Delete => delete(command, referral, entry, view),
        CommissionEdit::Dispute => dispute::open(command, referral, entry, view),
        CommissionEdit::EndDispute => dispute::end(command, referral, entry, view),
        CommissionEdit::Change { .. } => change(command, referral, entry, view),
    }
}

/// What an edit has made of the rows.
pub(super) struct Edited {
    pub commission: Commission,
    pub conversion: Option<Conversion>,
    pub levels: Vec<Commission>,
}

fn change(
    command: &EditCommission,
    referral: &Referral,
    (before, conversion): Entry<'_>,
    view: &View<'_>,
) -> Result<Plan, Rejection> {
    let CommissionEdit::Change { status, hold_days, amount, sale_amount } = &command.edit else {
        return Err(Rejection::CommissionNotFound);
    };
    let mut commission = before.clone();
    let mut sale = conversion.cloned();
    let (amount, sale_amount) = (
        amount.filter(|amount| Some(amount.minor) != before.amount_minor),
        sale_amount.filter(|amount| conversion.is_some_and(|conversion| conversion.amount != *amount)),
    );
    if amount.is_some() || sale_amount.is_some() {
        check_amounts_stand_open(before, conversion)?;
    }
    if let Some(amount) = amount {
        commission.amount_minor = Some(amount.minor);
        commission.earned_minor = Some(amount.minor);
        commission.reason = Reason::ManualCommission;
    }
    if let (Some(amount), Some(sale)) = (sale_amount, &mut sale) {
        sale.amount = amount;
        // In another currency, or with levels that wait, it is converted anew by the job that looks for rates.
        let is_own = amount.currency == view.program.currency && sale.decision.awaiting.is_none();
        sale.converted = is_own.then_some(Converted { minor: amount.minor, by: None });
    }
    let mut levels = Vec::new();
    if let Some(next) = status.filter(|next| *next != before.status) {
        set_status(&mut commission, next, view)?;
        if next == CommissionStatus::Dispute || before.status == CommissionStatus::Dispute {
            levels = levels_that_follow(before, next, view);
        }
    }
    set_hold(&mut commission, *hold_days);
    if commission == *before && sale.as_ref() == conversion {
        return Ok(unchanged(&commission, conversion));
    }
    let kind = message_kind(before, &commission);
    let edited = Edited { commission, conversion: sale, levels };
    let what = ("commission.updated", Reason::CommissionUpdated, kind);
    plan(command, referral, (before, conversion), edited, what, view)
}

/// Amounts may be named anew as long as nothing was paid, and nothing paid back.
fn check_amounts_stand_open(commission: &Commission, conversion: Option<&Conversion>) -> Result<(), Rejection> {
    if commission.kind == CommissionKind::Clawback {
        return Err(Rejection::IsClawback);
    }
    if commission.status.is_paid_out() {
        return Err(Rejection::CommissionPaidOut);
    }
    if commission.amount_minor.is_none() {
        return Err(Rejection::AmountUnknown);
    }
    let was_refunded = conversion.is_some_and(|conversion| conversion.refunded_minor > 0);
    if was_refunded || commission.status == CommissionStatus::Refunded {
        return Err(Rejection::SaleIsRefunded);
    }
    Ok(())
}

fn set_status(commission: &mut Commission, next: CommissionStatus, view: &View<'_>) -> Result<(), Rejection> {
    let from = commission.status;
    let is_in_payout = from == CommissionStatus::ProcessingPayout && commission.payout_id.is_some();
    if !from.may_become(next, Mover::Person) || is_in_payout {
        return Err(Rejection::transition("commission", from.as_str(), next.as_str()));
    }
    if commission.amount_minor.is_none() && next != CommissionStatus::Declined {
        return Err(Rejection::AmountUnknown);
    }
    if from == CommissionStatus::Declined {
        check_cap(commission, view)?;
    }
    *commission = in_status(commission, next);
    Ok(())
}

/// What is pending again waits for the end of its hold.
pub(super) fn in_status(commission: &Commission, status: CommissionStatus) -> Commission {
    let hold_days = commission.hold_days.filter(|_| status == CommissionStatus::Pending);
    let hold_until = hold_days.map(|days| commission.created_at.plus_days(days));
    Commission { status, hold_until, ..commission.clone() }
}

/// What was declined made room for others: whether there still is enough for it. The customer may be another affiliate's
/// by now: the cap is that of whoever earned it.
fn check_cap(commission: &Commission, view: &View<'_>) -> Result<(), Rejection> {
    let room =
        room_under_cap(commission, &commission.affiliate_id, view.state.counted_minor(&commission.affiliate_id), view);
    let amount = commission.amount().map_or(0, |amount| amount.minor);
    match room {
        Some(room) if amount > room => Err(Rejection::CapTooSmall { room: view.team_money(room.max(0)) }),
        _ => Ok(()),
    }
}

/// What the cap of a commission's incentive leaves to `affiliate`, who has `total` already; `None` where there is no cap,
/// or where it is another's commission.
pub(super) fn room_under_cap(
    commission: &Commission,
    affiliate: &AffiliateId,
    total: i64,
    view: &View<'_>,
) -> Option<i64> {
    let incentives = view.program.incentives.iter();
    let mut of_commission = incentives.filter(|incentive| commission.incentive_id.as_ref() == Some(&incentive.id));
    let cap = of_commission.find_map(|incentive| incentive.cap_minor)?;
    let is_theirs = commission.level == 0 && commission.affiliate_id == *affiliate;
    is_theirs.then(|| cap - total)
}

/// The days of hold; they only run while the commission is pending.
fn set_hold(commission: &mut Commission, hold_days: Option<u32>) {
    let Some(days) = hold_days.filter(|days| Some(*days) != commission.hold_days) else { return };
    commission.hold_days = Some(days);
    let end = commission.created_at.plus_days(days);
    commission.hold_until = (commission.status == CommissionStatus::Pending).then_some(end);
}

/// A dispute, and its end, is of the sale: its levels follow, as far as each may.
pub(super) fn levels_that_follow(direct: &Commission, next: CommissionStatus, view: &View<'_>) -> Vec<Commission> {
    let follows = |level: &&Commission| {
        let is_of_sale = level.kind == CommissionKind::Level && level.conversion_id == direct.conversion_id;
        // The end of a dispute is no word about a level that was not in it.
        let is_meant = next == CommissionStatus::Dispute || level.status == CommissionStatus::Dispute;
        is_of_sale && is_meant && direct.kind == CommissionKind::Sale && level.status.may_become(next, Mover::Person)
    };
    let levels = view.state.commissions.iter().map(|(commission, _)| commission).filter(follows);
    levels.map(|level| in_status(level, next)).collect()
}

fn delete(
    command: &EditCommission,
    referral: &Referral,
    (before, conversion): Entry<'_>,
    view: &View<'_>,
) -> Result<Plan, Rejection> {
    if before.kind == CommissionKind::Clawback {
        return Err(Rejection::IsClawback);
    }
    if before.status.is_paid_out() {
        return Err(Rejection::CommissionPaidOut);
    }
    let deleted = |commission: &Commission| Commission {
        deleted_at: Some(view.now),
        hold_until: None,
        reason: Reason::CommissionDeleted,
        ..commission.clone()
    };
    let is_direct = before.level == 0;
    let goes_too = |level: &&Commission| {
        let is_of_sale = level.kind == CommissionKind::Level && level.conversion_id == before.conversion_id;
        is_direct && is_of_sale && before.conversion_id.is_some() && !level.status.is_paid_out()
    };
    let levels = view.state.commissions.iter().map(|(commission, _)| commission).filter(goes_too);
    let levels = levels.map(deleted).collect();
    let sale = conversion.filter(|_| is_direct).map(|conversion| {
        let mut sale = conversion.clone();
        sale.commission_id = None;
        sale.matched_incentive_id = None;
        sale.decision.reason = Reason::CommissionDeleted;
        sale.decision.awaiting = None;
        sale
    });
    let edited = Edited { commission: deleted(before), conversion: sale, levels };
    let what = ("commission.deleted", Reason::CommissionDeleted, "transaction.deleted");
    plan(command, referral, (before, conversion), edited, what, view)
}

fn message_kind(before: &Commission, after: &Commission) -> &'static str {
    match after.status {
        same if same == before.status => "transaction.updated",
        CommissionStatus::ReadyForPayment => "transaction.approved",
        CommissionStatus::Paid => "transaction.paid",
        CommissionStatus::Declined => "transaction.rejected",
        _ => "transaction.updated",
    }
}

pub(super) fn unchanged(commission: &Commission, conversion: Option<&Conversion>) -> Plan {
    let outcome =
        Outcome::Commission { commission: Box::new(commission.clone()), conversion: conversion.cloned().map(Box::new) };
    Plan { scope: commission.scope.clone(), changes: Vec::new(), outcome, replayed: false }
}

pub(super) fn plan(
    command: &EditCommission,
    referral: &Referral,
    (before, conversion): Entry<'_>,
    edited: Edited,
    (kind, reason, message): (&'static str, Reason, &'static str),
    view: &View<'_>,
) -> Result<Plan, Rejection> {
    let Edited { mut commission, conversion: mut sale, mut levels } = edited;
    let mut referral = referral.clone();
    referral.seq += 1;
    referral.updated_at = view.now;
    referral.paid_out |= commission.status.is_paid_out();
    let affiliate = referral.affiliate_id.clone();
    let counted = commission.counted_minor(&affiliate) - before.counted_minor(&affiliate);
    referral.add_commission(counted).ok_or(Rejection::TotalTooLarge)?;
    commission.updated_at = view.now;
    let text = |money: Option<Money>| money.map(decimal);
    let decision = Decision::new(reason)
        .with("commission_id", commission.id.as_str())
        .with("status_before", before.status.as_str())
        .with("status", commission.status.as_str())
        .with("amount_before", text(before.amount()))
        .with("amount", text(commission.amount()))
        .with("sale_amount_before", text(conversion.map(|conversion| conversion.amount)))
        .with("sale_amount", text(sale.as_ref().map(|sale| sale.amount)));
    let told = std::iter::once(&commission).chain(&levels);
    let told: Vec<_> = told.map(|told| commission_message(message, sale.as_ref(), told)).collect();
    let event = Event::of(kind, &referral, decision, &command.context, view.program.rules_version)
        .telling(&referral.scope, told);
    let scope = referral.scope.clone();
    let mut changes = vec![Change::UpdateReferral(Box::new(referral))];
    if let Some(sale) = sale.as_mut().filter(|sale| Some(&**sale) != conversion) {
        sale.updated_at = view.now;
        changes.push(Change::UpdateConversion(Box::new(sale.clone())));
    }
    changes.push(Change::UpdateCommission(Box::new(commission.clone())));
    for level in &mut levels {
        level.updated_at = view.now;
        changes.push(Change::UpdateCommission(Box::new(level.clone())));
    }
    changes.push(Change::AppendEvent(Box::new(event)));
    let outcome = Outcome::Commission { commission: Box::new(commission), conversion: sale.map(Box::new) };
    Ok(Plan { scope, changes, outcome, replayed: false })
}
