//! `/v1/program/stripe`: the secrets that Stripe signs its events with, and where it sends them. An addition; docs/stripe.md
//! says how to set it up. State: `stripe_connection` in D1. Secrets are set and never shown again.

use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::affonso::{Problem, caller, live_caller, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::platform::now;
use crate::store::api_key::ApiKey;
use crate::store::stripe_connection::{self, StripeConnection};

/// What every signing secret of Stripe's begins with.
const PREFIX: &str = "whsec_";

/// So many secrets of one mode hold at once.
const MAX_SECRETS: usize = 5;

#[derive(Deserialize)]
struct Body {
    live_signing_secret: Option<Secrets>,
    test_signing_secret: Option<Secrets>,
}

/// One, or several while one is replaced.
#[derive(Deserialize)]
#[serde(untagged, expecting = "must be a text, or a list of texts")]
enum Secrets {
    One(String),
    Several(Vec<String>),
}

/// Where Stripe sends its events, and which secrets are known.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    answer(incoming, funnel, &key).await
}

/// Sets what is sent; an empty list takes all of that mode's away.
pub async fn update(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let mut fields = Fields::default();
    let live = secrets(&mut fields, "live_signing_secret", body.live_signing_secret);
    let test = secrets(&mut fields, "test_signing_secret", body.test_signing_secret);
    if let (Some(live), Some(test)) = (&live, &test)
        && live.iter().any(|secret| test.contains(secret))
    {
        fields.refuse("test_signing_secret", "is a secret of live mode too: each mode's endpoint has its own");
    }
    let checked: Result<(), BodyProblem> = fields.finish(Some(()));
    checked?;
    if live.is_none() && test.is_none() {
        return Err(nothing_sent("live_signing_secret").into());
    }
    let program = (&key.program_id, &key.team_id);
    stripe_connection::set(&funnel.database, program, live.as_deref(), test.as_deref(), now()).await?;
    forget_program(&key.program_id);
    answer(incoming, funnel, &key).await
}

fn secrets(fields: &mut Fields, name: &str, sent: Option<Secrets>) -> Option<Vec<String>> {
    let sent = match sent? {
        Secrets::One(secret) => vec![secret],
        Secrets::Several(secrets) => secrets,
    };
    if sent.len() > MAX_SECRETS {
        fields.refuse(name, format!("are more than {MAX_SECRETS}"));
        return None;
    }
    let mut secrets = Vec::new();
    for secret in sent {
        let is_one = secret.strip_prefix(PREFIX).is_some_and(|rest| rest.len() >= 16 && secret.len() <= MAX_TEXT);
        if !is_one || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            fields.refuse(name, "must be an endpoint's signing secret as Stripe shows it: whsec_…");
            return None;
        }
        secrets.push(secret);
    }
    Some(secrets)
}

async fn answer(incoming: &Incoming, funnel: &Funnel, key: &ApiKey) -> Result<Answer, Problem> {
    let connection = stripe_connection::find(&funnel.database, &key.program_id).await?.unwrap_or_default();
    let origin = incoming.url.origin().ascii_serialization();
    Ok(success(200, &view(&connection, &format!("{origin}/webhooks/stripe/{}", key.program_id))))
}

fn view(connection: &StripeConnection, url: &str) -> Value {
    let masked = |secrets: &[String]| secrets.iter().map(|secret| masked(secret)).collect::<Vec<_>>();
    json!({
        "webhook_url": url,
        "live_signing_secrets": masked(&connection.live_secrets),
        "test_signing_secrets": masked(&connection.test_secrets),
        "last_live_event_at": connection.live_event_at.map(Timestamp::to_rfc3339),
        "last_test_event_at": connection.test_event_at.map(Timestamp::to_rfc3339),
    })
}

/// Its form and its last four characters.
fn masked(secret: &str) -> String {
    let last = secret.get(secret.len().saturating_sub(4)..).unwrap_or_default();
    format!("{PREFIX}…{last}")
}
