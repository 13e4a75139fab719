//! Claims: what only a browser said of a customer gives way to what a key vouches for.
//!
//! A browser's lead needs no key, so anybody with a click may claim any customer. A keyed sign-up, direct referral, sale
//! or edit that names the same customer together with another click or referral takes the names back, as long as nothing
//! was paid out: the claim is rejected, its lead commission declined, and the line of the ledger says by what.
//! Source: design, section 1, "Claims".

use super::changes::{Change, Event, Plan};
use super::command::{Command, Context};
use super::{State, View};
use crate::decision::{Decision, Reason};
use crate::ids::ReferralId;
use crate::referral::{Click, Identity, Referral};
use crate::status::ReferralStatus;
use crate::transitions::Mover;

/// A name that a claim holds, with the claim.
pub(super) type ClaimedName = (Identity, Referral);

/// Takes out of `state` the names that claims hold and this command may take from them.
pub(super) fn set_aside(command: &Command, click: Option<&Click>, state: State) -> (State, Vec<ClaimedName>) {
    let Some(subject) = subject(command, click, &state) else { return (state, Vec::new()) };
    let (claimed, holders) =
        state.holders.into_iter().partition(|(_, holder)| holder.id != subject && may_be_overridden(holder));
    (State { holders, ..state }, claimed)
}

/// What the command would credit instead; `None` where nothing but the claim is known of the customer, or no key
/// vouches for the call.
fn subject(command: &Command, click: Option<&Click>, state: &State) -> Option<ReferralId> {
    match command {
        Command::SignUp(sign_up) => {
            let exists = click.is_some() || state.referral(&sign_up.click_id).is_some();
            (sign_up.verified && exists).then(|| sign_up.click_id.clone())
        }
        Command::CreateReferral(create) => Some(create.referral_id.clone()),
        Command::RecordSale(sale) => super::record_sale::named_subject(sale, click, state),
        Command::EditReferral(edit) => state.referral(&edit.referral_id).map(|referral| referral.id.clone()),
        Command::Reconsider(_)
        | Command::ManualCommission(_)
        | Command::EditCommission(_)
        | Command::Refund(_)
        | Command::MoveCommissions(_)
        | Command::ExpireRefund(_)
        | Command::EraseReferral(_) => None,
    }
}

fn may_be_overridden(holder: &Referral) -> bool {
    !holder.verified && !holder.paid_out && holder.status.may_become(ReferralStatus::Rejected, Mover::Ledger)
}

/// Completes a plan that takes names from claims: each such claim is rejected first, in the same batch.
pub(super) fn override_claims(mut plan: Plan, claimed: &[ClaimedName], context: &Context, view: &View<'_>) -> Plan {
    let taken_by = |name: &Identity| {
        plan.changes.iter().find_map(|change| match change {
            Change::ClaimIdentity(referral_id, identity) if identity == name => Some(referral_id.clone()),
            _ => None,
        })
    };
    let mut overridden: Vec<(&Referral, ReferralId)> = Vec::new();
    for (name, claim) in claimed {
        let known = overridden.iter().any(|(already, _)| already.id == claim.id);
        if let (false, Some(taker)) = (known, taken_by(name)) {
            overridden.push((claim, taker));
        }
    }
    let mut changes = Vec::new();
    for (claim, taker) in overridden {
        reject(claim, &taker, context, view, &mut changes);
    }
    changes.append(&mut plan.changes);
    plan.changes = changes;
    plan
}

fn reject(claim: &Referral, taker: &ReferralId, context: &Context, view: &View<'_>, changes: &mut Vec<Change>) {
    let mut rejected = claim.clone();
    rejected.status = ReferralStatus::Rejected;
    rejected.commission_total_minor = 0;
    rejected.seq += 1;
    rejected.updated_at = view.now;
    let decision = Decision::new(Reason::ClaimOverridden).with("overridden_by", taker.as_str());
    let version = view.program.rules_version;
    let event = Event::of("referral.claim_overridden", &rejected, decision, context, version);
    let names = claim.identities();
    changes.push(Change::UpdateReferral(Box::new(rejected)));
    changes.extend(names.into_iter().map(|name| Change::ReleaseIdentity(claim.id.clone(), name)));
    changes.push(Change::DeclineLeadCommission(claim.id.clone(), view.now));
    changes.push(Change::AppendEvent(Box::new(event)));
}
