//! Affiliates: rows of `affiliate`.

use attribution::ids::{AffiliateId, GroupId, ProgramId, TeamId};
use attribution::ledger::Unavailable;
use attribution::program::Affiliate;
use attribution::status::Partnership;
use serde::Deserialize;
use worker::query;

use super::{Database, UnknownValue, word};

/// With the rules version of the program, as of the same moment.
const COLUMNS: &str = "affiliate.id, affiliate.team_id, affiliate.program_id, affiliate.group_id, \
    affiliate.tracking_id, affiliate.name, affiliate.email_hash, affiliate.external_user_id, \
    affiliate.recruited_by, affiliate.partnership, \
    program.rules_version";

const TABLES: &str = "affiliate JOIN program ON program.id = affiliate.program_id";

#[derive(Deserialize)]
struct Row {
    id: String,
    team_id: String,
    program_id: String,
    group_id: Option<String>,
    tracking_id: String,
    name: String,
    email_hash: Option<String>,
    external_user_id: Option<String>,
    recruited_by: Option<String>,
    partnership: String,
    rules_version: i64,
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
            external_user_id: row.external_user_id,
            recruited_by: row.recruited_by.map(AffiliateId::new),
            partnership: word("affiliate.partnership", &row.partnership, Partnership::from_word)?,
            rules_version: row.rules_version,
        })
    }
}

/// The affiliate with this id, whoever's it is; the caller checks. A deleted one is found, as one whose partnership is
/// rejected: their referrals are still theirs.
pub async fn find(database: &Database, id: &AffiliateId) -> Result<Option<Affiliate>, Unavailable> {
    let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE affiliate.id = ?1");
    let row: Option<Row> = database.first(query!(&database.0, sql, id)).await?;
    Ok(row.map(Affiliate::try_from).transpose()?)
}

/// Whose links in this program carry the code.
pub async fn of_program(
    database: &Database,
    tracking_id: &str,
    program: &ProgramId,
) -> Result<Option<Affiliate>, Unavailable> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE affiliate.tracking_id = ?1 AND affiliate.program_id = ?2 \
         AND affiliate.deleted_at IS NULL"
    );
    let row: Option<Row> = database.first(query!(&database.0, sql, tracking_id, program)).await?;
    Ok(row.map(Affiliate::try_from).transpose()?)
}

/// The program's first affiliate whose partnership is approved: whose link a test goes through.
pub async fn first_approved(database: &Database, program: &ProgramId) -> Result<Option<Affiliate>, Unavailable> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE affiliate.program_id = ?1 AND affiliate.partnership = 'approved' \
         AND affiliate.deleted_at IS NULL ORDER BY affiliate.created_at, affiliate.id LIMIT 1"
    );
    let row: Option<Row> = database.first(query!(&database.0, sql, program)).await?;
    Ok(row.map(Affiliate::try_from).transpose()?)
}

/// Whose links carry the code, for a page that names no program: the one whose program alone allows the page's origin,
/// else the only one that there is. `None` for nobody's code and for one of several.
pub async fn of_page(
    database: &Database,
    tracking_id: &str,
    origin: Option<&str>,
) -> Result<Option<Affiliate>, Unavailable> {
    #[derive(Deserialize)]
    struct Candidate {
        allows: i64,
        #[serde(flatten)]
        affiliate: Row,
    }
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM program_origin WHERE program_origin.program_id = affiliate.program_id \
           AND program_origin.origin = ?2) AS allows, {COLUMNS} \
         FROM {TABLES} WHERE affiliate.tracking_id = ?1 AND affiliate.deleted_at IS NULL ORDER BY allows DESC LIMIT 2"
    );
    let candidates: Vec<Candidate> = database.all(query!(&database.0, sql, tracking_id, origin)).await?;
    let is_ambiguous = matches!(candidates.as_slice(), [first, second] if first.allows == second.allows);
    let chosen = candidates.into_iter().next().filter(|_| !is_ambiguous);
    Ok(chosen.map(|candidate| candidate.affiliate.try_into()).transpose()?)
}
