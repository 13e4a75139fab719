//! `/v1/program`: what the program is, for people and for pages. Beside the published fields: the attribution model and
//! window, the currency, the allowed origins, the number. State: `program` and `program_origin` in D1.

pub mod fraud_rules;
pub mod group_incentives;
pub mod groups;
pub mod levels;
pub mod payment_terms;
pub mod restrictions;
pub mod stripe;
pub mod tracking;

use attribution::edits::Edit;
use attribution::limits::MAX_PROGRAM_DESCRIPTION;
use attribution::limits::MAX_WINDOW_DAYS;
use attribution::outside::origin::origins;
use attribution::status::AttributionModel;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Problem, caller, live_caller, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::store::api_key::ApiKey;
use crate::store::program_settings::profile::{self, Change, Profile};

/// Who may join.
const ACCESS_MODES: [&str; 3] = ["PUBLIC", "PRIVATE", "INVITE"];

#[derive(Deserialize)]
struct Body {
    name: Option<String>,
    #[serde(default)]
    tagline: Edit<String>,
    #[serde(default)]
    category: Edit<String>,
    #[serde(default)]
    description: Edit<String>,
    #[serde(default)]
    website_url: Edit<String>,
    #[serde(default)]
    logo_url: Edit<String>,
    access_mode: Option<String>,
    affiliate_links_enabled: Option<bool>,
    attribution_model: Option<String>,
    attribution_window_days: Option<i64>,
    origins: Option<Vec<String>>,
}

/// The program of the key.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    answer(funnel, &key).await
}

/// Changes what is sent.
pub async fn update(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let change = check(input::read::<Body>(incoming)?)?;
    if change == Change::default() {
        return Err(nothing_sent("name").into());
    }
    profile::change(&funnel.database, &key.team_id, &key.program_id, &change).await?;
    forget_program(&key.program_id);
    answer(funnel, &key).await
}

async fn answer(funnel: &Funnel, key: &ApiKey) -> Result<Answer, Problem> {
    let profile = profile::find(&funnel.database, &key.program_id).await?;
    Ok(success(200, &view(&profile)))
}

fn check(body: Body) -> Result<Change, BodyProblem> {
    let mut fields = Fields::default();
    let access_mode = body.access_mode.map(|mode| mode.to_ascii_uppercase());
    let change = Change {
        name: fields.filled_text("name", body.name, MAX_TEXT),
        tagline: fields.clearable_text("tagline", body.tagline, MAX_TEXT),
        category: fields.clearable_text("category", body.category, MAX_TEXT),
        description: fields.clearable_text("description", body.description, MAX_PROGRAM_DESCRIPTION),
        website_url: fields.clearable_url("website_url", body.website_url),
        logo_url: fields.clearable_url("logo_url", body.logo_url),
        access_mode: fields.word("access_mode", access_mode, &ACCESS_MODES, |sent| {
            ACCESS_MODES.into_iter().find(|mode| *mode == sent)
        }),
        affiliate_links_enabled: body.affiliate_links_enabled,
        attribution_model: fields
            .known_word("attribution_model", body.attribution_model, AttributionModel::words())
            .and_then(AttributionModel::from_word),
        attribution_window_days: body
            .attribution_window_days
            .and_then(|days| fields.whole("attribution_window_days", days, 1..=MAX_WINDOW_DAYS)),
        origins: body.origins.map(|sent| origins(&mut fields, "origins", sent)),
    };
    fields.finish(Some(change))
}

/// The program object.
pub(super) fn view(profile: &Profile) -> Value {
    json!({
        "id": profile.id,
        "number": profile.number,
        "name": profile.name,
        "tagline": profile.tagline,
        "category": profile.category,
        "description": profile.description,
        "website_url": profile.website_url,
        "logo_url": profile.logo_url,
        "access_mode": profile.access_mode.to_ascii_lowercase(),
        "affiliate_links_enabled": profile.affiliate_links_enabled,
        "attribution_model": profile.attribution_model.as_str(),
        "attribution_window_days": profile.attribution_window_days,
        "currency": profile.currency,
        "origins": profile.origins,
        "plan": null,
        "plan_features": null,
        "created_at": profile.created_at.to_rfc3339(),
    })
}
