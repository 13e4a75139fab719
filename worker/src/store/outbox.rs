//! The outbox: the event lines of the last 30 days, as senders and their roll call read it.
//!
//! Lines are read by position, in bounded windows, so that no further index is written with each of them; programs
//! without a subscriber cost a window's scan and nothing else.

use attribution::ids::{ProgramId, WebhookEndpointId};
use attribution::ledger::Unavailable;
use attribution::time::Timestamp;
use attribution::webhooks::{
    Census, CensusTaker, DisabledReason, Endpoint, Line, Outbox, Reading, Spoken, Subscriber, Window,
};
use serde::Deserialize;
use worker::{D1PreparedStatement, D1Result, query};

use super::{Database, UnknownValue, away, json, rows, webhook_endpoint};

#[derive(Deserialize)]
struct LineRow {
    position: i64,
    subject: String,
    seq: i64,
    messages: String,
    at: i64,
}

#[derive(Deserialize)]
struct HeadRow {
    head: i64,
}

#[derive(Deserialize)]
struct EndsRow {
    head: i64,
    /// The first position behind where a read begins.
    next: Option<i64>,
}

#[derive(Deserialize)]
struct SubscriberRow {
    id: String,
    program_id: String,
    is_test: i64,
}

#[derive(Deserialize)]
struct SpokenRow {
    program_id: String,
    is_test: i64,
    position: i64,
}

impl Outbox for Database {
    async fn read(&self, id: &WebhookEndpointId, window: &Window) -> Result<Option<Reading>, Unavailable> {
        let reads = [webhook_endpoint::select(self, id), ends_for(self, id, window), lines_in(self, id, window)];
        let reads = reads.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
        let answers = self.batch(reads).await.map_err(|cause| away(&cause))?;
        let [endpoint, ends, lines] = answers.as_slice() else {
            return Err(Unavailable("a batch of three answered otherwise".to_owned()));
        };
        let endpoints: Vec<webhook_endpoint::Row> = rows(endpoint)?;
        let Some(endpoint) = endpoints.into_iter().next() else { return Ok(None) };
        let EndsRow { head, next } = ends_of(ends)?;
        Ok(Some(Reading { endpoint: endpoint.try_into()?, head, next, lines: read_lines(rows(lines)?)? }))
    }

    async fn lines(&self, endpoint: &Endpoint, positions: &[i64]) -> Result<Vec<Line>, Unavailable> {
        let positions = serde_json::to_string(positions).map_err(|cause| Unavailable(cause.to_string()))?;
        let statement = query!(
            &self.0,
            "SELECT event.position, event.subject, event.seq, event.messages, event.at \
             FROM json_each(?1) AS wanted CROSS JOIN event ON event.position = wanted.value \
             WHERE event.program_id = ?2 AND event.is_test = ?3",
            positions,
            endpoint.scope.program_id,
            i64::from(endpoint.scope.is_test)
        );
        read_lines(self.all(statement).await?)
    }

    async fn disable(
        &self,
        id: &WebhookEndpointId,
        version: i64,
        reason: DisabledReason,
        at: Timestamp,
    ) -> Result<(), Unavailable> {
        webhook_endpoint::disable(self, id, version, reason, at).await
    }
}

impl CensusTaker for Database {
    async fn census(&self, after: Option<i64>, span: i64) -> Result<Census, Unavailable> {
        let subscribers =
            query!(&self.0, "SELECT id, program_id, is_test FROM webhook_endpoint WHERE disabled_at IS NULL");
        let spoken = spoken_in(self, after, span).map_err(|cause| away(&cause))?;
        let ends = ends_after(self, after.unwrap_or(0)).map_err(|cause| away(&cause))?;
        let reads = vec![subscribers, ends, spoken];
        let answers = self.batch(reads).await.map_err(|cause| away(&cause))?;
        let [subscribers, ends, spoken] = answers.as_slice() else {
            return Err(Unavailable("a batch of three answered otherwise".to_owned()));
        };
        let subscribers: Vec<SubscriberRow> = rows(subscribers)?;
        let spoken: Vec<SpokenRow> = rows(spoken)?;
        let EndsRow { head, next } = ends_of(ends)?;
        Ok(Census {
            subscribers: subscribers.into_iter().map(Subscriber::from).collect(),
            spoken: spoken.into_iter().map(Spoken::from).collect(),
            head,
            next,
        })
    }
}

