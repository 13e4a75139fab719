//! How a list is cut and ordered: what every list's SQL is made with. What a call asks for is read by the rules' side
//! (`attribution::outside::page`).
//!
//! A list's order is total: rows that are equal in what they are sorted by come in the order of their ids, so that no row
//! is on two pages or on none as long as nothing is written.

use attribution::ledger::Unavailable;
pub use attribution::outside::page::{Cursor, Page, Period, Place, Sort};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::D1PreparedStatement;

use super::{Database, away, rows};

/// The word of SQL for a direction.
pub(super) fn direction(descending: bool) -> &'static str {
    if descending { "DESC" } else { "ASC" }
}

/// The end of a query for one page: by `column`, then by id, both in the same direction.
pub(super) fn order_and_limit(column: &str, descending: bool, page: Page) -> String {
    let direction = direction(descending);
    format!(" ORDER BY {column} {direction}, id {direction} LIMIT {} OFFSET {}", page.limit, page.offset())
}

/// The rows of one page, and how many there are in all: the answers to a query and to the same one for `COUNT(*) AS total`.
pub(super) async fn page_and_total<R: DeserializeOwned>(
    database: &Database,
    page: worker::Result<D1PreparedStatement>,
    total: worker::Result<D1PreparedStatement>,
) -> Result<(Vec<R>, i64), Unavailable> {
    #[derive(Deserialize)]
    struct Total {
        total: i64,
    }
    let reads = [page, total].into_iter().collect::<worker::Result<_>>().map_err(|cause| away(&cause))?;
    let answers = database.batch(reads).await.map_err(|cause| away(&cause))?;
    let [page, total] = answers.as_slice() else {
        return Err(Unavailable("a batch of two answered otherwise".to_owned()));
    };
    let total: Vec<Total> = rows(total)?;
    Ok((rows(page)?, total.first().map_or(0, |row| row.total)))
}
