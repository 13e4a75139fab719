//! Events: the immutable lines of the ledger.

use attribution::edits::EditLine;
use attribution::ids::{ProgramId, ReferralId, TeamId};
use attribution::ledger::{Event, Unavailable};
use attribution::referral::Scope;
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, away, json, rows};

/// With what the ids of refunds begin.
const REFUND_PREFIX: &str = "rfd_";

/// One line of a referral's history.
pub struct Line {
    /// The refund that it is about, where that had waited for its sale.
    pub refund_id: Option<String>,
    /// Its place among the referral's lines.
    pub seq: i64,
    /// What happened.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// On what it was decided.
    pub detail: Value,
    /// Who caused it.
    pub actor: String,
    /// By which request.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
}

#[derive(Deserialize)]
struct Row {
    subject: String,
    seq: i64,
    kind: String,
    reason: String,
    detail: String,
    actor: String,
    request_id: String,
    at: i64,
}

impl TryFrom<Row> for Line {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let is_refunds = row.subject.starts_with(REFUND_PREFIX);
        Ok(Self {
            refund_id: is_refunds.then_some(row.subject),
            seq: row.seq,
            kind: row.kind,
            reason: row.reason,
            detail: json("event.detail", &row.detail)?,
            actor: row.actor,
            request_id: row.request_id,
            at: Timestamp::from_milliseconds(row.at),
        })
    }
}

/// The history of one referral, with that of refunds that had waited for its sales, in the order of their commits.
pub async fn timeline(database: &Database, id: &ReferralId) -> Result<Vec<Line>, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT subject, seq, kind, reason, detail, actor, request_id, at FROM event \
         WHERE subject = ?1 OR subject IN (SELECT refund.id FROM conversion \
           JOIN refund ON refund.conversion_id = conversion.id WHERE conversion.referral_id = ?1) \
         ORDER BY position LIMIT 500",
        id
    );
    let rows: Vec<Row> = database.all(statement).await?;
    Ok(rows.into_iter().map(Line::try_from).collect::<Result<_, _>>()?)
}

/// A line among all those of its program.
pub struct FeedLine {
    /// What it is about: a referral, or what else has a history of its own.
    pub subject: String,
    /// What it says.
    pub line: Line,
}

/// A stretch of a program's lines, oldest first.
pub struct Feed {
    /// The lines.
    pub lines: Vec<FeedLine>,
    /// Where the next stretch begins.
    pub next: i64,
    /// Whether there may be lines behind it already.
    pub has_more: bool,
}

/// So many lines of all programs are looked through at a time: no index is written with each line for this.
const FEED_WINDOW: i64 = 5_000;

#[derive(Deserialize)]
struct FeedRow {
    position: i64,
    #[serde(flatten)]
    row: Row,
}

#[derive(Deserialize)]
struct HeadRow {
    /// The last place.
    head: i64,
    /// The first place behind the one that was asked for.
    next: Option<i64>,
}

/// The lines of one program and mode behind a place, at most `limit`; without a place the latest. A look goes through a
/// bounded stretch of everybody's lines, so a page may be short, or empty, with more behind it.
pub async fn feed(
    database: &Database,
    (program, is_test): (&ProgramId, bool),
    after: Option<i64>,
    limit: u32,
) -> Result<Feed, Unavailable> {
    let head = query!(
        &database.0,
        "SELECT (SELECT COALESCE(MAX(position), 0) FROM event) AS head, \
           (SELECT MIN(position) FROM event WHERE position > ?1) AS next",
        after.unwrap_or(0)
    );
    let sql = if after.is_some() { FEED_AFTER } else { FEED_LATEST };
    let (place, wanted) = (after.unwrap_or(0), i64::from(limit) + 1);
    let lines = query!(&database.0, sql, program, i64::from(is_test), place, FEED_WINDOW, wanted);
    let reads = [head, lines].into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(reads).await.map_err(|cause| away(&cause))?;
    let [head, lines] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let heads: Vec<HeadRow> = rows(head)?;
    let head = heads.into_iter().next().unwrap_or(HeadRow { head: 0, next: None });
    stretch(rows(lines)?, (after, &head), limit)
}

/// The stretch begins with the first line that there is: a restore leaves a gap.
const FEED_AFTER: &str = "SELECT position, subject, seq, kind, reason, detail, actor, request_id, at FROM event \
     WHERE position > ?3 \
       AND position < (SELECT MIN(position) FROM event AS first WHERE first.position > ?3) + ?4 AND program_id = ?1 AND is_test = ?2 ORDER BY position LIMIT ?5";

const FEED_LATEST: &str = "SELECT position, subject, seq, kind, reason, detail, actor, request_id, at FROM (\
     SELECT * FROM event WHERE position > (SELECT MAX(position) FROM event) - ?4 AND position > ?3 \
       AND program_id = ?1 AND is_test = ?2 ORDER BY position DESC LIMIT ?5 - 1) ORDER BY position";

