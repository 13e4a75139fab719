//! The program's owner changes a referral: what the customer is known by, how far they have come, who is credited; or
//! rejects, releases or removes it.
//!
//! Source: docs/rules.md, sections 7 and 9; design, section 1 (identities are freed and taken back). What was paid, or is
//! in a payout, stays as it is.

use super::View;
use super::changes::{Change, Event, Plan};
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::requests::{EditReferral, Edited};
use crate::decision::{Decision, Reason};
use crate::email::EmailHasher;
use crate::ids::CommissionId;
use crate::messages::{Message, commission_message, referral_message};
use crate::program::Program;
use crate::referral::{Identity, Referral};
use crate::sale::{Commission, Conversion};
use crate::status::{CommissionKind, CommissionStatus, Partnership, ReferralStatus};
use crate::transitions::Mover;

/// The names that the change gives the customer, or a release takes back, which nobody else may hold.
pub(super) fn identities(command: &EditReferral, program: &Program, hasher: &EmailHasher) -> Vec<Identity> {
    let set = |field: &Edited<String>| match field {
        Edited::Set(value) => Some(value.clone()),
        Edited::Kept | Edited::Cleared => None,
    };
    let email = command.email.as_ref().and_then(|email| hasher.kept(email, program.email_policy, true));
    let named = [
        set(&command.external_user_id).map(Identity::external_user_id),
        set(&command.customer_id).map(Identity::customer_id),
        set(&command.subscription_id).map(Identity::subscription_id),
        email.map(|email| Identity::email_hash(email.hash)),
    ];
    named.into_iter().flatten().chain(command.names_to_take_back.iter().cloned()).collect()
}

/// Decides one change:
/// 1. the referral is the caller's and was not deleted (else not found);
/// 2. its new status may follow the old one, and its new affiliate is approved (else refused);
/// 3. nobody else holds a name that it gets, or takes back (else a conflict).
pub(super) fn decide(command: &EditReferral, view: &View<'_>) -> Result<Plan, Rejection> {
    let before = view.state.referral(&command.referral_id).ok_or(Rejection::ReferralNotFound)?;
    command.context.reach.admit(&before.scope, Rejection::ReferralNotFound)?;
    if before.status == ReferralStatus::Deleted {
        return Err(Rejection::ReferralNotFound);
    }
    let mut after = named(command, before, view);
    set_status(command, before, &mut after, view)?;
    let names = Names::of(before, &after);
    if let Some(taken) = names.gained.iter().find(|name| is_taken(name, before, view)) {
        return Err(Rejection::IdentityTaken { identity: taken.clone() });
    }
    let mut ledger = Rows::of(view);
    follow_status(before, &after, &mut ledger, view);
    reassign(command, before, &mut after, &mut ledger, view)?;
    if after == *before && command.milestone.is_none() {
        return Ok(unchanged(before));
    }
    Ok(plan(command, before, after, names, ledger, view))
}

fn unchanged(referral: &Referral) -> Plan {
    let outcome = Outcome::Referral {
        referral: Box::new(referral.clone()),
        first_seen: FirstSeen::Before,
        reason: Reason::ReferralUpdated,
    };
    Plan { scope: referral.scope.clone(), changes: Vec::new(), outcome, replayed: false }
}

/// The referral with what it is called now.
fn named(command: &EditReferral, before: &Referral, view: &View<'_>) -> Referral {
    let mut after = before.clone();
    after.external_user_id = command.external_user_id.after(before.external_user_id.as_ref());
    after.customer_id = command.customer_id.after(before.customer_id.as_ref());
    after.subscription_id = command.subscription_id.after(before.subscription_id.as_ref());
    let name = command.name.after(before.name.as_ref());
    after.name = if view.program.name_tracking { name } else { before.name.clone() };
    after.metadata = command.metadata.after(before.metadata.as_ref());
    if let Some(email) = &command.email {
        after.email = view.hasher.kept(email, view.program.email_policy, true).or(after.email);
    }
    // A further name that becomes the name is no further name any more.
    let named = Referral { aliases: Vec::new(), ..after.clone() }.identities();
    after.aliases.retain(|alias| !named.contains(alias));
    after
}

