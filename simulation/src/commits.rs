//! The commits of a run: each batch that was written, by which command, with the rows before and after it.
//!
//! State: all of them, in their order.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use attribution::ledger::{Change, Command, Event, NotCommitted, Query, State, Store, Unavailable};
use attribution::memory::Rows;
use attribution::referral::Scope;

use crate::port::Port;

/// One batch that was written.
#[derive(Clone)]
pub struct Commit {
    /// What decided it.
    pub order: Order,
    /// Whose rows they are.
    pub scope: Scope,
    /// As it was sent.
    pub batch: Vec<Change>,
    /// The version of the rules that was in force.
    pub rules_version: i64,
    /// The rows before it.
    pub before: Rc<Rows>,
    /// The rows after it.
    pub after: Rc<Rows>,
}

/// A command on its way to the database.
#[derive(Clone)]
pub struct Order {
    /// The command.
    pub command: Rc<Command>,
    /// So many quotations had been published when it was decided.
    pub quotations: usize,
}

impl Commit {
    /// The lines of the batch.
    pub fn lines(&self) -> impl Iterator<Item = &Event> {
        self.batch.iter().filter_map(|change| match change {
            Change::AppendEvent(event) => Some(&**event),
            _ => None,
        })
    }
}

/// See the module.
#[derive(Default)]
pub struct Commits(RefCell<Vec<Commit>>);

impl Commits {
    /// One more.
    pub fn add(&self, commit: Commit) {
        self.0.borrow_mut().push(commit);
    }

    /// All so far.
    pub fn all(&self) -> Ref<'_, Vec<Commit>> {
        self.0.borrow()
    }
}

/// The database as one command of an instance reaches it: what it writes is the command's.
pub struct CommandPort<'a> {
    port: &'a Port,
    command: Rc<Command>,
    quotations: Cell<usize>,
}

impl<'a> CommandPort<'a> {
    /// The port of a command.
    pub fn of(port: &'a Port, command: &Command) -> Self {
        Self { port, command: Rc::new(command.clone()), quotations: Cell::new(0) }
    }
}

impl Store for CommandPort<'_> {
    async fn load(&self, query: &Query) -> Result<State, Unavailable> {
        let (state, quotations) = self.port.load(query).await?;
        self.quotations.set(quotations);
        Ok(state)
    }

    async fn commit(&self, scope: &Scope, changes: &[Change]) -> Result<(), NotCommitted> {
        let order = Order { command: Rc::clone(&self.command), quotations: self.quotations.get() };
        self.port.commit(order, scope, changes).await
    }
}
