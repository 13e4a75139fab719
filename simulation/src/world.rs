//! The world of one seed, from its first call to its last check.
//!
//! 1. clients and owner do their things while faults last, in one season or several ([`crate::seasons`]);
//! 2. faults end, nobody calls any more: alarms alone bring the counts to the database, end holds and give up what waits;
//! 3. every call that was answered is repeated once, without faults;
//! 4. the checks judge the rows by the history, before the repetition and after it.
//!
//! State: in its parts; dropped with the seed.

use std::cell::Cell;
use std::rc::Rc;

use crate::alarms::Alarms;
use crate::breakage::Breakage;
use crate::client::Client;
use crate::crash_point::CrashPoint;
use crate::database::Database;
use crate::edge::Edge;
use crate::executor::{Life, Step};
use crate::history::History;
use crate::objects::Objects;
use crate::scenario::Scenario;
use crate::scene::Scene;

/// What a seed came to.
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// What is wrong; nothing, if all is well.
    pub problems: Vec<String>,
    /// How often each crash point was met.
    pub crash_points: Vec<(CrashPoint, u64)>,
    /// Attempts that clients made.
    pub attempts: usize,
    /// Steps that tasks took.
    pub steps: u64,
    /// What happened, where that was asked for.
    pub trace: Vec<String>,
}

/// See the module.
pub struct World {
    /// Time, chance, faults.
    pub scene: Rc<Scene>,
    /// The database.
    pub database: Rc<Database>,
    /// The shards.
    pub objects: Rc<Objects>,
    /// What was asked and answered.
    pub history: Rc<History>,
    /// What there is to do.
    pub scenario: Rc<Scenario>,
    pub(crate) client: Rc<Client>,
    pub(crate) alarms: Rc<Alarms>,
    pub(crate) faults_ended_at: Cell<Option<i64>>,
}

/// Runs one seed.
pub fn run(seed: u64, breakage: Option<Breakage>, traced: bool) -> Verdict {
    let world = World::of_seed(seed, breakage, traced);
    let mut problems = world.live();
    if problems.is_empty() {
        problems = world.repeat();
    }
    Verdict {
        seed,
        problems,
        crash_points: world.scene.crash_points.all(),
        attempts: world.history.calls().iter().map(|call| call.attempts.len()).sum(),
        steps: world.scene.executor.steps(),
        trace: world.scene.trace(),
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.scene.executor.end();
    }
}

impl World {
    fn of_seed(seed: u64, breakage: Option<Breakage>, traced: bool) -> Self {
        let scene = Rc::new(Scene::of_seed(seed, breakage, traced));
        let database = Rc::new(Database::empty(Rc::clone(&scene)));
        let history = Rc::new(History::default());
        let objects = Rc::new(Objects::new(Rc::clone(&scene), Rc::clone(&database), Rc::clone(&history)));
        let scenario = Rc::new(Scenario::draw(Rc::clone(&scene), Rc::clone(&database), Rc::clone(&history)));
        let edge = Rc::new(Edge {
            scene: Rc::clone(&scene),
            database: Rc::clone(&database),
            objects: Rc::clone(&objects),
            history: Rc::clone(&history),
        });
        let client = Rc::new(Client::of(edge, Rc::clone(&scenario)));
        let alarms = Rc::new(Alarms::of(Rc::clone(&scene), Rc::clone(&objects)));
        Self { scene, database, objects, history, scenario, client, alarms, faults_ended_at: Cell::new(None) }
    }

    /// When the last fault was, once it is over.
    pub fn faults_ended_at(&self) -> Option<i64> {
        self.faults_ended_at.get()
    }

    /// Lets the world run until nothing is left to do, or enough is done, at most so long.
    pub(crate) fn pass(&self, milliseconds: i64, is_enough: impl Fn() -> bool) {
        let until = self.scene.executor.now() + milliseconds;
        while !is_enough() {
            let step = self.scene.executor.step(until, |count| self.scene.chance.place(count));
            match step {
                Step::Over => return,
                Step::Ran(Some(life)) => self.perhaps_kill(life),
                Step::Ran(None) => {}
            }
            self.scene.doomed().into_iter().for_each(|life| self.objects.kill(life));
            self.alarms.watch();
        }
    }

    /// Every step of an object ends at an await, and at every await it can die.
    fn perhaps_kill(&self, life: Life) {
        if self.scene.chance.hits(self.scene.faults.rates().kill) {
            self.objects.kill(life);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::World;

    #[test]
    fn a_seed_leaves_nothing_in_memory() {
        for seed in 0..20 {
            let world = World::of_seed(seed, None, false);
            let scene = Rc::downgrade(&world.scene);
            let _ = world.live();
            drop(world);
            assert_eq!(scene.strong_count(), 0, "seed {seed} is still there");
        }
    }
}
