//! `/v1/keys`: the program's keys. The dialect publishes what a key is and not how one is made; the routes follow its other
//! resources. A key is shown by the call that makes it and never again; a key gives no scope that it does not have.
//!
//! State: rows of `api_key` in D1, with their hash. The isolate remembers keys for at most ten seconds, so a disabled one is
//! dead within them. The first key of a program is made on the operator's own database, by no route.

use attribution::keys::{IssuedKey, KeyForm, KeyScope, NotRotated, Scopes, key_hash, masked};
use attribution::ledger::Unavailable;
use attribution::limits::MAX_NAME;
use attribution::limits::MAX_OVERLAP_HOURS;
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::lists::{Parameters, page_of};
use super::{Problem, caller, editor, live_caller, success};
use crate::configuration::forget_key;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields};
use crate::platform::{SystemRandom, now};
use crate::store::api_key::{ApiKey, manage};

/// What such an object is called in a 404.
const KIND: &str = "Key";

/// A key that was replaced lives on for so long unless the call says otherwise.
const OVERLAP_HOURS: i64 = 24;

const HOUR_MILLISECONDS: i64 = 60 * 60 * 1000;

const FORMS: [&str; 3] = ["live", "test", "program_token"];

#[derive(Deserialize)]
struct NewBody {
    name: Option<String>,
    form: Option<String>,
    scopes: Option<Vec<String>>,
    expires_at: Option<String>,
}

#[derive(Deserialize)]
struct RotateBody {
    overlap_hours: Option<i64>,
}

/// The program's keys, those that opened things once among them.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let page = parameters.page();
    let page = parameters.finish(page)?;
    let (keys, total) = manage::list(&funnel.database, &key.program_id, page).await?;
    let shown: Vec<Value> = keys.iter().map(view).collect();
    Ok(page_of(&shown, page, total))
}

/// One key of the program (404 for anybody else's).
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    Ok(success(200, &view(&find(funnel, &key, id).await?)))
}

/// Makes a key: the caller's (401; 403 for a test key), body (400), scopes (403). It may do what the caller may unless it
/// is given less.
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let mut made = check(input::read::<NewBody>(incoming)?, &key)?;
    may_give(&key, &made.scopes)?;
    let secret = made.form.mint(&mut SystemRandom);
    made.masked = masked(&secret);
    let line = made.created(editor(incoming, &key));
    if let Err(cause) = manage::insert(&funnel.database, &made, &key_hash(&secret), &line).await
        // Perhaps only the answer was lost.
        && manage::find(&funnel.database, &key.program_id, &made.id).await?.is_none()
    {
        return Err(Unavailable(cause.to_string()).into());
    }
    Ok(success(201, &with_secret(&made, secret)))
}

fn check(body: NewBody, key: &ApiKey) -> Result<IssuedKey, BodyProblem> {
    let mut fields = Fields::default();
    let name = fields.required("name", body.name, MAX_NAME);
    let form = match body.form {
        Some(form) => fields.word("form", Some(form), &FORMS, KeyForm::from_word),
        None => Some(KeyForm::Live),
    };
    let scopes = body.scopes.map_or_else(|| key.scopes.clone(), |words| scopes(&mut fields, &words));
    let expires_at = fields.moment("expires_at", body.expires_at);
    let now = now();
    if expires_at.is_some_and(|moment| moment <= now) {
        fields.refuse("expires_at", "has passed");
    }
    let made = name.zip(form).map(|(name, form)| IssuedKey {
        id: attribution::ids::mint("key", &mut SystemRandom),
        team_id: key.team_id.clone(),
        program_id: key.program_id.clone(),
        form,
        name,
        masked: String::new(),
        scopes,
        created_at: now,
        last_used_at: None,
        expires_at,
        disabled_at: None,
        replaces: None,
    });
    fields.finish(made)
}

fn scopes(fields: &mut Fields, words: &[String]) -> Scopes {
    let unknown: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| KeyScope::from_word(word).is_none()).collect();
    if !unknown.is_empty() {
        let known = KeyScope::ALL.map(KeyScope::as_str).join(", ");
        fields.refuse("scopes", format!("must be of: {known}"));
    }
    if words.is_empty() {
        fields.refuse("scopes", "is empty: such a key could do nothing");
    }
    Scopes::from(Some(words.iter().filter_map(|word| KeyScope::from_word(word)).collect::<Vec<_>>()))
}

