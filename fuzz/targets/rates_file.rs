//! The central bank's XML file of rates: refused, or days that have rates.
#![no_main]

use attribution::exchange::ecb;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(rates) = ecb::read(text) {
        assert!(!rates.is_empty());
    }
});
