//! A made-up program: one team, one program, one affiliate, its keys; every id and key fresh.
//!
//! The rows are plain SQL, so that the same text can be read, checked and applied with the platform's own tool.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use attribution::ids::{Random, mint};
use attribution::keys::{KeyForm, key_hash, masked};
use serde_json::json;

/// Could not write the demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoProblem {
    /// A file.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The machine's clock says a time before 1970.
    #[error("the clock of this machine is not set")]
    Clock,
}

/// What stands in the demo affiliate's links.
const TRACKING_ID: &str = "mara";

/// The demo is for trying things out, load among them.
const DEMO_CALLS_PER_MINUTE: u32 = 1_000_000;
const DEMO_CALLS_PER_SECOND: u32 = 20_000;

/// The system's randomness. Without it no key would be a secret, so there is nothing to go on with.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Err(cause) = getrandom::fill(bytes) {
            eprintln!("error: the system gives no randomness: {cause}");
            std::process::exit(1);
        }
    }
}

struct Demo {
    team_id: String,
    program_id: String,
    group_id: String,
    incentive_id: String,
    affiliate_id: String,
    secret_key: String,
    test_key: String,
    program_token: String,
    identity_secret: String,
    now: u128,
}

impl Demo {
    fn mint(now: u128) -> Self {
        let random = &mut SystemRandom;
        Self {
            team_id: mint("team", random),
            program_id: mint("prog", random),
            group_id: mint("grp", random),
            incentive_id: mint("inc", random),
            affiliate_id: mint("aff", random),
            secret_key: KeyForm::Live.mint(random),
            test_key: KeyForm::Test.mint(random),
            program_token: KeyForm::ProgramToken.mint(random),
            identity_secret: mint("identity", random),
            now,
        }
    }

    fn json(&self, base_url: &str) -> String {
        let demo = json!({
            "base_url": base_url,
            "secret_key": self.secret_key,
            "test_key": self.test_key,
            "program_token": self.program_token,
            "program_id": self.program_id,
            "tracking_id": TRACKING_ID,
            "demo_url": format!("{base_url}/demo"),
        });
        format!("{demo:#}\n")
    }

    fn vars(&self) -> String {
        format!(
            "IDENTITY_SECRET={}\nDEMO_SECRET_KEY={}\nDEMO_TRACKING_ID={TRACKING_ID}\n",
            self.identity_secret, self.secret_key
        )
    }

    /// Every value is an id, a hash or a constant of this file: nothing to escape but the address, which is checked.
    fn sql(&self, origin: &str) -> String {
        let Self { team_id, program_id, group_id, incentive_id, affiliate_id, now, .. } = self;
        let keys = [
            (&self.secret_key, KeyForm::Live, "Demo shop"),
            (&self.test_key, KeyForm::Test, "Demo shop, test mode"),
            (&self.program_token, KeyForm::ProgramToken, "Demo token"),
        ];
        let key_row = |(key, form, name): &(&String, KeyForm, &str)| {
            let (hash, masked, kind, is_test) = (key_hash(key), masked(key), form.kind(), u8::from(form.is_test()));
            let id = mint("key", &mut SystemRandom);
            format!("('{hash}', '{id}', '{team_id}', '{program_id}', '{kind}', {is_test}, '{name}', '{masked}', {now})")
        };
        let key_rows: Vec<String> = keys.iter().map(key_row).collect();
        format!(
            "INSERT INTO team (id, name, currency, created_at, calls_per_minute, calls_per_second) VALUES \
             ('{team_id}', 'Half Quire', 'USD', {now}, {DEMO_CALLS_PER_MINUTE}, {DEMO_CALLS_PER_SECOND});\n\
             INSERT INTO program (id, number, team_id, name, created_at) VALUES \
             ('{program_id}', (SELECT COALESCE(MAX(number), 0) + 1 FROM program), '{team_id}', 'Half Quire Partners', {now});\n\
             INSERT INTO program_origin (program_id, origin, team_id) VALUES ('{program_id}', '{origin}', '{team_id}');\n\
             INSERT INTO affiliate_group (id, team_id, program_id, name, is_default, created_at) VALUES \
             ('{group_id}', '{team_id}', '{program_id}', 'Everyone', 1, {now});\n\
             INSERT INTO incentive (id, team_id, program_id, group_id, name, pays_for, kind, rate_ppm, apply_to, approval, created_at) \
             VALUES ('{incentive_id}', '{team_id}', '{program_id}', '{group_id}', '30 % of everything', 'sale', 'percentage', \
             300000, 'all_plans', 'automatic', {now});\n\
             INSERT INTO affiliate (id, team_id, program_id, group_id, tracking_id, name, partnership, created_at) VALUES \
             ('{affiliate_id}', '{team_id}', '{program_id}', '{group_id}', '{TRACKING_ID}', 'Mara Lindqvist', 'approved', {now});\n\
             INSERT INTO api_key (key_hash, id, team_id, program_id, kind, is_test, name, masked, created_at) VALUES {};\n",
            key_rows.join(", ")
        )
    }
}

/// Makes up a demo program and writes its three files.
pub fn write(base_url: &str, json: &Path, sql: &Path, vars: &Path) -> Result<(), DemoProblem> {
    let base_url = base_url.trim_end_matches('/');
    let demo = Demo::mint(milliseconds_since_1970()?);
    write_file(json, &demo.json(base_url))?;
    write_file(sql, &demo.sql(&base_url.replace('\'', "''")))?;
    write_file(vars, &demo.vars())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command on a machine has a clock; the rules take theirs as an argument"
)]
fn milliseconds_since_1970() -> Result<u128, DemoProblem> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| DemoProblem::Clock)?;
    Ok(since.as_millis())
}

fn write_file(path: &Path, text: &str) -> Result<(), DemoProblem> {
    std::fs::write(path, text).map_err(|cause| DemoProblem::File { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_gets_no_key_and_the_page_gets_no_secret() {
        let demo = Demo::mint(1);
        let sql = demo.sql("http://127.0.0.1:8787");
        for secret in [&demo.secret_key, &demo.test_key, &demo.program_token, &demo.identity_secret] {
            assert!(!sql.contains(secret.as_str()));
        }
        assert!(!demo.json("http://127.0.0.1:8787").contains(&demo.identity_secret));
    }

    #[test]
    fn two_demos_share_nothing() {
        let (one, other) = (Demo::mint(1), Demo::mint(1));
        assert_ne!(one.secret_key, other.secret_key);
        assert_ne!(one.program_id, other.program_id);
    }
}