fn may_give(key: &ApiKey, scopes: &Scopes) -> Result<(), Problem> {
    if key.scopes.cover(scopes) {
        return Ok(());
    }
    let beyond = KeyScope::ALL.into_iter().find(|scope| scopes.allow(*scope) && !key.scopes.allow(*scope));
    Err(beyond.map_or(Problem::Forbidden(ALL_SCOPES), Problem::MissingScope))
}

const ALL_SCOPES: &str = "A key with a list of scopes, even of all there are, cannot make one without";

/// Replaces a key by one that may do the same, and shows the new one, once. The old one lives on for `overlap_hours`. A key
/// is replaced once (409): who lost the answer replaces the new one.
pub async fn rotate(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let body = input::read_optional::<RotateBody>(incoming)?;
    let overlap = overlap(body.overlap_hours)?;
    let old = find(funnel, &key, id).await?;
    may_give(&key, &old.scopes)?;
    if let Some(successor) = manage::successor_of(&funnel.database, &old.id).await? {
        return Err(replaced_before(&successor));
    }
    let secret = old.form.mint(&mut SystemRandom);
    let now = now();
    let until = Timestamp::from_milliseconds(now.milliseconds().saturating_add(overlap));
    let new_id = attribution::ids::mint("key", &mut SystemRandom);
    let (new, ends_at) = old.successor(new_id, masked(&secret), until, now).map_err(not_rotated)?;
    let (of_new, of_old) = (new.created(editor(incoming, &key)), old.rotated(&new, ends_at, editor(incoming, &key)));
    let stored = manage::replace(&funnel.database, &new, &key_hash(&secret), ends_at, [&of_new, &of_old]).await;
    if let Err(cause) = stored {
        // Somebody else was faster, or only the answer was lost.
        match manage::successor_of(&funnel.database, &old.id).await? {
            Some(successor) if successor == new.id => {}
            Some(successor) => return Err(replaced_before(&successor)),
            None => return Err(Unavailable(cause.to_string()).into()),
        }
    }
    forget_key(&old.id);
    Ok(success(201, &with_secret(&new, secret)))
}

fn overlap(hours: Option<i64>) -> Result<i64, BodyProblem> {
    let hours = hours.unwrap_or(OVERLAP_HOURS);
    if (0..=MAX_OVERLAP_HOURS).contains(&hours) {
        return Ok(hours * HOUR_MILLISECONDS);
    }
    Err(BodyProblem::of("overlap_hours", format!("must be from 0 to {MAX_OVERLAP_HOURS}")))
}

fn not_rotated(reason: NotRotated) -> Problem {
    let word = match reason {
        NotRotated::Disabled => "been disabled",
        NotRotated::Expired => "expired",
    };
    Problem::Conflict { code: "KEY_NOT_ACTIVE", message: format!("The key has {word}: make a new one") }
}

fn replaced_before(successor: &str) -> Problem {
    let message = format!("The key has been replaced by {successor}: rotate that one");
    Problem::Conflict { code: "KEY_ALREADY_ROTATED", message }
}

/// Switches a key off for good; the row stays, since decisions name it. What is off stays off.
pub async fn delete(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let found = find(funnel, &key, id).await?;
    if found.disabled_at.is_none() {
        let line = found.disabled(editor(incoming, &key));
        let stored = manage::disable(&funnel.database, &found, now(), &line).await;
        stored.map_err(|cause| Unavailable(cause.to_string()))?;
    }
    forget_key(&found.id);
    Ok(Answer::json(200, &json!({ "success": true, "message": "Key disabled" })))
}

async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<IssuedKey, Problem> {
    manage::find(&funnel.database, &key.program_id, id).await?.ok_or(Problem::NotFound(KIND))
}

fn view(key: &IssuedKey) -> Value {
    json!({
        "id": key.id,
        "program_id": key.program_id,
        "name": key.name,
        "form": key.form,
        "masked": key.masked,
        "scopes": key.scopes,
        "created_at": key.created_at.to_rfc3339(),
        "last_used_at": key.last_used_at.map(Timestamp::to_rfc3339),
        "expires_at": key.expires_at.map(Timestamp::to_rfc3339),
        "disabled_at": key.disabled_at.map(Timestamp::to_rfc3339),
        "replaces": key.replaces,
    })
}

fn with_secret(key: &IssuedKey, secret: String) -> Value {
    let mut view = view(key);
    if let Some(fields) = view.as_object_mut() {
        fields.insert("secret".to_owned(), secret.into());
    }
    view
}
