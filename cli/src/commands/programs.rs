//! `programs`: new ones and all of them on the operator's own database, since no route may make one or list other teams';
//! what the key's own program allows, by the API.

use attribution::ids::mint;
use attribution::keys::KeyForm;
use attribution::money::{Currency, Money, Rate};
use serde_json::{Value, json};

use super::data;
use crate::api::{Api, Call};
use crate::arguments::{NewProgram, Programs};
use crate::config::{Location, Settings, address};
use crate::database::Database;
use crate::machine::{SystemRandom, now};
use crate::output::{Column, Output};
use crate::problem::Problem;
use crate::rows::{self, NewKey, SalesPay, text};

const COLUMNS: [Column; 6] = [
    ("ID", "/id"),
    ("NUMBER", "/number"),
    ("NAME", "/name"),
    ("TEAM", "/team"),
    ("CURRENCY", "/currency"),
    ("ORIGINS", "/origins"),
];

const ALL: &str = "SELECT program.id, program.number, program.name, team.name AS team, team.currency, \
     (SELECT group_concat(origin, ' ') FROM program_origin WHERE program_id = program.id) AS origins \
     FROM program JOIN team ON team.id = program.team_id ORDER BY program.number";

/// What was asked of the programs.
pub fn run(programs: Programs, settings: &Settings, output: Output) -> Result<bool, Problem> {
    match programs {
        Programs::Create(new) => create(&new, settings, output),
        Programs::List { on } => output.rows(&all(settings, on)?, &COLUMNS, "no programs"),
        Programs::Allow { origin } => allow(&origin, &Api::keyed(settings)?, output),
    }
    .map(|()| true)
}

fn all(settings: &Settings, on: Option<Location>) -> Result<Vec<Value>, Problem> {
    Database::of(settings, on)?.read(ALL)
}

fn create(new: &NewProgram, settings: &Settings, output: Output) -> Result<(), Problem> {
    let currency = Currency::from_code(&new.currency).ok_or_else(|| {
        let what = format!("--currency: {:?} is no currency", new.currency);
        Problem::settings("bad_currency", what, "Write the three letters of ISO 4217, like USD.")
    })?;
    let pays = new.commission.as_deref().map(|text| commission(text, currency)).transpose()?;
    let origins = new.origins.iter().map(|origin| self::origin(origin)).collect::<Result<Vec<_>, _>>()?;
    let database = Database::of(settings, new.on)?;
    let same = database.read(&format!("SELECT id FROM program WHERE name = {}", text(&new.name)))?;
    if let (Some(same), false) = (same.first(), new.another) {
        let id = super::text(same, "/id");
        let what = format!("there is a program of this name already: {id}");
        let fix = format!("Make keys for it (clickledger keys create --database --program {id}), or say --another.");
        return Err(Problem::settings("program_exists", what, fix));
    }
    let random = &mut SystemRandom;
    let program = rows::NewProgram {
        team_id: mint("team", random),
        program_id: mint("prog", random),
        group_id: mint("grp", random),
        team: new.team.clone().unwrap_or_else(|| new.name.clone()),
        name: new.name.clone(),
        currency: currency.code().to_owned(),
        origins,
        now: now(),
    };
    let forms = [(KeyForm::Live, "First"), (KeyForm::Test, "First, test mode"), (KeyForm::ProgramToken, "First token")];
    let keys = forms.map(|(form, name)| NewKey::mint(form, name, random));
    let name = new.commission.as_deref().unwrap_or_default();
    let incentive = pays.map(|pays| program.incentive_sql(&mint("inc", random), name, &pays)).unwrap_or_default();
    let key_rows = keys.each_ref().map(|key| key.sql(&program.program_id, program.now)).concat();
    database.run(&format!("{}{incentive}{key_rows}", program.sql()))?;
    let [live, test, token] = keys;
    let document = json!({
        "program_id": program.program_id, "team_id": program.team_id, "group_id": program.group_id,
        "keys": { "live": live.value, "test": test.value, "token": token.value },
    });
    let said = format!(
        "{}\n\nlive key   {}\ntest key   {}\ntoken      {}\n\n\
         The keys are shown this once. Next: put the live one into .clickledger.env, then `clickledger doctor`.",
        program.program_id, live.value, test.value, token.value
    );
    output.document(&document, &said)
}

fn commission(text: &str, currency: Currency) -> Result<SalesPay, Problem> {
    let wrong = |why: String| {
        let what = format!("--commission: {text:?} {why}");
        Problem::settings("bad_commission", what, "Write a percentage like 30%, or an amount like 10.00.")
    };
    if let Some(percent) = text.strip_suffix('%') {
        let rate = Rate::from_percent(percent.trim()).map_err(|cause| wrong(cause.to_string()))?;
        return Ok(SalesPay::Share(rate.parts_per_million()));
    }
    let amount = Money::from_decimal(text, currency).map_err(|cause| wrong(cause.to_string()))?;
    if amount.minor <= 0 {
        return Err(wrong("is nothing".to_owned()));
    }
    Ok(SalesPay::Fixed(amount.minor))
}

/// A web origin as browsers send it.
fn origin(text: &str) -> Result<String, Problem> {
    address(text, "origin").map(|url| url.origin().ascii_serialization())
}

/// Adds an origin to those of the key's program; one that is there already changes nothing.
fn allow(text: &str, api: &Api, output: Output) -> Result<(), Problem> {
    let origin = origin(text)?;
    let program = data(api.get(&["v1", "program"], &[])?);
    let mut origins = super::list(&program, "/origins").to_vec();
    if !origins.iter().any(|known| known.as_str() == Some(&origin)) {
        origins.push(Value::from(origin.as_str()));
        let body = json!({ "origins": origins });
        api.call(&Call { body: Some(&body), ..Call::to("PATCH", &["v1", "program"]) })?;
    }
    output.document(
        &json!({ "origins": origins }),
        &format!("pages of {origin} may call for {}", super::text(&program, "/id")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commission_is_a_share_or_an_amount() {
        let usd = Currency::from_code("USD").unwrap();
        assert!(matches!(commission("30%", usd), Ok(SalesPay::Share(300_000))));
        assert!(matches!(commission("12.5 %", usd), Ok(SalesPay::Share(125_000))));
        assert!(matches!(commission("10.00", usd), Ok(SalesPay::Fixed(1000))));
        let jpy = Currency::from_code("JPY").unwrap();
        assert!(matches!(commission("10", jpy), Ok(SalesPay::Fixed(10))));
        for wrong in ["", "%", "thirty", "0%", "101%", "10.001", "-1"] {
            assert!(commission(wrong, usd).is_err(), "{wrong}");
        }
    }
}
