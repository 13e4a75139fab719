//! `WebhookSender`: the object that tells one endpoint what was committed.
//!
//! State: its cursor in the outbox and its deliveries, in the object's own SQLite ([`storage`]); the endpoint itself and
//! the outbox are in D1. All sending happens in the alarm, so one run never meets another; calls only record what is
//! wanted and arm the alarm. What is sent, and why nothing is left out, is the rules' affair (`attribution::webhooks`).

mod call;
mod hint;
mod storage;
mod transport;

pub use self::call::{DeliveryPage, SenderAnswer, SenderRequest, ask};
pub use self::hint::{give_noted, hint, note};

use std::cell::Cell;

use attribution::ids::WebhookEndpointId;
use attribution::ledger::Unavailable;
use attribution::scheduler::Alarm;
use attribution::time::Clock;
use attribution::time::Timestamp;
use attribution::webhooks::{Delivery, Sender, SenderStorage as _, TargetPolicy};
use worker::{DurableObject, Env, Request, Response, State, console_error, durable_object};

use self::storage::Deliveries;
use self::transport::Network;
use crate::objects;
use crate::platform::{ObjectAlarm, Settings, SystemClock, SystemRandom, now};
use crate::store::Database;

/// The name of the binding in wrangler.toml.
const BINDING: &str = "WEBHOOK_SENDER";

/// A sender: see the module.
#[durable_object]
pub struct WebhookSender {
    state: State,
    env: Env,
    deliveries: Deliveries,
    is_running: Cell<bool>,
    /// Somebody called while a run was under way: it may have looked at the outbox already.
    is_woken: Cell<bool>,
    /// An alarm is armed for now: no need to arm it again.
    is_called: Cell<bool>,
}

impl DurableObject for WebhookSender {
    fn new(state: State, env: Env) -> Self {
        let deliveries = Deliveries::new(state.storage());
        Self {
            state,
            env,
            deliveries,
            is_running: Cell::new(false),
            is_woken: Cell::new(false),
            is_called: Cell::new(false),
        }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let request: SenderRequest = serde_json::from_slice(&request.bytes().await?)?;
        let answer = self.answer(request).await.unwrap_or_else(|away| SenderAnswer::TryLater(away.to_string()));
        objects::answer(&answer)
    }

    /// Sends. Never fails, since a failing alarm would be given up after some tries: the run has armed the next one
    /// before its work.
    async fn alarm(&self) -> worker::Result<Response> {
        self.is_called.set(false);
        self.is_running.set(true);
        let run = self.run().await;
        self.is_running.set(false);
        if let Err(away) = run {
            console_error!("the sender of {:?} goes on later: {away}", self.id().map(|id| id.to_string()));
        }
        // Somebody called while the run was arming its last alarm.
        if self.is_woken.take()
            && let Err(away) = self.call().await
        {
            console_error!("a wake is left to the roll call: {away}");
        }
        Response::empty()
    }
}

impl WebhookSender {
    async fn run(&self) -> Result<(), Unavailable> {
        let settings = Settings::of(&self.env).map_err(|problem| Unavailable(problem.to_string()))?;
        let sender = Sender {
            id: &self.id()?,
            outbox: &Database::of(&self.env)?,
            storage: &self.deliveries,
            transport: &Network,
            clock: &SystemClock,
            alarm: &ObjectAlarm(self.state.storage()),
            targets: &TargetPolicy { allow_loopback: settings.webhooks_may_loop_back },
        };
        sender.run(&mut SystemRandom, || self.is_woken.take()).await.map(|_| ())
    }

    async fn answer(&self, request: SenderRequest) -> Result<SenderAnswer, Unavailable> {
        match request {
            SenderRequest::Wake => {
                self.call().await?;
                self.deliveries.figures().map(SenderAnswer::Figures)
            }
            SenderRequest::Ping { id, at } => {
                let ping = Delivery::ping(id, at);
                self.deliveries.take(
                    std::slice::from_ref(&ping),
                    &self.deliveries.progress()?,
                    Timestamp::from_milliseconds(0),
                )?;
                self.call().await?;
                Ok(SenderAnswer::Delivery(Some(ping)))
            }
            SenderRequest::Page { status, after, limit } => {
                self.deliveries.page(status, after.as_deref(), limit).map(SenderAnswer::Page)
            }
            SenderRequest::Replay { id } => self.replay(&id).await,
            SenderRequest::ReplayFailed => {
                let count = self.deliveries.replay_failed(now())?;
                self.call().await?;
                Ok(SenderAnswer::Replayed(count))
            }
            SenderRequest::Forget => {
                self.is_called.set(false);
                ObjectAlarm(self.state.storage()).arm(None).await?;
                self.deliveries.clear().await?;
                Ok(SenderAnswer::Forgotten)
            }
        }
    }

    async fn replay(&self, id: &str) -> Result<SenderAnswer, Unavailable> {
        let Some(delivery) = self.deliveries.find(id)? else { return Ok(SenderAnswer::Delivery(None)) };
        let delivery = delivery.again(now());
        self.deliveries.record(&delivery, &self.deliveries.progress()?)?;
        self.call().await?;
        Ok(SenderAnswer::Delivery(Some(delivery)))
    }

    /// Makes sure that a run begins after this moment.
    async fn call(&self) -> Result<(), Unavailable> {
        if self.is_running.get() {
            self.is_woken.set(true);
            return Ok(());
        }
        if self.is_called.replace(true) {
            return Ok(());
        }
        let armed = ObjectAlarm(self.state.storage()).arm(Some(SystemClock.now())).await;
        if armed.is_err() {
            self.is_called.set(false);
        }
        armed
    }

    fn id(&self) -> Result<WebhookEndpointId, Unavailable> {
        let name = self.state.id().name().ok_or_else(|| Unavailable("a sender without a name".to_owned()))?;
        Ok(WebhookEndpointId::new(name))
    }
}
