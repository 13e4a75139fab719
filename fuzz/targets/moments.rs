//! Days and moments: what is read is between the years 1970 and 9999, and reads the same again as it is written.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::moments::look(input));
