//! E-mail addresses, their domains, network addresses and the URLs that webhooks are sent to.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| parsers_fuzz::addresses::look(input));
