//! A completed checkout. One that makes an invoice says who the customer is, and the invoice is the sale; any other is
//! the sale itself.

use serde_json::{Map, Value};

use super::amount::{money, without_tax};
use super::fact::{Body, Fact, Sale};
use super::json::Object;
use super::names::Names;
use crate::email::EmailAddress;
use crate::incentive::Purchase;
use crate::money::Currency;
use crate::time::Timestamp;

pub(super) fn session(session: Object<'_>, created: Timestamp, account: Option<&str>) -> Vec<Fact> {
    let Some(id) = session.text("id") else { return Vec::new() };
    // Neither paid nor a beginning: the event of the payment comes when it has succeeded.
    if session.text("payment_status").as_deref() == Some("unpaid") {
        return Vec::new();
    }
    let names = names(session);
    let invoice = session.id("invoice");
    let payment = session.id("payment_intent");
    let is_sale = session.text("mode").as_deref() == Some("payment") && invoice.is_none();
    if !is_sale {
        let customer = Fact { object: id.clone(), names, sale_keys: Vec::new(), body: Body::Customer, said_by: None };
        let keys: Vec<String> = invoice.into_iter().chain(payment).chain([id]).collect();
        return std::iter::once(customer).chain(super::charge::same_sale(keys)).collect();
    }
    let keys: Vec<String> = payment.iter().cloned().chain([id.clone()]).collect();
    let paid = session.integer("amount_total").filter(|minor| *minor > 0);
    let currency = session.text("currency").and_then(|code| Currency::from_code(&code));
    let Some((paid, currency)) = paid.zip(currency) else {
        return vec![Fact { object: id, names, sale_keys: Vec::new(), body: Body::Customer, said_by: None }];
    };
    let tax = session.object("total_details").and_then(|details| details.integer("amount_tax")).unwrap_or(0);
    let amount = money(without_tax(paid, paid, paid - tax), currency).filter(|amount| amount.minor > 0);
    let Some((amount, whole)) = amount.zip(money(paid, currency)) else { return Vec::new() };
    let sale = Sale {
        amount,
        paid_minor: whole.minor,
        paid_at: created,
        purchase: Purchase { is_subscription: false, ..purchase(session) },
        about: about(&[("checkout_session", Some(&id)), ("payment_intent", payment.as_ref())], account),
    };
    let object = keys.first().cloned().unwrap_or(id);
    vec![Fact { object, names, sale_keys: keys, body: Body::Sale(sale), said_by: None }]
}

/// Line items are in the event only where the merchant had them expanded.
fn purchase(session: Object<'_>) -> Purchase {
    let prices: Vec<Object<'_>> =
        session.list("line_items").into_iter().filter_map(|line| line.object("price")).collect();
    Purchase {
        product_ids: prices.iter().filter_map(|price| price.id("product")).collect(),
        price_ids: prices.iter().filter_map(|price| price.text("id")).collect(),
        interval: None,
        is_subscription: false,
    }
}

fn names(session: Object<'_>) -> Names {
    let details = session.object("customer_details");
    let email = details.and_then(|details| details.text("email")).or_else(|| session.text("customer_email"));
    let mut names = Names {
        reference: session.text("client_reference_id"),
        customer: session.id("customer"),
        subscription: session.id("subscription"),
        email: email.and_then(|email| EmailAddress::parse(&email)),
        name: details.and_then(|details| details.text("name")),
        ..Names::default()
    };
    names.read(session.object("metadata"));
    // Where these were expanded, or a version of the API puts them.
    names.read(session.object("subscription").and_then(|subscription| subscription.object("metadata")));
    names.read(session.object("payment_intent").and_then(|payment| payment.object("metadata")));
    names
}

/// Ids of Stripe's objects, for people.
pub(super) fn about(ids: &[(&str, Option<&String>)], account: Option<&str>) -> Map<String, Value> {
    let ids = ids.iter().filter_map(|(name, id)| Some(((*name).to_owned(), Value::from(id.as_ref()?.as_str()))));
    ids.chain(account.map(|account| ("account".to_owned(), account.into()))).collect()
}
