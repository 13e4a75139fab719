//! The hint after a commit: its program's senders are woken at once instead of within the minute.
//!
//! A shard gives it as soon as it has committed ([`hint`]). What a route has committed itself is noted ([`note`]) and given
//! when the request has been answered ([`give_noted`]).
//!
//! Only a hint: it is given to whom this isolate happens to remember as subscribers, after the answer, and may be lost;
//! the scheduler's roll call finds what it missed. It costs nothing where nobody subscribes, and many commits in a row
//! share one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use attribution::ids::{ProgramId, WebhookEndpointId};
use attribution::time::Timestamp;
use worker::{Context, Delay, Env, State, console_error};

use super::{SenderRequest, ask};
use crate::configuration::remembered_subscribers;
use crate::platform::now;

/// Commits within this time share a wake.
const GATHERING: Duration = Duration::from_millis(20);

/// A hint that has not been given by then was lost with whoever was to give it.
const LOST_AFTER_MILLISECONDS: i64 = 5_000;

thread_local! {
    /// Whose wake is about to be sent, and since when.
    static GATHERED: RefCell<HashMap<WebhookEndpointId, Timestamp>> = RefCell::default();
    /// Whom routes have something to tell, of what is committed already: any request may give the hint.
    static NOTED: RefCell<Vec<WebhookEndpointId>> = RefCell::default();
}

/// Wakes the senders of the program whose subscribers a commit has something to tell. Returns at once.
pub fn hint(state: &State, env: &Env, tells_of: Option<&ProgramId>) {
    let Some(program) = tells_of else { return };
    for id in remembered_subscribers(program) {
        if !is_gathered(&id) {
            state.wait_until(wake_soon(env.clone(), id));
        }
    }
}

/// Notes that a route has committed something which this program's subscribers are to be told.
pub fn note(program: &ProgramId) {
    let subscribers = remembered_subscribers(program).into_iter().filter(|id| !is_gathered(id));
    NOTED.with(|noted| noted.borrow_mut().extend(subscribers));
}

/// Wakes the senders that were noted. Returns at once.
pub fn give_noted(context: &Context, env: &Env) {
    for id in NOTED.with(RefCell::take) {
        context.wait_until(wake_soon(env.clone(), id));
    }
}

async fn wake_soon(env: Env, id: WebhookEndpointId) {
    Delay::from(GATHERING).await;
    // What is committed from here on gets a wake of its own.
    GATHERED.with(|gathered| gathered.borrow_mut().remove(&id));
    if let Err(away) = ask(&env, &id, &SenderRequest::Wake).await {
        console_error!("the sender of {id} is left to the roll call: {away}");
    }
}

/// Whether a wake is on its way that will come after this commit; notes that one is, if not.
fn is_gathered(id: &WebhookEndpointId) -> bool {
    GATHERED.with(|gathered| {
        let mut gathered = gathered.borrow_mut();
        let now = now();
        gathered.retain(|_, since| now.milliseconds() - since.milliseconds() < LOST_AFTER_MILLISECONDS);
        if gathered.contains_key(id) {
            return true;
        }
        gathered.insert(id.clone(), now);
        false
    })
}
