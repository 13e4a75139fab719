//! What Stripe says, in the ledger's words: who signed an event, and which facts it brings.
//!
//! An event is read once, tolerantly: unknown fields are passed over, an id may be given as the whole object, and both
//! shapes of invoices are known (2025-03-31 moved a subscription's metadata and an invoice's payments). Out come facts,
//! each with a natural key of its own, so that any of them may be said in any order and any number of times. Nothing here
//! has state. Source: docs.stripe.com/webhooks, docs.stripe.com/api; docs/stripe.md says what counts and what does not.

mod amount;
mod charge;
mod checkout;
mod event;
mod fact;
mod invoice;
mod json;
mod names;
mod signature;
mod subscription;
#[cfg(test)]
mod tests;

pub use amount::without_tax;
pub use event::{Event, Unreadable};
pub use fact::{Body, Dispute, DisputeTurn, Fact, PaidBack, Sale, Subscription, SubscriptionTurn};
pub use names::Names;
pub use signature::{Refused, TOLERANCE_SECONDS, verify};
