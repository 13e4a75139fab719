//! Webhooks out: what subscribers are told, how it is signed, when it is tried again, and how nothing is left out.
//!
//! The outbox is the ledger's own event lines; a line's commit is what promises its messages. A [`Sender`] per endpoint
//! reads on from its cursor, records what it found as deliveries together with the new cursor in one step, and attempts
//! them. Sending is at least once: a delivery has the same id on every attempt, so that a receiver can drop what it has
//! seen. [`RollCall`] is the minute's look at who has fallen behind; any other wake is a hint that may be lost.
//!
//! Nothing here keeps state or knows the platform: state is behind [`SenderStorage`] and [`RollStorage`], whose every
//! call is one transaction. Sources: Standard Webhooks 1.0.0; the dialect's reference, section 1.13.

mod delivery;
mod endpoint;
mod envelope;
mod event_types;
mod roll_call;
mod schedule;
mod sender;
mod signature;
mod surroundings;
mod target;
#[cfg(test)]
mod tests;

pub use delivery::{Attempt, AttemptError, Delivery, DeliveryStatus, Source};
pub use endpoint::{Disabled, DisabledReason, Endpoint, MAX_PREVIOUS_SECRETS, RetiredSecret};
pub use envelope::{Line, PING, body, message_id};
pub use event_types::{EVENT_TYPES, EventFilter, UnknownEventTypes};
pub use roll_call::{Census, CensusTaker, Known, Roll, RollCall, RollStorage, Senders, Spoken, Subscriber};
pub use schedule::{MAX_ATTEMPTS, TIMEOUT_MILLISECONDS};
pub use sender::{Sender, Standing};
pub use signature::{Secret, Signatures, sign};
pub use surroundings::{
    Figures, Outbox, Post, PostFailure, PostResult, Progress, Reading, SenderStorage, Transport, Window,
};
pub use target::{TargetPolicy, TargetProblem};
