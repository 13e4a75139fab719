//! `keys`, `programs`, `affiliates`: who may do what, for whom.

use clap::{Args, Subcommand, ValueEnum};

use crate::config::Location;

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
    #[arg(long, requires = "program", conflicts_with_all = ["scopes", "expires"])]
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
