//! `/v1/conversions`: sales, credited or not, and why. Source: seed 002; `dry_run`, the list, `PUT` and `explain` are
//! additions.

pub(super) mod body;
mod explain;
mod list;
mod update;

use attribution::ids::ConversionId;
use attribution::ledger::Context;
use attribution::money::Currency;
use attribution::referral::Scope;
use serde_json::{Value, json};

use self::body::{Body, Checked};
pub use self::explain::explain;
pub use self::list::{list, unattributed};
pub use self::update::update;
use super::beside::{Names, expand};
use super::lists::Parameters;
use super::{Problem, caller, program_context, scope, success, views};
use crate::funnel::{Funnel, NewSale, Recorded};
use crate::http::{Answer, Incoming};
use crate::input::{self, Fields};
use crate::store::api_key::ApiKey;
use crate::store::conversion::list::{self as store, WholeSale};

/// Records a sale:
/// 1. key (401) and body (400);
/// 2. the gate of its referral decides: recorded (201), recorded before (200), identifiers that disagree (400),
///    nobody's sale (404, kept as unattributed).
///
/// With `dry_run` the answer is 200 and the same in all that the sale comes to, and nothing is written.
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<Body>(incoming)?;
    let team = funnel.program(&key.program_id).await?.currency;
    let mut fields = Fields::default();
    let checked = body::sale(&mut fields, body, team);
    let sale = fields.finish(checked)?.by(program_context(incoming, &key)?, scope(&key));
    let Recorded { row: data, is_new, replayed } = record(funnel, sale, team).await?;
    Ok(success(if is_new { 201 } else { 200 }, &data).replayed(replayed))
}

/// Records a sale, or tries it: as it is shown then, with what a repeat said otherwise. What is only tried is nothing new.
pub(super) async fn record(funnel: &Funnel, sale: NewSale, team: Currency) -> Result<Recorded<Value>, Problem> {
    let dry_run = sale.dry_run;
    let Recorded { row: (sale, differing), is_new, replayed } = funnel.record_sale(sale).await?;
    let view = if dry_run { views::tried } else { views::conversion };
    let mut data = view(&sale, !is_new, team);
    if let (false, Some(data)) = (differing.is_empty(), data.as_object_mut()) {
        data.insert("warnings".to_owned(), warnings(&differing));
    }
    Ok(Recorded { row: data, is_new: is_new && !dry_run, replayed })
}

impl Checked {
    /// The sale as this caller's.
    pub(super) fn by(self, context: Context, scope: Scope) -> NewSale {
        NewSale {
            context,
            scope,
            amount: self.amount,
            sales_status: self.sales_status,
            sale_key: self.external_event_id,
            occurred_at: self.occurred_at,
            details: self.details,
            dry_run: self.dry_run,
        }
    }
}

fn warnings(differing: &[String]) -> Value {
    let warning =
        |field: &String| json!({ "field": field, "message": "differs from what was recorded; kept as recorded" });
    differing.iter().map(warning).collect()
}

/// One sale of the caller's, with what it earned and why (404 for anybody else's).
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let expansions = parameters.expand(&list::EXPANSIONS);
    let expansions = parameters.finish(expansions)?;
    let WholeSale { sale, .. } = find(funnel, &key, id).await?;
    let team = funnel.program(&key.program_id).await?.currency;
    let conversion = &sale.conversion;
    let names = Names { affiliate_id: conversion.affiliate_id.clone(), referral_id: conversion.referral_id.clone() };
    let rows = vec![(views::conversion(&sale, false, team), names)];
    let shown = expand(funnel, &conversion.scope, &expansions, rows).await?;
    Ok(success(200, &shown.into_iter().next().unwrap_or_default()))
}

/// The sale with this id, if it is the caller's.
async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<WholeSale, Problem> {
    let whole = store::find(&funnel.database, &ConversionId::new(id)).await?;
    let reachable = whole.filter(|whole| {
        let scope = &whole.sale.conversion.scope;
        scope.team_id == key.team_id && scope.is_test == key.is_test
    });
    reachable.ok_or(Problem::NotFound("Conversion"))
}
