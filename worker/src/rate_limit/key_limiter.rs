//! `KeyLimiter`: the object that lends a key's calls to isolates.
//!
//! State: what it has lent of this minute and the next, in its memory. It writes nothing: thrown away, it learns from who
//! asks what it had lent. It is made near its first caller, where most of a key's calls come from.

use std::cell::RefCell;
use std::time::Duration;

use attribution::ledger::Unavailable;
use attribution::rate_limit::{Ask, Budget, Loan};
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use crate::objects::{self, Object};
use crate::platform::now;

/// The name of the binding in wrangler.toml.
const BINDING: &str = "KEY_LIMITER";

/// A call waits for so long, twice at the worst; then it is let through.
const WAIT: Duration = Duration::from_secs(1);

/// Asks the object of the key with this id.
pub(super) async fn ask(env: &Env, key: &str, ask: &Ask) -> Result<Loan, Unavailable> {
    Object { binding: BINDING, name: key, location: None, wait: Some(WAIT) }.ask(env, ask).await
}

/// A lender: see the module.
#[durable_object]
pub struct KeyLimiter {
    budget: RefCell<Budget>,
}

impl DurableObject for KeyLimiter {
    fn new(_state: State, _env: Env) -> Self {
        Self { budget: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let ask: Ask = serde_json::from_slice(&request.bytes().await?)?;
        let loan = self.budget.borrow_mut().lend(&ask, now());
        objects::answer(&loan)
    }
}
