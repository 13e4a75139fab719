//! Levels as their owner edits them: rows of `level`, up to three of a group, always written together.
//!
//! The rules read them together with their program. A write raises the rules version in its own batch
//! ([`super::rules_version`]). A level that stays at its place keeps its id, so that what it has earned names it.

use attribution::ids::{GroupId, IncentiveId, ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::level::{Base, Level};
use attribution::money::Rate;
use attribution::time::Timestamp;
use serde::Deserialize;
use worker::{D1PreparedStatement, query};

use super::{Database, UnknownValue, away, rules_version, word};

/// A level as it is stored.
#[derive(Deserialize)]
pub(super) struct Row {
    id: String,
    group_id: String,
    position: u8,
    base: String,
    rate_ppm: i64,
}

impl TryFrom<Row> for Level {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        let unknown = UnknownValue { column: "level.rate_ppm", value: row.rate_ppm.to_string() };
        Ok(Self {
            base: word("level.base", &row.base, Base::from_word)?,
            rate: Rate::from_parts_per_million(row.rate_ppm).ok_or(unknown)?,
            id: IncentiveId::new(row.id),
            group_id: GroupId::new(row.group_id),
            position: row.position,
        })
    }
}

/// The levels of all groups of a program, each group's first one first.
pub async fn of_program(database: &Database, program: &ProgramId) -> Result<Vec<Level>, Unavailable> {
    let rows: Vec<Row> = database.all(select(database, program)).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

pub(super) fn select(database: &Database, program: &ProgramId) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT id, group_id, position, base, rate_ppm FROM level WHERE program_id = ?1 ORDER BY group_id, position",
        program
    )
}

/// Makes these the levels of a group, in the place of those that it has.
pub async fn replace(
    database: &Database,
    team: &TeamId,
    program: &ProgramId,
    group: &GroupId,
    levels: &[Level],
    now: Timestamp,
) -> Result<(), Unavailable> {
    let mut writes = vec![query!(
        &database.0,
        "DELETE FROM level WHERE program_id = ?1 AND group_id = ?2 AND position > ?3",
        program,
        group,
        levels.len()
    )];
    writes.extend(levels.iter().map(|level| {
        query!(
            &database.0,
            "INSERT INTO level (id, team_id, program_id, group_id, position, base, rate_ppm, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
             ON CONFLICT (group_id, position) DO UPDATE SET base = excluded.base, rate_ppm = excluded.rate_ppm",
            level.id,
            team,
            program,
            group,
            level.position,
            level.base.as_str(),
            level.rate.parts_per_million(),
            now
        )
    }));
    writes.push(rules_version::raise(database, program));
    let writes = writes.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    database.batch(writes).await.map(|_| ()).map_err(|cause| away(&cause))
}
