//! Which function serves which route of the tracking dialect. State: none.

use super::{E, Endpoint};
use crate::affitor::{click, lead, readiness, refund, sale, test_mode};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};

/// Answers one of them.
pub(super) async fn serve(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel) -> Answer {
    let answer = match endpoint {
        E::TrackClick => Box::pin(click::track(incoming, funnel)).await,
        E::TrackLead => Box::pin(lead::track(incoming, funnel)).await,
        E::TrackSale => Box::pin(sale::track(incoming, funnel)).await,
        E::TrackRefund => Box::pin(refund::track(incoming, funnel)).await,
        E::TestEvent => Box::pin(test_mode::command_line(incoming, funnel)).await,
        _ => Box::pin(readiness::show(incoming, funnel)).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
