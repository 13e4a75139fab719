//! An object's disk: what survives its death.
//!
//! State: the tables as they are on the disk, and, while an instance lives, what it has written since, one entry per
//! step: what a step writes is one transaction, and transactions reach the disk in their order. At a death, chance says
//! how many of those under way did.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use attribution::referral::Click;
use attribution::webhooks::{Delivery, Progress, Roll};

use crate::crash_point::CrashPoint;
use crate::letter::{Receiver, Sender, letter};
use crate::scene::Scene;

/// Program, affiliate, test or live, hour.
pub type CountKey = (String, String, i64, i64);

/// Clicks of one hour and affiliate.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// The owner.
    pub team_id: String,
    /// So far.
    pub clicks: i64,
    /// As far as the database is known to have them.
    pub sent: i64,
}

/// When the alarm goes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmedAlarm {
    /// Milliseconds since 1970.
    pub due: i64,
    /// Which arming this was.
    pub number: u64,
}

/// Everything that an object stores.
#[derive(Clone, Default)]
pub struct Tables {
    /// In the order in which they were appended.
    pub clicks: Vec<Rc<Click>>,
    /// So many of them are in `counts`.
    pub counted: usize,
    /// Counts.
    pub counts: BTreeMap<CountKey, Count>,
    /// `Idempotency-Key`s of clicks: the body's hash and the click's place.
    pub keys: BTreeMap<(String, String), (String, usize)>,
    /// How far the sender has come.
    pub progress: Progress,
    /// The sender's deliveries, in the order in which they were recorded.
    pub deliveries: Vec<Rc<Delivery>>,
    /// The scheduler's roll of senders.
    pub roll: Roll,
    /// The alarm.
    pub alarm: Option<ArmedAlarm>,
}

/// See the module.
pub struct Disk {
    scene: Rc<Scene>,
    durable: RefCell<Tables>,
    live: RefCell<Tables>,
    under_way: RefCell<VecDeque<Transaction>>,
    waiting: RefCell<Vec<(u64, Sender<()>)>>,
    written: Cell<u64>,
    flushed: Cell<u64>,
    alarms: Cell<u64>,
}

struct Transaction {
    step: u64,
    number: u64,
    after: Tables,
}

impl Disk {
    /// An empty one.
    pub fn empty(scene: Rc<Scene>) -> Self {
        Self {
            scene,
            durable: RefCell::default(),
            live: RefCell::default(),
            under_way: RefCell::default(),
            waiting: RefCell::default(),
            written: Cell::new(0),
            flushed: Cell::new(0),
            alarms: Cell::new(0),
        }
    }

    /// What the living instance sees.
    pub fn read<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(&self.live.borrow())
    }

    /// What would survive.
    pub fn durable(&self) -> Tables {
        self.durable.borrow().clone()
    }

    /// The alarm as it would survive.
    pub fn durable_alarm(&self) -> Option<ArmedAlarm> {
        self.durable.borrow().alarm
    }

    /// Writes, in one transaction with whatever else is written in this step.
    pub fn write<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> T {
        let result = change(&mut self.live.borrow_mut());
        let step = self.scene.executor.steps();
        let mut under_way = self.under_way.borrow_mut();
        let after = self.live.borrow().clone();
        if let Some(last) = under_way.back_mut().filter(|last| last.step == step) {
            last.after = after;
        } else {
            self.written.set(self.written.get() + 1);
            under_way.push_back(Transaction { step, number: self.written.get(), after });
        }
        result
    }

    /// Sets or takes back the alarm, as part of this step's transaction.
    pub fn set_alarm(&self, due: Option<i64>) {
        self.alarms.set(self.alarms.get() + 1);
        let number = self.alarms.get();
        self.write(|tables| tables.alarm = due.map(|due| ArmedAlarm { due, number }));
    }

    /// Whether everything that was written is on the disk.
    pub fn is_flushed(&self) -> bool {
        self.under_way.borrow().is_empty()
    }

    /// Brings everything that was written so far to the disk.
    pub fn flush(&self) {
        let last = self.under_way.borrow_mut().drain(..).next_back();
        if let Some(last) = last {
            *self.durable.borrow_mut() = last.after;
            self.flushed.set(last.number);
        }
        let flushed = self.flushed.get();
        let (done, rest): (Vec<_>, Vec<_>) =
            self.waiting.take().into_iter().partition(|(number, _)| *number <= flushed);
        self.waiting.replace(rest);
        for (_, waiting) in done {
            waiting.send(());
        }
    }

    /// Waits until what was written so far is on the disk.
    pub fn settled(&self) -> Option<Receiver<()>> {
        if self.is_flushed() {
            return None;
        }
        let (done, waiting) = letter();
        self.waiting.borrow_mut().push((self.written.get(), done));
        Some(waiting)
    }

    /// The instance has died: the first few of its transactions under way still reach the disk.
    pub fn lose_power(&self) {
        let mut under_way = self.under_way.take();
        if let Some(last) = under_way.len().checked_sub(1) {
            let survivors = self.scene.chance.between(0, u32::try_from(last).unwrap_or(0) + 1) as usize;
            let lost = survivors <= last;
            self.scene.hit(if lost { CrashPoint::LastWritesLost } else { CrashPoint::LastWritesKept });
            under_way.truncate(survivors);
            if let Some(survivor) = under_way.pop_back() {
                *self.durable.borrow_mut() = survivor.after;
            }
        }
        self.flushed.set(self.written.get());
        self.waiting.take();
        *self.live.borrow_mut() = self.durable.borrow().clone();
    }
}
