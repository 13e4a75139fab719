//! Days and moments: what is read is between the years 1970 and 9999, and reads the same again as it is written.

use attribution::day::Day;
use attribution::time::Timestamp;

/// Looks at one input.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Some(day) = Day::parse(text) {
        assert_eq!(day.to_string(), text);
    }
    let Some(moment) = Timestamp::parse(text) else { return };
    assert!((0..=253_402_300_799_999).contains(&moment.milliseconds()));
    assert_eq!(Timestamp::parse(&moment.to_rfc3339()), Some(moment));
    assert_eq!(Day::parse(&Day::of(moment).to_string()), Some(Day::of(moment)));
    // What rules do with any moment that is read.
    let number = text.len() as u32;
    assert!(moment.plus_months(number) >= moment && moment.plus_days(number) >= moment);
    assert!(moment.plus_months(u32::MAX) >= moment && moment.plus_days(u32::MAX) >= moment);
}
