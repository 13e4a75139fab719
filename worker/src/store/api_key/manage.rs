//! Keys as their owner sees, makes, replaces and disables them. Each change is one batch with its line of the ledger.

use attribution::edits::EditLine;
use attribution::ids::{ProgramId, TeamId};
use attribution::keys::{IssuedKey, KeyForm};
use attribution::ledger::{NotCommitted, Unavailable};
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::super::page::{Page, order_and_limit, page_and_total};
use super::super::{Database, UnknownValue, event, word};
use super::scopes;

const COLUMNS: &str = "id, team_id, program_id, kind, is_test, name, masked, scopes, created_at, last_used_at, expires_at, \
    disabled_at, replaces";

#[derive(Deserialize)]
struct Row {
    id: String,
    team_id: String,
    program_id: String,
    kind: String,
    is_test: i64,
    name: String,
    masked: String,
    scopes: Option<String>,
    created_at: i64,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
    disabled_at: Option<i64>,
    replaces: Option<String>,
}

impl TryFrom<Row> for IssuedKey {
    type Error = Unavailable;

    fn try_from(row: Row) -> Result<Self, Unavailable> {
        let form: Result<KeyForm, UnknownValue> =
            word("api_key.kind", &row.kind, |kind| KeyForm::of_columns(kind, row.is_test == 1));
        Ok(Self {
            form: form?,
            scopes: scopes(row.scopes.as_deref())?,
            id: row.id,
            team_id: TeamId::new(row.team_id),
            program_id: ProgramId::new(row.program_id),
            name: row.name,
            masked: row.masked,
            created_at: Timestamp::from_milliseconds(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp::from_milliseconds),
            expires_at: row.expires_at.map(Timestamp::from_milliseconds),
            disabled_at: row.disabled_at.map(Timestamp::from_milliseconds),
            replaces: row.replaces,
        })
    }
}

/// The key with this id, if it is the program's.
pub async fn find(database: &Database, program: &ProgramId, id: &str) -> Result<Option<IssuedKey>, Unavailable> {
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE id = ?1 AND program_id = ?2");
    let row: Option<Row> = database.first(query!(&database.0, sql, id, program)).await?;
    row.map(TryInto::try_into).transpose()
}

/// The key that was made to replace the one with this id.
pub async fn successor_of(database: &Database, id: &str) -> Result<Option<String>, Unavailable> {
    #[derive(Deserialize)]
    struct IdRow {
        id: String,
    }
    let row: Option<IdRow> =
        database.first(query!(&database.0, "SELECT id FROM api_key WHERE replaces = ?1", id)).await?;
    Ok(row.map(|row| row.id))
}

/// One page of a program's keys, the newest first, and how many there are in all.
pub async fn list(database: &Database, program: &ProgramId, page: Page) -> Result<(Vec<IssuedKey>, i64), Unavailable> {
    let order = order_and_limit("created_at", true, page);
    let sql = format!("SELECT {COLUMNS} FROM api_key WHERE program_id = ?1{order}");
    let shown = query!(&database.0, sql, program);
    let total = query!(&database.0, "SELECT COUNT(*) AS total FROM api_key WHERE program_id = ?1", program);
    let (rows, total): (Vec<Row>, i64) = page_and_total(database, shown, total).await?;
    let keys = rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok((keys, total))
}

/// Stores a new key under its hash.
pub async fn insert(database: &Database, key: &IssuedKey, key_hash: &str, line: &EditLine) -> Result<(), NotCommitted> {
    commit(database, vec![insertion(database, key, key_hash), append(database, key, line)]).await
}

/// Stores a key that replaces another, which ends at `ends_at`. Fails when that one was replaced before.
pub async fn replace(
    database: &Database,
    successor: &IssuedKey,
    key_hash: &str,
    ends_at: Timestamp,
    lines: [&EditLine; 2],
) -> Result<(), NotCommitted> {
    let ending = query!(&database.0, "UPDATE api_key SET expires_at = ?2 WHERE id = ?1", successor.replaces, ends_at);
    let [of_new, of_old] = lines.map(|line| append(database, successor, line));
    commit(database, vec![insertion(database, successor, key_hash), ending, of_new, of_old]).await
}

/// Switches a key off.
pub async fn disable(database: &Database, key: &IssuedKey, at: Timestamp, line: &EditLine) -> Result<(), NotCommitted> {
    let off =
        query!(&database.0, "UPDATE api_key SET disabled_at = COALESCE(disabled_at, ?2) WHERE id = ?1", key.id, at);
    commit(database, vec![off, append(database, key, line)]).await
}

fn insertion(database: &Database, key: &IssuedKey, key_hash: &str) -> worker::Result<D1PreparedStatement> {
    let scopes: Option<Vec<_>> = key.scopes.clone().into();
    let scopes = scopes.map(|scopes| serde_json::to_string(&scopes)).transpose()?;
    query!(
        &database.0,
        "INSERT INTO api_key (key_hash, id, team_id, program_id, kind, is_test, name, masked, scopes, created_at, \
           expires_at, replaces) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        key_hash,
        key.id,
        key.team_id,
        key.program_id,
        key.form.kind(),
        i64::from(key.form.is_test()),
        key.name,
        key.masked,
        scopes,
        key.created_at,
        key.expires_at,
        key.replaces
    )
}

/// The line belongs to the key's team and program, whichever of two keys it is about.
fn append(database: &Database, key: &IssuedKey, line: &EditLine) -> worker::Result<D1PreparedStatement> {
    event::append(database, &key.team_id, &key.program_id, line)
}

async fn commit(database: &Database, writes: Vec<worker::Result<D1PreparedStatement>>) -> Result<(), NotCommitted> {
    let writes = writes.into_iter().collect::<worker::Result<_>>();
    let writes = writes.map_err(|cause| NotCommitted(cause.to_string()))?;
    database.batch(writes).await.map(|_| ()).map_err(|cause| NotCommitted(cause.to_string()))
}
