//! The tracker's other paths, as the operator's setting and a call name them: what comes out is the tracker's, and nothing
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::paths::look(input));
