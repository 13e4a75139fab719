//! Messages: every one that a line promises is received at least once, always under the same id and with the same body;
//! nothing is received that no line promises.
//!
//! Keeps no state.

use std::collections::BTreeSet;

use serde_json::Value;

use attribution::webhooks::DeliveryStatus;

use super::{Evidence, Problems};

/// See the module.
pub fn check(evidence: &Evidence<'_>, problems: &mut Problems) {
    let mut received = BTreeSet::new();
    for (id, bodies) in &evidence.received {
        let distinct: BTreeSet<&String> = bodies.iter().collect();
        problems.unless(distinct.len() == 1, || format!("message {id} came with {} bodies", distinct.len()));
        for body in distinct {
            let is_new = received.insert(essence(body));
            problems.unless(is_new, || format!("message {id} came under another id too"));
        }
    }
    let deliveries = evidence.disks.iter().flat_map(|tables| &tables.deliveries);
    let given_up = deliveries.filter(|row| row.status == DeliveryStatus::Failed).count();
    let promised: BTreeSet<String> = evidence
        .rows
        .events
        .iter()
        .flat_map(|line| line.messages.iter().map(|message| format!("{} {} {}", message.kind, line.seq, message.data)))
        .collect();
    let missing: Vec<&String> = promised.difference(&received).collect();
    problems.unless(missing.len() <= given_up, || format!("subscribers were never told {missing:?}"));
    let unfounded: Vec<&String> = received.difference(&promised).collect();
    problems.unless(unfounded.is_empty(), || format!("subscribers were told {unfounded:?}"));
    check_sales(evidence, &promised, problems);
}

/// Every credited sale is told of.
fn check_sales(evidence: &Evidence<'_>, promised: &BTreeSet<String>, problems: &mut Problems) {
    for sale in evidence.rows.conversions.values().filter(|sale| sale.attributed) {
        let named = format!("\"transactionId\":\"{}\"", sale.id);
        let is_told =
            promised.iter().any(|message| message.starts_with("transaction.created") && message.contains(&named));
        problems.unless(is_told, || format!("no line promises to tell of sale {}", sale.id));
    }
}

/// Type, place and data of a body.
fn essence(body: &str) -> String {
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    let kind = parsed.get("type").and_then(Value::as_str).unwrap_or_default();
    let seq = parsed.get("seq").map(ToString::to_string).unwrap_or_default();
    let data = parsed.get("data").map(ToString::to_string).unwrap_or_default();
    format!("{kind} {seq} {data}")
}
