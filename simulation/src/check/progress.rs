//! The progress of commissions: held until their time and not longer, approved once, paid once, and only what a payout
//! gathered.
//!
//! Keeps no state.

use std::collections::BTreeMap;

use attribution::decision::Reason;
use attribution::ledger::{Event, Outcome};
use attribution::sale::Commission;
use attribution::status::CommissionStatus;
use attribution::time::DAY_MILLISECONDS;
use serde_json::Value;

use super::{Evidence, Problems};
use crate::history::{Body, Told};

/// So long after its time a job may come while nobody calls.
pub const GRACE_MILLISECONDS: i64 = DAY_MILLISECONDS / 2;

/// The lines that moved one commission.
#[derive(Default)]
struct Moves<'a> {
    approved: Vec<&'a Event>,
    gathered: Vec<&'a Event>,
    paid: Vec<&'a Event>,
}

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut moves: BTreeMap<&str, Moves<'_>> = BTreeMap::new();
    for line in evidence.rows.events.iter().filter(|line| line.kind == "commission.moved") {
        for message in &line.messages {
            let id = message.data.get("commissionId").and_then(Value::as_str).unwrap_or_default();
            let moves = moves.entry(id).or_default();
            match message.kind.as_str() {
                "transaction.approved" => moves.approved.push(line),
                "transaction.updated" => {
                    moves.gathered.push(line);
                    check_asked(evidence, line, problems);
                }
                "transaction.paid" => {
                    moves.paid.push(line);
                    check_asked(evidence, line, problems);
                }
                other => problems.unless(false, || format!("line {} of {} tells {other}", line.seq, line.subject)),
            }
        }
    }
    let none = Moves::default();
    for commission in evidence.rows.commissions.values() {
        let moves = moves.get(commission.id.as_str()).unwrap_or(&none);
        check_hold(evidence, commission, moves, problems);
        check_paid(commission, moves, problems);
    }
    for referral in evidence.rows.referrals.values() {
        let of_referral = evidence.rows.commissions.values().filter(|row| row.referral_id == referral.id);
        let paid = of_referral.filter(|row| moves.get(row.id.as_str()).is_some_and(|moves| !moves.gathered.is_empty()));
        let paid = paid.count();
        problems.unless(referral.paid_out == (paid > 0), || {
            format!("referral {} says paid out: {}, and {paid} commissions were", referral.id, referral.paid_out)
        });
    }
    check_acknowledged(evidence, problems);
}

/// Ready when its hold is over, not before, once; and soon after.
fn check_hold(evidence: &Evidence<'_>, commission: &Commission, moves: &Moves<'_>, problems: &mut Problems) {
    let days = commission.hold_days.filter(|days| *days > 0 && !evidence.takes_back(commission));
    let end = commission.created_at.milliseconds() + i64::from(days.unwrap_or(0)) * DAY_MILLISECONDS;
    let times = moves.approved.len();
    let expected = match commission.status {
        _ if days.is_none() => 0..=0,
        CommissionStatus::ReadyForPayment | CommissionStatus::ProcessingPayout | CommissionStatus::Paid => 1..=1,
        CommissionStatus::Refunded | CommissionStatus::Declined => 0..=1,
        _ => 0..=0,
    };
    problems.unless(expected.contains(&times), || {
        format!("commission {} is {} and was approved {times} times", commission.id, commission.status.as_str())
    });
    for line in &moves.approved {
        let at = line.at.milliseconds();
        problems.unless(at >= end, || format!("commission {} was approved at {at}, before {end}", commission.id));
    }
    let waits = commission.status == CommissionStatus::Pending;
    problems.unless(!waits || end + GRACE_MILLISECONDS > evidence.now, || {
        format!("commission {} still waits, its hold was over at {end}", commission.id)
    });
    let until = commission.hold_until.map(attribution::time::Timestamp::milliseconds);
    problems.unless(!waits || until == Some(end), || {
        format!("commission {} is held until {until:?} and should be until {end}", commission.id)
    });
}

/// Gathered once, after it was approved; paid once, by the payout that gathered it, and then it stays paid.
fn check_paid(commission: &Commission, moves: &Moves<'_>, problems: &mut Problems) {
    let (id, status) = (&commission.id, commission.status);
    let times = (moves.gathered.len(), moves.paid.len());
    let expected = match status {
        CommissionStatus::ProcessingPayout => (1, 0),
        CommissionStatus::Paid => (1, 1),
        _ => (0, 0),
    };
    problems.unless(times == expected, || {
        format!("commission {id} is {} and was gathered and paid {times:?} times", status.as_str())
    });
    let approved = moves.approved.iter().map(|line| line.seq).max().unwrap_or(0);
    let is_later = moves.gathered.iter().all(|line| line.seq > approved);
    problems.unless(is_later, || format!("commission {id} was gathered before it was approved"));
    let gathered: Vec<Option<&Value>> = moves.gathered.iter().map(|line| line.detail.get("payout_id")).collect();
    for line in &moves.paid {
        let payout = line.detail.get("payout_id");
        problems.unless(gathered == [payout], || format!("payout {payout:?} paid {id}, which {gathered:?} gathered"));
    }
}

/// A payout moves what is its own referral's, under its own name.
fn check_asked(evidence: &Evidence<'_>, line: &Event, problems: &mut Problems) {
    let is_asked = evidence.by_request(&line.request_id).is_some_and(|(call, _)| {
        let Body::PayOut { referral, payout, .. } = &call.body else { return false };
        let named = line.detail.get("payout_id").and_then(Value::as_str) == Some(payout.as_str());
        named && referral.as_str() == line.subject
    });
    problems.unless(is_asked, || format!("nobody asked for line {} of {}", line.seq, line.subject));
}

/// After a payout that was acknowledged nothing is left in it, and no more was paid than it said.
fn check_acknowledged(evidence: &Evidence<'_>, problems: &mut Problems) {
    for (call, attempt, told) in evidence.answers() {
        let (Body::PayOut { payout, .. }, Told::Decided(answer)) = (&call.body, told) else { continue };
        let is_left = |row: &&Commission| {
            row.payout_id.as_ref() == Some(payout) && row.status == CommissionStatus::ProcessingPayout
        };
        let left = evidence.rows.commissions.values().filter(is_left).count();
        problems.unless(left == 0, || format!("payout {payout} was acknowledged and {left} commissions are in it"));
        let Outcome::Moved { commissions: said } = answer.outcome else { continue };
        let of_attempt =
            |line: &&Event| line.reason == Reason::CommissionsPaid && line.request_id == attempt.request_id;
        let paid: usize = evidence.rows.events.iter().filter(of_attempt).map(|line| line.messages.len()).sum();
        problems.unless(answer.replayed || said as usize <= paid, || {
            format!("payout {payout} was said to pay {said} commissions and paid {paid}")
        });
    }
}
