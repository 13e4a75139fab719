//! `GET /healthz`: whether D1 and the objects answer.

use serde_json::json;
use worker::console_error;

use crate::funnel::Funnel;
use crate::http::Answer;

/// 200 when both answer, else 503 that says which does not.
pub async fn check(funnel: &Funnel) -> Answer {
    let database = funnel.database.ping().await.map_err(|away| away.to_string());
    let objects = funnel.ping_objects().await.map_err(|refusal| format!("{refusal:?}"));
    let word = |result: &Result<(), String>| if result.is_ok() { "ok" } else { "unavailable" };
    for cause in [&database, &objects].into_iter().filter_map(|result| result.as_ref().err()) {
        console_error!("health: {cause}");
    }
    let healthy = database.is_ok() && objects.is_ok();
    let body = json!({
        "status": if healthy { "ok" } else { "unavailable" },
        "database": word(&database),
        "objects": word(&objects),
    });
    Answer::json(if healthy { 200 } else { 503 }, &body)
}
