//! `/v1/conversions`: sales, credited or not, and why. Source: seed 002; `dry_run`, the list, `PUT` and `explain` are
//! additions.

mod explain;
mod list;
mod update;

use attribution::ids::ConversionId;
use attribution::incentive::Purchase;
use attribution::money::{Currency, Money};
use attribution::sale::SaleDetails;
use attribution::status::{CommissionStatus, Interval, SalesStatus};
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

pub use self::explain::explain;
pub use self::list::{list, unattributed};
pub use self::update::update;
use super::beside::{Names, expand};
use super::lists::Parameters;
use super::{Problem, caller, program_context, scope, success, views};
use crate::funnel::{Funnel, NewSale, Recorded};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::store::api_key::ApiKey;
use crate::store::conversion::list::{self as store, WholeSale};

/// The intervals that this interface publishes.
const INTERVALS: [&str; 2] = ["monthly", "yearly"];

#[derive(Deserialize)]
struct Body {
    #[serde(alias = "referralId", alias = "affonso_id", alias = "affonso_referral")]
    referral_id: Option<String>,
    #[serde(alias = "customerId")]
    customer_id: Option<String>,
    #[serde(alias = "externalUserId")]
    external_user_id: Option<String>,
    #[serde(alias = "clickId")]
    click_id: Option<String>,
    #[serde(alias = "saleAmount")]
    sale_amount: Option<Number>,
    #[serde(alias = "saleAmountCurrency")]
    sale_amount_currency: Option<String>,
    #[serde(alias = "productIds")]
    product_ids: Option<Vec<String>>,
    #[serde(alias = "priceIds")]
    price_ids: Option<Vec<String>>,
    interval: Option<String>,
    #[serde(alias = "isSubscription")]
    is_subscription: Option<bool>,
    #[serde(alias = "externalEventId")]
    external_event_id: Option<String>,
    status: Option<String>,
    #[serde(alias = "salesStatus")]
    sales_status: Option<String>,
    #[serde(alias = "createdAt")]
    created_at: Option<String>,
    metadata: Option<Map<String, Value>>,
    dry_run: Option<bool>,
}

struct Checked {
    amount: Money,
    sales_status: SalesStatus,
    external_event_id: Option<String>,
    occurred_at: Option<Timestamp>,
    details: SaleDetails,
    dry_run: bool,
}

/// Records a sale:
/// 1. key (401) and body (400);
/// 2. the gate of its referral decides: recorded (201), recorded before (200), identifiers that disagree (400),
///    nobody's sale (404, kept as unattributed).
///
/// With `dry_run` the answer is 200 and the same in all that the sale comes to, and nothing is written.
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let program = funnel.program(&key.program_id).await?;
    let body = check(body, program.currency)?;
    let dry_run = body.dry_run;
    let sale = NewSale {
        context: program_context(incoming, &key)?,
        scope: scope(&key),
        amount: body.amount,
        sales_status: body.sales_status,
        sale_key: body.external_event_id,
        occurred_at: body.occurred_at,
        details: body.details,
        dry_run,
    };
    let Recorded { row: (sale, differing), is_new, replayed } = funnel.record_sale(sale).await?;
    let view = if dry_run { views::tried } else { views::conversion };
    let mut data = view(&sale, !is_new, program.currency);
    if let (false, Some(data)) = (differing.is_empty(), data.as_object_mut()) {
        data.insert("warnings".to_owned(), warnings(&differing));
    }
    Ok(success(if is_new && !dry_run { 201 } else { 200 }, &data).replayed(replayed))
}

fn warnings(differing: &[String]) -> Value {
    let warning =
        |field: &String| json!({ "field": field, "message": "differs from what was recorded; kept as recorded" });
    differing.iter().map(warning).collect()
}

fn check(body: Body, team_currency: Currency) -> Result<Checked, BodyProblem> {
    let mut fields = Fields::default();
    let referral_id = fields.text("referral_id", body.referral_id, MAX_TEXT);
    let customer_id = fields.text("customer_id", body.customer_id, MAX_TEXT);
    let external_user_id = fields.text("external_user_id", body.external_user_id, MAX_TEXT);
    let click_id = fields.text("click_id", body.click_id, MAX_TEXT);
    if [&referral_id, &customer_id, &external_user_id, &click_id].into_iter().all(Option::is_none) {
        fields.refuse("referral_id", "one of referral_id, customer_id, external_user_id or click_id is required");
    }
    let sent_currency = body.sale_amount_currency.is_some();
    let currency = fields.currency("sale_amount_currency", body.sale_amount_currency);
    let currency = if sent_currency { currency } else { Some(team_currency) };
    let amount =
        currency.and_then(|currency| fields.positive_amount("sale_amount", body.sale_amount.as_ref(), currency));
    let interval = fields.word("interval", body.interval, &INTERVALS, |word| {
        Interval::from_word(word).filter(|interval| *interval != Interval::Quarterly)
    });
    if interval.is_some() && body.is_subscription == Some(false) {
        fields.refuse("interval", "is only for subscriptions, and is_subscription is false");
    }
    let commission_status = fields.word("status", body.status, CommissionStatus::words(), CommissionStatus::from_word);
    let sales_status = fields.word("sales_status", body.sales_status, SalesStatus::words(), SalesStatus::from_word);
    let occurred_at = fields.moment("created_at", body.created_at);
    let external_event_id = fields.text("external_event_id", body.external_event_id, MAX_TEXT);
    let purchase = Purchase {
        product_ids: fields.texts("product_ids", body.product_ids),
        price_ids: fields.texts("price_ids", body.price_ids),
        interval,
        is_subscription: body.is_subscription.unwrap_or(interval.is_some()),
    };
    let details = SaleDetails {
        customer_id,
        external_user_id,
        click_id,
        referral_id,
        subscription_id: None,
        purchase,
        commission_status,
        metadata: body.metadata.map(Value::Object),
        extra: Map::new(),
    };
    let sales_status = sales_status.unwrap_or(SalesStatus::Complete);
    let dry_run = body.dry_run.unwrap_or(false);
    fields.finish(amount.map(|amount| Checked {
        amount,
        sales_status,
        external_event_id,
        occurred_at,
        details,
        dry_run,
    }))
}

/// One sale of the caller's, with what it earned and why (404 for anybody else's).
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let expansions = parameters.expand(&list::EXPANSIONS);
    let expansions = parameters.finish(expansions)?;
    let WholeSale { sale, .. } = find(funnel, &key, id).await?;
    let team = funnel.program(&key.program_id).await?.currency;
    let conversion = &sale.conversion;
    let names = Names { affiliate_id: conversion.affiliate_id.clone(), referral_id: conversion.referral_id.clone() };
    let rows = vec![(views::conversion(&sale, false, team), names)];
    let shown = expand(funnel, &conversion.scope, &expansions, rows).await?;
    Ok(success(200, &shown.into_iter().next().unwrap_or_default()))
}

/// The sale with this id, if it is the caller's.
async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<WholeSale, Problem> {
    let whole = store::find(&funnel.database, &ConversionId::new(id)).await?;
    let reachable = whole.filter(|whole| {
        let scope = &whole.sale.conversion.scope;
        scope.team_id == key.team_id && scope.is_test == key.is_test
    });
    reachable.ok_or(Problem::NotFound("Conversion"))
}
