//! Whether and when a request is sent again.
//!
//! Holds no state: who sends counts the attempts.

/// The status of a request that got no answer, or none that could be read.
const NO_ANSWER: u32 = 0;

/// The first wait is four times this many milliseconds, and each later one four times the one before it.
const BASE: u32 = 200;

/// From this attempt on the wait stays the same, about 14 minutes.
const LAST_GROWTH: u32 = 6;

/// Milliseconds to wait after attempt number `attempt`, counted from 1, was answered with `status`; 0 if that answer
/// is final.
pub fn delay(status: u32, attempt: u32) -> u32 {
    match status {
        NO_ANSWER | 408 | 429 | 500.. => BASE << (2 * attempt.min(LAST_GROWTH)),
        _ => 0,
    }
}
