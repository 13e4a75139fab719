//! A key's budget: what was lent of it, in the memory of the one object that lends.

use super::{Ask, Loan, minute_of, not_before, second_of};
use crate::time::Timestamp;

/// Isolates may open so many times a second's calls in one second: each borrows more than it needs at once.
const SECONDS_LENT_AT_ONCE: u32 = 2;

/// What was lent, by minute and by second.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    /// The latest that any ask has seen.
    latest: Option<Timestamp>,
    /// Minutes that can still be borrowed for, with what was lent of each.
    minutes: Vec<(i64, u32)>,
    second: i64,
    lent_this_second: u32,
}

impl Budget {
    /// Lends what is asked for, or what there is. Clocks may differ by a minute; a minute further away is not lent for.
    pub fn lend(&mut self, ask: &Ask, now: Timestamp) -> Loan {
        let now = not_before(self.latest, now);
        self.latest = Some(now);
        let minute = minute_of(now);
        self.minutes.retain(|(known, _)| *known >= minute - 1);
        if second_of(now) != self.second {
            self.second = second_of(now);
            self.lent_this_second = 0;
        }
        if (ask.minute - minute).abs() > 1 {
            return Loan { minute: ask.minute, granted: 0, lent: ask.known_lent, second: self.second };
        }
        let lent = self.lent_for(ask.minute).max(ask.known_lent);
        let at_once = ask.limit.per_second.saturating_mul(SECONDS_LENT_AT_ONCE);
        let of_second = at_once.saturating_sub(self.lent_this_second);
        let granted = ask.wanted.min(ask.limit.per_minute.saturating_sub(lent)).min(of_second);
        self.lent_this_second = self.lent_this_second.saturating_add(granted);
        let lent = lent.saturating_add(granted);
        self.minutes.retain(|(known, _)| *known != ask.minute);
        self.minutes.push((ask.minute, lent));
        Loan { minute: ask.minute, granted, lent, second: self.second }
    }

    fn lent_for(&self, minute: i64) -> u32 {
        self.minutes.iter().find(|(known, _)| *known == minute).map_or(0, |(_, lent)| *lent)
    }
}
