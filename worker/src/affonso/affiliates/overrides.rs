//! `/v1/affiliates/{id}/overrides`: an affiliate's own incentives, which are asked before those of their group.

use attribution::incentive::Owner;

use super::find;
use crate::affonso::{Problem, caller, incentives, live_caller};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::store::api_key::ApiKey;

/// The affiliate's overrides, oldest first.
pub async fn list(incoming: &Incoming, funnel: &Funnel, affiliate: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let owner = owner(funnel, &key, affiliate).await?;
    incentives::list(incoming, funnel, &key, &owner).await
}

/// Makes one.
pub async fn create(incoming: &Incoming, funnel: &Funnel, affiliate: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    incentives::create(incoming, funnel, &key, owner(funnel, &key, affiliate)).await
}

/// One of the affiliate's.
pub async fn show(incoming: &Incoming, funnel: &Funnel, affiliate: &str, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let owner = owner(funnel, &key, affiliate).await?;
    incentives::show(funnel, &key, &owner, id).await
}

/// Changes one.
pub async fn update(incoming: &Incoming, funnel: &Funnel, affiliate: &str, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    incentives::update(incoming, funnel, &key, owner(funnel, &key, affiliate), id).await
}

/// Removes one.
pub async fn delete(incoming: &Incoming, funnel: &Funnel, affiliate: &str, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    let owner = owner(funnel, &key, affiliate).await?;
    incentives::delete(funnel, &key, &owner, id).await
}

/// The affiliate, if it is one of the caller's program.
async fn owner(funnel: &Funnel, key: &ApiKey, affiliate: &str) -> Result<Owner, Problem> {
    find(funnel, key, affiliate).await.map(|account| Owner::Affiliate(account.id))
}
