//! One shard over the database in memory: what it remembers, and who waits for whom. The clock stands still unless it
//! is moved.

mod gates;
mod named_clicks;
mod remembering;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use super::{ClickCount, NewClick, ObjectStorage, Refused, Shard, Tracked};
use crate::fixtures::{affiliate, bob, bobs_click, click, new_year, program, scope};
use crate::ids::{AffiliateId, ProgramId, ReferralId};
use crate::ledger::{
    Change, Clicks, Command, Configuration, IdempotencyKey, Ledger, NotCommitted, Pause, Query, State, Store,
    Unavailable,
};
use crate::memory::Database;
use crate::program::{Affiliate, Program};
use crate::referral::{Click, Scope};
use crate::shard::Carried;
use crate::time::{Clock, Timer, Timestamp};

/// A shard, the database behind it, and a clock that is moved by hand.
struct World {
    shard: Shard<Storage>,
    database: Rc<Database>,
    store: SlowStore,
    configuration: Settings,
    clock: ManualClock,
}

/// Clicks alone: the rest of the object's storage is not asked for here.
#[derive(Default)]
struct Storage(RefCell<HashMap<ReferralId, Click>>);

/// The database, whose commits arrive once they are let through.
struct SlowStore {
    database: Rc<Database>,
    holds_commits: Cell<bool>,
    loads: Cell<u32>,
    commits: Cell<u32>,
}

/// Programs and affiliates, as they are.
struct Settings(Rc<Database>);

/// A clock that only the test moves. Whoever sleeps is awake when it has come so far.
struct ManualClock(Cell<Timestamp>);

struct NoPause;

impl World {
    /// A program with two affiliates and a click of each.
    fn new() -> Self {
        Self::paying(program())
    }

    fn paying(program: Program) -> Self {
        let database = Rc::new(Database::default());
        database.put_program(program);
        database.put_affiliate(affiliate());
        database.put_affiliate(bob());
        let storage = Storage::default();
        for click in [click(), bobs_click()] {
            storage.0.borrow_mut().insert(click.id.clone(), click);
        }
        Self {
            shard: Shard::over(storage),
            store: SlowStore {
                database: Rc::clone(&database),
                holds_commits: Cell::new(false),
                loads: Cell::new(0),
                commits: Cell::new(0),
            },
            configuration: Settings(Rc::clone(&database)),
            database,
            clock: ManualClock(Cell::new(new_year().plus_days(10))),
        }
    }

    async fn execute(&self, command: impl Into<Command>) -> Result<Carried, Refused> {
        let ledger = Ledger {
            store: &self.store,
            configuration: &self.configuration,
            clicks: &self.shard.storage,
            pause: &NoPause,
            identity_secret: b"identity secret",
        };
        self.shard.execute(&ledger, &command.into(), &self.clock).await
    }

    fn call(&self, command: impl Into<Command>) -> Carried {
        pollster::block_on(self.execute(command)).unwrap()
    }

    /// Loads and commits that the next thing takes.
    fn trips<T>(&self, next: impl FnOnce() -> T) -> (u32, u32, T) {
        let (loads, commits) = (self.store.loads.get(), self.store.commits.get());
        let result = next();
        (self.store.loads.get() - loads, self.store.commits.get() - commits, result)
    }

    fn later(&self, milliseconds: i64) {
        self.clock.0.set(Timestamp::from_milliseconds(self.clock.now().milliseconds() + milliseconds));
    }
}

/// The same call by a client: another request with ids of its own.
fn again(mut command: Command, request_id: &str) -> Command {
    let context = match &mut command {
        Command::SignUp(command) => &mut command.context,
        Command::RecordSale(command) => {
            command.conversion_id = crate::ids::ConversionId::new(format!("conv_{request_id}"));
            command.commission_id = crate::ids::CommissionId::new(format!("com_{request_id}"));
            &mut command.context
        }
        Command::Refund(command) => {
            command.refund_id = crate::ids::RefundId::new(format!("rfd_{request_id}"));
            &mut command.context
        }
        other => panic!("not called here: {other:?}"),
    };
    context.request_id = request_id.to_owned();
    command
}

fn with_key(mut command: Command, value: &str, body: &str) -> Command {
    let key = IdempotencyKey { route: "POST".into(), value: value.to_owned(), body_hash: body.to_owned() };
    match &mut command {
        Command::SignUp(command) => command.context.idempotency = Some(key),
        Command::RecordSale(command) => command.context.idempotency = Some(key),
        other => panic!("not called here: {other:?}"),
    }
    command
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.get()
    }
}

impl Timer for ManualClock {
    async fn sleep(&self, milliseconds: u32) {
        let end = self.now().milliseconds() + i64::from(milliseconds);
        poll_fn(|_| if self.now().milliseconds() >= end { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

impl Pause for NoPause {
    async fn before(&self, _attempt: u32) {}
}

impl Store for SlowStore {
    async fn load(&self, query: &Query) -> Result<State, Unavailable> {
        self.loads.set(self.loads.get() + 1);
        self.database.load(query).await
    }

    async fn commit(&self, scope: &Scope, changes: &[Change]) -> Result<(), NotCommitted> {
        self.commits.set(self.commits.get() + 1);
        poll_fn(|_| if self.holds_commits.get() { Poll::Pending } else { Poll::Ready(()) }).await;
        self.database.commit(scope, changes).await
    }
}

impl Configuration for Settings {
    async fn program(&self, id: &ProgramId, _fresh: bool) -> Result<Option<Program>, Unavailable> {
        self.0.program(id)
    }

    async fn affiliate(&self, id: &AffiliateId, _fresh: bool) -> Result<Option<Affiliate>, Unavailable> {
        let version = self.0.program(&scope().program_id)?.map_or(1, |program| program.rules_version);
        Ok(self.0.affiliate(id)?.map(|affiliate| Affiliate { rules_version: version, ..affiliate }))
    }
}

impl Clicks for Storage {
    fn find(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        Ok(self.0.borrow().get(id).cloned())
    }
}

impl ObjectStorage for Storage {
    fn append(&self, new: &NewClick, _now: Timestamp) -> Result<Tracked, Unavailable> {
        self.0.borrow_mut().insert(new.click.id.clone(), new.click.clone());
        Ok(Tracked::Stored)
    }

    fn find_recent(&self, id: &ReferralId) -> Result<Option<Click>, Unavailable> {
        self.find(id)
    }

    fn count(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    fn unsent_counts(&self) -> Result<Vec<ClickCount>, Unavailable> {
        Ok(Vec::new())
    }

    fn note_sent(&self, _counts: &[ClickCount]) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn arm_alarm(&self, _milliseconds: u32) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn disarm_alarm(&self) -> Result<(), Unavailable> {
        Ok(())
    }
}
