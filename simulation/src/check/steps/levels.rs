//! Levels: what those earn who recruited the affiliate that sold, the nearest first: each a share of the commission below,
//! or of the sale, rounded by itself.
//!
//! Keeps no state.

use attribution::exchange::Exchange;
use attribution::ids::AffiliateId;
use attribution::level::Base;
use attribution::sale::{Commission, Conversion};
use attribution::status::CommissionKind;

use super::prices::share;
use super::{Step, half_up};
use crate::check::Problems;
use crate::rules::everybody;

/// Compares the levels that this step has made for a sale with what a commission of `earned` brings them.
pub fn check(step: &Step<'_>, sale: &Conversion, earned: i64, exchange: Option<&Exchange>, problems: &mut Problems) {
    let is_new = |row: &&Commission| row.kind == CommissionKind::Level && step.commission_before(&row.id).is_none();
    let new = step.commissions().filter(is_new).filter(|row| row.conversion_id.as_ref() == Some(&sale.id));
    let mut came_to: Vec<(AffiliateId, u8, i64)> =
        new.map(|row| (row.affiliate_id.clone(), row.level, row.earned_minor.unwrap_or(0))).collect();
    came_to.sort_by_key(|(_, level, _)| *level);
    let due = due(step, sale, earned, exchange);
    problems.unless(came_to == due, || {
        format!("the levels of sale {} came to {came_to:?} and should have to {due:?}", sale.id)
    });
}

fn due(step: &Step<'_>, sale: &Conversion, earned: i64, exchange: Option<&Exchange>) -> Vec<(AffiliateId, u8, i64)> {
    let mut due = Vec::new();
    let mut below = earned;
    if earned == 0 {
        return due;
    }
    let recruiters = everybody().into_iter().skip_while(|affiliate| *affiliate != sale.affiliate_id).skip(1);
    let levels = (1_u8..).zip(step.rules.levels.into_iter().flatten());
    for (recruiter, (position, (base, parts))) in recruiters.zip(levels) {
        let full = match base {
            Base::Commission => half_up(below, parts),
            Base::Sale => share(sale, parts, exchange).unwrap_or(0),
        };
        below = if step.rules.approves(&recruiter) { full } else { 0 };
        if below > 0 {
            due.push((recruiter, position, below));
        }
    }
    due
}
