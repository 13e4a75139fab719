//! How often a caller may call: keys by their team's limit, those without a key by their address.
//!
//! State of a key's limit: what this isolate has borrowed, in its memory, and what the key's own object ([`key_limiter`]) has
//! lent, in that object's memory; neither is stored. What this promises, and why, is the rules' affair
//! (`attribution::rate_limit`). Only the first call of a key in an isolate's minute waits for the object; later ones find what
//! was borrowed ahead of them. An object that does not answer refuses nobody. State of addresses: the platform's counter, by
//! their keyed hash.

mod key_limiter;
mod open_calls;

use std::cell::RefCell;
use std::collections::HashMap;

use attribution::rate_limit::{Allowance, Ask, Standing, Verdict};
use worker::{Context, Env, console_error};

pub use self::open_calls::is_open_call_allowed;
use crate::platform::now;
use crate::store::api_key::ApiKey;

/// So many keys are remembered; beyond it all of them are forgotten, and borrow anew.
const MAX_REMEMBERED: usize = 10_000;

/// A call asks the object so often: a second time where the minute ended on the way.
const ASKS: u32 = 2;

thread_local! {
    static ALLOWANCES: RefCell<HashMap<String, Allowance>> = RefCell::default();
    /// What is to be borrowed after the answer.
    static AHEAD: RefCell<Vec<(String, Ask)>> = const { RefCell::new(Vec::new()) };
}

/// What becomes of a call with a key.
#[derive(Clone, Copy, Debug)]
pub enum Admission {
    /// It is carried out.
    Allowed(Standing),
    /// It is refused, for so many seconds.
    Refused(Standing, u32),
}

/// Counts a call of this key.
pub async fn count(key: &ApiKey, env: &Env) -> Admission {
    for _ in 0..ASKS {
        let ask = match with_allowance(&key.id, |allowance| allowance.take(key.limit, now())) {
            Verdict::Allowed(standing) => {
                note_ahead(key);
                return Admission::Allowed(standing);
            }
            Verdict::Refused(standing, seconds) => return Admission::Refused(standing, seconds),
            Verdict::Ask(ask) => ask,
        };
        borrow_from_object(env, &key.id, &ask).await;
    }
    // Its clock differs by more than a minute from this one's.
    Admission::Allowed(Standing { limit: key.limit.per_minute, remaining: 0, reset: now().milliseconds() / 1_000 })
}

fn with_allowance<T>(key: &str, work: impl FnOnce(&mut Allowance) -> T) -> T {
    ALLOWANCES.with_borrow_mut(|allowances| {
        if allowances.len() >= MAX_REMEMBERED && !allowances.contains_key(key) {
            allowances.clear();
        }
        work(allowances.entry(key.to_owned()).or_default())
    })
}

fn note_ahead(key: &ApiKey) {
    if let Some(ask) = with_allowance(&key.id, |allowance| allowance.ask_ahead(key.limit, now())) {
        AHEAD.with_borrow_mut(|ahead| ahead.push((key.id.clone(), ask)));
    }
}

/// Borrows what later calls will need. Returns at once.
pub fn borrow_ahead(context: &Context, env: &Env) {
    for (key, ask) in AHEAD.take() {
        let env = env.clone();
        context.wait_until(async move { borrow_from_object(&env, &key, &ask).await });
    }
}

async fn borrow_from_object(env: &Env, key: &str, ask: &Ask) {
    let answer = key_limiter::ask(env, key, ask).await;
    with_allowance(key, |allowance| match &answer {
        Ok(loan) => allowance.receive(loan, ask.limit, now()),
        Err(away) => {
            console_error!("the limit of {key} is not counted: {away}");
            allowance.unanswered(now());
        }
    });
}

/// The headers that tell a caller where it stands.
pub fn headers(standing: Standing) -> [(&'static str, String); 3] {
    [
        ("x-ratelimit-limit", standing.limit.to_string()),
        ("x-ratelimit-remaining", standing.remaining.to_string()),
        ("x-ratelimit-reset", standing.reset.to_string()),
    ]
}
