//! What a page says of a landing: the facts of a click, the addresses in it and their queries, the browser's name.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::visits::look(input));
