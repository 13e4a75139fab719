//! What a sale is worth: whether it is credited to the affiliate, why, by which incentive and how much.
//!
//! Asks the questions of docs/rules.md, section 1, in their order and keeps what each of them said. Pure: the same sale of
//! the same referral under the same rules comes out the same, whether it is recorded, completed later or only tried.

use super::View;
use super::outcome::Rejection;
use super::pricing::{LevelShare, awaiting, capped, convert, exchange, full_sum, shares};
use super::suspicion;
use super::trail::Trail;
use crate::day::Day;
use crate::decision::{Decision, Reason};
use crate::exchange::Exchange;
use crate::fraud::Examination;
use crate::incentive::{Incentive, Length, PaysFor, Purchase, Reward, Standing, choose, weigh};
use crate::level::{Base, of_group};
use crate::messages::decimal;
use crate::money::Money;
use crate::referral::Referral;
use crate::sale::Converted;
use crate::status::{CommissionStatus, FraudRule, Partnership, ReferralStatus, SalesStatus};
use crate::time::Timestamp;

/// A sale as far as it is judged.
pub(super) struct Sold<'a> {
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub sales_status: SalesStatus,
    /// What was bought.
    pub purchase: &'a Purchase,
    /// When.
    pub occurred_at: Timestamp,
    /// The commission status that the caller asked for.
    pub asked_status: Option<CommissionStatus>,
}

/// Whether a sale is credited, why, and what it earns.
pub(super) struct Judgement<'a> {
    /// Why, with what it was decided on.
    pub decision: Decision,
    /// The sale in the team's currency, where a rate is known.
    pub converted: Option<Converted>,
    /// What it earns.
    pub earns: Option<Earnings<'a>>,
    /// The fraud rules that have hit.
    pub hits: Vec<FraudRule>,
}

impl Judgement<'_> {
    /// The fraud rule that keeps the sale from being credited.
    pub fn blocked_by(&self) -> Option<FraudRule> {
        self.hits.iter().copied().find(|rule| rule.reason() == self.decision.reason)
    }
}

/// What a sale earns.
pub(super) struct Earnings<'a> {
    /// The incentive that priced it.
    pub incentive: &'a Incentive,
    /// In minor units of the team's currency; `None` while it waits for a rate.
    pub minor: Option<i64>,
    /// What those earn who recruited the affiliate.
    pub levels: Vec<LevelShare<'a>>,
}

/// Judges a sale of `referral`. `TotalTooLarge` where it is beyond an amount once converted.
pub(super) fn judge<'a>(sold: &Sold<'_>, referral: &Referral, view: &View<'a>) -> Result<Judgement<'a>, Rejection> {
    let exchange = exchange(sold.amount, sold.occurred_at, view);
    let converted = convert(sold.amount, exchange.as_ref());
    if exchange.is_some() && converted.is_none() {
        return Err(Rejection::TotalTooLarge);
    }
    let mut trail = Trail::default();
    let stands = referral.status.holds_identities();
    let examination = if stands { suspicion::of_sale(referral, view) } else { Examination::default() };
    let mut decided = decide(sold, referral, (exchange.as_ref(), &examination), view, &mut trail);
    let hits = examination.hits();
    if !hits.is_empty() {
        let words: Vec<&str> = hits.iter().map(|rule| rule.as_str()).collect();
        decided.decision = decided.decision.with("fraud_rules", words);
    }
    decided.decision = trail.onto(decided.decision);
    Ok(Judgement { converted, hits, ..decided })
}

