//! `ClickLedger`: the shell around a shard of the ledger ([`attribution::shard`]), which keeps its own clicks and is the
//! gate of its referrals.
//!
//! State: clicks in the object's own SQLite ([`storage`]); gates and what is remembered in memory. Why an object that is
//! reset between any two awaits loses nothing is the shard's to say.

mod copies;
mod counting;
mod storage;

pub use self::counting::Uncounted;

use attribution::epoch::Epoch;
use attribution::ids::{Placement, ReferralId};
use attribution::ledger::{Answer, Clicks as _, Command, Ledger, Rejection, Unavailable};
use attribution::referral::Click;
use attribution::shard::{NewClick, Refused, Shard, Tracked};
use attribution::time::{Clock as _, Timestamp};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use worker::{DurableObject, Env, Request, Response, State, console_error, durable_object};

use self::storage::ShardStorage;
use crate::configuration::CachedConfiguration;
use crate::objects::{self, Object};
use crate::platform::{RandomPause, Settings, SystemClock};
use crate::store::Database;
use crate::webhook_sender;

/// The name of the binding in wrangler.toml.
const BINDING: &str = "CLICK_LEDGER";

/// What the Worker asks of a shard.
#[derive(Debug, Serialize, Deserialize)]
pub enum ShardRequest {
    /// Append a click.
    Track(Box<NewClick>),
    /// Decide and commit a command.
    Execute(Box<Command>),
    /// The click with this id.
    FindClick(ReferralId),
    /// Empty what the click with this id has kept of its visitor.
    EmptyClick(ReferralId),
    /// Forget clicks that were kept long enough.
    ForgetOld,
    /// The latest clicks of a program.
    LatestClicks {
        /// The program.
        program_id: String,
        /// Whether test clicks are wanted instead of live ones.
        is_test: bool,
        /// At most so many.
        limit: u32,
    },
    /// Keep a copy of a row of the configuration.
    KeepCopy {
        /// What it is looked up by.
        name: String,
        /// The row (JSON).
        copy: String,
    },
    /// The copy with this name.
    RecallCopy(String),
    /// Whether the object and its storage answer.
    Ping,
    /// The clicks that are not in the counts of D1.
    Uncounted,
}

/// What a shard answers.
#[derive(Debug, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum ShardAnswer {
    /// What came of a click.
    Tracked(Tracked),
    /// What the command came to.
    Decided(Answer),
    /// Why it was refused.
    Rejected(Rejection),
    /// The click, if it is there.
    Click(Option<Click>),
    /// Clicks, newest first.
    Clicks(Vec<Click>),
    /// The copy, if there is one that is young enough.
    Copy(Option<String>),
    /// Nothing is left of what the click had kept.
    Emptied,
    /// The object and its storage answer.
    Pong,
    /// Clicks that are not in the counts of D1.
    Uncounted(Uncounted),
    /// Try again: the gate stayed shut, others kept winning, or D1 is away. Says which, for the log.
    TryLater(String),
}

impl ShardAnswer {
    /// Its name, for the log: what it says may name a customer.
    pub fn name(&self) -> &'static str {
        self.into()
    }
}

/// A shard: see the module.
#[durable_object]
pub struct ClickLedger {
    state: State,
    env: Env,
    shard: Shard<ShardStorage>,
}

impl DurableObject for ClickLedger {
    fn new(state: State, env: Env) -> Self {
        // Without settings nothing is asked of it.
        let epoch = Settings::of(&env).map_or_else(|_| Epoch::default(), |settings| settings.epoch);
        let shard = Shard::over(ShardStorage::open(state.storage(), epoch));
        Self { state, env, shard }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let request: ShardRequest = serde_json::from_slice(&request.bytes().await?)?;
        let answer = self.answer(request).await.unwrap_or_else(|away| ShardAnswer::TryLater(away.to_string()));
        objects::answer(&answer)
    }

    /// Carries counts to D1. It never fails, since a failing alarm would be given up after some tries; the shard arms the
    /// next one before it does anything.
    async fn alarm(&self) -> worker::Result<Response> {
        if let Err(away) = self.carry_counts().await {
            console_error!("counts of shard {:?} wait: {away}", self.number());
        }
        Response::empty()
    }
}

impl ClickLedger {
    async fn answer(&self, request: ShardRequest) -> Result<ShardAnswer, Unavailable> {
        let storage = &self.shard.storage;
        match request {
            ShardRequest::Track(new) => self.shard.track(&new, &SystemClock).await.map(ShardAnswer::Tracked),
            ShardRequest::Execute(command) => {
                // By a pointer: a click does not have to wait until all of this is compiled.
                let work: LocalBoxFuture<'_, _> = Box::pin(self.execute(&command));
                work.await
            }
            ShardRequest::FindClick(id) => storage.find(&id).map(ShardAnswer::Click),
            ShardRequest::EmptyClick(id) => {
                self.shard.forget(&id);
                storage.empty_click(&id).map(|()| ShardAnswer::Emptied)
            }
            ShardRequest::ForgetOld => {
                storage.forget_old(SystemClock.now())?;
                // A shard without clicks may have counts to send again, after a restore.
                self.shard.call_for_counting().await.map(|()| ShardAnswer::Pong)
            }
            ShardRequest::LatestClicks { program_id, is_test, limit } => {
                storage.latest(&program_id, is_test, limit).map(ShardAnswer::Clicks)
            }
            ShardRequest::KeepCopy { name, copy } => {
                storage.keep_copy(&name, &copy, SystemClock.now()).map(|()| ShardAnswer::Copy(None))
            }
            ShardRequest::RecallCopy(name) => storage.copy(&name, SystemClock.now()).map(ShardAnswer::Copy),
            ShardRequest::Ping => storage.ping().map(|()| ShardAnswer::Pong),
            ShardRequest::Uncounted => storage.uncounted().map(ShardAnswer::Uncounted),
        }
    }

