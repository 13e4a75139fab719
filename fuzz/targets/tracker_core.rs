//! The tracker's core: a page's address, names of parameters and what was remembered; a cookie's name, value and host.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracker::{exports, output, text};

fuzz_target!(|input: (&str, u32, u32, bool)| {
    let (record, days, labels, secure) = input;
    // JavaScript writes no longer ones, and no piece of a character.
    if record.len() > text::CAPACITY {
        return;
    }
    let landing = || output::read(exports::landing(text::fill(record)));
    let cookie = || output::read(exports::cookie_line(text::fill(record), days, labels, secure));
    let (first, line) = (landing(), cookie());
    // Nothing is left of one call in the next.
    assert_eq!((landing(), cookie()), (first, line));
    let _ = exports::retry_delay(days, labels);
});
