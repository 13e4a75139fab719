//! Clock, randomness and settings of the platform, so that the rest can take them as arguments.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use attribution::epoch::Epoch;
use attribution::ids::{MAX_SHARDS, Random};
use attribution::ledger::{Pause, Unavailable};
use attribution::outside::paths::PathAliases;
use attribution::scheduler::Alarm;
use attribution::time::{Clock, Timer, Timestamp};
use worker::{Date, Delay, Env, Storage, console_error};

use crate::pages::tracker;

/// The platform's clock. It stands still between two awaits, by design of the runtime.
pub fn now() -> Timestamp {
    Timestamp::from_milliseconds(i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX))
}

/// The platform's clock and timers.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

impl Timer for SystemClock {
    async fn sleep(&self, milliseconds: u32) {
        Delay::from(Duration::from_millis(u64::from(milliseconds))).await;
    }
}

/// The alarm of the object whose storage this is.
pub struct ObjectAlarm(pub Storage);

impl Alarm for ObjectAlarm {
    async fn arm(&self, at: Option<Timestamp>) -> Result<(), Unavailable> {
        let armed = match at {
            // The platform takes an offset, and moments that have passed for now.
            Some(at) => self.0.set_alarm(at.milliseconds().saturating_sub(now().milliseconds()).max(0)).await,
            None => self.0.delete_alarm().await,
        };
        armed.map_err(|cause| Unavailable(cause.to_string()))
    }
}

/// The platform's cryptographic randomness.
pub struct SystemRandom;

thread_local! {
    /// Bytes that were drawn in one go and given to nobody yet: asking the runtime costs more than the bytes.
    static DRAWN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// So many bytes are drawn at a time.
const DRAW_BYTES: usize = 1024;

impl Random for SystemRandom {
    /// Fails only where the runtime has no `crypto`. An id that can be guessed would be worse than no answer, and the
    /// platform answers 500 and starts anew.
    #[expect(clippy::panic, reason = "nothing at all can be served without randomness")]
    fn fill(&mut self, bytes: &mut [u8]) {
        DRAWN.with_borrow_mut(|drawn| {
            if drawn.len() < bytes.len() {
                drawn.resize(DRAW_BYTES.max(bytes.len()), 0);
                if let Err(cause) = getrandom::fill(drawn) {
                    panic!("the runtime gives no randomness: {cause}");
                }
            }
            let rest = drawn.len() - bytes.len();
            for (byte, drawn) in bytes.iter_mut().zip(drawn.drain(rest..)) {
                *byte = drawn;
            }
        });
    }
}

/// Waits between attempts: at most 50 ms before the first, and twice as long before each next one, at random.
pub struct RandomPause;

/// The longest wait before the first repeated attempt.
const FIRST_PAUSE_MILLISECONDS: u64 = 50;

impl Pause for RandomPause {
    async fn before(&self, attempt: u32) {
        let mut byte = [0_u8; 1];
        SystemRandom.fill(&mut byte);
        let longest = FIRST_PAUSE_MILLISECONDS << attempt.saturating_sub(1).min(6);
        let wait = longest * u64::from(byte[0]) / u64::from(u8::MAX);
        Delay::from(Duration::from_millis(wait)).await;
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
    /// For development: webhooks may go to this machine, and over http there.
    pub webhooks_may_loop_back: bool,
    /// For development, where all calls come from one address: calls without a key are not counted.
    pub open_calls_unlimited: bool,
    /// Where the rates of exchange come from; `None` where nobody is asked.
    pub rates_url: Option<String>,
    /// Other names for the tracker's paths.
    pub path_aliases: PathAliases,
    /// How often the database was set back by a restore. It is raised by a deployment, which ends every object's and
    /// isolate's memory.
    pub epoch: Epoch,
    /// The database is being restored: clicks are taken and reads answered, and nothing else is done.
    pub is_paused: bool,
    /// Where objects must stay. Another word makes other objects.
    pub jurisdiction: Option<String>,
    /// Opens the figures for monitors; `None` closes them.
    pub metrics_token: Option<String>,
}

/// A setting is missing or makes no sense; says which.
#[derive(Debug, thiserror::Error)]
#[error("setting {name}: {problem}")]
pub struct SettingError {
    /// Which.
    pub name: &'static str,
    /// What it must be.
    pub problem: &'static str,
}

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

/// Those that the platform knows.
const JURISDICTIONS: [&str; 3] = ["eu", "us", "fedramp"];

/// Shorter secrets can be guessed.
const MIN_SECRET_BYTES: usize = 16;

impl Settings {
    /// The settings, read once: they are the same for as long as an isolate lives.
    pub fn of(env: &Env) -> Result<Rc<Self>, SettingError> {
        if let Some(settings) = SETTINGS.with_borrow(Clone::clone) {
            return Ok(settings);
        }
        let settings = Rc::new(Self::read(env)?);
        SETTINGS.set(Some(Rc::clone(&settings)));
        Ok(settings)
    }

    fn read(env: &Env) -> Result<Self, SettingError> {
        let text = |name: &'static str| env.var(name).map(|value| value.to_string()).ok();
        let shards = text("CLICK_SHARDS").and_then(|value| value.parse::<u16>().ok());
        let click_shards = shards
            .filter(|shards| (1..=MAX_SHARDS).contains(shards))
            .ok_or(SettingError { name: "CLICK_SHARDS", problem: "must be a number from 1 to 3844" })?;
        let identity_secret = text("IDENTITY_SECRET")
            .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
            .ok_or(SettingError { name: "IDENTITY_SECRET", problem: "must be a secret of at least 16 bytes" })?;
        let epoch = text("LEDGER_EPOCH").filter(|value| !value.is_empty()).unwrap_or_else(|| "0".to_owned());
        let epoch = epoch
            .parse()
            .ok()
            .and_then(Epoch::new)
            .ok_or(SettingError { name: "LEDGER_EPOCH", problem: "must be a number from 0 to 4095" })?;
        let jurisdiction = text("JURISDICTION").filter(|word| !word.is_empty());
        if jurisdiction.as_deref().is_some_and(|word| !JURISDICTIONS.contains(&word)) {
            return Err(SettingError { name: "JURISDICTION", problem: "must be eu, us, fedramp, or empty" });
        }
        let path_aliases = PathAliases::parse(&text("PATH_ALIASES").unwrap_or_default(), tracker::has);
        for problem in &path_aliases.problems {
            console_error!("setting PATH_ALIASES: {problem}");
        }
        Ok(Self {
            click_shards,
            location: text("LEDGER_LOCATION").filter(|hint| !hint.is_empty()),
            identity_secret,
            webhooks_may_loop_back: text("WEBHOOK_ALLOW_LOOPBACK").as_deref() == Some("1"),
            open_calls_unlimited: text("OPEN_CALLS_UNLIMITED").as_deref() == Some("1"),
            rates_url: text("RATES_URL").filter(|url| !url.is_empty()),
            path_aliases,
            epoch,
            is_paused: text("LEDGER_PAUSED").as_deref() == Some("1"),
            jurisdiction,
            metrics_token: text("METRICS_TOKEN").filter(|token| token.len() >= MIN_SECRET_BYTES),
        })
    }
}