    async fn execute(&self, command: &Command) -> Result<ShardAnswer, Unavailable> {
        let settings = Settings::of(&self.env).map_err(|problem| Unavailable(problem.to_string()))?;
        if settings.is_paused {
            return Ok(ShardAnswer::TryLater("paused for a restore".to_owned()));
        }
        let database = Database::of(&self.env)?;
        let ledger = Ledger {
            configuration: &CachedConfiguration::of(&database),
            store: &database,
            clicks: &self.shard.storage,
            pause: &RandomPause,
            identity_secret: settings.identity_secret.as_bytes(),
        };
        Ok(match self.shard.execute(&ledger, command, &SystemClock).await {
            Ok(executed) => {
                webhook_sender::hint(&self.state, &self.env, executed.tells_of.as_ref());
                ShardAnswer::Decided(executed.answer)
            }
            Err(Refused::Rejected(rejection)) => ShardAnswer::Rejected(rejection),
            Err(Refused::TryLater(cause)) => ShardAnswer::TryLater(cause),
        })
    }

    async fn carry_counts(&self) -> Result<(), Unavailable> {
        let number = self.number().ok_or_else(|| Unavailable("a shard without a number".to_owned()))?;
        self.shard.carry_counts(number, &Database::of(&self.env)?).await
    }

    /// The shard's number, from the object's name.
    fn number(&self) -> Option<u16> {
        self.state.id().name()?.strip_prefix("shard-")?.parse().ok()
    }
}

/// Asks the shard of `placement`. The object is created in the region of D1, which it will talk to for ever. Asking twice
/// is safe: a click and every row of a command have their ids already, and the second try recognises what the first has
/// done.
pub async fn ask(
    env: &Env,
    settings: &Settings,
    placement: Placement,
    request: &ShardRequest,
) -> Result<ShardAnswer, Unavailable> {
    let name = format!("shard-{}", placement.shard);
    let object = Object { binding: BINDING, name: &name, location: settings.location.as_deref(), wait: None };
    object.ask(env, request).await
}

/// Asks every shard for its part of the latest clicks and merges them.
pub async fn latest_clicks(
    env: &Env,
    settings: &Settings,
    program_id: &str,
    is_test: bool,
    limit: u32,
) -> Result<Vec<Click>, Unavailable> {
    let requests = (0..settings.click_shards).map(|shard| async move {
        let request = ShardRequest::LatestClicks { program_id: program_id.to_owned(), is_test, limit };
        ask(env, settings, Placement::of_shard(shard), &request).await
    });
    let mut clicks = Vec::new();
    for answer in futures_util::future::join_all(requests).await {
        match answer? {
            ShardAnswer::Clicks(of_shard) => clicks.extend(of_shard),
            other => return Err(Unavailable(format!("a shard was asked for clicks and answered {}", other.name()))),
        }
    }
    clicks.sort_by_key(|click| std::cmp::Reverse(click.clicked_at));
    clicks.truncate(limit as usize);
    Ok(clicks)
}

/// The clicks of all shards that are not in the counts of D1.
pub async fn uncounted(env: &Env, settings: &Settings) -> Result<Uncounted, Unavailable> {
    let asked = (0..settings.click_shards)
        .map(|shard| async move { ask(env, settings, Placement::of_shard(shard), &ShardRequest::Uncounted).await });
    let mut all = Uncounted::default();
    for answer in futures_util::future::join_all(asked).await {
        match answer? {
            ShardAnswer::Uncounted(of_shard) => all = all.and(of_shard),
            other => return Err(Unavailable(format!("a shard was asked for figures and answered {}", other.name()))),
        }
    }
    Ok(all)
}

/// Has every shard forget the clicks that were kept long enough.
pub async fn forget_old(env: &Env, settings: &Settings) -> Result<(), Unavailable> {
    for shard in 0..settings.click_shards {
        match ask(env, settings, Placement::of_shard(shard), &ShardRequest::ForgetOld).await? {
            ShardAnswer::Pong => {}
            ShardAnswer::TryLater(cause) => return Err(Unavailable(cause)),
            other => return Err(Unavailable(format!("a shard was to forget and answered {}", other.name()))),
        }
    }
    Ok(())
}

/// The month of a moment, as monthly tables are named: `2026_11`.
fn month(moment: Timestamp) -> String {
    moment.to_rfc3339().chars().take(7).map(|letter| if letter == '-' { '_' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// While a version is rolled out, an object may be older than the Worker that asks it.
    #[test]
    fn what_an_object_does_not_know_it_refuses_whole_and_a_field_that_it_does_not_know_it_ignores() {
        let read = |text: &str| serde_json::from_str::<ShardRequest>(text);
        assert!(read("\"Reticulate\"").is_err());
        assert!(read("{\"Reticulate\": {\"program_id\": \"prog_1\"}}").is_err());
        let known = "{\"KeepCopy\": {\"name\": \"a\", \"copy\": \"b\", \"since_then\": 1}}";
        assert!(matches!(read(known), Ok(ShardRequest::KeepCopy { .. })));
    }
}
