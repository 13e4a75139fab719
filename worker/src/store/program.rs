//! Programs: settings, origins and incentives, read together as one snapshot of one rules version.

use attribution::ids::{ProgramId, TeamId, WebhookEndpointId};
use attribution::ledger::Unavailable;
use attribution::money::{Currency, MAX_MINOR};
use attribution::program::Program;
use attribution::status::{AttributionModel, EmailPolicy, LeadAuth};
use serde::{Deserialize, Serialize};
use worker::query;

use super::program_settings::fraud_rules;
use super::{Database, UnknownValue, away, incentive, level, rows, webhook_endpoint, word};

/// A program as of one moment.
#[derive(Serialize, Deserialize)]
pub struct Snapshot {
    /// Settings, origins and incentives.
    pub program: Program,
    /// Who is told of its live rows.
    pub subscribers: Vec<WebhookEndpointId>,
    /// Whether a payment provider speaks of it, so that something may wait for its customers.
    #[serde(default)]
    pub hears_stripe: bool,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    number: i64,
    team_id: String,
    name: String,
    currency: String,
    rules_version: i64,
    attribution_model: String,
    attribution_window_days: u32,
    cookie_window_days: u32,
    email_policy: String,
    name_tracking: i64,
    trust_browser_leads: i64,
    honour_gpc: i64,
    lead_auth: String,
    fraud: String,
}

#[derive(Deserialize)]
struct OriginRow {
    origin: String,
}

#[derive(Deserialize)]
struct SubscriberRow {
    id: String,
}

#[derive(Deserialize)]
struct StripeRow {
    hears_stripe: i64,
}

/// The program with this id, all of it read at one moment.
pub async fn find(database: &Database, id: &ProgramId) -> Result<Option<Snapshot>, Unavailable> {
    let settings = format!(
        "SELECT program.id, program.number, program.team_id, program.name, team.currency, program.rules_version, \
           program.attribution_model, program.attribution_window_days, program.cookie_window_days, program.email_policy, \
           program.name_tracking, program.trust_browser_leads, program.honour_gpc, program.lead_auth, {} \
         FROM program JOIN team ON team.id = program.team_id WHERE program.id = ?1",
        fraud_rules::RULES
    );
    let statements = [
        query!(&database.0, settings, id),
        query!(&database.0, "SELECT origin FROM program_origin WHERE program_id = ?1", id),
        incentive::select_rules(database, id),
        level::select(database, id),
        webhook_endpoint::select_live(database, id),
        query!(
            &database.0,
            "SELECT EXISTS (SELECT 1 FROM stripe_connection WHERE program_id = ?1) AS hears_stripe",
            id
        ),
    ];
    let statements = statements.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(statements).await.map_err(|cause| away(&cause))?;
    let [settings, origins, incentives, levels, subscribers, stripe] = answers.as_slice() else {
        return Err(Unavailable("a batch of six answered otherwise".to_owned()));
    };
    let settings: Vec<Row> = rows(settings)?;
    let Some(row) = settings.into_iter().next() else { return Ok(None) };
    let origins: Vec<OriginRow> = rows(origins)?;
    let incentives: Vec<incentive::RuleRow> = rows(incentives)?;
    let levels: Vec<level::Row> = rows(levels)?;
    let subscribers: Vec<SubscriberRow> = rows(subscribers)?;
    let stripe: Vec<StripeRow> = rows(stripe)?;
    Ok(Some(Snapshot {
        program: program(row, origins, incentives, levels)?,
        subscribers: subscribers.into_iter().map(|row| WebhookEndpointId::new(row.id)).collect(),
        hears_stripe: stripe.first().is_some_and(|row| row.hears_stripe == 1),
    }))
}

/// The id of the program with this number.
pub async fn by_number(database: &Database, number: i64) -> Result<Option<ProgramId>, Unavailable> {
    #[derive(Deserialize)]
    struct IdRow {
        id: String,
    }
    // Beyond it JavaScript, and so the database's interface, has no exact number.
    if number.unsigned_abs() > MAX_MINOR.unsigned_abs() {
        return Ok(None);
    }
    let row: Option<IdRow> =
        database.first(query!(&database.0, "SELECT id FROM program WHERE number = ?1", number)).await?;
    Ok(row.map(|row| ProgramId::new(row.id)))
}

/// Whether pages of this origin may call for any program: all that a preflight can be asked.
pub async fn any_allows_origin(database: &Database, origin: &str) -> Result<bool, Unavailable> {
    let statement = query!(&database.0, "SELECT origin FROM program_origin WHERE origin = ?1 LIMIT 1", origin);
    let row: Option<OriginRow> = database.first(statement).await?;
    Ok(row.is_some())
}

fn program(
    row: Row,
    origins: Vec<OriginRow>,
    incentives: Vec<incentive::RuleRow>,
    levels: Vec<level::Row>,
) -> Result<Program, UnknownValue> {
    Ok(Program {
        id: ProgramId::new(row.id),
        number: row.number,
        team_id: TeamId::new(row.team_id),
        name: row.name,
        currency: word("team.currency", &row.currency, Currency::from_code)?,
        rules_version: row.rules_version,
        attribution_model: word("program.attribution_model", &row.attribution_model, AttributionModel::from_word)?,
        attribution_window_days: row.attribution_window_days,
        cookie_window_days: row.cookie_window_days,
        email_policy: word("program.email_policy", &row.email_policy, EmailPolicy::from_word)?,
        name_tracking: row.name_tracking == 1,
        trust_browser_leads: row.trust_browser_leads == 1,
        honour_gpc: row.honour_gpc == 1,
        lead_auth: word("program.lead_auth", &row.lead_auth, LeadAuth::from_word)?,
        fraud: fraud_rules::read(&row.fraud)?,
        origins: origins.into_iter().map(|row| row.origin).collect(),
        incentives: incentives.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        levels: levels.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
    })
}
