//! `POST /v1/customers/export` and `POST /v1/customers/erase`: all that is kept about one customer, and its end. Neither
//! product publishes such a route. State: none here; what is left of an erasure that was interrupted is in `erasure`.
//!
//! The customer is named in the body, never in an address: those are written into logs.

use attribution::email::{EmailAddress, EmailHasher};
use attribution::ledger::Rejection;
use attribution::referral::{Identity, Scope};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::console_error;

use super::{Problem, caller, scope, success};
use crate::erasure_work;
use crate::funnel::{Funnel, Refusal};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::store::api_key::ApiKey;
use crate::store::customer::{self, Customer, Found};

#[derive(Deserialize)]
struct Body {
    external_user_id: Option<String>,
    customer_id: Option<String>,
    email: Option<String>,
}

/// Everything that is kept about the customer; lists are empty where that is nothing.
pub async fn export(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let found = find(incoming, funnel, &key).await?;
    let mut exported = customer::export(&funnel.database, &scope(&key), &found).await?;
    let mut clicks = Vec::new();
    for id in found.referrals.iter().chain(&found.clicks) {
        if let Some(id) = input::referral_id(id.as_str(), funnel.settings.click_shards)
            && let Some(click) = funnel.find_click(&id).await?
        {
            clicks.push(json!({
                "id": click.id.as_str(),
                "affiliate_id": click.affiliate_id.as_str(),
                "clicked_at": click.clicked_at.milliseconds(),
                "facts": click.facts,
            }));
        }
    }
    exported.insert("clicks".to_owned(), Value::Array(clicks));
    Ok(success(200, &Value::Object(exported)))
}

/// Erases the customer, under all names that they are known by: 200 once that is done, also where there was nothing; 202
/// where a part of it is left to the scheduler.
pub async fn erase(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let found = find(incoming, funnel, &key).await?;
    if found.is_empty() {
        return Ok(success(200, &view(None, true, &found)));
    }
    let scope: Scope = scope(&key);
    let actor = format!("key:{}", key.id);
    let erasure = erasure_work::begin(funnel, &scope, &found, actor, incoming.request_id.clone()).await?;
    let done = erasure_work::carry_on(funnel, &erasure).await;
    if let Err(away) = &done {
        console_error!("erasure {} is left to the job: {away}", erasure.id);
    }
    let status = if done.is_ok() { 200 } else { 202 };
    Ok(success(status, &view(Some(&erasure.id), done.is_ok(), &found)))
}

fn view(id: Option<&str>, is_complete: bool, found: &Found) -> Value {
    json!({
        "erasure_id": id,
        "status": if is_complete { "complete" } else { "in_progress" },
        "referral_ids": found.referrals,
        "unattributed_sales": found.unattributed_sales.len(),
        "test_events": found.test_events.len(),
    })
}

async fn find(incoming: &Incoming, funnel: &Funnel, key: &ApiKey) -> Result<Found, Problem> {
    let hasher = EmailHasher::for_program(funnel.settings.identity_secret.as_bytes(), &key.program_id);
    let names = names(input::read::<Body>(incoming)?, &hasher)?;
    match customer::find(&funnel.database, &scope(key), &names).await? {
        Customer::One(found) => Ok(found),
        Customer::Several(first, second) => {
            Err(Refusal::Rejected(Rejection::IdentifiersDisagree { first, second }).into())
        }
    }
}

fn names(body: Body, hasher: &EmailHasher) -> Result<Vec<Identity>, BodyProblem> {
    let mut fields = Fields::default();
    let user = fields.text("external_user_id", body.external_user_id, MAX_TEXT);
    let customer = fields.text("customer_id", body.customer_id, MAX_TEXT);
    let email = fields.text("email", body.email, MAX_TEXT);
    let address = email.as_deref().and_then(EmailAddress::parse);
    if email.is_some() && address.is_none() {
        fields.refuse("email", "must be a valid e-mail address");
    }
    let hash = address.map(|address| Identity::email_hash(hasher.hash(&address)));
    let sent = [user.map(Identity::external_user_id), customer.map(Identity::customer_id), hash];
    let names: Vec<Identity> = sent.into_iter().flatten().collect();
    if names.is_empty() && fields.is_clean() {
        fields.refuse("external_user_id", "or customer_id or email is required");
    }
    fields.finish(Some(names))
}
