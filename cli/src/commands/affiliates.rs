//! `affiliates`: those of the key's program, by the API.

use serde_json::{Value, json};

use super::{data, pages, text};
use crate::api::{Api, Call};
use crate::arguments::Affiliates;
use crate::config::Settings;
use crate::output::{Column, Output};
use crate::problem::Problem;

const COLUMNS: [Column; 5] = [
    ("ID", "/id"),
    ("TRACKING ID", "/tracking_id"),
    ("NAME", "/name"),
    ("EMAIL", "/email"),
    ("STATUS", "/partnership_status"),
];

/// What was asked of the affiliates.
pub fn run(affiliates: Affiliates, settings: &Settings, output: Output) -> Result<bool, Problem> {
    let api = Api::keyed(settings)?;
    match affiliates {
        Affiliates::List { search, status } => {
            let given = [("search", &search), ("partnership_status", &status)];
            let query = given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect::<Vec<_>>();
            let mut found: Vec<Value> = Vec::new();
            pages(&api, &["v1", "affiliates"], &query, |mut rows, _| {
                found.append(&mut rows);
                Ok(())
            })?;
            output.rows(&found, &COLUMNS, "no affiliates")?;
        }
        Affiliates::Create { name, email, tracking_id, group } => {
            let body = json!({ "name": name, "email": email, "tracking_id": tracking_id, "group_id": group });
            let made = data(api.call(&Call { body: Some(&body), ..Call::to("POST", &["v1", "affiliates"]) })?);
            let said = format!("{}: their links end in ?aff={}", text(&made, "/id"), text(&made, "/tracking_id"));
            output.document(&made, &said)?;
        }
    }
    Ok(true)
}
