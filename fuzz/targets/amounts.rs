//! Amounts, percentages, rates of exchange and currencies: what is read is within its bounds, and reads the same again as
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::amounts::look(input));
