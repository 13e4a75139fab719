//! `/v1/program/tracking`: which parameters of a link are recognised and what is kept of customers. `track_email` and
//! `track_name` are also written `email_tracking_enabled` and `name_tracking_enabled`, as later documentation calls them;
//! `email_policy`, `trust_browser_leads`, `lead_auth` and `honour_gpc` are additions. State: columns of `program` in D1.

use attribution::limits::MAX_CODE_PARAMETER;
use attribution::limits::MAX_POSTBACK_EVENT;
use attribution::limits::MAX_POSTBACKS;
use attribution::limits::MAX_URL;
use attribution::status::{EmailPolicy, LeadAuth};
use attribution::webhooks::TargetPolicy;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::affonso::webhooks::own_host;
use crate::affonso::{Problem, caller, live_caller, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields};
use crate::store::api_key::ApiKey;
use crate::store::program_settings::tracking::{self, Change, Postback, Tracking};

#[derive(Deserialize)]
struct Body {
    default_referral_parameter: Option<String>,
    enabled_referral_parameters: Option<Vec<String>>,
    track_email: Option<bool>,
    email_tracking_enabled: Option<bool>,
    email_policy: Option<String>,
    track_name: Option<bool>,
    name_tracking_enabled: Option<bool>,
    trust_browser_leads: Option<bool>,
    lead_auth: Option<String>,
    honour_gpc: Option<bool>,
    postbacks: Option<Vec<PostbackBody>>,
}

#[derive(Deserialize)]
struct PostbackBody {
    url: Option<String>,
    event: Option<String>,
    enabled: Option<bool>,
}

/// What is tracked.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    answer(funnel, &key).await
}

/// Changes what is sent.
pub async fn update(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let change = check(input::read::<Body>(incoming)?, incoming, funnel)?;
    if change == Change::default() {
        return Err(nothing_sent("track_email").into());
    }
    if !tracking::change(&funnel.database, &key.program_id, &change).await? {
        return Err(default_not_enabled(&change).into());
    }
    forget_program(&key.program_id);
    answer(funnel, &key).await
}

async fn answer(funnel: &Funnel, key: &ApiKey) -> Result<Answer, Problem> {
    let tracking = tracking::find(&funnel.database, &key.program_id).await?;
    Ok(success(200, &view(&tracking)))
}

fn check(body: Body, incoming: &Incoming, funnel: &Funnel) -> Result<Change, BodyProblem> {
    let mut fields = Fields::default();
    let tracks_email =
        either(&mut fields, ("track_email", body.track_email), ("email_tracking_enabled", body.email_tracking_enabled));
    let email_policy = email_policy(&mut fields, body.email_policy, tracks_email);
    let name_tracking =
        either(&mut fields, ("track_name", body.track_name), ("name_tracking_enabled", body.name_tracking_enabled));
    let default = body.default_referral_parameter;
    let change = Change {
        default_referral_parameter: default.and_then(|name| parameter(&mut fields, "default_referral_parameter", name)),
        enabled_referral_parameters: enabled(&mut fields, body.enabled_referral_parameters),
        tracks_email_again: email_policy.is_none() && tracks_email == Some(true),
        email_policy,
        name_tracking,
        trust_browser_leads: body.trust_browser_leads,
        lead_auth: fields.known_word("lead_auth", body.lead_auth, LeadAuth::words()).and_then(LeadAuth::from_word),
        honour_gpc: body.honour_gpc,
        postbacks: postbacks(&mut fields, body.postbacks, incoming, funnel),
    };
    fields.finish(Some(change))
}

/// A field that has two names, which must not say different things.
fn either(fields: &mut Fields, one: (&str, Option<bool>), other: (&str, Option<bool>)) -> Option<bool> {
    if one.1.is_some() && other.1.is_some() && one.1 != other.1 {
        fields.refuse(other.0, format!("says something else than {}", one.0));
    }
    one.1.or(other.1)
}

/// What is kept of addresses. Where only `track_email` is sent, `true` leaves the policy to what stands.
fn email_policy(fields: &mut Fields, policy: Option<String>, tracks_email: Option<bool>) -> Option<EmailPolicy> {
    let policy = fields.known_word("email_policy", policy, EmailPolicy::words()).and_then(EmailPolicy::from_word);
    let keeps = policy.map(|policy| policy != EmailPolicy::Off);
    if keeps.is_some() && tracks_email.is_some() && keeps != tracks_email {
        fields.refuse("email_policy", "says something else than track_email");
    }
    policy.or((tracks_email == Some(false)).then_some(EmailPolicy::Off))
}

fn enabled(fields: &mut Fields, names: Option<Vec<String>>) -> Option<Vec<String>> {
    let mut enabled: Vec<String> = Vec::new();
    let field = "enabled_referral_parameters";
    for name in fields.texts(field, Some(names?)) {
        match parameter(fields, field, name) {
            Some(name) if !enabled.contains(&name) => enabled.push(name),
            _ => {}
        }
    }
    if enabled.is_empty() && fields.is_clean() {
        fields.refuse(field, "must have at least one entry");
    }
    Some(enabled)
}

fn parameter(fields: &mut Fields, field: &str, name: String) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if (1..=MAX_CODE_PARAMETER).contains(&name.len()) && name.bytes().all(is_plain) {
        return Some(name);
    }
    fields.refuse(field, format!("must be 1 to {MAX_CODE_PARAMETER} of a-z, 0-9, _ and -"));
    None
}

fn postbacks(
    fields: &mut Fields,
    sent: Option<Vec<PostbackBody>>,
    incoming: &Incoming,
    funnel: &Funnel,
) -> Option<Vec<Postback>> {
    let sent = sent?;
    if sent.len() > MAX_POSTBACKS {
        fields.refuse("postbacks", format!("has more than {MAX_POSTBACKS} entries"));
    }
    let policy = TargetPolicy { allow_loopback: funnel.settings.webhooks_may_loop_back };
    let own_host = own_host(incoming);
    let checked = sent.into_iter().enumerate().filter_map(|(place, postback)| {
        let url = fields.required(&format!("postbacks[{place}].url"), postback.url, MAX_URL)?;
        if let Err(problem) = policy.check(&url, &own_host) {
            fields.refuse(&format!("postbacks[{place}].url"), problem.to_string());
        }
        let event = fields.required(&format!("postbacks[{place}].event"), postback.event, MAX_POSTBACK_EVENT)?;
        Some(Postback { url, event, enabled: postback.enabled.unwrap_or(true) })
    });
    Some(checked.collect())
}

fn default_not_enabled(change: &Change) -> BodyProblem {
    let (field, message) = match change.default_referral_parameter {
        Some(_) => ("default_referral_parameter", "must be one of enabled_referral_parameters"),
        None => ("enabled_referral_parameters", "must have default_referral_parameter among them"),
    };
    BodyProblem::of(field, message)
}

fn view(tracking: &Tracking) -> Value {
    let tracks_email = tracking.email_policy != EmailPolicy::Off;
    json!({
        "default_referral_parameter": tracking.default_referral_parameter,
        "enabled_referral_parameters": tracking.enabled_referral_parameters,
        "track_email": tracks_email,
        "email_tracking_enabled": tracks_email,
        "email_policy": tracking.email_policy.as_str(),
        "track_name": tracking.keeps_names,
        "name_tracking_enabled": tracking.keeps_names,
        "trust_browser_leads": tracking.trust_browser_leads,
        "lead_auth": tracking.lead_auth.as_str(),
        "honour_gpc": tracking.honour_gpc,
        "postbacks": tracking.postbacks,
    })
}
