//! `POST /api/v1/track/refund`: a sale was paid back. Source: reference of the dialect, section 2.5; `allow_pending` and
//! `additional_data.refund_id`, which tells two partial refunds of one amount apart, are additions.

use attribution::messages::decimal;
use attribution::money::Money;
use attribution::referral::Scope;
use attribution::sale::{RecordedSale, SaleRefund};
use serde::Deserialize;
use serde_json::{Value, json};

use super::sale::{context, transaction_id};
use super::test_mode::{self, AdditionalData};
use super::{Problem, caller};
use crate::funnel::{Funnel, NewRefund, Recorded, RefundAnswer};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};

#[derive(Deserialize)]
struct Body {
    transaction_id: Option<Value>,
    refund_amount_cents: Option<Value>,
    refund_reason: Option<String>,
    allow_pending: Option<bool>,
    additional_data: Option<AdditionalData>,
}

/// Pays a sale back, wholly or in part:
/// 1. key (401) and body (400); a test is kept as one; the sale by its transaction (404, or 202 where it may wait);
/// 2. the sale's gate decides: reversed, reduced, or skipped as recorded before (200).
pub async fn track(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    if body.additional_data.as_ref().is_some_and(|data| data.test_mode) {
        return test_mode::answer("refund", incoming, funnel, &input::sent(incoming)).await;
    }
    let transaction = transaction_id(body.transaction_id.as_ref()).map_err(|_| Problem::Refused(TRANSACTION))?;
    let scope = Scope { team_id: key.team_id.clone(), program_id: key.program_id.clone(), is_test: key.is_test };
    let program = funnel.program(&key.program_id).await?;
    let named = funnel.find_sale(&scope, &transaction).await?;
    let currency = named.as_ref().map_or(program.currency, |named| named.currency);
    let minor = amount_minor(body.refund_amount_cents.as_ref())?;
    let amount = minor.map(|minor| Money::from_minor(minor, currency)).transpose();
    let amount = amount.map_err(|_| Problem::Refused(AMOUNT))?;
    let mut fields = Fields::default();
    let reason = fields.text("refund_reason", body.refund_reason, MAX_TEXT);
    let refund_id = refund_id(body.additional_data.as_ref(), &mut fields);
    let checked: Result<(), BodyProblem> = fields.finish(Some(()));
    checked?;
    let told_apart_by = match (refund_id, minor) {
        (Some(id), _) => json!({ "refund_id": id }),
        (None, Some(minor)) => json!({ "amount": minor }),
        (None, None) => json!("everything"),
    };
    let refund = NewRefund {
        context: context(incoming, &key)?,
        scope,
        // Its parts cannot run into one another, nor into an event id of the other dialect.
        refund_key: Some(json!(["track/refund", transaction, told_apart_by]).to_string()),
        sale: transaction,
        amount,
        refuses_other_body: false,
        may_wait: body.allow_pending.unwrap_or(false),
        reason,
        refunded_at: None,
        currency: None,
    };
    let Recorded { row, is_new, replayed } = funnel.record_refund(refund, named).await?;
    let answer = match row {
        RefundAnswer::Waits(parked) => Answer::json(
            202,
            &json!({ "success": true, "status": "pending", "expires_at": parked.expires_at.to_rfc3339() }),
        ),
        RefundAnswer::Refunded { sale, refund } => Answer::json(200, &view(&sale, refund.as_deref(), is_new)),
    };
    Ok(answer.replayed(replayed))
}

const TRANSACTION: &str = "transaction_id is required";
const AMOUNT: &str = "refund_amount_cents must be an integer, 0 or more";

/// Minor units; nothing, or 0, is everything that remains.
fn amount_minor(sent: Option<&Value>) -> Result<Option<i64>, Problem> {
    match sent {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(0) => Ok(None),
            Some(minor) if minor > 0 => Ok(Some(minor)),
            _ => Err(Problem::Refused(AMOUNT)),
        },
        Some(_) => Err(Problem::Refused(AMOUNT)),
    }
}

fn refund_id(data: Option<&AdditionalData>, fields: &mut Fields) -> Option<String> {
    match data?.sent.get("refund_id")? {
        Value::Null => None,
        Value::String(text) => fields.text("additional_data.refund_id", Some(text.clone()), MAX_TEXT),
        _ => {
            fields.refuse("additional_data.refund_id", "must be text");
            None
        }
    }
}

fn view(sale: &RecordedSale, refund: Option<&SaleRefund>, is_new: bool) -> Value {
    if !is_new {
        return json!({ "success": true, "status": "skipped", "reason": "already reversed" });
    }
    let (Some(commission), Some(refund)) = (&sale.commission, refund) else {
        return json!({
            "success": true,
            "status": "no_commission",
            "message": "The sale earned no commission; the refund is recorded",
        });
    };
    let deducted = Money { minor: refund.deducted_minor, currency: commission.currency };
    json!({
        "success": true,
        "status": if sale.conversion.remaining().minor == 0 { "reversed" } else { "refunded" },
        "deductionAmount": decimal(deducted),
        "commission_id": commission.id.as_str(),
    })
}
