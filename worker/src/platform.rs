//! Clock, randomness and settings of the platform, so that the rest can take them as arguments.

use attribution::ids::{MAX_SHARDS, Random};
use attribution::time::Timestamp;
use worker::{Date, Env};

/// The platform's clock. It stands still between two awaits, by design of the runtime.
pub fn now() -> Timestamp {
    Timestamp::from_milliseconds(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX))
}

/// The platform's cryptographic randomness.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        // Fails only where the runtime has no `crypto`, and then nothing at all can be served.
        if getrandom::fill(bytes).is_err() {
            worker::console_error!("the runtime gives no randomness");
            bytes.fill(0);
        }
    }
}

/// What the operator has set (wrangler.toml, secrets).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shards that new clicks are spread over. May be raised, never lowered.
    pub click_shards: u16,
    /// Where objects are created: D1's region.
    pub location: Option<String>,
    /// Addresses are hashed under it.
    pub identity_secret: String,
}

/// A setting is missing or makes no sense; says which.
#[derive(Debug, thiserror::Error)]
#[error("setting {name}: {problem}")]
pub struct SettingError {
    name: &'static str,
    problem: &'static str,
}

/// Shorter secrets can be guessed.
const MIN_SECRET_BYTES: usize = 16;

impl Settings {
    /// Reads the settings.
    pub fn of(env: &Env) -> Result<Self, SettingError> {
        let text = |name: &'static str| env.var(name).map(|value| value.to_string()).ok();
        let shards = text("CLICK_SHARDS").and_then(|value| value.parse::<u16>().ok());
        let click_shards = shards
            .filter(|shards| (1..=MAX_SHARDS).contains(shards))
            .ok_or(SettingError { name: "CLICK_SHARDS", problem: "must be a number from 1 to 3844" })?;
        let identity_secret = text("IDENTITY_SECRET")
            .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
            .ok_or(SettingError { name: "IDENTITY_SECRET", problem: "must be a secret of at least 16 bytes" })?;
        Ok(Self { click_shards, location: text("LEDGER_LOCATION").filter(|hint| !hint.is_empty()), identity_secret })
    }
}
