//! Whether what is committed also gets where it should: to subscribers, into the team's currency, and through the pipeline.

use serde_json::Value;

use super::super::{data, is_true, list, number, rows, test_events, text, webhooks};
use super::Report;
use crate::api::Api;
use crate::problem::Problem;

/// Endpoints that were given up, or do not take what they are sent: one finding for each.
pub(super) fn webhooks(api: &Api, report: &mut Report) -> Result<(), Problem> {
    let endpoints = rows(api.get(&["v1", "webhooks"], &[])?);
    let mut taking = 0;
    for endpoint in &endpoints {
        let Some((says, fix)) = trouble(api, endpoint)? else {
            taking += 1;
            continue;
        };
        report.wrong("webhooks", says, fix);
    }
    if taking == endpoints.len() {
        report.fine("webhooks", format!("{taking} endpoints, nothing that they failed to take"));
    }
    Ok(())
}

/// What is wrong with an endpoint, and what to do.
fn trouble(api: &Api, endpoint: &Value) -> Result<Option<(String, String)>, Problem> {
    let (id, url) = (text(endpoint, "/id"), text(endpoint, "/url"));
    let switched_off = match text(endpoint, "/disabled_reason") {
        "" => None,
        "by_owner" => return Ok(None),
        "gone" => Some("it answered 410"),
        _ => Some("nothing reached it for days"),
    };
    if let Some(why) = switched_off {
        let fix = format!("Correct what answers at {url}, then: clickledger webhooks enable {id}");
        return Ok(Some((format!("{id} ({url}) is switched off: {why}"), fix)));
    }
    let given_up = webhooks::log(api, id, &[("status", "failed"), ("limit", "1")])?;
    if let Some(delivery) = given_up.first() {
        let fix = format!("Correct what answers at {url}, then: clickledger webhooks replay {id}");
        return Ok(Some((format!("{id} ({url}) did not take what it was sent: {}", last_attempt(delivery)), fix)));
    }
    let waiting = webhooks::log(api, id, &[("status", "pending"), ("limit", "1")])?;
    let failing = waiting.first().filter(|delivery| !list(delivery, "/attempts").is_empty());
    Ok(failing.map(|delivery| {
        let says = format!("{id} ({url}) does not take what it is sent: {}", last_attempt(delivery));
        (says, format!("Correct what answers at {url}: it is sent again by itself."))
    }))
}

fn last_attempt(delivery: &Value) -> String {
    let Some(last) = list(delivery, "/attempts").last() else { return "never tried".to_owned() };
    match number(last, "/status_code") {
        0 => format!("{} at {}", text(last, "/error"), text(last, "/at")),
        status => format!("it answered {status} at {}", text(last, "/at")),
    }
}

/// Sales that wait for a rate of exchange, and whether the team's currency can have one.
pub(super) fn currency(api: &Api, report: &mut Report) -> Result<(), Problem> {
    let latest = data(api.get(&["v1", "rates"], &[])?);
    let waiting = rows(api.get(&["v1", "rates", "missing"], &[])?);
    let team = text(&latest, "/team_currency");
    if let Some(sales) = waiting.first() {
        let (currency, day) = (text(sales, "/currency"), text(sales, "/oldest_day"));
        report.wrong(
            "currency",
            format!("{} sales in {currency} wait for a rate since {day}: their commissions are not worked out", number(sales, "/count")),
            format!("Set one: PUT /v1/rates/{day} {{\"rates\": {{\"{currency}\": \"…\"}}}} (units of {currency} for one EUR)"),
        );
        return Ok(());
    }
    if is_true(&latest, "/team_currency_has_rates") {
        report.fine("currency", format!("{team}, which other currencies are converted to"));
    } else {
        report.note(
            "currency",
            format!("{team} has no rate yet: sales in {team} earn at once, sales in other currencies wait for one"),
        );
    }
    Ok(())
}

/// A made-up customer from click to sale, through the real pipeline, as test rows.
pub(super) fn chain(api: &Api, report: &mut Report) {
    match test_events::chain(api).map(data) {
        Ok(chain) if test_events::is_attributed(&chain) => {
            report.fine("chain", format!("a test customer came through: {}", test_events::verdict(&chain)));
        }
        Ok(chain) => report.wrong(
            "chain",
            format!("a test customer was not credited: {}", test_events::verdict(&chain)),
            "Look at the reasons: CLICKLEDGER_API_KEY=sk_test_… clickledger events tail --no-follow",
        ),
        Err(Problem::Refused { status: 429, .. }) => {
            report.skip("chain", "this program has had its ten chains of the hour");
        }
        Err(problem) => report.wrong_by("chain", &problem),
    }
}
