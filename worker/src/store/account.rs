//! Affiliates as their program's owner edits them: rows of `affiliate`, whole. What the rules of money read of them is
//! read in [`super::affiliate`].
//!
//! Every write is one batch with its line of the ledger, and with a raise of the rules' version where the rules read what
//! it changes. A new account raises nothing: no decision was made on somebody who was not there.

use attribution::account::{Account, Surroundings};
use attribution::edits::EditLine;
use attribution::ids::{AffiliateId, GroupId, ProgramId};
use attribution::ledger::{NotCommitted, Unavailable};
use attribution::status::Partnership;
use worker::{D1PreparedStatement, query};

use self::row::Row;
use super::page::{Page, Period, Sort, order_and_limit, page_and_total};
use super::{Database, away, event, rows, rules_version};

mod row;

/// What a list of accounts may be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortedBy {
    /// When they came.
    CreatedAt,
    /// When they were last edited.
    UpdatedAt,
    /// Their names, in either case.
    Name,
    /// Their addresses.
    Email,
    /// Their partnerships, by their words.
    Partnership,
}

/// Which accounts of a program a list shows: those for which all of this holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Their partnership is one of these; any where it is `None`.
    pub partnership: Option<Vec<Partnership>>,
    /// Name, address or tracking id contain this, in either case.
    pub search: Option<String>,
    /// They are in this group.
    pub group_id: Option<GroupId>,
    /// They are in this program too.
    pub program_id: Option<ProgramId>,
    /// They came then.
    pub came: Period,
}

/// The account with this id, if it is the program's and has not been deleted.
pub async fn find(database: &Database, program: &ProgramId, id: &AffiliateId) -> Result<Option<Account>, Unavailable> {
    let sql =
        format!("SELECT {} FROM affiliate WHERE id = ?1 AND program_id = ?2 AND deleted_at IS NULL", row::COLUMNS);
    let row: Option<Row> = database.first(query!(&database.0, sql, id, program)).await?;
    Ok(row.map(TryInto::try_into).transpose()?)
}

/// Those of these accounts that are the program's and have not been deleted.
pub async fn find_all(
    database: &Database,
    program: &ProgramId,
    ids: &[&AffiliateId],
) -> Result<Vec<Account>, Unavailable> {
    let sql = format!(
        "SELECT {} FROM affiliate WHERE id IN (SELECT value FROM json_each(?1)) AND program_id = ?2 \
         AND deleted_at IS NULL",
        row::COLUMNS
    );
    let rows: Vec<Row> = database.all(query!(&database.0, sql, serde_json::to_string(ids)?, program)).await?;
    rows.into_iter().map(|row| Ok(row.try_into()?)).collect()
}

/// One page of a program's accounts, and how many there are in all.
pub async fn list(
    database: &Database,
    program: &ProgramId,
    filter: &Filter,
    page: Page,
    sort: Sort<SortedBy>,
) -> Result<(Vec<Account>, i64), Unavailable> {
    let column = match sort.by {
        SortedBy::CreatedAt => "created_at",
        SortedBy::UpdatedAt => "COALESCE(updated_at, created_at)",
        SortedBy::Name => "name COLLATE NOCASE",
        SortedBy::Email => "email COLLATE NOCASE",
        SortedBy::Partnership => "partnership",
    };
    let order = order_and_limit(column, sort.descending, page);
    let shown = filtered(database, &format!("SELECT {}", row::COLUMNS), program, filter, &order);
    let total = filtered(database, "SELECT COUNT(*) AS total", program, filter, "");
    let (found, total): (Vec<Row>, i64) = page_and_total(database, shown, total).await?;
    let accounts = found.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
    Ok((accounts, total))
}

/// `select` from the accounts that the filter lets through, with `order` behind it.
fn filtered(
    database: &Database,
    select: &str,
    program: &ProgramId,
    filter: &Filter,
    order: &str,
) -> worker::Result<D1PreparedStatement> {
    let words = |all: &Vec<Partnership>| serde_json::to_string(&all.iter().map(|one| one.as_str()).collect::<Vec<_>>());
    let sql = format!(
        "{select} FROM affiliate WHERE program_id = ?1 AND deleted_at IS NULL \
         AND (?2 IS NULL OR partnership IN (SELECT value FROM json_each(?2))) \
         AND (?3 IS NULL OR instr(lower(name), ?3) > 0 OR instr(lower(email), ?3) > 0 \
           OR instr(lower(tracking_id), ?3) > 0) \
         AND (?4 IS NULL OR group_id = ?4) AND (?5 IS NULL OR program_id = ?5) \
         AND (?6 IS NULL OR created_at >= ?6) AND (?7 IS NULL OR created_at <= ?7){order}"
    );
    query!(
        &database.0,
        sql,
        program,
        filter.partnership.as_ref().map(words).transpose()?,
        filter.search.as_ref().map(|text| text.to_ascii_lowercase()),
        filter.group_id,
        filter.program_id,
        filter.came.from,
        filter.came.to
    )
}

