//! Who is woken, and that a lost wake is made up for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use pollster::block_on;

use super::memory::next_position;
use crate::epoch::Epoch;
use crate::ids::{ProgramId, WebhookEndpointId};
use crate::ledger::Unavailable;
use crate::time::Timestamp;
use crate::webhooks::{Census, CensusTaker, Figures, Known, Roll, RollCall, RollStorage, Senders, Spoken, Subscriber};

#[derive(Default)]
struct World {
    subscribers: RefCell<Vec<Subscriber>>,
    /// Program and position of every line with messages.
    lines: RefCell<Vec<(&'static str, i64)>>,
    head: Cell<i64>,
    /// Between an epoch's last position and the one that the next begins after.
    gap: Cell<Option<(i64, i64)>>,
    roll: RefCell<Roll>,
    cursors: RefCell<BTreeMap<WebhookEndpointId, i64>>,
    pending: Cell<i64>,
    deaf: Cell<bool>,
    woken: RefCell<Vec<String>>,
    dies_before_waking: Cell<bool>,
}

impl CensusTaker for World {
    async fn census(&self, after: Option<i64>, span: i64) -> Result<Census, Unavailable> {
        let mut spoken: BTreeMap<&str, i64> = BTreeMap::new();
        let next = after.filter(|after| *after < self.head.get()).map(|after| next_position(after, self.gap.get()));
        let after = after.map(|after| next.map_or(after, |next| next - 1));
        for (program, position) in self.lines.borrow().iter() {
            if after.is_some_and(|after| *position > after && *position <= after + span) {
                spoken.insert(program, *position);
            }
        }
        let spoken = spoken.into_iter().map(|(program, position)| Spoken {
            program_id: ProgramId::new(program),
            is_test: false,
            position,
        });
        Ok(Census {
            subscribers: self.subscribers.borrow().clone(),
            spoken: spoken.collect(),
            head: self.head.get(),
            next,
        })
    }
}

impl RollStorage for World {
    fn load(&self) -> Result<Roll, Unavailable> {
        Ok(self.roll.borrow().clone())
    }

    fn save(&self, roll: &Roll) -> Result<(), Unavailable> {
        *self.roll.borrow_mut() = roll.clone();
        if self.dies_before_waking.take() { Err(Unavailable("the object was reset".into())) } else { Ok(()) }
    }
}

impl Senders for World {
    async fn wake(&self, ids: &[WebhookEndpointId]) -> Vec<Result<Figures, Unavailable>> {
        let mut woken = self.woken.borrow_mut();
        woken.extend(ids.iter().map(|id| id.as_str().to_owned()));
        let answer = |id: &WebhookEndpointId| {
            if self.deaf.get() {
                return Err(Unavailable("no answer".into()));
            }
            let cursor = self.cursors.borrow().get(id).copied();
            Ok(Figures { cursor, pending: self.pending.get(), ..Figures::default() })
        };
        ids.iter().map(answer).collect()
    }
}

impl World {
    fn subscribe(&self, id: &str, program: &str) {
        self.subscribers.borrow_mut().push(Subscriber {
            id: WebhookEndpointId::new(id),
            program_id: ProgramId::new(program),
            is_test: false,
        });
    }

    fn commit(&self, program: &'static str) {
        self.head.set(self.head.get() + 1);
        self.lines.borrow_mut().push((program, self.head.get()));
    }

    /// The senders have read everything.
    fn catch_up(&self) {
        for subscriber in self.subscribers.borrow().iter() {
            self.cursors.borrow_mut().insert(subscriber.id.clone(), self.head.get());
        }
    }

