//! The operator's own database, through the platform's tool: `wrangler d1 execute DB`, on the hosted database or on the one
//! of `make dev`. Only what no route may do goes this way: the first program, its first keys, and all programs at once.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::config::{DatabaseSettings, FILE, Location, Settings};
use crate::problem::Problem;

/// The name of the binding in wrangler.toml.
const BINDING: &str = "DB";

/// The environment of wrangler.toml whose database is meant, unless the settings name another.
const ENVIRONMENT: &str = "production";

/// A database that SQL can be run on.
pub struct Database {
    tool: PathBuf,
    directory: PathBuf,
    location: Location,
    persist_to: Option<PathBuf>,
    environment: String,
}

impl Database {
    /// The one of these settings; `location` is an argument of the call, which beats the file.
    pub fn of(settings: &Settings, location: Option<Location>) -> Result<Self, Problem> {
        let fallback = location.map(|location| DatabaseSettings {
            location,
            directory: None,
            persist_to: None,
            environment: None,
        });
        let Some(database) = settings.database.clone().or(fallback) else {
            let what = format!("this works on the operator's own database, and {FILE} names none");
            let fix =
                "Run it where wrangler.toml is, with `--on local` or `--on remote`, or write [database] into the file.";
            return Err(Problem::settings("no_database", what, fix));
        };
        let location = location.unwrap_or(database.location);
        let directory = settings.directory.join(database.directory.unwrap_or_default());
        if !directory.join("wrangler.toml").is_file() {
            let what = format!("{}: there is no wrangler.toml", directory.display());
            let fix =
                format!("Set `directory` under [database] in {FILE} to the folder of Clickledger's wrangler.toml.");
            return Err(Problem::settings("no_database", what, fix));
        }
        let persist_to = database.persist_to.map(|folder| settings.directory.join(folder));
        let environment = database.environment.unwrap_or_else(|| ENVIRONMENT.to_owned());
        Ok(Self { tool: tool_in(&directory), directory, location, persist_to, environment })
    }

    /// Runs statements, all of them or none, and says what each read.
    pub fn run(&self, sql: &str) -> Result<Vec<Vec<Value>>, Problem> {
        let path =
            std::env::temp_dir().join(format!("clickledger-{}-{}.sql", std::process::id(), crate::machine::now()));
        write_private(&path, sql)?;
        let answer = self.execute(&["--file", &path.to_string_lossy()]);
        fs::remove_file(&path).map_err(Problem::file(&path))?;
        answer
    }

    /// Reads rows.
    pub fn read(&self, sql: &str) -> Result<Vec<Value>, Problem> {
        Ok(self.execute(&["--command", sql])?.into_iter().next().unwrap_or_default())
    }

    fn execute(&self, what: &[&str]) -> Result<Vec<Vec<Value>>, Problem> {
        let mut command = Command::new(&self.tool);
        command.current_dir(&self.directory).args(["d1", "execute", BINDING, "--json", "--yes"]).args(what);
        match self.location {
            Location::Local => command.arg("--local"),
            Location::Remote => command.args(["--remote", "--env", &self.environment]),
        };
        if let (Some(folder), Location::Local) = (&self.persist_to, self.location) {
            command.arg("--persist-to").arg(folder);
        }
        // No banner, which looks for updates, and no report of its use.
        command.env("WRANGLER_HIDE_BANNER", "true").env("WRANGLER_SEND_METRICS", "false");
        let output = command.output().map_err(|cause| {
            let what = format!("{}: {cause}", self.tool.display());
            Problem::Tool { what, fix: "Install wrangler (`npm install` where wrangler.toml is).".to_owned() }
        })?;
        let printed = String::from_utf8_lossy(&output.stdout);
        rows(&printed).filter(|_| output.status.success()).ok_or_else(|| failure(&printed, &output.stderr))
    }
}

/// The tool beside wrangler.toml, else the one on the path.
fn tool_in(directory: &Path) -> PathBuf {
    let own = directory.join("node_modules/.bin/wrangler");
    if own.is_file() { own } else { PathBuf::from("wrangler") }
}

fn rows(printed: &str) -> Option<Vec<Vec<Value>>> {
    let start = printed.find('[')?;
    let answers: Vec<Value> = serde_json::from_str(printed.get(start..)?).ok()?;
    Some(
        answers
            .iter()
            .map(|answer| answer.get("results").and_then(Value::as_array).cloned().unwrap_or_default())
            .collect(),
    )
}

fn failure(printed: &str, errors: &[u8]) -> Problem {
    let errors = String::from_utf8_lossy(errors);
    let said = if errors.trim().is_empty() { printed } else { &errors };
    let fix = if said.contains("no such table") || said.contains("no such column") || said.contains("no column") {
        "Apply the migrations first: make deploy, or for a local one wrangler d1 migrations apply DB --local."
    } else {
        "Correct what wrangler says, then run the command again: nothing was written."
    };
    Problem::Tool { what: format!("wrangler d1 execute failed: {}", said.trim()), fix: fix.to_owned() }
}

/// A file that nobody else may read.
pub fn write_private(path: &Path, text: &str) -> Result<(), Problem> {
    let options = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    options.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Problem::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_behind_whatever_the_tool_says_first() {
        let printed = "note\n[{\"results\": [{\"id\": \"prog_1\"}], \"success\": true}, {\"success\": true}]\n";
        assert_eq!(rows(printed), Some(vec![vec![serde_json::json!({ "id": "prog_1" })], vec![]]));
        assert_eq!(rows("error"), None);
    }

    #[test]
    fn a_database_without_tables_is_told_apart() {
        let fix = failure("", b"no such table: program: SQLITE_ERROR").fix().unwrap();
        assert!(fix.starts_with("Apply the migrations"), "{fix}");
    }
}
