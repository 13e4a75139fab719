//! What a sale is worth: whether it is credited to the affiliate, why, by which incentive and how much.
//!
//! Asks the questions of docs/rules.md, section 1, in their order and keeps what each of them said. Pure: the same sale of
//! the same referral under the same rules comes out the same, whether it is recorded, completed later or only tried.

use super::View;
use super::outcome::Rejection;
use super::trail::Trail;
use crate::day::Day;
use crate::decision::{Awaiting, Decision, Reason};
use crate::exchange::Exchange;
use crate::incentive::{Incentive, Length, PaysFor, Purchase, Reward, Standing, choose, weigh};
use crate::level::{Base, Level, of_group};
use crate::messages::decimal;
use crate::money::{Money, Rate};
use crate::referral::Referral;
use crate::sale::{Converted, UsedRate};
use crate::status::{CommissionStatus, Partnership, ReferralStatus, SalesStatus};
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

/// What one recruiter earns.
pub(super) struct LevelShare<'a> {
    /// The level that prices it.
    pub level: &'a Level,
    /// The recruiter, by their place in [`View::recruiters`].
    pub recruiter: usize,
    /// In minor units of the team's currency.
    pub minor: i64,
}

/// The exchange into the team's currency that is in force for a sale; `None` without a rate.
pub(super) fn exchange(amount: Money, occurred_at: Timestamp, view: &View<'_>) -> Option<Exchange> {
    Exchange::between(amount.currency, view.program.currency, Day::of(occurred_at), &view.state.rates)
}

/// A sale in the team's currency; `None` also where that is more than an amount can be.
pub(super) fn convert(amount: Money, exchange: Option<&Exchange>) -> Option<Converted> {
    let exchange = exchange?;
    let by = (!exchange.legs().is_empty()).then(|| UsedRate { rate: exchange.rate(), day: exchange.day() });
    Some(Converted { minor: exchange.convert(amount.minor)?, by })
}

/// Judges a sale of `referral`. `TotalTooLarge` where it is beyond an amount once converted.
pub(super) fn judge<'a>(sold: &Sold<'_>, referral: &Referral, view: &View<'a>) -> Result<Judgement<'a>, Rejection> {
    let exchange = exchange(sold.amount, sold.occurred_at, view);
    let converted = convert(sold.amount, exchange.as_ref());
    if exchange.is_some() && converted.is_none() {
        return Err(Rejection::TotalTooLarge);
    }
    let mut trail = Trail::default();
    let mut decided = decide(sold, referral, exchange.as_ref(), view, &mut trail);
    decided.decision = trail.onto(decided.decision);
    Ok(Judgement { converted, ..decided })
}

fn decide<'a>(
    sold: &Sold<'_>,
    referral: &Referral,
    exchange: Option<&Exchange>,
    view: &View<'a>,
    trail: &mut Trail,
) -> Judgement<'a> {
    let base = |reason| inputs(reason, sold, referral, view);
    let nothing = |decision| Judgement { decision, converted: None, earns: None };
    if let Some(reason) = earns_nothing(sold, referral, view, trail) {
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
    Judgement { decision, converted: None, earns: Some(Earnings { incentive, minor: Some(minor), levels: shares }) }
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

/// Why no incentive is asked at all: questions 1 to 5.
fn earns_nothing(sold: &Sold<'_>, referral: &Referral, view: &View<'_>, trail: &mut Trail) -> Option<Reason> {
    if referral.status == ReferralStatus::Rejected {
        trail.decided("referral", "the referral is rejected");
        return Some(Reason::ReferralRejected);
    }
    trail.passed("referral", format!("the referral is {}", referral.status.as_str()));
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
    Judgement { decision, converted: None, earns: Some(Earnings { incentive, minor: None, levels: Vec::new() }) }
}

fn awaiting(
    incentive: &Incentive,
    rate: Option<Rate>,
    levels: bool,
    asked: Option<CommissionStatus>,
    view: &View<'_>,
) -> Awaiting {
    let (derived, _) = incentive.approval.first_status(view.now);
    Awaiting { rate, cap_minor: incentive.cap_minor, status: asked.unwrap_or(derived), levels }
}

/// Writes down how the full amount comes about.
pub(super) fn full_sum(
    reward: Reward,
    amount: Money,
    full: i64,
    exchange: Option<&Exchange>,
    view: &View<'_>,
    trail: &mut Trail,
) -> i64 {
    let result = view.team_money(full);
    let Reward::Percentage(rate) = reward else {
        trail.sum(format!("fixed: {} {}", result.to_fixed(), result.currency));
        return full;
    };
    let used = exchange.filter(|exchange| !exchange.legs().is_empty());
    let by = used.map_or_else(String::new, |exchange| {
        trail.applied("rate_of_exchange", format!("{} of {}", exchange.rate(), exchange.day()));
        format!(" × {}", exchange.rate())
    });
    let sale = format!("{} {}", amount.to_fixed(), amount.currency);
    trail.sum(format!("{sale}{by} × {} % = {} {}", rate.to_percent(), result.to_fixed(), result.currency));
    full
}

/// What the cap leaves of an amount: all, less, or nothing.
pub(super) fn capped(
    cap: Option<i64>,
    full: i64,
    total: i64,
    view: &View<'_>,
    trail: &mut Trail,
) -> (Reason, Option<i64>) {
    let Some(cap) = cap else { return (Reason::CommissionEarned, Some(full)) };
    let text = |minor| view.team_money(minor).to_fixed();
    let room = cap - total;
    if room <= 0 {
        trail.decided("cap", format!("{} of {} are used up", text(total), text(cap)));
        return (Reason::CapReached, None);
    }
    if full <= room {
        trail.passed("cap", format!("{} of {} are left", text(room), text(cap)));
        return (Reason::CommissionEarned, Some(full));
    }
    trail.applied("cap", format!("{} of {} are left", text(room), text(cap)));
    trail.sum(format!("min({}, {} − {}) = {}", text(full), text(cap), text(total), text(room)));
    (Reason::ReducedToCap, Some(room))
}

/// What those earn who recruited the affiliate, of a commission of `minor`. Who is not approved earns nothing, and so does
/// a share of theirs.
pub(super) fn shares<'a>(
    amount: Money,
    minor: i64,
    exchange: Option<&Exchange>,
    view: &View<'a>,
    trail: &mut Trail,
) -> Vec<LevelShare<'a>> {
    let mut shares = Vec::new();
    let mut below = view.team_money(minor);
    for (recruiter, level) in of_group(&view.program.levels, view.affiliate.group_id.as_ref()).into_iter().enumerate() {
        let Some(affiliate) = view.recruiters.get(recruiter) else {
            trail.left_out("level", format!("level {}: nobody recruited the one below", level.position));
            break;
        };
        let percent = level.rate.to_percent();
        let (of, share) = match level.base {
            Base::Commission => (below.to_fixed(), Some(below.share(level.rate).minor)),
            Base::Sale => (amount.to_fixed(), exchange.and_then(|exchange| exchange.share(amount.minor, level.rate))),
        };
        let earned = share.filter(|_| minor > 0 && affiliate.partnership == Partnership::Approved).unwrap_or(0);
        below = view.team_money(earned);
        if earned == 0 {
            trail.left_out("level", format!("level {}: {} earns nothing", level.position, affiliate.id));
            continue;
        }
        trail.applied("level", format!("level {}: {}", level.position, affiliate.id));
        trail.sum(format!("level {}: {of} × {percent} % = {}", level.position, below.to_fixed()));
        shares.push(LevelShare { level, recruiter, minor: earned });
    }
    shares
}
