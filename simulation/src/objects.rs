//! The objects: one per shard, of which at most one instance lives at a time. An instance can be killed at every await:
//! its tasks are dropped and its memory with them, and the next request makes a new one from the disk.
//!
//! State: the living instances, and the disks, which outlive them. What an instance runs is the algorithm itself,
//! [`attribution::shard::Shard`].

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use attribution::ledger::{Answer, Command, Ledger, Unavailable};
use attribution::scheduler::Alarm as _;
use attribution::shard::{NewClick, Refused, Shard, Tracked};
use attribution::time::Clock as _;
use attribution::webhooks::{Figures, Sender, SenderStorage as _, TargetPolicy};

use crate::breakage::Breakage;
use crate::commits::CommandPort;
use crate::crash_point::CrashPoint;
use crate::database::Database;
use crate::disk::{ArmedAlarm, Disk};
use crate::edge::SHARDS;
use crate::executor::Life;
use crate::history::History;
use crate::letter::{Lost, letter};
use crate::port::Port;
use crate::scene::Scene;
use crate::scheduler::Scheduler;
use crate::seasons::SCHEDULER;
use crate::storage::Storage;

/// The number of the sender's object; those below are the shards.
pub const SENDER: u16 = SHARDS;

/// The operator's secret.
pub const IDENTITY_SECRET: &[u8] = b"the simulation's secret";

/// What the Worker asks of a shard.
#[derive(Clone, Debug)]
pub enum Request {
    /// Append a click.
    Track(Box<NewClick>),
    /// Decide and commit a command.
    Execute(Box<Command>),
    /// Look at the outbox soon.
    Wake,
    /// Go on, if nothing is armed.
    Start,
}

/// What a shard answers.
#[derive(Debug)]
pub enum Reply {
    /// What came of a click.
    Tracked(Result<Tracked, Unavailable>),
    /// What came of a command.
    Executed(Result<Answer, Refused>),
    /// How far the sender has come.
    Woken(Result<Figures, Unavailable>),
    /// The scheduler is running.
    Started,
}

/// See the module.
pub struct Objects {
    scene: Rc<Scene>,
    database: Rc<Database>,
    history: Rc<History>,
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
    /// Hints to the sender that were not given yet.
    hints: Cell<u32>,
    /// Somebody called while a run was under way: it may have looked at the outbox already.
    is_woken: Cell<bool>,
    /// An alarm is armed for now.
    is_called: Cell<bool>,
}

impl Objects {
    /// The shards, the sender and the scheduler, all of them empty.
    pub fn new(scene: Rc<Scene>, database: Rc<Database>, history: Rc<History>) -> Self {
        let disks = (0..=SCHEDULER).map(|_| Rc::new(Disk::empty(Rc::clone(&scene)))).collect();
        Self { scene, database, history, disks, living: RefCell::default(), lives: Cell::new(0) }
    }

    /// The database behind them.
    pub fn database(&self) -> &Rc<Database> {
        &self.database
    }

    /// Where a job's requests are written down.
    pub fn history(&self) -> &Rc<History> {
        &self.history
    }

    /// The disks, by the object's number.
    pub fn disks(&self) -> &[Rc<Disk>] {
        &self.disks
    }

