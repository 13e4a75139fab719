//! `Scheduler`: the one object that does what is done every minute.
//!
//! State: when each job last ran and what went wrong, when rates were last fetched, and the roll of webhook senders, in the
//! object's own SQLite ([`storage`]). Its alarm arms the next minute before any work and never fails, so the chain breaks only if the platform
//! gives it up: then cron starts it again, and so does whoever asks for health or makes an endpoint (the local runtime
//! fires no cron). An object that was just loaded runs as soon as it is spoken to: it cannot know what it missed.

mod jobs;
mod provider_facts;
mod rates;
mod retention;
mod storage;
mod time_jobs;

use std::cell::Cell;

use attribution::ledger::Unavailable;
use attribution::scheduler::{Alarm as _, minute};
use attribution::time::Timestamp;
use attribution::webhooks::{Known, RollStorage as _};
use serde::{Deserialize, Serialize};
use worker::{DurableObject, Env, Request, Response, State, console_error, durable_object};

use self::jobs::ScheduledJob;
use self::storage::Book;
use crate::objects::{self, Object};
use crate::platform::{ObjectAlarm, Settings, SystemClock, now};

/// The name of the binding in wrangler.toml.
const BINDING: &str = "SCHEDULER";

/// What is asked of the scheduler. Either starts it, if it is not running.
#[derive(Debug, Serialize, Deserialize)]
pub enum SchedulerRequest {
    /// Nothing more.
    Start,
    /// What it knows.
    Figures,
}

/// What the scheduler answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum SchedulerAnswer {
    /// It is running.
    Started,
    /// What it knows.
    Figures(SchedulerFigures),
    /// Its storage failed; says how, for the log.
    TryLater(String),
}

/// What the scheduler learnt in its last minute.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SchedulerFigures {
    /// The jobs that have run so far.
    pub jobs: Vec<JobFigures>,
    /// Endpoints that get deliveries.
    pub endpoints: usize,
    /// Lines between the slowest sender's cursor and the last one that it must hear; others' lines among them.
    pub outbox_lag: i64,
    /// When the event of the oldest delivery that waits happened, in milliseconds since 1970.
    pub oldest_pending_at: Option<i64>,
    /// Deliveries that wait for their next attempt.
    pub pending: i64,
    /// Deliveries that were given up.
    pub failed: i64,
}

/// A job's last runs.
#[derive(Debug, Serialize, Deserialize)]
pub struct JobFigures {
    /// The job.
    pub name: String,
    /// When it ran last, in milliseconds since 1970.
    pub last_run_at: i64,
    /// When something last went wrong.
    pub last_error_at: Option<i64>,
    /// What that was: for operators, not for answers.
    pub last_error: Option<String>,
}

/// The scheduler: see the module.
#[durable_object]
pub struct Scheduler {
    state: State,
    env: Env,
    book: Book,
    /// This instance has armed an alarm, or has run.
    is_started: Cell<bool>,
}

impl DurableObject for Scheduler {
    fn new(state: State, env: Env) -> Self {
        let book = Book::new(state.storage().sql());
        Self { state, env, book, is_started: Cell::new(false) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let request: SchedulerRequest = serde_json::from_slice(&request.bytes().await?)?;
        let answer = self.answer(&request).await.unwrap_or_else(|away| SchedulerAnswer::TryLater(away.to_string()));
        objects::answer(&answer)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.is_started.set(true);
        // While the database is restored nothing is done but to arm the next minute.
        let is_paused = Settings::of(&self.env).is_ok_and(|settings| settings.is_paused);
        let jobs = if is_paused { Vec::new() } else { ScheduledJob::all(&self.env, &self.book) };
        for problem in minute(&jobs, &self.book, &SystemClock, &self.own_alarm()).await {
            console_error!("scheduler: {problem}");
        }
        Response::empty()
    }
}

impl Scheduler {
    async fn answer(&self, request: &SchedulerRequest) -> Result<SchedulerAnswer, Unavailable> {
        if !self.is_running_on().await? {
            self.own_alarm().arm(Some(now())).await?;
            self.is_started.set(true);
        }
        match request {
            SchedulerRequest::Start => Ok(SchedulerAnswer::Started),
            SchedulerRequest::Figures => self.figures().map(SchedulerAnswer::Figures),
        }
    }

    /// Whether this instance has run, or will, and the next minute is armed.
    async fn is_running_on(&self) -> Result<bool, Unavailable> {
        let armed = self.state.storage().get_alarm().await.map_err(|cause| Unavailable(cause.to_string()))?;
        Ok(self.is_started.get() && armed.is_some())
    }

    fn figures(&self) -> Result<SchedulerFigures, Unavailable> {
        let roll = self.book.load()?;
        let present = || roll.known.values().filter(|known| !known.leaving);
        let known = || present().filter_map(|known| known.figures.as_ref());
        Ok(SchedulerFigures {
            jobs: self.book.jobs()?,
            endpoints: present().count(),
            outbox_lag: present().map(Known::behind).max().unwrap_or(0),
            oldest_pending_at: known()
                .filter_map(|figures| figures.oldest_pending_at)
                .min()
                .map(Timestamp::milliseconds),
            pending: known().map(|figures| figures.pending).sum(),
            failed: known().map(|figures| figures.failed).sum(),
        })
    }

    fn own_alarm(&self) -> ObjectAlarm {
        ObjectAlarm(self.state.storage())
    }
}

/// Starts the scheduler, if it is not running.
pub async fn start(env: &Env) -> Result<(), Unavailable> {
    ask(env, &SchedulerRequest::Start).await.map(|_| ())
}

/// What the scheduler knows. Starts it, if it is not running.
pub async fn figures(env: &Env) -> Result<SchedulerFigures, Unavailable> {
    match ask(env, &SchedulerRequest::Figures).await? {
        SchedulerAnswer::Figures(figures) => Ok(figures),
        other => Err(Unavailable(format!("the scheduler was asked for figures and answered {other:?}"))),
    }
}

async fn ask(env: &Env, request: &SchedulerRequest) -> Result<SchedulerAnswer, Unavailable> {
    let settings = Settings::of(env).map_err(|problem| Unavailable(problem.to_string()))?;
    let object = Object {
        binding: BINDING,
        name: "scheduler",
        location: settings.location.as_deref(),
        wait: Some(objects::WAIT),
    };
    match object.ask(env, request).await? {
        SchedulerAnswer::TryLater(cause) => Err(Unavailable(cause)),
        answer => Ok(answer),
    }
}
