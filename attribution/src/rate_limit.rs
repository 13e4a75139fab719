//! How many calls a key may make, counted without a trip for every call.
//!
//! A key has one [`Budget`], kept by one object, which lends permits in small blocks; each isolate keeps what it borrowed as
//! an [`Allowance`], spends it, and asks for more before it has run out. What this promises, for any number of isolates:
//! - in a minute of the clock (UTC) no more than `per_minute` calls are allowed, as long as the object answers. An object
//!   that was thrown away takes from the first isolate that asks how much it had lent;
//! - in a second of its clock an isolate allows no more than `per_second`. Isolates together allow no more than twice that,
//!   which is what the object lends in a second, and what each of them had left from before, which is at most `per_second`.
//!
//! An object that does not answer refuses nobody: calls are then only counted by the second. Nothing here keeps state or
//! looks at a clock.

mod address;
mod allowance;
mod budget;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::address::address_key;
pub use self::allowance::{Allowance, Verdict};
pub use self::budget::Budget;
use crate::time::Timestamp;

const SECOND_MILLISECONDS: i64 = 1_000;
const MINUTE_MILLISECONDS: i64 = 60 * SECOND_MILLISECONDS;

/// How many calls a key may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// In a minute of the clock.
    pub per_minute: u32,
    /// In a second of it.
    pub per_second: u32,
}

impl Default for RateLimit {
    /// The second of the four plans that the Affonso dialect publishes.
    fn default() -> Self {
        Self { per_minute: 600, per_second: 20 }
    }
}

/// An isolate asks for permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// For this minute, counted from 1970.
    pub minute: i64,
    /// So many, at most.
    pub wanted: u32,
    /// So many were lent for that minute, as far as the isolate knows.
    pub known_lent: u32,
    /// The key's limit.
    pub limit: RateLimit,
}

/// What the object lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loan {
    /// For this minute.
    pub minute: i64,
    /// So many permits; none where the minute, or this second, has no more.
    pub granted: u32,
    /// So many were lent for that minute in all, these among them.
    pub lent: u32,
    /// When that was decided, in seconds since 1970: a block may arrive much later.
    pub second: i64,
}

/// What an answer says of a key's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Calls of a minute.
    pub limit: u32,
    /// Calls that are left in this minute, at least: what others have borrowed counts as used.
    pub remaining: u32,
    /// When the next minute begins, in seconds since 1970.
    pub reset: i64,
}

/// A call's clock stands still between its waits, so that calls of one isolate may see it go back, by no more than this.
/// A clock that differs by more was set anew.
const CLOCK_STANDS_STILL_MILLISECONDS: i64 = 10 * SECOND_MILLISECONDS;

/// `now`, or what another call has already seen: a minute or a second that was left does not come back.
fn not_before(latest: Option<Timestamp>, now: Timestamp) -> Timestamp {
    latest
        .filter(|latest| *latest > now && latest.milliseconds() - now.milliseconds() < CLOCK_STANDS_STILL_MILLISECONDS)
        .unwrap_or(now)
}

fn second_of(now: Timestamp) -> i64 {
    now.milliseconds().div_euclid(SECOND_MILLISECONDS)
}

fn minute_of(now: Timestamp) -> i64 {
    now.milliseconds().div_euclid(MINUTE_MILLISECONDS)
}
