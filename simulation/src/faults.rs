//! Faults: how often what goes wrong in one seed. A fifth of the seeds have none; the others lean to different ones, since
//! a world in which everything fails at once hides what only one fault would show.
//!
//! State: the rates, drawn once, and whether faults have ended.

use std::cell::Cell;

use crate::chance::Chance;

/// The fault rates of one seed, per thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// An object dies, per step that it runs.
    pub kill: u32,
    /// An object dies while its batch or its counts are under way, per such request.
    pub kill_in_flight: u32,
    /// A request is lost before it is applied.
    pub request_lost: u32,
    /// A request is applied and its answer lost.
    pub answer_lost: u32,
    /// A request is given up and applied later.
    pub applied_late: u32,
    /// A request takes seconds.
    pub slow: u32,
    /// The database goes away for some seconds, per request.
    pub away: u32,
    /// A message between Worker, object and client is lost.
    pub message_lost: u32,
    /// The Worker dies while its client waits, per call.
    pub worker_dies: u32,
    /// An alarm is late.
    pub alarm_late: u32,
    /// An alarm goes off twice.
    pub alarm_twice: u32,
}

/// The faults of one run.
pub struct Faults {
    rates: Cell<Rates>,
    /// Whether the seed has none at all.
    pub are_none: bool,
}

impl Faults {
    /// Draws the rates.
    pub fn draw(chance: &Chance) -> Self {
        let rate = |high: u32| if chance.hits(500) { chance.between(1, high) } else { 0 };
        let rates = Rates {
            kill: rate(60),
            kill_in_flight: rate(150),
            request_lost: rate(80),
            answer_lost: rate(120),
            applied_late: rate(150),
            slow: rate(200),
            away: rate(20),
            message_lost: rate(80),
            worker_dies: rate(80),
            alarm_late: rate(500),
            alarm_twice: rate(400),
        };
        let are_none = chance.hits(200);
        Self { rates: Cell::new(if are_none { Rates::default() } else { rates }), are_none }
    }

    /// The rates now.
    pub fn rates(&self) -> Rates {
        self.rates.get()
    }

    /// From now on nothing goes wrong.
    pub fn end(&self) {
        self.rates.set(Rates::default());
    }
}
