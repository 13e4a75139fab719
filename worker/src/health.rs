//! `GET /healthz`: whether D1 and the objects answer, and how the work behind the answers is going.

use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use futures_util::future::join5;
use serde_json::{Value, json};
use worker::{Env, console_error};

use crate::funnel::{Funnel, Refusal};
use crate::http::Answer;
use crate::platform::Settings;
use crate::scheduler::{self, SchedulerFigures};
use crate::store::migrations::{NEEDED, newest_applied};
use crate::store::payout::figures::{AtWork, at_work};

/// 200 when both answer, else 503 that says which does not. The scheduler's figures are those of its last minute; it is
/// started by being asked. Without it nothing that a caller waits for fails, so it has a word of its own. Settings are named
/// where some of them are ignored.
pub async fn check(funnel: &Funnel, env: &Env) -> Answer {
    let (database, objects, figures, payouts, applied) = join5(
        funnel.database.ping(),
        funnel.ping_objects(),
        scheduler::figures(env),
        at_work(&funnel.database),
        newest_applied(&funnel.database),
    )
    .await;
    let database = database.map_err(|away| away.to_string());
    let objects = objects.map_err(|refusal| match refusal {
        Refusal::Rejected(rejection) => rejection.name().to_owned(),
        Refusal::TryLater(cause) => cause,
    });
    let word = |result: &Result<(), String>| if result.is_ok() { "ok" } else { "unavailable" };
    for cause in [&database, &objects].into_iter().filter_map(|result| result.as_ref().err()) {
        console_error!("health: {cause}");
    }
    let healthy = database.is_ok() && objects.is_ok();
    let mut body = json!({
        "status": if healthy { "ok" } else { "unavailable" },
        "database": word(&database),
        "objects": word(&objects),
        "payouts": payouts.ok().map(|AtWork { count, oldest_at }| {
            json!({ "at_work": count, "oldest_at": oldest_at.map(Timestamp::to_rfc3339) })
        }),
        "migrations": applied.ok().map(|applied| json!({ "needed": NEEDED, "applied": applied })),
    });
    let problems = &funnel.settings.path_aliases.problems;
    if let (Some(body), false) = (body.as_object_mut(), problems.is_empty()) {
        body.insert("settings".to_owned(), json!({ "PATH_ALIASES": problems }));
    }
    if let (Some(body), Value::Object(work)) = (body.as_object_mut(), work(figures)) {
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
        "payouts": null,
        "migrations": null,
        "settings": settings,
        "scheduler": "unavailable",
    });
    Answer::json(503, &body)
}

fn work(figures: Result<SchedulerFigures, Unavailable>) -> Value {
    let figures = match figures {
        Ok(figures) => figures,
        Err(away) => {
            console_error!("health: {away}");
            return json!({ "scheduler": "unavailable" });
        }
    };
    let moment = |at: i64| Timestamp::from_milliseconds(at).to_rfc3339();
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
