//! What a sale is worth: whether it is credited to the affiliate, why, by which incentive and how much.
//!
//! Sources: seed 002; design, sections 1 (the window) and 5 (incentives, caps).

use super::View;
use super::requests::RecordSale;
use crate::decision::{Decision, Reason};
use crate::incentive::{Incentive, PaysFor, choose};
use crate::messages::decimal;
use crate::money::Money;
use crate::referral::Referral;
use crate::status::{Partnership, ReferralStatus, SalesStatus};
use crate::time::Timestamp;

/// Whether a sale is credited, why, and what it earns.
pub(super) struct Judgement<'a> {
    /// Why, with what it was decided on.
    pub decision: Decision,
    /// The incentive by which it earns, and how much; no amount while it waits for a rate.
    pub earns: Option<(&'a Incentive, Option<Money>)>,
}

/// Judges a sale of `referral` that happened at `occurred_at`.
pub(super) fn judge<'a>(
    command: &RecordSale,
    referral: &Referral,
    occurred_at: Timestamp,
    view: &View<'a>,
) -> Judgement<'a> {
    let decision = |reason| {
        let age = referral.clicked_at.map(|clicked_at| occurred_at.days_since(clicked_at));
        Decision::new(reason)
            .with("affiliate_id", referral.affiliate_id.as_str())
            .with("sale_amount", decimal(command.amount))
            .with("sale_amount_currency", command.amount.currency.code())
            .with("clicked_at", referral.clicked_at.map(Timestamp::to_rfc3339))
            .with("click_age_days", age)
            .with("window_days", view.program.attribution_window_days)
            .with("sales_status", command.sales_status.as_str())
    };
    if let Some(reason) = earns_nothing(command, referral, occurred_at, view) {
        return Judgement { decision: decision(reason), earns: None };
    }
    let purchase = &command.details.purchase;
    let Some(incentive) = choose(&view.program.incentives, view.affiliate, PaysFor::Sale, purchase) else {
        return Judgement { decision: decision(Reason::NoMatchingIncentive), earns: None };
    };
    price(command, referral, incentive, view, |reason| decision(reason).with("incentive_id", incentive.id.as_str()))
}

/// Why no incentive is asked at all.
fn earns_nothing(command: &RecordSale, referral: &Referral, occurred_at: Timestamp, view: &View<'_>) -> Option<Reason> {
    if referral.status == ReferralStatus::Rejected {
        return Some(Reason::ReferralRejected);
    }
    // Clocks differ, and a date without a time is a day's first moment: a day's grace.
    let came_before = |clicked_at: Timestamp| occurred_at.plus_days(1) < clicked_at;
    if referral.first_sale_at.is_none() && referral.clicked_at.is_some_and(came_before) {
        return Some(Reason::SaleBeforeClick);
    }
    let window_days = view.program.attribution_window_days;
    let in_window = referral.first_sale_at.is_some()
        || referral.clicked_at.is_none_or(|clicked_at| occurred_at <= clicked_at.plus_days(window_days));
    if !in_window {
        return Some(Reason::AttributionWindowExpired);
    }
    if command.sales_status != SalesStatus::Complete {
        return Some(Reason::SaleNotComplete);
    }
    (view.affiliate.partnership != Partnership::Approved).then_some(Reason::AffiliateNotApproved)
}

/// What the incentive pays, as far as its cap for this customer allows: reduced to fit, then nothing.
fn price<'a>(
    command: &RecordSale,
    referral: &Referral,
    incentive: &'a Incentive,
    view: &View<'_>,
    decision: impl Fn(Reason) -> Decision,
) -> Judgement<'a> {
    if incentive.reward.is_exclusion() {
        return Judgement { decision: decision(Reason::ExcludedByIncentive), earns: None };
    }
    let Some(full) = incentive.reward.for_sale(command.amount, view.program.currency) else {
        return Judgement { decision: decision(Reason::MissingRate), earns: Some((incentive, None)) };
    };
    let Some(cap) = incentive.cap_minor else {
        let decision = decision(Reason::CommissionEarned).with("commission_amount", decimal(full));
        return Judgement { decision, earns: Some((incentive, Some(full))) };
    };
    let earned_so_far = Money { minor: referral.commission_total_minor, currency: full.currency };
    let with_cap = |decision: Decision| {
        decision.with("cap", decimal(Money { minor: cap, ..full })).with("earned_so_far", decimal(earned_so_far))
    };
    let room = cap - referral.commission_total_minor;
    if room <= 0 {
        return Judgement { decision: with_cap(decision(Reason::CapReached)), earns: None };
    }
    let earned = Money { minor: full.minor.min(room), ..full };
    let decision = with_cap(decision(Reason::CommissionEarned)).with("commission_amount", decimal(earned));
    Judgement { decision, earns: Some((incentive, Some(earned))) }
}