/// Forgets what the lines behind `after` told that are older than `before`, at most so many; how far that came. Lines are
/// about as old as their place says: it ends at the first that is younger.
pub async fn forget(database: &Database, after: i64, before: Timestamp, limit: u32) -> Result<i64, Unavailable> {
    let reached = query!(
        &database.0,
        "SELECT COALESCE(MAX(position), ?1) AS head FROM ( \
           SELECT position, at FROM event WHERE position > ?1 ORDER BY position LIMIT ?3) WHERE at < ?2",
        after,
        before,
        limit
    );
    let reached: Option<HeadRow> = database.first(reached).await?;
    let reached = reached.map_or(after, |row| row.head);
    if reached > after {
        let forget = query!(
            &database.0,
            "UPDATE event SET messages = '[]' WHERE position > ?1 AND position <= ?2 AND at < ?3 AND messages <> '[]'",
            after,
            reached,
            before
        );
        let forget = forget.map_err(|cause| away(&cause))?;
        forget.run().await.map_err(|cause| away(&cause))?;
    }
    Ok(reached)
}

fn ends_after(database: &Database, after: i64) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT (SELECT COALESCE(MAX(position), 0) FROM event) AS head, \
           (SELECT MIN(position) FROM event WHERE position > ?1) AS next",
        after
    )
}

fn ends_for(database: &Database, id: &WebhookEndpointId, window: &Window) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT (SELECT COALESCE(MAX(position), 0) FROM event) AS head, \
           (SELECT MIN(position) FROM event WHERE position > MAX(?2, \
             COALESCE((SELECT starts_after FROM webhook_endpoint WHERE id = ?1), 0))) AS next",
        id,
        window.after.unwrap_or(0)
    )
}

fn ends_of(answer: &D1Result) -> Result<EndsRow, Unavailable> {
    let ends: Vec<EndsRow> = rows(answer)?;
    ends.into_iter().next().ok_or_else(|| Unavailable("the outbox has no ends".to_owned()))
}

/// The endpoint's row comes first (CROSS JOIN keeps the order), then the window by position: a range of the table itself,
/// which begins with the first line that there is.
fn lines_in(database: &Database, id: &WebhookEndpointId, window: &Window) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT event.position, event.subject, event.seq, event.messages, event.at \
         FROM webhook_endpoint AS endpoint CROSS JOIN event \
           ON event.position > MAX(?2, endpoint.starts_after) \
           AND event.position < (SELECT MIN(position) FROM event AS first \
             WHERE first.position > MAX(?2, endpoint.starts_after)) + ?3 \
           AND event.program_id = endpoint.program_id AND event.is_test = endpoint.is_test \
         WHERE endpoint.id = ?1 AND event.messages <> '[]' AND event.at >= ?4 \
         ORDER BY event.position LIMIT ?5",
        id,
        window.after.unwrap_or(0),
        window.span,
        window.since,
        i64::try_from(window.limit).unwrap_or(i64::MAX)
    )
}

fn spoken_in(database: &Database, after: Option<i64>, span: i64) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT program_id, is_test, MAX(position) AS position FROM event \
         WHERE position > ?1 AND position < (SELECT MIN(position) FROM event AS first WHERE first.position > ?1) + ?2 \
           AND messages <> '[]' GROUP BY program_id, is_test",
        after.unwrap_or(0),
        if after.is_some() { span } else { 0 }
    )
}

fn read_lines(rows: Vec<LineRow>) -> Result<Vec<Line>, Unavailable> {
    let lines: Result<Vec<Line>, UnknownValue> = rows.into_iter().map(Line::try_from).collect();
    Ok(lines?)
}

impl TryFrom<LineRow> for Line {
    type Error = UnknownValue;

    fn try_from(row: LineRow) -> Result<Self, UnknownValue> {
        // The text may hold addresses, and errors go to the log: the position says enough.
        let unreadable = |_| UnknownValue { column: "event.messages", value: format!("no list at {}", row.position) };
        Ok(Self {
            position: row.position,
            subject: row.subject,
            seq: row.seq,
            at: Timestamp::from_milliseconds(row.at),
            messages: json("event.messages", &row.messages).map_err(unreadable)?,
        })
    }
}

impl From<SubscriberRow> for Subscriber {
    fn from(row: SubscriberRow) -> Self {
        Self {
            id: WebhookEndpointId::new(row.id),
            program_id: ProgramId::new(row.program_id),
            is_test: row.is_test == 1,
        }
    }
}

impl From<SpokenRow> for Spoken {
    fn from(row: SpokenRow) -> Self {
        Self { program_id: ProgramId::new(row.program_id), is_test: row.is_test == 1, position: row.position }
    }
}
