//! Pages and scripts: the tracker, the owner's dashboard, the API's document, and the demo shop where the operator has set
//! one up.

pub mod dashboard;
pub mod demo;
pub mod docs;
pub mod tracker;

use crate::http::Answer;

/// What pages may load: their own files, nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The same for a page that loads the tracker, whose core is WebAssembly.
const POLICY_WITH_TRACKER: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

/// A page or one of its files, under `policy`.
fn page(content_type: &'static str, body: impl Into<Vec<u8>>, policy: &'static str) -> Answer {
    Answer::file(content_type, body)
        .with_header("content-security-policy", policy)
        .with_header("referrer-policy", "same-origin")
        .with_header("cache-control", "no-cache")
}
