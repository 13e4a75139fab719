//! `GET /v1/commissions/summary`: what affiliates have earned, by affiliate and month, in the team's currency. Ours: the
//! published API lists commissions and adds nothing up.
//!
//! A commission counts in the month (UTC) in which it was made, with its status now; a negative line counts in the month in
//! which it takes something back. State: rows of `commission` in D1, read only.

use attribution::ids::AffiliateId;
use attribution::messages::decimal;
use attribution::money::{Currency, Money};
use attribution::status::CommissionStatus;
use serde_json::{Map, Value, json};

use super::lists::{Parameters, page_of};
use super::{Problem, caller, scope};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::BodyProblem;
use crate::store::commission_summary::{Filter, Group, Grouping, groups};
use crate::store::page::Page;

const BOTH: [Grouping; 2] = [Grouping::Affiliate, Grouping::Month];

/// One page of sums of the key's program and mode.
pub async fn show(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let (by, filter, page) = check(incoming)?;
    let currency = funnel.program(&key.program_id).await?.currency;
    let (found, total) = groups(&funnel.database, &scope(&key), &by, &filter, page).await?;
    let shown: Vec<Value> = found.iter().map(|group| view(group, &by, currency)).collect();
    Ok(page_of(&shown, page, total))
}

fn check(incoming: &Incoming) -> Result<(Vec<Grouping>, Filter, Page), BodyProblem> {
    let mut parameters = Parameters::of(&incoming.url);
    let by = grouping(&mut parameters);
    let affiliate_id = parameters.text("affiliate_id").or_else(|| parameters.text("affiliateId"));
    let filter = Filter { affiliate_id: affiliate_id.map(AffiliateId::new), made: parameters.period() };
    let page = parameters.page();
    parameters.finish((by, filter, page))
}

/// `group_by`: `affiliate`, `month`, or both with a comma between them, which it is unless it is sent.
fn grouping(parameters: &mut Parameters) -> Vec<Grouping> {
    let one = |word: &str| match word {
        "affiliate" => Some(Grouping::Affiliate),
        "month" => Some(Grouping::Month),
        _ => None,
    };
    let read = |sent: &str| sent.split(',').map(str::trim).map(one).collect::<Option<Vec<_>>>();
    parameters.word("group_by", &["affiliate,month", "affiliate", "month"], read).unwrap_or_else(|| BOTH.to_vec())
}

fn view(group: &Group, by: &[Grouping], currency: Currency) -> Value {
    let amount = |minor| decimal(Money { minor, currency });
    let mut view = Map::new();
    if by.contains(&Grouping::Affiliate) {
        view.insert("affiliate_id".to_owned(), json!(group.affiliate_id));
    }
    if by.contains(&Grouping::Month) {
        view.insert("month".to_owned(), json!(group.month));
    }
    // In the order of the published list, those without any left out.
    let of_word = |word: &&str| group.by_status.iter().find(|(status, ..)| status == word);
    let by_status = CommissionStatus::words().iter().filter_map(of_word);
    let by_status: Map<String, Value> = by_status
        .map(|(status, count, minor)| (status.clone(), json!({ "count": count, "amount": amount(*minor) })))
        .collect();
    let sums = [
        ("currency", json!(currency.code())),
        ("count", json!(group.count)),
        ("earned", amount(group.earned_minor)),
        ("taken_back", amount(group.earned_minor - group.net_minor)),
        ("net", amount(group.net_minor)),
        ("by_status", by_status.into()),
    ];
    view.extend(sums.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Value::Object(view)
}
