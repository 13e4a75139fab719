//! `POST /v1/clicks`: a backend records a visit. Body in camelCase, answer in `snake_case`, as published; `country`, the
//! visitor's, is an addition.

use attribution::bots::is_bot;
use attribution::limits::{MAX_USER_AGENT, MAX_VISIT_TEXT};
use attribution::status::Partnership;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Problem, caller, check_program, success};
use crate::funnel::{Funnel, Recorded, Visit};
use crate::http::{Answer, Incoming};
use crate::input::{self, FieldProblem, Fields, MAX_TEXT};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    program_id: Option<String>,
    tracking_id: Option<String>,
    sub1: Option<String>,
    sub2: Option<String>,
    sub3: Option<String>,
    sub4: Option<String>,
    sub5: Option<String>,
    referrer: Option<String>,
    ip: Option<String>,
    country: Option<String>,
    user_agent: Option<String>,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
    utm_term: Option<String>,
    utm_content: Option<String>,
    gclid: Option<String>,
    fbclid: Option<String>,
    msclkid: Option<String>,
    ttclid: Option<String>,
    created_at: Option<String>,
}

/// Records a click:
/// 1. key (401) and body (400);
/// 2. the affiliate of the key's program with that tracking id (404), in an approved partnership (400);
/// 3. a visitor who is a bot by the user agent that is sent gets no id (200);
/// 4. appended to a shard, then acknowledged (201).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    check_program(body.program_id.as_ref(), &key)?;
    let mut fields = Fields::default();
    let tracking_id = fields.required("trackingId", body.tracking_id.clone(), MAX_TEXT);
    let clicked_at = fields.moment("createdAt", body.created_at.clone());
    let ip = fields.text("ip", body.ip.clone(), 45);
    let country = country(&mut fields, body.country.clone());
    let facts = facts(body, &mut fields);
    let tracking_id = fields.finish(tracking_id)?;

    let affiliate = funnel.configuration().affiliate_of_program(&tracking_id, &key.program_id).await?;
    let affiliate = affiliate.ok_or(Problem::NotFound("Affiliate"))?;
    if affiliate.partnership != Partnership::Approved {
        let message = "the affiliate's partnership with the program is not approved".to_owned();
        return Err(input::BodyProblem::Fields(vec![FieldProblem { field: "trackingId".to_owned(), message }]).into());
    }
    if facts.get("userAgent").and_then(Value::as_str).is_some_and(is_bot) {
        // No published form says so: a 200, for nothing was created.
        return Ok(success(200, &json!({ "tracked": false, "reason": "bot" })));
    }
    let idempotency = input::idempotency_key(incoming, true)?;
    let visit = Visit { affiliate, is_test: key.is_test, clicked_at, facts, ip, country, idempotency, event_id: None };
    let Recorded { row: click, replayed, .. } = funnel.record_click(visit).await?;
    let data = json!({
        "id": click.id.as_str(),
        "tracking_id": click.tracking_id,
        "program_id": click.scope.program_id.as_str(),
        "created_at": click.clicked_at.to_rfc3339(),
    });
    Ok(success(201, &data).replayed(replayed))
}

fn country(fields: &mut Fields, sent: Option<String>) -> Option<String> {
    let country = fields.text("country", sent, MAX_TEXT)?.to_ascii_uppercase();
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        fields.refuse("country", "must be a country of ISO 3166, two letters, like DE");
    }
    Some(country)
}

/// Everything that a click keeps as it was sent: every published field but the visitor's address.
fn facts(body: Body, fields: &mut Fields) -> Map<String, Value> {
    let sent = [
        ("sub1", body.sub1, MAX_TEXT),
        ("sub2", body.sub2, MAX_TEXT),
        ("sub3", body.sub3, MAX_TEXT),
        ("sub4", body.sub4, MAX_TEXT),
        ("sub5", body.sub5, MAX_TEXT),
        ("referrer", body.referrer, MAX_VISIT_TEXT),
        ("userAgent", body.user_agent, MAX_USER_AGENT),
        ("utmSource", body.utm_source, MAX_TEXT),
        ("utmMedium", body.utm_medium, MAX_TEXT),
        ("utmCampaign", body.utm_campaign, MAX_TEXT),
        ("utmTerm", body.utm_term, MAX_TEXT),
        ("utmContent", body.utm_content, MAX_TEXT),
        ("gclid", body.gclid, MAX_TEXT),
        ("fbclid", body.fbclid, MAX_TEXT),
        ("msclkid", body.msclkid, MAX_TEXT),
        ("ttclid", body.ttclid, MAX_TEXT),
    ];
    let kept = sent.into_iter().filter_map(|(name, value, max)| Some((name, fields.text(name, value, max)?)));
    kept.map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
}
