//! How this dialect shows referrals, conversions and commissions. Sources: seeds 002 and 003; reference of the dialect's
//! management API.

use attribution::decision::{Decision, Reason};
use attribution::fraud::Suspicion;
use attribution::ids::{AffiliateId, ReferralId};
use attribution::messages::decimal;
use attribution::money::{Currency, Money};
use attribution::referral::{Referral, Scope};
use attribution::referral_stats::ReferralStats;
use attribution::sale::{Commission, Conversion, RecordedSale};
use attribution::status::{CommissionKind, FraudRule, Interval, SalesStatus};
use attribution::time::Timestamp;
use serde_json::{Value, json};

use crate::store::commission::list::Entry;
use crate::store::event::Line;

/// Where a sale keeps the `payment_intent_id` that it was recorded with: among what else its caller said.
pub const PAYMENT_INTENT_ID: &str = "payment_intent_id";

/// The referral object; `external_user_id`, `email_masked` and `fraud` are additions to the published one.
pub fn referral(referral: &Referral) -> Value {
    let email = referral.email.as_ref();
    json!({
        "id": referral.id.as_str(),
        "affiliate_id": referral.affiliate_id.as_str(),
        "program_id": referral.scope.program_id.as_str(),
        "email": email.and_then(|email| email.address.clone()),
        "email_masked": email.map(|email| email.masked.clone()),
        "customer_id": referral.customer_id,
        "external_user_id": referral.external_user_id,
        "subscription_id": referral.subscription_id,
        "status": referral.status.as_str(),
        "name": referral.name,
        "metadata": referral.metadata,
        "fraud": referral.suspicion.as_ref().map(suspicion),
        "created_at": referral.created_at.to_rfc3339(),
        "converted_at": referral.converted_at.map(Timestamp::to_rfc3339),
    })
}

/// What fraud rules have said of a referral.
fn suspicion(suspicion: &Suspicion) -> Value {
    json!({
        "rules": suspicion.rules.iter().map(|rule| rule.as_str()).collect::<Vec<_>>(),
        "blocked_by": suspicion.blocked_by.map(FraudRule::as_str),
        "cleared": suspicion.cleared,
    })
}

/// What a referral has brought; `orders_without_rate` is an addition: orders that are missing in the revenue.
pub fn referral_stats(stats: &ReferralStats, team: Currency) -> Value {
    let money = |minor| decimal(Money { minor, currency: team });
    json!({
        "total_revenue": money(stats.revenue_minor),
        "total_commission": money(stats.commission_minor),
        "total_orders": stats.orders,
        "orders_without_rate": stats.orders_without_rate,
        "last_order_at": stats.last_order_at.map(Timestamp::to_rfc3339),
    })
}

/// The conversion object: the sale, refunds taken off, what it earned, and why; then every field as it was sent. `team` is
/// the team's currency.
pub fn conversion(sale: &RecordedSale, replayed: bool, team: Currency) -> Value {
    let RecordedSale { conversion, commission, levels } = sale;
    let details = &conversion.details;
    let purchase = &details.purchase;
    let commission = commission.as_ref();
    let used = conversion.converted.as_ref().and_then(|converted| converted.by.as_ref());
    json!({
        "id": conversion.id.as_str(),
        "referral_id": conversion.referral_id.as_str(),
        "affiliate_id": conversion.affiliate_id.as_str(),
        "program_id": conversion.scope.program_id.as_str(),
        "sale_amount": decimal(conversion.remaining()),
        "sale_amount_currency": conversion.amount.currency.code(),
        "converted_sale_amount": converted_sale_amount(conversion, team),
        "commission_amount": commission.and_then(Commission::amount).map(decimal),
        "commission_currency": commission.map(|commission| commission.currency.code()),
        "status": commission.map(|commission| commission.status.as_str()),
        "sales_status": conversion.sales_status.as_str(),
        "hold_period_days": commission.and_then(|commission| commission.hold_days),
        "payment_intent_id": payment_intent_id(conversion),
        "invoice_id": null,
        "earning_id": commission.map(|commission| commission.id.as_str()),
        "earning_type": commission.map(|commission| earning_type(commission.kind)),
        "created_at": conversion.created_at.to_rfc3339(),
        "updated_at": conversion.updated_at.to_rfc3339(),
        "external_event_id": conversion.sale_key,
        "source_event_id": null,
        "calculation_mode": if is_manual(commission) { "manual" } else { "auto" },
        "exchange_rate": used.map(|used| used.rate.as_str()),
        "exchange_rate_date": used.map(|used| used.day.to_string()),
        "levels": levels.iter().map(level).collect::<Vec<_>>(),
        "matched_incentive_id": conversion.matched_incentive_id.as_ref().map(|id| id.as_str().to_owned()),
        "customer_id": details.customer_id,
        "external_user_id": details.external_user_id,
        "click_id": details.click_id,
        "product_ids": purchase.product_ids,
        "price_ids": purchase.price_ids,
        "interval": purchase.interval.map(Interval::as_str),
        "is_subscription": purchase.is_subscription,
        "metadata": details.metadata,
        "attributed": conversion.attributed,
        "reason": conversion.decision.reason.as_str(),
        "decision": decision(&conversion.decision),
        "replayed": replayed,
    })
}