fn decide<'a>(
    sold: &Sold<'_>,
    referral: &Referral,
    (exchange, examination): (Option<&Exchange>, &Examination),
    view: &View<'a>,
    trail: &mut Trail,
) -> Judgement<'a> {
    let base = |reason| inputs(reason, sold, referral, view);
    let nothing = |decision| Judgement { decision, converted: None, earns: None, hits: Vec::new() };
    if let Some(reason) = earns_nothing(sold, referral, examination, view, trail) {
        return nothing(base(reason));
    }
    let Some(incentive) = chosen(sold.purchase, view, trail) else {
        return nothing(base(Reason::NoMatchingIncentive));
    };
    let base = |reason| base(reason).with("incentive_id", incentive.id.as_str());
    if incentive.reward.is_exclusion() {
        trail.decided("exclusion", "the incentive is a fixed 0, which excludes what was bought");
        return nothing(base(Reason::ExcludedByIncentive));
    }
    if is_over(incentive, sold, referral, trail) {
        return nothing(base(Reason::IncentiveLengthOver));
    }
    let levels = of_group(&view.program.levels, view.affiliate.group_id.as_ref());
    let levels_wait = exchange.is_none() && levels.iter().any(|level| level.base == Base::Sale);
    let Some(full) = incentive.reward.for_sale(sold.amount, view.program.currency, exchange) else {
        return waiting(incentive, sold, !levels.is_empty(), base(Reason::MissingRate), view, trail);
    };
    let earned = full_sum(incentive.reward, sold.amount, full, exchange, view, trail);
    let (reason, minor) = capped(incentive.cap_minor, earned, referral.commission_total_minor, view, trail);
    let mut decision = base(reason);
    if let Some(cap) = incentive.cap_minor {
        decision = decision
            .with("cap", decimal(view.team_money(cap)))
            .with("earned_so_far", decimal(view.team_money(referral.commission_total_minor)));
    }
    let Some(minor) = minor else { return nothing(decision) };
    decision = decision.with("commission_amount", decimal(view.team_money(minor)));
    if levels_wait {
        decision.awaiting = Some(awaiting(incentive, None, true, sold.asked_status, view));
    }
    let shares = if levels_wait { Vec::new() } else { shares(sold.amount, minor, exchange, view, trail) };
    Judgement {
        decision,
        converted: None,
        earns: Some(Earnings { incentive, minor: Some(minor), levels: shares }),
        hits: Vec::new(),
    }
}

fn inputs(reason: Reason, sold: &Sold<'_>, referral: &Referral, view: &View<'_>) -> Decision {
    let age = referral.clicked_at.map(|clicked_at| sold.occurred_at.days_since(clicked_at));
    Decision::new(reason)
        .with("affiliate_id", referral.affiliate_id.as_str())
        .with("sale_amount", decimal(sold.amount))
        .with("sale_amount_currency", sold.amount.currency.code())
        .with("clicked_at", referral.clicked_at.map(Timestamp::to_rfc3339))
        .with("click_age_days", age)
        .with("window_days", view.program.attribution_window_days)
        .with("sales_status", sold.sales_status.as_str())
}

/// Why no incentive is asked at all: questions 1 to 6.
fn earns_nothing(
    sold: &Sold<'_>,
    referral: &Referral,
    examination: &Examination,
    view: &View<'_>,
    trail: &mut Trail,
) -> Option<Reason> {
    let status = format!("the referral is {}", referral.status.as_str());
    if !referral.status.holds_identities() {
        trail.decided("referral", status);
        let is_deleted = referral.status == ReferralStatus::Deleted;
        return Some(if is_deleted { Reason::ReferralDeleted } else { Reason::ReferralRejected });
    }
    trail.passed("referral", status);
    suspicion::note(examination, trail);
    if let Some(rule) = examination.blocking() {
        return Some(rule.reason());
    }
    if let Some(reason) = outside_window(sold, referral, view, trail) {
        return Some(reason);
    }
    if sold.sales_status != SalesStatus::Complete {
        trail.decided("sales_status", format!("the sale is {}, not complete", sold.sales_status.as_str()));
        return Some(Reason::SaleNotComplete);
    }
    trail.passed("sales_status", "the sale is complete");
    let partnership = view.affiliate.partnership;
    if partnership != Partnership::Approved {
        trail.decided("partnership", format!("the affiliate's partnership is {}", partnership.as_str()));
        return Some(Reason::AffiliateNotApproved);
    }
    trail.passed("partnership", "the affiliate's partnership is approved");
    None
}

