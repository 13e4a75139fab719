//! Referrals: each asked for, each acknowledged one there, one line per change, names that belong to one, sums that add up.
//!
//! Keeps no state.

use std::collections::{BTreeMap, BTreeSet};

use attribution::ids::AffiliateId;
use attribution::ledger::{FirstSeen, Outcome};
use attribution::referral::Referral;
use serde_json::Value;

use super::{Evidence, Problems};
use crate::body::Body;
use crate::history::Told;

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    for referral in evidence.rows.referrals.values() {
        check_origin(evidence, referral, problems);
        check_lines(evidence, referral, problems);
    }
    check_names(evidence, problems);
    check_acknowledged(evidence, problems);
    check_requests(evidence, problems);
}

/// Somebody asked for it, by this id, for this affiliate.
fn check_origin(evidence: &Evidence<'_>, referral: &Referral, problems: &mut Problems) {
    let is_asked = evidence.by_request(&referral.created_by_request).is_some_and(|(call, attempt)| match &call.body {
        Body::SignUp { click, .. } => referral.id == *click,
        Body::Direct { click: Some(click), affiliate, .. } => {
            referral.id == *click && credited(evidence, referral, affiliate)
        }
        Body::Direct { click: None, affiliate, .. } => {
            attempt.minted.contains(referral.id.as_str()) && credited(evidence, referral, affiliate)
        }
        Body::Sale(sale) => sale.referral.iter().chain(&sale.click).any(|named| referral.id == *named),
        _ => false,
    });
    problems.unless(is_asked, || format!("nobody asked for referral {}", referral.id));
    let click = evidence.click(&referral.id);
    let same = click.is_none_or(|click| credited(evidence, referral, &click.affiliate_id));
    problems.unless(same, || format!("referral {} credits another affiliate than its click", referral.id));
}

/// Whether it credits who it began with, or whom it was given to last.
fn credited(evidence: &Evidence<'_>, referral: &Referral, first: &AffiliateId) -> bool {
    let lines = evidence.rows.events.iter().filter(|line| line.subject == referral.id.as_str());
    let last = lines.filter(|line| line.kind == "referral.reassigned").max_by_key(|line| line.seq);
    let given_to = last.and_then(|line| line.detail.get("affiliate_id")).and_then(Value::as_str);
    referral.affiliate_id.as_str() == given_to.unwrap_or(first.as_str())
}

/// Lines 1, 2, 3, … up to the referral's own `seq`, each by a request that was made.
fn check_lines(evidence: &Evidence<'_>, referral: &Referral, problems: &mut Problems) {
    let lines = evidence.rows.events.iter().filter(|event| event.subject == referral.id.as_str());
    let seqs: BTreeSet<i64> = lines.clone().map(|event| event.seq).collect();
    let expected: BTreeSet<i64> = (1..=referral.seq).collect();
    let once = lines.clone().count() == seqs.len();
    problems.unless(once && seqs == expected, || {
        format!("referral {} is at seq {} and has the lines {seqs:?}", referral.id, referral.seq)
    });
    for event in lines {
        let is_asked = evidence.by_request(&event.request_id).is_some() || evidence.jobs.contains(&event.request_id);
        problems.unless(is_asked, || format!("nobody asked for line {} of {}", event.seq, referral.id));
    }
}

/// One customer is referred once: no name belongs to two referrals that stand, and the names' index says the same.
fn check_names(evidence: &Evidence<'_>, problems: &mut Problems) {
    let standing = evidence.rows.referrals.values().filter(|referral| referral.status.holds_identities());
    let mut holders = BTreeMap::new();
    for referral in standing {
        for name in referral.identities() {
            let text = format!("{} {}", name.kind.as_str(), name.value);
            let place = (referral.scope.program_id.clone(), referral.scope.is_test, name);
            let indexed = evidence.rows.identities.get(&place);
            problems.unless(indexed == Some(&referral.id), || {
                format!("{text} is a name of {} and the index says {indexed:?}", referral.id)
            });
            let other = holders.insert(text.clone(), &referral.id);
            problems.unless(other.is_none_or(|other| *other == referral.id), || {
                format!("{text} is a name of {} and of {other:?}", referral.id)
            });
        }
    }
    let indexed = evidence.rows.identities.len();
    problems.unless(indexed == holders.len(), || format!("{indexed} names are indexed, {} are known", holders.len()));
}

fn check_acknowledged(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (call, _, told) in evidence.answers() {
        let Told::Decided(answer) = told else { continue };
        let Outcome::Referral { referral, .. } = &answer.outcome else { continue };
        let stored = evidence.rows.referrals.get(&referral.id);
        problems.unless(stored.is_some_and(|stored| stored.created_at == referral.created_at), || {
            format!("referral {} was acknowledged to {:?} and is not stored so", referral.id, call.body)
        });
    }
}

/// One request makes one referral, and one referral is new to one request.
fn check_requests(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut made_by: BTreeMap<&str, usize> = BTreeMap::new();
    for referral in evidence.rows.referrals.values() {
        *made_by.entry(&referral.created_by_request).or_default() += 1;
    }
    for (request, times) in made_by {
        problems.unless(times == 1, || format!("request {request} made {times} referrals"));
    }
    let mut new_to = BTreeMap::new();
    for (call, attempt, told) in evidence.answers() {
        let Told::Decided(answer) = told else { continue };
        if call.body.edited_referral().is_some() {
            continue;
        }
        let Outcome::Referral { referral, first_seen: FirstSeen::Now, .. } = &answer.outcome else { continue };
        if answer.replayed {
            continue;
        }
        let other = new_to.insert(referral.id.as_str(), &attempt.request_id);
        problems.unless(other.is_none(), || format!("referral {} was new to two requests", referral.id));
    }
}
