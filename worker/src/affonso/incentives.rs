//! Incentives of a group, and an affiliate's overrides: the same fields and the same calls, for either owner.
//!
//! The routes know the key and how the owner is found, and call in here; a body is read before anything is looked up, so
//! that what is wrong with it is told first. State: `incentive` in D1. A change is decided on what was read and
//! written only while the program's rules are still those; whoever else changes them at the same time loses nothing.

use attribution::ids::IncentiveId;
use attribution::incentive::{Owner, Reward};
use attribution::ledger::{Pause as _, Unavailable};
use attribution::limits::MAX_INCENTIVES;
use attribution::messages::decimal;
use attribution::money::{Currency, Money};
use attribution::terms::Terms;
use serde_json::{Number, Value, json};

use super::incentive_body::{self, COMMISSION, Sent};
use super::lists::{Parameters, page_of};
use super::{CHANGE_ATTEMPTS, Problem, nothing_sent, success};
use crate::configuration::forget_program;
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::platform::{RandomPause, SystemRandom, now};
use crate::store::api_key::ApiKey;
use crate::store::incentive::{self, OwnedIncentive};

/// An owner's, oldest first.
pub(super) async fn list(incoming: &Incoming, funnel: &Funnel, key: &ApiKey, owner: &Owner) -> Result<Answer, Problem> {
    let mut parameters = Parameters::of(&incoming.url);
    let page = parameters.page();
    let page = parameters.finish(page)?;
    let currency = funnel.program(&key.program_id).await?.currency;
    let incentives = incentive::of_owner(&funnel.database, &key.program_id, owner).await?;
    let shown: Vec<Value> = page.cut(&incentives).iter().map(|incentive| view(incentive, currency)).collect();
    Ok(page_of(&shown, page, incentives.len().try_into().unwrap_or(MAX_INCENTIVES)))
}

/// Makes one for the owner that `owner` finds, unless they have too many (409).
pub(super) async fn create(
    incoming: &Incoming,
    funnel: &Funnel,
    key: &ApiKey,
    owner: impl Future<Output = Result<Owner, Problem>>,
) -> Result<Answer, Problem> {
    let sent = Sent::read(incoming)?;
    let program = funnel.program(&key.program_id).await?;
    let terms = sent.terms(None, program.currency)?;
    let now = now();
    let made = OwnedIncentive {
        id: IncentiveId::mint(&mut SystemRandom),
        owner: owner.await?,
        terms,
        created_at: now,
        updated_at: now,
        rules_version: program.rules_version,
    };
    if !incentive::insert(&funnel.database, &key.team_id, &key.program_id, &made).await? {
        let message = format!("There are {MAX_INCENTIVES} incentives already");
        return Err(Problem::Conflict { code: "LIMIT_REACHED", message });
    }
    forget_program(&key.program_id);
    Ok(success(201, &view(&made, program.currency)))
}

/// One of an owner's (404 for anybody else's).
pub(super) async fn show(funnel: &Funnel, key: &ApiKey, owner: &Owner, id: &str) -> Result<Answer, Problem> {
    let currency = funnel.program(&key.program_id).await?.currency;
    let incentive = find(funnel, key, owner, id).await?;
    Ok(success(200, &view(&incentive, currency)))
}

/// Changes what is sent of one of an owner's. Sales that are decided from now on earn by the new terms.
pub(super) async fn update(
    incoming: &Incoming,
    funnel: &Funnel,
    key: &ApiKey,
    owner: impl Future<Output = Result<Owner, Problem>>,
    id: &str,
) -> Result<Answer, Problem> {
    let sent = Sent::read(incoming)?;
    if sent.is_empty() {
        return Err(nothing_sent("amount").into());
    }
    let owner = owner.await?;
    let currency = funnel.program(&key.program_id).await?.currency;
    let mut lost = String::new();
    for attempt in 1..=CHANGE_ATTEMPTS {
        let mut incentive = find(funnel, key, &owner, id).await?;
        incentive.terms = sent.terms(Some(&incentive.terms), currency)?;
        incentive.updated_at = now();
        match incentive::update(&funnel.database, &key.program_id, &incentive).await {
            Ok(()) => {
                forget_program(&key.program_id);
                return Ok(success(200, &view(&incentive, currency)));
            }
            Err(cause) => lost = cause.to_string(),
        }
        RandomPause.before(attempt).await;
    }
    Err(Unavailable(lost).into())
}

/// Removes one. What it has earned stays.
pub(super) async fn delete(funnel: &Funnel, key: &ApiKey, owner: &Owner, id: &str) -> Result<Answer, Problem> {
    if !incentive::delete(&funnel.database, &key.program_id, owner, &IncentiveId::new(id)).await? {
        return Err(Problem::NotFound(kind(owner)));
    }
    forget_program(&key.program_id);
    Ok(Answer::json(200, &json!({ "success": true, "message": format!("{} deleted", kind(owner)) })))
}

async fn find(funnel: &Funnel, key: &ApiKey, owner: &Owner, id: &str) -> Result<OwnedIncentive, Problem> {
    let found = incentive::find(&funnel.database, &key.program_id, owner, &IncentiveId::new(id)).await?;
    found.ok_or(Problem::NotFound(kind(owner)))
}

/// What such an object is called in answers.
fn kind(owner: &Owner) -> &'static str {
    match owner {
        Owner::Group(_) => "Incentive",
        Owner::Affiliate(_) => "Override",
    }
}

/// An incentive as `/v1` shows it, in groups, for affiliates and by itself. The dialect's own list and its documents call
/// some fields differently: they are there under both names.
pub(super) fn view(incentive: &OwnedIncentive, currency: Currency) -> Value {
    let OwnedIncentive { id, terms, created_at, updated_at, .. } = incentive;
    json!({
        "id": id,
        "incentive_id": id,
        "name": terms.name,
        "incentive_name": terms.name,
        "type": COMMISSION,
        "incentive_type": COMMISSION,
        "amount": amount(terms, currency),
        "is_percentage": matches!(terms.reward, Reward::Percentage(_)),
        "apply_to": incentive_body::apply_to(terms),
        "product_ids": terms.applies_to.product_ids(),
        "approval_type": terms.approval.as_str(),
        "hold_period_days": terms.approval.hold_days(),
        "incentive_length": terms.length.as_str(),
        "length_value": terms.length.value(),
        "variable_commission": false,
        "variable_config": null,
        "cap": terms.cap_minor.map(|minor| decimal(Money { minor, currency })),
        "created_at": created_at.to_rfc3339(),
        "updated_at": updated_at.to_rfc3339(),
    })
}

/// A percentage, or an amount of the team's currency in major units.
pub(super) fn amount(terms: &Terms, currency: Currency) -> Value {
    match terms.reward {
        Reward::Percentage(rate) => rate.to_percent().parse::<Number>().map_or(Value::Null, Value::Number),
        Reward::Fixed(minor) => decimal(Money { minor, currency }),
    }
}
