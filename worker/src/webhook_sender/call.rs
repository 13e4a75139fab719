//! What the Worker, a shard and the scheduler ask of a sender, and how they find it.

use attribution::ids::WebhookEndpointId;
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use attribution::webhooks::{Delivery, DeliveryStatus, Figures};
use serde::{Deserialize, Serialize};
use worker::Env;

use super::BINDING;
use crate::objects::{self, Object};
use crate::platform::Settings;

/// What is asked of a sender. Asking twice does no harm.
#[derive(Debug, Serialize, Deserialize)]
pub enum SenderRequest {
    /// Look at the endpoint and the outbox.
    Wake,
    /// Send a ping.
    Ping {
        /// Its id, minted by who asks.
        id: String,
        /// When it was asked for.
        at: Timestamp,
    },
    /// Deliveries, newest first.
    Page {
        /// Only those.
        status: Option<DeliveryStatus>,
        /// Only those recorded before this one.
        after: Option<String>,
        /// At most so many.
        limit: u32,
    },
    /// Send one again.
    Replay {
        /// Which.
        id: String,
    },
    /// Send again all that were given up.
    ReplayFailed,
    /// The endpoint is gone.
    Forget,
}

/// What a sender answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum SenderAnswer {
    /// It is awake; what it has left to do.
    Figures(Figures),
    /// The delivery, if there is one with that id.
    Delivery(Option<Delivery>),
    /// Deliveries.
    Page(DeliveryPage),
    /// So many are sent again.
    Replayed(i64),
    /// Nothing is left of it.
    Forgotten,
    /// Its storage failed; says how, for the log.
    TryLater(String),
}

/// A part of the log.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeliveryPage {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// Asks the sender of an endpoint. The object is created in the region of D1, which it will read from for ever.
pub async fn ask(env: &Env, id: &WebhookEndpointId, request: &SenderRequest) -> Result<SenderAnswer, Unavailable> {
    let settings = Settings::of(env).map_err(|problem| Unavailable(problem.to_string()))?;
    let object =
        Object { binding: BINDING, name: id.as_str(), location: settings.location.as_deref(), wait: objects::WAIT };
    match object.ask(env, request).await? {
        SenderAnswer::TryLater(cause) => Err(Unavailable(cause)),
        answer => Ok(answer),
    }
}