    /// One minute; who was woken in it.
    fn minute(&self) -> Vec<String> {
        let call = RollCall { census: self, storage: self, senders: self };
        // An error is for the log.
        let _ = block_on(call.run(Timestamp::from_milliseconds(0)));
        self.woken.take()
    }
}

#[test]
fn a_sender_is_woken_until_it_has_read_what_is_for_it() {
    let world = World::default();
    world.subscribe("whe_1", "prog_1");
    world.subscribe("whe_2", "prog_2");
    world.catch_up();
    assert_eq!(world.minute(), ["whe_1", "whe_2"], "whoever is not known yet");
    assert_eq!(world.minute(), [""; 0]);
    world.commit("prog_1");
    assert_eq!(world.minute(), ["whe_1"]);
    assert_eq!(world.minute(), ["whe_1"], "its cursor has not moved");
    world.catch_up();
    assert_eq!(world.minute(), ["whe_1"], "only its answer tells that it has");
    assert_eq!(world.minute(), [""; 0]);
}

#[test]
fn a_wake_that_is_lost_is_made_up_for() {
    let world = World::default();
    world.subscribe("whe_1", "prog_1");
    world.catch_up();
    world.minute();
    world.commit("prog_1");
    world.dies_before_waking.set(true);
    assert_eq!(world.minute(), [""; 0]);
    world.deaf.set(true);
    assert_eq!(world.minute(), ["whe_1"]);
    world.deaf.set(false);
    assert_eq!(world.minute(), ["whe_1"]);
}

#[test]
fn a_sender_with_something_pending_is_looked_after_every_minute() {
    let world = World::default();
    world.subscribe("whe_1", "prog_1");
    world.catch_up();
    world.pending.set(1);
    world.minute();
    assert_eq!(world.minute(), ["whe_1"]);
    world.pending.set(0);
    assert_eq!(world.minute(), ["whe_1"]);
    assert_eq!(world.minute(), [""; 0]);
}

#[test]
fn an_endpoint_that_is_gone_is_told_so_and_forgotten() {
    let world = World::default();
    world.subscribe("whe_1", "prog_1");
    world.catch_up();
    world.minute();
    world.subscribers.borrow_mut().clear();
    world.deaf.set(true);
    assert_eq!(world.minute(), ["whe_1"]);
    world.deaf.set(false);
    assert_eq!(world.minute(), ["whe_1"]);
    assert_eq!(world.minute(), [""; 0]);
    assert!(world.roll.borrow().known.is_empty());
}

#[test]
fn an_endpoint_that_comes_back_is_woken() {
    for was_told in [true, false] {
        let world = World::default();
        world.subscribe("whe_1", "prog_1");
        world.catch_up();
        world.minute();
        let away = world.subscribers.take();
        world.deaf.set(!was_told);
        world.minute();
        world.commit("prog_1");
        world.minute();
        world.deaf.set(false);
        world.subscribers.replace(away);
        assert_eq!(world.minute(), ["whe_1"], "was told: {was_told}");
    }
}

#[test]
fn a_quiet_endpoint_is_moved_along_now_and_then() {
    let world = World::default();
    world.subscribe("whe_1", "prog_1");
    world.catch_up();
    world.minute();
    world.head.set(10_000);
    assert_eq!(world.minute(), [""; 0]);
    world.head.set(10_001);
    assert_eq!(world.minute(), ["whe_1"]);
}

#[test]
fn the_first_line_of_a_later_epoch_wakes_at_once_whatever_lies_between() {
    let world = World::default();
    world.subscribe("whe_1", "prog_1");
    world.commit("prog_1");
    world.catch_up();
    world.minute();
    // A restore takes the line back; the next one is of another epoch.
    let begins_after = Epoch::new(1).unwrap().begins_after();
    world.lines.borrow_mut().clear();
    world.gap.set(Some((0, begins_after)));
    world.head.set(begins_after);
    world.commit("prog_1");
    assert_eq!(world.minute(), ["whe_1"]);
    assert_eq!(world.roll.borrow().read_to, Some(begins_after + 1));
    let behind: Vec<i64> = world.roll.borrow().known.values().map(Known::behind).collect();
    assert_eq!(behind, [1]);
}

#[test]
fn a_long_absence_is_made_up_for_in_one_minute() {
    let world = World::default();
    world.subscribe("whe_1", "prog_1");
    world.catch_up();
    world.minute();
    world.commit("prog_1");
    world.head.set(150_000);
    world.minute();
    let roll = world.roll.borrow();
    assert_eq!(roll.read_to, Some(150_000));
    assert_eq!(roll.known[&WebhookEndpointId::new("whe_1")].target, 1);
}
