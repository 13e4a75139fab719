//! `/v1/webhooks`: where a program's subscribers are told what was committed. The dialect publishes the messages; the
//! routes follow its other resources: 404 for anybody else's, partial PUT, secrets shown once.

use attribution::ids::WebhookEndpointId;
use attribution::ledger::Unavailable;
use attribution::limits::MAX_ENDPOINTS;
use attribution::limits::MAX_URL;
use attribution::webhooks::{Disabled, DisabledReason, Endpoint, EventFilter, Secret, TargetPolicy, UnknownEventTypes};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Env, console_error};

use super::{Problem, caller, scope, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::platform::{SystemRandom, now};
use crate::scheduler;
use crate::store::api_key::ApiKey;
use crate::store::webhook_endpoint::{self};
use crate::webhook_sender::{self, SenderRequest};

/// So often is a change decided anew when somebody else was faster.
const MAX_ATTEMPTS: u32 = 5;

#[derive(Deserialize)]
struct NewBody {
    url: Option<String>,
    events: Option<Vec<String>>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct ChangeBody {
    url: Option<String>,
    events: Option<Vec<String>>,
    description: Option<String>,
    enabled: Option<bool>,
}

/// What a PUT changes.
struct Change {
    url: Option<String>,
    events: Option<EventFilter>,
    description: Option<String>,
    enabled: Option<bool>,
}

/// Makes an endpoint that hears of everything from now on:
/// 1. key (401) and body (400): the URL may be called, the types exist;
/// 2. stored, unless the program has too many (409); the answer shows the secret, once.
pub async fn create(incoming: &Incoming, funnel: &Funnel, env: &Env) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<NewBody>(incoming)?;
    let endpoint = check_new(body, incoming, funnel, &key)?;
    if !webhook_endpoint::insert(&funnel.database, &endpoint).await? {
        return Err(Problem::Conflict {
            code: "LIMIT_REACHED",
            message: format!("The program has {MAX_ENDPOINTS} webhook endpoints already"),
        });
    }
    forget_program(&key.program_id);
    // What is lost here, the platform's cron makes up for.
    if let Err(away) = scheduler::start(env).await {
        console_error!("the scheduler is not started: {away}");
    }
    Ok(success(201, &with_secret(&endpoint)))
}

fn check_new(body: NewBody, incoming: &Incoming, funnel: &Funnel, key: &ApiKey) -> Result<Endpoint, BodyProblem> {
    let mut fields = Fields::default();
    let url = fields.required("url", body.url, MAX_URL);
    let url = target(&mut fields, url, incoming, funnel);
    let events = events(&mut fields, Some(body.events.unwrap_or_default()));
    let description = fields.text("description", body.description, MAX_TEXT);
    let now = now();
    let endpoint = url.zip(events).map(|(url, events)| Endpoint {
        id: WebhookEndpointId::mint(&mut SystemRandom),
        scope: scope(key),
        url,
        own_host: own_host(incoming),
        events,
        description,
        secret: Secret::mint(&mut SystemRandom),
        previous_secrets: Vec::new(),
        disabled: None,
        starts_after: 0,
        version: 1,
        created_at: now,
        updated_at: now,
    });
    fields.finish(endpoint)
}

/// The endpoints of the key's program and mode.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let endpoints = webhook_endpoint::of_program(&funnel.database, &scope(&key)).await?;
    // There are never more than fit one page.
    let body = json!({
        "success": true,
        "data": endpoints.iter().map(view).collect::<Vec<_>>(),
        "pagination": {
            "page": 1,
            "limit": MAX_ENDPOINTS,
            "total": endpoints.len(),
            "total_pages": 1,
            "has_next_page": false,
            "has_prev_page": false,
        },
    });
    Ok(Answer::json(200, &body))
}

/// One endpoint of the caller's (404 for anybody else's).
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    Ok(success(200, &view(&find(funnel, &key, id).await?)))
}

/// Changes what is sent. An endpoint that is switched on again goes on where it stood.
pub async fn update(incoming: &Incoming, funnel: &Funnel, env: &Env, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<ChangeBody>(incoming)?;
    let change = check_change(body, incoming, funnel)?;
    let endpoint = save(funnel, &key, id, |endpoint| change.apply(endpoint, incoming)).await?;
    wake(env, &endpoint.id).await;
    Ok(success(200, &view(&endpoint)))
}

fn check_change(body: ChangeBody, incoming: &Incoming, funnel: &Funnel) -> Result<Change, BodyProblem> {
    let mut fields = Fields::default();
    let url = fields.text("url", body.url, MAX_URL);
    let change = Change {
        url: target(&mut fields, url, incoming, funnel),
        events: events(&mut fields, body.events),
        description: fields.text("description", body.description, MAX_TEXT),
        enabled: body.enabled,
    };
    if change.is_empty() {
        fields.refuse("url", "or events, description or enabled is required");
    }
    fields.finish(Some(change))
}

impl Change {
    fn is_empty(&self) -> bool {
        self.url.is_none() && self.events.is_none() && self.description.is_none() && self.enabled.is_none()
    }

