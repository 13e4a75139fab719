//! `import` and `export`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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

/// `reconcile`
#[derive(Args)]
pub struct Reconcile {
    /// Stripe's own export of invoices, a CSV file [default: what Stripe's API lists, with a key of yours]
    #[arg(long, value_name = "FILE")]
    pub invoices: Option<PathBuf>,
    /// Only invoices paid from then on: a date, or a date and time with its offset [default: the first of the file]
    #[arg(long, value_name = "WHEN")]
    pub from: Option<String>,
    /// Only invoices paid until then, likewise [default: the last of the file]
    #[arg(long, value_name = "WHEN")]
    pub to: Option<String>,
    /// Credit those that are missing; a second time it adds nothing
    #[arg(long)]
    pub apply: bool,
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
