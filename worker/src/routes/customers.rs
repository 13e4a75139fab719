//! Which function serves which route of referrals, once they are recorded, and of events. State: none.

use super::{E, Endpoint};
use crate::affonso::{events, feed, referrals};
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
        E::ListEvents => feed::list(incoming, funnel).await,
        E::CreateEvent => events::create(incoming, funnel).await,
        _ => referrals::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
