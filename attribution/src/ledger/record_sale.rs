//! The rule of sales: whose customer bought, whether an affiliate is credited, and what that earns.
//!
//! Sources: seed 002; design, sections 1 (who a customer is, the window) and 5 (money). A sale is always recorded; a
//! commission only if an incentive covers it.

use super::changes::{Change, Event, Plan};
use super::crediting::{Credit, credit};
use super::judgement::{Judgement, Sold, judge};
use super::leads::{explain, make_good};
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::refund::{self, Settled};
use super::requests::RecordSale;
use super::{State, View, repeated_sale};
use crate::fraud::Suspicion;
use crate::ids::ReferralId;
use crate::messages::{referral_message, sale_messages};
use crate::referral::{Click, Identity, Referral};
use crate::sale::{Commission, Conversion, RecordedSale};
use crate::status::ReferralStatus;
use crate::time::Timestamp;

/// The referrals that the call names by id, the gate's own first.
pub(super) fn named_referrals(command: &RecordSale) -> Vec<ReferralId> {
    let named = [command.details.referral_id.as_ref(), command.details.click_id.as_ref()];
    let mut ids = vec![command.gate.clone()];
    for id in named.into_iter().flatten() {
        let id = ReferralId::new(id);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The names of the customer that the call gives.
pub(super) fn identities(command: &RecordSale) -> Vec<Identity> {
    let user = command.details.external_user_id.clone().map(Identity::external_user_id);
    let customer = command.details.customer_id.clone().map(Identity::customer_id);
    user.into_iter().chain(customer).collect()
}

/// What a first attempt takes the database to hold: the referral as its gate remembers it, and names that are either its
/// own or nobody's. `None` where the call names another referral too: only the database knows that one.
pub(super) fn assumed(command: &RecordSale, remembered: &Referral) -> Option<State> {
    // A referral that was rejected keeps its names in its row and holds none of them.
    let is_elsewhere = named_referrals(command).iter().any(|id| *id != remembered.id);
    if is_elsewhere || !remembered.status.holds_identities() {
        return None;
    }
    let own = remembered.identities();
    let held = identities(command).into_iter().filter(|name| own.contains(name));
    Some(State {
        holders: held.map(|name| (name, remembered.clone())).collect(),
        referrals: vec![remembered.clone()],
        ..State::default()
    })
}

/// The referral that the call means: by referral or click id, then by user id, then by customer id.
pub(super) fn known_referral<'a>(command: &RecordSale, state: &'a State) -> Option<&'a Referral> {
    let pointed_at = pointed_at(command, state);
    // One that was deleted, or is another's, is passed over where a further name leads to one that is not.
    let reachable = pointed_at.iter().find(|referral| reach(command, referral).is_ok());
    reachable.or(pointed_at.first()).copied()
}

/// Every referral that one of the call's identifiers points at, most explicit first.
fn pointed_at<'a>(command: &RecordSale, state: &'a State) -> Vec<&'a Referral> {
    let by_id = named_referrals(command).into_iter().skip(usize::from(!names_its_gate(command)));
    let by_id = by_id.filter_map(|id| state.referral(&id));
    let by_name = identities(command).into_iter().filter_map(|identity| state.holder(&identity));
    by_id.chain(by_name).collect()
}

/// The referral or open click that the call names by id and that is the caller's.
pub(super) fn named_subject(command: &RecordSale, click: Option<&Click>, state: &State) -> Option<ReferralId> {
    let ids = named_referrals(command).into_iter().skip(usize::from(!names_its_gate(command)));
    let known = ids.filter_map(|id| state.referral(&id)).find(|referral| reach(command, referral).is_ok());
    let open_click = || {
        let click = click.filter(|_| names_its_gate(command))?;
        command.context.reach.admit(&click.scope, Rejection::ReferralNotFound).ok()?;
        Some(click.id.clone())
    };
    known.map(|referral| referral.id.clone()).or_else(open_click)
}

/// The click that becomes a referral by this sale, unless it is one already.
pub(super) fn opens_click<'a>(command: &RecordSale, click: Option<&'a Click>) -> Option<&'a Click> {
    click.filter(|_| names_its_gate(command))
}

/// Whether the gate is one of the ids that the caller sent, and not merely what a name was found to mean.
fn names_its_gate(command: &RecordSale) -> bool {
    let is_gate = |id: &Option<String>| id.as_deref() == Some(command.gate.as_str());
    is_gate(&command.details.referral_id) || is_gate(&command.details.click_id)
}

