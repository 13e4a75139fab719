//! Reading Stripe's objects: fields that may be absent, null, or an id where another version gives the whole object.

use serde_json::{Map, Value};

use crate::time::Timestamp;

/// Longer ids and names are none of Stripe's.
const MAX_TEXT: usize = 255;

/// One of Stripe's objects.
#[derive(Clone, Copy)]
pub(super) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    pub fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// An object inside this one.
    pub fn object(self, name: &str) -> Option<Self> {
        Self::of(self.0.get(name)?)
    }

    /// The first of several places where an object may be.
    pub fn any_object(self, names: &[&str]) -> Option<Self> {
        names.iter().find_map(|name| self.object(name))
    }

    /// A text that is not empty.
    pub fn text(self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.as_str()?.trim();
        let is_plain = !text.is_empty() && text.chars().count() <= MAX_TEXT && !text.contains('\0');
        is_plain.then(|| text.to_owned())
    }

    /// An id, whether it stands there or the object that has it.
    pub fn id(self, name: &str) -> Option<String> {
        self.text(name).or_else(|| self.object(name)?.text("id"))
    }

    /// An integer: Stripe has no others. A number with a point is none.
    pub fn integer(self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_number()?.as_i64()
    }

    pub fn is_true(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A moment in seconds since 1970.
    pub fn moment(self, name: &str) -> Option<Timestamp> {
        let seconds = self.integer(name).filter(|seconds| *seconds > 0)?;
        Some(Timestamp::from_milliseconds(seconds.checked_mul(1000)?))
    }

    /// The objects of a list, written as a bare one or as Stripe's `{data: […]}`.
    pub fn list(self, name: &str) -> Vec<Self> {
        let listed = self.0.get(name).and_then(Value::as_array);
        let listed = listed.or_else(|| self.object(name)?.0.get("data")?.as_array());
        listed.into_iter().flatten().filter_map(Self::of).collect()
    }
}
