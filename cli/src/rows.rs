//! The rows of a new program and of new keys, as plain SQL: the same text can be read, checked and applied with the
//! platform's own tool. The database gets a key's hash; the key itself is shown once, by the command.

use attribution::ids::{Random, mint};
use attribution::keys::{KeyForm, key_hash, masked};

/// What pays for sales in a new program.
pub enum SalesPay {
    /// Parts per million of each sale.
    Share(u64),
    /// Minor units of the team's currency for each sale.
    Fixed(i64),
}

/// A program that is about to be.
pub struct NewProgram {
    /// Its team's id.
    pub team_id: String,
    /// Its id.
    pub program_id: String,
    /// The group that new affiliates come into.
    pub group_id: String,
    /// The team's name.
    pub team: String,
    /// Its name.
    pub name: String,
    /// ISO 4217, the team's.
    pub currency: String,
    /// Whose pages may call for it.
    pub origins: Vec<String>,
    /// Milliseconds since 1970.
    pub now: i64,
}

impl NewProgram {
    /// Team, program, its origins and its default group.
    pub fn sql(&self) -> String {
        let Self { team_id, program_id, group_id, currency, now, .. } = self;
        let (team, name) = (text(&self.team), text(&self.name));
        let origins: Vec<String> = self.origins.iter().map(|origin| self.origin_sql(origin)).collect();
        format!(
            "INSERT INTO team (id, name, currency, created_at) VALUES ('{team_id}', {team}, '{currency}', {now});\n\
             INSERT INTO program (id, number, team_id, name, created_at) VALUES \
             ('{program_id}', (SELECT COALESCE(MAX(number), 0) + 1 FROM program), '{team_id}', {name}, {now});\n\
             INSERT INTO affiliate_group (id, team_id, program_id, name, is_default, created_at) VALUES \
             ('{group_id}', '{team_id}', '{program_id}', 'Everyone', 1, {now});\n{}",
            origins.concat()
        )
    }

    fn origin_sql(&self, origin: &str) -> String {
        let Self { team_id, program_id, .. } = self;
        let origin = text(origin);
        format!(
            "INSERT INTO program_origin (program_id, origin, team_id) VALUES ('{program_id}', {origin}, '{team_id}');\n"
        )
    }

    /// The incentive of the default group.
    pub fn incentive_sql(&self, id: &str, name: &str, pays: &SalesPay) -> String {
        let Self { team_id, program_id, group_id, now, .. } = self;
        let (kind, rate, amount) = match pays {
            SalesPay::Share(parts) => ("percentage", parts.to_string(), "NULL".to_owned()),
            SalesPay::Fixed(minor) => ("fixed", "NULL".to_owned(), minor.to_string()),
        };
        format!(
            "INSERT INTO incentive (id, team_id, program_id, group_id, name, pays_for, kind, rate_ppm, amount_minor, \
             apply_to, approval, created_at) VALUES ('{id}', '{team_id}', '{program_id}', '{group_id}', {}, 'sale', \
             '{kind}', {rate}, {amount}, 'all_plans', 'automatic', {now});\n",
            text(name)
        )
    }
}

/// A key that is about to be.
pub struct NewKey {
    /// Names it in decisions.
    pub id: String,
    /// What is shown once.
    pub value: String,
    /// For people.
    pub name: String,
    form: KeyForm,
}

impl NewKey {
    /// A fresh key.
    pub fn mint(form: KeyForm, name: &str, random: &mut impl Random) -> Self {
        Self { id: mint("key", random), value: form.mint(random), name: name.to_owned(), form }
    }

    /// Its row, in the program with this id and that program's team; no row where there is no such program.
    pub fn sql(&self, program_id: &str, now: i64) -> String {
        let (hash, masked, kind) = (key_hash(&self.value), masked(&self.value), self.form.kind());
        let (id, is_test, name) = (&self.id, u8::from(self.form.is_test()), text(&self.name));
        format!(
            "INSERT INTO api_key (key_hash, id, team_id, program_id, kind, is_test, name, masked, created_at) \
             SELECT '{hash}', '{id}', team_id, id, '{kind}', {is_test}, {name}, '{masked}', {now} FROM program \
             WHERE id = {};\n",
            text(program_id)
        )
    }
}

/// A text of SQL. NUL, which would end it early for some tools, is dropped.
pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\0', "").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::SystemRandom;

    fn program() -> NewProgram {
        let id = |prefix| mint(prefix, &mut SystemRandom);
        let (team_id, program_id, group_id) = (id("team"), id("prog"), id("grp"));
        let (team, name, currency) = ("O'Hara".to_owned(), "x'); DROP TABLE team; --".to_owned(), "USD".to_owned());
        NewProgram { team_id, program_id, group_id, team, name, currency, origins: vec![], now: 1 }
    }

    #[test]
    fn a_name_is_a_text_whatever_it_holds() {
        let sql = program().sql();
        assert!(sql.contains("'O''Hara'") && sql.contains("'x''); DROP TABLE team; --'"), "{sql}");
    }

    #[test]
    fn the_database_gets_no_key() {
        for form in [KeyForm::Live, KeyForm::Test, KeyForm::ProgramToken] {
            let key = NewKey::mint(form, "x", &mut SystemRandom);
            let sql = key.sql("prog_1", 1);
            assert!(!sql.contains(&key.value) && sql.contains(&key_hash(&key.value)), "{sql}");
        }
    }
}
