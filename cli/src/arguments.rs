//! The tree of commands: what they are called, what they take, and what `--help` says.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

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
}

/// `keys`
#[derive(Subcommand)]
pub enum Keys {
    /// Make a key, shown this once
    #[command(
        after_help = "Examples:\n  clickledger keys create --name ci --scopes read:referrals,read:commissions\n  \
        clickledger keys create --database --program prog_…   # the very first, or after all were lost"
    )]
    Create(NewKey),
    /// List the program's keys
    List,
    /// Replace a key; the old one works on for a while
    Rotate {
        /// The key's id
        id: String,
        /// For how many hours the old one works on [default: the service's]
        #[arg(long, value_name = "HOURS")]
        overlap_hours: Option<u32>,
    },
    /// End a key
    Disable {
        /// The key's id
        id: String,
    },
}

/// `keys create`
#[derive(Args)]
pub struct NewKey {
    /// For people
    #[arg(long, required_unless_present = "database")]
    pub name: Option<String>,
    /// What it may do, with commas; everything unless given
    #[arg(long, value_delimiter = ',')]
    pub scopes: Vec<String>,
    /// Until when it works: a date, or a date and time with its offset
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
    /// Of which kind
    #[arg(long, value_enum, default_value_t = KeyKind::Live)]
    pub kind: KeyKind,
    /// On the operator's own database instead of by the API: needs no key
    #[arg(long, requires = "program", conflicts_with_all = ["scopes", "expires", "name"])]
    pub database: bool,
    /// The program, with --database
    #[arg(long, value_name = "ID", requires = "database")]
    pub program: Option<String>,
    /// Which database, instead of the settings'
    #[arg(long, value_enum, requires = "database")]
    pub on: Option<Location>,
}

/// Of which kind a key is.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyKind {
    /// A backend's, on live rows
    Live,
    /// A backend's, on test rows
    Test,
    /// The tracking API's
    Token,
}

/// `programs`
#[derive(Subcommand)]
pub enum Programs {
    /// Make a team, a program and its first keys, on the operator's own database
    #[command(
        after_help = "Example:\n  clickledger programs create --name Partners --currency USD --origin https://shop.example \
        --commission 30%"
    )]
    Create(NewProgram),
    /// List all programs of the operator's own database
    List {
        /// Which database, instead of the settings'
        #[arg(long, value_enum)]
        on: Option<Location>,
    },
    /// Let pages of a web origin call for the key's program
    #[command(after_help = "Example:\n  clickledger programs allow https://shop.example")]
    Allow {
        /// Scheme, host and port
        origin: String,
    },
}

/// `programs create`
#[derive(Args)]
pub struct NewProgram {
    /// For people
    #[arg(long)]
    pub name: String,
    /// The team that owns it [default: the program's name]
    #[arg(long)]
    pub team: Option<String>,
    /// In which commissions are paid (ISO 4217)
    #[arg(long, default_value = "USD")]
    pub currency: String,
    /// A site whose pages load the tracker; may be given more than once
    #[arg(long = "origin", value_name = "ORIGIN")]
    pub origins: Vec<String>,
    /// What a sale pays: a percentage like 30%, or an amount like 10.00
    #[arg(long)]
    pub commission: Option<String>,
    /// Make it although there is one of this name
    #[arg(long)]
    pub another: bool,
    /// Which database, instead of the settings'
    #[arg(long, value_enum)]
    pub on: Option<Location>,
}

/// `affiliates`
#[derive(Subcommand)]
pub enum Affiliates {
    /// Make an affiliate
    #[command(
        after_help = "Example:\n  clickledger affiliates create --name Mara --email mara@partners.example --tracking-id mara"
    )]
    Create {
        /// For people
        #[arg(long)]
        name: String,
        /// Nobody else's in the program
        #[arg(long)]
        email: String,
        /// What stands in their links [default: made of the name]
        #[arg(long)]
        tracking_id: Option<String>,
        /// The group by whose incentives they earn [default: the default one]
        #[arg(long, value_name = "ID")]
        group: Option<String>,
    },
    /// List affiliates
    List {
        /// In name, address and tracking id
        #[arg(long)]
        search: Option<String>,
        /// pending, approved or rejected
        #[arg(long)]
        status: Option<String>,
    },
}

/// What `test` sends.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TestKind {
    /// One event
    Click,
    /// One event
    Lead,
    /// One event
    Sale,
    /// Click, lead and sale, through the real pipeline
    Chain,
}

/// `events`
#[derive(Subcommand)]
pub enum Events {
    /// Print the latest lines of the ledger, then each one as it comes
    #[command(after_help = "Example:\n  clickledger events tail --json | jq -c '{event, reason, subject}'")]
    Tail {
        /// Begin behind this place: the `next` of an earlier line
        #[arg(long, value_name = "NEXT")]
        after: Option<u64>,
        /// End at the latest line instead of waiting for more
        #[arg(long)]
        no_follow: bool,
        /// How many of the latest to begin with
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        lines: u32,
        /// Seconds between two looks
        #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
        every: u32,
    },
}

/// `webhooks`
#[derive(Subcommand)]
pub enum Webhooks {
    /// List endpoints, with what each has failed to take
    List,
    /// Switch an endpoint on again; it goes on where it stood
    Enable {
        /// The endpoint's id
        endpoint: String,
    },
    /// Send again: everything that was given up, or one delivery
    #[command(after_help = "Example:\n  clickledger webhooks replay whe_… evt_…")]
    Replay {
        /// The endpoint's id
        endpoint: String,
        /// One delivery's id
        delivery: Option<String>,
    },
}

/// `import`
#[derive(Subcommand)]
pub enum Import {
    #[command(
        about = "Columns: name, email; any of tracking_id, group_id, external_user_id, company_name, country_code, \
        recruited_by"
    )]
    Affiliates(ImportFile),
    #[command(
        about = "Columns: email; affiliate_id or tracking_id; any of customer_id, subscription_id, status, created_at, \
        name"
    )]
    Referrals(ImportFile),
}

/// What is brought in.
#[derive(Args)]
#[command(
    after_help = "Lines that are wrong are named with their number, and then nothing is sent at all, unless --skip-wrong.\n\
    A run that was interrupted is simply repeated: what is there already is not made again."
)]
pub struct ImportFile {
    /// CSV with a line of titles
    pub file: PathBuf,
    /// Check everything and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Bring the good lines in although others are wrong
    #[arg(long)]
    pub skip_wrong: bool,
}

/// `export`
#[derive(Args)]
pub struct Export {
    /// What
    #[arg(value_enum)]
    pub kind: ExportKind,
    /// How [default: csv, or jsonl with --json]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// Where to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Nothing earlier: a date, or a date and time with its offset
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Nothing later, likewise
    #[arg(long, value_name = "WHEN")]
    pub to: Option<String>,
}

/// What can be written out.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportKind {
    /// Customers whom affiliates brought
    Referrals,
    /// Sales
    Conversions,
    /// What affiliates earn
    Commissions,
    /// What they were paid
    Payouts,
}

/// How rows are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A table, for spreadsheets
    Csv,
    /// One JSON object on each line, as the API answers it
    Jsonl,
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
