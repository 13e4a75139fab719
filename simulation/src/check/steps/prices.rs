//! Prices: what a sale is credited with and earns, when it is recorded, completed or converted. The questions are those of
//! docs/rules.md, section 1.
//!
//! Keeps no state.

use attribution::decision::{Awaiting, Reason};
use attribution::exchange::Exchange;
use attribution::fixtures;
use attribution::incentive::Length;
use attribution::money::Rate;
use attribution::sale::Conversion;
use attribution::status::{CommissionStatus, FraudMode, ReferralStatus, SalesStatus};
use attribution::time::DAY_MILLISECONDS;
use serde_json::Value;

use super::sums::{made_good, total};
use super::{Step, half_up, levels};
use crate::check::Problems;
use crate::entries::PAID_MARK;
use crate::rates::exchange_of;
use crate::rules::Pays;

/// From the click to the first sale.
const WINDOW_DAYS: i64 = 60;

/// What a sale should have come to.
#[derive(Debug, PartialEq, Eq)]
pub struct Due {
    /// Why.
    reason: Reason,
    /// Whether it earns something.
    earns: bool,
    /// What, where it is known.
    minor: Option<i64>,
}

impl Due {
    fn nothing(reason: Reason) -> Self {
        Self { reason, earns: false, minor: None }
    }
}

/// See the module.
pub fn check(step: &Step<'_>, problems: &mut Problems) {
    for sale in step.sales() {
        let rates = step.commit.after.rates.get(..step.commit.order.quotations).unwrap_or_default();
        let exchange = exchange_of(sale, rates);
        let before = step.sale_before(&sale.id);
        let was_converted = before.is_some_and(|before| before.converted == sale.converted);
        if !was_converted && sale.converted.is_some() {
            check_converted(step, sale, exchange.as_ref(), problems);
        }
        match (step.line.kind, before) {
            ("sale.recorded", None) => check_credited(step, sale, exchange.as_ref(), problems),
            ("sale.status_changed", Some(before))
                if before.sales_status != sale.sales_status && before.commission_id.is_none() =>
            {
                check_credited(step, sale, exchange.as_ref(), problems);
            }
            ("sale.converted", Some(before)) => {
                if let (Some(terms), None) = (&before.decision.awaiting, &sale.decision.awaiting) {
                    check_settled(step, sale, terms, exchange.as_ref(), problems);
                }
            }
            _ => {}
        }
    }
}

/// In the team's currency by the exchange that was in force, worked out anew.
fn check_converted(step: &Step<'_>, sale: &Conversion, exchange: Option<&Exchange>, problems: &mut Problems) {
    let due = exchange.and_then(|exchange| exchange.convert(sale.amount.minor));
    let stored = sale.converted.as_ref().map(|converted| converted.minor);
    problems
        .unless(stored == due, || format!("{} converts sale {} into {stored:?}, due is {due:?}", step.name(), sale.id));
}

fn check_credited(step: &Step<'_>, sale: &Conversion, exchange: Option<&Exchange>, problems: &mut Problems) {
    let due = due(step, sale, exchange);
    let commission = sale.commission_id.as_ref().and_then(|id| step.commit.after.commissions.get(id));
    let minor = commission.and_then(|commission| commission.earned_minor);
    let came_to = Due { reason: sale.decision.reason, earns: commission.is_some(), minor };
    problems.unless(came_to == due && sale.attributed == due.reason.is_attributed(), || {
        format!("sale {} came to {came_to:?} and should have to {due:?}", sale.id)
    });
    let Some(commission) = commission else { return };
    let held = commission.hold_days.unwrap_or(0);
    problems.unless(held == step.rules.hold_days(), || {
        format!("sale {} is held for {held} days and should be for {}", sale.id, step.rules.hold_days())
    });
    let derived = step.rules.approval.first_status(step.line.at).0;
    let asked =
        if due.minor.is_some() { sale.details.commission_status.unwrap_or(derived) } else { CommissionStatus::Pending };
    let is_over = commission.status == CommissionStatus::Refunded && sale.refunded_minor == sale.amount.minor;
    problems.unless(commission.status == asked || is_over, || {
        format!("sale {} earns {} and should {}", sale.id, commission.status.as_str(), asked.as_str())
    });
    check_cap_is_stated(step, &due, problems);
    // Those that are a share of the sale wait with it.
    let wait = sale.decision.awaiting.as_ref().is_some_and(|terms| terms.levels);
    let is_nothing = sale.details.commission_status == Some(CommissionStatus::Refunded);
    let earned = due.minor.filter(|_| !wait && !is_nothing).unwrap_or(0);
    levels::check(step, sale, earned, exchange, problems);
}

/// The line says what the cap was, and what counted towards it.
fn check_cap_is_stated(step: &Step<'_>, due: &Due, problems: &mut Problems) {
    let is_priced = matches!(due.reason, Reason::CommissionEarned | Reason::ReducedToCap | Reason::CapReached);
    let said = |name: &str| step.line.detail.get(name).and_then(minor_of);
    let cap = step.rules.cap_minor.filter(|_| is_priced && step.line.kind == "sale.recorded");
    let expected = (cap, cap.map(|_| earned_so_far(step)));
    let stated = (said("cap"), said("earned_so_far"));
    problems
        .unless(stated == expected, || format!("{} states cap and sum {stated:?}, due is {expected:?}", step.name()));
}

