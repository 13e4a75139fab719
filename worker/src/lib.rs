//! The platform side of Clickledger: one Worker over D1 and Durable Objects.
//!
//! A request goes [`routes`] → a dialect ([`affonso`], [`affitor`]) → [`funnel`] → a shard ([`click_ledger`]) → the
//! rules (crate `attribution`) → [`store`]. State lives in the shards' own storage (clicks, and copies for the
//! time that D1 is away), in the senders' and the scheduler's (how far they are) and in D1 (everything else); this crate's
//! memory holds caches and queues only. What a commit promised to subscribers goes from the ledger's
//! lines through a [`webhook_sender`] each; what a payment provider says comes in by [`stripe`]; the [`scheduler`] does what is done every minute.

mod affitor;
mod affonso;
mod caller;
mod click_ledger;
mod configuration;
mod configuration_copy;
mod csv;
mod erasure_work;
mod funnel;
mod health;
mod http;
mod input;
mod metrics;
mod objects;
mod once;
mod pages;
mod payout_work;
mod platform;
mod rate_limit;
mod routes;
mod scheduler;
mod store;
mod stripe;
mod webhook_sender;

use worker::{Context, Env, Response, Result, ScheduleContext, ScheduledEvent, console_error, event, web_sys};

/// Serves one request.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> Result<Response> {
    let mut incoming = http::Incoming::read(request).await?;
    let response = routes::handle(&mut incoming, &env).await;
    webhook_sender::give_noted(&context, &env);
    caller::write_noted(&context, &env);
    rate_limit::borrow_ahead(&context, &env);
    if configuration_copy::is_pending() {
        context.wait_until(async move { configuration_copy::make(&env).await });
    }
    response
}

/// Starts the scheduler again, should its alarm have been given up. It does the work; the platform's cron does none.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    if let Err(away) = scheduler::start(&env).await {
        console_error!("the scheduler is not started: {away}");
    }
}
