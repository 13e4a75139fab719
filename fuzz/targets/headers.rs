//! Headers: keys of repeats, types of bodies, origins; and the cookies that an answer sets for what a page says.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::headers::look(input));
