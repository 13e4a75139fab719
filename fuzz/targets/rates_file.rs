//! The central bank's XML file of rates: refused, or days that have rates.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::rates_file::look(input));
