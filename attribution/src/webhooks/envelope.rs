//! The envelope around a message: `{id, type, createdAt, seq, data}`.

use serde::Serialize;
use serde_json::Value;

use super::delivery::{Delivery, Source};
use crate::epoch::Epoch;
use crate::ids::derive;
use crate::messages::Message;
use crate::time::Timestamp;

/// The type of a delivery that only shows that the way is open.
pub const PING: &str = "ping";

/// A line of the outbox: an event of the ledger, with the messages that its commit promised.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its place in the order of commits.
    pub position: i64,
    /// Whose history it belongs to: the referral's id.
    pub subject: String,
    /// Its place in that history; lets a receiver order what it got.
    pub seq: i64,
    /// When it was committed.
    pub at: Timestamp,
    /// What subscribers are told.
    pub messages: Vec<Message>,
}

/// A message's id: the same for all endpoints and on every attempt, since it follows from the line alone. It says
/// nothing about how many other lines there are, and has no `.` in it. A line that takes the place of one which a restore
/// has taken back is another one: receivers know the one before.
pub fn message_id(line: &Line, index: usize) -> String {
    let (seq, index) = (line.seq.to_string(), index.to_string());
    match Epoch::of_position(line.position).number() {
        0 => derive("evt", &[&line.subject, &seq, &index]),
        epoch => derive("evt", &[&line.subject, &seq, &index, &epoch.to_string()]),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    data: &'a Value,
}

/// The body of a delivery; `None` when its line is no longer in the outbox. `lines` are those that the sender has read.
pub fn body(delivery: &Delivery, lines: &[Line]) -> Option<String> {
    let empty = Value::Object(serde_json::Map::new());
    let (seq, data) = match delivery.source {
        Source::Ping => (None, &empty),
        Source::Line { position, index } => {
            let line = lines.iter().find(|line| line.position == position)?;
            let message = line.messages.get(index)?;
            (Some(line.seq), &message.data)
        }
    };
    let created_at = delivery.created_at.to_rfc3339();
    let envelope = Envelope { id: &delivery.id, kind: &delivery.kind, created_at, seq, data };
    serde_json::to_string(&envelope).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line() -> Line {
        let message = |kind: &str, data| Message { kind: kind.to_owned(), data };
        Line {
            position: 7,
            subject: "ref_1".into(),
            seq: 3,
            at: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
            messages: vec![
                message("transaction.created", serde_json::from_str(r#"{"saleAmount":99.00,"b":1,"a":2}"#).unwrap()),
                message("referral.converted", json!({})),
            ],
        }
    }

    #[test]
    fn the_data_is_carried_as_it_was_stored() {
        let delivery = Delivery::of_line(&line(), 0, line().at).unwrap();
        let expected = format!(
            r#"{{"id":"{}","type":"transaction.created","createdAt":"2026-01-01T00:00:00Z","seq":3,"data":{{"saleAmount":99.00,"b":1,"a":2}}}}"#,
            delivery.id
        );
        assert_eq!(body(&delivery, &[line()]), Some(expected));
    }

    #[test]
    fn messages_of_one_line_have_ids_of_their_own_that_never_change() {
        let (first, second) = (message_id(&line(), 0), message_id(&line(), 1));
        assert_ne!(first, second);
        // Wherever the line stands in its epoch; after a restore it is another one.
        assert_eq!(first, message_id(&Line { position: 99, messages: vec![], ..line() }, 0));
        let later = Epoch::new(1).unwrap().begins_after() + 7;
        assert_ne!(first, message_id(&Line { position: later, ..line() }, 0));
        assert_ne!(first, message_id(&Line { subject: "ref_2".into(), ..line() }, 0));
        assert!(first.starts_with("evt_") && !first.contains('.'));
    }

    #[test]
    fn a_line_that_is_gone_has_no_body() {
        let delivery = Delivery::of_line(&line(), 1, line().at).unwrap();
        assert_eq!(body(&delivery, &[]), None);
        assert_eq!(body(&delivery, &[Line { messages: vec![], ..line() }]), None);
    }

    #[test]
    fn a_ping_needs_no_line() {
        let ping = Delivery::ping("evt_1".into(), line().at);
        let expected = r#"{"id":"evt_1","type":"ping","createdAt":"2026-01-01T00:00:00Z","data":{}}"#;
        assert_eq!(body(&ping, &[]).as_deref(), Some(expected));
    }
}
