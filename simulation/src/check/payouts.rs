//! Payouts: a commission is in one at most that stands, what is paid was gathered, lines add up to what is paid, and once
//! nobody calls any more nothing is left half way.
//!
//! Keeps no state.

use std::collections::BTreeMap;

use attribution::ids::{CommissionId, PayoutId};
use attribution::payout::Payout;
use attribution::sale::Commission;
use attribution::status::{CommissionStatus, PayoutStatus};

use super::{Evidence, Problems};
use crate::body::Body;
use crate::history::Told;

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    for payout in evidence.payouts.values() {
        check_asked(evidence, payout, problems);
        check_sum(evidence, payout, problems);
        problems.unless(payout.work.is_none(), || format!("payout {} is left {:?}", payout.id, payout.work));
    }
    check_once(evidence, problems);
    for commission in evidence.rows.commissions.values() {
        check_gathered(evidence, commission, problems);
    }
    check_acknowledged(evidence, problems);
}

fn lines<'a>(evidence: &'a Evidence<'_>, payout: &PayoutId) -> impl Iterator<Item = (&'a CommissionId, i64)> {
    let lines = evidence.rows.payout_lines.iter().filter(move |(of, ..)| of == payout);
    lines.map(|(_, commission, minor)| (commission, *minor))
}

fn is_off(payout: &Payout) -> bool {
    matches!(payout.status, PayoutStatus::Failed | PayoutStatus::Cancelled)
}

fn check_asked(evidence: &Evidence<'_>, payout: &Payout, problems: &mut Problems) {
    let is_asked = evidence.calls.iter().any(|call| {
        let Body::PayOut { affiliate, payout: id } = &call.body else { return false };
        *id == payout.id && *affiliate == payout.affiliate_id
    });
    problems.unless(is_asked, || format!("nobody asked for payout {}", payout.id));
}

/// What was paid is what was gathered, of the same commissions, and it was worth paying.
fn check_sum(evidence: &Evidence<'_>, payout: &Payout, problems: &mut Problems) {
    let gathered: i64 = lines(evidence, &payout.id).map(|(_, minor)| minor).sum();
    problems.unless(is_off(payout) || payout.work.is_some() || gathered > 0, || {
        format!("payout {} is {} and comes to {gathered}", payout.id, payout.status.as_str())
    });
    let of_payout = evidence.rows.commissions.values().filter(|row| row.payout_id.as_ref() == Some(&payout.id));
    let now: Vec<&Commission> = of_payout.collect();
    let sum: i64 = now.iter().filter_map(|row| row.amount_minor).sum();
    let expected = if is_off(payout) { 0 } else { gathered };
    problems.unless(payout.work.is_some() || sum == expected, || {
        format!("payout {} gathered {gathered}, and its commissions come to {sum}", payout.id)
    });
    let status = match payout.status {
        PayoutStatus::Completed => CommissionStatus::Paid,
        _ => CommissionStatus::ProcessingPayout,
    };
    for row in now {
        problems.unless(payout.work.is_some() || row.status == status, || {
            let (id, ended) = (&row.id, payout.status.as_str());
            format!("payout {} is {ended} and commission {id} is {}", payout.id, row.status.as_str())
        });
    }
}

/// In one payout at most that did not come to nothing.
fn check_once(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut standing: BTreeMap<&CommissionId, Vec<&PayoutId>> = BTreeMap::new();
    for (payout, commission, _) in &evidence.rows.payout_lines {
        if evidence.payouts.get(payout).is_some_and(|payout| !is_off(payout)) {
            standing.entry(commission).or_default().push(payout);
        }
    }
    for (commission, payouts) in standing {
        problems.unless(payouts.len() == 1, || format!("commission {commission} is in the payouts {payouts:?}"));
    }
}

/// What is in a payout, or was paid by one, was gathered for it, as it was.
fn check_gathered(evidence: &Evidence<'_>, commission: &Commission, problems: &mut Problems) {
    let Some(payout) = &commission.payout_id else { return };
    let line = lines(evidence, payout).find(|(id, _)| **id == commission.id).map(|(_, minor)| minor);
    problems.unless(line.is_some() && line == commission.amount_minor, || {
        let (id, amount) = (&commission.id, commission.amount_minor);
        format!("commission {id} of {amount:?} is in payout {payout}, which gathered {line:?} of it")
    });
}

/// A payout that a client was told of is there, and has not gone back since.
fn check_acknowledged(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (_, _, told) in evidence.answers() {
        let Told::Payout(payout) = told else { continue };
        let stored = evidence.payouts.get(&payout.id);
        let is_well = stored.is_some_and(|stored| {
            let same = stored.status == payout.status || payout.status.may_become(stored.status);
            same && stored.version >= payout.version
        });
        problems.unless(is_well, || format!("payout {} was acknowledged and is not stored so", payout.id));
    }
}
