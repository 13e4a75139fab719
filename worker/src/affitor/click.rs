//! `POST /api/v1/track/click`: a browser, or a backend for it, reports a visit through an affiliate's link.
//!
//! No key is needed: the code in the link is the proof, and a page's origin must be allowed for the program. A key that is
//! present must be right, and then says whose click it is and whether it is a test row.

use attribution::program::{Affiliate, Program};
use attribution::referral::Click;
use attribution::status::{AttributionModel, Partnership};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use worker::Url;

use super::test_mode::{self, AdditionalData};
use super::{NamedProgram, Problem, named_program, optional_caller, origin_not_allowed};
use crate::funnel::{Funnel, Recorded, Visit};
use crate::http::{Answer, Incoming};
use crate::input::{self, Fields};
use crate::store::api_key::ApiKey;

/// A URL and what it carries is at most so long.
const MAX_URL: usize = 2_000;

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
    additional_data: Option<AdditionalData>,
}

/// Records a click:
/// 1. test mode goes its own way; a key that is present must be right (401);
/// 2. the link must parse and carry a code that is somebody's (400), in a partnership that is approved (200, inactive);
/// 3. the page's origin must be allowed (403);
/// 4. prefetches and visitors who opted out are answered `tracked: false`;
/// 5. appended to a shard, then acknowledged (200): with the visitor's earlier click, where that is the one that counts.
pub async fn track(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let body = input::read::<Body>(incoming)?;
    if body.additional_data.as_ref().is_some_and(|data| data.test_mode) {
        return test_mode::answer("click", incoming, funnel, &input::sent(incoming)).await;
    }
    super::check_program_field("program_id", body.program_id.as_ref())?;
    let (code, landing) = linked_code(&body)?;
    let key = optional_caller(incoming, funnel).await?;
    let named = named_program(funnel, body.program_id.as_ref()).await?;
    // A key vouches for the call wherever it comes from.
    let origin = incoming.header("origin").filter(|_| key.is_none());
    let affiliate = linked_affiliate(funnel, &code, key.as_ref(), named, origin.as_deref()).await?;
    let affiliate = affiliate.ok_or(Problem::Refused("Referral link not found"))?;
    let program = funnel.program(&affiliate.program_id).await?;
    if let Some(origin) = origin.filter(|origin| !program.allows_origin(origin)) {
        return Ok(origin_not_allowed(&origin, &program.id));
    }
    if affiliate.partnership != Partnership::Approved {
        return Ok(Answer::json(200, &json!({ "success": false, "message": "Referral link is inactive" })));
    }
    if let Some(reason) = untracked(incoming, &program) {
        return Ok(Answer::json(200, &json!({ "success": true, "tracked": false, "reason": reason })));
    }
    let earlier = earlier_click(funnel, &program, body.existing_click_id.as_deref()).await?;
    let facts = facts(body, landing, incoming)?;
    let ip = incoming.header("cf-connecting-ip");
    let idempotency = input::idempotency_key(incoming, key.is_some())?;
    let is_test = key.is_some_and(|key| key.is_test);
    let visit = Visit { affiliate, is_test, clicked_at: None, facts, ip, idempotency };
    let Recorded { row: new, replayed, .. } = funnel.record_click(visit).await?;
    let counting = program.counting_click(earlier.as_ref(), &new);
    let body = json!({
        "success": true,
        "click_id": counting.id.as_str(),
        "partner_code": counting.tracking_id,
        "cookie_window_days": program.cookie_window_days,
    });
    Ok(Answer::json(200, &body).replayed(replayed))
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
    let landing = body.affiliate_url.clone().filter(|url| !url.trim().is_empty());
    let landing = landing.ok_or(Problem::Refused("affiliate_url is required"))?;
    let url = Url::parse(landing.trim()).map_err(|_| Problem::Refused("Invalid affiliate_url"))?;
    let in_link = CODE_PARAMETERS.iter().find_map(|name| {
        url.query_pairs().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
    });
    let code = body.partner_code.clone().filter(|code| !code.is_empty()).or(in_link);
    Ok((code.ok_or(Problem::Refused("No aff parameter found in affiliate_url"))?, landing))
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

/// Why a visit is no click: nobody looked at the page, or the visitor has opted out.
fn untracked(incoming: &Incoming, program: &Program) -> Option<&'static str> {
    let purpose = incoming.header("sec-purpose").or_else(|| incoming.header("purpose")).unwrap_or_default();
    if purpose.contains("prefetch") || purpose.contains("prerender") {
        return Some("prefetch");
    }
    let opted_out = incoming.header("sec-gpc").as_deref() == Some("1");
    (opted_out && program.honour_gpc).then_some("gpc")
}

fn facts(body: Body, landing: String, incoming: &Incoming) -> Result<Map<String, Value>, Problem> {
    let mut fields = Fields::default();
    let user_agent = body.user_agent.or_else(|| incoming.header("user-agent"));
    let sent = [
        ("affiliate_url", Some(landing)),
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
    let kept = sent.into_iter().filter_map(|(name, value)| Some((name, fields.text(name, value, MAX_URL)?)));
    let mut facts: Map<String, Value> = kept.map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
    if let Some(data) = body.additional_data {
        facts.insert("additional_data".to_owned(), Value::Object(data.sent));
    }
    Ok(fields.finish(Some(facts))?)
}
