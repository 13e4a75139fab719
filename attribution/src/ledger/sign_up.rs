//! The rule of sign-ups: a click becomes a lead, once, and a customer is referred once per program.
//!
//! Sources: seeds 000, 001 and 004; design, section 1 ("Who a customer is").

use super::changes::{Change, Event, Plan};
use super::leads::{explain, lead_commission, make_good};
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::requests::{SignUp, UnknownClick};
use super::{State, View, claims, suspicion};
use crate::decision::{Decision, Reason};
use crate::email::{EmailHasher, KeptEmail};
use crate::fraud::{Examination, Suspicion};
use crate::messages::{lead_commission_message, referral_message};
use crate::program::Program;
use crate::referral::{Click, Identity, Referral};
use crate::sale::Commission;
use crate::status::{FraudRule, LeadAuth, ReferralStatus};

/// The names by which this sign-up's customer may be known: the merchant's user id first, for it wins.
pub(super) fn identities(command: &SignUp, program: &Program, hasher: &EmailHasher) -> Vec<Identity> {
    let user = command.external_user_id.clone().map(Identity::external_user_id);
    let email = kept_email(command, program, hasher).map(|email| Identity::email_hash(email.hash));
    user.into_iter().chain(email).collect()
}

fn kept_email(command: &SignUp, program: &Program, hasher: &EmailHasher) -> Option<KeptEmail> {
    hasher.kept(command.email.as_ref()?, program.email_policy, command.keep_address)
}

/// Decides one sign-up:
/// 1. the click is a referral already: that one stands; what it lacks is filled in, nothing is replaced;
/// 2. the click is unknown: refused, or the customer is looked up by user id, as the caller wants;
/// 3. the customer is known: their first referral stands, and learns what is new about them;
/// 4. otherwise the click becomes a lead, unless a fraud rule blocks it; a claim also needs room under the limits, and is
///    provisional where the program waits for a key's word.
pub(super) fn decide(command: &SignUp, view: &View<'_>) -> Result<Plan, Rejection> {
    decide_lead(command, view).map(|plan| told_provisional(command, plan, view))
}

fn decide_lead(command: &SignUp, view: &View<'_>) -> Result<Plan, Rejection> {
    if let Some(referral) = view.state.referral(&command.click_id) {
        return already_converted(command, referral, view);
    }
    let Some(click) = view.click else { return without_click(command, view) };
    command.context.reach.admit(&click.scope, Rejection::ClickNotFound)?;
    check_origin(command, view.program)?;
    let identities = identities(command, view.program, view.hasher);
    if identities.is_empty() && command.identity_required {
        return Err(Rejection::NothingKeptOfIdentity);
    }
    if let Some(known) = known_customer(&identities, view.state) {
        return already_referred(command, known, &identities, view);
    }
    claims::check_room(command, view.state)?;
    Ok(new_lead(command, click, view))
}

/// Where the program waits for a key's word, a page is told so of every sign-up that no key has vouched for, as far as it
/// can know: of another click's referral it learns nothing.
fn told_provisional(command: &SignUp, mut plan: Plan, view: &View<'_>) -> Plan {
    if let Outcome::Referral { referral, reason, .. } = &mut plan.outcome
        && waits_for_key(command, view)
        && !(referral.id == command.click_id && referral.verified)
    {
        *reason = Reason::LeadProvisional;
    }
    plan
}

fn waits_for_key(command: &SignUp, view: &View<'_>) -> bool {
    !command.verified && view.program.lead_auth == LeadAuth::ServerRequired
}

fn already_converted(command: &SignUp, referral: &Referral, view: &View<'_>) -> Result<Plan, Rejection> {
    let not_found = command_not_found(command);
    if referral.status == ReferralStatus::Deleted || referral.erased_at.is_some() {
        return Err(not_found);
    }
    check_scope(command, referral, view, not_found)?;
    check_origin(command, view.program)?;
    // A commit whose answer was lost is this request's own.
    if referral.created_by_request == command.context.request_id {
        let blocked_by = referral.suspicion.as_ref().and_then(|suspicion| suspicion.blocked_by);
        let reason = blocked_by.map_or(Reason::LeadRecorded, FraudRule::reason);
        return Ok(unchanged(referral, FirstSeen::Now, reason));
    }
    check_stage(command, referral)?;
    // What only a browser said of this click is completed, and vouched for, by the first call with a key.
    let vouches = command.verified && (!referral.verified || referral.lead_withheld);
    let mut names = identities(command, view.program, view.hasher);
    names.retain(|name| view.state.holder(name).is_none() && (vouches || referral.lacks(name.kind)));
    let nothing_new = names.is_empty() && !vouches;
    if nothing_new || !referral.status.holds_identities() {
        return Ok(unchanged(referral, FirstSeen::Before, Reason::ClickAlreadyConverted));
    }
    Ok(learn(command, referral, &names, Reason::ClickAlreadyConverted, view))
}

