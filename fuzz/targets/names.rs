//! Ids, keys, scopes and codes: no text of a caller's makes their readers fail, and what is read is what was sent.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::names::look(input));
