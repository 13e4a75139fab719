//! Webhook endpoints: where a program's subscribers want to be told.

use attribution::ids::{ProgramId, WebhookEndpointId};
use attribution::ledger::Unavailable;
use attribution::limits::MAX_ENDPOINTS;
use attribution::referral::Scope;
use attribution::time::Timestamp;
use attribution::webhooks::{Disabled, DisabledReason, Endpoint, EventFilter, RetiredSecret, Secret};
use serde::{Deserialize, Serialize};
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, away, json, scope, word};

/// An endpoint as it is stored.
#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    url: String,
    own_host: String,
    events: String,
    description: Option<String>,
    secret: String,
    previous_secrets: String,
    disabled_at: Option<i64>,
    disabled_reason: Option<String>,
    starts_after: i64,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

/// A replaced secret as it is stored.
#[derive(Serialize, Deserialize)]
struct PreviousSecret {
    secret: String,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

/// Stores a new one, which starts at the outbox's head; false when its program has [`MAX_ENDPOINTS`] already.
pub async fn insert(database: &Database, endpoint: &Endpoint) -> Result<bool, Unavailable> {
    let statement = query!(
        &database.0,
        "INSERT INTO webhook_endpoint (id, team_id, program_id, is_test, url, own_host, events, description, secret, \
           starts_after, created_at, updated_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, (SELECT COALESCE(MAX(position), 0) FROM event), ?10, ?10 \
         WHERE (SELECT COUNT(*) FROM webhook_endpoint WHERE program_id = ?3 AND is_test = ?4) < ?11 \
         RETURNING id",
        endpoint.id,
        endpoint.scope.team_id,
        endpoint.scope.program_id,
        i64::from(endpoint.scope.is_test),
        endpoint.url,
        endpoint.own_host,
        serde_json::to_string(endpoint.events.types())?,
        endpoint.description,
        endpoint.secret.reveal(),
        endpoint.created_at,
        MAX_ENDPOINTS
    );
    let inserted: Option<IdRow> = database.first(statement).await?;
    Ok(inserted.is_some_and(|row| row.id == endpoint.id.as_str()))
}

/// The endpoints of a program in one mode, oldest first.
pub async fn of_program(database: &Database, scope: &Scope) -> Result<Vec<Endpoint>, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT id, team_id, program_id, is_test, url, own_host, events, description, secret, previous_secrets, \
           disabled_at, disabled_reason, starts_after, version, created_at, updated_at \
         FROM webhook_endpoint WHERE program_id = ?1 AND is_test = ?2 ORDER BY created_at, id",
        scope.program_id,
        i64::from(scope.is_test)
    );
    let rows: Vec<Row> = database.all(statement).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// The endpoint with this id, whosever it is.
pub async fn find(database: &Database, id: &WebhookEndpointId) -> Result<Option<Endpoint>, Unavailable> {
    let row: Option<Row> = database.first(select(database, id)).await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

pub(super) fn select(database: &Database, id: &WebhookEndpointId) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT id, team_id, program_id, is_test, url, own_host, events, description, secret, previous_secrets, \
           disabled_at, disabled_reason, starts_after, version, created_at, updated_at \
         FROM webhook_endpoint WHERE id = ?1",
        id
    )
}

/// The endpoints of a program that are told of its live rows.
pub(super) fn select_live(database: &Database, program: &ProgramId) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT id FROM webhook_endpoint WHERE program_id = ?1 AND is_test = 0 AND disabled_at IS NULL",
        program
    )
}

/// Stores a changed one; false when it has been changed, or deleted, since its version was read.
pub async fn update(database: &Database, endpoint: &Endpoint) -> Result<bool, Unavailable> {
    let statement = query!(
        &database.0,
        "UPDATE webhook_endpoint SET url = ?3, own_host = ?4, events = ?5, description = ?6, secret = ?7, \
           previous_secrets = ?8, disabled_at = ?9, disabled_reason = ?10, updated_at = ?11, version = version + 1 \
         WHERE id = ?1 AND version = ?2 RETURNING id",
        endpoint.id,
        endpoint.version,
        endpoint.url,
        endpoint.own_host,
        serde_json::to_string(endpoint.events.types())?,
        endpoint.description,
        endpoint.secret.reveal(),
        previous_secrets(endpoint)?,
        endpoint.disabled.map(|disabled| disabled.at),
        endpoint.disabled.map(|disabled| disabled.reason.as_str()),
        endpoint.updated_at
    );
    let updated: Option<IdRow> = database.first(statement).await?;
    Ok(updated.is_some())
}

/// Switches one off, unless it has been changed since `version`.
pub(super) async fn disable(
    database: &Database,
    id: &WebhookEndpointId,
    version: i64,
    reason: DisabledReason,
    at: Timestamp,
) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "UPDATE webhook_endpoint SET disabled_at = ?3, disabled_reason = ?4, updated_at = ?3, version = version + 1 \
         WHERE id = ?1 AND version = ?2 AND disabled_at IS NULL",
        id,
        version,
        at,
        reason.as_str()
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// Removes one; false when there was none.
pub async fn delete(database: &Database, id: &WebhookEndpointId) -> Result<bool, Unavailable> {
    let statement = query!(&database.0, "DELETE FROM webhook_endpoint WHERE id = ?1 RETURNING id", id);
    let deleted: Option<IdRow> = database.first(statement).await?;
    Ok(deleted.is_some())
}

fn previous_secrets(endpoint: &Endpoint) -> serde_json::Result<String> {
    let previous = endpoint.previous_secrets.iter().map(|previous| PreviousSecret {
        secret: previous.secret.reveal().to_owned(),
        expires_at: previous.expires_at,
    });
    serde_json::to_string(&previous.collect::<Vec<_>>())
}

impl TryFrom<Row> for Endpoint {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let previous: Vec<PreviousSecret> = json("webhook_endpoint.previous_secrets", &row.previous_secrets)
            // The text holds secrets, and errors go to the log.
            .map_err(|_| UnknownValue { column: "webhook_endpoint.previous_secrets", value: "no list".to_owned() })?;
        let reason = row
            .disabled_reason
            .map(|reason| word("webhook_endpoint.disabled_reason", &reason, DisabledReason::from_word));
        let disabled = row.disabled_at.zip(reason.transpose()?);
        Ok(Self {
            id: WebhookEndpointId::new(row.id),
            scope: scope(row.team_id, row.program_id, row.is_test),
            url: row.url,
            own_host: row.own_host,
            events: EventFilter::stored(json("webhook_endpoint.events", &row.events)?),
            description: row.description,
            secret: Secret::stored(row.secret),
            previous_secrets: previous.into_iter().map(RetiredSecret::from).collect(),
            disabled: disabled.map(|(at, reason)| Disabled { at: Timestamp::from_milliseconds(at), reason }),
            starts_after: row.starts_after,
            version: row.version,
            created_at: Timestamp::from_milliseconds(row.created_at),
            updated_at: Timestamp::from_milliseconds(row.updated_at),
        })
    }
}

impl From<PreviousSecret> for RetiredSecret {
    fn from(previous: PreviousSecret) -> Self {
        Self { secret: Secret::stored(previous.secret), expires_at: previous.expires_at }
    }
}