/// A sale that was only tried: what would be recorded, with every rule that was asked. It has no ids, unless it is recorded
/// already.
pub fn tried(sale: &RecordedSale, is_recorded: bool, team: Currency) -> Value {
    let mut shown = conversion(sale, is_recorded, team);
    let Some(fields) = shown.as_object_mut() else { return shown };
    fields.insert("dry_run".to_owned(), true.into());
    fields.insert("considered".to_owned(), considered(&sale.conversion.decision));
    fields.insert("sum".to_owned(), json!(sale.conversion.decision.sum));
    if is_recorded {
        return shown;
    }
    for id in ["id", "earning_id"] {
        fields.insert(id.to_owned(), Value::Null);
    }
    for level in fields.get_mut("levels").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(level) = level.as_object_mut() {
            level.insert("earning_id".to_owned(), Value::Null);
        }
    }
    shown
}

/// The commission object: what somebody earns, and the sale that it is for. A lead has no sale: nothing in the team's
/// currency. A sale that earned nothing goes by its own id, and what would be its commission's is null.
pub fn commission(entry: &Entry, team: Currency) -> Value {
    let (commission, sale) = (entry.commission(), entry.sale());
    let subject = subject(entry);
    let nothing = Money { minor: 0, currency: team };
    let sale_amount = sale.map_or(nothing, Conversion::remaining);
    json!({
        "id": subject.id,
        "referral_id": subject.referral_id,
        "affiliate_id": subject.affiliate_id,
        "program_id": subject.scope.program_id,
        "conversion_id": sale.map(|sale| &sale.id),
        "sale_amount": decimal(sale_amount),
        "sale_amount_currency": sale_amount.currency.code(),
        "converted_sale_amount": sale.map_or(decimal(nothing), |sale| converted_sale_amount(sale, team)),
        "commission_amount": commission.and_then(Commission::amount).map(decimal),
        "commission_currency": commission.map(|one| one.currency.code()),
        "earned_amount": commission.and_then(earned).map(decimal),
        "status": commission.map(|one| one.status.as_str()),
        "sales_status": sale.map_or(SalesStatus::Complete, |sale| sale.sales_status).as_str(),
        "hold_period_days": commission.and_then(|one| one.hold_days),
        "payment_intent_id": sale.and_then(payment_intent_id),
        "invoice_id": null,
        "earning_id": commission.map(|one| &one.id),
        "earning_type": commission.map(|one| earning_type(one.kind)),
        "level": commission.map(|one| one.level),
        "reason": subject.reason.as_str(),
        "matched_incentive_id": commission.and_then(|one| one.incentive_id.as_ref()),
        "payout_id": commission.and_then(|one| one.payout_id.as_ref()),
        "external_event_id": sale.and_then(|sale| sale.sale_key.as_ref()),
        "is_subscription": sale.is_some_and(|sale| sale.details.purchase.is_subscription),
        "metadata": sale.and_then(|sale| sale.details.metadata.as_ref()),
        "sale_created_at": sale.map(|sale| sale.created_at.to_rfc3339()),
        "created_at": subject.created_at.to_rfc3339(),
        "updated_at": subject.updated_at.to_rfc3339(),
    })
}

