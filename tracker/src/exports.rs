//! What JavaScript calls.
//!
//! Arguments that are text come as one record (see [`crate::text`]) of `length` bytes: a line for each, in the order
//! that each function names. No argument can contain a line break, see [`crate::request`]. A function that makes text
//! leaves it in [`output`] and returns its length in bytes, 0 if there is none. Read it before the next call.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::text::{self, Text};
use crate::{cookie, output, referral, request, retry};

/// Where the record of the next call is to be written: at most [`text::CAPACITY`] bytes of UTF-8.
#[wasm_bindgen]
pub fn input_address() -> *const u8 {
    text::address()
}

/// Where the text of the last call begins in memory.
#[wasm_bindgen]
pub fn output_address() -> *const u8 {
    output::address()
}

/// What to send and to remember of a landing: nothing if it is no click to report ([`referral::is_click`]), else two
/// lines, the request's body and what to remember. Lines taken: the page's address, the parameter's names (commas
/// between), what was remembered last, then what [`request::click`] wants.
#[wasm_bindgen]
pub fn click_body(length: u16) -> usize {
    let mut rest = Text::record(length);
    let url = rest.next(b'\n');
    let names = rest.next(b'\n');
    let known = rest.next(b'\n');
    let parameter = referral::find(url, names);
    if referral::is_click(parameter, known, names) {
        request::click(url, parameter, rest);
        output::byte(b'\n');
        referral::landing(url, parameter);
    }
    output::finish()
}

/// The body of a sign-up. Lines: see [`request::lead`].
#[wasm_bindgen]
pub fn lead_body(length: u16) -> usize {
    request::lead(Text::record(length));
    output::finish()
}

/// The line that sets a cookie, see [`cookie::line`]. Lines: its name, its value, the page's host name.
#[wasm_bindgen]
pub fn cookie_line(length: u16, days: u32, labels: u32, secure: bool) -> usize {
    let mut host = Text::record(length);
    let name = host.next(b'\n');
    let value = host.next(b'\n');
    cookie::line(name, value, host, days, labels, secure);
    output::finish()
}

/// Milliseconds until a request is sent again; 0 if its answer is final. See [`retry::delay`].
#[wasm_bindgen]
pub fn retry_delay(status: u32, attempt: u32) -> u32 {
    retry::delay(status, attempt)
}
