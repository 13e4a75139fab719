//! The progress of commissions: held until their time and not longer, and none waits for a rate that is there.
//!
//! Keeps no state.

use attribution::sale::{Commission, Conversion};
use attribution::status::CommissionStatus;
use attribution::time::{DAY_MILLISECONDS, Timestamp};

use super::{Evidence, Problems};
use crate::rates::exchange_of;

/// So long after its time a job may come while nobody calls.
pub const GRACE_MILLISECONDS: i64 = DAY_MILLISECONDS / 2;

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    for commission in evidence.rows.commissions.values().filter(|row| row.deleted_at.is_none()) {
        check_hold(evidence, commission, problems);
    }
    for sale in evidence.rows.conversions.values() {
        check_converted(evidence, sale, problems);
    }
    for referral in evidence.rows.referrals.values() {
        let of_referral = evidence.rows.commissions.values().filter(|row| row.referral_id == referral.id);
        let paid = of_referral.filter(|row| row.payout_id.is_some()).count();
        problems.unless(referral.paid_out || paid == 0, || {
            format!("referral {} says it was not paid out, and {paid} commissions were", referral.id)
        });
    }
}

/// Nothing waits for the end of a hold that is over.
fn check_hold(evidence: &Evidence<'_>, commission: &Commission, problems: &mut Problems) {
    let waits = commission.status == CommissionStatus::Pending && commission.amount_minor.is_some();
    let end = commission.hold_until.map(Timestamp::milliseconds).filter(|_| waits);
    problems.unless(end.is_none_or(|end| end + GRACE_MILLISECONDS > evidence.now), || {
        format!("commission {} still waits, its hold was over at {end:?}", commission.id)
    });
}

/// Nothing waits for a rate that is there; what has none waits with its amount, and nothing else has none.
fn check_converted(evidence: &Evidence<'_>, sale: &Conversion, problems: &mut Problems) {
    let is_there = exchange_of(sale, &evidence.rows.rates).is_some();
    problems.unless(sale.converted.is_some() == is_there, || {
        format!("sale {} waits for a rate: {}, and one is there: {is_there}", sale.id, sale.converted.is_none())
    });
    let commission = sale.commission_id.as_ref().and_then(|id| evidence.rows.commissions.get(id));
    let has_amount = commission.is_none_or(|row| row.amount_minor.is_some());
    problems.unless(has_amount || !is_there, || format!("sale {} is converted and its commission waits", sale.id));
    let waits = sale.decision.awaiting.is_some();
    problems.unless(!waits || !is_there, || format!("sale {} is converted and its levels wait", sale.id));
}