/// What every entry has, whichever row it comes from.
struct Subject<'a> {
    id: &'a str,
    referral_id: &'a ReferralId,
    affiliate_id: &'a AffiliateId,
    scope: &'a Scope,
    reason: Reason,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn subject(entry: &Entry) -> Subject<'_> {
    match entry {
        Entry::Earned(commission, _) => Subject {
            id: commission.id.as_str(),
            referral_id: &commission.referral_id,
            affiliate_id: &commission.affiliate_id,
            scope: &commission.scope,
            reason: commission.reason,
            created_at: commission.created_at,
            updated_at: commission.updated_at,
        },
        Entry::Unearned(sale) => Subject {
            id: sale.id.as_str(),
            referral_id: &sale.referral_id,
            affiliate_id: &sale.affiliate_id,
            scope: &sale.scope,
            reason: sale.decision.reason,
            created_at: sale.created_at,
            updated_at: sale.updated_at,
        },
    }
}

/// What a commission was before any refund.
pub fn earned(commission: &Commission) -> Option<Money> {
    Some(Money { minor: commission.earned_minor?, currency: commission.currency })
}

/// What of a sale was not paid back, in the team's currency; null while a rate of exchange is missing.
fn converted_sale_amount(conversion: &Conversion, team: Currency) -> Value {
    let minor = conversion.remaining_converted();
    minor.map_or(Value::Null, |minor| decimal(Money { minor, currency: team }))
}

fn payment_intent_id(conversion: &Conversion) -> Option<&str> {
    conversion.details.extra.get(PAYMENT_INTENT_ID).and_then(Value::as_str)
}

/// What a recruiter earned by a sale.
fn level(level: &Commission) -> Value {
    json!({
        "level": level.level,
        "earning_id": level.id.as_str(),
        "affiliate_id": level.affiliate_id.as_str(),
        "commission_amount": level.amount().map(decimal),
        "commission_currency": level.currency.code(),
        "status": level.status.as_str(),
    })
}

fn is_manual(commission: Option<&Commission>) -> bool {
    commission.is_some_and(|commission| commission.kind == CommissionKind::Manual)
}

/// What commissions are earned for, by the words of this dialect; the published one is that of sales.
pub const EARNING_TYPES: [(&str, CommissionKind); 5] = [
    ("direct_commission", CommissionKind::Sale),
    ("lead_commission", CommissionKind::Lead),
    ("level_commission", CommissionKind::Level),
    ("clawback", CommissionKind::Clawback),
    ("manual_commission", CommissionKind::Manual),
];

/// The word for what a commission is earned for.
pub fn earning_type(kind: CommissionKind) -> Option<&'static str> {
    EARNING_TYPES.into_iter().find(|(_, known)| *known == kind).map(|(word, _)| word)
}

/// A decision: the reason, a sentence for people, and what it was decided on.
pub fn decision(decision: &Decision) -> Value {
    json!({
        "reason": decision.reason.as_str(),
        "explanation": decision.reason.explanation(),
        "inputs": decision.inputs,
    })
}

/// Every rule that a decision asked, in order.
pub fn considered(decision: &Decision) -> Value {
    json!(decision.considered)
}

/// One line of the ledger: what happened, why, and who caused it. One of a refund that waited for its sale has its own
/// `seq`.
pub fn line(line: &Line) -> Value {
    let reason = line.reason.parse::<Reason>().ok();
    json!({
        "refund_id": line.refund_id,
        "seq": line.seq,
        "at": line.at.to_rfc3339(),
        "event": line.kind,
        "reason": line.reason,
        "explanation": reason.map(Reason::explanation),
        "details": line.detail,
        "actor": line.actor,
        "request_id": line.request_id,
    })
}
