//! `GET /healthz`: whether D1 and the objects answer, and how the work behind the answers is going.

use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use futures_util::future::{join, join5};
use serde_json::{Value, json};
use worker::{Env, console_error};

use crate::click_ledger::Uncounted;
use crate::funnel::{Funnel, Refusal};
use crate::http::Answer;
use crate::platform::Settings;
use crate::scheduler::{self, SchedulerFigures};
use crate::store::backlog::{self, Backlog};
use crate::store::migrations::{NEEDED, newest_applied};

/// How everything is, at this moment.
pub struct Report {
    /// Whether D1 answers.
    pub database: Result<(), Unavailable>,
    /// Whether a shard and its storage answer.
    pub objects: Result<(), Unavailable>,
    /// Clicks that D1 has not counted yet.
    pub uncounted: Result<Uncounted, Unavailable>,
    /// What the scheduler learnt in its last minute.
    pub figures: Result<SchedulerFigures, Unavailable>,
    /// What waits in D1.
    pub backlog: Result<Backlog, Unavailable>,
    /// The newest migration that was applied.
    pub applied: Result<Option<String>, Unavailable>,
}

impl Report {
    /// Looks everywhere at once. What does not answer is logged here. The scheduler is started by being asked.
    pub async fn of(funnel: &Funnel, env: &Env) -> Self {
        let (database, objects, uncounted, figures, (backlog, applied)) = join5(
            funnel.database.ping(),
            funnel.ping_objects(),
            funnel.uncounted(),
            scheduler::figures(env),
            join(backlog::find(&funnel.database), newest_applied(&funnel.database)),
        )
        .await;
        let objects = objects.map_err(|refusal| match refusal {
            Refusal::Rejected(rejection) => Unavailable(rejection.name().to_owned()),
            Refusal::TryLater(cause) => Unavailable(cause),
        });
        let report = Self { database, objects, uncounted, figures, backlog, applied };
        report.log();
        report
    }

    /// Whether what callers wait for works.
    pub fn is_healthy(&self) -> bool {
        self.database.is_ok() && self.objects.is_ok()
    }

    fn log(&self) {
        let figures = self.figures.as_ref().err();
        let uncounted = self.uncounted.as_ref().err();
        let causes = [self.database.as_ref().err(), self.objects.as_ref().err(), figures, uncounted];
        for cause in causes.into_iter().flatten() {
            console_error!("health: {cause}");
        }
    }
}

/// 200 when both answer, else 503 that says which does not. The scheduler's figures are those of its last minute. Without it
/// nothing that a caller waits for fails, so it has a word of its own. Settings are named where some of them are ignored.
pub async fn check(funnel: &Funnel, env: &Env) -> Answer {
    let report = Report::of(funnel, env).await;
    let word = |result: &Result<(), Unavailable>| if result.is_ok() { "ok" } else { "unavailable" };
    let healthy = report.is_healthy();
    let settings = &funnel.settings;
    let mut body = json!({
        "status": if healthy { "ok" } else { "unavailable" },
        "database": word(&report.database),
        "objects": word(&report.objects),
        "epoch": settings.epoch.number(),
        "paused": settings.is_paused,
        "jurisdiction": settings.jurisdiction,
        "clicks": report.uncounted.as_ref().ok().map(|uncounted| {
            json!({ "uncounted": uncounted.clicks, "oldest_uncounted_at": uncounted.oldest_at.map(moment) })
        }),
        "payouts": report.backlog.as_ref().ok().map(|backlog| {
            json!({ "at_work": backlog.payouts, "oldest_at": backlog.oldest_payout_at.map(Timestamp::to_rfc3339) })
        }),
        "waiting": report.backlog.as_ref().ok().map(|backlog| {
            json!({
                "parked_refunds": backlog.parked_refunds,
                "sales_without_rate": backlog.sales_without_rate,
                "provider_facts": backlog.provider_facts,
            })
        }),
        "migrations": report.applied.as_ref().ok().map(|applied| json!({ "needed": NEEDED, "applied": applied })),
    });
    let problems = &settings.path_aliases.problems;
    if let (Some(body), false) = (body.as_object_mut(), problems.is_empty()) {
        body.insert("settings".to_owned(), json!({ "PATH_ALIASES": problems }));
    }
    if let (Some(body), Value::Object(work)) = (body.as_object_mut(), work(&report.figures)) {
        body.extend(work);
    }
    Answer::json(if healthy { 200 } else { 503 }, &body)
}

/// 503 while a setting is missing: which one, as nothing at all is served then. The text is about the setting, never its
/// value.
pub fn without_settings(away: &Unavailable, env: &Env) -> Answer {
    console_error!("health: {away}");
    let settings = match Settings::of(env) {
        Ok(_) => json!({}),
        Err(problem) => json!({ problem.name: [problem.problem] }),
    };
    let body = json!({
        "status": "unavailable",
        "database": "unavailable",
        "objects": "unavailable",
        "clicks": null,
        "payouts": null,
        "waiting": null,
        "migrations": null,
        "settings": settings,
        "scheduler": "unavailable",
    });
    Answer::json(503, &body)
}

fn moment(at: i64) -> String {
    Timestamp::from_milliseconds(at).to_rfc3339()
}

fn work(figures: &Result<SchedulerFigures, Unavailable>) -> Value {
    let Ok(figures) = figures else { return json!({ "scheduler": "unavailable" }) };
    let jobs: Vec<Value> = figures
        .jobs
        .iter()
        .map(|job| {
            json!({
                "name": job.name,
                "last_run_at": moment(job.last_run_at),
                "last_error_at": job.last_error_at.map(moment),
            })
        })
        .collect();
    json!({
        "scheduler": "ok",
        "jobs": jobs,
        "webhooks": {
            "endpoints": figures.endpoints,
            "outbox_lag": figures.outbox_lag,
            "oldest_pending_at": figures.oldest_pending_at.map(moment),
            "pending_deliveries": figures.pending,
            "failed_deliveries": figures.failed,
        },
    })
}
