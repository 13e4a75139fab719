//! Days of the calendar, in UTC: what rates of exchange are dated by.

use crate::limits::LAST_MOMENT;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::time::{DAY_MILLISECONDS, Timestamp};

/// A day, counted from 1970-01-01 (which is 0), in UTC. Written `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i64);

impl Day {
    /// The last day that can be written.
    const LAST: i64 = LAST_MOMENT / DAY_MILLISECONDS;

    /// The day of a moment.
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.milliseconds().div_euclid(DAY_MILLISECONDS))
    }

    /// Takes days since 1970-01-01.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    pub fn number(self) -> i64 {
        self.0
    }

    /// Reads `2026-01-31`, from the years 1970 to 9999; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        let day =
            Self::of(Timestamp::from_milliseconds(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()));
        // What is read otherwise (`2026-1-31`, `+2026-01-31`) is no date of this form.
        ((0..=Self::LAST).contains(&day.0) && day.to_string() == text).then_some(day)
    }

    /// The day so many days later.
    #[must_use]
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(i64::from(days)))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = DateTime::<Utc>::from_timestamp_millis(self.0.saturating_mul(DAY_MILLISECONDS));
        date.map_or(Ok(()), |date| write!(formatter, "{}", date.format("%Y-%m-%d")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970() {
        for (text, number) in [("1970-01-01", 0), ("1970-02-01", 31), ("2000-02-29", 11_016), ("9999-12-31", Day::LAST)]
        {
            assert_eq!(Day::parse(text), Some(Day(number)), "{text}");
            assert_eq!(Day(number).to_string(), text);
        }
    }

    #[test]
    fn a_moment_is_of_its_day_in_utc() {
        let day = |text: &str| Day::of(Timestamp::parse(text).unwrap()).to_string();
        assert_eq!(day("2026-01-31T23:59:59.999Z"), "2026-01-31");
        assert_eq!(day("2026-01-31T23:30:00-01:00"), "2026-02-01");
        assert_eq!(Day::of(Timestamp::from_milliseconds(-1)), Day(-1));
    }

    #[test]
    fn other_texts_are_no_days() {
        let texts = ["", "today", "2026-1-31", "2026-02-29", "2026-01-31T00:00:00Z", "20260131", "+2026-01-31"];
        for text in texts.into_iter().chain(["1969-12-31", "10000-01-01", " 2026-01-31", "2026-01-32"]) {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
