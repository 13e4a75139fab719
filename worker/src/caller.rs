//! Who calls: keys in the `Authorization` header. Present but wrong is always refused.

use attribution::keys::{KeyForm, key_hash};
use attribution::ledger::Unavailable;

use crate::configuration::CachedConfiguration;
use crate::http::Incoming;
use crate::platform::now;
use crate::store::api_key::ApiKey;

/// What is wrong with the key of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// There is none.
    Missing,
    /// It has no form of a key.
    Malformed,
    /// Nobody's key, or not one for this interface.
    Unknown,
    /// It was switched off.
    Disabled,
    /// It has ended.
    Expired,
}

/// Finds the key of a call; `Missing` when there is no `Authorization` header at all.
pub async fn authenticate(
    incoming: &Incoming,
    configuration: &CachedConfiguration<'_>,
    accepted: &[KeyForm],
) -> Result<Result<ApiKey, KeyProblem>, Unavailable> {
    let Some(header) = incoming.header("authorization") else { return Ok(Err(KeyProblem::Missing)) };
    let Some(key) = bearer(&header) else { return Ok(Err(KeyProblem::Malformed)) };
    let Some(form) = KeyForm::of(key) else { return Ok(Err(KeyProblem::Malformed)) };
    if !accepted.contains(&form) {
        return Ok(Err(KeyProblem::Unknown));
    }
    // The look-up is by hash: the time it takes says nothing about any key.
    let found = configuration.key(&key_hash(key)).await?;
    Ok(found.ok_or(KeyProblem::Unknown).and_then(usable))
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn usable(key: ApiKey) -> Result<ApiKey, KeyProblem> {
    let now = now();
    if key.disabled_at.is_some_and(|moment| moment <= now) {
        return Err(KeyProblem::Disabled);
    }
    if key.expires_at.is_some_and(|moment| moment <= now) {
        return Err(KeyProblem::Expired);
    }
    Ok(key)
}
