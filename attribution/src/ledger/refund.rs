//! The rule of refunds: what is paid back of a sale takes back what it earned, pro rata, once, and never beyond the sale.
//!
//! Sources: design, sections 5 (refunds, clawback, refunds before their sale) and 6 (their keys); the reference of both
//! dialects, sections 1.8 and 2.5. A refund that comes before its sale waits (is parked) where the caller allows it. The
//! sale and the refund always meet: parking fails when the sale's key is taken, and claiming a sale's key fails while a
//! refund waits for it that the same batch does not settle.

use super::changes::{Change, Event, Plan};
use super::outcome::{FirstSeen, Outcome, Rejection};
use super::requests::Refund;
use super::{State, View};
use crate::decision::{Decision, Reason};
use crate::ids::{AffiliateId, CommissionId};
use crate::messages::{Message, decimal, sale_messages};
use crate::money::{Money, pro_rata};
use crate::program::Program;
use crate::referral::Referral;
use crate::retention::PARKED_REFUND_DAYS;
use crate::sale::{Commission, Conversion, ParkedRefund, RecordedSale, SaleRefund};
use crate::status::{CommissionKind, CommissionStatus, SalesStatus};
use crate::time::Timestamp;
use crate::transitions::Mover;

/// What a refund changes: the rows after it, and what it takes back.
pub(super) struct Reversal {
    /// The sale, its commission and its levels after the refund.
    pub sale: RecordedSale,
    /// Negative commissions, for each that was paid out.
    pub clawbacks: Vec<Commission>,
    /// What the affiliate earns less by the sale, in minor units of the team's currency.
    pub deducted_minor: i64,
    /// What counts less towards the referral's total.
    pub uncounted_minor: i64,
}

/// Decides one refund of a sale that is known:
/// 1. the refund is recorded already: that record stands;
/// 2. all of it is asked for, and nothing is left to pay back: nothing new;
/// 3. otherwise sale and commission are reduced, or reversed.
pub(super) fn decide(command: &Refund, sale: &RecordedSale, view: &View<'_>) -> Result<Plan, Rejection> {
    command.context.reach.admit(&sale.conversion.scope, Rejection::SaleNotFound)?;
    if let Some(refund) = &view.state.refund {
        return repeated(command, sale, refund);
    }
    // Under this key a refund waits for another sale.
    if view.state.parked.iter().any(|parked| command.is_same(parked)) {
        return Err(Rejection::RefundKeyReused);
    }
    let remaining = sale.conversion.remaining();
    if command.currency.is_some_and(|currency| currency != remaining.currency) {
        return Err(Rejection::RefundCurrency { expected: remaining.currency });
    }
    // Part of a sale that is paid back is beyond what remains; one of the two APIs skips that too.
    let asks_for_all = command.amount.is_none_or(|amount| amount == sale.conversion.amount);
    if remaining.minor == 0 && (asks_for_all || !command.refuses_other_body) {
        return Ok(unchanged(sale, None, FirstSeen::Before));
    }
    let status = sale.conversion.sales_status;
    if !may_be_paid_back(status) {
        return Err(Rejection::transition("sale", status.as_str(), SalesStatus::Refunded.as_str()));
    }
    let amount = command.amount.unwrap_or(remaining);
    check_amount(amount, remaining)?;
    let referral = view.state.referral(&sale.conversion.referral_id).ok_or(Rejection::SaleNotFound)?;
    Ok(record(command, sale, referral, amount, view))
}

/// What was never paid cannot be paid back.
fn may_be_paid_back(status: SalesStatus) -> bool {
    status == SalesStatus::Refunded || status.may_become(SalesStatus::Refunded, Mover::Ledger)
}

fn check_amount(amount: Money, remaining: Money) -> Result<(), Rejection> {
    if amount.currency != remaining.currency {
        return Err(Rejection::RefundCurrency { expected: remaining.currency });
    }
    if amount.minor > remaining.minor {
        return Err(Rejection::RefundTooLarge { remaining });
    }
    Ok(())
}

/// The same refund again; under the same key with another amount it is refused, where the interface says so.
fn repeated(command: &Refund, sale: &RecordedSale, refund: &SaleRefund) -> Result<Plan, Rejection> {
    if refund.id == command.refund_id {
        return Ok(unchanged(sale, Some(refund), FirstSeen::Now));
    }
    let same_sale = refund.conversion_id == sale.conversion.id;
    let same_amount = command.amount == refund.asked;
    if command.refuses_other_body && !(same_sale && same_amount) {
        return Err(Rejection::RefundKeyReused);
    }
    Ok(unchanged(sale, Some(refund), FirstSeen::Before))
}

