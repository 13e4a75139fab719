//! A program's connection to Stripe: rows of `stripe_connection`.

use attribution::ids::{ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use serde::{Deserialize, Serialize};
use worker::query;

use super::{Database, UnknownValue, away, json};

/// The time of the last event is written at most once in so long.
const EVENT_STEP_MILLISECONDS: i64 = 60_000;

/// The secrets of one program, and when Stripe last spoke.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct StripeConnection {
    /// The program's owner.
    pub team_id: Option<TeamId>,
    /// Sign events about real money.
    pub live_secrets: Vec<String>,
    /// Sign events of test mode.
    pub test_secrets: Vec<String>,
    /// When the last event about real money was taken.
    pub live_event_at: Option<Timestamp>,
    /// When the last one of test mode was.
    pub test_event_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Row {
    team_id: String,
    live_secrets: String,
    test_secrets: String,
    live_event_at: Option<i64>,
    test_event_at: Option<i64>,
}

impl TryFrom<Row> for StripeConnection {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            team_id: Some(TeamId::new(row.team_id)),
            live_secrets: json("stripe_connection.live_secrets", &row.live_secrets)?,
            test_secrets: json("stripe_connection.test_secrets", &row.test_secrets)?,
            live_event_at: row.live_event_at.map(Timestamp::from_milliseconds),
            test_event_at: row.test_event_at.map(Timestamp::from_milliseconds),
        })
    }
}

/// The program's connection; `None` where nobody made one.
pub async fn find(database: &Database, program: &ProgramId) -> Result<Option<StripeConnection>, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT team_id, live_secrets, test_secrets, live_event_at, test_event_at FROM stripe_connection \
         WHERE program_id = ?1",
        program
    );
    let row: Option<Row> = database.first(statement).await?;
    Ok(row.map(StripeConnection::try_from).transpose()?)
}

/// Sets the secrets that are sent; the others stay.
pub async fn set(
    database: &Database,
    (program, team): (&ProgramId, &TeamId),
    live: Option<&[String]>,
    test: Option<&[String]>,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let as_list = |secrets: Option<&[String]>| secrets.map(serde_json::to_string).transpose();
    let lists = as_list(live).and_then(|live| Ok((live, as_list(test)?)));
    let (live, test) = lists.map_err(|cause| Unavailable(cause.to_string()))?;
    let statement = query!(
        &database.0,
        "INSERT INTO stripe_connection (program_id, team_id, live_secrets, test_secrets, updated_at) \
         VALUES (?1, ?2, COALESCE(?3, '[]'), COALESCE(?4, '[]'), ?5) \
         ON CONFLICT (program_id) DO UPDATE SET live_secrets = COALESCE(?3, live_secrets), \
           test_secrets = COALESCE(?4, test_secrets), updated_at = ?5",
        program,
        team,
        live,
        test,
        now
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// Notes that an event was taken.
pub async fn note_event(
    database: &Database,
    program: &ProgramId,
    is_test: bool,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let column = if is_test { "test_event_at" } else { "live_event_at" };
    let sql = format!(
        "UPDATE stripe_connection SET {column} = ?2 \
         WHERE program_id = ?1 AND ({column} IS NULL OR {column} <= ?2 - {EVENT_STEP_MILLISECONDS})"
    );
    let statement = query!(&database.0, sql, program, now).map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}
