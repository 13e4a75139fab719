//! Which function serves which route of affiliates and coupons. State: none.

use super::{E, Endpoint};
use crate::affonso::affiliates::{self, overrides};
use crate::affonso::{self, coupons as codes};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};

/// Affiliates and their own incentives.
pub(super) async fn affiliates(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel, segments: &[&str]) -> Answer {
    let affiliate = segments.get(2).copied().unwrap_or_default();
    let id = segments.get(4).copied().unwrap_or_default();
    let once = |work| affonso::once(incoming, funnel, work);
    let answer = match endpoint {
        E::CreateAffiliate => once(Box::pin(affiliates::create(incoming, funnel))).await,
        E::ShowAffiliate => affiliates::show(incoming, funnel, affiliate).await,
        E::UpdateAffiliate => affiliates::update(incoming, funnel, affiliate).await,
        E::DeleteAffiliate => affiliates::delete(incoming, funnel, affiliate).await,
        E::ListOverrides => overrides::list(incoming, funnel, affiliate).await,
        E::CreateOverride => once(Box::pin(overrides::create(incoming, funnel, affiliate))).await,
        E::ShowOverride => overrides::show(incoming, funnel, affiliate, id).await,
        E::UpdateOverride => overrides::update(incoming, funnel, affiliate, id).await,
        E::DeleteOverride => overrides::delete(incoming, funnel, affiliate, id).await,
        _ => affiliates::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}

/// Coupons.
pub(super) async fn coupons(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel, id: &str) -> Answer {
    let answer = match endpoint {
        E::CreateCoupon => affonso::once(incoming, funnel, Box::pin(codes::create(incoming, funnel))).await,
        E::ShowCoupon => codes::show(incoming, funnel, id).await,
        E::DeleteCoupon => codes::delete(incoming, funnel, id).await,
        _ => codes::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