fn unchanged(sale: &RecordedSale, refund: Option<&SaleRefund>, first_seen: FirstSeen) -> Plan {
    let outcome = Outcome::Refund { sale: Box::new(sale.clone()), refund: refund.cloned().map(Box::new), first_seen };
    Plan { scope: sale.conversion.scope.clone(), changes: Vec::new(), outcome, replayed: false }
}

fn record(command: &Refund, sale: &RecordedSale, referral: &Referral, amount: Money, view: &View<'_>) -> Plan {
    let mut referral = referral.clone();
    referral.seq += 1;
    referral.updated_at = view.now;
    let reversal = reverse(sale, amount, &referral.affiliate_id, &command.clawback_id, view.now);
    let Reversal { sale, clawbacks, deducted_minor, uncounted_minor } = reversal;
    referral.commission_total_minor -= uncounted_minor;
    let refund = SaleRefund {
        id: command.refund_id.clone(),
        scope: sale.conversion.scope.clone(),
        conversion_id: sale.conversion.id.clone(),
        refund_key: command.refund_key.clone(),
        amount,
        asked: command.amount,
        deducted_minor,
        clawback_id: of_the_sale_itself(&clawbacks),
        reason: command.reason.clone(),
        refunded_at: command.refunded_at.unwrap_or(view.now),
        created_at: view.now,
    };
    let decision = Decision::new(reason(&sale.conversion))
        .with("conversion_id", sale.conversion.id.as_str())
        .with("refund_id", refund.id.as_str())
        .with("refund_amount", decimal(amount))
        .with("refund_reason", refund.reason.clone())
        .with("deducted", deducted(&sale, deducted_minor));
    let event = Event::of("sale.refunded", &referral, decision, &command.context, view.program.rules_version)
        .telling(&referral.scope, messages(&sale));
    let scope = referral.scope.clone();
    let mut changes = vec![Change::UpdateReferral(Box::new(referral))];
    add_rows(&sale, clawbacks, &refund, &mut changes);
    changes.push(Change::AppendEvent(Box::new(event)));
    let outcome = Outcome::Refund { sale: Box::new(sale), refund: Some(Box::new(refund)), first_seen: FirstSeen::Now };
    Plan { scope, changes, outcome, replayed: false }
}

/// The negative line of the selling affiliate's own commission.
fn of_the_sale_itself(clawbacks: &[Commission]) -> Option<CommissionId> {
    clawbacks.iter().find(|clawback| clawback.level == 0).map(|clawback| clawback.id.clone())
}

fn add_rows(sale: &RecordedSale, clawbacks: Vec<Commission>, refund: &SaleRefund, changes: &mut Vec<Change>) {
    changes.push(Change::UpdateConversion(Box::new(sale.conversion.clone())));
    let reduced = sale.commission.iter().chain(&sale.levels).cloned();
    changes.extend(reduced.map(|commission| Change::UpdateCommission(Box::new(commission))));
    changes.extend(clawbacks.into_iter().map(|clawback| Change::InsertCommission(Box::new(clawback))));
    changes.push(Change::InsertRefund(Box::new(refund.clone())));
}

fn deducted(sale: &RecordedSale, minor: i64) -> serde_json::Value {
    let currency = sale.commission.as_ref().map(|commission| commission.currency);
    currency.map_or(serde_json::Value::Null, |currency| decimal(Money { minor, currency }))
}

/// Why a sale is as a refund has left it.
fn reason(conversion: &Conversion) -> Reason {
    if conversion.remaining().minor == 0 { Reason::SaleRefunded } else { Reason::SalePartlyRefunded }
}

/// Subscribers hear of a sale that was told to them.
pub(super) fn messages(sale: &RecordedSale) -> Vec<Message> {
    if !sale.conversion.attributed {
        return Vec::new();
    }
    let kind = if sale.conversion.remaining().minor == 0 { "transaction.rejected" } else { "transaction.updated" };
    sale_messages(kind, &sale.conversion, sale.commission.as_ref(), &sale.levels)
}