/// What is around an account that is about to be written, and the version of the rules as of the same moment.
pub async fn surroundings(database: &Database, account: &Account) -> Result<(Surroundings, i64), Unavailable> {
    let reads = [around(database, account), recruiters(database, account)];
    let reads = reads.into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(reads).await.map_err(|cause| away(&cause))?;
    let [around, recruiters] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let around: Vec<row::Around> = rows(around)?;
    let recruiters: Vec<row::Id> = rows(recruiters)?;
    let around = around.into_iter().next();
    let around = around.ok_or_else(|| Unavailable(format!("there is no program {}", account.program_id)))?;
    Ok(around.with(recruiters))
}

fn around(database: &Database, account: &Account) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "SELECT rules_version, \
           (SELECT id FROM affiliate_group WHERE program_id = ?1 AND is_default = 1 ORDER BY created_at, id LIMIT 1) \
             AS default_group, \
           EXISTS (SELECT 1 FROM affiliate_group WHERE id = ?2 AND program_id = ?1) AS has_group, \
           EXISTS (SELECT 1 FROM affiliate WHERE tracking_id = ?3 AND program_id = ?1 AND id <> ?6) \
             AS tracking_id_taken, \
           EXISTS (SELECT 1 FROM affiliate WHERE program_id = ?1 AND lower(email) = lower(?4) AND email IS NOT NULL \
             AND deleted_at IS NULL AND id <> ?6) AS email_taken, \
           EXISTS (SELECT 1 FROM affiliate WHERE program_id = ?1 AND external_user_id = ?5 \
             AND external_user_id IS NOT NULL AND deleted_at IS NULL AND id <> ?6) AS external_user_id_taken \
         FROM program WHERE id = ?1",
        account.program_id,
        account.group_id,
        account.tracking_id,
        account.email,
        account.particulars.external_user_id,
        account.id
    )
}

/// The one who is to have brought the account, who brought that one, and so on. UNION drops whom it has met, so it ends.
fn recruiters(database: &Database, account: &Account) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "WITH RECURSIVE chain (id) AS ( \
           SELECT id FROM affiliate WHERE id = ?1 AND program_id = ?2 AND deleted_at IS NULL \
           UNION \
           SELECT affiliate.recruited_by FROM affiliate JOIN chain ON affiliate.id = chain.id \
             WHERE affiliate.recruited_by IS NOT NULL) \
         SELECT id FROM chain",
        account.recruited_by,
        account.program_id
    )
}

/// Stores a new account. Not committed where something of it is taken, or there already.
pub async fn insert(database: &Database, account: &Account, line: &EditLine) -> Result<(), NotCommitted> {
    let writes =
        vec![row::insertion(database, account), event::append(database, &account.team_id, &account.program_id, line)];
    commit(database, writes).await
}

/// Stores what has become of an account. Not committed where it has been edited since `before` was read, where something
/// is taken, and, where others must be as they were when it was decided, where the rules' version is not `read` any more.
pub async fn update(
    database: &Database,
    before: &Account,
    after: &Account,
    read: i64,
    line: &EditLine,
) -> Result<(), NotCommitted> {
    let mut writes = Vec::with_capacity(3);
    if before.recruited_by != after.recruited_by {
        // Two who name each other at once would both have been right by themselves.
        writes.push(rules_version::raise_from(database, &after.program_id, read));
    } else if !before.is_read_alike(after) {
        writes.push(rules_version::raise(database, &after.program_id));
    }
    writes.push(row::replacement(database, before, after));
    writes.push(event::append(database, &after.team_id, &after.program_id, line));
    commit(database, writes).await
}

async fn commit(database: &Database, writes: Vec<worker::Result<D1PreparedStatement>>) -> Result<(), NotCommitted> {
    let writes = writes.into_iter().collect::<worker::Result<_>>();
    let writes = writes.map_err(|cause| NotCommitted(cause.to_string()))?;
    database.batch(writes).await.map(|_| ()).map_err(|cause| NotCommitted(cause.to_string()))
}
