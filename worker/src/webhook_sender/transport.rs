//! The network: one POST, no redirects, fifteen seconds, four kilobytes.

use attribution::limits::MAX_WEBHOOK_ANSWER;
use std::pin::pin;
use std::time::Duration;

use attribution::webhooks::{Post, PostFailure, PostResult, TIMEOUT_MILLISECONDS, Transport};
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use worker::{
    AbortController, AbortSignal, Delay, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Response,
};

/// The platform's `fetch`.
pub struct Network;

impl Transport for Network {
    async fn post(&self, post: &Post) -> Result<PostResult, PostFailure> {
        let connection = AbortController::default();
        let signal = connection.signal();
        let mut limit = Delay::from(Duration::from_millis(TIMEOUT_MILLISECONDS));
        let mut response = match select(pin!(send(post, &signal)), &mut limit).await {
            Either::Left((Ok(response), _)) => response,
            Either::Left((Err(_), _)) => return Err(PostFailure::Unreachable),
            Either::Right(_) => {
                connection.abort();
                return Err(PostFailure::TimedOut);
            }
        };
        let result = PostResult {
            status: response.status_code(),
            retry_after: response.headers().get("retry-after").ok().flatten(),
        };
        // The status is what counts: an answer that breaks off or drags on behind it changes nothing.
        select(pin!(drain(&mut response)), &mut limit).await;
        connection.abort();
        Ok(result)
    }
}

async fn send(post: &Post, signal: &AbortSignal) -> worker::Result<Response> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    headers.set("user-agent", concat!("Clickledger-Webhooks/", env!("CARGO_PKG_VERSION")))?;
    for (name, value) in &post.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(post.body.as_str().into()));
    Fetch::Request(Request::new_with_init(&post.url, &init)?).send_with_signal(signal).await
}

async fn drain(response: &mut Response) {
    let Ok(mut stream) = response.stream() else { return };
    let mut read = 0_usize;
    while let Some(Ok(chunk)) = stream.next().await {
        read += chunk.len();
        if read >= MAX_WEBHOOK_ANSWER {
            return;
        }
    }
}