fn without_click(command: &SignUp, view: &View<'_>) -> Result<Plan, Rejection> {
    if command.unknown_click == UnknownClick::Refuse {
        return Err(Rejection::ClickNotFound);
    }
    let user = command.external_user_id.clone().map(Identity::external_user_id);
    let known = user.and_then(|user| view.state.holder(&user)).ok_or(Rejection::CustomerNotFound)?;
    check_scope(command, known, view, Rejection::CustomerNotFound)?;
    check_origin(command, view.program)?;
    check_stage(command, known)?;
    Ok(unchanged(known, FirstSeen::Before, Reason::CustomerAlreadyReferred))
}

/// The referral is the caller's to touch, and of the program whose rules are being applied.
fn check_scope(command: &SignUp, referral: &Referral, view: &View<'_>, not_found: Rejection) -> Result<(), Rejection> {
    command.context.reach.admit(&referral.scope, not_found.clone())?;
    let same_rules = referral.scope.program_id == view.program.id && referral.scope.is_test == view.is_test;
    if same_rules { Ok(()) } else { Err(not_found) }
}

/// A caller who records leads only is told of a customer who is beyond that.
fn check_stage(command: &SignUp, referral: &Referral) -> Result<(), Rejection> {
    if command.only_leads && referral.status.is_converted() {
        return Err(Rejection::BeyondLead { status: referral.status });
    }
    Ok(())
}

fn command_not_found(command: &SignUp) -> Rejection {
    match command.unknown_click {
        UnknownClick::Refuse => Rejection::ClickNotFound,
        UnknownClick::FindCustomer => Rejection::CustomerNotFound,
    }
}

/// A call from a page must come from one of the program's origins. Without an origin it is no page: the click id,
/// which nobody can guess, is the proof.
fn check_origin(command: &SignUp, program: &Program) -> Result<(), Rejection> {
    match &command.origin {
        Some(origin) if !program.allows_origin(origin) => {
            Err(Rejection::OriginNotAllowed { origin: origin.clone(), program_id: program.id.clone() })
        }
        _ => Ok(()),
    }
}

/// The referral that one of the identities belongs to; the first identity that is known decides.
fn known_customer<'a>(identities: &[Identity], state: &'a State) -> Option<&'a Referral> {
    identities.iter().find_map(|identity| state.holder(identity))
}

fn unchanged(referral: &Referral, first_seen: FirstSeen, reason: Reason) -> Plan {
    Plan {
        scope: referral.scope.clone(),
        changes: Vec::new(),
        outcome: Outcome::Referral { referral: Box::new(referral.clone()), first_seen, reason },
        replayed: false,
    }
}

/// The customer is known: nothing is paid twice and the click stays a click. Names that nobody holds become the known
/// referral's; a name that another referral holds stays where it is. Without a key nothing is changed, and nothing told,
/// of a referral that came through another click.
fn already_referred(
    command: &SignUp,
    known: &Referral,
    identities: &[Identity],
    view: &View<'_>,
) -> Result<Plan, Rejection> {
    command.context.reach.admit(&known.scope, Rejection::ClickNotFound)?;
    let elsewhere = identities.iter().any(|name| view.state.holder(name).is_some_and(|holder| holder.id != known.id));
    let reason = if elsewhere { Reason::EmailBelongsToAnotherReferral } else { Reason::CustomerAlreadyReferred };
    if !command.verified {
        return Ok(unchanged(known, FirstSeen::Before, reason));
    }
    check_stage(command, known)?;
    let unknown: Vec<Identity> = identities.iter().filter(|name| view.state.holder(name).is_none()).cloned().collect();
    if unknown.is_empty() || !known.has_room() {
        return Ok(unchanged(known, FirstSeen::Before, reason));
    }
    Ok(learn(command, known, &unknown, reason, view))
}