fn set_status(
    command: &EditReferral,
    before: &Referral,
    after: &mut Referral,
    view: &View<'_>,
) -> Result<(), Rejection> {
    let Some(next) = command.status.filter(|next| *next != before.status) else { return Ok(()) };
    if !before.status.may_become(next, Mover::Person) {
        return Err(Rejection::transition("referral", before.status.as_str(), next.as_str()));
    }
    after.status = next;
    if !matches!(next, ReferralStatus::Lead | ReferralStatus::Deleted) {
        after.converted_at = after.converted_at.or(Some(command.occurred_at.unwrap_or(view.now)));
    }
    Ok(())
}

/// The names that a change takes and gives back.
struct Names {
    gained: Vec<Identity>,
    lost: Vec<Identity>,
}

impl Names {
    fn of(before: &Referral, after: &Referral) -> Self {
        let held = |referral: &Referral| {
            if referral.status.holds_identities() { referral.identities() } else { Vec::new() }
        };
        let (old, new) = (held(before), held(after));
        Self {
            gained: new.iter().filter(|name| !old.contains(name)).cloned().collect(),
            lost: old.into_iter().filter(|name| !new.contains(name)).collect(),
        }
    }
}

fn is_taken(name: &Identity, before: &Referral, view: &View<'_>) -> bool {
    view.state.holder(name).is_some_and(|holder| holder.id != before.id)
}

/// The commissions and sales that a change touches.
struct Rows<'a> {
    known: Vec<(&'a Commission, Option<&'a Conversion>)>,
    commissions: Vec<Commission>,
    sales: Vec<Conversion>,
    moved: Vec<CommissionId>,
}

impl<'a> Rows<'a> {
    fn of(view: &View<'a>) -> Self {
        let known = view.state.commissions.iter().map(|(commission, sale)| (commission, sale.as_ref())).collect();
        Self { known, commissions: Vec::new(), sales: Vec::new(), moved: Vec::new() }
    }

    /// The commissions as they are after the change.
    fn now(&self) -> impl Iterator<Item = &Commission> {
        let changed = |id: &CommissionId| self.commissions.iter().any(|commission| commission.id == *id);
        let untouched = self.known.iter().map(|(commission, _)| *commission).filter(move |row| !changed(&row.id));
        untouched.chain(&self.commissions)
    }
}

/// Rejecting or removing a referral declines what is not paid; a release puts what was declined so up for approval.
fn follow_status(before: &Referral, after: &Referral, rows: &mut Rows<'_>, view: &View<'_>) {
    let stands = |referral: &Referral| referral.status.holds_identities();
    let (next, reason): (CommissionStatus, Reason) = match (stands(before), stands(after)) {
        (true, false) if after.status == ReferralStatus::Deleted => {
            (CommissionStatus::Declined, Reason::ReferralDeleted)
        }
        (true, false) => (CommissionStatus::Declined, Reason::ReferralRejected),
        (false, true) => (CommissionStatus::PendingManualApproval, Reason::ReferralReleased),
        _ => return,
    };
    let is_release = next == CommissionStatus::PendingManualApproval;
    let follows = |commission: &Commission| {
        let by_rejection = !is_release || commission.reason == Reason::ReferralRejected;
        let is_negative = commission.kind == CommissionKind::Clawback;
        by_rejection && !is_negative && commission.status.may_become(next, Mover::Person)
    };
    for (commission, _) in rows.known.iter().filter(|(commission, _)| follows(commission)) {
        rows.commissions.push(Commission {
            status: next,
            hold_until: None,
            reason,
            updated_at: view.now,
            ..(*commission).clone()
        });
    }
}

/// Gives the referral, and if asked what is not paid yet, to another affiliate.
fn reassign(
    command: &EditReferral,
    before: &Referral,
    after: &mut Referral,
    rows: &mut Rows<'_>,
    view: &View<'_>,
) -> Result<(), Rejection> {
    let wanted = command.reassignment.as_ref().filter(|to| to.affiliate_id != before.affiliate_id);
    if let Some(to) = wanted {
        if view.affiliate.id != to.affiliate_id || view.affiliate.program_id != before.scope.program_id {
            return Err(Rejection::AffiliateNotFound);
        }
        if view.affiliate.partnership != Partnership::Approved {
            return Err(Rejection::AffiliateNotApproved);
        }
        after.affiliate_id = to.affiliate_id.clone();
        if to.moves_unpaid {
            move_unpaid(before, after, rows, view);
        }
    }
    let total = rows.now().map(|commission| commission.counted_minor(&after.affiliate_id)).sum();
    // A plan of nothing but names leaves the sum alone.
    if wanted.is_some() || !rows.commissions.is_empty() {
        after.commission_total_minor = total;
    }
    Ok(())
}

