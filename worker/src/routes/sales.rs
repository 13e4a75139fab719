//! Which function serves which route of sales and of what they earn. State: none.

use super::{E, Endpoint};
use crate::affonso::{commissions, conversions};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};

/// Sales, once they are recorded, and commissions.
pub(super) async fn serve(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel, id: &str) -> Answer {
    let answer = match endpoint {
        E::UnattributedSales => conversions::unattributed(incoming, funnel).await,
        E::ShowConversion => conversions::show(incoming, funnel, id).await,
        E::UpdateConversion => conversions::update(incoming, funnel, id).await,
        E::ExplainConversion => conversions::explain(incoming, funnel, id).await,
        E::ListCommissions => commissions::list(incoming, funnel).await,
        E::CreateCommission => commissions::create(incoming, funnel).await,
        E::ShowCommission => commissions::show(incoming, funnel, id).await,
        E::UpdateCommission => commissions::update(incoming, funnel, id).await,
        E::DeleteCommission => commissions::delete(incoming, funnel, id).await,
        _ => conversions::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
