//! The simulation: the ledger's own algorithm, as the Worker runs it, in a world in memory where everything fails.
//!
//! A seed decides what clients do, which of the tasks that can run is next, how long everything takes, and what goes
//! wrong: requests to the database that are lost, slow, or applied after they were given up; objects killed at any await;
//! alarms twice and late; answers that never arrive. After that the rows are judged by the history of what was asked and
//! acknowledged, with sums that are worked out anew. The same seed is the same run, so what it finds can be replayed.
//!
//! Out of scope: SQL, HTTP and JSON (the tests against the real runtime), and the platform's own faults beyond those above.
//! No rule and no step of the protocol is repeated here: `attribution` runs them, over this crate's implementations of its
//! traits.

mod alarms;
mod batches;
mod body;
mod breakage;
mod chance;
mod check;
mod client;
mod commits;
mod crash_point;
mod database;
mod deliveries;
mod disk;
mod edge;
mod edits;
mod entries;
mod executor;
mod faults;
mod history;
mod letter;
mod look_ups;
mod objects;
mod payouts;
mod port;
mod race;
mod rates;
mod refunds;
mod rules;
mod sales;
mod scenario;
mod scene;
mod scheduler;
mod seasons;
mod storage;
mod subscriber;
mod turning_points;
mod wishes;
mod world;

pub use breakage::Breakage;
pub use crash_point::{CrashPoint, CrashPoints};
pub use world::{Verdict, run};
