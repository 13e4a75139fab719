//! `GET /v1/conversions`: the sales of a program; and those that are nobody's, `GET /v1/conversions/unattributed`.

use attribution::ids::{AffiliateId, ConversionId, ProgramId, ReferralId};
use attribution::messages::decimal;
use attribution::status::{CommissionStatus, SalesStatus};
use serde_json::{Value, json};

use super::super::beside::{Expansion, Names, expand};
use super::super::lists::{Parameters, page_of};
use super::super::{Problem, caller, scope, views};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::BodyProblem;
use crate::store::conversion::list::{self as store, Filter, SortedBy};
use crate::store::page::{Page, Sort};
use crate::store::unattributed_sale::{self, UnattributedSale};

const SORTS: [(&str, SortedBy); 2] = [("created_at", SortedBy::CreatedAt), ("sale_amount", SortedBy::SaleAmount)];

const NEWEST_FIRST: Sort<SortedBy> = Sort { by: SortedBy::CreatedAt, descending: true };

pub(super) const EXPANSIONS: [(&str, Expansion); 2] =
    [("affiliate", Expansion::Affiliate), ("referral", Expansion::Referral)];

/// The program's sales by referred customers, credited or not.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let (filter, page, sort, expansions) = check(incoming)?;
    let scope = scope(&key);
    let (sales, total) = store::list(&funnel.database, &scope, &filter, page, sort).await?;
    let team = funnel.program(&key.program_id).await?.currency;
    let rows = sales.iter().map(|sale| {
        let conversion = &sale.conversion;
        let names =
            Names { affiliate_id: conversion.affiliate_id.clone(), referral_id: conversion.referral_id.clone() };
        (views::conversion(sale, false, team), names)
    });
    let shown = expand(funnel, &scope, &expansions, rows.collect()).await?;
    Ok(page_of(&shown, page, total))
}

fn check(incoming: &Incoming) -> Result<(Filter, Page, Sort<SortedBy>, Vec<Expansion>), BodyProblem> {
    let mut parameters = Parameters::of(&incoming.url);
    let filter = Filter {
        referral_id: parameters.text("referral_id").map(ReferralId::new),
        affiliate_id: parameters.text("affiliate_id").map(AffiliateId::new),
        program_id: parameters.text("program_id").map(ProgramId::new),
        status: parameters.word("status", CommissionStatus::words(), CommissionStatus::from_word),
        sales_status: parameters.word("sales_status", SalesStatus::words(), SalesStatus::from_word),
        attributed: parameters.word("attributed", &["true", "false"], |word| word.parse().ok()),
        reason: parameters.text("reason"),
        external_event_id: parameters.text("external_event_id"),
        customer_id: parameters.text("customer_id"),
        happened: parameters.period(),
    };
    let page = parameters.page();
    let sort = parameters.sort(&SORTS, NEWEST_FIRST);
    let expansions = parameters.expand(&EXPANSIONS);
    parameters.finish((filter, page, sort, expansions))
}

/// The program's sales for which no referral was found.
pub async fn unattributed(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let filter = unattributed_sale::Filter {
        external_event_id: parameters.text("external_event_id"),
        reported: parameters.period(),
        credited: parameters.word("credited", &["true", "false"], |word| word.parse().ok()),
    };
    let page = parameters.page();
    let sort = parameters.sort(&[("created_at", ())], Sort { by: (), descending: true });
    let (filter, page, sort) = parameters.finish((filter, page, sort))?;
    let (sales, total) =
        unattributed_sale::list(&funnel.database, &scope(&key), &filter, page, sort.descending).await?;
    let shown: Vec<Value> = sales.iter().map(view).collect();
    Ok(page_of(&shown, page, total))
}

fn view(sale: &UnattributedSale) -> Value {
    // Without a key of the caller's it is kept under the request's id.
    let key = Some(&sale.sale_key).filter(|key| **key != sale.request_id);
    json!({
        "external_event_id": key,
        "sale_amount": decimal(sale.amount),
        "sale_amount_currency": sale.amount.currency.code(),
        "reason": sale.reason.as_str(),
        "explanation": sale.reason.explanation(),
        "identifiers": sale.detail,
        "conversion_id": sale.conversion_id.as_ref().map(ConversionId::as_str),
        "request_id": sale.request_id,
        "created_at": sale.at.to_rfc3339(),
    })
}
