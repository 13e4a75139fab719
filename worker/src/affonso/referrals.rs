//! `/v1/referrals`: customers whom an affiliate brought. Source: seed 003; reference of the dialect's management API.
//! `reassign`, the timeline, and filters by e-mail and billing customer are additions.
//!
//! State: rows of `referral` in D1; every change is a command through the referral's gate.

mod changes;
mod list;

use attribution::email::EmailAddress;
use attribution::ids::{AffiliateId, CommissionId, Placement, ReferralId};
use attribution::ledger::{Command, CreateReferral, Rejection};
use attribution::referral::{Referral, Scope};
use attribution::status::ReferralStatus;
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

pub use self::changes::{delete, reassign, update};
pub use self::list::list;
use super::beside::{Expansion, Names, expand};
use super::lists::Parameters;
use super::{Problem, caller, context, scope, success, views};
use crate::funnel::{Funnel, Refusal};
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};
use crate::platform::SystemRandom;
use crate::store;
use crate::store::api_key::ApiKey;

/// The statuses that a caller may give.
const STATUSES: [&str; 6] = ["lead", "trialing", "customer", "active", "canceled", "rejected"];

#[derive(Deserialize)]
struct Body {
    affiliate_id: Option<String>,
    email: Option<String>,
    customer_id: Option<String>,
    subscription_id: Option<String>,
    click_id: Option<String>,
    status: Option<String>,
    created_at: Option<String>,
    name: Option<String>,
    metadata: Option<Map<String, Value>>,
}

struct Checked {
    affiliate_id: AffiliateId,
    email: EmailAddress,
    customer_id: Option<String>,
    subscription_id: Option<String>,
    click_id: Option<String>,
    status: ReferralStatus,
    created_at: Option<Timestamp>,
    name: Option<String>,
    metadata: Option<Value>,
}

/// Records a referral directly:
/// 1. key (401) and body (400);
/// 2. the gate of the click, or of the customer's address, decides: recorded (201), affiliate or click unknown (404),
///    click converted already (400), customer known already (409).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let body = check(body)?;
    let shards = funnel.settings.click_shards;
    let from_click = body.click_id.is_some();
    let referral_id = if let Some(click_id) = &body.click_id {
        input::referral_id(click_id, shards).ok_or(Refusal::Rejected(Rejection::ClickNotFound))?
    } else {
        let placement = Placement::of_identity(&key.program_id, body.email.as_str(), shards);
        ReferralId::mint(placement, &mut SystemRandom)
    };
    let placement = referral_id.placement().unwrap_or(funnel.any_placement());
    let command = CreateReferral {
        context: context(incoming, &key)?,
        referral_id,
        from_click,
        scope: scope(&key),
        affiliate_id: body.affiliate_id,
        email: body.email,
        customer_id: body.customer_id,
        subscription_id: body.subscription_id,
        status: body.status,
        created_at: body.created_at,
        name: body.name,
        metadata: body.metadata,
        commission_id: CommissionId::mint(placement, &mut SystemRandom),
    };
    let recorded = match funnel.record_referral(Command::CreateReferral(command)).await {
        Err(Refusal::Rejected(Rejection::NothingKeptOfIdentity)) => {
            let message = "or click_id is required: this program keeps no e-mail addresses";
            return Err(BodyProblem::of("customer_id", message).into());
        }
        answer => answer?,
    };
    let (referral, _) = recorded.row;
    Ok(success(201, &views::referral(&referral)).replayed(recorded.replayed))
}

fn check(body: Body) -> Result<Checked, BodyProblem> {
    let mut fields = Fields::default();
    let affiliate_id = fields.required("affiliate_id", body.affiliate_id, MAX_TEXT).map(AffiliateId::new);
    let email = fields.required("email", body.email, MAX_TEXT);
    let address = email.as_deref().and_then(EmailAddress::parse);
    if email.is_some() && address.is_none() {
        fields.refuse("email", "must be a valid e-mail address");
    }
    let status = fields.word("status", body.status, &STATUSES, status);
    let customer_id = fields.text("customer_id", body.customer_id, MAX_TEXT);
    let subscription_id = fields.text("subscription_id", body.subscription_id, MAX_TEXT);
    let click_id = fields.text("click_id", body.click_id, MAX_TEXT);
    let created_at = fields.moment("created_at", body.created_at);
    let name = fields.text("name", body.name, MAX_TEXT);
    let metadata = fields.kept("metadata", body.metadata);
    let checked = affiliate_id.zip(address).map(|(affiliate_id, email)| Checked {
        affiliate_id,
        email,
        customer_id,
        subscription_id,
        click_id,
        status: status.unwrap_or(ReferralStatus::Lead),
        created_at,
        name,
        metadata,
    });
    fields.finish(checked)
}

/// A status that a caller may give, or look for.
fn status(word: &str) -> Option<ReferralStatus> {
    ReferralStatus::from_word(word).filter(|status| status.may_be_set())
}

/// What can be shown with a referral.
const EXPANSIONS: [(&str, Expansion); 1] = [("affiliate", Expansion::Affiliate)];

/// What can be worked out for one: the sums.
const INCLUSIONS: [(&str, ()); 1] = [("stats", ())];

/// One referral of the caller's (404 for anybody else's, and for a deleted one).
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let asked = (parameters.expand(&EXPANSIONS), parameters.include(&INCLUSIONS));
    let (expansions, included) = parameters.finish(asked)?;
    let referral = find(funnel, &key, id).await?;
    let shown = shown(funnel, &referral.scope, &expansions, std::slice::from_ref(&referral)).await?;
    let mut data = shown.into_iter().next().unwrap_or_default();
    if let (false, Some(data)) = (included.is_empty(), data.as_object_mut()) {
        let stats = store::referral::stats::of(&funnel.database, &referral.id).await?;
        let team = funnel.program(&referral.scope.program_id).await?.currency;
        data.insert("stats".to_owned(), views::referral_stats(&stats, team));
    }
    Ok(success(200, &data))
}

/// Referrals of one program, each with what is asked for beside it.
async fn shown(
    funnel: &Funnel,
    scope: &Scope,
    expansions: &[Expansion],
    referrals: &[Referral],
) -> Result<Vec<Value>, Problem> {
    let names = |one: &Referral| Names { affiliate_id: one.affiliate_id.clone(), referral_id: one.id.clone() };
    let rows = referrals.iter().map(|one| (views::referral(one), names(one)));
    Ok(expand(funnel, scope, expansions, rows.collect()).await?)
}

/// The history of one referral: what happened, why, and who caused it.
pub async fn timeline(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let referral = find(funnel, &key, id).await?;
    Ok(success(200, &timeline_of(funnel, &referral.id).await?))
}

/// The lines of a referral's history as they are shown.
pub(crate) async fn timeline_of(funnel: &Funnel, id: &ReferralId) -> Result<Value, Problem> {
    let lines = store::event::timeline(&funnel.database, id).await?;
    Ok(lines.iter().map(views::line).collect())
}

async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<Referral, Problem> {
    let referral = store::referral::find(&funnel.database, &ReferralId::new(id)).await?;
    let reachable = referral.filter(|referral| {
        referral.scope.team_id == key.team_id
            && referral.scope.is_test == key.is_test
            && referral.status != ReferralStatus::Deleted
    });
    reachable.ok_or(Problem::NotFound("Referral"))
}
