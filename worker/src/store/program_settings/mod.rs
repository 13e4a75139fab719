//! The settings of a program as its owner edits them: columns of `program`, a file for each of the routes.
//!
//! A change is a struct whose fields are named like the columns; what is absent is not written, so that two changes at
//! once never undo each other. The same statement raises the rules version ([`super::rules_version`]).

pub mod fraud_rules;
pub mod payment_terms;
pub mod profile;
pub mod restrictions;
pub mod tracking;

use attribution::ids::ProgramId;
use attribution::ledger::Unavailable;
use serde::Serialize;
use serde_json::Value;
use worker::{D1PreparedStatement, query};

use super::Database;

/// The columns that are lists of their own: JSON objects, of which only the keys that are sent change.
const MERGED: [&str; 2] = ["invoice", "restrictions"];

/// The update of a program by a change: `?1` is the program, `?2` the change as a JSON object.
fn update(database: &Database, program: &ProgramId, change: &impl Serialize) -> worker::Result<D1PreparedStatement> {
    update_where(database, program, change, "", "TRUE")
}

/// The same with further assignments, each with a comma before it, and only where a condition holds. It returns the id.
fn update_where(
    database: &Database,
    program: &ProgramId,
    change: &impl Serialize,
    further: &str,
    condition: &str,
) -> worker::Result<D1PreparedStatement> {
    let change = serde_json::to_value(change)?;
    // The change is named, so that it may also be one of no column.
    let sql = format!(
        "UPDATE program SET rules_version = rules_version + 1{}{further} \
         WHERE id = ?1 AND json_valid(?2) AND {condition} RETURNING id",
        assignments(&change)
    );
    query!(&database.0, sql, program, change.to_string())
}

/// What stands behind the first assignment: one for each column that is sent.
fn assignments(change: &Value) -> String {
    let columns = change.as_object().into_iter().flat_map(serde_json::Map::keys);
    let assign = |column: &String| {
        let value = format!("json_extract(?2, '$.{column}')");
        if MERGED.contains(&column.as_str()) {
            format!(", {column} = json_patch({column}, {value})")
        } else {
            format!(", {column} = {value}")
        }
    };
    columns.map(assign).collect()
}

/// A program that a key names exists.
fn missing(program: &ProgramId) -> Unavailable {
    Unavailable(format!("program {program} is named by a key and does not exist"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_sent_is_assigned() {
        assert_eq!(assignments(&json!({})), "");
        assert_eq!(
            assignments(&json!({ "name": "Partners", "tagline": null })),
            ", name = json_extract(?2, '$.name'), tagline = json_extract(?2, '$.tagline')"
        );
        assert_eq!(
            assignments(&json!({ "invoice": { "invoice_city": null } })),
            ", invoice = json_patch(invoice, json_extract(?2, '$.invoice'))"
        );
    }
}
