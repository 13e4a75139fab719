//! When a delivery is tried again. Source: Standard Webhooks 1.0.0, its example of a schedule.

use crate::ids::Random;
use crate::time::{DAY_MILLISECONDS, Timestamp};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Waits before each attempt, in milliseconds: ten attempts over 75 h 35 min.
const WAITS: [i64; 10] =
    [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// So often is a delivery tried before it has failed for good.
pub const MAX_ATTEMPTS: usize = WAITS.len();

/// How long a receiver may take to answer, in milliseconds.
pub const TIMEOUT_MILLISECONDS: u64 = 15_000;

/// A receiver may ask for a longer wait than the schedule's, but not beyond this: the last attempts must still come.
const LONGEST_RETRY_AFTER: i64 = HOUR;

/// An endpoint that has only failed for so long is switched off.
const FAILING_FOR_TOO_LONG: i64 = 5 * DAY_MILLISECONDS;

/// The moment so many milliseconds later.
pub(super) fn later(moment: Timestamp, milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(moment.milliseconds().saturating_add(milliseconds))
}

/// When to try again after `made` failed attempts; `None` when they were the last.
pub(super) fn next_attempt(
    made: usize,
    now: Timestamp,
    retry_after: Option<i64>,
    random: &mut impl Random,
) -> Option<Timestamp> {
    let wait = with_jitter(*WAITS.get(made)?, random);
    let asked = retry_after.unwrap_or(0).clamp(0, LONGEST_RETRY_AFTER);
    Some(later(now, wait.max(asked)))
}

/// 80 % to 120 % of a wait: receivers that failed together are not met together again.
fn with_jitter(wait: i64, random: &mut impl Random) -> i64 {
    let mut bytes = [0_u8; 4];
    random.fill(&mut bytes);
    let per_mille = 800 + i64::from(u32::from_be_bytes(bytes) % 401);
    wait.saturating_mul(per_mille) / 1000
}

/// Reads a `Retry-After` header, seconds or a date, as milliseconds from now; `None` when it is neither.
pub(super) fn retry_after(header: &str, now: Timestamp) -> Option<i64> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(i64::from(seconds) * SECOND);
    }
    let date = chrono::DateTime::parse_from_rfc2822(header).ok()?;
    Some(date.timestamp_millis().saturating_sub(now.milliseconds()).max(0))
}

/// Whether an endpoint that has only failed since then is to be switched off.
pub(super) fn has_failed_too_long(since: Timestamp, now: Timestamp) -> bool {
    now >= later(since, FAILING_FOR_TOO_LONG)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Bits(u32);

    impl Random for Bits {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0.to_be_bytes());
        }
    }

    /// Makes a jitter of exactly nothing.
    const EVEN: Bits = Bits(200);

    #[test]
    fn ten_attempts_take_75_hours_and_35_minutes() {
        let mut now = Timestamp::from_milliseconds(0);
        let mut waits = Vec::new();
        for made in 1.. {
            let Some(next) = next_attempt(made, now, None, &mut Bits(EVEN.0)) else { break };
            waits.push((next.milliseconds() - now.milliseconds()) / 1000);
            now = next;
        }
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!(now.milliseconds() / 1000, 75 * 3600 + 35 * 60 + 5);
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_wait_up_to_an_hour() {
        let now = Timestamp::from_milliseconds(0);
        let next = |made, asked| next_attempt(made, now, Some(asked), &mut Bits(EVEN.0)).unwrap().milliseconds();
        assert_eq!(next(1, 60_000), 60_000);
        assert_eq!(next(1, 1_000), 5_000, "never shorter than the schedule");
        assert_eq!(next(1, 90_000_000), 3_600_000);
        assert_eq!(next(9, 60_000), 86_400_000);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        assert_eq!(retry_after("120", now), Some(120_000));
        assert_eq!(retry_after(" 0 ", now), Some(0));
        assert_eq!(retry_after("Thu, 01 Jan 2026 00:01:30 GMT", now), Some(90_000));
        assert_eq!(retry_after("Wed, 31 Dec 2025 23:00:00 GMT", now), Some(0));
        for nonsense in ["", "soon", "-5", "1.5", "99999999999999"] {
            assert_eq!(retry_after(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn five_days_of_nothing_but_failures_are_too_long() {
        let since = Timestamp::from_milliseconds(0);
        assert!(!has_failed_too_long(since, Timestamp::from_milliseconds(432_000_000 - 1)));
        assert!(has_failed_too_long(since, Timestamp::from_milliseconds(432_000_000)));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth(bits: u32, made in 1_usize..10) {
            let even = next_attempt(made, Timestamp::from_milliseconds(0), None, &mut Bits(EVEN.0)).unwrap();
            let next = next_attempt(made, Timestamp::from_milliseconds(0), None, &mut Bits(bits)).unwrap();
            prop_assert!(next.milliseconds() * 10 >= even.milliseconds() * 8);
            prop_assert!(next.milliseconds() * 10 <= even.milliseconds() * 12);
        }
    }
}
