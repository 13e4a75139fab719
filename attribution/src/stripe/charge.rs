//! What becomes of a payment: paid back, in parts or whole, or disputed.

use super::amount::money;
use super::fact::{Body, Dispute, DisputeTurn, Fact, PaidBack};
use super::json::Object;
use super::names::Names;
use crate::money::Currency;
use crate::time::Timestamp;

/// `amount_refunded` is a running total. Newer charges name no invoice, only their payment.
pub(super) fn refunded(charge: Object<'_>, created: Timestamp) -> Vec<Fact> {
    let Some(id) = charge.text("id") else { return Vec::new() };
    let keys = keys(charge, &id);
    let whole = charge.integer("amount").filter(|minor| *minor > 0);
    let back = charge.integer("amount_refunded").filter(|minor| *minor > 0);
    let Some((whole, back)) = whole.zip(back) else { return same_sale(keys).into_iter().collect() };
    let reason = charge.list("refunds").first().and_then(|refund| refund.text("reason"));
    let paid_back = PaidBack { minor: back.min(whole), of_minor: whole, at: created, reason };
    let fact = Fact {
        object: id,
        names: Names::default(),
        sale_keys: keys.clone(),
        body: Body::PaidBack(paid_back),
        said_by: None,
    };
    same_sale(keys).into_iter().chain([fact]).collect()
}

/// An inquiry, whose status begins with `warning_`, takes no money and is no dispute.
pub(super) fn disputed(dispute: Object<'_>, created: Timestamp) -> Vec<Fact> {
    let turn = match dispute.text("status").as_deref() {
        Some("needs_response" | "under_review") => DisputeTurn::Open,
        Some("won" | "prevented") => DisputeTurn::Won,
        Some("lost") => DisputeTurn::Lost,
        _ => return Vec::new(),
    };
    let currency = dispute.text("currency").and_then(|code| Currency::from_code(&code));
    let amount = dispute.integer("amount").zip(currency).and_then(|(minor, currency)| money(minor, currency));
    let Some((id, amount)) = dispute.text("id").zip(amount) else { return Vec::new() };
    let keys: Vec<String> = [dispute.id("payment_intent"), dispute.id("charge")].into_iter().flatten().collect();
    let body = Body::Dispute(Dispute { turn, amount, at: created });
    let fact = Fact { object: id, names: Names::default(), sale_keys: keys.clone(), body, said_by: None };
    same_sale(keys).into_iter().chain([fact]).collect()
}

fn keys(charge: Object<'_>, id: &str) -> Vec<String> {
    let named = [charge.id("invoice"), charge.id("payment_intent"), Some(id.to_owned())];
    named.into_iter().flatten().collect()
}

/// Several ids of one sale; nothing, where there is only one.
pub(super) fn same_sale(keys: Vec<String>) -> Option<Fact> {
    let object = format!("same sale: {}", keys.join(" "));
    (keys.len() > 1).then(|| Fact {
        object,
        names: Names::default(),
        sale_keys: keys,
        body: Body::SameSale,
        said_by: None,
    })
}