fn earned_so_far(step: &Step<'_>) -> i64 {
    let before = step.before.map_or(0, |before| total(step, &step.commit.before, &before.affiliate_id));
    before + made_good(step)
}

/// What a sale comes to, question by question.
fn due(step: &Step<'_>, sale: &Conversion, exchange: Option<&Exchange>) -> Due {
    let before = step.before;
    match before.map(|before| before.status) {
        Some(ReferralStatus::Rejected) => return Due::nothing(Reason::ReferralRejected),
        Some(ReferralStatus::Deleted) => return Due::nothing(Reason::ReferralDeleted),
        _ => {}
    }
    if is_blocked(step) {
        return Due::nothing(Reason::PaidTrafficBlocked);
    }
    let (happened, rules) = (sale.created_at, &step.rules);
    let end = |clicked: attribution::time::Timestamp| clicked.milliseconds() + WINDOW_DAYS * DAY_MILLISECONDS;
    let is_first = before.is_none_or(|before| before.first_sale_at.is_none());
    if is_first && step.after.clicked_at.is_some_and(|clicked| happened.milliseconds() > end(clicked)) {
        return Due::nothing(Reason::AttributionWindowExpired);
    }
    // A refund that waited has moved a complete one on.
    if !matches!(sale.sales_status, SalesStatus::Complete) && sale.refunded_minor == 0 {
        return Due::nothing(Reason::SaleNotComplete);
    }
    if !rules.approves(&sale.affiliate_id) {
        return Due::nothing(Reason::AffiliateNotApproved);
    }
    if matches!(rules.pays, Pays::Fixed(0)) {
        return Due::nothing(Reason::ExcludedByIncentive);
    }
    let is_over = match rules.length {
        Length::CustomerLifetime => false,
        Length::Months(months) => {
            let first = before.and_then(|before| before.first_paid_at);
            first.is_some_and(|first| happened >= first.plus_months(months))
        }
        Length::Payments(payments) => before.map_or(0, |before| before.paid_sales) >= i64::from(payments),
    };
    if is_over {
        return Due::nothing(Reason::IncentiveLengthOver);
    }
    let full = match rules.pays {
        Pays::Fixed(minor) => minor,
        Pays::Share(parts) => match share(sale, parts, exchange) {
            Some(minor) => minor,
            None => return Due { reason: Reason::MissingRate, earns: true, minor: None },
        },
    };
    capped(full, rules.cap_minor, earned_so_far(step))
}

/// Whether an advertisement was paid for the visit, the program blocks that, and no person has released the referral.
pub fn is_blocked(step: &Step<'_>) -> bool {
    let is_paid = step.after.click.as_ref().is_some_and(|facts| facts.get(PAID_MARK).is_some());
    let suspicion = step.before.and_then(|before| before.suspicion.as_ref());
    step.rules.paid_traffic == FraudMode::Block && is_paid && !suspicion.is_some_and(|suspicion| suspicion.cleared)
}

fn capped(full: i64, cap: Option<i64>, so_far: i64) -> Due {
    match cap {
        Some(cap) if so_far >= cap => Due::nothing(Reason::CapReached),
        Some(cap) if so_far + full > cap => {
            Due { reason: Reason::ReducedToCap, earns: true, minor: Some(cap - so_far) }
        }
        _ => Due { reason: Reason::CommissionEarned, earns: true, minor: Some(full) },
    }
}

/// A share of a sale in the team's currency; `None` without a rate.
pub fn share(sale: &Conversion, parts_per_million: i64, exchange: Option<&Exchange>) -> Option<i64> {
    if sale.amount.currency == fixtures::program().currency {
        return Some(half_up(sale.amount.minor, parts_per_million));
    }
    exchange?.share(sale.amount.minor, Rate::from_parts_per_million(parts_per_million)?)
}

/// A commission whose rate has come, on the terms on which it was made.
fn check_settled(
    step: &Step<'_>,
    sale: &Conversion,
    terms: &Awaiting,
    exchange: Option<&Exchange>,
    problems: &mut Problems,
) {
    let commission = sale.commission_id.as_ref().and_then(|id| step.commit.after.commissions.get(id));
    let before = commission.and_then(|row| step.commission_before(&row.id));
    let (Some(commission), Some(before)) = (commission, before) else { return };
    if let (Some(rate), None) = (terms.rate, before.amount_minor) {
        let parts = i64::try_from(rate.parts_per_million()).unwrap_or(0);
        let full = share(sale, parts, exchange).unwrap_or(0);
        let due = capped(full, terms.cap_minor, total(step, &step.commit.before, &commission.affiliate_id));
        let earned = due.minor.unwrap_or(0);
        problems.unless(commission.earned_minor == Some(earned), || {
            format!("sale {} is settled with {:?}, due is {earned}", sale.id, commission.earned_minor)
        });
        let next = if due.earns { terms.status } else { CommissionStatus::Declined };
        let expected = if before.status == CommissionStatus::Pending { next } else { before.status };
        problems.unless(commission.status == expected, || {
            format!("sale {} is settled {} and should be {}", sale.id, commission.status.as_str(), expected.as_str())
        });
    }
    let earned = commission.earned_minor.filter(|_| terms.levels && commission.status.counts()).unwrap_or(0);
    if terms.levels {
        levels::check(step, sale, earned, exchange, problems);
    }
}

/// Reads an amount in dollars as cents.
fn minor_of(amount: &Value) -> Option<i64> {
    let text = amount.as_number()?.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{part:0<2}").parse().ok()
}
