//! What a program is, for people and for pages: `GET` and `PATCH /v1/program`. State: `program` and `program_origin`.

use attribution::edits::Edit;
use attribution::ids::{ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::status::AttributionModel;
use attribution::time::Timestamp;
use serde::{Deserialize, Serialize};
use worker::query;

use super::{missing, update};
use crate::store::{Database, UnknownValue, away, rows, word};

/// A program as its owner sees it.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its id.
    pub id: ProgramId,
    /// Its short id.
    pub number: i64,
    /// For people.
    pub name: String,
    /// For people.
    pub tagline: Option<String>,
    /// For people.
    pub category: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For people.
    pub website_url: Option<String>,
    /// For people.
    pub logo_url: Option<String>,
    /// Who may join: `PUBLIC`, `PRIVATE` or `INVITE`.
    pub access_mode: String,
    /// Whether affiliates may make links of their own.
    pub affiliate_links_enabled: bool,
    /// Which of two affiliates' clicks counts.
    pub attribution_model: AttributionModel,
    /// From the click to the first sale.
    pub attribution_window_days: u32,
    /// The team's currency.
    pub currency: String,
    /// Origins whose pages may call the browser routes.
    pub origins: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is changed of it; absent: not changed.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub tagline: Edit<String>,
    /// For people.
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub category: Edit<String>,
    /// For people.
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub description: Edit<String>,
    /// For people.
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub website_url: Edit<String>,
    /// For people.
    #[serde(skip_serializing_if = "Edit::is_kept")]
    pub logo_url: Edit<String>,
    /// Who may join.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_mode: Option<&'static str>,
    /// Whether affiliates may make links of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affiliate_links_enabled: Option<bool>,
    /// Which of two affiliates' clicks counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution_model: Option<AttributionModel>,
    /// From the click to the first sale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution_window_days: Option<u32>,
    /// All of them, in the place of those before; no column of `program`.
    #[serde(skip)]
    pub origins: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    number: i64,
    name: String,
    tagline: Option<String>,
    category: Option<String>,
    description: Option<String>,
    website_url: Option<String>,
    logo_url: Option<String>,
    access_mode: String,
    affiliate_links_enabled: i64,
    attribution_model: String,
    attribution_window_days: u32,
    currency: String,
    created_at: i64,
}

#[derive(Deserialize)]
struct OriginRow {
    origin: String,
}

/// The program with this id, which a key names.
pub async fn find(database: &Database, program: &ProgramId) -> Result<Profile, Unavailable> {
    let statements = [
        query!(
            &database.0,
            "SELECT program.id, program.number, program.name, program.tagline, program.category, \
               program.description, program.website_url, program.logo_url, program.access_mode, \
               program.affiliate_links_enabled, program.attribution_model, program.attribution_window_days, \
               team.currency, program.created_at \
             FROM program JOIN team ON team.id = program.team_id WHERE program.id = ?1",
            program
        ),
        query!(&database.0, "SELECT origin FROM program_origin WHERE program_id = ?1 ORDER BY origin", program),
    ];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let [settings, origins] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let settings: Vec<Row> = rows(settings)?;
    let origins: Vec<OriginRow> = rows(origins)?;
    let row = settings.into_iter().next().ok_or_else(|| missing(program))?;
    Ok(profile(row, origins)?)
}

fn profile(row: Row, origins: Vec<OriginRow>) -> Result<Profile, UnknownValue> {
    Ok(Profile {
        id: ProgramId::new(row.id),
        number: row.number,
        name: row.name,
        tagline: row.tagline,
        category: row.category,
        description: row.description,
        website_url: row.website_url,
        logo_url: row.logo_url,
        access_mode: row.access_mode,
        affiliate_links_enabled: row.affiliate_links_enabled == 1,
        attribution_model: word("program.attribution_model", &row.attribution_model, AttributionModel::from_word)?,
        attribution_window_days: row.attribution_window_days,
        currency: row.currency,
        origins: origins.into_iter().map(|row| row.origin).collect(),
        created_at: Timestamp::from_milliseconds(row.created_at),
    })
}

/// Changes what is sent, all of it together.
pub async fn change(
    database: &Database,
    team: &TeamId,
    program: &ProgramId,
    change: &Change,
) -> Result<(), Unavailable> {
    let mut writes = vec![update(database, program, change)];
    if let Some(origins) = &change.origins {
        writes.push(query!(
            &database.0,
            "DELETE FROM program_origin WHERE program_id = ?1 AND origin NOT IN (SELECT value FROM json_each(?2))",
            program,
            serde_json::to_string(origins)?
        ));
        writes.push(query!(
            &database.0,
            "INSERT INTO program_origin (program_id, origin, team_id) SELECT ?1, value, ?3 FROM json_each(?2) \
             WHERE TRUE ON CONFLICT (program_id, origin) DO NOTHING",
            program,
            serde_json::to_string(origins)?,
            team
        ));
    }
    let writes = writes.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    database.batch(writes).await.map(|_| ()).map_err(|cause| away(&cause))
}
