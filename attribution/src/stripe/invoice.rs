//! A paid invoice: the sale of everything that is billed, first or again. Both shapes are read: until 2025-03-31 an
//! invoice named its subscription, charge and payment itself; since then the subscription stands under `parent`, a line's
//! price under `pricing`, and payments come with an event of their own.

use super::amount::{money, without_tax};
use super::charge::same_sale;
use super::checkout::about;
use super::fact::{Body, Fact, Sale};
use super::json::Object;
use super::names::Names;
use crate::email::EmailAddress;
use crate::incentive::Purchase;
use crate::money::Currency;
use crate::status::Interval;
use crate::time::{DAY_MILLISECONDS, Timestamp};

pub(super) fn paid(invoice: Object<'_>, created: Timestamp, account: Option<&str>) -> Vec<Fact> {
    let Some(id) = invoice.text("id") else { return Vec::new() };
    let names = names(invoice);
    let keys = keys(invoice, &id);
    let paid = invoice.integer("amount_paid").unwrap_or(0);
    let currency = invoice.text("currency").and_then(|code| Currency::from_code(&code));
    let untaxed = without_tax(paid, invoice.integer("total").unwrap_or(paid), untaxed(invoice));
    let amounts = currency.and_then(|currency| money(untaxed, currency).zip(money(paid, currency)));
    // A trial's invoice, or one that a coupon paid: who the customer is, and no sale.
    let Some((amount, whole)) = amounts.filter(|(amount, _)| amount.minor > 0) else {
        let object = format!("customer of {id}");
        return vec![Fact { object, names, sale_keys: Vec::new(), body: Body::Customer, said_by: None }];
    };
    let transitions = invoice.object("status_transitions");
    let subscription = names.subscription.clone();
    let (customer, reason) = (names.customer.clone(), invoice.text("billing_reason"));
    let ids = [
        ("invoice", Some(&id)),
        ("customer", customer.as_ref()),
        ("subscription", subscription.as_ref()),
        ("billing_reason", reason.as_ref()),
    ];
    let sale = Sale {
        amount,
        paid_minor: whole.minor,
        // The same in both events of one invoice.
        paid_at: transitions.and_then(|at| at.moment("paid_at")).unwrap_or(created),
        purchase: purchase(invoice, subscription.is_some()),
        about: about(&ids, account),
    };
    vec![Fact { object: id, names, sale_keys: keys, body: Body::Sale(sale), said_by: None }]
}

/// A payment of an invoice: they are one sale.
pub(super) fn payment(paid: Object<'_>) -> Vec<Fact> {
    let payment = paid.object("payment");
    let of_payment = payment.into_iter().flat_map(|payment| [payment.id("payment_intent"), payment.id("charge")]);
    let keys: Vec<String> = paid.id("invoice").into_iter().chain(of_payment.flatten()).collect();
    same_sale(keys).into_iter().collect()
}

/// The invoice, and its payments as far as it names them.
fn keys(invoice: Object<'_>, id: &str) -> Vec<String> {
    let payments = invoice.list("payments").into_iter().filter_map(|paid| paid.object("payment"));
    let of_payments = payments.flat_map(|payment| [payment.id("payment_intent"), payment.id("charge")]);
    let own = [Some(id.to_owned()), invoice.id("payment_intent"), invoice.id("charge")];
    let mut keys = Vec::new();
    for key in own.into_iter().chain(of_payments).flatten() {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn names(invoice: Object<'_>) -> Names {
    let of_parent = invoice.object("parent").and_then(|parent| parent.object("subscription_details"));
    let details = of_parent.or_else(|| invoice.object("subscription_details"));
    let subscription = invoice.id("subscription").or_else(|| details?.id("subscription"));
    let lines = invoice.list("lines");
    let of_line = |line: &Object<'_>| {
        let parent = line.object("parent").and_then(|parent| parent.object("subscription_item_details"));
        line.id("subscription").or_else(|| parent?.id("subscription"))
    };
    let email = invoice.text("customer_email").and_then(|email| EmailAddress::parse(&email));
    let mut names = Names {
        customer: invoice.id("customer"),
        subscription: subscription.or_else(|| lines.iter().find_map(of_line)),
        email,
        name: invoice.text("customer_name"),
        ..Names::default()
    };
    names.read(invoice.object("metadata"));
    names.read(details.and_then(|details| details.object("metadata")));
    names.read(invoice.object("subscription").and_then(|subscription| subscription.object("metadata")));
    for line in lines {
        names.read(line.object("metadata"));
    }
    names
}

/// The invoice's total without tax.
fn untaxed(invoice: Object<'_>) -> i64 {
    let total = invoice.integer("total").unwrap_or(0);
    let listed = invoice.list("total_taxes").into_iter().chain(invoice.list("total_tax_amounts"));
    let listed: i64 = listed.filter_map(|tax| tax.integer("amount")).fold(0, i64::saturating_add);
    let tax = invoice.integer("tax").unwrap_or(listed);
    invoice.integer("total_excluding_tax").unwrap_or_else(|| total.saturating_sub(tax))
}

fn purchase(invoice: Object<'_>, is_subscription: bool) -> Purchase {
    let lines = invoice.list("lines");
    // What is only settled between two prices is no purchase of either, unless nothing else was bought.
    let is_proration = |line: &Object<'_>| {
        let parent = line.object("parent");
        let details =
            parent.and_then(|parent| parent.any_object(&["subscription_item_details", "invoice_item_details"]));
        line.is_true("proration") || details.is_some_and(|details| details.is_true("proration"))
    };
    let bought: Vec<Object<'_>> = lines.iter().filter(|line| !is_proration(line)).copied().collect();
    let lines = if bought.is_empty() { lines } else { bought };
    let (mut product_ids, mut price_ids) = (Vec::new(), Vec::new());
    for line in &lines {
        let priced = line.object("pricing").and_then(|pricing| pricing.object("price_details"));
        let price = line.any_object(&["price", "plan"]);
        product_ids.extend(priced.and_then(|priced| priced.id("product")).or_else(|| price?.id("product")));
        price_ids.extend(priced.and_then(|priced| priced.id("price")).or_else(|| price?.text("id")));
    }
    let interval = if is_subscription { lines.iter().find_map(|line| interval(*line)) } else { None };
    Purchase { product_ids, price_ids, interval, is_subscription }
}

/// How often a line is billed: as its price says, else by the length of what it covers.
fn interval(line: Object<'_>) -> Option<Interval> {
    let price = line.any_object(&["price", "plan"]);
    let recurring = price.and_then(|price| price.object("recurring")).or(line.object("plan"));
    let said = recurring.and_then(|recurring| {
        let count = recurring.integer("interval_count").unwrap_or(1);
        Some((recurring.text("interval")?, count))
    });
    match said.as_ref().map(|(unit, count)| (unit.as_str(), *count)) {
        Some(("month", 1)) => return Some(Interval::Monthly),
        Some(("month", 3)) => return Some(Interval::Quarterly),
        Some(("month", 12) | ("year", 1)) => return Some(Interval::Yearly),
        Some(_) => return None,
        None => {}
    }
    let period = line.object("period")?;
    let (start, end) = period.moment("start").zip(period.moment("end"))?;
    match (end.milliseconds() - start.milliseconds()) / DAY_MILLISECONDS {
        28..=31 => Some(Interval::Monthly),
        89..=92 => Some(Interval::Quarterly),
        365..=366 => Some(Interval::Yearly),
        _ => None,
    }
}
