//! Which function serves which route below `/v1/program`. State: none.

use super::{E, Endpoint};
use crate::affonso;
use crate::affonso::program::{
    self, fraud_rules, group_incentives, groups, levels, payment_terms, restrictions, stripe, tracking,
};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};

/// Settings of the program.
pub(super) async fn settings(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel) -> Answer {
    let answer = match endpoint {
        E::UpdateProgram => program::update(incoming, funnel).await,
        E::ShowPaymentTerms => payment_terms::show(incoming, funnel).await,
        E::UpdatePaymentTerms => payment_terms::update(incoming, funnel).await,
        E::ShowTracking => tracking::show(incoming, funnel).await,
        E::UpdateTracking => tracking::update(incoming, funnel).await,
        E::ShowRestrictions => restrictions::show(incoming, funnel).await,
        E::UpdateRestrictions => restrictions::update(incoming, funnel).await,
        E::ShowFraudRules => fraud_rules::show(incoming, funnel).await,
        E::ShowStripe => stripe::show(incoming, funnel).await,
        E::UpdateStripe => stripe::update(incoming, funnel).await,
        E::UpdateFraudRules => fraud_rules::update(incoming, funnel).await,
        _ => program::show(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}

/// Groups, their incentives and their levels.
pub(super) async fn groups(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel, segments: &[&str]) -> Answer {
    let group = segments.get(3).copied().unwrap_or_default();
    let id = segments.get(5).copied().unwrap_or_default();
    let once = |work| affonso::once(incoming, funnel, work);
    let answer = match endpoint {
        E::CreateGroup => once(Box::pin(groups::create(incoming, funnel))).await,
        E::ShowGroup => groups::show(incoming, funnel, group).await,
        E::UpdateGroup => groups::update(incoming, funnel, group).await,
        E::DeleteGroup => groups::delete(incoming, funnel, group).await,
        E::ListIncentives => group_incentives::list(incoming, funnel, group).await,
        E::CreateIncentive => once(Box::pin(group_incentives::create(incoming, funnel, group))).await,
        E::ShowIncentive => group_incentives::show(incoming, funnel, group, id).await,
        E::UpdateIncentive => group_incentives::update(incoming, funnel, group, id).await,
        E::DeleteIncentive => group_incentives::delete(incoming, funnel, group, id).await,
        E::ShowLevels => levels::show(incoming, funnel, group).await,
        E::ReplaceLevels => levels::replace(incoming, funnel, group).await,
        _ => groups::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