    /// Asks a shard. Lost when its object died over it, or the message on its way.
    pub async fn ask(self: &Rc<Self>, shard: u16, request: Request) -> Result<Reply, Lost> {
        self.scene.wait(1, 8).await;
        if self.scene.chance.hits(self.scene.faults.rates().message_lost) {
            return Err(Lost);
        }
        let instance = self.instance(shard).ok_or(Lost)?;
        let (answer, waiting) = letter();
        let objects = Rc::clone(self);
        self.scene.executor.spawn(Some(instance.life), async move {
            let reply = instance.serve(&request).await;
            if let (Request::Execute(_), Reply::Executed(Ok(_))) = (&request, &reply) {
                // Given after the answer, and perhaps never.
                objects.hint(&instance);
            }
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
    pub async fn ring(self: &Rc<Self>, shard: u16, alarm: ArmedAlarm) -> Result<(), Lost> {
        let instance = self.instance(shard).ok_or(Lost)?;
        let (rung, waiting) = letter();
        let objects = Rc::clone(self);
        self.scene.executor.spawn(Some(instance.life), async move {
            // The platform runs one alarm of an object after the other.
            while instance.in_alarm.get() {
                instance.scene.wait(1, 20).await;
            }
            instance.in_alarm.set(true);
            let done = if shard == SCHEDULER {
                Scheduler { objects, storage: instance.storage.clone(), life: instance.life }.pass_minute().await;
                Ok(())
            } else {
                instance.ring().await
            };
            instance.storage.work_is_done(done.is_ok());
            instance.storage.end_alarm(alarm);
            instance.scene.note(|| format!("object {shard}  alarm: {done:?}"));
            instance.storage.settle().await;
            instance.in_alarm.set(false);
            rung.send(());
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
        if instance.hints.get() > 0 {
            self.scene.hit(CrashPoint::AfterCommitBeforeTheSenderIsWoken);
        }
        if instance.in_alarm.get() {
            let is_minute = life.shard == SCHEDULER;
            self.scene.hit(if is_minute { CrashPoint::MinuteKilledHalfWay } else { CrashPoint::AlarmKilledHalfWay });
        }
        self.scene.bury(life);
        self.living.borrow_mut().remove(&life.shard);
        drop(instance);
        self.scene.executor.kill(life);
        if let Some(disk) = self.disks.get(usize::from(life.shard)) {
            disk.lose_power();
        }
    }

    /// Wakes the sender after a commit that tells of something; many in a row share one wake.
    fn hint(self: &Rc<Self>, instance: &Rc<Instance>) {
        if instance.hints.replace(1) > 0 {
            return;
        }
        let (objects, instance) = (Rc::clone(self), Rc::clone(instance));
        self.scene.executor.spawn(Some(instance.life), async move {
            objects.scene.wait(20, 25).await;
            instance.hints.set(0);
            // Lost, it is left to the roll call.
            let _ = Box::pin(objects.ask(SENDER, Request::Wake)).await;
        });
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
            hints: Cell::new(0),
            is_woken: Cell::new(false),
            is_called: Cell::new(false),
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
            Request::Wake => Reply::Woken(self.wake().await),
            Request::Start => self.start().await,
        }
    }

    /// The alarm's work: a shard carries its counts, the sender sends.
    async fn ring(&self) -> Result<(), Unavailable> {
        if self.life.shard != SENDER {
            return self.shard.carry_counts(self.life.shard, &self.port).await;
        }
        self.is_called.set(false);
        let sender = Sender {
            id: &self.port.endpoint_id(),
            outbox: &self.port,
            storage: &self.storage,
            transport: &self.port,
            clock: &*self.scene,
            alarm: &self.storage,
            targets: &TargetPolicy { allow_loopback: false },
        };
        sender.run(&mut &self.scene.chance, || self.is_woken.take()).await.map(|_| ())
    }

    /// Makes sure that a run of the sender begins after this moment.
    async fn wake(&self) -> Result<Figures, Unavailable> {
        if self.in_alarm.get() {
            self.is_woken.set(true);
        } else if !self.is_called.replace(true) {
            self.storage.arm(Some(self.scene.now())).await?;
        }
        self.storage.figures()
    }

    /// What the scheduler's object does when it is spoken to: it cannot know what it missed before it was loaded.
    async fn start(&self) -> Reply {
        let is_armed = self.storage.read(|tables| tables.alarm.is_some());
        if !(self.is_called.replace(true) && is_armed) {
            self.storage.set_alarm(Some(self.scene.now().milliseconds()));
        }
        self.storage.settle().await;
        Reply::Started
    }

    async fn execute(&self, command: &Command) -> Result<Answer, Refused> {
        let ledger = Ledger {
            store: &CommandPort::of(&self.port, command),
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
