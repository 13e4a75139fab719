//! Erasures: taking a customer out of rows, and the rows of `erasure`, which say what is left to do and hold no name.
//!
//! Which fields name a customer is `attribution::erasure`'s to say.

use attribution::erasure::{LINE_FIELDS, MESSAGE_FIELDS, SALE_FIELDS};
use attribution::ids::ReferralId;
use attribution::ledger::Unavailable;
use attribution::referral::Scope;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::customer::Found;
use super::{Database, UnknownValue, away, json, scope};

/// Empties kept answers; see [`attribution::erasure::kept_answer`]. Those of routes that are not the ledger's are responses.
const EMPTY_ANSWERS: &str = r#"UPDATE kept_answer SET body_hash = '', outcome = CASE WHEN outcome ->> '$.status' IS NULL
  THEN '{"Moved":{"commissions":0}}' ELSE '{"status":422,"body":null}' END WHERE team_id = ?1 AND is_test = ?2"#;

/// An erasure that somebody has asked for.
pub struct Erasure {
    /// Its id.
    pub id: String,
    /// Whose customer it was.
    pub scope: Scope,
    /// The referrals to be erased.
    pub referrals: Vec<ReferralId>,
    /// The clicks to be emptied.
    pub clicks: Vec<ReferralId>,
    /// Who asked.
    pub actor: String,
    /// By which request.
    pub request_id: String,
    /// When.
    pub requested_at: Timestamp,
}

/// The referral's part of an erasure, for the batch that raises its `seq`.
pub(super) fn traces(
    database: &Database,
    scope: &Scope,
    id: &ReferralId,
    at: Timestamp,
) -> worker::Result<Vec<D1PreparedStatement>> {
    let sale = SALE_FIELDS.map(|field| format!("'$.{field}', NULL")).join(", ");
    let line = LINE_FIELDS.map(|field| format!("'$.{field}', NULL")).join(", ");
    let message = MESSAGE_FIELDS.map(|field| format!("'$.data.{field}', NULL")).join(", ");
    let sales = "SELECT id FROM conversion WHERE referral_id = ?1";
    let refunds = format!("SELECT id FROM refund WHERE conversion_id IN ({sales})");
    let of_sales = format!(
        "UPDATE conversion SET details = json_set(details, {sale}, '$.extra', json('{{}}')) WHERE referral_id = ?1"
    );
    let of_refunds = format!("UPDATE refund SET reason = NULL WHERE conversion_id IN ({sales})");
    let of_lines = format!(
        "UPDATE event SET detail = json_replace(detail, {line}), \
           messages = (SELECT json_group_array(json_replace(message.value, {message})) FROM json_each(messages) AS message) \
         WHERE subject = ?1 OR subject IN ({refunds})"
    );
    // Whatever tells of the customer names the referral, but for the answer to a refund that came before its sale.
    let of_answers = format!(
        "{EMPTY_ANSWERS} AND (instr(outcome, ?3) > 0 OR (referral_id IS NULL AND outcome LIKE '{{\"Parked\"%' \
           AND outcome ->> '$.Parked.refund.id' IN (SELECT refund.id FROM conversion \
             JOIN refund ON refund.conversion_id = conversion.id WHERE conversion.referral_id = ?3)))"
    );
    Ok(vec![
        query!(
            &database.0,
            "UPDATE referral SET click = NULL, claimed_from = NULL, erased_at = ?2 WHERE id = ?1",
            id,
            at
        )?,
        query!(&database.0, of_sales, id)?,
        query!(&database.0, of_refunds, id)?,
        query!(&database.0, of_lines, id)?,
        query!(&database.0, of_answers, scope.team_id, i64::from(scope.is_test), id)?,
    ])
}

/// Begins an erasure: what hangs on no referral is erased with it at once, the rest is noted.
pub async fn begin(database: &Database, erasure: &Erasure, found: &Found) -> Result<(), Unavailable> {
    let statements = beginning(database, erasure, found).map_err(|cause| away(&cause))?;
    database.batch(statements).await.map(|_| ()).map_err(|cause| away(&cause))
}

