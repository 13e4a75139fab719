//! `/v1/commissions`: what affiliates earn, as their program's owner sees and corrects it. Fields as published;
//! `conversion_id`, `converted_sale_amount`, `earned_amount`, `level`, `reason`, `payout_id` and others are additions.
//!
//! State: rows of `commission` and `conversion` in D1; every change is a command through its referral's gate. An id is a
//! commission's, or a sale's: then its own commission is meant, so that the id of `POST /v1/conversions` can be used here.

mod body;
mod create;
mod update;

use attribution::ids::{AffiliateId, ProgramId, ReferralId};
use attribution::ledger::CommissionEdit;
use attribution::referral::Scope;
use attribution::status::{CommissionStatus, SalesStatus};
use serde_json::{Value, json};

pub use self::create::create;
pub use self::update::update;
use super::beside::{Expansion, Names, expand};
use super::lists::{Parameters, page_of};
use super::{Problem, caller, context, scope, success, views};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::BodyProblem;
use crate::store::api_key::ApiKey;
use crate::store::commission::list::{self as store, Entry, Filter, SortedBy};
use crate::store::page::{Page, Sort};

/// What such an object is called in a 404.
const KIND: &str = "Commission";

const SORTS: [(&str, SortedBy); 4] = [
    ("created_at", SortedBy::CreatedAt),
    ("updated_at", SortedBy::UpdatedAt),
    ("commission_amount", SortedBy::Amount),
    ("sale_amount", SortedBy::SaleAmount),
];

const NEWEST_FIRST: Sort<SortedBy> = Sort { by: SortedBy::CreatedAt, descending: true };

const EXPANSIONS: [(&str, Expansion); 3] = [
    ("affiliate", Expansion::Affiliate),
    ("affiliate_program", Expansion::AffiliateProgram),
    ("referral", Expansion::Referral),
];

/// The program's commissions.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let (filter, page, sort, expansions) = check_list(incoming)?;
    let scope = scope(&key);
    let (entries, total) = store::list(&funnel.database, &scope, &filter, page, sort).await?;
    let shown = shown(funnel, &scope, &entries, &expansions).await?;
    Ok(page_of(&shown, page, total))
}

fn check_list(incoming: &Incoming) -> Result<(Filter, Page, Sort<SortedBy>, Vec<Expansion>), BodyProblem> {
    let mut parameters = Parameters::of(&incoming.url);
    let earning_types = views::EARNING_TYPES.map(|(word, _)| word);
    let filter = Filter {
        status: parameters.word("status", CommissionStatus::words(), CommissionStatus::from_word),
        sales_status: parameters.word("sales_status", SalesStatus::words(), SalesStatus::from_word),
        referral_id: parameters.text("referral_id").map(ReferralId::new),
        affiliate_id: parameters.text("affiliate_id").map(AffiliateId::new),
        program_id: parameters.text("program_id").map(ProgramId::new),
        reason: parameters.text("reason"),
        kind: parameters.word("earning_type", &earning_types, |word| {
            views::EARNING_TYPES.into_iter().find(|(known, _)| *known == word).map(|(_, kind)| kind)
        }),
        made: parameters.period(),
    };
    let page = parameters.page();
    let sort = parameters.sort(&SORTS, NEWEST_FIRST);
    let expansions = parameters.expand(&EXPANSIONS);
    parameters.finish((filter, page, sort, expansions))
}

/// One commission of the caller's, or the sale with this id and its own one (404 for anybody else's, and a removed one).
pub async fn show(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let expansions = parameters.expand(&EXPANSIONS);
    let expansions = parameters.finish(expansions)?;
    let entry = find(funnel, &key, id).await?;
    let shown = shown(funnel, entry.scope(), std::slice::from_ref(&entry), &expansions).await?;
    Ok(success(200, &shown.into_iter().next().unwrap_or_default()))
}

/// Removes a commission, and its levels with it: it counts no longer and is shown no longer. The sale stays.
pub async fn delete(incoming: &Incoming, funnel: &Funnel, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let entry = find(funnel, &key, id).await?;
    let commission = entry.commission().ok_or(Problem::NotFound(KIND))?;
    let context = context(incoming, &key)?;
    let removed = funnel.edit_commission(context, commission, CommissionEdit::Delete).await?;
    let body = json!({ "success": true, "message": "Commission deleted successfully" });
    Ok(Answer::json(200, &body).replayed(removed.replayed))
}

/// The commission with this id, or the sale with it, if it is the caller's.
async fn find(funnel: &Funnel, key: &ApiKey, id: &str) -> Result<Entry, Problem> {
    let entry = store::find(&funnel.database, &key.team_id, key.is_test, id).await?;
    entry.ok_or(Problem::NotFound(KIND))
}

/// Commissions of one program as they are shown, each with what is asked for beside it.
async fn shown(
    funnel: &Funnel,
    scope: &Scope,
    entries: &[Entry],
    expansions: &[Expansion],
) -> Result<Vec<Value>, Problem> {
    let team = funnel.program(&scope.program_id).await?.currency;
    let rows = entries.iter().map(|entry| (views::commission(entry, team), names(entry)));
    Ok(expand(funnel, scope, expansions, rows.collect()).await?)
}

fn names(entry: &Entry) -> Names {
    match entry {
        Entry::Earned(commission, _) => {
            Names { affiliate_id: commission.affiliate_id.clone(), referral_id: commission.referral_id.clone() }
        }
        Entry::Unearned(sale) => {
            Names { affiliate_id: sale.affiliate_id.clone(), referral_id: sale.referral_id.clone() }
        }
    }
}
