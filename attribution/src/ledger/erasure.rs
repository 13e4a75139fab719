//! The rule of erasure: what a customer is known by leaves their referral and all that hangs on it; amounts, statuses and
//! sums stay as they are. Source: design, section 7.
//!
//! An erased referral learns nothing any more: a sign-up, a sale or a report that names it by id does not find it, so what
//! was erased cannot come back under the old click, and the same person is a new customer. Refunds, holds and payouts of
//! what it has earned go on.

use super::View;
use super::changes::{Change, Event, Plan};
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::referral_names::Names;
use super::requests::{EditReferral, EraseReferral};
use crate::decision::{Decision, Reason};
use crate::edits::Edit;
use crate::referral::{Identity, Referral};

/// Decides one erasure: the referral is the caller's, removed or not (else not found); one that is erased already stays as
/// it is.
pub(super) fn decide(command: &EraseReferral, view: &View<'_>) -> Result<Plan, Rejection> {
    let before = view.state.referral(&command.referral_id).ok_or(Rejection::ReferralNotFound)?;
    command.context.reach.admit(&before.scope, Rejection::ReferralNotFound)?;
    if before.scope != command.scope {
        return Err(Rejection::ReferralNotFound);
    }
    let scope = before.scope.clone();
    if before.erased_at.is_some() {
        let outcome = outcome(before, FirstSeen::Before);
        return Ok(Plan { scope, changes: Vec::new(), outcome, replayed: false });
    }
    let after = before.erased(view.now);
    // One that was rejected or removed keeps its names in its row and holds none of them.
    let held: Vec<Identity> = if before.status.holds_identities() { before.identities() } else { Vec::new() };
    let decision = Decision::new(Reason::CustomerErased).with("names_removed", Names::kinds(&before.identities()));
    let version = view.program.rules_version;
    let event = Event::of("customer.erased", &after, decision, &command.context, version);
    let mut changes = vec![Change::UpdateReferral(Box::new(after.clone()))];
    changes.extend(held.into_iter().map(|name| Change::ReleaseIdentity(after.id.clone(), name)));
    changes.push(Change::EraseTraces(after.id.clone(), view.now));
    changes.push(Change::AppendEvent(Box::new(event)));
    Ok(Plan { scope, changes, outcome: outcome(&after, FirstSeen::Now), replayed: false })
}

fn outcome(referral: &Referral, first_seen: FirstSeen) -> Outcome {
    Outcome::Referral { referral: Box::new(referral.clone()), first_seen, reason: Reason::CustomerErased }
}

/// Refuses a change that says anything about the customer of an erased referral. Its status and who is credited may change.
pub(super) fn check_edit(command: &EditReferral, referral: &Referral) -> Result<(), Rejection> {
    let is_set = |field: &Edit<String>| field.as_set().is_some();
    let fields = [&command.external_user_id, &command.customer_id, &command.subscription_id, &command.name];
    let says_something = fields.into_iter().any(is_set)
        || command.email.as_set().is_some()
        || command.metadata.as_set().is_some()
        || command.milestone.is_some()
        || !command.known_as.is_empty();
    if referral.erased_at.is_some() && says_something { Err(Rejection::ReferralNotFound) } else { Ok(()) }
}
