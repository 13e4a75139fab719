//! Forgets what was kept long enough: [`attribution::retention`] says how long.
//!
//! Everything is forgotten by its age, a bounded number of rows each minute; what was forgotten twice was forgotten once.
//! State: how far this instance has come, in its memory; a new one begins again and finds nothing to do.

use attribution::ledger::Unavailable;
use attribution::retention::{
    ANSWER_DAYS, CLAIM_ADDRESS_DAYS, ERASURE_DAYS, MESSAGE_DAYS, TEST_CHAIN_DAYS, milliseconds,
};
use attribution::time::{DAY_MILLISECONDS, Timestamp};
use worker::Env;

use super::storage::Book;
use crate::click_ledger;
use crate::platform::{Settings, now};
use crate::store::{self, Database};

/// So many rows of a kind are forgotten in one minute; the rest waits for the next.
const ROWS_A_MINUTE: u32 = 1_000;

/// The job: one kind after the other. A kind that fails keeps no other from its turn; the last failure is the job's.
pub async fn forget_old(env: &Env, book: &Book) -> Result<(), Unavailable> {
    let database = Database::of(env)?;
    let now = now();
    let before = |days: i64| Timestamp::from_milliseconds(now.milliseconds() - milliseconds(days));
    let done = [
        store::kept_answer::forget(&database, before(ANSWER_DAYS), ROWS_A_MINUTE).await,
        store::test_event::forget(&database, now, ROWS_A_MINUTE).await,
        store::test_chain::forget(&database, before(TEST_CHAIN_DAYS), ROWS_A_MINUTE).await,
        store::referral::counted::forget_addresses(&database, before(CLAIM_ADDRESS_DAYS), ROWS_A_MINUTE).await,
        store::provider_fact::expire(&database, now, ROWS_A_MINUTE).await,
        store::erasure::forget(&database, before(ERASURE_DAYS), ROWS_A_MINUTE).await,
        forget_messages(&database, book, before(MESSAGE_DAYS)).await,
        forget_clicks(env, book, now).await,
    ];
    done.into_iter().rev().find(Result::is_err).unwrap_or(Ok(()))
}

async fn forget_messages(database: &Database, book: &Book, before: Timestamp) -> Result<(), Unavailable> {
    let reached = store::outbox::forget(database, book.forgotten_to(), before, ROWS_A_MINUTE).await?;
    book.note_forgotten_to(reached);
    Ok(())
}

/// Once a day: a shard that gets clicks forgets the old ones with each new month, one that gets none has to be told.
async fn forget_clicks(env: &Env, book: &Book, now: Timestamp) -> Result<(), Unavailable> {
    let is_recent = |at: Timestamp| now.milliseconds() - at.milliseconds() < DAY_MILLISECONDS;
    if book.clicks_forgotten_at().is_some_and(is_recent) {
        return Ok(());
    }
    let settings = Settings::of(env).map_err(|problem| Unavailable(problem.to_string()))?;
    click_ledger::forget_old(env, &settings).await?;
    book.note_clicks_forgotten(now);
    Ok(())
}
