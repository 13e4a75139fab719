//! The scene: what every part of the simulated world needs: time, chance, faults, and where it writes down what happened.
//!
//! State: in the parts that it holds; one scene per seed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use attribution::ledger::Pause;
use attribution::time::{Clock, Timer, Timestamp};

use crate::breakage::Breakage;
use crate::chance::Chance;
use crate::crash_point::{CrashPoint, CrashPoints};
use crate::executor::{Executor, Life, Sleep};
use crate::faults::Faults;

/// See the module.
pub struct Scene {
    /// Tasks and time.
    pub executor: Rc<Executor>,
    /// Every draw.
    pub chance: Chance,
    /// What goes wrong.
    pub faults: Faults,
    /// What went wrong.
    pub crash_points: CrashPoints,
    /// What is built wrong.
    breakage: Option<Breakage>,
    trace: Option<RefCell<Vec<String>>>,
    doomed: RefCell<Vec<Life>>,
    dead: RefCell<BTreeSet<Life>>,
}

impl Scene {
    /// The scene of a seed; with `traced`, everything that happens is written down.
    pub fn of_seed(seed: u64, breakage: Option<Breakage>, traced: bool) -> Self {
        let chance = Chance::of_seed(seed);
        // Some minutes before or after a full hour, so that counts fall into two of them.
        let start = crate::rules::START.milliseconds() + i64::from(chance.between(0, 240_000)) - 120_000;
        Self {
            executor: Rc::new(Executor::starting_at(start)),
            faults: Faults::draw(&chance),
            chance,
            crash_points: CrashPoints::default(),
            breakage,
            trace: traced.then(RefCell::default),
            doomed: RefCell::default(),
            dead: RefCell::default(),
        }
    }

    /// Whether this is built wrong.
    pub fn breaks(&self, breakage: Breakage) -> bool {
        self.breakage == Some(breakage)
    }

    /// Whether anything is.
    pub fn is_built_wrong(&self) -> bool {
        self.breakage.is_some()
    }

    /// Counts a crash point.
    pub fn hit(&self, point: CrashPoint) {
        self.note(|| format!("*** {}", point.name()));
        self.crash_points.hit(point);
    }

    /// An object's instance is to die at its next await.
    pub fn doom(&self, life: Life) {
        self.doomed.borrow_mut().push(life);
    }

    /// Whoever is to die now.
    pub fn doomed(&self) -> Vec<Life> {
        self.doomed.take()
    }

    /// An object's instance has died.
    pub fn bury(&self, life: Life) {
        self.dead.borrow_mut().insert(life);
    }

    /// Whether an instance has died.
    pub fn is_dead(&self, life: Life) -> bool {
        self.dead.borrow().contains(&life)
    }

    /// Writes a line of the trace.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let time = Timestamp::from_milliseconds(self.executor.now()).to_rfc3339();
            trace.borrow_mut().push(format!("{time:<24} {}", line()));
        }
    }

    /// The trace so far.
    pub fn trace(&self) -> Vec<String> {
        self.trace.as_ref().map(|lines| lines.borrow().clone()).unwrap_or_default()
    }

    /// Waits for as long as chance says.
    pub fn wait(&self, low: u32, high: u32) -> Sleep {
        self.executor.sleep(self.chance.between(low, high))
    }
}

impl Clock for Scene {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.executor.now())
    }
}

impl Timer for Scene {
    async fn sleep(&self, milliseconds: u32) {
        self.executor.sleep(milliseconds).await;
    }
}

impl Pause for Scene {
    async fn before(&self, attempt: u32) {
        self.wait(1, 50 << attempt.saturating_sub(1).min(6)).await;
    }
}
