//! `POST /api/v1/track/sale`: a customer has paid. Amounts are integer minor units.

use attribution::incentive::Purchase;
use attribution::ledger::{Context, Reach, Rejection};
use attribution::money::{Currency, Money};
use attribution::referral::Scope;
use attribution::sale::{RecordedSale, SaleDetails};
use attribution::status::{Interval, SalesStatus};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::test_mode::{self, AdditionalData};
use super::{Problem, caller};
use crate::funnel::{Funnel, NewSale, Recorded, Refusal};
use crate::http::{Answer, Incoming};
use crate::input::{self, Fields, MAX_TEXT};
use crate::store::api_key::ApiKey;

/// The published text for a sale whose customer is not known.
pub(super) const CUSTOMER_NOT_FOUND: &str = "Customer not found. Provide customer_key or click_id.";

/// The currency of a sale that names none.
const DEFAULT_CURRENCY: &str = "USD";

/// Words for the intervals of subscriptions.
const INTERVALS: [&str; 3] = ["monthly", "quarterly", "annual"];

#[derive(Deserialize)]
struct Body {
    // Values, not types: the published texts say what these two must be.
    transaction_id: Option<Value>,
    amount_cents: Option<Value>,
    customer_key: Option<String>,
    click_id: Option<String>,
    currency: Option<String>,
    sale_type: Option<String>,
    is_recurring: Option<bool>,
    subscription_id: Option<String>,
    subscription_interval: Option<String>,
    product_id: Option<String>,
    line_items: Option<Value>,
    additional_data: Option<AdditionalData>,
}

/// Records a sale:
/// 1. key (401); test mode goes its own way;
/// 2. body and customer (400);
/// 3. the gate decides: recorded (200), outside the window (200, not attributed), the same transaction (409).
pub async fn track(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    if body.additional_data.as_ref().is_some_and(|data| data.test_mode) {
        return test_mode::answer("sale", incoming, funnel, &input::sent(incoming)).await;
    }
    let sale = check(body, incoming, &key)?;
    let Recorded { row: (sale, _), is_new, replayed } = match funnel.record_sale(sale).await {
        Err(Refusal::Rejected(Rejection::OtherProgram)) => {
            return Err(Problem::Refused("No affiliate attribution found for this customer in this program"));
        }
        answer => answer?,
    };
    if !is_new {
        return Err(Problem::DuplicateTransaction);
    }
    Ok(Answer::json(200, &view(&sale)).replayed(replayed))
}

fn view(sale: &RecordedSale) -> Value {
    let decision = &sale.conversion.decision;
    if !sale.conversion.attributed {
        return json!({
            "success": true,
            "attributed": false,
            "reason": decision.reason.as_str(),
            "click_age_days": decision.inputs.get("click_age_days"),
            "window_days": decision.inputs.get("window_days"),
            "sale_id": null,
            "commission_id": null,
        });
    }
    json!({
        "success": true,
        "sale_id": sale.conversion.id.as_str(),
        "commission_id": sale.commission.as_ref().map(|commission| commission.id.as_str()),
        "message": "Sale tracked successfully",
    })
}

