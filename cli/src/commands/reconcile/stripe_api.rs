//! Invoices from Stripe's own API, page by page, with a key that may read them.
//!
//! The key is sent to Stripe alone: no redirect is followed. `STRIPE_API_URL` names another address, for tests.

use std::env;
use std::time::Duration;

use attribution::time::DAY_MILLISECONDS;
use serde_json::Value;
use ureq::Agent;
use url::Url;

use super::super::{is_true, list, text};
use super::Given;
use super::invoices::Export;
use crate::config::{Key, STRIPE_KEY_VARIABLE, address};
use crate::output::progress;
use crate::problem::Problem;

const STRIPE: &str = "https://api.stripe.com";

/// A page takes so long at most.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// An invoice is paid so long after it was made, at most: it is listed by when it was made.
const PAID_WITHIN_DAYS: i64 = 60;

/// Reads the invoices that were paid in that time.
pub fn read(key: &Key, given: &Given) -> Result<Export, Problem> {
    let Some(from) = given.from else {
        let fix = "Say from when on: --from 2026-01-01.";
        return Err(Problem::settings(
            "bad_argument",
            "--from is missing: Stripe's API has every invoice there is",
            fix,
        ));
    };
    let made_from = from.milliseconds().saturating_sub(PAID_WITHIN_DAYS * DAY_MILLISECONDS);
    let mut query = vec![
        ("status".to_owned(), "paid".to_owned()),
        ("limit".to_owned(), "100".to_owned()),
        ("created[gte]".to_owned(), seconds(made_from)),
    ];
    query.extend(given.to.map(|to| ("created[lte]".to_owned(), seconds(to.milliseconds()))));
    let stripe = Stripe::with(key)?;
    let mut export = Export::default();
    let counter = progress(None, "invoices");
    let mut after: Option<String> = None;
    loop {
        let page = stripe.page(&query, after.as_deref())?;
        let listed = list(&page, "/data");
        for object in listed {
            export.add(object)?;
            counter.inc(1);
        }
        after = listed.last().map(|last| text(last, "/id").to_owned());
        if !is_true(&page, "/has_more") || after.is_none() {
            break;
        }
    }
    counter.finish_and_clear();
    Ok(export)
}

fn seconds(milliseconds: i64) -> String {
    milliseconds.div_euclid(1_000).to_string()
}

struct Stripe<'a> {
    agent: Agent,
    url: Url,
    key: &'a Key,
}

impl<'a> Stripe<'a> {
    fn with(key: &'a Key) -> Result<Self, Problem> {
        let given = env::var("STRIPE_API_URL").unwrap_or_else(|_| STRIPE.to_owned());
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(TIME_LIMIT))
            .build();
        Ok(Self { agent: config.into(), url: address(&given, "STRIPE_API_URL")?, key })
    }

    fn page(&self, query: &[(String, String)], after: Option<&str>) -> Result<Value, Problem> {
        let mut url = self.url.clone();
        url.set_path("/v1/invoices");
        url.query_pairs_mut().extend_pairs(query).extend_pairs(after.map(|id| ("starting_after", id)));
        let sent = self.agent.get(url.as_str()).header("authorization", format!("Bearer {}", self.key.value)).call();
        let network = |what: String| Problem::Network { what, fix: "Check the network, then try again.".to_owned() };
        let mut answer = sent.map_err(|cause| network(format!("{}: {cause}", self.url)))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().read_to_vec().map_err(|cause| network(format!("{}: {cause}", self.url)))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            200 => Ok(body),
            401 | 403 => {
                let fix = format!(
                    "Make a restricted key in Stripe's dashboard that may read invoices, and set {STRIPE_KEY_VARIABLE}."
                );
                let what = format!("Stripe refused {}: {}", self.key.source, text(&body, "/error/message"));
                Err(Problem::settings("bad_stripe_key", what, fix))
            }
            _ => Err(network(format!("Stripe answered {status}: {}", text(&body, "/error/message")))),
        }
    }
}
