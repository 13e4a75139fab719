//! A made-up program: one team, one program, one affiliate, its keys; every id and key fresh.
//!
//! The rows are plain SQL, so that the same text can be read, checked and applied with the platform's own tool.

use std::path::Path;

use attribution::ids::mint;
use attribution::keys::KeyForm;
use serde_json::json;

use crate::arguments;
use crate::machine::{SystemRandom, now};
use crate::problem::Problem;
use crate::rows::{NewKey, NewProgram, SalesPay, text};

/// What stands in the demo affiliate's links.
const TRACKING_ID: &str = "mara";

/// The demo is for trying things out, load among them.
const CALLS_PER_MINUTE: u32 = 1_000_000;
const CALLS_PER_SECOND: u32 = 20_000;

struct Demo {
    program: NewProgram,
    affiliate_id: String,
    live: NewKey,
    test: NewKey,
    token: NewKey,
    identity_secret: String,
}

impl Demo {
    fn mint(origin: &str, now: i64) -> Self {
        let random = &mut SystemRandom;
        Self {
            program: NewProgram {
                team_id: mint("team", random),
                program_id: mint("prog", random),
                group_id: mint("grp", random),
                team: "Half Quire".to_owned(),
                name: "Half Quire Partners".to_owned(),
                currency: "USD".to_owned(),
                origins: vec![origin.to_owned()],
                now,
            },
            affiliate_id: mint("aff", random),
            live: NewKey::mint(KeyForm::Live, "Demo shop", random),
            test: NewKey::mint(KeyForm::Test, "Demo shop, test mode", random),
            token: NewKey::mint(KeyForm::ProgramToken, "Demo token", random),
            identity_secret: mint("identity", random),
        }
    }

    fn json(&self, base_url: &str) -> String {
        let demo = json!({
            "base_url": base_url,
            "secret_key": self.live.value,
            "test_key": self.test.value,
            "program_token": self.token.value,
            "program_id": self.program.program_id,
            "tracking_id": TRACKING_ID,
            "demo_url": format!("{base_url}/demo"),
        });
        format!("{demo:#}\n")
    }

    fn vars(&self) -> String {
        format!(
            "IDENTITY_SECRET={}\nDEMO_SECRET_KEY={}\nDEMO_TRACKING_ID={TRACKING_ID}\n",
            self.identity_secret, self.live.value
        )
    }

    fn sql(&self) -> String {
        let NewProgram { team_id, program_id, group_id, now, .. } = &self.program;
        let incentive = mint("inc", &mut SystemRandom);
        let keys = [&self.live, &self.test, &self.token].map(|key| key.sql(program_id, *now));
        format!(
            "{}{}UPDATE team SET calls_per_minute = {CALLS_PER_MINUTE}, calls_per_second = {CALLS_PER_SECOND} \
             WHERE id = '{team_id}';\n\
             INSERT INTO affiliate (id, team_id, program_id, group_id, tracking_id, name, partnership, created_at) VALUES \
             ('{}', '{team_id}', '{program_id}', '{group_id}', '{TRACKING_ID}', {}, 'approved', {now});\n{}",
            self.program.sql(),
            self.program.incentive_sql(&incentive, "30 % of everything", &SalesPay::Share(300_000)),
            self.affiliate_id,
            text("Mara Lindqvist"),
            keys.concat()
        )
    }
}

/// Makes up a demo program and writes its three files.
pub fn write(arguments::Demo { base_url, json, sql, vars }: &arguments::Demo) -> Result<(), Problem> {
    let base_url = base_url.trim_end_matches('/');
    let demo = Demo::mint(base_url, now());
    write_file(json, &demo.json(base_url))?;
    write_file(sql, &demo.sql())?;
    write_file(vars, &demo.vars())
}

fn write_file(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(Problem::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_gets_no_key_and_the_page_gets_no_secret() {
        let demo = Demo::mint("http://127.0.0.1:8787", 1);
        let sql = demo.sql();
        for secret in [&demo.live.value, &demo.test.value, &demo.token.value, &demo.identity_secret] {
            assert!(!sql.contains(secret.as_str()));
        }
        assert!(!demo.json("http://127.0.0.1:8787").contains(&demo.identity_secret));
    }

    #[test]
    fn two_demos_share_nothing() {
        let mint = || Demo::mint("http://127.0.0.1:8787", 1);
        let (one, other) = (mint(), mint());
        assert_ne!(one.live.value, other.live.value);
        assert_ne!(one.program.program_id, other.program.program_id);
    }
}
