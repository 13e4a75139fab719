//! Edits: what an owner changes of what is kept, and the line of the ledger that says so.
//!
//! The line is appended in the batch of the edit, by the store, which gives it its place among the subject's lines. It is
//! part of the outbox like every other: that is how subscribers hear of edits.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::decision::Reason;
use crate::messages::Message;
use crate::time::Timestamp;

/// What becomes of something that may be empty. In JSON: absent, null, or the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is empty from now on.
    Clear,
    /// It is this from now on.
    Set(T),
}

impl<T> Edit<T> {
    /// The new value, if there is one.
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Whether it stays as it is.
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The same edit of what is made of the value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Edit<U> {
        match self {
            Self::Keep => Edit::Keep,
            Self::Clear => Edit::Clear,
            Self::Set(value) => Edit::Set(make(value)),
        }
    }

    /// Carries it out.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

/// For fields with `#[serde(default)]`: what is absent is kept.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// For fields with `#[serde(skip_serializing_if = "Edit::is_kept")]`: what is kept is absent.
impl<T: Serialize> Serialize for Edit<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_set().serialize(serializer)
    }
}

/// Who made an edit, when, and by which request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editor {
    /// `key:<id>`.
    pub actor: String,
    /// Names the request.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
}

/// The line of one edit. Its place among the subject's lines, and the version of the rules that the edit made, are the
/// store's to fill in.
#[derive(Clone, Debug, PartialEq)]
pub struct EditLine {
    /// What was edited: its id.
    pub subject: String,
    /// What happened: `affiliate.updated`.
    pub kind: &'static str,
    /// Why.
    pub reason: Reason,
    /// What was changed, by name. No personal data: lines stay.
    pub detail: Map<String, Value>,
    /// What subscribers are told.
    pub messages: Vec<Message>,
    /// By whom.
    pub by: Editor,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Body {
        #[serde(default, skip_serializing_if = "Edit::is_kept")]
        name: Edit<String>,
    }

    #[test]
    fn absent_is_kept_and_null_clears() {
        let name = |json: &str| serde_json::from_str::<Body>(json).map(|body| body.name);
        assert_eq!(name("{}").unwrap(), Edit::Keep);
        assert_eq!(name(r#"{"name":null}"#).unwrap(), Edit::Clear);
        assert_eq!(name(r#"{"name":"Ann"}"#).unwrap(), Edit::Set("Ann".to_owned()));
        assert!(name(r#"{"name":5}"#).is_err());
    }

    #[test]
    fn what_is_kept_is_not_written() {
        let json = |name| serde_json::to_string(&Body { name }).unwrap();
        assert_eq!(json(Edit::Keep), "{}");
        assert_eq!(json(Edit::Clear), r#"{"name":null}"#);
        assert_eq!(json(Edit::Set("Ann".to_owned())), r#"{"name":"Ann"}"#);
    }

    #[test]
    fn an_edit_changes_what_it_says() {
        let edited = |edit: Edit<u32>| {
            let mut field = Some(1);
            edit.apply(&mut field);
            field
        };
        assert_eq!(edited(Edit::Keep), Some(1));
        assert_eq!(edited(Edit::Clear), None);
        assert_eq!(edited(Edit::Set(2)), Some(2));
    }
}
