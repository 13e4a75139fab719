//! Calls without a key, by the address that they come from: approximate, by the platform's own counter, which waits for no
//! network and counts by place. It is told a keyed hash of the address, never the address.

use attribution::rate_limit::address_key;
use worker::{Env, console_error};

use crate::http::Incoming;
use crate::platform::Settings;

/// The name of the binding in wrangler.toml, which says how many calls a minute takes.
const BINDING: &str = "OPEN_CALLS";

/// Whether the address of this call may make it. One that is not known may, and so may all where the operator has set up no
/// counter, or has switched it off.
pub async fn is_open_call_allowed(incoming: &Incoming, env: &Env) -> bool {
    let Some(address) = incoming.header("cf-connecting-ip") else { return true };
    let (Ok(counter), Ok(settings)) = (env.rate_limiter(BINDING), Settings::of(env)) else { return true };
    if settings.open_calls_unlimited {
        return true;
    }
    let key = address_key(settings.identity_secret.as_bytes(), &address);
    match counter.limit(key).await {
        Ok(outcome) => outcome.success,
        Err(cause) => {
            console_error!("open calls are not counted: {cause}");
            true
        }
    }
}
