//! The program's owner changes a referral: what the customer is known by, how far they have come, who is credited; or
//! rejects, releases or removes it. A caller's events about a customer are such changes too.
//!
//! Source: docs/rules.md, sections 7, 9 and 10; design, section 1 (identities are freed and taken back). What was paid, or
//! is in a payout, stays as it is.

use super::changes::{Change, Event, Plan};
use super::leads;
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::referral_commissions::Commissions;
use super::referral_names::{Names, check_agreement, learn, named};
use super::requests::EditReferral;
use super::{View, erasure};
use crate::decision::{Decision, Reason};
use crate::messages::{Message, commission_message, referral_message};
use crate::referral::Referral;
use crate::sale::{Commission, Conversion};
use crate::status::{CommissionStatus, Partnership, ReferralStatus};
use crate::transitions::Mover;

/// Decides one change:
/// 1. the referral is the caller's and was not deleted (else not found), and all that the call names it by is about it
///    (else refused, naming two);
/// 2. its new status may follow the old one, and its new affiliate is approved (else refused);
/// 3. nobody else holds a name that it gets, or takes back (else a conflict);
/// 4. what was withheld of its sign-up is made good, if it stands from now on.
pub(super) fn decide(command: &EditReferral, view: &View<'_>) -> Result<Plan, Rejection> {
    let before = view.state.referral(&command.referral_id).ok_or(Rejection::ReferralNotFound)?;
    reach(command, before)?;
    erasure::check_edit(command, before)?;
    check_agreement(command, before, view)?;
    let mut after = named(command, before, view);
    set_status(command, before, &mut after, view)?;
    learn(command, &mut after, view);
    let names = Names::of(before, &after);
    names.check(before, view)?;
    let mut commissions = Commissions::of(view);
    commissions.follow_status(before, &after, view);
    reassign(command, before, &mut after, &mut commissions, view)?;
    // A plan of nothing but names leaves the sum alone.
    if after.affiliate_id != before.affiliate_id || commissions.changed().next().is_some() {
        after.commission_total_minor = commissions.total(&after.affiliate_id);
    }
    if after == *before && command.milestone.is_none() {
        return Ok(unchanged(before));
    }
    Ok(plan(command, before, after, names, commissions, view))
}

/// A referral that the caller may not touch, or that was deleted, does not exist for this call.
pub(super) fn reach(command: &EditReferral, referral: &Referral) -> Result<(), Rejection> {
    command.context.reach.admit(&referral.scope, Rejection::ReferralNotFound)?;
    let is_there = referral.status != ReferralStatus::Deleted && referral.scope == command.scope;
    if is_there { Ok(()) } else { Err(Rejection::ReferralNotFound) }
}

fn unchanged(referral: &Referral) -> Plan {
    let outcome = Outcome::Referral {
        referral: Box::new(referral.clone()),
        first_seen: FirstSeen::Before,
        reason: Reason::ReferralUpdated,
    };
    Plan { scope: referral.scope.clone(), changes: Vec::new(), outcome, replayed: false }
}

/// The status that is asked for, or that a milestone leads to. An event is nobody's release of what was rejected.
fn next_status(command: &EditReferral, before: &Referral) -> Option<ReferralStatus> {
    let reached = command.milestone.as_ref().and_then(|milestone| milestone.moves_to);
    let is_open = |next: &ReferralStatus| before.status.may_become(*next, Mover::Person);
    let reached = reached.filter(|next| before.status.holds_identities() && is_open(next));
    command.status.or(reached).filter(|next| *next != before.status)
}

fn set_status(
    command: &EditReferral,
    before: &Referral,
    after: &mut Referral,
    view: &View<'_>,
) -> Result<(), Rejection> {
    let Some(next) = next_status(command, before) else { return Ok(()) };
    if !before.status.may_become(next, Mover::Person) {
        return Err(Rejection::transition("referral", before.status.as_str(), next.as_str()));
    }
    after.status = next;
    let is_released = !before.status.holds_identities() && next.holds_identities();
    if let (true, Some(suspicion)) = (is_released, &mut after.suspicion) {
        suspicion.cleared = true;
    }
    match next {
        // Whoever is a lead again has not converted.
        ReferralStatus::Lead => after.converted_at = None,
        ReferralStatus::Deleted => {}
        _ => after.converted_at = after.converted_at.or(Some(command.occurred_at.unwrap_or(view.now))),
    }
    Ok(())
}

/// Gives the referral, and if asked what is not paid yet, to another affiliate.
fn reassign(
    command: &EditReferral,
    before: &Referral,
    after: &mut Referral,
    commissions: &mut Commissions<'_>,
    view: &View<'_>,
) -> Result<(), Rejection> {
    let wanted = command.reassignment.as_ref().filter(|to| to.affiliate_id != before.affiliate_id);
    let Some(to) = wanted else { return Ok(()) };
    if view.affiliate.id != to.affiliate_id || view.affiliate.program_id != before.scope.program_id {
        return Err(Rejection::AffiliateNotFound);
    }
    if view.affiliate.partnership != Partnership::Approved {
        return Err(Rejection::AffiliateNotApproved);
    }
    after.affiliate_id = to.affiliate_id.clone();
    if to.moves_unpaid {
        commissions.move_unpaid(&before.affiliate_id, &to.affiliate_id);
    }
    Ok(())
}

