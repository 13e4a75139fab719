//! One module for each command. A command says whether what was asked about is as it should be, or what kept it.

mod affiliates;
pub mod demo;
mod doctor;
mod events;
mod export;
mod import;
mod init;
mod keys;
mod programs;
mod reconcile;
mod reference;
mod test_events;
mod webhooks;

use clap::CommandFactory as _;
use serde_json::Value;

use crate::api::Api;
use crate::arguments::{Arguments, Command};
use crate::config::Settings;
use crate::output::{Output, write_out};
use crate::problem::Problem;

/// Does what was asked. `false`: done, and something is wrong with what was asked about.
pub fn run(arguments: Arguments, output: Output) -> Result<bool, Problem> {
    let Arguments { json: _, config, url, command } = arguments;
    let load = || Settings::load(config.as_deref(), url.as_deref());
    match command {
        Command::Demo(demo) => demo::write(&demo).map(|()| true),
        Command::Reference => write_out(&reference::markdown()).map(|()| true),
        Command::Completions { shell } => completions(shell),
        Command::Init(init) => init::write(&init, config.as_deref(), url.as_deref(), output).map(|()| true),
        Command::Doctor(doctor) => doctor::examine(load(), &doctor, output),
        Command::Keys(keys) => keys::run(keys, &load()?, output),
        Command::Programs(programs) => programs::run(programs, &load()?, output),
        Command::Affiliates(affiliates) => affiliates::run(affiliates, &load()?, output),
        Command::Test { kind } => test_events::send(kind, &Api::keyed(&load()?)?, output),
        Command::Events(events) => events::run(&events, &Api::keyed(&load()?)?, output),
        Command::Webhooks(webhooks) => webhooks::run(webhooks, &Api::keyed(&load()?)?, output),
        Command::Import(import) => import::run(import, &Api::keyed(&load()?)?, output),
        Command::Reconcile(reconcile) => reconcile::run(&reconcile, &load()?, output),
        Command::Export(export) => export::run(&export, &Api::keyed(&load()?)?, output),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<bool, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "clickledger", &mut script);
    write_out(&String::from_utf8_lossy(&script)).map(|()| true)
}

/// What is in the envelope of an answer.
fn data(mut answer: Value) -> Value {
    answer.get_mut("data").map(Value::take).unwrap_or_default()
}

/// All rows of a list that is read by page number, as far as `each` wants to go on.
fn pages(
    api: &Api,
    path: &[&str],
    query: &[(&str, &str)],
    mut each: impl FnMut(Vec<Value>, Option<u64>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for page in 1_u32.. {
        let number = page.to_string();
        let query: Vec<(&str, &str)> =
            query.iter().copied().chain([("page", number.as_str()), ("limit", "200")]).collect();
        let answer = api.get(path, &query)?;
        let total = answer.pointer("/pagination/total").and_then(Value::as_u64);
        let has_more = answer.pointer("/pagination/has_next_page").and_then(Value::as_bool).unwrap_or(false);
        each(rows(answer), total)?;
        if !has_more {
            break;
        }
    }
    Ok(())
}

/// The rows of a list's answer.
fn rows(answer: Value) -> Vec<Value> {
    match data(answer) {
        Value::Array(rows) => rows,
        _ => Vec::new(),
    }
}

/// Whether an answer says yes there.
fn is_true(value: &Value, at: &str) -> bool {
    value.pointer(at).and_then(Value::as_bool).unwrap_or(false)
}

/// A list in an answer; empty where it is not there.
fn list<'a>(value: &'a Value, at: &str) -> &'a [Value] {
    value.pointer(at).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A number in an answer; 0 where it is not there.
fn number(value: &Value, at: &str) -> i64 {
    value.pointer(at).and_then(Value::as_i64).unwrap_or_default()
}

/// A text in an answer; empty where it is not there.
fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}
