//! `clickledger`: the operator's and integrator's command.
//!
//! [`arguments`] is the tree of commands, [`commands`] has one module for each. Whatever the API can do goes over HTTP with
//! an API key ([`api`]); what no route may do goes to the operator's own database ([`database`]). State: settings in a file
//! that may be committed, and a key that may not ([`config`]).

mod api;
mod arguments;
mod commands;
mod config;
mod database;
mod machine;
mod output;
mod problem;
mod rows;

use std::process::ExitCode;

use clap::Parser as _;

use self::arguments::Arguments;
use self::output::{Output, write_out};
use self::problem::exit;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output { json: arguments.json };
    match commands::run(arguments, output) {
        Ok(true) => ExitCode::from(exit::FINE),
        Ok(false) => ExitCode::from(exit::WRONG),
        Err(problem) => {
            eprintln!("error: {}", output::printable(&problem.to_string()));
            if let Some(fix) = problem.fix() {
                eprintln!("do: {fix}");
            }
            if output.json && write_out(&format!("{:#}\n", problem.json())).is_err() {
                eprintln!("error: standard output is closed");
            }
            ExitCode::from(problem.exit_code())
        }
    }
}
