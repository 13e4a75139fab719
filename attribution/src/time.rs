//! Moments: milliseconds since 1970 UTC, read and written as RFC 3339. The clock itself is the caller's.

use crate::limits::LAST_MOMENT;
use chrono::{DateTime, Months, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Milliseconds in a day.
pub const DAY_MILLISECONDS: i64 = 24 * HOUR_MILLISECONDS;

/// An hour.
pub const HOUR_MILLISECONDS: i64 = 60 * 60 * 1000;

/// The clock of whoever runs the rules.
pub trait Clock {
    /// Now. Two calls may be apart by whatever was awaited between them.
    fn now(&self) -> Timestamp;
}

/// A clock that can be waited for.
pub trait Timer: Clock {
    /// Waits so long.
    fn sleep(&self, milliseconds: u32) -> impl Future<Output = ()>;
}

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Takes milliseconds since 1970 UTC.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970 UTC.
    pub fn milliseconds(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 (`2024-01-20T15:30:00Z`, offsets allowed) from the years 1970 to 9999; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
        (0..=LAST_MOMENT).contains(&moment).then_some(Self(moment))
    }

    /// RFC 3339 in UTC; milliseconds only where there are any.
    pub fn to_rfc3339(self) -> String {
        let format = if self.0 % 1000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
        DateTime::<Utc>::from_timestamp_millis(self.0)
            .map_or_else(String::new, |moment| moment.to_rfc3339_opts(format, true))
    }

    /// The moment so many whole days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(i64::from(days) * DAY_MILLISECONDS))
    }

    /// The same day and time of the month so many calendar months later, or that month's last day; the end of time
    /// where that is beyond the calendar.
    #[must_use]
    pub fn plus_months(self, months: u32) -> Self {
        let moment = DateTime::<Utc>::from_timestamp_millis(self.0);
        let later = moment.and_then(|moment| moment.checked_add_months(Months::new(months)));
        later.map_or(Self(i64::MAX), |moment| Self(moment.timestamp_millis()))
    }

    /// Whole days from `earlier` to this moment, rounded down; negative when it is not earlier.
    pub fn days_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).div_euclid(DAY_MILLISECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_in_utc() {
        let cases = [
            ("2024-01-20T15:30:00Z", "2024-01-20T15:30:00Z"),
            ("2024-01-20T15:30:00.250Z", "2024-01-20T15:30:00.250Z"),
            ("2024-01-20T15:30:00+02:00", "2024-01-20T13:30:00Z"),
        ];
        for (given, written) in cases {
            assert_eq!(Timestamp::parse(given).unwrap().to_rfc3339(), written);
        }
    }

    #[test]
    fn other_texts_are_no_moments() {
        for text in
            ["", "yesterday", "2024-01-20", "2024-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "2024-01-20T15:30:00"]
        {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_month_later_is_the_same_day_or_the_last_one() {
        let later = |text: &str, months| Timestamp::parse(text).unwrap().plus_months(months).to_rfc3339();
        assert_eq!(later("2026-01-15T10:00:00Z", 1), "2026-02-15T10:00:00Z");
        assert_eq!(later("2026-01-31T10:00:00.5Z", 1), "2026-02-28T10:00:00.500Z");
        assert_eq!(later("2023-01-31T00:00:00Z", 13), "2024-02-29T00:00:00Z");
        assert!(Timestamp::parse("9999-12-31T00:00:00Z").unwrap().plus_months(u32::MAX).milliseconds() > 0);
    }

    #[test]
    fn days_are_counted_whole() {
        let start = Timestamp::from_milliseconds(0);
        assert_eq!(start.plus_days(60).days_since(start), 60);
        assert_eq!(Timestamp::from_milliseconds(DAY_MILLISECONDS - 1).days_since(start), 0);
        assert_eq!(start.days_since(Timestamp::from_milliseconds(1)), -1);
    }
}
