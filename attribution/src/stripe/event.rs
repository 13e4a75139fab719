//! An event, and the facts in it.

use serde_json::Value;

use super::fact::Fact;
use super::json::Object;
use super::{charge, checkout, invoice, subscription};
use crate::time::Timestamp;

/// The body is none of Stripe's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not an event of Stripe's")]
pub struct Unreadable;

/// One event of Stripe's.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Whether it is about real money.
    pub livemode: bool,
    /// The connected account that it happened in.
    pub account: Option<String>,
    /// Whether events of its type are looked at.
    pub is_handled: bool,
    /// What it says; nothing, where it changes nothing here.
    pub facts: Vec<Fact>,
}

impl Event {
    /// Reads a body whose signature was verified.
    pub fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let value: Value = serde_json::from_slice(body).map_err(|_| Unreadable)?;
        let event = Object::of(&value).ok_or(Unreadable)?;
        let (id, kind) = event.text("id").zip(event.text("type")).ok_or(Unreadable)?;
        let object = event.object("data").and_then(|data| data.object("object")).ok_or(Unreadable)?;
        let created = event.moment("created").ok_or(Unreadable)?;
        let account = event.text("account");
        let facts = facts(&kind, object, created, account.as_deref());
        let said_by = Some((kind.clone(), id.clone()));
        let told = |fact| Fact { said_by: said_by.clone(), ..fact };
        Ok(Self {
            livemode: event.is_true("livemode"),
            is_handled: facts.is_some(),
            facts: facts.unwrap_or_default().into_iter().map(told).collect(),
            id,
            kind,
            account,
        })
    }
}

/// The facts of an event; `None` for a type that nobody looks at.
fn facts(kind: &str, object: Object<'_>, created: Timestamp, account: Option<&str>) -> Option<Vec<Fact>> {
    let facts = match kind {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            checkout::session(object, created, account)
        }
        "invoice.paid" | "invoice.payment_succeeded" => invoice::paid(object, created, account),
        "invoice_payment.paid" => invoice::payment(object),
        "charge.refunded" => charge::refunded(object, created),
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => charge::disputed(object, created),
        "customer.subscription.created" | "customer.subscription.updated" | "customer.subscription.deleted" => {
            subscription::state(object, created, kind.ends_with("deleted"))
        }
        _ => return None,
    };
    Some(facts)
}
