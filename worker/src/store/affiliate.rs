//! Affiliates: rows of `affiliate`.

use attribution::ids::{AffiliateId, GroupId, ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::program::Affiliate;
use attribution::status::Partnership;
use serde::Deserialize;
use worker::query;

use super::{Database, UnknownValue, word};

/// A code may stand in the links of several programs; more than so many are not looked through.
const MAX_NAMESAKES: i64 = 20;

const COLUMNS: &str = "id, team_id, program_id, group_id, tracking_id, name, email_hash, partnership";

#[derive(Deserialize)]
struct Row {
    id: String,
    team_id: String,
    program_id: String,
    group_id: Option<String>,
    tracking_id: String,
    name: String,
    email_hash: Option<String>,
    partnership: String,
}

impl TryFrom<Row> for Affiliate {
    type Error = UnknownValue;

    fn try_from(row: Row) -> Result<Self, UnknownValue> {
        Ok(Self {
            id: AffiliateId::new(row.id),
            team_id: TeamId::new(row.team_id),
            program_id: ProgramId::new(row.program_id),
            group_id: row.group_id.map(GroupId::new),
            tracking_id: row.tracking_id,
            name: row.name,
            email_hash: row.email_hash,
            partnership: word("affiliate.partnership", &row.partnership, Partnership::from_word)?,
        })
    }
}

/// The affiliate with this id, whoever's it is; the caller checks.
pub async fn find(database: &Database, id: &AffiliateId) -> Result<Option<Affiliate>, Unavailable> {
    let sql = format!("SELECT {COLUMNS} FROM affiliate WHERE id = ?1");
    let row: Option<Row> = database.first(query!(&database.0, sql, id)).await?;
    Ok(row.map(Affiliate::try_from).transpose()?)
}

/// Everyone whose links carry this code, in all programs.
pub async fn by_tracking_id(database: &Database, tracking_id: &str) -> Result<Vec<Affiliate>, Unavailable> {
    let sql = format!("SELECT {COLUMNS} FROM affiliate WHERE tracking_id = ?1 ORDER BY program_id LIMIT ?2");
    let rows: Vec<Row> = database.all(query!(&database.0, sql, tracking_id, MAX_NAMESAKES)).await?;
    Ok(rows.into_iter().map(Affiliate::try_from).collect::<Result<_, _>>()?)
}
