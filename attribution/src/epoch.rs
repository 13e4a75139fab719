//! Epochs: how often the database was set back to an earlier state, counted by the operator (`LEDGER_EPOCH`).
//!
//! What was acknowledged after the point that a restore goes back to is gone from the database, and the objects, their
//! subscribers' cursors and the receivers of webhooks still know it. So that nothing new is taken for something of then,
//! each epoch has places of its own in the order of events: a line of a later epoch comes after every line that was ever
//! written before, whether it is still there or not, and its messages have ids of their own.

/// Places of one epoch, as a power of two.
const PLACES: u32 = 40;

/// How often the database was set back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u16);

impl Epoch {
    /// Later epochs' places would be numbers that D1, which counts in doubles, cannot tell apart.
    pub const MAX: u16 = 4095;

    /// The epoch with this number; `None` beyond [`Self::MAX`].
    pub fn new(number: u16) -> Option<Self> {
        (number <= Self::MAX).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The place after which its events stand.
    pub fn begins_after(self) -> i64 {
        i64::from(self.0) << PLACES
    }

    /// The epoch of the event at this place.
    pub fn of_position(position: i64) -> Self {
        Self(u16::try_from((position.max(1) - 1) >> PLACES).unwrap_or(Self::MAX))
    }
}

/// How many places lie between two, without those that no epoch has used: an epoch's own count from its beginning.
pub fn places_between(before: i64, after: i64) -> i64 {
    let is_one = Epoch::of_position(before) == Epoch::of_position(after);
    let from = if is_one { before } else { Epoch::of_position(after).begins_after() };
    after.saturating_sub(from).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_an_epoch_come_after_all_of_the_one_before() {
        let epoch = |number| Epoch::new(number).unwrap();
        assert_eq!(epoch(0).begins_after(), 0);
        assert_eq!(epoch(1).begins_after(), 1_099_511_627_776);
        assert_eq!(Epoch::of_position(0), epoch(0));
        assert_eq!(Epoch::of_position(1), epoch(0));
        assert_eq!(Epoch::of_position(1_099_511_627_776), epoch(0));
        assert_eq!(Epoch::of_position(1_099_511_627_777), epoch(1));
        assert_eq!(Epoch::of_position(epoch(7).begins_after() + 12), epoch(7));
    }

    #[test]
    fn the_last_epochs_places_are_numbers_that_doubles_hold() {
        assert_eq!(Epoch::new(4096), None);
        let last = Epoch::new(Epoch::MAX).unwrap().begins_after() + (1 << PLACES);
        assert!(last < (1 << 53));
    }

    #[test]
    fn a_gap_between_epochs_is_no_distance() {
        assert_eq!(places_between(5, 9), 4);
        assert_eq!(places_between(9, 5), 0);
        assert_eq!(places_between(900, Epoch::new(2).unwrap().begins_after() + 3), 3);
    }
}
