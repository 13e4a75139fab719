//! Parameters of lists: what is read is within its bounds.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::queries::look(input));
