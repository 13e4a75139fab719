//! A key as its owner manages it: without the key itself, which only its first answer shows.

use serde_json::{Map, Value, json};

use super::{KeyForm, Scopes};
use crate::decision::Reason;
use crate::edits::{EditLine, Editor};
use crate::ids::{ProgramId, TeamId};
use crate::time::Timestamp;

/// A key that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedKey {
    /// Names it, in decisions too.
    pub id: String,
    /// Whose it is.
    pub team_id: TeamId,
    /// The program that it speaks for.
    pub program_id: ProgramId,
    /// What it is for.
    pub form: KeyForm,
    /// What its owner calls it; may be empty.
    pub name: String,
    /// What of it may be shown; empty for keys that are older than masks.
    pub masked: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to about an hour.
    pub last_used_at: Option<Timestamp>,
    /// When it ends, or ended.
    pub expires_at: Option<Timestamp>,
    /// When it was switched off.
    pub disabled_at: Option<Timestamp>,
    /// The key that it was made to replace.
    pub replaces: Option<String>,
}

/// Why a key cannot be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRotated {
    /// It was switched off.
    Disabled,
    /// It has ended.
    Expired,
}

impl IssuedKey {
    /// Whether it opens anything at this moment.
    pub fn usable_at(&self, now: Timestamp) -> Result<(), NotRotated> {
        if self.disabled_at.is_some_and(|moment| moment <= now) {
            return Err(NotRotated::Disabled);
        }
        if self.expires_at.is_some_and(|moment| moment <= now) {
            return Err(NotRotated::Expired);
        }
        Ok(())
    }

    /// The key that takes its place: may do the same and ends when it would have. Returns with it when this one ends: at
    /// `ends_at`, and not later than it would have anyway.
    pub fn successor(
        &self,
        id: String,
        masked: String,
        ends_at: Timestamp,
        now: Timestamp,
    ) -> Result<(Self, Timestamp), NotRotated> {
        self.usable_at(now)?;
        let successor = Self {
            id,
            masked,
            created_at: now,
            last_used_at: None,
            disabled_at: None,
            replaces: Some(self.id.clone()),
            ..self.clone()
        };
        Ok((successor, self.expires_at.map_or(ends_at, |end| end.min(ends_at))))
    }

    /// The line that says that it was made.
    pub fn created(&self, by: Editor) -> EditLine {
        let facts = [
            ("form", json!(self.form)),
            ("scopes", json!(self.scopes)),
            ("expires_at", json!(self.expires_at)),
            ("replaces", json!(self.replaces)),
        ];
        self.line("key.created", facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), by)
    }

    /// The line that says that another one takes its place from now on.
    pub fn rotated(&self, successor: &Self, ends_at: Timestamp, by: Editor) -> EditLine {
        let facts = [("replaced_by", json!(successor.id)), ("expires_at", json!(ends_at))];
        self.line("key.rotated", facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), by)
    }

    /// The line that says that it was switched off.
    pub fn disabled(&self, by: Editor) -> EditLine {
        self.line("key.disabled", Map::new(), by)
    }

    fn line(&self, kind: &'static str, detail: Map<String, Value>, by: Editor) -> EditLine {
        let subject = self.id.clone();
        EditLine { subject, kind, reason: Reason::EditedByOwner, detail, messages: Vec::new(), by }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyScope;
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(milliseconds)
    }

    fn key() -> IssuedKey {
        IssuedKey {
            id: "key_old".to_owned(),
            team_id: TeamId::new("team_1"),
            program_id: ProgramId::new("prog_1"),
            form: KeyForm::Live,
            name: "Shop".to_owned(),
            masked: "sk_live_…aaaa".to_owned(),
            scopes: Scopes::Only(vec![KeyScope::CreateClicks]),
            created_at: at(1),
            last_used_at: Some(at(2)),
            expires_at: None,
            disabled_at: None,
            replaces: None,
        }
    }

    fn successor(key: &IssuedKey, ends_at: i64) -> Result<(IssuedKey, Timestamp), NotRotated> {
        key.successor("key_new".to_owned(), "sk_live_…bbbb".to_owned(), at(ends_at), at(100))
    }

    #[test]
    fn a_successor_may_do_the_same_and_starts_anew() {
        let (new, ends_at) = successor(&key(), 500).unwrap();
        let expected = IssuedKey {
            id: "key_new".to_owned(),
            masked: "sk_live_…bbbb".to_owned(),
            created_at: at(100),
            last_used_at: None,
            replaces: Some("key_old".to_owned()),
            ..key()
        };
        assert_eq!((new, ends_at), (expected, at(500)));
    }

    #[test]
    fn a_rotation_lengthens_no_life() {
        let (new, ends_at) = successor(&IssuedKey { expires_at: Some(at(300)), ..key() }, 500).unwrap();
        assert_eq!((new.expires_at, ends_at), (Some(at(300)), at(300)));
    }

    #[test]
    fn what_has_ended_is_not_replaced() {
        let disabled = IssuedKey { disabled_at: Some(at(100)), ..key() };
        assert_eq!(successor(&disabled, 500), Err(NotRotated::Disabled));
        let expired = IssuedKey { expires_at: Some(at(100)), ..key() };
        assert_eq!(successor(&expired, 500), Err(NotRotated::Expired));
        assert!(successor(&IssuedKey { expires_at: Some(at(101)), ..key() }, 500).is_ok());
    }
}
