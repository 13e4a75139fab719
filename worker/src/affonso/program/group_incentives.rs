//! `/v1/program/groups/{id}/incentives`: what the affiliates of a group earn. All but the group is [`incentives`]'.

use attribution::ids::GroupId;
use attribution::incentive::Owner;

use super::groups;
use crate::affonso::{Problem, caller, incentives, live_caller};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::store::api_key::ApiKey;

/// A group's incentives, oldest first.
pub async fn list(incoming: &Incoming, funnel: &Funnel, group: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let owner = owner(funnel, &key, group).await?;
    incentives::list(incoming, funnel, &key, &owner).await
}

/// Makes one.
pub async fn create(incoming: &Incoming, funnel: &Funnel, group: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    incentives::create(incoming, funnel, &key, owner(funnel, &key, group)).await
}

/// One of a group's.
pub async fn show(incoming: &Incoming, funnel: &Funnel, group: &str, id: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    incentives::show(funnel, &key, &named(group), id).await
}

/// Changes what is sent of one.
pub async fn update(incoming: &Incoming, funnel: &Funnel, group: &str, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    incentives::update(incoming, funnel, &key, async { Ok(named(group)) }, id).await
}

/// Removes one.
pub async fn delete(incoming: &Incoming, funnel: &Funnel, group: &str, id: &str) -> Result<Answer, Problem> {
    let key = live_caller(incoming, funnel).await?;
    incentives::delete(funnel, &key, &named(group), id).await
}

/// The group, which must be there (404).
async fn owner(funnel: &Funnel, key: &ApiKey, group: &str) -> Result<Owner, Problem> {
    Ok(Owner::Group(groups::find(funnel, key, group).await?.id))
}

/// The group as it is named: whoever is looked for in it is not found where there is no such group.
fn named(group: &str) -> Owner {
    Owner::Group(GroupId::new(group))
}