    fn apply(&self, endpoint: &mut Endpoint, incoming: &Incoming) {
        if let Some(url) = &self.url {
            endpoint.url.clone_from(url);
            endpoint.own_host = own_host(incoming);
        }
        if let Some(events) = &self.events {
            endpoint.events.clone_from(events);
        }
        if self.description.is_some() {
            endpoint.description.clone_from(&self.description);
        }
        endpoint.disabled = match self.enabled {
            Some(true) => None,
            Some(false) => endpoint.disabled.or(Some(Disabled { at: now(), reason: DisabledReason::ByOwner })),
            None => endpoint.disabled,
        };
    }
}

/// Removes an endpoint, and everything that its sender has kept.
pub async fn delete(incoming: &Incoming, funnel: &Funnel, env: &Env, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let endpoint = find(funnel, &key, id).await?;
    if !webhook_endpoint::delete(&funnel.database, &endpoint.id).await? {
        return Err(Problem::NotFound(KIND));
    }
    forget_program(&key.program_id);
    // What is lost here, the roll call makes up for.
    if let Err(away) = webhook_sender::ask(env, &endpoint.id, &SenderRequest::Forget).await {
        console_error!("the sender of {} is not cleared yet: {away}", endpoint.id);
    }
    Ok(Answer::json(200, &json!({ "success": true, "message": "Webhook endpoint deleted" })))
}

/// Replaces the secret and shows the new one, once. The one before goes on signing for a day.
pub async fn rotate_secret(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let secret = Secret::mint(&mut SystemRandom);
    let endpoint = save(funnel, &key, id, |endpoint| endpoint.rotate_secret(secret.clone(), now())).await?;
    Ok(success(200, &with_secret(&endpoint)))
}

/// What such an object is called in a 404.
const KIND: &str = "Webhook endpoint";

/// The endpoint with this id, if it is the caller's.
pub(super) async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<Endpoint, Problem> {
    let endpoint = webhook_endpoint::find(&funnel.database, &WebhookEndpointId::new(id)).await?;
    endpoint.filter(|endpoint| endpoint.scope == scope(key)).ok_or(Problem::NotFound(KIND))
}

/// Changes an endpoint as it is now: whoever else changes it at the same time loses nothing.
async fn save(funnel: &Funnel, key: &ApiKey, id: &str, change: impl Fn(&mut Endpoint)) -> Result<Endpoint, Problem> {
    for _ in 0..MAX_ATTEMPTS {
        let mut endpoint = find(funnel, key, id).await?;
        change(&mut endpoint);
        endpoint.updated_at = now();
        if webhook_endpoint::update(&funnel.database, &endpoint).await? {
            forget_program(&key.program_id);
            return Ok(endpoint);
        }
    }
    Err(Unavailable(format!("endpoint {id}: others kept winning")).into())
}

/// Lets a change be seen at once. What is lost here, the roll call makes up for.
async fn wake(env: &Env, id: &WebhookEndpointId) {
    if let Err(away) = webhook_sender::ask(env, id, &SenderRequest::Wake).await {
        console_error!("the sender of {id} is left to the roll call: {away}");
    }
}

fn target(fields: &mut Fields, url: Option<String>, incoming: &Incoming, funnel: &Funnel) -> Option<String> {
    let url = url?;
    let policy = TargetPolicy { allow_loopback: funnel.settings.webhooks_may_loop_back };
    match policy.check(&url, &own_host(incoming)) {
        Ok(()) => Some(url),
        Err(problem) => {
            fields.refuse("url", problem.to_string());
            None
        }
    }
}

fn events(fields: &mut Fields, types: Option<Vec<String>>) -> Option<EventFilter> {
    match EventFilter::new(types?) {
        Ok(filter) => Some(filter),
        Err(UnknownEventTypes(unknown)) => {
            let shown: Vec<String> = unknown.iter().take(10).map(|kind| kind.chars().take(64).collect()).collect();
            fields.refuse("events", format!("has types that do not exist: {}", shown.join(", ")));
            None
        }
    }
}

/// Under which host this service was called.
pub(super) fn own_host(incoming: &Incoming) -> String {
    let host = incoming.url.host_str().unwrap_or_default();
    incoming.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn view(endpoint: &Endpoint) -> Value {
    json!({
        "id": endpoint.id,
        "program_id": endpoint.scope.program_id,
        "url": endpoint.url,
        "events": endpoint.events.types(),
        "description": endpoint.description,
        "enabled": endpoint.is_enabled(),
        "disabled_at": endpoint.disabled.map(|disabled| disabled.at.to_rfc3339()),
        "disabled_reason": endpoint.disabled.map(|disabled| disabled.reason.as_str()),
        "created_at": endpoint.created_at.to_rfc3339(),
        "updated_at": endpoint.updated_at.to_rfc3339(),
    })
}

fn with_secret(endpoint: &Endpoint) -> Value {
    let mut view = view(endpoint);
    if let Some(fields) = view.as_object_mut() {
        fields.insert("secret".to_owned(), endpoint.secret.reveal().into());
    }
    view
}
