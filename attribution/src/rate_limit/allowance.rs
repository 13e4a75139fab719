//! What an isolate has borrowed of a key's budget, and when it asks for more.

use super::{Ask, Loan, MINUTE_MILLISECONDS, RateLimit, Standing, minute_of, not_before, second_of};
use crate::time::Timestamp;

/// An ask that was not answered for so long is lost.
const LOST_AFTER_MILLISECONDS: i64 = 5_000;

/// After the object did not answer it is left alone for so long.
const SILENT_MILLISECONDS: i64 = 3_000;

/// A key that is used in the second half of a minute borrows for the next one too.
const AHEAD_AFTER_MILLISECONDS: i64 = MINUTE_MILLISECONDS / 2;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is carried out.
    Allowed(Standing),
    /// It is refused; it may be repeated after so many seconds.
    Refused(Standing, u32),
    /// There is nothing left here: the object decides.
    Ask(Ask),
}

/// Permits for one minute, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Minute {
    number: i64,
    in_hand: u32,
    /// Of the whole budget, when the object last said so.
    lent: u32,
}

/// An isolate's part of a key's budget.
#[derive(Clone, Debug, Default)]
pub struct Allowance {
    /// The latest that any call has seen.
    latest: Option<Timestamp>,
    current: Option<Minute>,
    next: Option<Minute>,
    second: i64,
    used: u32,
    used_before: u32,
    /// In this second the object had nothing more to lend.
    dry_second: Option<i64>,
    asked_at: Option<Timestamp>,
    silent_until: Option<Timestamp>,
}

impl Allowance {
    /// Spends a permit, if there is one.
    pub fn take(&mut self, limit: RateLimit, now: Timestamp) -> Verdict {
        let now = self.roll(now);
        if self.current.is_some_and(|minute| minute.in_hand == 0 && minute.lent >= limit.per_minute) {
            return Verdict::Refused(self.standing(limit, now), seconds_left(now));
        }
        if self.used >= limit.per_second {
            return Verdict::Refused(self.standing(limit, now), 1);
        }
        match &mut self.current {
            Some(minute) if minute.in_hand > 0 => minute.in_hand -= 1,
            _ if self.silent_until.is_some_and(|until| now < until) => {}
            _ if self.dry_second == Some(self.second) => return Verdict::Refused(self.standing(limit, now), 1),
            _ => return Verdict::Ask(self.ask(limit, now)),
        }
        self.used += 1;
        Verdict::Allowed(self.standing(limit, now))
    }

    /// What to ask for before it is needed: more for this minute, or the first for the next one. One ask is under way at a
    /// time.
    pub fn ask_ahead(&mut self, limit: RateLimit, now: Timestamp) -> Option<Ask> {
        let now = self.roll(now);
        let minute = self.current?;
        let is_silent = self.silent_until.is_some_and(|until| now < until);
        if self.is_asking(now) || is_silent || self.dry_second == Some(self.second) {
            return None;
        }
        let wanted = self.block(limit);
        let ask = if minute.in_hand <= wanted / 2 && minute.lent < limit.per_minute {
            Ask { minute: minute.number, wanted, known_lent: minute.lent, limit }
        } else if self.next.is_none() && now.milliseconds().rem_euclid(MINUTE_MILLISECONDS) >= AHEAD_AFTER_MILLISECONDS
        {
            Ask { minute: minute.number + 1, wanted: smallest_block(limit), known_lent: 0, limit }
        } else {
            return None;
        };
        self.asked_at = Some(now);
        Some(ask)
    }

    /// Takes what the object lent. What would be more than a second's calls is given up: a block came when it was not needed
    /// any more.
    pub fn receive(&mut self, loan: &Loan, limit: RateLimit, now: Timestamp) {
        self.asked_at = None;
        self.silent_until = None;
        let now = self.roll(now);
        let minute = minute_of(now);
        let slot = if loan.minute == minute {
            &mut self.current
        } else if loan.minute == minute + 1 {
            &mut self.next
        } else {
            return;
        };
        let known = slot.get_or_insert(Minute { number: loan.minute, in_hand: 0, lent: 0 });
        known.in_hand = known.in_hand.saturating_add(loan.granted).min(limit.per_second);
        known.lent = known.lent.max(loan.lent);
        if loan.granted == 0 {
            self.dry_second = Some(loan.second);
        }
    }

    /// The object did not answer: nobody is refused for that.
    pub fn unanswered(&mut self, now: Timestamp) {
        self.asked_at = None;
        self.silent_until = Some(Timestamp::from_milliseconds(now.milliseconds().saturating_add(SILENT_MILLISECONDS)));
    }

    /// What the answer says. Where nothing was borrowed yet, nothing is known to be left.
    fn standing(&self, limit: RateLimit, now: Timestamp) -> Standing {
        let remaining = self.current.map_or(0, |minute| {
            limit.per_minute.saturating_sub(minute.lent).saturating_add(minute.in_hand).min(limit.per_minute)
        });
        let reset = (minute_of(now) + 1) * (MINUTE_MILLISECONDS / 1_000);
        Standing { limit: limit.per_minute, remaining, reset }
    }

    fn ask(&mut self, limit: RateLimit, now: Timestamp) -> Ask {
        // While a block is on its way a call asks for itself alone.
        let wanted = if self.is_asking(now) { 1 } else { self.block(limit) };
        self.asked_at = Some(now);
        Ask { minute: minute_of(now), wanted, known_lent: self.current.map_or(0, |minute| minute.lent), limit }
    }

    fn is_asking(&self, now: Timestamp) -> bool {
        self.asked_at.is_some_and(|asked| now.milliseconds() - asked.milliseconds() < LOST_AFTER_MILLISECONDS)
    }

    /// As much as was used just now, between a quarter and a half of what a second allows.
    fn block(&self, limit: RateLimit) -> u32 {
        let smallest = smallest_block(limit);
        self.used.saturating_add(self.used_before).clamp(smallest, (limit.per_second / 2).max(smallest))
    }

    /// Leaves behind what is over; what time it is for all calls of this isolate.
    fn roll(&mut self, now: Timestamp) -> Timestamp {
        let now = not_before(self.latest, now);
        self.latest = Some(now);
        let (second, minute) = (second_of(now), minute_of(now));
        if second != self.second {
            self.used_before = if second == self.second + 1 { self.used } else { 0 };
            self.used = 0;
            self.second = second;
        }
        if self.current.is_some_and(|current| current.number != minute) {
            self.current = None;
        }
        if let Some(next) = self.next.filter(|next| next.number <= minute) {
            self.next = None;
            self.current = self.current.or(Some(next).filter(|next| next.number == minute));
        }
        now
    }
}

fn smallest_block(limit: RateLimit) -> u32 {
    (limit.per_second / 4).max(1)
}

/// Whole seconds until the next minute, at least one.
fn seconds_left(now: Timestamp) -> u32 {
    let left = MINUTE_MILLISECONDS - now.milliseconds().rem_euclid(MINUTE_MILLISECONDS);
    u32::try_from(left.div_euclid(1_000) + i64::from(left % 1_000 != 0)).unwrap_or(1).max(1)
}
