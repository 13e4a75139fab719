//! `/dashboard`: the latest clicks, leads, sales and commissions of one program, each with its reason, for the holder
//! of its key. The page itself is open and empty; what it shows comes from `/dashboard/overview`, by key.

use attribution::decision::Reason;
use attribution::ledger::Configuration as _;
use attribution::money::{Currency, Money};
use attribution::referral::Click;
use attribution::time::Timestamp;
use serde_json::{Value, json};

use super::{POLICY, page};
use crate::affonso::{Problem, caller};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::store::overview::{self, LATEST, Overview};

/// The page.
pub fn html() -> Answer {
    page("text/html; charset=utf-8", include_str!("dashboard/dashboard.html"), POLICY)
}

/// Its style.
pub fn css() -> Answer {
    page("text/css; charset=utf-8", include_str!("dashboard/dashboard.css"), POLICY)
}

/// Its script.
pub fn script() -> Answer {
    page("text/javascript; charset=utf-8", include_str!("dashboard/dashboard.js"), POLICY)
}

/// What the page shows: rows of the key's mode and, with `test=1`, test rows.
pub async fn overview(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let with_test_rows = incoming.parameter("test").as_deref() == Some("1");
    let program = funnel.program(&key.program_id).await?;
    let Overview { totals, leads, sales, commissions, test_clicks } =
        overview::read(&funnel.database, &program.id, key.is_test, with_test_rows).await?;
    let mut clicks = latest_clicks(funnel, program.id.as_str(), key.is_test).await?;
    if with_test_rows && !key.is_test {
        clicks.extend(latest_clicks(funnel, program.id.as_str(), true).await?);
    }
    let clicks = clicks.into_iter().chain(test_clicks.iter().map(|row| test_click(&row.id, row.created_at)));
    let body = json!({
        "program": { "id": program.id.as_str(), "number": program.number, "name": program.name },
        "currency": program.currency.code(),
        "totals": {
            "clicks": totals.clicks,
            "leads": totals.leads,
            "sales": totals.sales,
            "unattributed_sales": totals.unattributed_sales,
            "commission": amount(Some(totals.commission_minor), Some(program.currency.code())),
        },
        "clicks": clicks.collect::<Vec<Value>>(),
        "leads": leads.iter().map(|row| json!({
            "id": row.id, "created_at": moment(row.created_at), "status": row.status, "customer": row.customer,
            "affiliate_name": row.affiliate_name, "reason": row.reason, "explanation": explanation(&row.reason),
            "is_test": row.is_test == 1,
        })).collect::<Vec<_>>(),
        "sales": sales.iter().map(|row| json!({
            "id": row.id, "created_at": moment(row.created_at),
            "amount": amount(row.amount_minor, row.currency.as_deref()), "currency": row.currency,
            "sales_status": row.sales_status, "affiliate_name": row.affiliate_name,
            "attributed": row.attributed == 1, "reason": row.reason, "explanation": explanation(&row.reason),
            "is_test": row.is_test == 1,
        })).collect::<Vec<_>>(),
        "commissions": commissions.iter().map(|row| json!({
            "id": row.id, "created_at": moment(row.created_at), "kind": row.kind,
            "amount": amount(row.amount_minor, Some(&row.currency)), "currency": row.currency, "status": row.status,
            "affiliate_name": row.affiliate_name, "reason": row.reason, "explanation": explanation(&row.reason),
            "is_test": row.is_test == 1,
        })).collect::<Vec<_>>(),
    });
    Ok(Answer::json(200, &body))
}

async fn latest_clicks(funnel: &Funnel, program: &str, is_test: bool) -> Result<Vec<Value>, Problem> {
    let limit = u32::try_from(LATEST).unwrap_or(u32::MAX);
    let mut shown = Vec::new();
    for click in funnel.latest_clicks(program, is_test, limit).await? {
        let affiliate = funnel.configuration().affiliate(&click.affiliate_id, false).await?;
        shown.push(self::click(&click, affiliate.as_ref().map(|affiliate| affiliate.name.as_str())));
    }
    Ok(shown)
}

fn click(click: &Click, affiliate_name: Option<&str>) -> Value {
    let fact = |names: [&str; 2]| names.iter().find_map(|name| click.facts.get(*name)).cloned();
    json!({
        "id": click.id.as_str(),
        "created_at": click.clicked_at.to_rfc3339(),
        "tracking_id": click.tracking_id,
        "affiliate_name": affiliate_name,
        "page_url": fact(["page_url", "affiliate_url"]),
        "referrer": fact(["referrer", "referrer_url"]),
        "is_test": click.scope.is_test,
    })
}

fn test_click(id: &str, created_at: i64) -> Value {
    json!({
        "id": id, "created_at": moment(created_at), "tracking_id": null, "affiliate_name": null, "page_url": null,
        "referrer": null, "is_test": true,
    })
}

fn moment(milliseconds: i64) -> String {
    Timestamp::from_milliseconds(milliseconds).to_rfc3339()
}

/// The sentence of a reason; rows of the test mode have a reason of their own.
fn explanation(reason: &str) -> &'static str {
    match reason.parse::<Reason>() {
        Ok(reason) => reason.explanation(),
        Err(_) => "A call in test mode: kept apart from everything that counts.",
    }
}

fn amount(minor: Option<i64>, currency: Option<&str>) -> Option<String> {
    let currency = Currency::from_code(currency?)?;
    Some(Money { minor: minor?, currency }.to_fixed())
}
