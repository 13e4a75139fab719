//! The rules of Clickledger: who gets the credit for a customer, what it earns, and why.
//!
//! In scope: ids, money, rates of exchange, statuses, identities, incentives, affiliates' accounts and coupons, the
//! decisions on sign-ups, referrals, sales and refunds; keys and how often they may call ([`keys`], [`rate_limit`]); the
//! protocol by which a decision becomes rows exactly once ([`ledger`]), the shard that it runs in ([`shard`]), and how
//! subscribers are told ([`webhooks`], [`scheduler`]). Out of scope: HTTP, JSON dialects, SQL, the platform. The clock and
//! randomness are arguments; nothing here reads or writes anything by itself.

pub mod account;
pub mod bots;
pub mod coupon;
pub mod day;
pub mod decision;
pub mod edits;
pub mod email;
pub mod epoch;
pub mod erasure;
pub mod event_id;
pub mod exchange;
#[cfg(any(test, feature = "simulation"))]
#[allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "rows for tests: their names say what they are"
)]
pub mod fixtures;
pub mod fraud;
pub mod ids;
pub mod incentive;
pub mod keys;
pub mod ledger;
pub mod level;
pub mod limits;
#[cfg(any(test, feature = "simulation"))]
#[allow(
    missing_docs,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a database for tests and the simulation"
)]
pub mod memory;
pub mod messages;
pub mod money;
pub mod outside;
pub mod payout;
pub mod program;
pub mod rate_limit;
pub mod referral;
pub mod referral_stats;
pub mod retention;
pub mod sale;
pub mod scheduler;
pub mod shard;
pub mod status;
pub mod stripe;
pub mod terms;
pub mod time;
pub mod transitions;
pub mod webhooks;
