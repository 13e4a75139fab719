//! Which function serves which route of payouts, and the summary of commissions. State: none.

use super::{E, Endpoint};
use crate::affonso::{self, payouts, summary};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};

/// Payouts and sums.
pub(super) async fn serve(endpoint: Endpoint, incoming: &Incoming, funnel: &Funnel, id: &str) -> Answer {
    let answer = match endpoint {
        E::CommissionSummary => summary::show(incoming, funnel).await,
        E::CreatePayouts => affonso::once(incoming, funnel, Box::pin(payouts::create(incoming, funnel))).await,
        E::ShowPayout => payouts::show(incoming, funnel, id).await,
        E::UpdatePayout => payouts::update(incoming, funnel, id).await,
        _ => payouts::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