fn move_unpaid(before: &Referral, after: &Referral, rows: &mut Rows<'_>, view: &View<'_>) {
    let is_open =
        |commission: &Commission| !commission.status.is_paid_out() && commission.status != CommissionStatus::Refunded;
    let known = rows.known.clone();
    for (commission, sale) in known.into_iter().filter(|(commission, _)| is_open(commission)) {
        let mut row = Commission { updated_at: view.now, ..commission.clone() };
        match commission.kind {
            CommissionKind::Clawback => continue,
            CommissionKind::Level => {
                if !row.status.may_become(CommissionStatus::Declined, Mover::Person) {
                    continue;
                }
                row.status = CommissionStatus::Declined;
                row.hold_until = None;
                row.reason = Reason::ReferralReassigned;
            }
            CommissionKind::Sale | CommissionKind::Lead | CommissionKind::Manual => {
                if row.affiliate_id != before.affiliate_id {
                    continue;
                }
                row.affiliate_id = after.affiliate_id.clone();
                rows.moved.push(row.id.clone());
                rows.sales.extend(sale.map(|sale| Conversion {
                    affiliate_id: after.affiliate_id.clone(),
                    updated_at: view.now,
                    ..sale.clone()
                }));
            }
        }
        rows.commissions.retain(|changed| changed.id != row.id);
        rows.commissions.push(row);
    }
}

fn plan(
    command: &EditReferral,
    before: &Referral,
    mut after: Referral,
    names: Names,
    rows: Rows<'_>,
    view: &View<'_>,
) -> Plan {
    let messages = messages(before, &after, &rows, view);
    after.seq += 1;
    after.updated_at = view.now;
    // Such a change comes with a key, which thereby vouches for the customer.
    after.verified = true;
    let (kind, reason) = what_happened(command, before, &after);
    let decision = decision(command, before, &after, &names, reason);
    let event =
        Event::of(kind, &after, decision, &command.context, view.program.rules_version).telling(&after.scope, messages);
    let scope = after.scope.clone();
    let id = after.id.clone();
    let mut changes = vec![Change::UpdateReferral(Box::new(after.clone()))];
    changes.extend(names.lost.into_iter().map(|name| Change::ReleaseIdentity(id.clone(), name)));
    changes.extend(names.gained.into_iter().map(|name| Change::ClaimIdentity(id.clone(), name)));
    changes.extend(rows.sales.into_iter().map(|sale| Change::UpdateConversion(Box::new(sale))));
    changes.extend(rows.commissions.into_iter().map(|commission| Change::UpdateCommission(Box::new(commission))));
    if after.affiliate_id != before.affiliate_id {
        changes.push(Change::Reassign(id, after.affiliate_id.clone(), rows.moved));
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

fn decision(command: &EditReferral, before: &Referral, after: &Referral, names: &Names, reason: Reason) -> Decision {
    let kinds = |names: &[Identity]| names.iter().map(|name| name.kind.as_str()).collect::<Vec<_>>();
    let mut decision = Decision::new(reason)
        .with("status_before", before.status.as_str())
        .with("status", after.status.as_str())
        .with("names_added", kinds(&names.gained))
        .with("names_removed", kinds(&names.lost));
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

fn messages(before: &Referral, after: &Referral, rows: &Rows<'_>, view: &View<'_>) -> Vec<Message> {
    // What is only put on record changes nothing that a subscriber knows.
    if after == before {
        return Vec::new();
    }
    let is_deleted = after.status == ReferralStatus::Deleted;
    let kind = if is_deleted { "referral.deleted" } else { "referral.updated" };
    let mut messages = vec![referral_message(kind, after, view.affiliate)];
    let has_converted = before.converted_at.is_none() && after.status.is_converted();
    messages.extend(has_converted.then(|| referral_message("referral.converted", after, view.affiliate)));
    let sale_of = |commission: &Commission| {
        rows.known.iter().find(|(known, _)| known.id == commission.id).and_then(|(_, sale)| *sale)
    };
    messages.extend(rows.commissions.iter().map(|commission| {
        let is_declined = commission.status == CommissionStatus::Declined;
        let kind = if is_declined { "transaction.rejected" } else { "transaction.updated" };
        commission_message(kind, sale_of(commission), commission)
    }));
    messages
}
