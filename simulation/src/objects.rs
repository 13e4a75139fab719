//! The objects: one per shard, of which at most one instance lives at a time. An instance can be killed at every await:
//! its tasks are dropped and its memory with them, and the next request makes a new one from the disk.
//!
//! State: the living instances, and the disks, which outlive them. What an instance runs is the algorithm itself,
//! [`attribution::shard::Shard`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use attribution::ledger::{Command, Ledger, Unavailable};
use attribution::shard::{NewClick, Refused, Shard, Tracked};

use crate::breakage::Breakage;
use crate::crash_point::CrashPoint;
use crate::database::Database;
use crate::disk::{ArmedAlarm, Disk};
use crate::executor::Life;
use crate::letter::{Lost, letter};
use crate::port::Port;
use crate::scene::Scene;
use crate::storage::Storage;

/// The operator's secret.
const IDENTITY_SECRET: &[u8] = b"the simulation's secret";

/// What the Worker asks of a shard.
#[derive(Clone, Debug)]
pub enum Request {
    /// Append a click.
    Track(Box<NewClick>),
    /// Decide and commit a command.
    Execute(Box<Command>),
}

/// What a shard answers.
#[derive(Debug)]
pub enum Reply {
    /// What came of a click.
    Tracked(Result<Tracked, Unavailable>),
    /// What came of a command.
    Executed(Result<attribution::ledger::Answer, Refused>),
}

/// See the module.
pub struct Objects {
    scene: Rc<Scene>,
    database: Rc<Database>,
    disks: Vec<Rc<Disk>>,
    living: RefCell<BTreeMap<u16, Rc<Instance>>>,
    lives: Cell<u64>,
}

/// One instance of an object.
struct Instance {
    life: Life,
    scene: Rc<Scene>,
    shard: Shard<Storage>,
    storage: Storage,
    port: Port,
    /// Clicks that were appended and not answered yet.
    unanswered_clicks: Cell<u32>,
    /// Whether the alarm is being handled.
    in_alarm: Cell<bool>,
}

impl Objects {
    /// So many shards, all of them empty.
    pub fn new(scene: Rc<Scene>, database: Rc<Database>, shards: u16) -> Self {
        let disks = (0..shards).map(|_| Rc::new(Disk::empty(Rc::clone(&scene)))).collect();
        Self { scene, database, disks, living: RefCell::default(), lives: Cell::new(0) }
    }

    /// The disks, by shard.
    pub fn disks(&self) -> &[Rc<Disk>] {
        &self.disks
    }

    /// Asks a shard. Lost when its object died over it, or the message on its way.
    pub async fn ask(&self, shard: u16, request: Request) -> Result<Reply, Lost> {
        self.scene.wait(1, 8).await;
        if self.scene.chance.hits(self.scene.faults.rates().message_lost) {
            return Err(Lost);
        }
        let instance = self.instance(shard).ok_or(Lost)?;
        let (answer, waiting) = letter();
        self.scene.executor.spawn(Some(instance.life), async move {
            let reply = instance.serve(&request).await;
            instance.storage.settle().await;
            if matches!(request, Request::Track(_)) {
                instance.unanswered_clicks.set(instance.unanswered_clicks.get().saturating_sub(1));
            }
            answer.send(reply);
        });
        let reply = waiting.await?;
        self.scene.wait(1, 8).await;
        if self.scene.chance.hits(self.scene.faults.rates().message_lost) { Err(Lost) } else { Ok(reply) }
    }

    /// Lets a shard's alarm go off; lost when its object died over it. An alarm that was not set anew is then over.
    pub async fn ring(&self, shard: u16, alarm: ArmedAlarm) -> Result<(), Lost> {
        let instance = self.instance(shard).ok_or(Lost)?;
        let (done, waiting) = letter();
        self.scene.executor.spawn(Some(instance.life), async move {
            instance.in_alarm.set(true);
            let carried = instance.shard.carry_counts(shard, &instance.port).await;
            instance.storage.work_is_done(carried.is_ok());
            instance.storage.end_alarm(alarm);
            instance.scene.note(|| format!("shard {shard}   alarm: {carried:?}"));
            instance.storage.settle().await;
            instance.in_alarm.set(false);
            done.send(());
        });
        waiting.await
    }

    /// Kills an instance where it stands.
    pub fn kill(&self, life: Life) {
        let is_alive = |instance: &Rc<Instance>| instance.life == life;
        let Some(instance) = self.living.borrow().get(&life.shard).filter(|found| is_alive(found)).cloned() else {
            return;
        };
        self.scene.note(|| format!("shard {}   dies ({life:?})", life.shard));
        if instance.unanswered_clicks.get() > 0 {
            self.scene.hit(CrashPoint::AfterAppendBeforeAnswer);
        }
        if instance.in_alarm.get() {
            self.scene.hit(CrashPoint::AlarmKilledHalfWay);
        }
        self.living.borrow_mut().remove(&life.shard);
        drop(instance);
        self.scene.executor.kill(life);
        if let Some(disk) = self.disks.get(usize::from(life.shard)) {
            disk.lose_power();
        }
    }

    /// The living instance, or a new one.
    fn instance(&self, shard: u16) -> Option<Rc<Instance>> {
        if let Some(instance) = self.living.borrow().get(&shard) {
            return Some(Rc::clone(instance));
        }
        self.lives.set(self.lives.get() + 1);
        let life = Life { shard, number: self.lives.get() };
        let disk = Rc::clone(self.disks.get(usize::from(shard))?);
        let storage = Storage::open(Rc::clone(&self.scene), disk, life);
        let instance = Rc::new(Instance {
            life,
            scene: Rc::clone(&self.scene),
            shard: Shard::over(storage.clone()),
            port: Port::of(Rc::clone(&self.database), storage.clone(), life),
            storage,
            unanswered_clicks: Cell::new(0),
            in_alarm: Cell::new(false),
        });
        self.living.borrow_mut().insert(shard, Rc::clone(&instance));
        Some(instance)
    }
}

impl Instance {
    async fn serve(&self, request: &Request) -> Reply {
        match request {
            Request::Track(new) => {
                let tracked = self.shard.track(new, &*self.scene).await;
                self.unanswered_clicks.set(self.unanswered_clicks.get() + 1);
                self.storage.work_is_done(tracked.is_ok());
                Reply::Tracked(tracked)
            }
            Request::Execute(command) => Reply::Executed(self.execute(command).await),
        }
    }

    async fn execute(&self, command: &Command) -> Result<attribution::ledger::Answer, Refused> {
        let ledger = Ledger {
            store: &self.port,
            configuration: &self.port,
            clicks: &self.storage,
            pause: &*self.scene,
            identity_secret: IDENTITY_SECRET,
        };
        // Two shards over one storage share no gates.
        let lockless = self.scene.breaks(Breakage::NoLock).then(|| Shard::over(self.storage.clone()));
        let shard = lockless.as_ref().unwrap_or(&self.shard);
        shard.execute(&ledger, command, &*self.scene).await.map(|executed| executed.answer)
    }
}
