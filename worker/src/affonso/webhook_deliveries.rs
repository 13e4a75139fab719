//! `/v1/webhooks/{id}/deliveries` and what is sent on request: the log of an endpoint, pings, replays.

use attribution::ids::mint;
use attribution::ledger::Unavailable;
use attribution::limits::MAX_LISTED;
use attribution::time::Timestamp;
use attribution::webhooks::{Attempt, AttemptError, Delivery, DeliveryStatus, Endpoint};
use serde_json::{Value, json};
use worker::Env;

use super::webhooks::find;
use super::{Problem, caller, success};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{BodyProblem, Fields, MAX_TEXT};
use crate::platform::{SystemRandom, now};
use crate::webhook_sender::{self, SenderAnswer, SenderRequest};

/// The words of the filter by status.
const STATUSES: [&str; 3] = ["pending", "delivered", "failed"];

/// A page has so many entries unless the caller says otherwise, and at most so many: as the dialect's other lists.
const DEFAULT_LIMIT: u32 = 10;
/// The log of an endpoint, newest first: `status`, `limit`, `starting_after`.
pub async fn list(incoming: &Incoming, funnel: &Funnel, env: &Env, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let request = check_page(incoming)?;
    let endpoint = find(funnel, &key, id).await?;
    match webhook_sender::ask(env, &endpoint.id, &request).await? {
        SenderAnswer::Page(page) => {
            let data: Vec<Value> = page.deliveries.iter().map(view).collect();
            Ok(Answer::json(200, &json!({ "success": true, "data": data, "has_more": page.has_more })))
        }
        other => Err(unexpected(&other)),
    }
}

fn check_page(incoming: &Incoming) -> Result<SenderRequest, BodyProblem> {
    let mut fields = Fields::default();
    let status = fields.word("status", incoming.parameter("status"), &STATUSES, DeliveryStatus::from_word);
    let after = fields.text("starting_after", incoming.parameter("starting_after"), MAX_TEXT);
    let limit = match incoming.parameter("limit") {
        None => Some(DEFAULT_LIMIT),
        Some(text) => text.parse().ok().filter(|limit| (1..=MAX_LISTED).contains(limit)),
    };
    if limit.is_none() {
        fields.refuse("limit", format!("must be a number from 1 to {MAX_LISTED}"));
    }
    fields.finish(limit.map(|limit| SenderRequest::Page { status, after, limit }))
}

/// Sends a real, signed delivery of type `ping`, whatever the endpoint wants to hear of.
pub async fn ping(incoming: &Incoming, funnel: &Funnel, env: &Env, id: &str) -> Result<Answer, Problem> {
    let endpoint = enabled(incoming, funnel, id).await?;
    let request = SenderRequest::Ping { id: mint("evt", &mut SystemRandom), at: now() };
    send(env, &endpoint, &request).await
}

/// Sends one delivery again, from the beginning of its schedule and with the same id.
pub async fn replay(
    incoming: &Incoming,
    funnel: &Funnel,
    env: &Env,
    id: &str,
    delivery: &str,
) -> Result<Answer, Problem> {
    let endpoint = enabled(incoming, funnel, id).await?;
    send(env, &endpoint, &SenderRequest::Replay { id: delivery.to_owned() }).await
}

/// Sends everything again that was given up.
pub async fn replay_failed(incoming: &Incoming, funnel: &Funnel, env: &Env, id: &str) -> Result<Answer, Problem> {
    let endpoint = enabled(incoming, funnel, id).await?;
    match webhook_sender::ask(env, &endpoint.id, &SenderRequest::ReplayFailed).await? {
        SenderAnswer::Replayed(count) => Ok(success(202, &json!({ "replayed": count }))),
        other => Err(unexpected(&other)),
    }
}

/// The caller's endpoint, if anything can be sent to it.
async fn enabled(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Endpoint, Problem> {
    let key = caller(incoming, funnel).await?;
    let endpoint = find(funnel, &key, id).await?;
    if endpoint.is_enabled() {
        return Ok(endpoint);
    }
    Err(Problem::Conflict {
        code: "ENDPOINT_DISABLED",
        message: "The webhook endpoint is disabled. Enable it first: PUT {\"enabled\": true}".to_owned(),
    })
}

async fn send(env: &Env, endpoint: &Endpoint, request: &SenderRequest) -> Result<Answer, Problem> {
    match webhook_sender::ask(env, &endpoint.id, request).await? {
        SenderAnswer::Delivery(Some(delivery)) => Ok(success(202, &view(&delivery))),
        SenderAnswer::Delivery(None) => Err(Problem::NotFound("Delivery")),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &SenderAnswer) -> Problem {
    Unavailable(format!("a sender answered {answer:?}")).into()
}

fn view(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "type": delivery.kind,
        "status": delivery.status.as_str(),
        "created_at": delivery.created_at.to_rfc3339(),
        "next_attempt_at": delivery.due_at.map(Timestamp::to_rfc3339),
        "attempts": delivery.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
}

fn attempt(attempt: &Attempt) -> Value {
    json!({
        "at": attempt.at.to_rfc3339(),
        "duration_ms": attempt.duration,
        "status_code": attempt.status,
        "error": attempt.error.map(AttemptError::as_str),
    })
}
