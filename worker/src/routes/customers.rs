//! Which function serves which route of referrals, once they are recorded, of events, and of customers. State: none.

use super::{E, Endpoint};
use crate::affonso::{self, customers, events, feed, referrals};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};

/// Referrals, and what is reported of their customers.
pub(super) async fn serve(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel, id: &str) -> Answer {
    let answer = match endpoint {
        E::ShowReferral => referrals::show(incoming, funnel, id).await,
        E::UpdateReferral => referrals::update(incoming, funnel, id).await,
        E::DeleteReferral => referrals::delete(incoming, funnel, id).await,
        E::ReassignReferral => referrals::reassign(incoming, funnel, id).await,
        E::ReferralTimeline => referrals::timeline(incoming, funnel, id).await,
        E::ExportCustomer => customers::export(incoming, funnel).await,
        E::EraseCustomer => affonso::once(incoming, funnel, Box::pin(customers::erase(incoming, funnel))).await,
        E::ListEvents => feed::list(incoming, funnel).await,
        E::CreateEvent => events::create(incoming, funnel).await,
        _ => referrals::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