/// Gives a referral further names of its customer, and a key's word where only a browser's stood.
fn learn(command: &SignUp, known: &Referral, names: &[Identity], reason: Reason, view: &View<'_>) -> Plan {
    let mut referral = known.clone();
    referral.seq += 1;
    referral.updated_at = view.now;
    if command.verified && command.click_id == referral.id {
        referral.vouch();
        referral.name = referral.name.or_else(|| command.name.clone().filter(|_| view.program.name_tracking));
    }
    for name in names {
        referral.learn(name, kept_email(command, view.program, view.hasher));
    }
    let (lead, messages) = make_good(&mut referral, view).map(|due| (due.commission, due.messages)).unwrap_or_default();
    let decision = Decision::new(reason)
        .with("click_id", command.click_id.as_str())
        .with("verified", referral.verified)
        .with("names_added", names.iter().map(|name| name.kind.as_str()).collect::<Vec<_>>());
    let decision = lead.iter().fold(decision, explain);
    let version = view.program.rules_version;
    let event = Event::of("referral.completed", &referral, decision, &command.context, version)
        .telling(&referral.scope, messages);
    let mut changes = vec![Change::UpdateReferral(Box::new(referral.clone()))];
    changes.extend(names.iter().map(|name| Change::ClaimIdentity(referral.id.clone(), name.clone())));
    changes.extend(lead.map(|commission| Change::InsertCommission(Box::new(commission))));
    changes.push(Change::AppendEvent(Box::new(event)));
    let outcome = Outcome::Referral { referral: Box::new(referral), first_seen: FirstSeen::Before, reason };
    Plan { scope: known.scope.clone(), changes, outcome, replayed: false }
}

fn new_lead(command: &SignUp, click: &Click, view: &View<'_>) -> Plan {
    let examination = suspicion::of_sign_up(command, click, view);
    let blocked_by = examination.blocking();
    let mut referral = referral_of(command, click, view);
    referral.suspicion = Suspicion::noted(None, &examination.hits()).map(|noted| Suspicion { blocked_by, ..noted });
    referral.lead_withheld = blocked_by.is_some() || waits_for_key(command, view);
    if blocked_by.is_some() {
        referral.status = ReferralStatus::Rejected;
    }
    let earns = !referral.lead_withheld;
    let commission = earns.then(|| lead_commission(&referral, &command.commission_id, view)).flatten();
    if let Some(commission) = &commission {
        referral.commission_total_minor = commission.amount_minor.unwrap_or(0);
    }
    let unblocked = if earns { Reason::LeadRecorded } else { Reason::LeadProvisional };
    let reason = blocked_by.map_or(unblocked, FraudRule::reason);
    let event = sign_up_event(command, &referral, commission.as_ref(), reason, &examination, view);
    let mut changes = vec![Change::InsertReferral(Box::new(referral.clone()))];
    if referral.status.holds_identities() {
        changes.extend(referral.identities().into_iter().map(|name| Change::ClaimIdentity(referral.id.clone(), name)));
    }
    changes.extend(commission.map(|commission| Change::InsertCommission(Box::new(commission))));
    changes.push(Change::AppendEvent(Box::new(event)));
    let outcome = Outcome::Referral { referral: Box::new(referral), first_seen: FirstSeen::Now, reason };
    Plan { scope: click.scope.clone(), changes, outcome, replayed: false }
}

fn referral_of(command: &SignUp, click: &Click, view: &View<'_>) -> Referral {
    Referral {
        external_user_id: command.external_user_id.clone(),
        email: kept_email(command, view.program, view.hasher),
        name: command.name.clone().filter(|_| view.program.name_tracking),
        verified: command.verified,
        claimed_from: claims::claimed_from(command, view.hasher),
        ..Referral::born_of(click, &command.context.request_id, view.now)
    }
}

fn sign_up_event(
    command: &SignUp,
    referral: &Referral,
    commission: Option<&Commission>,
    reason: Reason,
    examination: &Examination,
    view: &View<'_>,
) -> Event {
    let mut decision = Decision::new(reason)
        .with("affiliate_id", referral.affiliate_id.as_str())
        .with("clicked_at", referral.clicked_at.map(super::Timestamp::to_rfc3339))
        .with("verified", referral.verified);
    if !examination.findings.is_empty() {
        decision = decision.with("fraud_rules", examination.to_value());
    }
    decision = commission.into_iter().fold(decision, explain);
    if !command.detail.is_empty() {
        decision = decision.with("sent", command.detail.clone());
    }
    let event = Event::of("referral.lead", referral, decision, &command.context, view.program.rules_version);
    if referral.lead_withheld {
        return event;
    }
    let lead = referral_message("referral.lead", referral, view.affiliate);
    event.telling(
        &referral.scope,
        std::iter::once(lead)
            .chain(commission.map(|commission| lead_commission_message("transaction.created", commission))),
    )
}
