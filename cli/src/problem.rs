//! What keeps a command from its end, each with the one thing to do about it and the exit code that scripts see.

use std::path::PathBuf;

use serde_json::{Value, json};

/// Exit codes, as docs/command-line.md lists them.
pub mod exit {
    /// What was asked for is done, or is as it should be.
    pub const FINE: u8 = 0;
    /// What was asked about is wrong: a finding of the doctor, a bad line of a file, a sale that was not credited.
    pub const WRONG: u8 = 1;
    /// The call itself, or the settings it reads, make no sense.
    pub const USAGE: u8 = 2;
    /// No answer came, or the service said that it is unavailable.
    pub const NETWORK: u8 = 3;
    /// The service refused the call.
    pub const REFUSED: u8 = 4;
    /// A file or a tool of this machine failed.
    pub const MACHINE: u8 = 5;
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A setting, an argument or a key is missing or makes no sense.
    #[error("{what}")]
    Settings {
        /// For programs.
        code: &'static str,
        /// What is wrong, and where.
        what: String,
        /// What to do.
        fix: String,
    },
    /// Nobody answered, or nobody who speaks this protocol.
    #[error("{what}")]
    Network {
        /// What was tried and how it failed.
        what: String,
        /// What to do.
        fix: String,
    },
    /// The service refused.
    #[error("{method} {path}: {status} {code}: {message}")]
    Refused {
        /// Of the call.
        method: &'static str,
        /// Of the call.
        path: String,
        /// HTTP.
        status: u16,
        /// The service's word for it; its text where it has none.
        code: String,
        /// Its sentence.
        message: String,
        /// The field that is wrong, where it is one.
        field: Option<String>,
    },
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The platform's tool could not be run, or failed.
    #[error("{what}")]
    Tool {
        /// What it said.
        what: String,
        /// What to do.
        fix: String,
    },
}

impl Problem {
    /// A setting or an argument that makes no sense.
    pub fn settings(code: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::Settings { code, what: what.into(), fix: fix.into() }
    }

    /// A file that could not be read or written.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |cause| Self::File { path, cause }
    }

    /// What scripts see.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings { .. } => exit::USAGE,
            Self::Network { .. } => exit::NETWORK,
            Self::Refused { status, .. } if *status >= 500 => exit::NETWORK,
            Self::Refused { .. } => exit::REFUSED,
            Self::File { .. } | Self::Tool { .. } => exit::MACHINE,
        }
    }

    /// What to do about it.
    pub fn fix(&self) -> Option<String> {
        match self {
            Self::Settings { fix, .. } | Self::Network { fix, .. } | Self::Tool { fix, .. } => Some(fix.clone()),
            Self::Refused { status, code, .. } => fix_of_refusal(*status, code).map(ToOwned::to_owned),
            Self::File { .. } => None,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::Settings { code, .. } => code,
            Self::Network { .. } => "network_error",
            Self::Refused { code, .. } => code,
            Self::File { .. } => "file_error",
            Self::Tool { .. } => "tool_failed",
        }
    }

    /// For programs: what `--json` prints.
    pub fn json(&self) -> Value {
        let field = match self {
            Self::Refused { field, .. } => field.clone(),
            _ => None,
        };
        json!({ "error": {
            "code": self.code(), "message": self.to_string(), "field": field, "do": self.fix(), "exit_code": self.exit_code(),
        }})
    }
}

fn fix_of_refusal(status: u16, code: &str) -> Option<&'static str> {
    match (code, status) {
        ("API_KEY_EXPIRED" | "API_KEY_DISABLED", _) => Some(
            "Make another key: clickledger keys create --database --program prog_… (needs the operator's database).",
        ),
        ("INSUFFICIENT_PERMISSIONS", _) => Some("Use a key that has the scope which the message names."),
        ("RATE_LIMIT_EXCEEDED", _) | (_, 429) => Some("Wait a minute and try again."),
        (_, 401) => Some("Put a valid key into CLICKLEDGER_API_KEY, or into .clickledger.env beside clickledger.toml."),
        (_, 403) => Some("Use a live secret key (sk_live_…): test keys and program tokens may not do this."),
        (_, 500..) => Some("Try again shortly; `clickledger doctor` says what is away."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Problem {
        let (code, message) = (code.to_owned(), String::new());
        Problem::Refused { method: "GET", path: "/".to_owned(), status, code, message, field: None }
    }

    #[test]
    fn every_kind_of_problem_has_the_exit_code_that_is_documented() {
        let settings = Problem::settings("no_key", "", "");
        let network = Problem::Network { what: String::new(), fix: String::new() };
        let tool = Problem::Tool { what: String::new(), fix: String::new() };
        let file = Problem::file("x")(std::io::Error::other("gone"));
        let codes = [settings, network, refused(503, "X"), refused(401, "X"), refused(409, "X"), file, tool];
        assert_eq!(codes.map(|problem| problem.exit_code()), [2, 3, 3, 4, 4, 5, 5]);
    }

    #[test]
    fn programs_read_what_people_read() {
        let json = refused(401, "INVALID_API_KEY").json();
        assert_eq!(json["error"]["code"], "INVALID_API_KEY");
        assert_eq!(json["error"]["exit_code"], 4);
        assert!(json["error"]["do"].as_str().unwrap().contains("CLICKLEDGER_API_KEY"));
    }
}
