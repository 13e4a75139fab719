//! The platform side of Clickledger: one Worker over D1 and Durable Objects.
//!
//! A request goes [`routes`] → a dialect ([`affonso`], [`affitor`]) → [`funnel`] → a shard ([`click_ledger`]) → the
//! rules (crate `attribution`) → [`store`]. State lives in the shards' own storage (clicks) and in D1 (everything
//! else); this crate's memory holds caches and queues only.

mod affitor;
mod affonso;
mod caller;
mod click_ledger;
mod configuration;
mod funnel;
mod health;
mod http;
mod input;
mod pages;
mod platform;
mod routes;
mod store;

use worker::{Context, Env, Request, Response, Result, event};

/// Serves one request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let incoming = http::Incoming::read(request).await?;
    routes::handle(&incoming, &env).await
}
