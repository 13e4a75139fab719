//! What happens to commissions and waiting refunds as time goes by: holds end, commissions are paid out, refunds whose
//! sale never came expire.
//!
//! Sources: design, sections 4 (set-wide jobs raise `seq`) and 5 (approval, refunds before their sale). A job's command
//! goes through the gate like any other and names what it expects: a commission that is no longer in the status that it
//! moves from stays as it is.

use super::changes::{Change, Event, Plan};
use super::netting::{net_released, waits_for_its_payout};
use super::outcome::{Outcome, Rejection};
use super::requests::{ExpireRefund, MoveCommissions, Step};
use super::{State, View};
use crate::decision::{Decision, Reason};
use crate::ids::PayoutId;
use crate::messages::commission_message;
use crate::payout::PayoutLine;
use crate::program::Program;
use crate::referral::Referral;
use crate::sale::{Commission, Conversion};
use crate::status::{CommissionKind, CommissionStatus, ReferralStatus};
use crate::time::Timestamp;

impl Step {
    /// Whether a commission takes this step at `now`.
    fn takes(&self, commission: &Commission, now: Timestamp) -> bool {
        let is_in = |payout: &PayoutId| {
            commission.status == CommissionStatus::ProcessingPayout && commission.payout_id.as_ref() == Some(payout)
        };
        match self {
            Self::EndHold => {
                let is_over = commission.hold_until.is_some_and(|end| end <= now);
                // Without an amount it waits for a rate of exchange as well.
                commission.status == CommissionStatus::Pending && is_over && commission.amount_minor.is_some()
            }
            Self::Gather { affiliate_id, .. } => {
                commission.status == CommissionStatus::ReadyForPayment && commission.affiliate_id == *affiliate_id
            }
            Self::Pay { payout_id } | Self::Release { payout_id } => is_in(payout_id),
        }
    }

    fn status_after(&self) -> CommissionStatus {
        match self {
            Self::EndHold | Self::Release { .. } => CommissionStatus::ReadyForPayment,
            Self::Gather { .. } => CommissionStatus::ProcessingPayout,
            Self::Pay { .. } => CommissionStatus::Paid,
        }
    }

    /// The payout that the commission is in afterwards.
    fn payout_after(&self) -> Option<&PayoutId> {
        match self {
            Self::EndHold | Self::Release { .. } => None,
            Self::Gather { payout_id, .. } | Self::Pay { payout_id } => Some(payout_id),
        }
    }

    fn message_kind(&self) -> &'static str {
        match self {
            Self::EndHold => "transaction.approved",
            Self::Gather { .. } | Self::Release { .. } => "transaction.updated",
            Self::Pay { .. } => "transaction.paid",
        }
    }

    fn decision(&self) -> Decision {
        match self {
            Self::EndHold => Decision::new(Reason::HoldEnded),
            Self::Gather { payout_id, .. } => {
                Decision::new(Reason::CommissionsGathered).with("payout_id", payout_id.as_str())
            }
            Self::Pay { payout_id } => Decision::new(Reason::CommissionsPaid).with("payout_id", payout_id.as_str()),
            Self::Release { payout_id } => Decision::new(Reason::PayoutEnded).with("payout_id", payout_id.as_str()),
        }
    }
}

