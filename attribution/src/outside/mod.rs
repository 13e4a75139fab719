//! What callers send, before any dialect and any rule: bodies ([`body`]), their fields ([`fields`], [`settings`]), keys of
//! repeats ([`repeats`]), the type of a body ([`media_type`]), parameters of lists ([`query`], [`page`]), the tracker's other paths ([`paths`]), the cookies of a site
//! ([`cookies`]) and origins ([`origin`]).
//!
//! Pure: bytes and texts in, values or what is wrong with them out; no request, no platform, no state. Every bound is one of
//! [`crate::limits`]. Whatever is read here is fuzzed (`fuzz/`).

pub mod body;
pub mod cookies;
pub mod fields;
pub mod media_type;
pub mod origin;
pub mod page;
pub mod paths;
pub mod query;
pub mod repeats;
pub mod settings;

pub use self::fields::Fields;
use crate::limits::MAX_BODY;

/// Something is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, as the caller wrote it: `metadata.a.b`, `products[3].id`.
    pub field: String,
    /// What is wrong and what is expected, to stand behind the field's name.
    pub message: String,
}

/// Why a call cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyProblem {
    /// The body is larger than what is taken.
    TooLarge,
    /// Not JSON, or no JSON object: there is no field to name.
    Malformed(String),
    /// Some fields are wrong.
    Fields(Vec<FieldProblem>),
}

impl BodyProblem {
    /// One field is wrong.
    pub fn of(field: &str, message: impl Into<String>) -> Self {
        Self::Fields(vec![FieldProblem { field: field.to_owned(), message: message.into() }])
    }

    /// One sentence for people.
    pub fn message(&self) -> String {
        match self {
            Self::TooLarge => format!("the body is larger than {MAX_BODY} bytes"),
            Self::Malformed(message) => message.clone(),
            Self::Fields(problems) => problems.iter().map(FieldProblem::sentence).collect::<Vec<_>>().join("; "),
        }
    }
}

impl FieldProblem {
    /// The field and what is wrong with it.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.field, self.message)
    }
}
