//! Copies of the configuration for the time that D1 is away: with them the clicks of known affiliates are acknowledged.
//!
//! State: each row that a call needed is kept by one shard, found by hashing what the row was looked up by, as it was when
//! D1 last said it, for 24 hours. Copies are made after the answer, on the isolate's first reading of a row, when it
//! differs from the last one and otherwise once an hour. Only clicks can succeed on a copy: whatever else is asked fails at
//! its own trip to D1.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use attribution::ids::Placement;
use attribution::ledger::Unavailable;
use futures_util::future::{Either, select};
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::{Delay, Env, console_error};

use crate::click_ledger::{self, ShardAnswer, ShardRequest};
use crate::platform::{Settings, now};

/// How old a copy may be when it is used.
pub const COPY_LIFE_MILLISECONDS: i64 = 24 * 60 * 60 * 1000;

/// How often an isolate has the same copy made again.
const REFRESH_MILLISECONDS: i64 = 60 * 60 * 1000;

/// A look-up that takes longer has failed.
const WAIT: Duration = Duration::from_secs(2);

/// After a failure copies are tried first for so long.
const AWAY_MILLISECONDS: i64 = 3_000;

/// So many copies are remembered as made; beyond it all of them are forgotten, and made again.
const MAX_REMEMBERED: usize = 10_000;

thread_local! {
    /// What this isolate has had copied, and when.
    static MADE: RefCell<HashMap<String, (i64, String)>> = RefCell::default();
    /// What is to be copied after the answer.
    static PENDING: RefCell<HashMap<String, String>> = RefCell::default();
    static AWAY_UNTIL: Cell<i64> = const { Cell::new(0) };
}

/// The copies that the shards keep.
#[derive(Clone, Copy)]
pub struct Copies<'a> {
    env: &'a Env,
    settings: &'a Settings,
}

impl<'a> Copies<'a> {
    /// Those of this environment's shards.
    pub fn of(env: &'a Env, settings: &'a Settings) -> Self {
        Self { env, settings }
    }

    /// What D1 says, or, while it fails, what it said at most 24 hours ago. `name` says what is looked up by what.
    pub async fn or_copy<V: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        read: impl Future<Output = Result<Option<V>, Unavailable>>,
    ) -> Result<Option<V>, Unavailable> {
        if is_away()
            && let Some(copy) = self.recall(name).await
        {
            return Ok(Some(copy));
        }
        match in_time(read).await {
            Ok(found) => {
                if let Some(found) = &found {
                    note(name, found);
                }
                Ok(found)
            }
            Err(away) => {
                AWAY_UNTIL.set(now().milliseconds() + AWAY_MILLISECONDS);
                self.recall(name).await.map(Some).ok_or(away)
            }
        }
    }

    async fn recall<V: DeserializeOwned>(&self, name: &str) -> Option<V> {
        let placement = Placement::of_text(name, self.settings.click_shards);
        let request = ShardRequest::RecallCopy(name.to_owned());
        match click_ledger::ask(self.env, self.settings, placement, &request).await {
            Ok(ShardAnswer::Copy(Some(copy))) => serde_json::from_str(&copy).ok(),
            Ok(_) => None,
            Err(away) => {
                console_error!("the copy of a {}: {away}", kind(name));
                None
            }
        }
    }
}

/// What a copy is of, for the log: the rest of its name may be the hash of a key.
fn kind(name: &str) -> &str {
    name.split(' ').next().unwrap_or_default()
}

/// Has the pending copies made. For after the answer: a copy that fails is made at the next reading.
pub async fn make(env: &Env) {
    let Ok(settings) = Settings::of(env) else { return };
    let pending = PENDING.with(RefCell::take);
    for (name, copy) in pending {
        let placement = Placement::of_text(&name, settings.click_shards);
        let request = ShardRequest::KeepCopy { name: name.clone(), copy: copy.clone() };
        match click_ledger::ask(env, &settings, placement, &request).await {
            Ok(_) => note_made(name, copy),
            Err(away) => console_error!("the copy of a {} is not made: {away}", kind(&name)),
        }
    }
}

/// Whether there is anything to be made.
pub fn is_pending() -> bool {
    PENDING.with(|pending| !pending.borrow().is_empty())
}

fn note(name: &str, row: &impl Serialize) {
    let Ok(copy) = serde_json::to_string(row) else { return };
    let since = now().milliseconds() - REFRESH_MILLISECONDS;
    let is_made = MADE.with(|made| made.borrow().get(name).is_some_and(|(at, last)| *at > since && *last == copy));
    if !is_made {
        PENDING.with(|pending| pending.borrow_mut().insert(name.to_owned(), copy));
    }
}

fn note_made(name: String, copy: String) {
    MADE.with(|made| {
        let mut made = made.borrow_mut();
        if made.len() >= MAX_REMEMBERED {
            made.clear();
        }
        made.insert(name, (now().milliseconds(), copy));
    });
}

fn is_away() -> bool {
    now().milliseconds() < AWAY_UNTIL.get()
}

async fn in_time<V>(read: impl Future<Output = Result<V, Unavailable>>) -> Result<V, Unavailable> {
    match select(std::pin::pin!(read), Delay::from(WAIT)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(Unavailable(format!("D1 did not answer within {} s", WAIT.as_secs()))),
    }
}
