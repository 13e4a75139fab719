//! `test`, `events`, `webhooks`: what is sent to see that it works, and what happens.

use clap::{Subcommand, ValueEnum};

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
