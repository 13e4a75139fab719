//! `GET /v1/conversions/{id}/explain`: why a sale was credited, or was not, and what has become of it since. Source:
//! design, section 9.
//!
//! Everything was kept with the sale when it was decided; nothing is decided anew here.

use attribution::decision::{Awaiting, Decision};
use attribution::messages::decimal;
use attribution::money::{Currency, Money};
use attribution::sale::{Commission, Conversion, SaleRefund};
use serde_json::{Value, json};

use super::super::{Problem, caller, success, views};
use super::find;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::store::conversion::list::WholeSale;
use crate::store::{event, refund};

/// Explains one sale of the caller's (404 for anybody else's).
pub async fn explain(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let whole = find(funnel, &key, id).await?;
    let team = funnel.program(&key.program_id).await?.currency;
    let conversion = &whole.sale.conversion;
    let refunds = refund::of_sale(&funnel.database, &conversion.id).await?;
    let lines = lines(funnel, &whole, &refunds).await?;
    let decision = &conversion.decision;
    Ok(success(
        200,
        &json!({
            "conversion_id": conversion.id,
            "referral_id": conversion.referral_id,
            "affiliate_id": conversion.affiliate_id,
            "attributed": conversion.attributed,
            "sales_status": conversion.sales_status.as_str(),
            "decision": views::decision(decision),
            "considered": views::considered(decision),
            "sum": decision.sum,
            "amounts": amounts(&whole, team),
            "refunds": refunds.iter().map(|refund| refund_view(refund, team)).collect::<Value>(),
            "changes": lines,
            "waiting": waiting(decision, conversion, team),
        }),
    ))
}

/// The lines of the ledger about the sale, what it earned, and its refunds.
async fn lines(funnel: &Funnel, whole: &WholeSale, refunds: &[SaleRefund]) -> Result<Value, Problem> {
    let sale = &whole.sale;
    let earned = sale.commission.iter().chain(&sale.levels).chain(&whole.clawbacks);
    let mut names = vec![sale.conversion.id.as_str()];
    names.extend(earned.map(|commission| commission.id.as_str()));
    let refunds: Vec<&str> = refunds.iter().map(|refund| refund.id.as_str()).collect();
    let lines = event::of_sale(&funnel.database, &sale.conversion.referral_id, &names, &refunds).await?;
    Ok(lines.iter().map(views::line).collect())
}

fn amounts(whole: &WholeSale, team: Currency) -> Value {
    let sale = &whole.sale;
    let conversion = &sale.conversion;
    let amount = conversion.amount;
    let refunded = Money { minor: conversion.refunded_minor, currency: amount.currency };
    json!({
        "sale": {
            "amount": decimal(amount),
            "refunded": decimal(refunded),
            "remaining": decimal(conversion.remaining()),
            "currency": amount.currency.code(),
        },
        "converted": converted(conversion, team),
        "commission": sale.commission.as_ref().map(earnings),
        "levels": sale.levels.iter().map(earnings).collect::<Value>(),
        "clawbacks": whole.clawbacks.iter().map(earnings).collect::<Value>(),
    })
}

/// The sale in the team's currency; null while a rate of exchange is missing.
fn converted(conversion: &Conversion, team: Currency) -> Value {
    let Some(converted) = &conversion.converted else { return Value::Null };
    let in_team = |minor| decimal(Money { minor, currency: team });
    let used = converted.by.as_ref();
    json!({
        "amount": in_team(converted.minor),
        "remaining": conversion.remaining_converted().map(in_team),
        "currency": team.code(),
        "exchange_rate": used.map(|used| used.rate.as_str()),
        "exchange_rate_date": used.map(|used| used.day.to_string()),
    })
}

/// What one affiliate earned by the sale, and earns now.
fn earnings(commission: &Commission) -> Value {
    json!({
        "earning_id": commission.id,
        "affiliate_id": commission.affiliate_id,
        "level": commission.level,
        "earned": views::earned(commission).map(decimal),
        "now": commission.amount().map(decimal),
        "currency": commission.currency.code(),
        "status": commission.status.as_str(),
        "reason": commission.reason.as_str(),
        "payout_id": commission.payout_id,
    })
}

fn refund_view(refund: &SaleRefund, team: Currency) -> Value {
    json!({
        "id": refund.id,
        "amount": decimal(refund.amount),
        "currency": refund.amount.currency.code(),
        "deducted": decimal(Money { minor: refund.deducted_minor, currency: team }),
        "clawback_id": refund.clawback_id,
        "reason": refund.reason,
        "external_event_id": refund.refund_key,
        "refunded_at": refund.refunded_at.to_rfc3339(),
        "created_at": refund.created_at.to_rfc3339(),
    })
}

/// What a commission without an amount waits for, and the terms on which it was made.
fn waiting(decision: &Decision, conversion: &Conversion, team: Currency) -> Value {
    let Some(Awaiting { rate, cap_minor, status, levels }) = &decision.awaiting else { return Value::Null };
    json!({
        "for": "rate_of_exchange",
        "from": conversion.amount.currency.code(),
        "to": team.code(),
        "date": attribution::day::Day::of(conversion.created_at).to_string(),
        "percentage": rate.map(attribution::money::Rate::to_percent),
        "cap": cap_minor.map(|minor| decimal(Money { minor, currency: team })),
        "status": status.as_str(),
        "levels": levels,
    })
}
