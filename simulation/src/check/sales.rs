//! Sales: each asked for, each once; what was acknowledged was stored so.
//!
//! Keeps no state.

use std::collections::BTreeMap;

use attribution::ledger::{Outcome, Rejection};
use attribution::memory::Rows;
use attribution::sale::{Commission, Conversion};
use attribution::status::CommissionKind;

use super::answers::sold_under;
use super::{Evidence, Problems};
use crate::body::Body;
use crate::history::{Attempt, Call, Told};

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    for conversion in evidence.rows.conversions.values() {
        let call = asked_by(evidence, conversion).map(|(call, _)| call);
        let is_asked = call.and_then(|call| sold_under(&call.body)) == Some(conversion.sale_key.as_ref());
        problems.unless(is_asked, || format!("nobody asked for sale {} as it is stored", conversion.id));
    }
    check_once(evidence, problems);
    check_acknowledged(evidence, problems);
    check_commissions(evidence, problems);
}

/// The attempt for which a sale's id was minted.
fn asked_by<'a>(evidence: &'a Evidence<'_>, conversion: &Conversion) -> Option<(&'a Call, &'a Attempt)> {
    evidence.attempts().find(|(_, attempt)| attempt.minted.contains(conversion.id.as_str()))
}

/// One sale key, one sale; one attempt, one sale; one keyed call, one sale.
fn check_once(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut by_key: BTreeMap<&str, usize> = BTreeMap::new();
    for key in evidence.rows.conversions.values().filter_map(|conversion| conversion.sale_key.as_deref()) {
        *by_key.entry(key).or_default() += 1;
    }
    for (key, times) in by_key {
        problems.unless(times == 1, || format!("sale key {key} was recorded {times} times"));
    }
    let recorded = |attempts: &[&Attempt]| {
        let ids = evidence.rows.conversions.keys();
        ids.filter(|id| attempts.iter().any(|attempt| attempt.minted.contains(id.as_str()))).count()
    };
    for (call, attempt) in evidence.attempts() {
        let times = recorded(&[attempt]);
        problems.unless(times <= 1, || format!("one attempt of {:?} recorded {times} sales", call.body));
    }
    for key in evidence.calls.iter().filter_map(|call| call.key.as_ref()) {
        let calls = evidence.calls.iter().filter(|call| call.key.as_ref() == Some(key));
        let mut by_route: BTreeMap<&str, Vec<&Attempt>> = BTreeMap::new();
        calls.for_each(|call| by_route.entry(call.body.route()).or_default().extend(&call.attempts));
        for (route, attempts) in by_route {
            let times = recorded(&attempts);
            problems.unless(times <= 1, || format!("key {key} of {route} recorded {times} sales"));
        }
    }
}

/// What a client was told was stored so, at some time; and a refused sale is kept as nobody's.
fn check_acknowledged(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (call, attempt, told) in evidence.answers() {
        match (&call.body, told) {
            (Body::Sale(sale), Told::Rejected(Rejection::ReferralNotFound)) if !sale.dry_run => {
                let kept = sale.key.as_ref().unwrap_or(&attempt.request_id);
                let sold = evidence.rows.conversions.values().any(|row| row.sale_key.as_ref() == Some(kept));
                problems.unless(sold || (evidence.keeps_unattributed)(kept), || {
                    format!("sale {kept} was refused and is not kept as nobody's")
                });
            }
            (Body::Sale(sale), Told::Decided(_)) if sale.dry_run => {}
            (_, Told::Decided(answer)) => match &answer.outcome {
                Outcome::Sale { sale, .. } => {
                    check_conversion(evidence, &sale.conversion, problems);
                    check_rows(evidence, sale.commission.iter().chain(&sale.levels), problems);
                }
                Outcome::Commission { commission, conversion } => {
                    if let Some(sale) = conversion {
                        check_conversion(evidence, sale, problems);
                    }
                    check_rows(evidence, std::iter::once(&**commission), problems);
                }
                _ => {}
            },
            _ => {}
        }
    }
}

fn check_conversion(evidence: &Evidence<'_>, told: &Conversion, problems: &mut Problems) {
    let was_so = |rows: &Rows| rows.conversions.get(&told.id) == Some(told);
    let was_stored = evidence.commits.iter().rev().any(|commit| was_so(&commit.after));
    let is_there = evidence.rows.conversions.contains_key(&told.id);
    problems.unless(was_stored && is_there, || format!("sale {} was acknowledged and is not stored so", told.id));
}

fn check_rows<'a>(evidence: &Evidence<'_>, told: impl Iterator<Item = &'a Commission>, problems: &mut Problems) {
    for told in told {
        let was_so = |rows: &Rows| rows.commissions.get(&told.id) == Some(told);
        let was_stored = evidence.commits.iter().rev().any(|commit| was_so(&commit.after));
        let is_there = evidence.rows.commissions.contains_key(&told.id);
        problems
            .unless(was_stored && is_there, || format!("commission {} was acknowledged and is not stored so", told.id));
    }
}

/// Every commission is a sale's or a lead's, or takes back what a refund must.
fn check_commissions(evidence: &Evidence<'_>, problems: &mut Problems) {
    for commission in evidence.rows.commissions.values() {
        let sale = commission.conversion_id.as_ref().and_then(|id| evidence.rows.conversions.get(id));
        let belongs = match commission.kind {
            CommissionKind::Lead => commission.conversion_id.is_none(),
            CommissionKind::Sale | CommissionKind::Manual => {
                let is_its = sale.is_some_and(|sale| sale.commission_id.as_ref() == Some(&commission.id));
                is_its || (sale.is_some() && commission.deleted_at.is_some())
            }
            CommissionKind::Level => sale.is_some(),
            CommissionKind::Clawback => sale.is_some_and(|sale| sale.refunded_minor > 0),
        };
        problems.unless(belongs, || format!("commission {} belongs to no sale", commission.id));
    }
}
