//! Which function serves which route of keys and rates of exchange. State: none.

use super::{E, Endpoint};
use crate::affonso::{self, keys, rates};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};

/// Keys.
pub(super) async fn keys(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel, id: &str) -> Answer {
    let once = |work| affonso::once(incoming, funnel, work);
    let answer = match endpoint {
        E::CreateKey => once(Box::pin(keys::create(incoming, funnel))).await,
        E::ShowKey => keys::show(incoming, funnel, id).await,
        E::DeleteKey => keys::delete(incoming, funnel, id).await,
        E::RotateKey => once(Box::pin(keys::rotate(incoming, funnel, id))).await,
        _ => keys::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}

/// Rates of exchange.
pub(super) async fn rates(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel, date: &str) -> Answer {
    let answer = match endpoint {
        E::MissingRates => rates::missing(incoming, funnel).await,
        E::ShowRates => rates::show(incoming, funnel, date).await,
        E::SetRates => rates::set(incoming, funnel, date).await,
        _ => rates::latest(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
