//! `import`: rows of a CSV file become affiliates or referrals, one call each.
//!
//! Every line is checked before anything is sent. Each call carries an idempotency key that is made of what the line says,
//! and what is there already by its address is left alone: a run that was interrupted is simply repeated.

mod sheet;

use std::collections::BTreeMap;

use attribution::keys::sha256;
use serde_json::{Value, json};

use self::sheet::{Fault, Kind, Line};
use super::{pages, text};
use crate::api::{Api, Call};
use crate::arguments::{Import, ImportFile};
use crate::output::{Output, note, printable, progress};
use crate::problem::Problem;

/// What came of a file.
#[derive(Default)]
struct Outcome {
    made: u64,
    there_already: u64,
    faults: Vec<Fault>,
    was_sent: bool,
}

/// Brings a file in. `false`: some of its lines are wrong.
pub fn run(import: Import, api: &Api, output: Output) -> Result<bool, Problem> {
    let (kind, file) = match import {
        Import::Affiliates(file) => (Kind::Affiliates, file),
        Import::Referrals(file) => (Kind::Referrals, file),
    };
    let (lines, mut faults) = sheet::read(kind, &file.file)?;
    let affiliates = if kind == Kind::Referrals { affiliates(api)? } else { BTreeMap::new() };
    let mut good = Vec::new();
    for line in lines {
        match body(kind, &line, &affiliates) {
            Ok(body) => good.push((line.number, body)),
            Err(fault) => faults.push(fault),
        }
    }
    let mut outcome = Outcome { faults, ..Outcome::default() };
    if !file.dry_run && (outcome.faults.is_empty() || file.skip_wrong) {
        send(kind, &good, api, &mut outcome)?;
    }
    outcome.faults.sort_by_key(|fault| fault.line);
    report(&outcome, good.len(), &file, output)?;
    Ok(outcome.faults.is_empty())
}

/// The program's affiliates: ids by id and by tracking id.
fn affiliates(api: &Api) -> Result<BTreeMap<String, String>, Problem> {
    let mut known = BTreeMap::new();
    pages(api, &["v1", "affiliates"], &[], |rows, _| {
        for row in rows {
            let id = text(&row, "/id").to_owned();
            known.insert(text(&row, "/tracking_id").to_owned(), id.clone());
            known.insert(id.clone(), id);
        }
        Ok(())
    })?;
    Ok(known)
}

/// What is sent for a line.
fn body(kind: Kind, line: &Line, affiliates: &BTreeMap<String, String>) -> Result<Value, Fault> {
    let mut body: serde_json::Map<String, Value> =
        line.cells.iter().map(|(name, cell)| ((*name).to_owned(), Value::from(cell.as_str()))).collect();
    if kind == Kind::Affiliates {
        return Ok(Value::Object(body));
    }
    let name = if line.cells.contains_key("affiliate_id") { "affiliate_id" } else { "tracking_id" };
    let named = line.cells.get(name).map(String::as_str).unwrap_or_default();
    let Some(id) = affiliates.get(named) else {
        return Err(line.fault(Some(name), format!("the program has no affiliate {named:?}")));
    };
    body.remove("tracking_id");
    body.insert("affiliate_id".to_owned(), id.as_str().into());
    Ok(Value::Object(body))
}

/// Sends line after line; what is refused is a fault of its line, and what nobody answered ends the run.
fn send(kind: Kind, lines: &[(u64, Value)], api: &Api, outcome: &mut Outcome) -> Result<(), Problem> {
    outcome.was_sent = true;
    let counter = progress(u64::try_from(lines.len()).ok(), kind.path());
    for (number, body) in lines {
        let key = format!("import-{}", sha256(format!("{} {body}", kind.path()).as_bytes()));
        let path = ["v1", kind.path()];
        let call = Call { body: Some(body), idempotency_key: Some(&key), ..Call::to("POST", &path) };
        match api.good_answer(&call) {
            Ok(answer) if answer.replayed => outcome.there_already += 1,
            Ok(_) => outcome.made += 1,
            Err(Problem::Refused { status: 409, field: Some(field), .. }) if field == "email" => {
                outcome.there_already += 1;
            }
            // One of its other names is taken: by the same affiliate, if the address is that one's too.
            Err(Problem::Refused { status: 409, .. }) if is_affiliate(kind, body, api)? => outcome.there_already += 1,
            Err(Problem::Refused { status: 400 | 404 | 409 | 422, message, field, .. }) => {
                outcome.faults.push(Fault { line: *number, column: field, reason: message });
            }
            Err(problem) => {
                counter.finish_and_clear();
                note(&format!("stopped at line {number}; run it again to go on"));
                return Err(problem);
            }
        }
        counter.inc(1);
    }
    counter.finish_and_clear();
    Ok(())
}

/// Whether there is an affiliate with this line's address.
fn is_affiliate(kind: Kind, body: &Value, api: &Api) -> Result<bool, Problem> {
    if kind != Kind::Affiliates {
        return Ok(false);
    }
    let email = text(body, "/email");
    let mut is_there = false;
    pages(api, &["v1", "affiliates"], &[("search", email)], |rows, _| {
        is_there |= rows.iter().any(|row| text(row, "/email").eq_ignore_ascii_case(email));
        Ok(())
    })?;
    Ok(is_there)
}

fn report(outcome: &Outcome, good: usize, file: &ImportFile, output: Output) -> Result<(), Problem> {
    let Outcome { made, there_already, faults, was_sent } = outcome;
    let wrong: Vec<Value> = faults.iter().map(Fault::json).collect();
    let document = json!({
        "sent": was_sent, "good_lines": good, "made": made, "there_already": there_already, "wrong": wrong,
    });
    let lines: String = faults.iter().map(|fault| printable(&fault.to_string()) + "\n").collect();
    let count = faults.len();
    let end = match was_sent {
        true => format!("{made} made, {there_already} there already, {count} wrong"),
        false if file.dry_run => format!("{good} good lines, {count} wrong; nothing was sent (dry run)"),
        false => format!("{good} good lines, {count} wrong; nothing was sent: correct them, or use --skip-wrong"),
    };
    output.document(&document, &(lines + &end))
}
