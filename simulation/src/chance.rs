//! Chance: everything that could be otherwise is drawn here, from the seed, in the order in which it is asked for.
//!
//! State: the generator. One thread asks, hence the same seed draws the same run.

use std::cell::RefCell;

use attribution::ids::Random;
use fastrand::Rng;

/// The run's only source of randomness.
pub struct Chance(RefCell<Rng>);

impl Chance {
    /// The draws of this seed.
    pub fn of_seed(seed: u64) -> Self {
        Self(RefCell::new(Rng::with_seed(seed)))
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&self, low: u32, high: u32) -> u32 {
        self.0.borrow_mut().u32(low..=high.max(low))
    }

    /// A place in something of so many; 0 for nothing.
    pub fn place(&self, length: usize) -> usize {
        if length == 0 { 0 } else { self.0.borrow_mut().usize(0..length) }
    }

    /// True in so many of a thousand cases.
    pub fn hits(&self, per_mille: u32) -> bool {
        per_mille > 0 && self.0.borrow_mut().u32(0..1_000) < per_mille
    }

    /// One of `items`; `None` when there are none.
    pub fn pick<'a, T>(&self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.place(items.len()))
    }

    /// One of `items`.
    #[expect(clippy::indexing_slicing, reason = "the place is drawn from the very length, which is not 0")]
    pub fn one_of<T: Copy, const N: usize>(&self, items: [T; N]) -> T {
        const { assert!(N > 0, "there is something to choose from") };
        items[self.place(N)]
    }
}

impl Random for &Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.borrow_mut().fill(bytes);
    }
}
