//! Clicks: every acknowledged one is stored once, in its own shard; nothing else is; and the database's counts are right.
//!
//! Keeps no state.

use std::collections::BTreeMap;

use attribution::ledger::Rejection;
use attribution::referral::Click;

use super::{Evidence, Problems};
use crate::body::Body;
use crate::history::Told;

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    check_stored(evidence, problems);
    check_acknowledged(evidence, problems);
    check_keys(evidence, problems);
    check_found(evidence, problems);
    check_counts(evidence, problems);
}

fn stored<'a>(evidence: &'a Evidence<'_>) -> impl Iterator<Item = (usize, &'a Click)> {
    evidence
        .disks
        .iter()
        .enumerate()
        .flat_map(|(shard, tables)| tables.clicks.iter().map(move |click| (shard, &**click)))
}

/// Where it belongs, once, and asked for.
fn check_stored(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for (shard, click) in stored(evidence) {
        *times.entry(click.id.as_str()).or_default() += 1;
        let placed = click.id.placement().map(|placement| usize::from(placement.shard));
        problems.unless(placed == Some(shard), || format!("click {} lies in shard {shard}", click.id));
        let asked = evidence.attempts().find(|(_, attempt)| attempt.minted.contains(click.id.as_str()));
        let is_asked = asked.is_some_and(
            |(call, _)| matches!(&call.body, Body::Click { affiliate, .. } if *affiliate == click.affiliate_id),
        );
        problems.unless(is_asked, || format!("nobody asked for click {}", click.id));
    }
    for (id, times) in times {
        problems.unless(times == 1, || format!("click {id} is stored {times} times"));
    }
    for (call, attempt) in evidence.attempts().filter(|(call, _)| matches!(call.body, Body::Click { .. })) {
        let of_attempt = stored(evidence).filter(|(_, click)| attempt.minted.contains(click.id.as_str())).count();
        problems.unless(of_attempt <= 1, || format!("one attempt of {:?} stored {of_attempt} clicks", call.body));
    }
}

fn check_acknowledged(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (_, _, told) in evidence.answers() {
        let Told::Click(click) = told else { continue };
        let is_there = stored(evidence).any(|(_, stored)| *stored == **click);
        problems.unless(is_there, || format!("click {} was acknowledged and is not stored so", click.id));
    }
}

/// One `Idempotency-Key`, one click; the same answer every time.
fn check_keys(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut answered: BTreeMap<&str, &Click> = BTreeMap::new();
    for (call, _, told) in evidence.answers() {
        let (Some(key), Told::Click(click)) = (&call.key, told) else { continue };
        let first = answered.entry(key).or_insert(click);
        problems.unless(**first == **click, || format!("key {key} was answered with {} and {}", first.id, click.id));
    }
    for key in answered.keys() {
        let calls = evidence
            .calls
            .iter()
            .filter(|call| call.key.as_deref() == Some(*key) && matches!(call.body, Body::Click { .. }));
        let minted: Vec<&String> = calls.flat_map(|call| &call.attempts).flat_map(|attempt| &attempt.minted).collect();
        let times = stored(evidence).filter(|(_, click)| minted.iter().any(|id| *id == click.id.as_str())).count();
        problems.unless(times == 1, || format!("key {key} has stored {times} clicks"));
    }
}

/// Whoever was given a click can use it.
fn check_found(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (call, _, told) in evidence.answers() {
        let Told::Rejected(rejection) = told else { continue };
        let lost = match &call.body {
            Body::SignUp { click, .. } | Body::Direct { click: Some(click), .. } => {
                let is_lost = matches!(rejection, Rejection::ClickNotFound | Rejection::CustomerNotFound);
                is_lost && !evidence.was_edited(click)
            }
            Body::Sale(sale) => {
                let mut named = sale.referral.iter().chain(&sale.click);
                *rejection == Rejection::ReferralNotFound && named.any(|id| !evidence.was_edited(id))
            }
            _ => false,
        };
        problems
            .unless(!lost, || format!("the click of {:?} was acknowledged and not found: {rejection:?}", call.body));
    }
}

fn check_counts(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut expected: BTreeMap<_, i64> = BTreeMap::new();
    for (shard, click) in stored(evidence) {
        let hour = click.clicked_at.milliseconds().div_euclid(3_600_000);
        let scope = &click.scope;
        let affiliate = click.affiliate_id.as_str().to_owned();
        let key = (scope.program_id.as_str().to_owned(), affiliate, i64::from(scope.is_test), hour);
        *expected.entry((u16::try_from(shard).unwrap_or(0), key)).or_default() += 1;
    }
    problems.unless(evidence.counts == expected, || {
        format!("the database counts {:?}, the shards hold {expected:?}", evidence.counts)
    });
}
