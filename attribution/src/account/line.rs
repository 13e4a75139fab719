//! The line of an edit of an account: what it was, and what subscribers are told.

use serde_json::{Map, Value, json};

use super::Account;
use crate::decision::Reason;
use crate::edits::{EditLine, Editor};
use crate::messages::affiliate_message;
use crate::status::Partnership;

impl Account {
    /// The line of what has made this account out of the one `before`, with what subscribers are told.
    pub fn line(&self, before: Option<&Self>, by: Editor) -> EditLine {
        let is_new = before.is_none();
        let was_approved = before.is_some_and(|before| before.partnership == Partnership::Approved);
        let types: &[&str] = match self {
            _ if is_new => &["affiliate.created"],
            Self { deleted_at: Some(_), .. } => &["affiliate.deleted"],
            Self { partnership: Partnership::Approved, .. } if !was_approved => {
                &["affiliate.confirmed", "affiliate.updated"]
            }
            _ => &["affiliate.updated"],
        };
        EditLine {
            subject: self.id.as_str().to_owned(),
            kind: match self.deleted_at {
                _ if is_new => "affiliate.created",
                Some(_) => "affiliate.deleted",
                None => "affiliate.updated",
            },
            reason: Reason::EditedByOwner,
            detail: before.map_or_else(|| self.facts(), |before| self.differences(before)),
            messages: types.iter().map(|kind| affiliate_message(kind, self)).collect(),
            by,
        }
    }

    /// What the rules read of the account, as lines show it: no address.
    fn facts(&self) -> Map<String, Value> {
        let facts = [
            ("tracking_id", json!(self.tracking_id)),
            ("partnership", json!(self.partnership)),
            ("group_id", json!(self.group_id)),
            ("recruited_by", json!(self.recruited_by)),
        ];
        facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What the rules read and the edit has changed, from what to what, and the names of the rest.
    fn differences(&self, before: &Self) -> Map<String, Value> {
        let (now, then) = (self.facts(), before.facts());
        let mut differences: Map<String, Value> = now
            .into_iter()
            .filter(|(name, value)| then.get(name) != Some(value))
            .map(|(name, value)| {
                let was = then.get(&name).cloned().unwrap_or_default();
                (name, json!({ "from": was, "to": value }))
            })
            .collect();
        let rest = [("name", self.name != before.name), ("email", self.email != before.email)];
        let particulars = [("particulars", self.particulars != before.particulars)];
        let changed: Vec<&str> = rest.iter().chain(&particulars).filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        if !changed.is_empty() {
            differences.insert("also_changed".to_owned(), json!(changed));
        }
        differences
    }
}