fn check(body: Body, incoming: &Incoming, key: &ApiKey) -> Result<NewSale, Problem> {
    let transaction_id = transaction_id(body.transaction_id.as_ref())?;
    let minor = amount_minor(body.amount_cents.as_ref())?;
    let mut fields = Fields::default();
    let currency = body.currency.or_else(|| Some(DEFAULT_CURRENCY.to_owned()));
    let currency: Option<Currency> = fields.currency("currency", currency);
    let interval = fields.word("subscription_interval", body.subscription_interval, &INTERVALS, |word| match word {
        "annual" => Some(Interval::Yearly),
        other => Interval::from_word(other).filter(|interval| *interval != Interval::Yearly),
    });
    let sale_type = fields.word("sale_type", body.sale_type, &["payment", "subscription"], |word| match word {
        "payment" => Some("payment"),
        "subscription" => Some("subscription"),
        _ => None,
    });
    let customer_key = fields.text("customer_key", body.customer_key, MAX_TEXT);
    let click_id = fields.text("click_id", body.click_id, MAX_TEXT);
    let subscription_id = fields.text("subscription_id", body.subscription_id, MAX_TEXT);
    let product_id = fields.text("product_id", body.product_id, MAX_TEXT);
    if let Some(items) = &body.line_items {
        fields.check_kept("line_items", items);
    }
    let amount = fields.finish(currency)?;
    let amount = Money::from_minor(minor, amount).map_err(|_| Problem::Refused(AMOUNT_REQUIRED))?;
    if customer_key.is_none() && click_id.is_none() {
        return Err(Problem::Refused(CUSTOMER_NOT_FOUND));
    }
    let is_subscription = sale_type == Some("subscription")
        || body.is_recurring == Some(true)
        || subscription_id.is_some()
        || interval.is_some();
    let details = SaleDetails {
        customer_id: None,
        external_user_id: customer_key,
        click_id,
        referral_id: None,
        subscription_id,
        purchase: Purchase {
            product_ids: product_id.into_iter().collect(),
            price_ids: vec![],
            interval,
            is_subscription,
        },
        commission_status: None,
        metadata: None,
        extra: extra(sale_type, body.is_recurring, body.line_items, body.additional_data),
    };
    Ok(NewSale {
        context: context(incoming, key)?,
        scope: Scope { team_id: key.team_id.clone(), program_id: key.program_id.clone(), is_test: key.is_test },
        amount,
        sales_status: SalesStatus::Complete,
        sale_key: Some(transaction_id),
        occurred_at: None,
        details,
        dry_run: false,
    })
}

/// A program's token reaches its program; another program of the same team is told apart from nobody's.
pub(super) fn context(incoming: &Incoming, key: &ApiKey) -> Result<Context, Problem> {
    Ok(Context {
        request_id: incoming.request_id.clone(),
        actor: format!("key:{}", key.id),
        reach: Reach {
            team_id: Some(key.team_id.clone()),
            program_id: Some(key.program_id.clone()),
            is_test: Some(key.is_test),
        },
        idempotency: input::idempotency_key(incoming, true)?,
    })
}

const TRANSACTION_REQUIRED: &str = "transaction_id is required and must be a string";
const AMOUNT_REQUIRED: &str = "amount_cents is required and must be a positive integer";

pub(super) fn transaction_id(sent: Option<&Value>) -> Result<String, Problem> {
    let text = sent.and_then(Value::as_str).map(str::to_owned).ok_or(Problem::Refused(TRANSACTION_REQUIRED))?;
    let mut fields = Fields::default();
    let text = fields.text("transaction_id", Some(text), MAX_TEXT);
    fields.finish(Some(()))?;
    text.ok_or(Problem::Refused(TRANSACTION_REQUIRED))
}

/// Minor units, from the number's own text: `4900`, and `4900.0` is no integer.
fn amount_minor(sent: Option<&Value>) -> Result<i64, Problem> {
    let number = sent.and_then(Value::as_number).and_then(serde_json::Number::as_i64);
    number.filter(|minor| *minor > 0).ok_or(Problem::Refused(AMOUNT_REQUIRED))
}

/// What only this interface has, kept as it was sent.
fn extra(
    sale_type: Option<&str>,
    is_recurring: Option<bool>,
    line_items: Option<Value>,
    additional_data: Option<AdditionalData>,
) -> Map<String, Value> {
    let sent = [
        ("sale_type", sale_type.map(Value::from)),
        ("is_recurring", is_recurring.map(Value::from)),
        ("line_items", line_items),
        ("additional_data", additional_data.map(|data| Value::Object(data.sent))),
    ];
    sent.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
