//! A recorded sale goes on: its payment is completed or fails, or the rate of exchange that it waited for arrives.
//!
//! Sources: docs/rules.md, sections 3 and 5. A completed sale is judged like a new one, with its own moment and the
//! incentives in force now; a commission that waited for a rate is settled on the terms on which it was made.

use super::View;
use super::changes::{Change, Event, Plan};
use super::crediting::{Credit, advance, credit, level};
use super::judgement::{Sold, judge};
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::pricing::{capped, convert, exchange, full_sum, shares};
use super::requests::{Reconsider, Turn};
use super::trail::Trail;
use crate::decision::{Awaiting, Decision, Reason};
use crate::exchange::Exchange;
use crate::fraud::Suspicion;
use crate::incentive::Reward;
use crate::messages::{Message, decimal, referral_message, sale_messages};
use crate::money::pro_rata;
use crate::referral::Referral;
use crate::sale::{Commission, Conversion, RecordedSale};
use crate::status::{CommissionStatus, SalesStatus};
use crate::transitions::Mover;

/// Decides how a sale goes on.
pub(super) fn decide(command: &Reconsider, view: &View<'_>) -> Result<Plan, Rejection> {
    let sale = view.state.sale.as_ref().ok_or(Rejection::SaleNotFound)?;
    command.context.reach.admit(&sale.conversion.scope, Rejection::SaleNotFound)?;
    let referral = view.state.referral(&sale.conversion.referral_id).ok_or(Rejection::SaleNotFound)?;
    match command.turn {
        Turn::SalesStatus(next) => set_status(command, sale, referral, next, view),
        Turn::RateArrived => Ok(settle(command, sale, referral, view)),
    }
}

fn unchanged(sale: &RecordedSale) -> Plan {
    let outcome = Outcome::Sale { sale: Box::new(sale.clone()), first_seen: FirstSeen::Before, differing: Vec::new() };
    Plan { scope: sale.conversion.scope.clone(), changes: Vec::new(), outcome, replayed: false }
}

fn set_status(
    command: &Reconsider,
    sale: &RecordedSale,
    referral: &Referral,
    next: SalesStatus,
    view: &View<'_>,
) -> Result<Plan, Rejection> {
    let from = sale.conversion.sales_status;
    if from == next {
        return Ok(unchanged(sale));
    }
    if !from.may_become(next, Mover::Person) {
        return Err(Rejection::transition("sale", from.as_str(), next.as_str()));
    }
    let mut referral = referral.clone();
    let was_converted = referral.converted_at.is_some();
    let mut after = sale.clone();
    after.conversion.sales_status = next;
    if sale.commission.is_none() && sale.conversion.decision.reason != Reason::CommissionDeleted {
        earn(command, &mut after, &mut referral, view)?;
    } else {
        // A commission that its owner named, or removed, stands, however the payment goes.
        advance(&mut referral, &sold_of(&after.conversion));
    }
    let converted = (!was_converted && referral.converted_at.is_some())
        .then(|| referral_message("referral.converted", &referral, view.affiliate));
    let RecordedSale { conversion, commission, levels } = &after;
    let kind = if sale.conversion.attributed { "transaction.updated" } else { "transaction.created" };
    let told =
        if conversion.attributed { sale_messages(kind, conversion, commission.as_ref(), levels) } else { Vec::new() };
    let decision = Decision::new(Reason::SalesStatusChanged)
        .with("conversion_id", conversion.id.as_str())
        .with("from", from.as_str())
        .with("to", next.as_str())
        .with("commission_reason", conversion.decision.reason.as_str());
    let messages = converted.into_iter().chain(told).collect();
    Ok(plan(command, sale, after, referral, ("sale.status_changed", decision, messages), view))
}

fn sold_of(conversion: &Conversion) -> Sold<'_> {
    Sold {
        amount: conversion.amount,
        sales_status: conversion.sales_status,
        purchase: &conversion.details.purchase,
        occurred_at: conversion.created_at,
        asked_status: conversion.details.commission_status,
    }
}

/// Judges a sale as it is now, and credits it.
fn earn(
    command: &Reconsider,
    sale: &mut RecordedSale,
    referral: &mut Referral,
    view: &View<'_>,
) -> Result<(), Rejection> {
    let as_it_is = sale.conversion.clone();
    let sold = sold_of(&as_it_is);
    let conversion = &mut sale.conversion;
    let judgement = judge(&sold, referral, view)?;
    referral.suspicion = Suspicion::noted(referral.suspicion.take(), &judgement.hits);
    let Credit { commission, levels } =
        credit(referral, &sold, &judgement, (&conversion.id, &command.commission_id), view)?;
    conversion.affiliate_id = referral.affiliate_id.clone();
    conversion.attributed = judgement.decision.reason.is_attributed();
    conversion.commission_id = commission.as_ref().map(|commission| commission.id.clone());
    conversion.matched_incentive_id = commission.as_ref().and_then(|commission| commission.incentive_id.clone());
    conversion.converted = judgement.converted;
    conversion.decision = judgement.decision;
    sale.commission = commission;
    sale.levels = levels;
    Ok(())
}

