//! Writing one flat JSON object of strings, which is all that the two requests are.
//!
//! Holds no state but the comma to come.

use crate::output;
use crate::text::Text;

/// Longest value of a field, in bytes; the rest is left out. It keeps every body within the output buffer and the
/// server's limits. A value that was cut may end in half a character, which reads as a replacement character.
const VALUE_LIMIT: u16 = 2048;

/// An object being written.
pub struct Object {
    opening: u8,
}

impl Object {
    /// Begins an object. It is valid JSON once [`Object::end`] was called.
    pub fn begin() -> Self {
        Self { opening: b'{' }
    }

    /// Writes a field, its value percent-decoded if it is `encoded`; an empty one is left out.
    pub fn field(&mut self, name: &[u8], value: Text, encoded: bool) {
        let mut rest = value.at_most(VALUE_LIMIT);
        if rest.is_empty() {
            return;
        }
        output::byte(self.opening);
        self.opening = b',';
        output::byte(b'"');
        output::text(name);
        output::text(b"\":\"");
        while !rest.is_empty() {
            escaped(if encoded { rest.take_decoded() } else { rest.take() });
        }
        output::byte(b'"');
    }

    /// Closes the object.
    pub fn end(self) {
        if self.opening == b'{' {
            output::byte(b'{');
        }
        output::byte(b'}');
    }
}

/// Writes one byte of a string's content.
fn escaped(byte: u8) {
    if byte < b' ' {
        output::text(b"\\u00");
        return output::hexadecimal(byte);
    }
    if matches!(byte, b'"' | b'\\') {
        output::byte(b'\\');
    }
    output::byte(byte);
}