/// Moves the referral's commissions on that take the step.
pub(super) fn move_commissions(command: &MoveCommissions, view: &View<'_>) -> Result<Plan, Rejection> {
    let referral = view.state.referral(&command.referral_id).ok_or(Rejection::ReferralNotFound)?;
    let taking =
        view.state.commissions.iter().filter(|(commission, _)| {
            command.step.takes(commission, view.now) && !waits_for_its_payout(commission, view)
        });
    let mut uncounted_minor = 0;
    let mut moved: Vec<(Commission, Option<&Conversion>)> = taking
        .map(|(commission, conversion)| {
            let after = moved(commission, &command.step, referral, view.now);
            let counted = |row: &Commission| row.counted_minor(&referral.affiliate_id);
            uncounted_minor += counted(commission) - counted(&after);
            (after, conversion.as_ref())
        })
        .collect();
    let outcome = Outcome::Moved { commissions: u32::try_from(moved.len()).unwrap_or(u32::MAX) };
    if moved.is_empty() {
        return Ok(Plan { scope: referral.scope.clone(), changes: Vec::new(), outcome, replayed: false });
    }
    if let Step::Release { .. } = command.step {
        net_released(&mut moved, view);
    }
    let mut referral = referral.clone();
    referral.seq += 1;
    referral.updated_at = view.now;
    referral.paid_out |= moved.iter().any(|(commission, _)| commission.status.is_paid_out());
    referral.commission_total_minor -= uncounted_minor;
    let ids: Vec<&str> = moved.iter().map(|(commission, _)| commission.id.as_str()).collect();
    let decision = command.step.decision().with("commission_ids", ids);
    let messages = moved.iter().map(|(commission, conversion)| {
        let kind = match commission.status {
            _ if commission.deleted_at.is_some() => "transaction.deleted",
            CommissionStatus::Declined => "transaction.rejected",
            _ => command.step.message_kind(),
        };
        commission_message(kind, *conversion, commission)
    });
    let event = Event::of("commission.moved", &referral, decision, &command.context, view.program.rules_version)
        .telling(&referral.scope, messages.collect::<Vec<_>>());
    let scope = referral.scope.clone();
    let mut changes = vec![Change::UpdateReferral(Box::new(referral))];
    for (commission, _) in moved {
        changes.extend(
            payout_line(&command.step, &commission, view.now).map(|line| Change::AddPayoutLine(Box::new(line))),
        );
        changes.push(Change::UpdateCommission(Box::new(commission)));
    }
    changes.push(Change::AppendEvent(Box::new(event)));
    Ok(Plan { scope, changes, outcome, replayed: false })
}

fn moved(commission: &Commission, step: &Step, referral: &Referral, now: Timestamp) -> Commission {
    let moved = Commission {
        status: step.status_after(),
        payout_id: step.payout_after().cloned(),
        hold_until: None,
        updated_at: now,
        ..commission.clone()
    };
    let is_owed = referral.status.holds_identities() || commission.kind == CommissionKind::Clawback;
    if is_owed || !matches!(step, Step::Release { .. }) {
        return moved;
    }
    // Rejecting the referral would have declined it, had it not been in the payout.
    let is_deleted = referral.status == ReferralStatus::Deleted;
    let reason = if is_deleted { Reason::ReferralDeleted } else { Reason::ReferralRejected };
    Commission { status: CommissionStatus::Declined, reason, ..moved }
}

/// What a payout pays of a commission: what refunds have taken back since an earlier payout is a negative line of its own.
fn payout_line(step: &Step, commission: &Commission, now: Timestamp) -> Option<PayoutLine> {
    let Step::Gather { payout_id, .. } = step else { return None };
    Some(PayoutLine {
        payout_id: payout_id.clone(),
        commission_id: commission.id.clone(),
        referral_id: commission.referral_id.clone(),
        amount_minor: commission.amount_minor.unwrap_or(0),
        created_at: now,
    })
}

/// Gives a waiting refund up whose time is over. Its line fails the batch when the sale has settled it meanwhile.
pub(super) fn expire(command: &ExpireRefund, state: &State, program: &Program, now: Timestamp) -> Plan {
    let over = state.parked.iter().find(|parked| parked.id == command.refund_id && parked.expires_at <= now);
    let mut changes = Vec::new();
    if let Some(parked) = over {
        let decision = Decision::new(Reason::RefundExpired).with("sale_key", parked.sale_key.as_str());
        let version = program.rules_version;
        let line = Event::of_parked("refund.expired", parked, 2, decision, &command.context, version, now);
        changes.push(Change::SettleRefund(Box::new(parked.clone())));
        changes.push(Change::AppendEvent(Box::new(line)));
    }
    let outcome = Outcome::Moved { commissions: 0 };
    Plan { scope: command.scope.clone(), changes, outcome, replayed: false }
}
