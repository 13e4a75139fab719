//! `POST /api/v1/track/click`: a browser, or a backend for it, reports a visit through an affiliate's link.
//!
//! No key is needed: the code in the link is the proof, and a page's origin must be allowed for the program. A key that is
//! present must be right, and then says whose click it is and whether it is a test row.

use attribution::event_id::EventId;
use attribution::ledger::Rejection;
use attribution::limits::{MAX_EVENT_ID, MAX_LANDING, MAX_VISIT_TEXT};
use attribution::outside::cookies::OwnSite;
use attribution::program::{Affiliate, Program};
use attribution::referral::Click;
use attribution::status::{AttributionModel, Partnership};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use worker::Url;

use super::test_mode::{self, AdditionalData};
use super::visitor::{own_site, untracked};
use super::{NamedProgram, Problem, named_program, optional_caller};
use crate::funnel::{Funnel, Recorded, Refusal, Visit};
use crate::http::{Answer, Incoming};
use crate::input::{self, Fields, MAX_TEXT};
use crate::store::api_key::ApiKey;

/// Query parameters that carry an affiliate's code where the caller does not say it; the second is the older one.
const CODE_PARAMETERS: [&str; 2] = ["aff", "ref"];

#[derive(Deserialize)]
struct Body {
    affiliate_url: Option<String>,
    partner_code: Option<String>,
    program_id: Option<Value>,
    page_url: Option<String>,
    page_title: Option<String>,
    referrer_url: Option<String>,
    session_id: Option<String>,
    user_agent: Option<String>,
    screen_resolution: Option<String>,
    viewport_size: Option<String>,
    language: Option<String>,
    timezone: Option<String>,
    existing_click_id: Option<String>,
    event_id: Option<String>,
    cookie_domain: Option<String>,
    landing: Option<String>,
    additional_data: Option<AdditionalData>,
}

struct Linked {
    key: Option<ApiKey>,
    affiliate: Affiliate,
    program: Program,
    link: String,
}

/// What a browser says for itself and its cookies; nothing of it is stored.
struct OfBrowser {
    event_id: Option<EventId>,
    landing: Option<String>,
}

/// Records a click, see [`record`]. A page that calls on its own site may do so with credentials, which lets the browser
/// store the answer's cookies: then it has to be told that it may read the answer, whatever that is.
pub async fn track(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let body = match input::read::<Body>(incoming) {
        Ok(body) => body,
        Err(problem) => return Ok(unread(incoming, Problem::from(problem).answer())),
    };
    let Some(site) = own_site(incoming, body.cookie_domain.as_deref()) else {
        return record(incoming, funnel, body, None).await;
    };
    let answer = record(incoming, funnel, body, Some(&site)).await.unwrap_or_else(|problem| problem.answer());
    Ok(answer.with_header(MAY_BE_READ, "true"))
}

/// Tells a page that called with credentials that it may read the answer.
const MAY_BE_READ: &str = "access-control-allow-credentials";

/// A refusal of a call whose body nobody has looked at: its page may read that too, and when to come again.
pub fn unread(incoming: &Incoming, refusal: Answer) -> Answer {
    let sent = input::sent(incoming);
    match own_site(incoming, sent.get("cookie_domain").and_then(Value::as_str)) {
        Some(_) => refusal.with_header(MAY_BE_READ, "true"),
        None => refusal,
    }
}

/// Records a click:
/// 1. test mode goes its own way; a key that is present must be right (401);
/// 2. the link must parse and carry a code that is somebody's (400), in a partnership that is approved (200, inactive);
/// 3. the page's origin must be allowed (403);
/// 4. prefetches, bots and visitors who opted out are answered `tracked: false`;
/// 5. appended to a shard, then acknowledged (200): with the visitor's earlier click, where that is the one that counts, and
///    with the cookies of `site`.
async fn record(
    incoming: &Incoming,
    funnel: &Funnel,
    mut body: Body,
    site: Option<&OwnSite>,
) -> Result<Answer, Problem> {
    if body.additional_data.as_ref().is_some_and(|data| data.test_mode) {
        return test_mode::answer("click", incoming, funnel, &input::sent(incoming)).await;
    }
    let Linked { key, affiliate, program, link } = linked(incoming, funnel, &body).await?;
    if affiliate.partnership != Partnership::Approved {
        return Ok(Answer::json(200, &json!({ "success": false, "message": "Referral link is inactive" })));
    }
    // A backend's own user agent is not the visitor's.
    let user_agent = if key.is_some() { body.user_agent.clone() } else { incoming.header("user-agent") };
    if let Some(reason) = untracked(incoming, user_agent.as_deref(), &program) {
        return Ok(Answer::json(200, &json!({ "success": true, "tracked": false, "reason": reason })));
    }
    let earlier = earlier_click(funnel, &program, body.existing_click_id.as_deref()).await?;
    let OfBrowser { event_id, landing } = of_browser(&mut body)?;
    let facts = facts(body, link, incoming)?;
    // A backend's own address and country are not the visitor's.
    let ip = incoming.header("cf-connecting-ip").filter(|_| key.is_none());
    let country = incoming.country.clone().filter(|_| key.is_none());
    let idempotency = input::idempotency_key(incoming, key.is_some())?;
    // A backend has its key for repeats.
    let event_id = event_id.filter(|_| key.is_none());
    let is_test = key.is_some_and(|key| key.is_test);
    let visit = Visit { affiliate, is_test, clicked_at: None, facts, ip, country, idempotency, event_id };
    let Recorded { row: new, replayed, .. } = funnel.record_click(visit).await?;
    let counting = program.counting_click(earlier.as_ref(), &new);
    let days = program.cookie_window_days;
    let body = json!({
        "success": true,
        "click_id": counting.id.as_str(),
        "partner_code": counting.tracking_id,
        "cookie_window_days": days,
    });
    let cookies = site.map(|site| site.cookies(counting.id.as_str(), landing.as_deref(), days)).unwrap_or_default();
    let answer = Answer::json(200, &body).replayed(replayed);
    Ok(cookies.into_iter().fold(answer, |answer, cookie| answer.with_header("set-cookie", cookie)))
}

