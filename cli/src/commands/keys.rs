//! `keys`: the program's API keys, by the API; the very first one on the operator's own database.

use attribution::keys::KeyForm;
use serde_json::{Value, json};

use super::{data, pages, text};
use crate::api::{Api, Call};
use crate::arguments::{KeyKind, Keys, NewKey};
use crate::config::{KEY_VARIABLE, SECRETS_FILE, Settings};
use crate::database::Database;
use crate::machine::{SystemRandom, now};
use crate::output::{Column, Output};
use crate::problem::Problem;
use crate::rows;

const COLUMNS: [Column; 8] = [
    ("ID", "/id"),
    ("FORM", "/form"),
    ("KEY", "/masked"),
    ("NAME", "/name"),
    ("SCOPES", "/scopes"),
    ("EXPIRES", "/expires_at"),
    ("DISABLED", "/disabled_at"),
    ("LAST USED", "/last_used_at"),
];

/// What was asked of the keys.
pub fn run(keys: Keys, settings: &Settings, output: Output) -> Result<bool, Problem> {
    match keys {
        Keys::Create(new) if new.database => create_in_database(&new, settings, output),
        Keys::Create(new) => create(&new, &Api::keyed(settings)?, output),
        Keys::List => {
            let mut keys: Vec<Value> = Vec::new();
            pages(&Api::keyed(settings)?, &["v1", "keys"], &[], |mut rows, _| {
                keys.append(&mut rows);
                Ok(())
            })?;
            output.rows(&keys, &COLUMNS, "no keys")
        }
        Keys::Rotate { id, overlap_hours } => {
            let body = overlap_hours.map_or(json!({}), |hours| json!({ "overlap_hours": hours }));
            let path = ["v1", "keys", &id, "rotate"];
            let key = data(Api::keyed(settings)?.call(&Call { body: Some(&body), ..Call::to("POST", &path) })?);
            output.document(&key, &shown(text(&key, "/secret"), text(&key, "/id")))
        }
        Keys::Disable { id } => {
            let answer = Api::keyed(settings)?.call(&Call::to("DELETE", &["v1", "keys", &id]))?;
            output.document(&answer, &format!("{id} is disabled: it is refused within 10 seconds"))
        }
    }
    .map(|()| true)
}

fn create(new: &NewKey, api: &Api, output: Output) -> Result<(), Problem> {
    let form = match new.kind {
        KeyKind::Live => "live",
        KeyKind::Test => "test",
        KeyKind::Token => "program_token",
    };
    let scopes = Some(&new.scopes).filter(|scopes| !scopes.is_empty());
    let body = json!({ "form": form, "name": new.name, "expires_at": new.expires, "scopes": scopes });
    let key: Value = data(api.call(&Call { body: Some(&body), ..Call::to("POST", &["v1", "keys"]) })?);
    output.document(&key, &shown(text(&key, "/secret"), text(&key, "/id")))
}

fn create_in_database(new: &NewKey, settings: &Settings, output: Output) -> Result<(), Problem> {
    let program = new.program.as_deref().unwrap_or_default();
    let database = Database::of(settings, new.on)?;
    let known = database.read(&format!("SELECT id FROM program WHERE id = {}", rows::text(program)))?;
    if known.is_empty() {
        let what = format!("there is no program {program} in this database");
        return Err(Problem::settings("no_program", what, "Take an id from `clickledger programs list`."));
    }
    let form = match new.kind {
        KeyKind::Live => KeyForm::Live,
        KeyKind::Test => KeyForm::Test,
        KeyKind::Token => KeyForm::ProgramToken,
    };
    let key = rows::NewKey::mint(form, new.name.as_deref().unwrap_or("From the command line"), &mut SystemRandom);
    database.run(&key.sql(program, now()))?;
    output.document(&json!({ "id": key.id, "secret": key.value, "program_id": program }), &shown(&key.value, &key.id))
}

/// A key, as it is shown this once.
pub fn shown(key: &str, id: &str) -> String {
    format!("{key}\n\nThis is {id}, shown this once. Keep it in {KEY_VARIABLE}, or in {SECRETS_FILE}.")
}