/// Decides one sale:
/// 1. the sale is recorded already: that record stands, and what differs is named;
/// 2. the identifiers point at one referral (else refused, naming two), or at a click that becomes one;
/// 3. window, statuses and incentive decide whether it is credited and what it earns.
pub(super) fn decide(command: &RecordSale, view: &View<'_>) -> Result<Plan, Rejection> {
    if let Some(sale) = &view.state.sale {
        command.context.reach.admit(&sale.conversion.scope, Rejection::ReferralNotFound)?;
        return Ok(repeated_sale::answer(command, sale));
    }
    let pointed_at = pointed_at(command, view.state);
    let reachable: Vec<&Referral> =
        pointed_at.iter().copied().filter(|referral| reach(command, referral).is_ok()).collect();
    if let Some(pair) = reachable.windows(2).find(|pair| matches!(pair, [one, other] if one.id != other.id)) {
        return Err(disagreement(pair));
    }
    let customer = match (reachable.first(), pointed_at.first()) {
        (Some(referral), _) => Customer::known(referral),
        (None, Some(unreachable)) => {
            return Err(reach(command, unreachable).err().unwrap_or(Rejection::ReferralNotFound));
        }
        (None, None) => Customer::of_click(command, view)?,
    };
    record(command, customer, view)
}

/// A referral that the caller may not touch, or that was deleted or erased, does not exist for this call.
fn reach(command: &RecordSale, referral: &Referral) -> Result<(), Rejection> {
    command.context.reach.admit(&referral.scope, Rejection::ReferralNotFound)?;
    let is_gone = referral.status == ReferralStatus::Deleted || referral.erased_at.is_some();
    if is_gone { Err(Rejection::ReferralNotFound) } else { Ok(()) }
}

fn disagreement(pair: &[&Referral]) -> Rejection {
    match pair {
        [first, second, ..] => Rejection::IdentifiersDisagree { first: first.id.clone(), second: second.id.clone() },
        _ => Rejection::ReferralNotFound,
    }
}

/// The referral that a sale is about, as it will be after the commit.
struct Customer {
    referral: Referral,
    is_new: bool,
}

impl Customer {
    fn known(referral: &Referral) -> Self {
        let mut referral = referral.clone();
        referral.seq += 1;
        Self { referral, is_new: false }
    }

    /// A click whose visitor buys without having signed up becomes a referral by the sale.
    fn of_click(command: &RecordSale, view: &View<'_>) -> Result<Self, Rejection> {
        let click = view.click.filter(|_| names_its_gate(command)).ok_or(Rejection::ReferralNotFound)?;
        command.context.reach.admit(&click.scope, Rejection::ReferralNotFound)?;
        Ok(Self { referral: Referral::born_of(click, &command.context.request_id, view.now), is_new: true })
    }
}

fn record(command: &RecordSale, customer: Customer, view: &View<'_>) -> Result<Plan, Rejection> {
    let Customer { mut referral, is_new } = customer;
    referral.updated_at = view.now;
    // Sales come with a key, which thereby vouches for the customer.
    referral.vouch();
    let occurred_at = command.occurred_at.unwrap_or(view.now);
    let sold = Sold {
        amount: command.amount,
        sales_status: command.sales_status,
        purchase: &command.details.purchase,
        occurred_at,
        asked_status: command.details.commission_status,
    };
    let mut vouched = referral.clone();
    let due = make_good(&mut vouched, view);
    let judgement = judge(&sold, &vouched, view)?;
    let attributed = judgement.decision.reason.is_attributed();
    // A sale that nobody is credited with makes no withheld lead good.
    let mut referral = if attributed { vouched } else { referral };
    let (lead, told_of_lead) = due.filter(|_| attributed).map(|due| (due.commission, due.messages)).unwrap_or_default();
    note_suspicion(&mut referral, &judgement, is_new);
    // A sale that nobody is credited with must not keep a later affiliate's click from being the customer's.
    let learnt = if attributed { learn_names(command, &mut referral, view.state) } else { Vec::new() };
    let was_converted = referral.converted_at.is_some();
    let ids = (&command.conversion_id, &command.commission_id);
    let Credit { commission, levels } = credit(&mut referral, &sold, &judgement, ids, view)?;
    let conversion = conversion_of(command, &referral, commission.as_ref(), &judgement, occurred_at, view.now);
    let told = if attributed {
        sale_messages("transaction.created", &conversion, commission.as_ref(), &levels)
    } else {
        vec![]
    };
    let settled = refund::settle(RecordedSale { conversion, commission, levels }, &command.context, view);
    referral.commission_total_minor -= settled.uncounted_minor;
    let converted = (!was_converted && referral.converted_at.is_some())
        .then(|| referral_message("referral.converted", &referral, view.affiliate));
    let was_refunded = settled.sale.conversion.refunded_minor > 0;
    let refunded = if was_refunded { refund::messages(&settled.sale) } else { vec![] };
    let decision = judgement.decision.with("conversion_id", command.conversion_id.as_str());
    let decision = lead.iter().fold(decision, explain);
    let told = told_of_lead.into_iter().chain(converted).chain(told).chain(refunded);
    let event = Event::of("sale.recorded", &referral, decision, &command.context, view.program.rules_version)
        .telling(&referral.scope, told);
    let mut plan = plan(referral, is_new, learnt, settled, event);
    claim_further_keys(command, &mut plan);
    // Right behind its referral.
    plan.changes.splice(1..1, lead.map(|commission| Change::InsertCommission(Box::new(commission))));
    Ok(plan)
}

