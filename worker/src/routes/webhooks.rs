//! Which function serves which route of webhook endpoints and their deliveries. State: none.

use worker::Env;

use super::{E, Endpoint};
use crate::affonso::{self, webhook_deliveries, webhooks};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};

/// Answers one of them.
pub(super) async fn serve(
    endpoint: Endpoint,
    incoming: &Incoming,
    env: &Env,
    funnel: &Funnel,
    segments: &[&str],
) -> Answer {
    let id = segments.get(2).copied().unwrap_or_default();
    let delivery = segments.get(4).copied().unwrap_or_default();
    let once = |work| affonso::once(incoming, funnel, work);
    let answer = match endpoint {
        E::CreateWebhook => once(Box::pin(webhooks::create(incoming, funnel, env))).await,
        E::ShowWebhook => webhooks::show(incoming, funnel, id).await,
        E::UpdateWebhook => webhooks::update(incoming, funnel, env, id).await,
        E::DeleteWebhook => webhooks::delete(incoming, funnel, env, id).await,
        E::RotateWebhookSecret => once(Box::pin(webhooks::rotate_secret(incoming, funnel, id))).await,
        E::PingWebhook => once(Box::pin(webhook_deliveries::ping(incoming, funnel, env, id))).await,
        E::ListDeliveries => webhook_deliveries::list(incoming, funnel, env, id).await,
        E::ReplayDelivery => once(Box::pin(webhook_deliveries::replay(incoming, funnel, env, id, delivery))).await,
        E::ReplayFailedDeliveries => once(Box::pin(webhook_deliveries::replay_failed(incoming, funnel, env, id))).await,
        _ => webhooks::list(incoming, funnel).await,
    };
    answer.unwrap_or_else(|problem| problem.answer())
}
