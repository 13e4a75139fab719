//! An endpoint: where a program's subscriber wants its webhooks, and the secrets that sign them.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::event_types::EventFilter;
use super::schedule::later;
use super::signature::Secret;
use crate::ids::WebhookEndpointId;
use crate::referral::Scope;
use crate::time::{DAY_MILLISECONDS, Timestamp};

/// So many replaced secrets go on signing: whoever rotates again, because an answer was lost, breaks nobody.
pub const MAX_PREVIOUS_SECRETS: usize = 5;

/// How long a replaced secret goes on signing, in milliseconds.
const PREVIOUS_SECRET_LIFE: i64 = DAY_MILLISECONDS;

/// Why an endpoint gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DisabledReason {
    /// Its owner switched it off.
    ByOwner,
    /// The receiver answered 410.
    Gone,
    /// Nothing but failures for five days.
    OnlyFailures,
}

impl DisabledReason {
    /// The word as answers and the database write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Reads the word; `None` for any other.
    pub fn from_word(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}

/// Since when an endpoint gets nothing, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: DisabledReason,
}

/// A secret that was replaced and still signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetiredSecret {
    /// The secret.
    pub secret: Secret,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Where a program's subscriber wants its webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whose it is. An endpoint of test mode hears of no live row.
    pub scope: Scope,
    /// Where deliveries go.
    pub url: String,
    /// The host under which the endpoint was made: never a target.
    pub own_host: String,
    /// What it wants to hear of.
    pub events: EventFilter,
    /// For people.
    pub description: Option<String>,
    /// Signs.
    pub secret: Secret,
    /// Sign too, newest first.
    pub previous_secrets: Vec<RetiredSecret>,
    /// `None` while it gets deliveries.
    pub disabled: Option<Disabled>,
    /// The outbox's head when it was made: nothing older is sent to it.
    pub starts_after: i64,
    /// Raised by every change: a change names the version that it was decided on, and fails when that has moved on.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Endpoint {
    /// Whether it gets deliveries.
    pub fn is_enabled(&self) -> bool {
        self.disabled.is_none()
    }

    /// Replaces the secret; the one before goes on signing for a day.
    pub fn rotate_secret(&mut self, secret: Secret, now: Timestamp) {
        let retired = std::mem::replace(&mut self.secret, secret);
        self.previous_secrets.retain(|previous| previous.expires_at > now);
        self.previous_secrets
            .insert(0, RetiredSecret { secret: retired, expires_at: later(now, PREVIOUS_SECRET_LIFE) });
        self.previous_secrets.truncate(MAX_PREVIOUS_SECRETS);
    }

    /// The secrets that sign at this moment, the present one first.
    pub fn signing_secrets(&self, now: Timestamp) -> Vec<&Secret> {
        let previous = self.previous_secrets.iter().filter(|previous| previous.expires_at > now);
        std::iter::once(&self.secret).chain(previous.map(|previous| &previous.secret)).collect()
    }
}
