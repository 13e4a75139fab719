//! Refunds: each asked for, each once, never beyond its sale; a refund that waits meets its sale or is given up in time,
//! never both.
//!
//! Keeps no state.

use std::collections::BTreeMap;

use attribution::ids::RefundId;
use attribution::ledger::{Event, Outcome};
use attribution::sale::Conversion;
use attribution::time::DAY_MILLISECONDS;

use super::progress::GRACE_MILLISECONDS;
use super::{Evidence, Problems};
use crate::body::Body;
use crate::history::Told;

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    check_asked(evidence, problems);
    check_keys(evidence, problems);
    check_acknowledged(evidence, problems);
    for sale in evidence.rows.conversions.values() {
        check_sale(evidence, sale, problems);
    }
    for parked in evidence.rows.parked.values() {
        let came = evidence.rows.conversions.values().any(|sale| sale.sale_key.as_ref() == Some(&parked.sale_key));
        problems.unless(!came, || format!("refund {} waits for {}, which is there", parked.id, parked.sale_key));
        let end = parked.expires_at.milliseconds();
        problems.unless(end + GRACE_MILLISECONDS > evidence.now, || {
            format!("refund {} still waits, its time was over at {end}", parked.id)
        });
    }
    check_waiting(evidence, problems);
}

/// What waited has a line that says since when, and waits still, or one line says what became of it.
fn check_waiting(evidence: &Evidence<'_>, problems: &mut Problems) {
    let parked = evidence.rows.events.iter().filter(|line| line.kind == "refund.parked");
    for begin in parked {
        let id = RefundId::new(begin.subject.as_str());
        let of_refund =
            evidence.rows.events.iter().filter(|line| line.subject == begin.subject && line.seq > begin.seq);
        let ends: Vec<&Event> = of_refund.collect();
        let waits = evidence.rows.parked.contains_key(&id);
        problems.unless(ends.len() == usize::from(!waits), || {
            format!("refund {id} waits: {waits}, and ended {} times", ends.len())
        });
        for end in ends.iter().filter(|end| end.kind == "refund.expired") {
            let waited = end.at.milliseconds() - begin.at.milliseconds();
            problems.unless(waited >= 30 * DAY_MILLISECONDS, || format!("refund {id} was given up after {waited} ms"));
            let is_applied = evidence.rows.refunds.contains_key(&id);
            problems.unless(!is_applied, || format!("refund {id} was given up and applied"));
        }
    }
}

/// Stored or waiting, each refund is an attempt's own, of the amount that was asked.
fn check_asked(evidence: &Evidence<'_>, problems: &mut Problems) {
    let stored = evidence.rows.refunds.values().map(|row| (&row.id, row.asked, &row.refund_key));
    let waiting = evidence.rows.parked.values().map(|row| (&row.id, row.amount, &row.refund_key));
    for (id, asked, refund_key) in stored.chain(waiting) {
        let by = evidence.attempts().find(|(_, attempt)| attempt.minted.contains(id.as_str()));
        let is_asked = by.is_some_and(|(call, _)| {
            let Body::Refund { amount, key, .. } = &call.body else { return false };
            asked == *amount && refund_key == key
        });
        problems.unless(is_asked, || format!("nobody asked for refund {id} as it is stored"));
    }
}

/// One refund key, one refund, wherever it is.
fn check_keys(evidence: &Evidence<'_>, problems: &mut Problems) {
    let stored = evidence.rows.refunds.values().filter_map(|row| row.refund_key.as_deref());
    let waiting = evidence.rows.parked.values().filter_map(|row| row.refund_key.as_deref());
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for key in stored.chain(waiting) {
        *times.entry(key).or_default() += 1;
    }
    for (key, times) in times {
        problems.unless(times == 1, || format!("refund key {key} was recorded {times} times"));
    }
    for (call, attempt) in evidence.attempts() {
        let times = evidence.rows.refunds.keys().chain(evidence.rows.parked.keys());
        let times = times.filter(|id| attempt.minted.contains(id.as_str())).count();
        problems.unless(times <= 1, || format!("one attempt of {:?} recorded {times} refunds", call.body));
    }
}

/// The sum of its refunds, at most itself.
fn check_sale(evidence: &Evidence<'_>, sale: &Conversion, problems: &mut Problems) {
    let refunds = evidence.rows.refunds.values().filter(|refund| refund.conversion_id == sale.id);
    let refunded: i64 = refunds.map(|refund| refund.amount.minor).sum();
    problems.unless(refunded == sale.refunded_minor && refunded <= sale.amount.minor, || {
        let (amount, said) = (sale.amount.minor, sale.refunded_minor);
        format!("sale {} of {amount} says {said} refunded, its refunds say {refunded}", sale.id)
    });
}

/// What a client was told of is there, or waits, or its line says what became of it.
fn check_acknowledged(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (_, _, told) in evidence.answers() {
        let Told::Decided(answer) = told else { continue };
        let id = match &answer.outcome {
            Outcome::Refund { refund: Some(refund), .. } => &refund.id,
            Outcome::Parked { refund, .. } => &refund.id,
            _ => continue,
        };
        let (rows, name) = (&evidence.rows, id.as_str());
        let ended = |line: &Event| line.subject == name && matches!(line.kind, "refund.settled" | "refund.expired");
        let has_ended = rows.events.iter().any(ended);
        let is_there = rows.refunds.contains_key(id) || rows.parked.contains_key(id) || has_ended;
        problems.unless(is_there, || format!("refund {id} was acknowledged and is not stored"));
    }
}
