//! Answers: a repeat is answered as the first call was, as far as the rules allow anything else to have happened.
//!
//! Keeps no state.

use std::collections::BTreeMap;

use attribution::ids::ReferralId;
use attribution::ledger::{FirstSeen, Outcome};
use attribution::referral::{Identity, Referral};

use super::{Evidence, Problems};
use crate::body::Body;
use crate::history::{Call, Told};

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    check_kept(evidence, problems);
    check_sale_keys(evidence, problems);
    for call in evidence.calls.iter().filter(|call| matches!(call.body, Body::SignUp { .. })) {
        check_sign_ups(evidence, call, problems);
    }
}

/// One `Idempotency-Key` has one answer, and one body.
fn check_kept(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut kept: BTreeMap<(&str, &str), (&Body, &Outcome)> = BTreeMap::new();
    for (call, _, told) in evidence.answers() {
        let (Some(key), Told::Decided(answer)) = (&call.key, told) else { continue };
        let (body, outcome) = kept.entry((call.body.route(), key)).or_insert((&call.body, &answer.outcome));
        problems.unless(**body == call.body, || format!("key {key} was answered for two bodies"));
        problems.unless(**outcome == answer.outcome, || format!("key {key} was answered in two ways"));
    }
}

/// One sale key is answered with one sale, which is new to one request.
fn check_sale_keys(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut sales = BTreeMap::new();
    let mut new_to = BTreeMap::new();
    for (call, attempt, told) in evidence.answers() {
        let Told::Decided(answer) = told else { continue };
        let Outcome::Sale { sale, first_seen, .. } = &answer.outcome else { continue };
        let Some(key) = sold_under(&call.body) else { continue };
        if let Some(key) = key {
            let first = sales.entry(key).or_insert(&sale.conversion.id);
            problems.unless(*first == &sale.conversion.id, || format!("sale key {key} was answered with two sales"));
        }
        if *first_seen == FirstSeen::Now && !answer.replayed {
            let other = new_to.insert(sale.conversion.id.as_str(), &attempt.request_id);
            problems.unless(other.is_none(), || format!("sale {} was new to two requests", sale.conversion.id));
        }
    }
}

/// A sign-up is answered with one referral, unless that gave way to a key's word, or the click became one itself, or a
/// browser's word, which teaches nobody a name, named a user who has become known through another referral since.
fn check_sign_ups(evidence: &Evidence<'_>, call: &Call, problems: &mut Problems) {
    let Body::SignUp { click, user, verified, .. } = &call.body else { return };
    let gave_way = |id: &ReferralId| evidence.rows.referrals.get(id).is_some_and(|row| !row.status.holds_identities());
    // As they were when they were answered: a later claim can take the user over once more.
    let knows = |as_told: &Referral, user: &str| as_told.identities().contains(&Identity::external_user_id(user));
    let became_known = |first: &Referral, later: &Referral| {
        !verified && user.as_ref().is_some_and(|user| knows(later, user) && !knows(first, user))
    };
    let mut answers: Vec<(i64, i64, &Referral)> = Vec::new();
    for attempt in &call.attempts {
        let Some((heard, Told::Decided(answer))) = &attempt.told else { continue };
        if let Outcome::Referral { referral, .. } = &answer.outcome {
            answers.push((attempt.began, *heard, referral));
        }
    }
    for (_, heard, first) in &answers {
        for (began, _, later) in &answers {
            let excused = began <= heard || first.id == later.id || later.id == *click || gave_way(&first.id);
            let excused = excused || became_known(first, later);
            let excused = excused || evidence.was_edited(&first.id) || evidence.was_edited(&later.id);
            problems.unless(excused, || {
                format!("{:?} was answered with {} and later with {}", call.body, first.id, later.id)
            });
        }
    }
}

/// The key under which a call records a sale, if it has one; `None` for calls that record none.
#[expect(clippy::option_option, reason = "a sale without a key is something else than no sale")]
pub fn sold_under(body: &Body) -> Option<Option<&String>> {
    match body {
        Body::Sale(sale) if !sale.dry_run => Some(sale.key.as_ref()),
        Body::Manual { key, .. } => Some(key.as_ref()),
        _ => None,
    }
}
