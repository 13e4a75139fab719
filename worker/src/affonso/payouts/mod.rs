//! `/v1/payouts`: what affiliates are paid at once. Fields as published; `program_id`, `currency` and `work` are additions
//! to what is shown, and so is `POST`, which the published API leaves to its own pages.
//!
//! State: rows of `payout` and `payout_line` in D1. A payout is begun, its commissions are collected through their gates,
//! and only then it stands: until then it is in no list and cannot be changed. What a call does not finish the job does.

mod body;
mod table;
mod view;

use attribution::edits::Editor;
use attribution::ids::PayoutId;
use attribution::ledger::{Pause as _, Rejection, Unavailable};
use attribution::limits::MAX_TABLE;
use attribution::payout::{PayoutEdit, PayoutRefusal, Payouts as _};
use serde_json::{Value, json};

use self::body::Listed;
use super::lists::page_of;
use super::{CHANGE_ATTEMPTS, Problem, affiliates, caller, editor, scope, success};
use crate::funnel::{Funnel, Refusal};
use crate::http::{Answer, Incoming};
use crate::payout_work::{begin, carry_on_inline};
use crate::platform::{RandomPause, now};
use crate::store::api_key::ApiKey;
use crate::store::payout::list::list as stored;
use crate::store::payout::{self, Shown, lines};
use crate::store::{self, page::Page};

/// What such an object is called in a 404.
const KIND: &str = "Payout";

/// Pays out what is ready:
/// 1. key (401), body (400), and the affiliate, where one is named (404);
/// 2. a payout is begun for everybody who has enough ready, and what is ready is collected;
/// 3. the payouts that came of it (201), or none (200, an empty list).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let wanted = body::read_wanted(incoming)?;
    if let Some(id) = &wanted.affiliate_id {
        let affiliate = store::affiliate::find(&funnel.database, id).await?;
        if affiliate.is_none_or(|affiliate| affiliate.program_id != key.program_id) {
            return Err(Problem::NoSuch { kind: affiliates::KIND, field: "affiliate_id" });
        }
    }
    let (scope, by) = (scope(&key), editor(incoming, &key));
    let currency = funnel.program(&key.program_id).await?.currency;
    let begun = begin(funnel, &scope, currency, &wanted, &by).await?;
    carry_on_inline(funnel, &scope, &begun.ids, &by).await;
    let made = payout::find_all(&funnel.database, &begun.ids).await?;
    let made: Vec<Value> = made.iter().filter(|shown| !shown.tally.payout.is_given_up()).map(view::payout).collect();
    let status = if made.is_empty() { 200 } else { 201 };
    Ok(Answer::json(status, &json!({ "success": true, "data": made, "has_more": begun.has_more })))
}

/// Payouts of the key's program and mode: a page of them, or all as a table.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let Listed { filter, page, sort, as_table } = body::read_list(incoming)?;
    let page = if as_table { Page { number: 1, limit: MAX_TABLE } } else { page };
    let (payouts, total) = stored(&funnel.database, &scope(&key), &filter, page, sort).await?;
    if as_table {
        return Ok(table::of_payouts(&payouts, total > i64::from(MAX_TABLE)));
    }
    let shown: Vec<Value> = payouts.iter().map(view::payout).collect();
    Ok(page_of(&shown, page, total))
}

/// One payout of the caller's with what it is made of (404 for anybody else's), or that as a table.
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let as_table = body::read_form(incoming)?;
    let shown = find(funnel, &key, id).await?;
    let mut lines = lines::of_payout(&funnel.database, &shown.tally.payout.id, MAX_TABLE + 1).await?;
    let is_cut = lines.len() > MAX_TABLE as usize;
    lines.truncate(MAX_TABLE as usize);
    if as_table {
        return Ok(table::of_lines(&shown.tally.payout, &lines, is_cut));
    }
    Ok(table::cut(success(200, &view::with_lines(&shown, &lines)), is_cut))
}

/// Says where a payout is, and how it was paid:
/// 1. key (401), body (400), the payout (404);
/// 2. it stands (409 while it is being made), and may become what is said (409);
/// 3. its commissions are told how it ended.
pub async fn update(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let edit = body::read_edit(incoming)?;
    // Who subscribes is remembered with the program.
    funnel.program(&key.program_id).await?;
    let by = editor(incoming, &key);
    let id = save(funnel, &key, id, &edit, &by).await?;
    carry_on_inline(funnel, &scope(&key), std::slice::from_ref(&id), &by).await;
    let shown = find(funnel, &key, id.as_str()).await?;
    let lines = lines::of_payout(&funnel.database, &id, MAX_TABLE).await?;
    Ok(success(200, &view::with_lines(&shown, &lines)))
}

/// Changes a payout as it is now: whoever else changes it at the same time loses nothing.
async fn save(funnel: &Funnel, key: &ApiKey, id: &str, edit: &PayoutEdit, by: &Editor) -> Result<PayoutId, Problem> {
    let mut lost = String::new();
    for attempt in 1..=CHANGE_ATTEMPTS {
        let before = find(funnel, key, id).await?.tally;
        let Some(after) = before.payout.edited(edit, now())? else { return Ok(before.payout.id) };
        let line = after.line_of_edit(&before, Editor { at: after.updated_at, ..by.clone() });
        match funnel.database.save(&before, &after, &line).await {
            Ok(()) => return Ok(after.id),
            Err(cause) => lost = cause.to_string(),
        }
        RandomPause.before(attempt).await;
    }
    Err(Unavailable(lost).into())
}

/// The payout with this id, if it is one of the caller's program and mode.
async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<Shown, Problem> {
    let shown = payout::find(&funnel.database, &PayoutId::new(id)).await?;
    shown.filter(|shown| shown.tally.payout.scope == scope(key)).ok_or(Problem::NotFound(KIND))
}

impl From<PayoutRefusal> for Problem {
    fn from(refusal: PayoutRefusal) -> Self {
        match refusal {
            PayoutRefusal::Gathering => Self::PayoutGathering,
            PayoutRefusal::NoSuchTransition { from, to } => {
                Refusal::Rejected(Rejection::transition("payout", from.as_str(), to.as_str())).into()
            }
        }
    }
}