fn beginning(database: &Database, erasure: &Erasure, found: &Found) -> worker::Result<Vec<D1PreparedStatement>> {
    let Scope { team_id, program_id, is_test } = &erasure.scope;
    let is_test = i64::from(*is_test);
    let sale_keys = serde_json::to_string(&found.unattributed_sales)?;
    let wanted = "SELECT value FROM json_each(?3)";
    let of_sales = format!(
        "UPDATE unattributed_sale SET detail = '{{}}' WHERE program_id = ?1 AND is_test = ?2 AND sale_key IN ({wanted})"
    );
    let of_refunds = format!(
        "UPDATE parked_refund SET reason = NULL WHERE program_id = ?1 AND is_test = ?2 AND sale_key IN ({wanted})"
    );
    let of_answers = format!(
        "{EMPTY_ANSWERS} AND referral_id IS NULL AND outcome LIKE '{{\"Parked\"%' \
           AND outcome ->> '$.Parked.refund.sale_key' IN ({wanted})"
    );
    let of_facts = format!(
        "UPDATE provider_fact SET expires_at = 0 WHERE program_id = ?1 AND is_test = ?2 AND object IN ( \
           SELECT name.object FROM json_each(?4) AS wanted CROSS JOIN provider_fact_name AS name \
           ON name.program_id = ?1 AND name.is_test = ?2 AND name.kind = wanted.value ->> 'kind' \
             AND name.value = wanted.value ->> 'value' \
           UNION SELECT object FROM provider_fact_name \
           WHERE program_id = ?1 AND is_test = ?2 AND (kind = 'sale_key' AND value IN ({wanted}) \
             OR kind = 'referral' AND value IN (SELECT value FROM json_each(?5))))"
    );
    let test_events = "DELETE FROM test_event WHERE program_id = ?1 AND event_id IN (SELECT value FROM json_each(?2))";
    Ok(vec![
        query!(
            &database.0,
            "INSERT INTO erasure (id, team_id, program_id, is_test, referrals, clicks, actor, request_id, requested_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            erasure.id,
            team_id,
            program_id,
            is_test,
            serde_json::to_string(&erasure.referrals)?,
            serde_json::to_string(&erasure.clicks)?,
            erasure.actor,
            erasure.request_id,
            erasure.requested_at
        )?,
        query!(&database.0, of_sales, program_id, is_test, sale_keys)?,
        query!(&database.0, of_refunds, program_id, is_test, sale_keys)?,
        query!(&database.0, of_answers, team_id, is_test, sale_keys)?,
        // Forgotten with their names within the minute.
        query!(
            &database.0,
            of_facts,
            program_id,
            is_test,
            sale_keys,
            serde_json::to_string(&found.names)?,
            serde_json::to_string(&found.referrals)?
        )?,
        query!(&database.0, test_events, program_id, serde_json::to_string(&found.test_events)?)?,
    ])
}

/// Notes that nothing is left to do.
pub async fn finish(database: &Database, id: &str, at: Timestamp) -> Result<(), Unavailable> {
    let statement =
        query!(&database.0, "UPDATE erasure SET finished_at = ?2 WHERE id = ?1 AND finished_at IS NULL", id, at);
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// Forgets erasures that ended before, at most so many.
pub async fn forget(database: &Database, before: Timestamp, limit: u32) -> Result<(), Unavailable> {
    let statement = query!(
        &database.0,
        "DELETE FROM erasure WHERE id IN (SELECT id FROM erasure WHERE finished_at <= ?1 LIMIT ?2)",
        before,
        limit
    );
    let statement = statement.map_err(|cause| away(&cause))?;
    statement.run().await.map(|_| ()).map_err(|cause| away(&cause))
}

/// Erasures that were interrupted, oldest first, at most so many.
pub async fn unfinished(database: &Database, limit: u32) -> Result<Vec<Erasure>, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT id, team_id, program_id, is_test, referrals, clicks, actor, request_id, requested_at FROM erasure \
         WHERE finished_at IS NULL ORDER BY requested_at LIMIT ?1",
        limit
    );
    let rows: Vec<Row> = database.all(statement).await?;
    Ok(rows.into_iter().map(Erasure::try_from).collect::<Result<_, _>>()?)
}

#[derive(Deserialize)]
struct Row {
    id: String,
    team_id: String,
    program_id: String,
    is_test: i64,
    referrals: String,
    clicks: String,
    actor: String,
    request_id: String,
    requested_at: i64,
}

impl TryFrom<Row> for Erasure {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            id: row.id,
            scope: scope(row.team_id, row.program_id, row.is_test),
            referrals: json("erasure.referrals", &row.referrals)?,
            clicks: json("erasure.clicks", &row.clicks)?,
            actor: row.actor,
            request_id: row.request_id,
            requested_at: Timestamp::from_milliseconds(row.requested_at),
        })
    }
}
