//! How long everything lives that does not stay for good: one table for whoever stores it and for the job that forgets it.
//! What is not here stays as long as the program does; docs/privacy.md says what that is.
//!
//! A number that is changed here holds for what is kept already, where it is forgotten by its age; a refund that waits and a
//! test event carry their end with them.

use crate::time::DAY_MILLISECONDS;

/// What subscribers are told of a commit; the line itself stays. A webhook that was not delivered by then never is.
pub const MESSAGE_DAYS: i64 = 30;

/// The answer to a call with an `Idempotency-Key`, and the key's hash.
pub const ANSWER_DAYS: i64 = 30;

/// A refund that waits for its sale.
pub const PARKED_REFUND_DAYS: u32 = 30;

/// What a payment provider said of a sale, or a customer, that is not known; then a sale stays in the list of those that
/// nobody is credited with.
pub const WAITING_FACT_DAYS: u32 = 30;

/// How a provider's subscription, or a dispute, stood last: what comes later is told from what comes too late by it.
pub const PROVIDER_STATE_DAYS: u32 = 400;

/// The hash of the network address that a claim came from: it is counted for an hour.
pub const CLAIM_ADDRESS_DAYS: i64 = 1;

/// A click with all that it knew. The longest window is 365 days, and a call may come 30 days late.
pub const CLICK_DAYS: i64 = 395;

/// An event of the tracking API's test mode.
pub const TEST_EVENT_DAYS: u32 = 7;

/// That a test chain was run.
pub const TEST_CHAIN_DAYS: i64 = 30;

/// That somebody was erased, without whom.
pub const ERASURE_DAYS: i64 = 365;

/// So many days in milliseconds.
pub const fn milliseconds(days: i64) -> i64 {
    days * DAY_MILLISECONDS
}
