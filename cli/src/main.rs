//! `clickledger`: the operator's and integrator's command.
//!
//! `demo` makes up a program with an affiliate and keys, as the files from which `make dev` fills an empty database.

mod demo;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "clickledger", version, about = "Operate Clickledger")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes up a demo program and writes its keys, its rows and its settings to three files
    Demo {
        /// Where the Worker will be served
        #[arg(long)]
        base_url: String,
        /// Keys and addresses, for people and scripts
        #[arg(long)]
        json: PathBuf,
        /// Rows, for the database
        #[arg(long)]
        sql: PathBuf,
        /// Secrets and settings, for the Worker
        #[arg(long)]
        vars: PathBuf,
    },
}

fn main() -> ExitCode {
    let Arguments { command: Command::Demo { base_url, json, sql, vars } } = Arguments::parse();
    match demo::write(&base_url, &json, &sql, &vars) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
