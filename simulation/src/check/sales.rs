//! Sales: each asked for, each once, each credited and priced as the referral's history says.
//!
//! Keeps no state.

use std::collections::BTreeMap;

use attribution::ledger::Outcome;
use attribution::sale::{Commission, Conversion};
use attribution::status::SalesStatus;

use super::account::Account;
use super::{Evidence, Problems};
use crate::history::{Attempt, Body, Call, Told};

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    for conversion in evidence.rows.conversions.values() {
        check_asked(evidence, conversion, problems);
    }
    for referral in evidence.rows.referrals.values() {
        Account::check(evidence, referral, problems);
    }
    check_once(evidence, problems);
    check_acknowledged(evidence, problems);
    check_commissions(evidence, problems);
}

/// The attempt for which a sale's id was minted.
pub fn asked_by<'a>(evidence: &'a Evidence<'_>, conversion: &Conversion) -> Option<(&'a Call, &'a Attempt)> {
    evidence.attempts().find(|(_, attempt)| attempt.minted.contains(conversion.id.as_str()))
}

fn check_asked(evidence: &Evidence<'_>, conversion: &Conversion, problems: &mut Problems) {
    let is_asked = asked_by(evidence, conversion).is_some_and(|(call, _)| {
        let Body::Sale { key, minor, status, .. } = &call.body else { return false };
        let same_status = conversion.sales_status == *status || conversion.refunded_minor > 0;
        conversion.sale_key == *key && conversion.amount.minor == *minor && same_status
    });
    problems.unless(is_asked, || format!("nobody asked for sale {} as it is stored", conversion.id));
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
        let attempts: Vec<&Attempt> = calls.flat_map(|call| &call.attempts).collect();
        let times = recorded(&attempts);
        problems.unless(times <= 1, || format!("key {key} recorded {times} sales"));
    }
}

/// What a client was told is stored: the sale as it was told, and a refused one as nobody's.
fn check_acknowledged(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (call, attempt, told) in evidence.answers() {
        let Body::Sale { key, .. } = &call.body else { continue };
        match told {
            Told::Decided(answer) => {
                let Outcome::Sale { sale, .. } = &answer.outcome else { continue };
                let stored = evidence.rows.conversions.get(&sale.conversion.id);
                let as_told = stored.map(|stored| as_recorded(stored.clone()));
                problems.unless(as_told == Some(as_recorded(sale.conversion.clone())), || {
                    format!("sale {} was acknowledged and is not stored so", sale.conversion.id)
                });
                let earned = |row: &Commission| (row.id.clone(), row.earned_minor);
                let told = sale.commission.as_ref().map(earned);
                let id = told.as_ref().map(|(id, _)| id);
                let stored = id.and_then(|id| evidence.rows.commissions.get(id)).map(earned);
                problems.unless(stored == told, || {
                    format!("the commission of {} was acknowledged and is not stored so", sale.conversion.id)
                });
            }
            Told::Rejected(attribution::ledger::Rejection::ReferralNotFound) => {
                let kept = key.as_ref().unwrap_or(&attempt.request_id);
                let sold = evidence.rows.conversions.values().any(|row| row.sale_key.as_ref() == Some(kept));
                problems.unless(sold || (evidence.keeps_unattributed)(kept), || {
                    format!("sale {kept} was refused and is not kept as nobody's")
                });
            }
            _ => {}
        }
    }
}

/// A sale without what refunds have changed of it.
fn as_recorded(sale: Conversion) -> Conversion {
    Conversion { refunded_minor: 0, sales_status: SalesStatus::Complete, updated_at: sale.recorded_at, ..sale }
}

/// Every commission is a sale's or a lead's, or takes back what a refund must.
fn check_commissions(evidence: &Evidence<'_>, problems: &mut Problems) {
    for commission in evidence.rows.commissions.values() {
        let sale = commission.conversion_id.as_ref().map(|id| evidence.rows.conversions.get(id));
        let belongs =
            sale.is_none_or(|sale| sale.is_some_and(|sale| sale.commission_id.as_ref() == Some(&commission.id)));
        problems.unless(belongs || evidence.takes_back(commission), || {
            format!("commission {} belongs to no sale", commission.id)
        });
    }
}