fn plan(
    command: &EditReferral,
    before: &Referral,
    mut after: Referral,
    names: Names,
    commissions: Commissions<'_>,
    view: &View<'_>,
) -> Plan {
    let mut messages = messages(before, &after, &commissions, view);
    let (kind, reason) = what_happened(command, before, &after);
    let mut decision = decision(command, before, &after, &names, &commissions, reason);
    after.seq += 1;
    after.updated_at = view.now;
    // Such a change comes with a key, which thereby vouches for the customer.
    after.vouch();
    let due = leads::make_good(&mut after, view);
    let (lead, told_of_lead) = due.map(|due| (due.commission, due.messages)).unwrap_or_default();
    messages.extend(told_of_lead);
    decision = lead.iter().fold(decision, leads::explain);
    let event =
        Event::of(kind, &after, decision, &command.context, view.program.rules_version).telling(&after.scope, messages);
    let scope = after.scope.clone();
    let id = after.id.clone();
    let mut changes = vec![Change::UpdateReferral(Box::new(after.clone()))];
    changes.extend(names.lost.into_iter().map(|name| Change::ReleaseIdentity(id.clone(), name)));
    changes.extend(names.gained.into_iter().map(|name| Change::ClaimIdentity(id.clone(), name)));
    for sale in commissions.changed_sales() {
        changes.push(Change::UpdateConversion(Box::new(Conversion { updated_at: view.now, ..sale.clone() })));
    }
    for entry in commissions.changed() {
        let row = Commission { updated_at: view.now, ..entry.commission.clone() };
        changes.push(Change::UpdateCommission(Box::new(row)));
    }
    changes.extend(lead.map(|commission| Change::InsertCommission(Box::new(commission))));
    if after.affiliate_id != before.affiliate_id {
        changes.push(Change::Reassign(id, after.affiliate_id.clone(), commissions.moved));
    }
    changes.push(Change::AppendEvent(Box::new(event)));
    let outcome = Outcome::Referral { referral: Box::new(after), first_seen: FirstSeen::Now, reason };
    Plan { scope, changes, outcome, replayed: false }
}

fn what_happened(command: &EditReferral, before: &Referral, after: &Referral) -> (&'static str, Reason) {
    if after.affiliate_id != before.affiliate_id {
        return ("referral.reassigned", Reason::ReferralReassigned);
    }
    match after.status {
        ReferralStatus::Deleted => ("referral.deleted", Reason::ReferralDeleted),
        ReferralStatus::Rejected if before.status != ReferralStatus::Rejected => {
            ("referral.rejected", Reason::ReferralRejected)
        }
        _ if !before.status.holds_identities() && after.status.holds_identities() => {
            ("referral.released", Reason::ReferralReleased)
        }
        _ if command.milestone.is_some() => ("referral.milestone", Reason::MilestoneRecorded),
        _ => ("referral.updated", Reason::ReferralUpdated),
    }
}

fn decision(
    command: &EditReferral,
    before: &Referral,
    after: &Referral,
    names: &Names,
    commissions: &Commissions<'_>,
    reason: Reason,
) -> Decision {
    let touched: Vec<&str> = commissions.changed().map(|entry| entry.commission.id.as_str()).collect();
    let mut decision = Decision::new(reason)
        .with("status_before", before.status.as_str())
        .with("status", after.status.as_str())
        .with("fields", changed_fields(before, after))
        .with("names_added", Names::kinds(&names.gained))
        .with("names_removed", Names::kinds(&names.lost));
    if !touched.is_empty() {
        decision = decision.with("commission_ids", touched);
    }
    if let Some(reassignment) = &command.reassignment {
        decision = decision
            .with("affiliate_before", before.affiliate_id.as_str())
            .with("affiliate_id", after.affiliate_id.as_str())
            .with("because", reassignment.reason.as_str())
            .with("unpaid_commissions", if reassignment.moves_unpaid { "move" } else { "keep" });
    }
    if let Some(milestone) = &command.milestone {
        decision = decision.with("event_name", milestone.name.as_str()).with("sent", milestone.detail.clone());
    }
    decision
}

/// The fields that are not what they were. Their values stay out of the history: some are the customer's own.
fn changed_fields(before: &Referral, after: &Referral) -> Vec<&'static str> {
    let differs = [
        ("status", before.status != after.status),
        ("affiliate_id", before.affiliate_id != after.affiliate_id),
        ("email", before.email != after.email),
        ("external_user_id", before.external_user_id != after.external_user_id),
        ("customer_id", before.customer_id != after.customer_id),
        ("subscription_id", before.subscription_id != after.subscription_id),
        ("name", before.name != after.name),
        ("metadata", before.metadata != after.metadata),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

fn messages(before: &Referral, after: &Referral, commissions: &Commissions<'_>, view: &View<'_>) -> Vec<Message> {
    // What is only put on record changes nothing that a subscriber knows.
    if after == before {
        return Vec::new();
    }
    let is_deleted = after.status == ReferralStatus::Deleted;
    let kind = if is_deleted { "referral.deleted" } else { "referral.updated" };
    let mut messages = vec![referral_message(kind, after, view.affiliate)];
    let has_converted = before.converted_at.is_none() && after.status.is_converted();
    messages.extend(has_converted.then(|| referral_message("referral.converted", after, view.affiliate)));
    messages.extend(commissions.changed().map(|entry| {
        let is_declined = entry.commission.status == CommissionStatus::Declined;
        let kind = if is_declined { "transaction.rejected" } else { "transaction.updated" };
        commission_message(kind, entry.sale.as_ref(), &entry.commission)
    }));
    messages
}
