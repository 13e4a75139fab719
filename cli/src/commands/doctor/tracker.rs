//! Whether pages get the tracker's files, and get them as they were built.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha384};

use super::super::text;
use super::Report;
use crate::api::{Answer, Api, Call};
use crate::problem::Problem;

/// The script that pages include.
const SCRIPT: &str = "tracker.js";

/// The hashes of all files, and which one is the latest.
const HASHES: &str = "integrity.json";

/// Fetches every file and compares its hash.
pub(super) fn examine(api: &Api, report: &mut Report) {
    match look(api) {
        Ok(Ok(count)) => report.fine("tracker", format!("{count} files, as they were built")),
        Ok(Err((says, fix))) => report.wrong("tracker", says, fix),
        Err(problem) => report.wrong_by("tracker", &problem),
    }
}

/// How many files there are, or what is wrong with one and what to do.
fn look(api: &Api) -> Result<Result<usize, (String, String)>, Problem> {
    let script = file(api, SCRIPT)?;
    let hashes = file(api, HASHES)?;
    for (name, answer) in [(SCRIPT, &script), (HASHES, &hashes)] {
        if answer.status != 200 {
            return Ok(Err(not_served(api, name, answer)));
        }
    }
    let hashes = hashes.json();
    let table = hashes.get("integrity").and_then(Value::as_object);
    let wanted = |name: &str| table.and_then(|table| table.get(name)).and_then(Value::as_str).unwrap_or_default();
    if integrity(&script.bytes) != wanted(text(&hashes, "/latest")) {
        return Ok(Err(changed(api, SCRIPT)));
    }
    let names: Vec<&String> = table.into_iter().flatten().map(|(name, _)| name).collect();
    for name in &names {
        let answer = file(api, name)?;
        if answer.status != 200 {
            return Ok(Err(not_served(api, name, &answer)));
        }
        if integrity(&answer.bytes) != wanted(name) {
            return Ok(Err(changed(api, name)));
        }
    }
    Ok(Ok(names.len() + 1))
}

fn file(api: &Api, name: &str) -> Result<Answer, Problem> {
    api.answer(&Call::to("GET", &["js", name]))
}

fn integrity(bytes: &[u8]) -> String {
    format!("sha384-{}", STANDARD.encode(Sha384::digest(bytes)))
}

fn not_served(api: &Api, name: &str, answer: &Answer) -> (String, String) {
    let fix = format!("Let whatever stands before {} pass /js/* on, or build and deploy again.", api.url());
    (format!("/js/{name} is not served: {}", answer.status), fix)
}

fn changed(api: &Api, name: &str) -> (String, String) {
    let fix = format!("Switch off what rewrites JavaScript on its way from {}.", api.url());
    (format!("/js/{name} does not arrive as it was built"), fix)
}
