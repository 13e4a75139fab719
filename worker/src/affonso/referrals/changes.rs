//! What a program's owner changes of a referral: `PUT`, `DELETE`, and `POST /v1/referrals/{id}/reassign`. Sources:
//! docs/rules.md, sections 7 and 9; reference of the dialect, section 1.7.

use attribution::edits::Edit;
use attribution::email::EmailAddress;
use attribution::ids::AffiliateId;
use attribution::ledger::{Command, Context, EditReferral, Reassignment};
use attribution::referral::Referral;
use attribution::status::ReferralStatus;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::super::{Problem, caller, context, nothing_sent, recognisable, success, views};
use super::{STATUSES, find, status};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields, MAX_TEXT};

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    email: Edit<String>,
    #[serde(default)]
    external_user_id: Edit<String>,
    #[serde(default)]
    customer_id: Edit<String>,
    #[serde(default)]
    subscription_id: Edit<String>,
    #[serde(default)]
    name: Edit<String>,
    #[serde(default)]
    metadata: Edit<Map<String, Value>>,
    status: Option<String>,
    affiliate_id: Option<IgnoredAny>,
}

/// Changes what is sent; null clears:
/// 1. key (401) and body (400), the referral (404);
/// 2. its gate decides: changed, or so already (200), a name that is another's (409), a status that may not follow (409).
pub async fn update(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let context = context(incoming, &key)?;
    let changes = check(body)?;
    let referral = find(funnel, &key, id).await?;
    change(funnel, changes.onto(edit(context, &referral))).await
}

/// What a good body changes.
struct Changes {
    email: Edit<EmailAddress>,
    external_user_id: Edit<String>,
    customer_id: Edit<String>,
    subscription_id: Edit<String>,
    name: Edit<String>,
    metadata: Edit<Value>,
    status: Option<ReferralStatus>,
}

impl Changes {
    fn is_nothing(&self) -> bool {
        let texts = [&self.external_user_id, &self.customer_id, &self.subscription_id, &self.name];
        let is_kept = texts.into_iter().all(Edit::is_kept) && self.email.is_kept() && self.metadata.is_kept();
        is_kept && self.status.is_none()
    }

    fn onto(self, edit: EditReferral) -> EditReferral {
        let Self { email, external_user_id, customer_id, subscription_id, name, metadata, status } = self;
        EditReferral { email, external_user_id, customer_id, subscription_id, name, metadata, status, ..edit }
    }
}

fn check(body: Body) -> Result<Changes, BodyProblem> {
    let mut fields = Fields::default();
    if body.affiliate_id.is_some() {
        fields.refuse("affiliate_id", "is changed by POST /v1/referrals/{id}/reassign, with a reason");
    }
    let email = match fields.clearable_text("email", body.email, MAX_TEXT) {
        Edit::Set(text) => address(&mut fields, &text),
        Edit::Clear => Edit::Clear,
        Edit::Keep => Edit::Keep,
    };
    let changes = Changes {
        email,
        external_user_id: fields.clearable_text("external_user_id", body.external_user_id, MAX_TEXT),
        customer_id: fields.clearable_text("customer_id", body.customer_id, MAX_TEXT),
        subscription_id: fields.clearable_text("subscription_id", body.subscription_id, MAX_TEXT),
        name: fields.clearable_text("name", body.name, MAX_TEXT),
        metadata: fields.clearable_kept("metadata", body.metadata),
        status: fields.word("status", body.status, &STATUSES, status),
    };
    let changes = fields.finish(Some(changes))?;
    if changes.is_nothing() { Err(nothing_sent("email")) } else { Ok(changes) }
}

fn address(fields: &mut Fields, text: &str) -> Edit<EmailAddress> {
    let address = EmailAddress::parse(text);
    if address.is_none() {
        fields.refuse("email", "must be a valid e-mail address");
    }
    address.map_or(Edit::Keep, Edit::Set)
}

/// Removes a referral (404 from then on): its customer's names are free, and what was not paid is declined.
pub async fn delete(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let context = recognisable(context(incoming, &key)?, "DELETE /v1/referrals/{id}");
    let referral = find(funnel, &key, id).await?;
    let command = EditReferral { status: Some(ReferralStatus::Deleted), ..edit(context, &referral) };
    let removed = funnel.record_referral(Command::EditReferral(command)).await?;
    let body = json!({ "success": true, "message": "Referral deleted successfully" });
    Ok(Answer::json(200, &body).replayed(removed.replayed))
}

#[derive(Deserialize)]
struct ReassignBody {
    affiliate_id: Option<String>,
    reason: Option<String>,
    unpaid_commissions: Option<String>,
}

/// What becomes of unpaid commissions: whether they move.
const UNPAID: [(&str, bool); 2] = [("keep", false), ("move", true)];

/// Gives a referral to another affiliate:
/// 1. key (401) and body (400), the referral (404);
/// 2. its gate decides: given, or theirs already (200), no such affiliate in its program (404), one who is not approved
///    (400).
pub async fn reassign(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<ReassignBody>(incoming)?;
    let reassignment = check_reassignment(body)?;
    let context = context(incoming, &key)?;
    let referral = find(funnel, &key, id).await?;
    change(funnel, EditReferral { reassignment: Some(reassignment), ..edit(context, &referral) }).await
}

fn check_reassignment(body: ReassignBody) -> Result<Reassignment, BodyProblem> {
    let mut fields = Fields::default();
    let affiliate_id = fields.required("affiliate_id", body.affiliate_id, MAX_TEXT);
    let reason = fields.required("reason", body.reason, MAX_TEXT);
    let words = UNPAID.map(|(word, _)| word);
    let moves_unpaid = fields.word("unpaid_commissions", body.unpaid_commissions, &words, |word| {
        UNPAID.into_iter().find(|(known, _)| *known == word).map(|(_, moves)| moves)
    });
    let found = affiliate_id.zip(reason);
    fields.finish(found.map(|(affiliate_id, reason)| Reassignment {
        affiliate_id: AffiliateId::new(affiliate_id),
        reason,
        moves_unpaid: moves_unpaid.unwrap_or(false),
    }))
}

/// A change of nothing yet. A rejected referral that is released takes back the names that it has.
fn edit(context: Context, referral: &Referral) -> EditReferral {
    let is_rejected = referral.status == ReferralStatus::Rejected;
    let names_to_take_back = if is_rejected { referral.identities() } else { Vec::new() };
    EditReferral { names_to_take_back, ..EditReferral::of(context, referral.id.clone(), referral.scope.clone()) }
}

async fn change(funnel: &Funnel, command: EditReferral) -> Result<Answer, Problem> {
    let changed = funnel.record_referral(Command::EditReferral(command)).await?;
    let (referral, _) = changed.row;
    Ok(success(200, &views::referral(&referral)).replayed(changed.replayed))
}
