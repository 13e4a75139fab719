//! `GET /v1/events`: everything that happens in a program, in order. An addition to the published dialect.
//!
//! State: none; these are the lines of the ledger, in the order of their commits. Lines never change and a later commit has
//! a later place, so whoever goes on from the `next` of each answer sees every line once.

use serde_json::{Value, json};

use super::lists::Parameters;
use super::{Problem, caller, views};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::store::event::{self, Feed, FeedLine};

/// The lines behind `after`, oldest first; without it the latest. A test key sees the lines of test rows.
pub async fn list(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut parameters = Parameters::of(&incoming.url);
    let place = parameters.place();
    let (after, limit) = parameters.finish(place)?;
    let Feed { lines, next, has_more } =
        event::feed(&funnel.database, (&key.program_id, key.is_test), after, limit).await?;
    let data: Vec<Value> = lines.iter().map(line).collect();
    let body = json!({ "success": true, "data": data, "has_more": has_more, "next": next.to_string() });
    Ok(Answer::json(200, &body))
}

/// A line as in a history, with what it is about.
fn line(FeedLine { subject, line }: &FeedLine) -> Value {
    let mut view = views::line(line);
    if let Some(fields) = view.as_object_mut() {
        fields.insert("subject".to_owned(), subject.as_str().into());
    }
    view
}
