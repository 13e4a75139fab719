//! `PUT /v1/conversions/{id}`: says how the payment of a sale goes on. Source: docs/rules.md, sections 3 and 7.

use attribution::status::SalesStatus;
use serde::Deserialize;

use super::super::{Problem, caller, nothing_sent, sales_status, success, views};
use super::find;
use crate::funnel::{Funnel, Recorded};
use crate::http::{Answer, Incoming};
use crate::input::{self, Fields};

#[derive(Deserialize)]
struct Body {
    #[serde(alias = "salesStatus")]
    sales_status: Option<String>,
}

/// Moves the sale on:
/// 1. key (401) and body (400), the sale (404);
/// 2. its referral's gate decides: what it earns is decided anew (200), so already (200), not from where it is (409).
pub async fn update(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let is_sent = body.sales_status.is_some();
    let mut fields = Fields::default();
    let next = fields.word("sales_status", body.sales_status, SalesStatus::words(), SalesStatus::from_word);
    let next = fields.finish(next).map_err(|problem| if is_sent { problem } else { nothing_sent("sales_status") })?;
    let team = funnel.program(&key.program_id).await?.currency;
    let sale = find(funnel, &key, id).await?.sale.conversion;
    let Recorded { row, replayed, .. } = sales_status::set(incoming, funnel, &key, &sale, next).await?;
    Ok(success(200, &views::conversion(&row, false, team)).replayed(replayed))
}
