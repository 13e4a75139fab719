//! The version of a program's rules: raised in the batch of every change to what the rules read, so that money which was
//! decided under the rules before is decided again.
//!
//! State: `program.rules_version`. It is also what keeps two changes from undoing each other: a change that was decided on
//! what had been read is written only while the version is still that one.

use attribution::ids::ProgramId;
use worker::{D1PreparedStatement, query};

use super::Database;

/// Raises the version.
pub(super) fn raise(database: &Database, program: &ProgramId) -> worker::Result<D1PreparedStatement> {
    query!(&database.0, "UPDATE program SET rules_version = rules_version + 1 WHERE id = ?1", program)
}

/// Raises the version that was read. Where it has moved on it comes out NULL, which fails the batch.
pub(super) fn raise_from(database: &Database, program: &ProgramId, read: i64) -> worker::Result<D1PreparedStatement> {
    query!(
        &database.0,
        "UPDATE program SET rules_version = CASE rules_version WHEN ?2 THEN rules_version + 1 END WHERE id = ?1",
        program,
        read
    )
}
