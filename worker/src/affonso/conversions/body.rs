//! The body of a sale: of `POST /v1/conversions`, and of conversions among `POST /v1/events`. Names in either spelling, as
//! published.

use attribution::incentive::Purchase;
use attribution::money::{Currency, Money};
use attribution::sale::SaleDetails;
use attribution::status::{CommissionStatus, Interval, SalesStatus};
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use crate::funnel::CustomerNames;
use crate::input::{Fields, MAX_TEXT};

/// The intervals that this interface publishes.
const INTERVALS: [&str; 2] = ["monthly", "yearly"];

/// A sale as it was sent.
#[derive(Deserialize)]
pub(in crate::affonso) struct Body {
    #[serde(
        alias = "referralId",
        alias = "affonso_id",
        alias = "affonso_referral",
        alias = "affonsoId",
        alias = "affonsoReferral"
    )]
    referral_id: Option<String>,
    #[serde(alias = "customerId")]
    customer_id: Option<String>,
    #[serde(alias = "externalUserId")]
    external_user_id: Option<String>,
    #[serde(alias = "clickId")]
    click_id: Option<String>,
    /// What was paid.
    #[serde(alias = "saleAmount")]
    pub sale_amount: Option<Number>,
    /// The currency of the amount.
    #[serde(alias = "saleAmountCurrency")]
    pub sale_amount_currency: Option<String>,
    #[serde(alias = "productIds")]
    pub product_ids: Option<Vec<String>>,
    #[serde(alias = "priceIds")]
    pub price_ids: Option<Vec<String>>,
    interval: Option<String>,
    #[serde(alias = "isSubscription")]
    is_subscription: Option<bool>,
    /// The key by which the same sale, or event, is recognised.
    #[serde(alias = "externalEventId")]
    pub external_event_id: Option<String>,
    status: Option<String>,
    #[serde(alias = "salesStatus")]
    sales_status: Option<String>,
    /// When it happened.
    #[serde(alias = "createdAt")]
    pub created_at: Option<String>,
    /// The caller's own data.
    pub metadata: Option<Map<String, Value>>,
    /// Whether it is only tried.
    pub dry_run: Option<bool>,
}

/// A sale in which nothing is wrong.
pub(in crate::affonso) struct Checked {
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub sales_status: SalesStatus,
    /// The key by which the same sale is recognised.
    pub external_event_id: Option<String>,
    /// When it happened, where that is not now.
    pub occurred_at: Option<Timestamp>,
    /// Identifiers, products and the rest.
    pub details: SaleDetails,
    /// Whether it is only tried.
    pub dry_run: bool,
}

/// Takes out the identifiers of the customer, of which there must be one.
pub(in crate::affonso) fn names(fields: &mut Fields, body: &mut Body) -> CustomerNames {
    let names = CustomerNames {
        referral: fields.text("referral_id", body.referral_id.take(), MAX_TEXT),
        customer: fields.text("customer_id", body.customer_id.take(), MAX_TEXT),
        user: fields.text("external_user_id", body.external_user_id.take(), MAX_TEXT),
        click: fields.text("click_id", body.click_id.take(), MAX_TEXT),
    };
    if names.is_empty() {
        fields.refuse("referral_id", "one of referral_id, customer_id, external_user_id or click_id is required");
    }
    names
}

/// Takes a sale; its amount is in the team's currency unless it says otherwise.
pub(in crate::affonso) fn sale(fields: &mut Fields, mut body: Body, team_currency: Currency) -> Option<Checked> {
    let names = names(fields, &mut body);
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
        customer_id: names.customer,
        external_user_id: names.user,
        click_id: names.click,
        referral_id: names.referral,
        subscription_id: None,
        purchase,
        commission_status,
        metadata: fields.kept("metadata", body.metadata),
        extra: Map::new(),
    };
    Some(Checked {
        amount: amount?,
        sales_status: sales_status.unwrap_or(SalesStatus::Complete),
        external_event_id,
        occurred_at,
        details,
        dry_run: body.dry_run.unwrap_or(false),
    })
}