/// Takes `amount`, which is not more than what remains, back from a sale; `affiliate` is the referral's. What was earned
/// is what would have been earned on the rest: always counted from the original amounts, so that several partial refunds
/// round as one. What was paid out is not changed but netted by a negative commission.
pub(super) fn reverse(
    sale: &RecordedSale,
    amount: Money,
    affiliate: &AffiliateId,
    clawback_id: &CommissionId,
    now: Timestamp,
) -> Reversal {
    let mut after = sale.clone();
    after.conversion.refunded_minor += amount.minor;
    after.conversion.updated_at = now;
    let remaining = after.conversion.remaining().minor;
    after.conversion.sales_status = if remaining == 0 { SalesStatus::Refunded } else { SalesStatus::PartialRefunded };
    let mut reversal = Reversal { sale: after, clawbacks: Vec::new(), deducted_minor: 0, uncounted_minor: 0 };
    let RecordedSale { conversion, commission, levels } = &mut reversal.sale;
    for commission in commission.iter_mut().chain(levels) {
        let before = commission.clone();
        let id = if before.level == 0 {
            clawback_id.clone()
        } else {
            clawback_id.beside(&format!("level {}", before.level))
        };
        let deducted_minor = reduce(commission, remaining, conversion.amount.minor, now);
        if before.level == 0 {
            reversal.deducted_minor = deducted_minor;
        }
        reversal.uncounted_minor += before.counted_minor(affiliate) - commission.counted_minor(affiliate);
        if before.status.is_paid_out() && deducted_minor != 0 {
            reversal.clawbacks.push(clawback_of(&before, -deducted_minor, &id, now));
        }
    }
    reversal
}

/// Reduces what a sale of `whole` earned to what remains of it; says by how much.
fn reduce(commission: &mut Commission, remaining: i64, whole: i64, now: Timestamp) -> i64 {
    let target = pro_rata(commission.earned_minor.unwrap_or(0), remaining, whole);
    let in_force = commission.amount().map_or(0, |amount| amount.minor);
    // What was refunded before it was recorded, by the caller's word, is nothing already.
    let target = if commission.status == CommissionStatus::Refunded { 0 } else { target };
    let deducted_minor = in_force - target;
    commission.updated_at = now;
    if commission.status.is_paid_out() {
        commission.clawed_back_minor += deducted_minor;
        return deducted_minor;
    }
    // What was in a payout that came to nothing may have negative lines, which take their part back by themselves.
    commission.amount_minor = commission.amount_minor.map(|_| target + commission.clawed_back_minor);
    let is_netted = commission.clawed_back_minor > 0;
    if remaining == 0 && !is_netted && commission.status.may_become(CommissionStatus::Refunded, Mover::Ledger) {
        commission.status = CommissionStatus::Refunded;
        // One that waited for a rate waits no longer.
        commission.amount_minor = Some(0);
        commission.hold_until = None;
    }
    deducted_minor
}

/// What the next payout takes back.
fn clawback_of(paid: &Commission, minor: i64, id: &CommissionId, now: Timestamp) -> Commission {
    Commission {
        id: id.clone(),
        amount_minor: Some(minor),
        earned_minor: Some(minor),
        clawed_back_minor: 0,
        kind: CommissionKind::Clawback,
        status: CommissionStatus::ReadyForPayment,
        hold_days: None,
        hold_until: None,
        reason: Reason::PaidCommissionClawedBack,
        payout_id: None,
        created_at: now,
        updated_at: now,
        ..paid.clone()
    }
}

/// Decides a refund whose sale is not known: it waits, where the caller allows that.
pub(super) fn without_sale(
    command: &Refund,
    state: &State,
    program: &Program,
    now: Timestamp,
) -> Result<Plan, Rejection> {
    if let Some(parked) = state.parked.iter().find(|parked| command.is_same(parked)) {
        return parked_already(command, parked);
    }
    // Under this key another sale was paid back.
    if state.refund.is_some() {
        return Err(Rejection::RefundKeyReused);
    }
    let Some(sale_key) = command.sale_key.clone().filter(|_| command.may_wait) else {
        return Err(Rejection::SaleNotFound);
    };
    let parked = ParkedRefund {
        id: command.refund_id.clone(),
        scope: command.scope.clone(),
        sale_key,
        refund_key: command.refund_key.clone(),
        amount: command.amount,
        reason: command.reason.clone(),
        refunded_at: command.refunded_at.unwrap_or(now),
        parked_at: now,
        expires_at: now.plus_days(PARKED_REFUND_DAYS),
    };
    let decision = Decision::new(Reason::RefundWaitsForItsSale)
        .with("sale_key", parked.sale_key.as_str())
        .with("expires_at", parked.expires_at.to_rfc3339());
    let line = Event::of_parked("refund.parked", &parked, 1, decision, &command.context, program.rules_version, now);
    let changes = vec![Change::ParkRefund(Box::new(parked.clone())), Change::AppendEvent(Box::new(line))];
    let outcome = Outcome::Parked { refund: Box::new(parked), first_seen: FirstSeen::Now };
    Ok(Plan { scope: command.scope.clone(), changes, outcome, replayed: false })
}

