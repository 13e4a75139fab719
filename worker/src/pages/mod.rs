//! Pages and scripts: the tracker, the owner's dashboard, the API's document, and the demo shop where the operator has set
//! one up.

pub mod dashboard;
pub mod demo;
pub mod docs;
pub mod tracker;

use crate::http::Answer;

/// A page, or a file of one, that is the same for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// The owner's dashboard.
    Dashboard,
    /// Its style.
    DashboardStyle,
    /// Its script.
    DashboardScript,
    /// The API's document.
    OpenApi,
    /// The page that shows it.
    Docs,
    /// Its style.
    DocsStyle,
    /// Its script.
    DocsScript,
    /// What browsers ask every site for.
    NoIcon,
}

impl Page {
    /// The page as it is served.
    pub fn answer(self) -> Answer {
        match self {
            Self::Dashboard => dashboard::html(),
            Self::DashboardStyle => dashboard::css(),
            Self::DashboardScript => dashboard::script(),
            Self::OpenApi => docs::document(),
            Self::Docs => docs::html(),
            Self::DocsStyle => docs::css(),
            Self::DocsScript => docs::script(),
            Self::NoIcon => Answer::empty(204),
        }
    }
}

/// What pages may load: their own files, nothing inline, nothing from elsewhere.
const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The same for a page that loads the tracker, whose core is WebAssembly.
const POLICY_WITH_TRACKER: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A page or one of its files, under `policy`.
fn page(content_type: &'static str, body: impl Into<Vec<u8>>, policy: &'static str) -> Answer {
    Answer::file(content_type, body)
        .with_header("content-security-policy", policy)
        .with_header("referrer-policy", "same-origin")
        .with_header("cache-control", "no-cache")
}
