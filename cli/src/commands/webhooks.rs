//! `webhooks`: the endpoints of the key's program, what they failed to take, and sending that again.

use serde_json::{Value, json};

use super::{data, number, rows, text};
use crate::api::{Api, Call};
use crate::arguments::Webhooks;
use crate::output::{Column, Output};
use crate::problem::Problem;

const COLUMNS: [Column; 5] =
    [("ID", "/id"), ("URL", "/url"), ("EVENTS", "/events"), ("DISABLED", "/disabled_reason"), ("FAILED", "/failed")];

/// Failed deliveries are counted up to this: a page of the log.
const COUNTED: usize = 100;

/// What was asked of the endpoints.
pub fn run(webhooks: Webhooks, api: &Api, output: Output) -> Result<bool, Problem> {
    match webhooks {
        Webhooks::List => output.rows(&endpoints(api)?, &COLUMNS, "no endpoints"),
        Webhooks::Enable { endpoint } => {
            let body = json!({ "enabled": true });
            let path = ["v1", "webhooks", &endpoint];
            let answer = data(api.call(&Call { body: Some(&body), ..Call::to("PUT", &path) })?);
            output.document(&answer, &format!("{endpoint} is enabled"))
        }
        Webhooks::Replay { endpoint, delivery: None } => {
            let path = ["v1", "webhooks", &endpoint, "replay-failed"];
            let answer = data(api.call(&Call::to("POST", &path))?);
            let said = format!("{} deliveries are sent again", number(&answer, "/replayed"));
            output.document(&answer, &said)
        }
        Webhooks::Replay { endpoint, delivery: Some(delivery) } => {
            let path = ["v1", "webhooks", &endpoint, "deliveries", &delivery, "replay"];
            let answer = data(api.call(&Call::to("POST", &path))?);
            output.document(&answer, &format!("{delivery} ({}) is sent again", text(&answer, "/type")))
        }
    }
    .map(|()| true)
}

/// Every endpoint, with how many of its deliveries were given up.
fn endpoints(api: &Api) -> Result<Vec<Value>, Problem> {
    let mut endpoints = rows(api.get(&["v1", "webhooks"], &[])?);
    for endpoint in &mut endpoints {
        let failed = log(api, text(endpoint, "/id"), &[("status", "failed"), ("limit", "100")])?.len();
        let shown = if failed < COUNTED { json!(failed) } else { json!(format!("{COUNTED} or more")) };
        if let Some(fields) = endpoint.as_object_mut() {
            fields.insert("failed".to_owned(), shown);
        }
    }
    Ok(endpoints)
}

/// Entries of an endpoint's log, the newest first.
pub fn log(api: &Api, endpoint: &str, query: &[(&str, &str)]) -> Result<Vec<Value>, Problem> {
    Ok(rows(api.get(&["v1", "webhooks", endpoint, "deliveries"], query)?))
}
