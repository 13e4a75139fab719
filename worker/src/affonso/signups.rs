//! `POST /v1/signups`: a click becomes a lead. Source: seed 000; `decision`, beside the data, is an
//! addition to its answer: why it came out so.

use attribution::email::EmailAddress;
use attribution::ids::CommissionId;
use attribution::ledger::{Command, Rejection, SignUp, UnknownClick};
use serde::Deserialize;
use serde_json::{Map, json};

use super::{Problem, caller, context, views};
use crate::funnel::{Funnel, Recorded, Refusal};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::platform::SystemRandom;

#[derive(Deserialize)]
struct Body {
    click_id: Option<String>,
    email: Option<String>,
    external_user_id: Option<String>,
    name: Option<String>,
}

struct Checked {
    click_id: String,
    email: Option<EmailAddress>,
    external_user_id: Option<String>,
    name: Option<String>,
}

/// Converts a click to a lead:
/// 1. key (401) and body (400);
/// 2. the click's gate decides: new lead, blocked or not (201), known one (200), unknown click (404).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let body = check(body)?;
    let click_id = input::referral_id(&body.click_id, funnel.settings.click_shards);
    let click_id = click_id.ok_or(Refusal::Rejected(Rejection::ClickNotFound))?;
    let placement = click_id.placement().unwrap_or(funnel.any_placement());
    let command = SignUp {
        context: context(incoming, &key)?,
        click_id,
        unknown_click: UnknownClick::Refuse,
        program_id: Some(key.program_id.clone()),
        origin: None,
        verified: true,
        keep_address: true,
        identity_required: true,
        only_leads: false,
        external_user_id: body.external_user_id,
        email: body.email,
        name: body.name,
        detail: Map::new(),
        caller_address: None,
        commission_id: CommissionId::mint(placement, &mut SystemRandom),
    };
    let Recorded { row: (referral, reason), is_new, replayed } =
        funnel.record_referral(Command::SignUp(command)).await?;
    let body = json!({
        "success": true,
        "data": views::referral(&referral),
        "decision": { "reason": reason.as_str(), "explanation": reason.explanation() },
    });
    Ok(Answer::json(if is_new { 201 } else { 200 }, &body).replayed(replayed))
}

fn check(body: Body) -> Result<Checked, BodyProblem> {
    let mut fields = Fields::default();
    let click_id = fields.required("click_id", body.click_id, MAX_TEXT);
    let email = fields.text("email", body.email, MAX_TEXT);
    let external_user_id = fields.text("external_user_id", body.external_user_id, MAX_TEXT);
    let name = fields.text("name", body.name, MAX_TEXT);
    if email.is_none() && external_user_id.is_none() {
        fields.refuse("email", "email or external_user_id is required");
    }
    let address = email.as_deref().and_then(EmailAddress::parse);
    if email.is_some() && address.is_none() {
        fields.refuse("email", "must be a valid e-mail address");
    }
    let checked = click_id.map(|click_id| Checked { click_id, email: address, external_user_id, name });
    fields.finish(checked)
}
