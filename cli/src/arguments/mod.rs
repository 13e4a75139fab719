//! The tree of commands: what they are called, what they take, and what `--help` says.

mod account;
mod data;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use self::account::{Affiliates, KeyKind, Keys, NewKey, NewProgram, Programs};
pub use self::data::{Export, ExportFormat, ExportKind, Import, ImportFile, Reconcile};
pub use self::watch::{Events, TestKind, Webhooks};
use crate::config::Location;

/// Everything that can be written behind `clickledger`.
#[derive(Parser)]
#[command(name = "clickledger", version, about = "Operate Clickledger, and see that it works", max_term_width = 110)]
#[command(after_help = "Exit codes: 0 fine, 1 what was asked about is wrong, 2 usage or settings, 3 no answer, \
    4 refused, 5 a file or tool of this machine.\nEverything: docs/command-line.md")]
pub struct Arguments {
    /// One JSON document on standard output, or one line for each thing; everything else on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// The settings [default: the nearest clickledger.toml, here or above]
    #[arg(long, global = true, value_name = "FILE", env = "CLICKLEDGER_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Where the API answers; beats the settings
    #[arg(long, global = true, value_name = "URL", env = "CLICKLEDGER_URL", hide_env_values = true)]
    pub url: Option<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Write the settings: where the service is, and where its secrets come from
    #[command(
        after_help = "Example:\n  clickledger init --url https://track.example.com --site https://example.com --on remote"
    )]
    Init(Init),
    /// Check everything, and say the one thing to do about what is wrong
    #[command(
        after_help = "Example:\n  clickledger doctor || clickledger doctor --json | jq '.findings[] | select(.state == \"wrong\")'"
    )]
    Doctor(Doctor),
    /// API keys
    #[command(subcommand)]
    Keys(Keys),
    /// Programs
    #[command(subcommand)]
    Programs(Programs),
    /// Affiliates
    #[command(subcommand)]
    Affiliates(Affiliates),
    /// Send a test event, or a whole chain through the real pipeline; test rows count nowhere
    #[command(after_help = "Example:\n  clickledger test chain")]
    Test {
        /// Which
        #[arg(value_enum, default_value_t = TestKind::Click)]
        kind: TestKind,
    },
    /// What happens in the program
    #[command(subcommand)]
    Events(Events),
    /// Webhook endpoints and what they were sent
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// Bring affiliates or referrals in from a CSV file; the same file again does nothing twice
    #[command(subcommand)]
    Import(Import),
    /// Write everything of one kind out
    #[command(
        after_help = "Examples:\n  clickledger export commissions --from 2026-01-01 --to 2026-01-31 > january.csv\n  \
        clickledger export referrals --format jsonl --output referrals.jsonl"
    )]
    Export(Export),
    /// Compare the payment provider's paid invoices with the recorded sales, and credit those that are missing
    #[command(
        after_help = "With STRIPE_API_KEY (in the environment, or in .clickledger.env) Stripe itself is asked.\n\nExample:\n  clickledger reconcile --from 2026-01-01 --to 2026-01-31 --invoices invoices.csv\n  \
        clickledger reconcile --from 2026-01-01 --to 2026-01-31 --invoices invoices.csv --apply"
    )]
    Reconcile(Reconcile),
    /// Make up a demo program and write its keys, its rows and its settings to three files; `make dev` uses it
    Demo(Demo),
    /// Print what makes a shell complete these commands
    #[command(
        after_help = "Example:\n  clickledger completions bash > ~/.local/share/bash-completion/completions/clickledger"
    )]
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print docs/command-line.md
    #[command(hide = true)]
    Reference,
}

/// `init`
#[derive(Args)]
pub struct Init {
    /// The site whose pages load the tracker
    #[arg(long, value_name = "URL")]
    pub site: Option<String>,
    /// Which database is the operator's own; integrators have none
    #[arg(long, value_enum)]
    pub on: Option<Location>,
    /// The folder of Clickledger's wrangler.toml, where that is not this one
    #[arg(long, value_name = "FOLDER", requires = "on")]
    pub directory: Option<PathBuf>,
    /// The state's folder of a local database
    #[arg(long, value_name = "FOLDER", requires = "on")]
    pub persist_to: Option<PathBuf>,
    /// Replace settings that are there
    #[arg(long)]
    pub force: bool,
}

/// `doctor`
#[derive(Args)]
pub struct Doctor {
    /// Leave out the live test chain, of which a program may have ten an hour
    #[arg(long)]
    pub skip_chain: bool,
    /// Look at the service alone, which needs no key
    #[arg(long)]
    pub service: bool,
}

/// `demo`
#[derive(Args)]
pub struct Demo {
    /// Where the Worker will be served
    #[arg(long)]
    pub base_url: String,
    /// Keys and addresses, for people and scripts
    #[arg(long = "json-file")]
    pub json: PathBuf,
    /// Rows, for the database
    #[arg(long)]
    pub sql: PathBuf,
    /// Secrets and settings, for the Worker
    #[arg(long)]
    pub vars: PathBuf,
}