/// What else a payment provider calls the sale finds it from now on, in the batch that makes it.
fn claim_further_keys(command: &RecordSale, plan: &mut Plan) {
    let place = plan.changes.iter().position(|change| matches!(change, Change::InsertConversion(_)));
    let Some((place, Some(Change::InsertConversion(sale)))) = place.map(|place| (place, plan.changes.get(place)))
    else {
        return;
    };
    let further = command.further_keys.iter().filter(|key| Some(*key) != sale.sale_key.as_ref());
    let claims: Vec<_> = further.map(|key| Change::ClaimSaleKey(sale.clone(), key.clone())).collect();
    // Right behind the sale that they name.
    let rest = plan.changes.split_off(place + 1);
    plan.changes.extend(claims.into_iter().chain(rest));
}

/// What the fraud rules said stays with the referral. One that is made by a sale which they block is rejected from the start.
fn note_suspicion(referral: &mut Referral, judgement: &Judgement<'_>, is_new: bool) {
    let blocked_by = judgement.blocked_by().filter(|_| is_new);
    referral.suspicion = Suspicion::noted(referral.suspicion.take(), &judgement.hits);
    if let (Some(rule), Some(suspicion)) = (blocked_by, &mut referral.suspicion) {
        suspicion.blocked_by = Some(rule);
        referral.status = ReferralStatus::Rejected;
    }
}

/// The batch of a recorded sale: `settled` is the sale after what waited for it.
pub(super) fn plan(referral: Referral, is_new: bool, learnt: Vec<Identity>, settled: Settled, event: Event) -> Plan {
    let scope = referral.scope.clone();
    let id = referral.id.clone();
    let stored = Box::new(referral);
    let Settled { sale, changes: settling, .. } = settled;
    let (refunds, waiting): (Vec<_>, Vec<_>) = settling
        .into_iter()
        .partition(|change| matches!(change, Change::InsertRefund(_) | Change::InsertCommission(_)));
    let mut changes = vec![if is_new { Change::InsertReferral(stored) } else { Change::UpdateReferral(stored) }];
    changes.extend(learnt.into_iter().map(|name| Change::ClaimIdentity(id.clone(), name)));
    // What waited is settled before the sale's key is claimed, and is a row once there is the sale that it names.
    changes.extend(waiting);
    changes.push(Change::InsertConversion(Box::new(sale.conversion.clone())));
    let earned = sale.commission.iter().chain(&sale.levels).cloned();
    changes.extend(earned.map(|commission| Change::InsertCommission(Box::new(commission))));
    changes.extend(refunds);
    changes.push(Change::AppendEvent(Box::new(event)));
    let outcome = Outcome::Sale { sale: Box::new(sale), first_seen: FirstSeen::Now, differing: Vec::new() };
    Plan { scope, changes, outcome, replayed: false }
}

/// Names that nobody holds yet become this referral's, so that later calls need only them.
fn learn_names(command: &RecordSale, referral: &mut Referral, state: &State) -> Vec<Identity> {
    let mut unknown = identities(command);
    unknown.retain(|identity| state.holder(identity).is_none() && referral.has_room());
    for identity in &unknown {
        referral.learn(identity, None);
    }
    unknown
}

fn conversion_of(
    command: &RecordSale,
    referral: &Referral,
    commission: Option<&Commission>,
    judgement: &Judgement<'_>,
    occurred_at: Timestamp,
    now: Timestamp,
) -> Conversion {
    Conversion {
        id: command.conversion_id.clone(),
        scope: referral.scope.clone(),
        referral_id: referral.id.clone(),
        affiliate_id: referral.affiliate_id.clone(),
        sale_key: command.sale_key.clone(),
        amount: command.amount,
        refunded_minor: 0,
        converted: judgement.converted.clone(),
        sales_status: command.sales_status,
        details: command.details.clone(),
        attributed: judgement.decision.reason.is_attributed(),
        commission_id: commission.map(|commission| commission.id.clone()),
        matched_incentive_id: commission.and_then(|commission| commission.incentive_id.clone()),
        decision: judgement.decision.clone(),
        created_at: occurred_at,
        recorded_at: now,
        updated_at: now,
    }
}
