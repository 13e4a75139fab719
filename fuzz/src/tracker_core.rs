//! The tracker's core: a page's address, names of parameters and what was remembered; a cookie's name, value and host.

use tracker::{exports, output, text};

/// Looks at one input: the record, then nine bytes for the days, the labels and whether the page is secure.
pub fn look(input: &[u8]) {
    let Some((rest, numbers)) = input.split_last_chunk::<9>() else { return };
    let Ok(record) = str::from_utf8(rest) else { return };
    let [a, b, c, d, e, f, g, h, secure] = *numbers;
    let (days, labels) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    let secure = secure % 2 == 1;
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
}
