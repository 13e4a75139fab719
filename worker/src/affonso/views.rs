//! How this dialect shows referrals and conversions. Sources: seeds 002 and 003.

use attribution::decision::Decision;
use attribution::messages::decimal;
use attribution::referral::Referral;
use attribution::sale::{Commission, RecordedSale};
use attribution::status::CommissionKind;
use attribution::time::Timestamp;
use serde_json::{Value, json};

/// The referral object; `external_user_id` and `email_masked` are additions to the published one.
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
        "created_at": referral.created_at.to_rfc3339(),
        "converted_at": referral.converted_at.map(Timestamp::to_rfc3339),
    })
}

/// The conversion object: the sale, refunds taken off, what it earned, and why; then every field as it was sent.
pub fn conversion(sale: &RecordedSale, replayed: bool) -> Value {
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
        "commission_amount": commission.and_then(Commission::amount).map(decimal),
        "commission_currency": commission.map(|commission| commission.currency.code()),
        "status": commission.map(|commission| commission.status.as_str()),
        "sales_status": conversion.sales_status.as_str(),
        "hold_period_days": commission.and_then(|commission| commission.hold_days),
        "payment_intent_id": null,
        "invoice_id": null,
        "earning_id": commission.map(|commission| commission.id.as_str()),
        "earning_type": commission.map(|commission| earning_type(commission.kind)),
        "created_at": conversion.created_at.to_rfc3339(),
        "updated_at": conversion.updated_at.to_rfc3339(),
        "external_event_id": conversion.sale_key,
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
        "interval": purchase.interval.map(attribution::status::Interval::as_str),
        "is_subscription": purchase.is_subscription,
        "metadata": details.metadata,
        "attributed": conversion.attributed,
        "reason": conversion.decision.reason.as_str(),
        "decision": decision(&conversion.decision),
        "replayed": replayed,
    })
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

/// The word for what a commission is earned for; the published one is that of sales.
pub fn earning_type(kind: CommissionKind) -> &'static str {
    match kind {
        CommissionKind::Sale => "direct_commission",
        CommissionKind::Lead => "lead_commission",
        CommissionKind::Level => "level_commission",
        CommissionKind::Clawback => "clawback",
        CommissionKind::Manual => "manual_commission",
    }
}

/// A decision: the reason, a sentence for people, and what it was decided on.
pub fn decision(decision: &Decision) -> Value {
    json!({
        "reason": decision.reason.as_str(),
        "explanation": decision.reason.explanation(),
        "inputs": decision.inputs,
    })
}
