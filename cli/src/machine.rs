//! What the command takes from the machine it runs on: randomness and the clock. Everything else gets them as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use attribution::ids::Random;

/// The system's randomness. Without it no key would be a secret, so there is nothing to go on with.
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        if let Err(cause) = getrandom::fill(bytes) {
            eprintln!("error: the system gives no randomness: {cause}");
            std::process::exit(1);
        }
    }
}

/// The clock, in milliseconds since 1970; 0 on a machine whose clock says an earlier time.
#[expect(
    clippy::disallowed_methods,
    reason = "a command on a machine has a clock; the rules take theirs as an argument"
)]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
