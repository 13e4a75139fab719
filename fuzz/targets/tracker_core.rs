//! The tracker's core: a page's address, names of parameters and what was remembered; a cookie's name, value and host.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::tracker_core::look(input));