/// The stretch that these rows are: one more than `limit` says that there are more.
fn stretch(mut rows: Vec<FeedRow>, (after, ends): (Option<i64>, &HeadRow), limit: u32) -> Result<Feed, Unavailable> {
    let HeadRow { head, next } = *ends;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    let first = |after: i64| next.map_or(after, |next| next - 1);
    let looked_to = after.map_or(head, |after| first(after).saturating_add(FEED_WINDOW).min(head));
    let next = rows.last().filter(|_| is_cut).map_or(looked_to, |row| row.position);
    let line = |FeedRow { row, .. }: FeedRow| -> Result<FeedLine, UnknownValue> {
        Ok(FeedLine { subject: row.subject.clone(), line: row.try_into()? })
    };
    Ok(Feed { lines: rows.into_iter().map(line).collect::<Result<_, _>>()?, next, has_more: next < head })
}

/// The history of one sale: lines of its referral that name it or what it earned, by their ids, and all of its refunds',
/// which may have waited for it. In the order of their commits.
pub async fn of_sale(
    database: &Database,
    referral: &ReferralId,
    names: &[&str],
    refunds: &[&str],
) -> Result<Vec<Line>, Unavailable> {
    let statement = query!(
        &database.0,
        "SELECT subject, seq, kind, reason, detail, actor, request_id, at FROM event \
         WHERE (subject = ?1 AND EXISTS (SELECT 1 FROM json_each(?2) AS name WHERE instr(event.detail, name.value) > 0)) \
           OR subject IN (SELECT value FROM json_each(?3)) \
         ORDER BY position LIMIT 500",
        referral,
        serde_json::to_string(names)?,
        serde_json::to_string(refunds)?
    );
    let rows: Vec<Row> = database.all(statement).await?;
    Ok(rows.into_iter().map(Line::try_from).collect::<Result<_, _>>()?)
}

/// Appends a line. `rules_version` comes out NULL, which fails the batch, when the program's has moved on since the
/// decision.
pub(super) fn insert(database: &Database, scope: &Scope, event: &Event) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO event (position, subject, seq, team_id, program_id, is_test, kind, reason, detail, messages, actor, \
           request_id, rules_version, at) \
         VALUES ((SELECT MAX(?14, COALESCE(MAX(position), 0)) + 1 FROM event), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
           (SELECT rules_version FROM program WHERE id = ?4 AND rules_version = ?12), ?13)",
        event.subject,
        event.seq,
        scope.team_id,
        scope.program_id,
        i64::from(scope.is_test),
        event.kind,
        event.reason.as_str(),
        serde_json::to_string(&event.detail)?,
        serde_json::to_string(&event.messages)?,
        event.actor,
        event.request_id,
        event.rules_version,
        event.at,
        database.1.begins_after()
    )
}

/// Appends the line of an edit, as the next one of its subject and with the rules version as of the batch. What is edited
/// is shared by live and test rows, so its lines are live ones.
pub(super) fn append(
    database: &Database,
    team: &TeamId,
    program: &ProgramId,
    line: &EditLine,
) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "INSERT INTO event (position, subject, seq, team_id, program_id, is_test, kind, reason, detail, messages, actor, \
           request_id, rules_version, at) \
         VALUES ((SELECT MAX(?11, COALESCE(MAX(position), 0)) + 1 FROM event), ?1, (SELECT COALESCE(MAX(seq), 0) + 1 FROM event WHERE subject = ?1), ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, \
           ?9, (SELECT rules_version FROM program WHERE id = ?3), ?10)",
        line.subject,
        team,
        program,
        line.kind,
        line.reason.as_str(),
        serde_json::to_string(&line.detail)?,
        serde_json::to_string(&line.messages)?,
        line.by.actor,
        line.by.request_id,
        line.by.at,
        database.1.begins_after()
    )
}

/// Appends a line to the history of each of these rows of `table` that is there: as the line of the version that the row
/// has in the batch, in the row's own program and mode.
pub(super) fn append_versions(
    database: &Database,
    table: &'static str,
    lines: &[EditLine],
) -> worker::Result<D1PreparedStatement> {
    let line = |line: &EditLine| -> Result<Value, serde_json::Error> {
        Ok(serde_json::json!({
            "subject": line.subject,
            "kind": line.kind,
            "reason": line.reason.as_str(),
            "detail": serde_json::to_string(&line.detail)?,
            "messages": serde_json::to_string(&line.messages)?,
            "actor": line.by.actor,
            "request_id": line.by.request_id,
            "at": line.by.at,
        }))
    };
    let lines = lines.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let sql = format!(
        "INSERT INTO event (position, subject, seq, team_id, program_id, is_test, kind, reason, detail, messages, actor, \
           request_id, rules_version, at) \
         SELECT (SELECT MAX(?2, COALESCE(MAX(position), 0)) FROM event) + ROW_NUMBER() OVER (), line.value ->> 'subject', changed.version, changed.team_id, changed.program_id, changed.is_test, \
           line.value ->> 'kind', line.value ->> 'reason', line.value ->> 'detail', line.value ->> 'messages', \
           line.value ->> 'actor', line.value ->> 'request_id', \
           (SELECT rules_version FROM program WHERE program.id = changed.program_id), line.value ->> 'at' \
         FROM json_each(?1) AS line CROSS JOIN {table} AS changed ON changed.id = line.value ->> 'subject'"
    );
    query!(&database.0, sql, serde_json::to_string(&lines)?, database.1.begins_after())
}
