//! `events tail`: the lines of the program's ledger, each once, in the order of their commits.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::{is_true, rows, text};
use crate::api::Api;
use crate::arguments::Events;
use crate::output::{Output, note, printable};
use crate::problem::Problem;

/// Prints lines until it is ended, or to the latest one.
pub fn run(events: &Events, api: &Api, output: Output) -> Result<bool, Problem> {
    let Events::Tail { after, no_follow, lines, every } = events;
    let mut place = after.map(|place| place.to_string());
    loop {
        let limit = if place.is_some() { "200".to_owned() } else { lines.to_string() };
        let mut query = vec![("limit", limit.as_str())];
        query.extend(place.as_deref().map(|place| ("after", place)));
        let answer = match api.get(&["v1", "events"], &query) {
            Ok(answer) => answer,
            // Whoever follows wants to go on when the service is back.
            Err(away @ Problem::Network { .. }) if !no_follow && place.is_some() => {
                note(&format!("{away}; trying again"));
                sleep(Duration::from_secs(u64::from(*every)));
                continue;
            }
            Err(problem) => return Err(problem),
        };
        let has_more = is_true(&answer, "/has_more");
        place = Some(text(&answer, "/next").to_owned());
        for line in rows(answer) {
            output.line(&line, &sentence(&line))?;
        }
        if has_more {
            continue;
        }
        if *no_follow {
            note(&format!("next: --after {}", place.unwrap_or_default()));
            return Ok(true);
        }
        sleep(Duration::from_secs(u64::from(*every)));
    }
}

fn sentence(line: &Value) -> String {
    let parts = ["/at", "/event", "/reason", "/subject", "/actor"].map(|at| printable(text(line, at)));
    parts.join("  ")
}
