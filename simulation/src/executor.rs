//! The executor: one thread, tasks that run from one await to the next, and a clock that moves only when none can run.
//!
//! State: tasks, timers and the time. Which of the tasks that can run is next is the caller's choice, so that a seed can
//! make it. A task may belong to a life (of an object): a killed life's tasks are dropped where they stand, which is at an
//! await.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};

type TaskId = u64;

/// One instance of an object, from its first request to its death.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life {
    /// The shard.
    pub shard: u16,
    /// Later ones have higher numbers.
    pub number: u64,
}

/// What one step was.
pub enum Step {
    /// A task ran to its next await, or to its end.
    Ran(Option<Life>),
    /// Nothing is left to do before the given time.
    Over,
}

struct Task {
    life: Option<Life>,
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
}

struct Alarm {
    task: TaskId,
    woken: Sender<TaskId>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The executor outlives every task, and with it the other end.
        let _ = self.woken.send(self.task);
    }
}

/// See the module.
pub struct Executor {
    now: Cell<i64>,
    steps: Cell<u64>,
    serial: Cell<u64>,
    tasks: RefCell<BTreeMap<TaskId, Task>>,
    ready: RefCell<Vec<TaskId>>,
    wakes: (Sender<TaskId>, Receiver<TaskId>),
    timers: RefCell<BTreeMap<(i64, u64), Waker>>,
}

impl Executor {
    /// No tasks, at this time in milliseconds.
    pub fn starting_at(now: i64) -> Self {
        Self {
            now: Cell::new(now),
            steps: Cell::new(0),
            serial: Cell::new(0),
            tasks: RefCell::default(),
            ready: RefCell::default(),
            wakes: channel(),
            timers: RefCell::default(),
        }
    }

    /// The time, in milliseconds since 1970.
    pub fn now(&self) -> i64 {
        self.now.get()
    }

    /// Steps so far: what happens in one step happens without an await.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Adds a task.
    pub fn spawn(&self, life: Option<Life>, future: impl Future<Output = ()> + 'static) {
        let id = self.next_serial();
        let waker = Waker::from(Arc::new(Alarm { task: id, woken: self.wakes.0.clone() }));
        self.tasks.borrow_mut().insert(id, Task { life, future: Box::pin(future), waker });
        self.ready.borrow_mut().push(id);
    }

    /// Waits so long, at least a millisecond: every wait is an await at which the task can be killed.
    pub fn sleep(self: &Rc<Self>, milliseconds: u32) -> Sleep {
        let until = self.now() + i64::from(milliseconds.max(1));
        Sleep { executor: Rc::clone(self), until, is_set: false }
    }

    /// Drops every task of a life.
    pub fn kill(&self, life: Life) {
        let mut tasks = self.tasks.borrow_mut();
        let (dead, alive) = std::mem::take(&mut *tasks).into_iter().partition(|(_, task)| task.life == Some(life));
        *tasks = alive;
        drop(tasks);
        // Outside of the borrow: what is dropped may wake others.
        drop::<BTreeMap<TaskId, Task>>(dead);
    }

    /// Drops every task. Those that never end hold the scene, and the scene holds the executor: left alone they would
    /// keep each seed's world in memory for good.
    pub fn end(&self) {
        drop(self.tasks.take());
        drop(self.timers.take());
    }

    /// Runs one task to its next await; moves the clock to the next timer where none can run, but not beyond `until`.
    pub fn step(&self, until: i64, choose: impl FnOnce(usize) -> usize) -> Step {
        self.collect_woken();
        while self.ready.borrow().is_empty() {
            if !self.advance(until) {
                return Step::Over;
            }
            self.collect_woken();
        }
        let place = choose(self.ready.borrow().len());
        let id = self.ready.borrow_mut().swap_remove(place);
        // Taken out while it runs, so that it may spawn others.
        let Some(mut task) = self.tasks.borrow_mut().remove(&id) else { return Step::Ran(None) };
        self.steps.set(self.steps.get() + 1);
        let waker = task.waker.clone();
        let life = task.life;
        match task.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => drop(self.tasks.borrow_mut().insert(id, task)),
            Poll::Ready(()) => drop(task),
        }
        Step::Ran(life)
    }

    fn advance(&self, until: i64) -> bool {
        let mut timers = self.timers.borrow_mut();
        let Some((&(due, _), _)) = timers.first_key_value().filter(|((due, _), _)| *due <= until) else {
            self.now.set(until.max(self.now()));
            return false;
        };
        self.now.set(due.max(self.now()));
        while let Some(timer) = timers.first_entry().filter(|timer| timer.key().0 <= due) {
            timer.remove().wake();
        }
        true
    }

    fn collect_woken(&self) {
        let mut ready = self.ready.borrow_mut();
        for id in self.wakes.1.try_iter() {
            if !ready.contains(&id) {
                ready.push(id);
            }
        }
    }

    fn next_serial(&self) -> u64 {
        self.serial.set(self.serial.get() + 1);
        self.serial.get()
    }
}

/// A wait on the virtual clock.
pub struct Sleep {
    executor: Rc<Executor>,
    until: i64,
    is_set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.executor.now() >= self.until {
            return Poll::Ready(());
        }
        if !self.is_set {
            self.is_set = true;
            let key = (self.until, self.executor.next_serial());
            self.executor.timers.borrow_mut().insert(key, context.waker().clone());
        }
        Poll::Pending
    }
}
