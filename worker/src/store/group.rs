//! Groups of affiliates: rows of `affiliate_group`. A program that has groups has exactly one that is the default.
//!
//! Every write raises the rules version in its own batch ([`super::rules_version`]); the flag of the default moves within
//! one batch, so that nobody ever sees two of them, or none.

use attribution::edits::Edit;
use attribution::ids::{GroupId, ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::limits::MAX_GROUPS;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::{Database, away, rows, rules_version};

const COLUMNS: &str = "affiliate_group.id, affiliate_group.name, affiliate_group.description, \
    affiliate_group.is_default, affiliate_group.created_at";

/// A group, and how many affiliates are in it.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// For people.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Whether new affiliates come into it.
    pub is_default: bool,
    /// Deleted ones not counted.
    pub affiliate_count: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is changed of a group; absent: not changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// For people.
    pub name: Option<String>,
    /// For people; may be cleared.
    pub description: Edit<String>,
    /// It takes the flag of the default from the group that has it.
    pub becomes_default: bool,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    name: String,
    description: Option<String>,
    is_default: i64,
    affiliate_count: i64,
    created_at: i64,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

impl From<Row> for Group {
    fn from(row: Row) -> Self {
        Self {
            id: GroupId::new(row.id),
            name: row.name,
            description: row.description,
            is_default: row.is_default == 1,
            affiliate_count: row.affiliate_count,
            created_at: Timestamp::from_milliseconds(row.created_at),
        }
    }
}

/// A program's groups, oldest first.
pub async fn of_program(database: &Database, program: &ProgramId) -> Result<Vec<Group>, Unavailable> {
    let sql = format!(
        "SELECT {COLUMNS}, COALESCE(counted.affiliates, 0) AS affiliate_count FROM affiliate_group \
         LEFT JOIN (SELECT group_id, COUNT(*) AS affiliates FROM affiliate \
                    WHERE program_id = ?1 AND deleted_at IS NULL GROUP BY group_id) counted \
           ON counted.group_id = affiliate_group.id \
         WHERE affiliate_group.program_id = ?1 ORDER BY affiliate_group.created_at, affiliate_group.id"
    );
    let rows: Vec<Row> = database.all(query!(&database.0, sql, program)).await?;
    Ok(rows.into_iter().map(Group::from).collect())
}

/// The group with this id, if it is one of the program's.
pub async fn find(database: &Database, program: &ProgramId, id: &GroupId) -> Result<Option<Group>, Unavailable> {
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT COUNT(*) FROM affiliate WHERE program_id = ?1 AND group_id = ?2 \
           AND deleted_at IS NULL) AS affiliate_count \
         FROM affiliate_group WHERE program_id = ?1 AND id = ?2"
    );
    let row: Option<Row> = database.first(query!(&database.0, sql, program, id)).await?;
    Ok(row.map(Group::from))
}

/// Stores a new one; false when the program has [`MAX_GROUPS`] already. It is the default where it is meant to be,
/// and where there is none yet.
pub async fn insert(
    database: &Database,
    team: &TeamId,
    program: &ProgramId,
    group: &Group,
) -> Result<bool, Unavailable> {
    let flag = query!(
        &database.0,
        "UPDATE affiliate_group SET is_default = 0 WHERE program_id = ?1 AND is_default = 1 AND ?2 \
         AND (SELECT COUNT(*) FROM affiliate_group WHERE program_id = ?1) < ?3",
        program,
        i64::from(group.is_default),
        MAX_GROUPS
    );
    let insertion = query!(
        &database.0,
        "INSERT INTO affiliate_group (id, team_id, program_id, name, description, is_default, created_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, \
           NOT EXISTS (SELECT 1 FROM affiliate_group WHERE program_id = ?3 AND is_default = 1), ?6 \
         WHERE (SELECT COUNT(*) FROM affiliate_group WHERE program_id = ?3) < ?7 RETURNING id",
        group.id,
        team,
        program,
        group.name,
        group.description,
        group.created_at,
        MAX_GROUPS
    );
    let raise = rules_version::raise(database, program);
    returned(database, [flag, insertion, raise], 1).await
}

/// Changes one; false when the program has none with this id.
pub async fn update(
    database: &Database,
    program: &ProgramId,
    id: &GroupId,
    change: &Change,
) -> Result<bool, Unavailable> {
    let update = query!(
        &database.0,
        "UPDATE affiliate_group SET name = COALESCE(?3, name), \
           description = CASE WHEN ?4 THEN ?5 ELSE description END \
         WHERE program_id = ?1 AND id = ?2 RETURNING id",
        program,
        id,
        change.name,
        i64::from(!change.description.is_kept()),
        change.description.as_set()
    );
    let flag = query!(
        &database.0,
        "UPDATE affiliate_group SET is_default = (id = ?2) WHERE program_id = ?1 AND ?3 AND is_default <> (id = ?2) \
         AND EXISTS (SELECT 1 FROM affiliate_group WHERE program_id = ?1 AND id = ?2)",
        program,
        id,
        i64::from(change.becomes_default)
    );
    let raise = rules_version::raise(database, program);
    returned(database, [update, flag, raise], 0).await
}

/// Removes one with its incentives and levels; false when there is none, when it is the default, and when somebody is in
/// it. Deleted affiliates leave it.
pub async fn delete(database: &Database, program: &ProgramId, id: &GroupId) -> Result<bool, Unavailable> {
    const MAY_GO: &str = "EXISTS (SELECT 1 FROM affiliate_group \
          WHERE program_id = ?1 AND affiliate_group.id = ?2 AND is_default = 0) \
        AND NOT EXISTS (SELECT 1 FROM affiliate WHERE program_id = ?1 AND group_id = ?2 AND deleted_at IS NULL)";
    let write = |sql: String| query!(&database.0, sql, program, id);
    let writes = [
        write(format!("UPDATE affiliate SET group_id = NULL WHERE program_id = ?1 AND group_id = ?2 AND {MAY_GO}")),
        write(format!("DELETE FROM incentive WHERE program_id = ?1 AND group_id = ?2 AND {MAY_GO}")),
        write(format!("DELETE FROM level WHERE program_id = ?1 AND group_id = ?2 AND {MAY_GO}")),
        write(format!("DELETE FROM affiliate_group WHERE program_id = ?1 AND id = ?2 AND {MAY_GO} RETURNING id")),
        rules_version::raise(database, program),
    ];
    returned(database, writes, 3).await
}

/// Whether the write at this place, which returns ids, found its row.
async fn returned<const N: usize>(
    database: &Database,
    writes: [worker::Result<D1PreparedStatement>; N],
    place: usize,
) -> Result<bool, Unavailable> {
    let writes = writes.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(writes).await.map_err(|cause| away(&cause))?;
    let Some(answer) = answers.get(place) else { return Ok(false) };
    let returned: Vec<IdRow> = rows(answer)?;
    Ok(returned.iter().any(|row| !row.id.is_empty()))
}
