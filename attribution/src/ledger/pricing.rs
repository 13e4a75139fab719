//! What an incentive pays for a sale, in digits: the rate of exchange, the cap, the levels; and on which terms a commission
//! waits for a rate. Source: docs/rules.md, sections 1, 4 and 5.
//!
//! Every step writes its line into the trail of the decision.

use super::View;
use super::trail::Trail;
use crate::day::Day;
use crate::decision::{Awaiting, Reason};
use crate::exchange::Exchange;
use crate::incentive::{Incentive, Reward};
use crate::level::{Base, Level, of_group};
use crate::money::{Money, Rate};
use crate::sale::{Converted, UsedRate};
use crate::status::{CommissionStatus, Partnership};
use crate::time::Timestamp;

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
    if let Some(used) = exchange.filter(|exchange| !exchange.legs().is_empty()) {
        trail.applied("rate_of_exchange", format!("{} of {}", used.rate(), used.day()));
    }
    let by = times(exchange);
    let sale = format!("{} {}", amount.to_fixed(), amount.currency);
    trail.sum(format!("{sale}{by} × {} % = {} {}", rate.to_percent(), result.to_fixed(), result.currency));
    full
}

/// The factor of a rate of exchange in a line of the sum; nothing where none was needed.
fn times(exchange: Option<&Exchange>) -> String {
    let used = exchange.filter(|exchange| !exchange.legs().is_empty());
    used.map_or_else(String::new, |exchange| format!(" × {}", exchange.rate()))
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
            Base::Sale => {
                let share = exchange.and_then(|exchange| exchange.share(amount.minor, level.rate));
                (format!("{}{}", amount.to_fixed(), times(exchange)), share)
            }
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

/// On which terms a commission waits: those in force now. `rate` is `None` where only its levels wait.
pub(super) fn awaiting(
    incentive: &Incentive,
    rate: Option<Rate>,
    levels: bool,
    asked: Option<CommissionStatus>,
    view: &View<'_>,
) -> Awaiting {
    let (derived, _) = incentive.approval.first_status(view.now);
    Awaiting { rate, cap_minor: incentive.cap_minor, status: asked.unwrap_or(derived), levels }
}
