//! The central bank's XML file of rates: refused, or days that have rates.

use attribution::exchange::ecb;

/// Looks at one input.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(rates) = ecb::read(text) {
        assert!(!rates.is_empty());
    }
}
