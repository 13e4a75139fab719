//! How a subscription stands: what is paid for it are its invoices.

use super::fact::{Body, Fact, Subscription, SubscriptionTurn};
use super::json::Object;
use super::names::Names;
use crate::time::Timestamp;

/// What has not begun (`incomplete`) or only rests (`paused`) moves nobody.
pub(super) fn state(subscription: Object<'_>, created: Timestamp, is_deleted: bool) -> Vec<Fact> {
    let Some(id) = subscription.text("id") else { return Vec::new() };
    let turn = match subscription.text("status").as_deref() {
        _ if is_deleted => SubscriptionTurn::Canceled,
        Some("trialing") => SubscriptionTurn::Trialing,
        Some("active" | "past_due") => SubscriptionTurn::Active,
        Some("canceled" | "unpaid" | "incomplete_expired") => SubscriptionTurn::Canceled,
        _ => return Vec::new(),
    };
    let mut names = Names { customer: subscription.id("customer"), subscription: Some(id.clone()), ..Names::default() };
    names.read(subscription.object("metadata"));
    let body = Body::Subscription(Subscription { turn, at: created });
    vec![Fact { object: id, names, sale_keys: Vec::new(), body, said_by: None }]
}
