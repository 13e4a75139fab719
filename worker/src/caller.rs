//! Who calls: keys in the `Authorization` header. Present but wrong is always refused.
//!
//! State: when this isolate last wrote that a key was used, in its memory. It writes after the answer, and D1 takes it once an
//! hour from all isolates together.

use std::cell::RefCell;
use std::collections::HashMap;

use attribution::keys::{KeyForm, is_whole, key_hash};
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use worker::{Context, Env, console_error};

use crate::configuration::CachedConfiguration;
use crate::http::Incoming;
use crate::platform::now;
use crate::store::Database;
use crate::store::api_key::{ApiKey, USE_NOTED_EVERY_MILLISECONDS, note_use};

/// So many keys are remembered as noted; beyond it all of them are forgotten, and noted again.
const MAX_REMEMBERED: usize = 10_000;

thread_local! {
    /// The keys whose use was noted here, and when.
    static NOTED: RefCell<HashMap<String, Timestamp>> = RefCell::default();
    /// The keys whose use is to be written.
    static PENDING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What is wrong with the key of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// There is none.
    Missing,
    /// It has no form of a key.
    Malformed,
    /// Nobody's key, or not one for this interface.
    Unknown,
    /// It was switched off.
    Disabled,
    /// It has ended.
    Expired,
}

/// Finds the key of a call; `Missing` when there is no `Authorization` header at all.
pub async fn authenticate(
    incoming: &Incoming,
    configuration: &CachedConfiguration<'_>,
    accepted: &[KeyForm],
) -> Result<Result<ApiKey, KeyProblem>, Unavailable> {
    let Some(header) = incoming.header("authorization") else { return Ok(Err(KeyProblem::Missing)) };
    let Some(key) = bearer(&header) else { return Ok(Err(KeyProblem::Malformed)) };
    let Some(form) = KeyForm::of(key) else { return Ok(Err(KeyProblem::Malformed)) };
    if !accepted.contains(&form) {
        return Ok(Err(KeyProblem::Unknown));
    }
    if !is_whole(key) {
        return Ok(Err(KeyProblem::Unknown));
    }
    // The look-up is by hash: the time it takes says nothing about any key.
    let found = configuration.key(&key_hash(key)).await?;
    Ok(found.ok_or(KeyProblem::Unknown).and_then(usable))
}

/// Notes that a key was used, unless that was noted here within the hour.
pub fn note(key: &ApiKey) {
    let now = now();
    NOTED.with_borrow_mut(|noted| {
        let is_known =
            noted.get(&key.id).is_some_and(|at| now.milliseconds() - at.milliseconds() < USE_NOTED_EVERY_MILLISECONDS);
        if is_known {
            return;
        }
        if noted.len() >= MAX_REMEMBERED {
            noted.clear();
        }
        noted.insert(key.id.clone(), now);
        PENDING.with_borrow_mut(|pending| pending.push(key.id.clone()));
    });
}

/// Writes what was noted, after the answer. What fails is lost: the next hour writes again.
pub fn write_noted(context: &Context, env: &Env) {
    for id in PENDING.take() {
        let env = env.clone();
        context.wait_until(async move {
            let written = match Database::of(&env) {
                Ok(database) => note_use(&database, &id, now()).await,
                Err(away) => Err(away),
            };
            if let Err(away) = written {
                console_error!("the use of {id} is not noted: {away}");
            }
        });
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn usable(key: ApiKey) -> Result<ApiKey, KeyProblem> {
    let now = now();
    if key.disabled_at.is_some_and(|moment| moment <= now) {
        return Err(KeyProblem::Disabled);
    }
    if key.expires_at.is_some_and(|moment| moment <= now) {
        return Err(KeyProblem::Expired);
    }
    Ok(key)
}
