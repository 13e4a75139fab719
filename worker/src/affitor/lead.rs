//! `POST /api/v1/track/lead`: a visitor who came through a click has signed up. Sources: seeds 001 and 004.
//!
//! With a key (server mode) the key's program must be the click's. Without one (browser mode) the click id, which
//! nobody can guess, is the proof, and a page's origin must be allowed for the program.

use attribution::decision::Reason;
use attribution::email::EmailAddress;
use attribution::ids::{CommissionId, ProgramId, ReferralId};
use attribution::ledger::{Command, Context, Reach, Rejection, SignUp, UnknownClick};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::test_mode::{self, AdditionalData};
use super::{NamedProgram, Problem, check_program_field, named_program, optional_caller};
use crate::funnel::{Funnel, Recorded, Refusal};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::platform::SystemRandom;
use crate::store::api_key::ApiKey;

/// The published text for identifiers that nobody is known by.
pub(super) const CUSTOMER_NOT_FOUND: &str = "Customer not found. Provide a valid click_id or customer_key.";

#[derive(Deserialize)]
struct Body {
    click_id: Option<String>,
    customer_key: Option<String>,
    email: Option<String>,
    name: Option<String>,
    program_id: Option<Value>,
    additional_data: Option<AdditionalData>,
}

struct Checked {
    click_id: Option<String>,
    customer_key: Option<String>,
    email: Option<EmailAddress>,
    name: Option<String>,
}

/// Records a lead:
/// 1. test mode goes its own way;
/// 2. a key that is present must be right (401); one identifier must be there (400);
/// 3. the gate of the click, or of the customer known by the key, decides: recorded or known (200), unknown, another
///    program's, or beyond a lead already (400); a page's one beyond the limits of claims (429).
pub async fn track(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let body = input::read::<Body>(incoming)?;
    if body.additional_data.as_ref().is_some_and(|data| data.test_mode) {
        return test_mode::answer("lead", incoming, funnel, &input::sent(incoming)).await;
    }
    let key = optional_caller(incoming, funnel).await?;
    check_program_field("program_id", body.program_id.as_ref())?;
    let named = body.program_id.as_ref().or(body.additional_data.as_ref().and_then(|data| data.program_id.as_ref()));
    let named = named_program(funnel, named).await?;
    let program_id = program_of(key.as_ref(), named)?;
    let body = check(body)?;
    let gate = find_gate(funnel, &body, key.as_ref()).await?;
    let gate = gate.ok_or(Problem::Refused(CUSTOMER_NOT_FOUND))?;
    let context = context(incoming, key.as_ref(), program_id.clone())?;
    let page = Page { origin: incoming.header("origin"), address: incoming.header("cf-connecting-ip") };
    let command = sign_up(context, funnel, body, page, program_id, gate, kept(input::sent(incoming)));
    let Recorded { row: (_, reason), replayed, .. } = funnel.record_referral(Command::SignUp(command)).await?;
    Ok(Answer::json(200, &view(reason)).replayed(replayed))
}

/// The same whatever was found, but for programs that wait for a key's word.
fn view(reason: Reason) -> Value {
    if reason == Reason::LeadProvisional {
        return json!({
            "success": true,
            "provisional": true,
            "message": "Lead recorded as provisional. It counts once it comes with a key, or with the first sale.",
        });
    }
    json!({ "success": true, "message": "Lead tracked successfully" })
}

/// Where a call comes from that has no key.
struct Page {
    origin: Option<String>,
    address: Option<String>,
}

/// The program that the call speaks for: its key's, else the one that it names. A named one must be the key's.
fn program_of(key: Option<&ApiKey>, named: NamedProgram) -> Result<Option<ProgramId>, Problem> {
    let of_key = key.map(|key| key.program_id.clone());
    match named {
        NamedProgram::NotNamed => Ok(of_key),
        NamedProgram::Found(program) if of_key.as_ref().is_none_or(|of_key| *of_key == program) => Ok(Some(program)),
        NamedProgram::Found(_) | NamedProgram::Unknown => Err(Refusal::Rejected(Rejection::OtherProgram).into()),
    }
}

fn check(body: Body) -> Result<Checked, Problem> {
    let mut fields = Fields::default();
    let click_id = fields.text("click_id", body.click_id, MAX_TEXT);
    let customer_key = fields.text("customer_key", body.customer_key, MAX_TEXT);
    let email = fields.text("email", body.email, MAX_TEXT);
    let name = fields.text("name", body.name, MAX_TEXT);
    let address = email.as_deref().and_then(EmailAddress::parse);
    if email.is_some() && address.is_none() {
        fields.refuse("email", "must be a valid e-mail address");
    }
    let checked: Result<Checked, BodyProblem> =
        fields.finish(Some(Checked { click_id, customer_key, email: address, name }));
    let checked = checked?;
    if checked.click_id.is_none() && checked.customer_key.is_none() {
        return Err(Problem::Refused("click_id or customer_key is required"));
    }
    Ok(checked)
}

/// The click, if its id can be one; else, for a caller with a key, the referral of the customer who is known by the
/// user id. Without a key the click id is the proof.
async fn find_gate(funnel: &Funnel, body: &Checked, key: Option<&ApiKey>) -> Result<Option<ReferralId>, Problem> {
    let click = body.click_id.as_deref().and_then(|id| input::referral_id(id, funnel.settings.click_shards));
    if click.is_some() {
        return Ok(click);
    }
    let (Some(key), Some(customer)) = (key, &body.customer_key) else { return Ok(None) };
    Ok(funnel.find_customer(&key.program_id, key.is_test, customer).await?)
}

fn context(incoming: &Incoming, key: Option<&ApiKey>, program_id: Option<ProgramId>) -> Result<Context, Problem> {
    Ok(Context {
        request_id: incoming.request_id.clone(),
        actor: key.map_or_else(|| "browser".to_owned(), |key| format!("key:{}", key.id)),
        reach: Reach { team_id: key.map(|key| key.team_id.clone()), program_id, is_test: key.map(|key| key.is_test) },
        idempotency: input::idempotency_key(incoming, key.is_some())?,
    })
}

fn sign_up(
    context: Context,
    funnel: &Funnel,
    body: Checked,
    page: Page,
    program_id: Option<ProgramId>,
    gate: ReferralId,
    detail: Map<String, Value>,
) -> SignUp {
    let placement = gate.placement().unwrap_or_else(|| funnel.any_placement());
    let keyed = context.reach.team_id.is_some();
    SignUp {
        context,
        click_id: gate,
        unknown_click: if keyed { UnknownClick::FindCustomer } else { UnknownClick::Refuse },
        program_id,
        // A key vouches for the call wherever it comes from.
        origin: page.origin.filter(|_| !keyed),
        verified: keyed,
        keep_address: false,
        identity_required: false,
        only_leads: true,
        external_user_id: body.customer_key,
        email: body.email,
        name: body.name,
        detail,
        caller_address: page.address.filter(|_| !keyed),
        commission_id: CommissionId::mint(placement, &mut SystemRandom),
    }
}

/// What the event's line keeps of the body: all but the address, which lives on as hash and mask, and the name, which is
/// the referral's where the program keeps names.
fn kept(sent: Value) -> Map<String, Value> {
    let Value::Object(mut sent) = sent else { return Map::new() };
    for known in ["click_id", "customer_key", "email", "name", "phone"] {
        sent.remove(known);
    }
    sent
}
