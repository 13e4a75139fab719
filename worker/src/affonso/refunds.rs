//! `POST /v1/conversions/{id}/refund` and `GET /v1/refunds/pending`. Source: reference of the dialect, section 1.8;
//! `allow_pending`, and naming the sale by its `external_event_id`, are additions.

use attribution::limits::MAX_LISTED;
use attribution::money::Currency;
use attribution::sale::ParkedRefund;
use serde::Deserialize;
use serde_json::{Number, Value, json};

use super::{Problem, caller, program_context, scope, success, views};
use crate::funnel::{Funnel, NewRefund, Recorded, RefundAnswer};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::store;
use crate::store::api_key::ApiKey;

#[derive(Deserialize)]
struct Body {
    amount: Option<Number>,
    currency: Option<String>,
    reason: Option<String>,
    #[serde(alias = "externalEventId")]
    external_event_id: Option<String>,
    #[serde(alias = "refundedAt")]
    refunded_at: Option<String>,
    #[serde(alias = "allowPending")]
    allow_pending: Option<bool>,
}

/// Pays a sale back, wholly or in part:
/// 1. key (401), body (400), and the sale by its id or its `external_event_id` (404, or 202 where it may wait);
/// 2. the sale's gate decides: reduced or reversed, or recorded before (200), more than what remains (400).
pub async fn create(incoming: &Incoming, funnel: &Funnel, sale: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read_optional::<Body>(incoming)?;
    let named = funnel.find_sale(&scope(&key), sale).await?;
    let program = funnel.program(&key.program_id).await?;
    let currency = named.as_ref().map_or(program.currency, |named| named.currency);
    let refund = check(body, currency, incoming, &key, sale)?;
    let Recorded { row, replayed, .. } = funnel.record_refund(refund, named).await?;
    let answer = match row {
        RefundAnswer::Refunded { sale, .. } => success(200, &views::conversion(&sale, false, program.currency)),
        RefundAnswer::Waits(parked) => success(202, &view(&parked)),
    };
    Ok(answer.replayed(replayed))
}

fn check(
    body: Body,
    sale_currency: Currency,
    incoming: &Incoming,
    key: &ApiKey,
    sale: &str,
) -> Result<NewRefund, Problem> {
    let mut fields = Fields::default();
    let sent_currency = body.currency.is_some();
    let currency = fields.currency("currency", body.currency);
    let currency = if sent_currency { currency } else { Some(sale_currency) };
    let amount = match (body.amount, currency) {
        (Some(amount), Some(currency)) => fields.positive_amount("amount", Some(&amount), currency),
        _ => None,
    };
    let reason = fields.text("reason", body.reason, MAX_TEXT);
    let refund_key = fields.text("external_event_id", body.external_event_id, MAX_TEXT);
    let refunded_at = fields.moment("refunded_at", body.refunded_at);
    let checked: Result<(), BodyProblem> = fields.finish(Some(()));
    checked?;
    Ok(NewRefund {
        context: program_context(incoming, key)?,
        scope: scope(key),
        sale: sale.to_owned(),
        amount,
        refund_key,
        refuses_other_body: true,
        may_wait: body.allow_pending.unwrap_or(false),
        reason,
        refunded_at,
        currency: currency.filter(|_| sent_currency),
    })
}

/// Refunds of the caller's program that wait for their sale.
pub async fn pending(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let parked = store::refund::list_parked(&funnel.database, &key.program_id, key.is_test, MAX_LISTED).await?;
    Ok(success(200, &parked.iter().map(view).collect()))
}

fn view(parked: &ParkedRefund) -> Value {
    json!({
        "id": parked.id.as_str(),
        "status": "pending",
        "sale": parked.sale_key,
        "amount": parked.amount.map(attribution::messages::decimal),
        "currency": parked.amount.map(|amount| amount.currency.code()),
        "reason": parked.reason,
        "external_event_id": parked.refund_key,
        "refunded_at": parked.refunded_at.to_rfc3339(),
        "created_at": parked.parked_at.to_rfc3339(),
        "expires_at": parked.expires_at.to_rfc3339(),
    })
}