/// Whether a first sale came before its click or too long after it.
fn outside_window(sold: &Sold<'_>, referral: &Referral, view: &View<'_>, trail: &mut Trail) -> Option<Reason> {
    let days = view.program.attribution_window_days;
    if let Some(first) = referral.first_sale_at {
        trail.passed("attribution_window", format!("asked once, of the first sale ({})", first.to_rfc3339()));
        return None;
    }
    let Some(clicked_at) = referral.clicked_at else {
        trail.passed("attribution_window", "the referral came without a click");
        return None;
    };
    let (sale, click) = (sold.occurred_at.to_rfc3339(), clicked_at.to_rfc3339());
    // Clocks differ, and a date without a time is a day's first moment: a day's grace.
    if sold.occurred_at.plus_days(1) < clicked_at {
        trail.decided("attribution_window", format!("the sale ({sale}) is more than a day before the click ({click})"));
        return Some(Reason::SaleBeforeClick);
    }
    let end = clicked_at.plus_days(days);
    if sold.occurred_at > end {
        let because = format!("the sale ({sale}) is after the click ({click}) + {days} days = {}", end.to_rfc3339());
        trail.decided("attribution_window", because);
        return Some(Reason::AttributionWindowExpired);
    }
    trail.passed("attribution_window", format!("the sale ({sale}) is within {days} days of the click ({click})"));
    None
}

/// The incentive that prices the purchase; every one that the affiliate has is named.
fn chosen<'a>(purchase: &Purchase, view: &View<'a>, trail: &mut Trail) -> Option<&'a Incentive> {
    let incentives = &view.program.incentives;
    for (incentive, standing) in weigh(incentives, view.affiliate, PaysFor::Sale, purchase) {
        let whose = if incentive.is_override() { "override" } else { "group incentive" };
        let what = format!("{whose} {} ({})", incentive.id, incentive.applies_to.as_str());
        let because = match standing {
            Standing::Chosen => {
                trail.applied("incentive", format!("{what} prices the purchase"));
                continue;
            }
            Standing::DoesNotCover => "does not cover the purchase",
            Standing::BeatenByOverride => "is beaten by an override",
            Standing::LessSpecific => "is less specific than the chosen one",
            Standing::Younger => "is younger than the chosen one",
        };
        trail.left_out("incentive", format!("{what} {because}"));
    }
    let chosen = choose(incentives, view.affiliate, PaysFor::Sale, purchase);
    if chosen.is_none() {
        trail.decided("incentive", "no incentive of this affiliate covers the purchase");
    }
    chosen
}

fn is_over(incentive: &Incentive, sold: &Sold<'_>, referral: &Referral, trail: &mut Trail) -> bool {
    let since = |months: u32| match referral.first_paid_at {
        Some(first) => {
            format!("{months} months from {}: until {}", first.to_rfc3339(), first.plus_months(months).to_rfc3339())
        }
        None => format!("{months} months, which begin with this sale"),
    };
    let limit = match incentive.length {
        Length::CustomerLifetime => "for the customer's lifetime".to_owned(),
        Length::Months(months) => since(months),
        Length::Payments(payments) => format!("{payments} payments, {} so far", referral.paid_sales),
    };
    let is_over = incentive.is_over(referral.first_paid_at, referral.paid_sales, sold.occurred_at);
    if is_over {
        trail.decided("length", limit);
    } else {
        trail.passed("length", limit);
    }
    is_over
}

/// A commission that waits for its rate, on the terms in force now.
fn waiting<'a>(
    incentive: &'a Incentive,
    sold: &Sold<'_>,
    levels: bool,
    decision: Decision,
    view: &View<'a>,
    trail: &mut Trail,
) -> Judgement<'a> {
    let (from, to) = (sold.amount.currency, view.program.currency);
    trail.decided("rate_of_exchange", format!("no rate from {from} to {to} for {}", Day::of(sold.occurred_at)));
    let rate = match incentive.reward {
        Reward::Percentage(rate) => Some(rate),
        Reward::Fixed(_) => None,
    };
    let terms = awaiting(incentive, rate, levels, sold.asked_status, view);
    let decision = Decision { awaiting: Some(terms), ..decision };
    Judgement {
        decision,
        converted: None,
        earns: Some(Earnings { incentive, minor: None, levels: Vec::new() }),
        hits: Vec::new(),
    }
}