fn parked_already(command: &Refund, parked: &ParkedRefund) -> Result<Plan, Rejection> {
    let own = parked.id == command.refund_id;
    let other_sale = command.sale_key.as_ref() != Some(&parked.sale_key);
    if !own && (other_sale || (command.refuses_other_body && command.amount != parked.amount)) {
        return Err(Rejection::RefundKeyReused);
    }
    let first_seen = if own { FirstSeen::Now } else { FirstSeen::Before };
    let outcome = Outcome::Parked { refund: Box::new(parked.clone()), first_seen };
    Ok(Plan { scope: parked.scope.clone(), changes: Vec::new(), outcome, replayed: false })
}

/// What becomes of the refunds that waited for a sale when it comes: each is applied in the sale's own batch, never
/// beyond what remains; one in another currency is settled without effect, and its line says so.
pub(super) struct Settled {
    /// The sale after them.
    pub sale: RecordedSale,
    /// Their rows and lines.
    pub changes: Vec<Change>,
    /// What counts less towards the referral's total.
    pub uncounted_minor: i64,
}

/// Settles what waits for `sale`.
pub(super) fn settle(sale: RecordedSale, context: &super::Context, view: &View<'_>) -> Settled {
    let mut settled = Settled { sale, changes: Vec::new(), uncounted_minor: 0 };
    for parked in &view.state.parked {
        settle_one(parked, &mut settled, context, view);
    }
    settled
}

fn settle_one(parked: &ParkedRefund, settled: &mut Settled, context: &super::Context, view: &View<'_>) {
    let remaining = settled.sale.conversion.remaining();
    let asked = parked.amount.unwrap_or(remaining);
    let is_paid = may_be_paid_back(settled.sale.conversion.sales_status);
    let fits = is_paid && asked.currency == remaining.currency && remaining.minor > 0;
    let reason = if fits { Reason::RefundMetItsSale } else { Reason::RefundDidNotFitItsSale };
    let decision = Decision::new(reason).with("conversion_id", settled.sale.conversion.id.as_str());
    let version = view.program.rules_version;
    let line = Event::of_parked("refund.settled", parked, 2, decision, context, version, view.now);
    settled.changes.push(Change::SettleRefund(Box::new(parked.clone())));
    settled.changes.push(Change::AppendEvent(Box::new(line)));
    if !fits {
        return;
    }
    let amount = Money { minor: asked.minor.min(remaining.minor), currency: remaining.currency };
    // A sale that has just come was paid out already where its caller says so.
    let clawback_id = settled.sale.commission.as_ref().map(|commission| commission.id.beside(parked.id.as_str()));
    let clawback_id = clawback_id.unwrap_or_else(|| CommissionId::new(""));
    let affiliate = settled.sale.conversion.affiliate_id.clone();
    let reversal = reverse(&settled.sale, amount, &affiliate, &clawback_id, view.now);
    let Reversal { sale, clawbacks, deducted_minor, uncounted_minor } = reversal;
    settled.uncounted_minor += uncounted_minor;
    settled.sale = sale;
    let clawback_id = of_the_sale_itself(&clawbacks);
    settled.changes.extend(clawbacks.into_iter().map(|clawback| Change::InsertCommission(Box::new(clawback))));
    settled.changes.push(Change::InsertRefund(Box::new(SaleRefund {
        id: parked.id.clone(),
        scope: parked.scope.clone(),
        conversion_id: settled.sale.conversion.id.clone(),
        refund_key: parked.refund_key.clone(),
        amount,
        asked: parked.amount,
        deducted_minor,
        clawback_id,
        reason: parked.reason.clone(),
        refunded_at: parked.refunded_at,
        created_at: view.now,
    })));
}
