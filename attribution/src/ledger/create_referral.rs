//! The rule of referrals that a program's owner records directly, with or without a click.
//!
//! Source: seed 003. A customer is referred once per program: a second one is a conflict here.

use super::View;
use super::changes::{Change, Event, Plan};
use super::leads::lead_commission;
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::requests::CreateReferral;
use crate::decision::{Decision, Reason};
use crate::email::EmailHasher;
use crate::ids::IncentiveId;
use crate::messages::{lead_commission_message, referral_message};
use crate::program::Program;
use crate::referral::{Identity, Referral, Scope};
use crate::status::ReferralStatus;

/// The names by which the customer will be known; none for a referral that is rejected from the start.
pub(super) fn identities(command: &CreateReferral, program: &Program, hasher: &EmailHasher) -> Vec<Identity> {
    if !command.status.holds_identities() {
        return Vec::new();
    }
    let email = hasher.kept(&command.email, program.email_policy, true);
    let named = [
        email.map(|email| Identity::email_hash(email.hash)),
        command.customer_id.clone().map(Identity::customer_id),
        command.subscription_id.clone().map(Identity::subscription_id),
    ];
    named.into_iter().flatten().collect()
}

/// Decides one direct referral:
/// 1. the affiliate, and the click if one is named, are the caller's (else not found);
/// 2. the click is still one (else refused);
/// 3. something is kept by which the customer is known again, unless the click is (else refused);
/// 4. nobody else holds the customer's names (else a conflict that names the first);
/// 5. the referral is recorded with the status asked for; a lead earns the lead incentive.
pub(super) fn decide(command: &CreateReferral, view: &View<'_>) -> Result<Plan, Rejection> {
    let scope = command.scope.clone();
    if view.affiliate.program_id != scope.program_id || view.program.team_id != scope.team_id {
        return Err(Rejection::AffiliateNotFound);
    }
    if let Some(existing) = view.state.referral(&command.referral_id) {
        return own_commit(command, existing);
    }
    check_click(command, view)?;
    let identities = identities(command, view.program, view.hasher);
    if identities.is_empty() && command.status.holds_identities() && !command.from_click {
        return Err(Rejection::NothingKeptOfIdentity);
    }
    if let Some(identity) = identities.iter().find(|identity| view.state.holder(identity).is_some()) {
        return Err(Rejection::IdentityTaken { identity: identity.clone() });
    }
    Ok(new_referral(command, scope, identities, view))
}

/// A commit whose answer was lost is this request's own; any other referral of that id was a click before.
fn own_commit(command: &CreateReferral, existing: &Referral) -> Result<Plan, Rejection> {
    command.context.reach.admit(&existing.scope, Rejection::ClickNotFound)?;
    if existing.created_by_request != command.context.request_id {
        return Err(Rejection::ClickAlreadyConverted);
    }
    let outcome = Outcome::Referral {
        referral: Box::new(existing.clone()),
        first_seen: FirstSeen::Now,
        reason: Reason::ReferralRecorded,
    };
    Ok(Plan { scope: existing.scope.clone(), changes: Vec::new(), outcome, replayed: false })
}

fn check_click(command: &CreateReferral, view: &View<'_>) -> Result<(), Rejection> {
    if !command.from_click {
        return Ok(());
    }
    let click = view.click.ok_or(Rejection::ClickNotFound)?;
    command.context.reach.admit(&click.scope, Rejection::ClickNotFound)?;
    if click.affiliate_id != command.affiliate_id {
        return Err(Rejection::ClickOfOtherAffiliate);
    }
    Ok(())
}

fn new_referral(command: &CreateReferral, scope: Scope, identities: Vec<Identity>, view: &View<'_>) -> Plan {
    let mut referral = referral_of(command, scope, view);
    let commission = (referral.status == ReferralStatus::Lead)
        .then(|| lead_commission(&referral, &command.commission_id, view))
        .flatten();
    referral.commission_total_minor = commission.as_ref().and_then(|commission| commission.amount_minor).unwrap_or(0);
    let mut decision = Decision::new(Reason::ReferralRecorded)
        .with("affiliate_id", referral.affiliate_id.as_str())
        .with("status", referral.status.as_str())
        .with("from_click", command.from_click);
    if let Some(commission) = &commission {
        decision = decision
            .with("lead_incentive_id", commission.incentive_id.as_ref().map(IncentiveId::as_str))
            .with("commission_id", commission.id.as_str());
    }
    let version = view.program.rules_version;
    let kind = if referral.status == ReferralStatus::Lead { "referral.lead" } else { "referral.recorded" };
    let told = match referral.status {
        ReferralStatus::Rejected | ReferralStatus::Deleted => None,
        ReferralStatus::Lead => Some("referral.lead"),
        _ => Some("referral.converted"),
    };
    let event = Event::of(kind, &referral, decision, &command.context, version).telling(
        &referral.scope,
        told.map(|kind| referral_message(kind, &referral, view.affiliate))
            .into_iter()
            .chain(commission.as_ref().map(|commission| lead_commission_message("transaction.created", commission))),
    );
    let mut changes = vec![Change::InsertReferral(Box::new(referral.clone()))];
    changes.extend(identities.into_iter().map(|identity| Change::ClaimIdentity(referral.id.clone(), identity)));
    changes.extend(commission.map(|commission| Change::InsertCommission(Box::new(commission))));
    changes.push(Change::AppendEvent(Box::new(event)));
    Plan {
        scope: referral.scope.clone(),
        changes,
        outcome: Outcome::Referral {
            referral: Box::new(referral),
            first_seen: FirstSeen::Now,
            reason: Reason::ReferralRecorded,
        },
        replayed: false,
    }
}

fn referral_of(command: &CreateReferral, scope: Scope, view: &View<'_>) -> Referral {
    let created_at = command.created_at.unwrap_or(view.now);
    Referral {
        id: command.referral_id.clone(),
        scope,
        affiliate_id: command.affiliate_id.clone(),
        status: command.status,
        external_user_id: None,
        customer_id: command.customer_id.clone(),
        subscription_id: command.subscription_id.clone(),
        email: view.hasher.kept(&command.email, view.program.email_policy, true),
        name: command.name.clone().filter(|_| view.program.name_tracking),
        metadata: command.metadata.clone(),
        aliases: Vec::new(),
        verified: true,
        lead_withheld: false,
        suspicion: None,
        claimed_from: None,
        paid_out: false,
        clicked_at: view.click.filter(|_| command.from_click).map(|click| click.clicked_at),
        click: view.click.filter(|_| command.from_click).map(|click| click.facts.clone()),
        first_sale_at: None,
        first_paid_at: None,
        paid_sales: 0,
        commission_total_minor: 0,
        seq: 1,
        created_by_request: command.context.request_id.clone(),
        created_at,
        converted_at: (command.status != ReferralStatus::Lead).then_some(created_at),
        updated_at: view.now,
        erased_at: None,
    }
}
