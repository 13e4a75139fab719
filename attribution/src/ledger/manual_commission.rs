//! A sale that the program's owner records together with what it earns. Source: docs/rules.md, section 9; the reference of
//! both dialects, section 1.8.
//!
//! The owner's word stands in the place of window, incentive, levels and cap; what it earns counts towards caps.

use super::changes::{Event, Plan};
use super::crediting::advance;
use super::judgement::Sold;
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::pricing::{convert, exchange};
use super::requests::ManualCommission;
use super::{View, record_sale, refund};
use crate::day::Day;
use crate::decision::{Decision, Reason};
use crate::incentive::{PaysFor, Purchase, choose};
use crate::messages::{decimal, referral_message, sale_messages};
use crate::referral::Referral;
use crate::sale::{Commission, Conversion, RecordedSale};
use crate::status::{CommissionKind, CommissionStatus, ReferralStatus};
use crate::time::Timestamp;

/// Decides one manual commission:
/// 1. the sale's key is another sale's: refused;
/// 2. the referral is the caller's and was not deleted (else not found);
/// 3. the commission is in the team's currency, or can be converted into it (else refused).
pub(super) fn decide(command: &ManualCommission, view: &View<'_>) -> Result<Plan, Rejection> {
    if let Some(sale) = &view.state.sale {
        return own_commit(command, sale);
    }
    let referral = view.state.referral(&command.gate).ok_or(Rejection::ReferralNotFound)?;
    command.context.reach.admit(&referral.scope, Rejection::ReferralNotFound)?;
    if referral.status == ReferralStatus::Deleted {
        return Err(Rejection::ReferralNotFound);
    }
    let mut referral = referral.clone();
    referral.seq += 1;
    referral.updated_at = view.now;
    referral.vouch();
    let occurred_at = command.occurred_at.unwrap_or(view.now);
    let minor = in_team_currency(command, occurred_at, view)?;
    let was_converted = referral.converted_at.is_some();
    advance(
        &mut referral,
        &Sold {
            amount: command.amount,
            sales_status: command.sales_status,
            purchase: &command.details.purchase,
            occurred_at,
            asked_status: None,
        },
    );
    let commission = commission_of(command, &referral, minor, occurred_at, view);
    referral.paid_sales += i64::from(commission.status.counts());
    referral.paid_out |= commission.status.is_paid_out();
    let counted = commission.counted_minor(&referral.affiliate_id);
    referral.add_commission(counted).ok_or(Rejection::TotalTooLarge)?;
    let conversion = conversion_of(command, &referral, &commission, occurred_at, view);
    Ok(plan(
        command,
        referral,
        was_converted,
        RecordedSale { conversion, commission: Some(commission), levels: vec![] },
        view,
    ))
}

fn own_commit(command: &ManualCommission, sale: &RecordedSale) -> Result<Plan, Rejection> {
    if sale.conversion.id != command.conversion_id {
        return Err(Rejection::SaleKeyTaken);
    }
    let outcome = Outcome::Sale { sale: Box::new(sale.clone()), first_seen: FirstSeen::Now, differing: Vec::new() };
    Ok(Plan { scope: sale.conversion.scope.clone(), changes: Vec::new(), outcome, replayed: false })
}

/// What the commission is in the team's currency, by the rate of the sale's day.
fn in_team_currency(command: &ManualCommission, occurred_at: Timestamp, view: &View<'_>) -> Result<i64, Rejection> {
    let commission = command.commission;
    if commission.currency == view.program.currency {
        return Ok(commission.minor);
    }
    let converted = convert(commission, exchange(commission, occurred_at, view).as_ref());
    converted.map(|converted| converted.minor).ok_or(Rejection::MissingRate {
        from: commission.currency,
        to: view.program.currency,
        day: Day::of(occurred_at),
    })
}

fn commission_of(
    command: &ManualCommission,
    referral: &Referral,
    minor: i64,
    occurred_at: Timestamp,
    view: &View<'_>,
) -> Commission {
    // Without a word about the hold it is that of the incentive for everything.
    let general = choose(&view.program.incentives, view.affiliate, PaysFor::Sale, &Purchase::default());
    let usual = || general.and_then(|incentive| incentive.approval.hold_days());
    let hold_days = command.hold_days.or_else(usual).filter(|days| *days > 0);
    let is_pending = command.status == CommissionStatus::Pending;
    Commission {
        id: command.commission_id.clone(),
        scope: referral.scope.clone(),
        referral_id: referral.id.clone(),
        affiliate_id: referral.affiliate_id.clone(),
        conversion_id: Some(command.conversion_id.clone()),
        kind: CommissionKind::Manual,
        level: 0,
        incentive_id: None,
        amount_minor: Some(if command.status == CommissionStatus::Refunded { 0 } else { minor }),
        earned_minor: Some(minor),
        clawed_back_minor: 0,
        currency: view.program.currency,
        status: command.status,
        hold_days,
        hold_until: hold_days.filter(|_| is_pending).map(|days| occurred_at.plus_days(days)),
        reason: Reason::ManualCommission,
        payout_id: None,
        // Made when the owner says so: their word may tell of a past that was kept elsewhere.
        created_at: occurred_at,
        updated_at: view.now,
        deleted_at: None,
    }
}

fn conversion_of(
    command: &ManualCommission,
    referral: &Referral,
    commission: &Commission,
    occurred_at: Timestamp,
    view: &View<'_>,
) -> Conversion {
    let mut decision = Decision::new(Reason::ManualCommission)
        .with("affiliate_id", referral.affiliate_id.as_str())
        .with("sale_amount", decimal(command.amount))
        .with("sale_amount_currency", command.amount.currency.code())
        .with("sales_status", command.sales_status.as_str())
        .with("commission_sent", decimal(command.commission))
        .with("commission_sent_currency", command.commission.currency.code());
    decision.sum.push(format!("named by the owner: {} {}", command.commission.to_fixed(), command.commission.currency));
    let exchange = exchange(command.amount, occurred_at, view);
    Conversion {
        id: command.conversion_id.clone(),
        scope: referral.scope.clone(),
        referral_id: referral.id.clone(),
        affiliate_id: referral.affiliate_id.clone(),
        sale_key: command.sale_key.clone(),
        amount: command.amount,
        refunded_minor: 0,
        converted: convert(command.amount, exchange.as_ref()),
        sales_status: command.sales_status,
        details: command.details.clone(),
        attributed: true,
        commission_id: Some(commission.id.clone()),
        matched_incentive_id: None,
        decision,
        created_at: occurred_at,
        recorded_at: view.now,
        updated_at: view.now,
    }
}

/// The batch, with what waited for the sale settled in it.
fn plan(
    command: &ManualCommission,
    mut referral: Referral,
    was_converted: bool,
    sale: RecordedSale,
    view: &View<'_>,
) -> Plan {
    let converted = (!was_converted && referral.converted_at.is_some())
        .then(|| referral_message("referral.converted", &referral, view.affiliate));
    let told = sale_messages("transaction.created", &sale.conversion, sale.commission.as_ref(), &[]);
    let decision = sale.conversion.decision.clone().with("conversion_id", sale.conversion.id.as_str());
    let settled = refund::settle(sale, &command.context, view);
    referral.commission_total_minor -= settled.uncounted_minor;
    let event = Event::of("commission.recorded", &referral, decision, &command.context, view.program.rules_version)
        .telling(&referral.scope, converted.into_iter().chain(told));
    record_sale::plan(referral, false, Vec::new(), settled, event)
}