/// Whose link it is, and who calls.
async fn linked(incoming: &Incoming, funnel: &Funnel, body: &Body) -> Result<Linked, Problem> {
    super::check_program_field("program_id", body.program_id.as_ref())?;
    let (code, link) = linked_code(body)?;
    let key = optional_caller(incoming, funnel).await?;
    let named = named_program(funnel, body.program_id.as_ref()).await?;
    // A key vouches for the call wherever it comes from.
    let origin = incoming.header("origin").filter(|_| key.is_none());
    let affiliate = linked_affiliate(funnel, &code, key.as_ref(), named, origin.as_deref()).await?;
    let affiliate = affiliate.ok_or(Problem::Refused("Referral link not found"))?;
    let program = funnel.program(&affiliate.program_id).await?;
    match origin.filter(|origin| !program.allows_origin(origin)) {
        Some(origin) => Err(Refusal::Rejected(Rejection::OriginNotAllowed { origin, program_id: program.id }).into()),
        None => Ok(Linked { key, affiliate, program, link }),
    }
}

fn of_browser(body: &mut Body) -> Result<OfBrowser, Problem> {
    let mut fields = Fields::default();
    let event_id = body.event_id.take().filter(|name| !name.is_empty()).and_then(|name| {
        let event_id = EventId::parse(&name);
        if event_id.is_none() {
            fields.refuse("event_id", format!("must be 1 to {MAX_EVENT_ID} visible ASCII characters"));
        }
        event_id
    });
    let landing = fields.text("landing", body.landing.take(), MAX_LANDING);
    if landing.as_ref().is_some_and(|landing| landing.len() > MAX_LANDING) {
        fields.refuse("landing", format!("is longer than {MAX_LANDING} bytes"));
    }
    // Looked at before; here it is only a text like others.
    fields.text("cookie_domain", body.cookie_domain.take(), MAX_TEXT);
    Ok(fields.finish(Some(OfBrowser { event_id, landing }))?)
}

/// The click that the visitor came with, where the program may let it count.
async fn earlier_click(funnel: &Funnel, program: &Program, named: Option<&str>) -> Result<Option<Click>, Problem> {
    if program.attribution_model != AttributionModel::FirstClick {
        return Ok(None);
    }
    let id = named.and_then(|id| input::referral_id(id.trim(), funnel.settings.click_shards));
    let Some(id) = id else { return Ok(None) };
    Ok(funnel.find_click(&id).await?)
}

/// The code and the link that it stands in.
fn linked_code(body: &Body) -> Result<(String, String), Problem> {
    let link = body.affiliate_url.clone().filter(|url| !url.trim().is_empty());
    let link = link.ok_or(Problem::Refused("affiliate_url is required"))?;
    let url = Url::parse(link.trim()).map_err(|_| Problem::Refused("Invalid affiliate_url"))?;
    let in_link = CODE_PARAMETERS.iter().find_map(|name| {
        url.query_pairs().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
    });
    let code = body.partner_code.clone().filter(|code| !code.is_empty()).or(in_link);
    Ok((code.ok_or(Problem::Refused("No aff parameter found in affiliate_url"))?, link))
}

/// Whose code it is: in the key's program, else in the one that is named, else as far as the page's origin tells.
async fn linked_affiliate(
    funnel: &Funnel,
    code: &str,
    key: Option<&ApiKey>,
    named: NamedProgram,
    origin: Option<&str>,
) -> Result<Option<Affiliate>, Problem> {
    let configuration = funnel.configuration();
    let program = match (key, named) {
        (_, NamedProgram::Unknown) => return Ok(None),
        (Some(key), NamedProgram::Found(named)) if named != key.program_id => return Ok(None),
        (Some(key), _) => key.program_id.clone(),
        (None, NamedProgram::Found(named)) => named,
        (None, NamedProgram::NotNamed) => return Ok(configuration.affiliate_of_page(code, origin).await?),
    };
    Ok(configuration.affiliate_of_program(code, &program).await?)
}

/// What a click keeps as it was sent.
fn facts(body: Body, link: String, incoming: &Incoming) -> Result<Map<String, Value>, Problem> {
    let mut fields = Fields::default();
    let user_agent = body.user_agent.or_else(|| incoming.header("user-agent"));
    let sent = [
        ("affiliate_url", Some(link)),
        ("page_url", body.page_url),
        ("page_title", body.page_title),
        ("referrer_url", body.referrer_url),
        ("session_id", body.session_id),
        ("user_agent", user_agent),
        ("screen_resolution", body.screen_resolution),
        ("viewport_size", body.viewport_size),
        ("language", body.language),
        ("timezone", body.timezone),
        ("existing_click_id", body.existing_click_id),
    ];
    let kept = sent.into_iter().filter_map(|(name, value)| Some((name, fields.text(name, value, MAX_VISIT_TEXT)?)));
    let mut facts: Map<String, Value> = kept.map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    if let Some(data) = body.additional_data {
        facts.insert("additional_data".to_owned(), Value::Object(data.sent));
    }
    Ok(fields.finish(Some(facts))?)
}