/// Converts a sale whose rate has come, and settles the commission that waited for it.
fn settle(command: &Reconsider, sale: &RecordedSale, referral: &Referral, view: &View<'_>) -> Plan {
    let conversion = &sale.conversion;
    let Some(exchange) = exchange(conversion.amount, conversion.created_at, view) else { return unchanged(sale) };
    let converted = convert(conversion.amount, Some(&exchange));
    if conversion.converted.is_some() || converted.is_none() {
        return unchanged(sale);
    }
    let mut after = sale.clone();
    let mut referral = referral.clone();
    after.conversion.converted = converted;
    if let Some(terms) = after.conversion.decision.awaiting.take() {
        let mut trail = Trail::of(&after.conversion.decision);
        // More than an amount can be is not settled.
        if settle_commission(&mut after, &mut referral, &terms, &exchange, view, &mut trail).is_none() {
            return unchanged(sale);
        }
        settle_levels(&mut after, &terms, &exchange, view, &mut trail);
        after.conversion.decision = trail.onto(after.conversion.decision);
    }
    let RecordedSale { conversion, commission, levels } = &after;
    let amount = commission.as_ref().and_then(Commission::amount);
    let decision = Decision::new(Reason::RateArrived)
        .with("conversion_id", conversion.id.as_str())
        .with("rate", exchange.rate())
        .with("rate_date", exchange.day().to_string())
        .with("commission_amount", amount.map(decimal));
    let told = if conversion.attributed {
        sale_messages("transaction.updated", conversion, commission.as_ref(), levels)
    } else {
        Vec::new()
    };
    plan(command, sale, after, referral, ("sale.converted", decision, told), view)
}

/// Gives the commission its amount: capped by what is left now, less what was paid back meanwhile. `None` where the sum
/// is beyond an amount.
fn settle_commission(
    sale: &mut RecordedSale,
    referral: &mut Referral,
    terms: &Awaiting,
    exchange: &Exchange,
    view: &View<'_>,
    trail: &mut Trail,
) -> Option<()> {
    let conversion = &mut sale.conversion;
    let (Some(commission), Some(rate)) = (&mut sale.commission, terms.rate) else { return Some(()) };
    let Some(full) = exchange.share(conversion.amount.minor, rate).filter(|_| commission.amount_minor.is_none()) else {
        return Some(());
    };
    let full = full_sum(Reward::Percentage(rate), conversion.amount, full, Some(exchange), view, trail);
    let total = view.state.counted_minor(&commission.affiliate_id);
    let (reason, minor) = capped(terms.cap_minor, full, total, view, trail);
    let earned = minor.unwrap_or(0);
    let next = if minor.is_some() { terms.status } else { CommissionStatus::Declined };
    // What was declined meanwhile stays so.
    if commission.status == CommissionStatus::Pending {
        if commission.status.may_become(next, Mover::Ledger) {
            commission.status = next;
        }
        referral.paid_sales -= i64::from(!commission.status.counts());
    }
    let remaining = pro_rata(earned, conversion.remaining().minor, conversion.amount.minor);
    commission.earned_minor = Some(earned);
    commission.amount_minor = Some(if commission.status == CommissionStatus::Refunded { 0 } else { remaining });
    // What was declined meanwhile says why.
    if commission.reason == Reason::MissingRate {
        commission.reason = reason;
    }
    let hold_days = commission.hold_days.filter(|_| commission.status == CommissionStatus::Pending);
    commission.hold_until = hold_days.map(|days| commission.created_at.plus_days(days));
    commission.updated_at = view.now;
    conversion.decision.reason = reason;
    let paid = decimal(view.team_money(earned));
    conversion.decision.inputs.insert("commission_amount".to_owned(), paid);
    referral.add_commission(commission.counted_minor(&referral.affiliate_id))
}

/// Makes the levels that waited with the commission, less what was paid back meanwhile.
fn settle_levels(sale: &mut RecordedSale, terms: &Awaiting, exchange: &Exchange, view: &View<'_>, trail: &mut Trail) {
    let conversion = &sale.conversion;
    let Some(direct) = sale.commission.as_ref().filter(|_| terms.levels && sale.levels.is_empty()) else { return };
    if !direct.status.counts() {
        return;
    }
    let earned = direct.earned_minor.unwrap_or(0);
    let (remaining, whole) = (conversion.remaining().minor, conversion.amount.minor);
    for share in shares(conversion.amount, earned, Some(exchange), view, trail) {
        let mut level = level(direct, &share, view);
        level.amount_minor = level.amount_minor.map(|minor| pro_rata(minor, remaining, whole));
        level.created_at = view.now;
        level.updated_at = view.now;
        sale.levels.push(level);
    }
}

fn plan(
    command: &Reconsider,
    before: &RecordedSale,
    mut after: RecordedSale,
    mut referral: Referral,
    (kind, decision, messages): (&'static str, Decision, Vec<Message>),
    view: &View<'_>,
) -> Plan {
    referral.seq += 1;
    referral.updated_at = view.now;
    after.conversion.updated_at = view.now;
    let event = Event::of(kind, &referral, decision, &command.context, view.program.rules_version)
        .telling(&referral.scope, messages);
    let scope = referral.scope.clone();
    let mut changes = vec![Change::UpdateReferral(Box::new(referral))];
    changes.push(Change::UpdateConversion(Box::new(after.conversion.clone())));
    for commission in after.commission.iter().chain(&after.levels) {
        let row = Box::new(commission.clone());
        let is_known = before.commission.iter().chain(&before.levels).any(|known| known.id == row.id);
        changes.push(if is_known { Change::UpdateCommission(row) } else { Change::InsertCommission(row) });
    }
    changes.push(Change::AppendEvent(Box::new(event)));
    let outcome = Outcome::Sale { sale: Box::new(after), first_seen: FirstSeen::Now, differing: Vec::new() };
    Plan { scope, changes, outcome, replayed: false }
}
