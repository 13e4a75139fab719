//! Bodies: whatever is read keeps to its bounds, has each name once, and reads the same again as it is written.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::bodies::look(input));
