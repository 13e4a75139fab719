//! `/openapi.json`: the document of both dialects, as scripts/build-openapi.mjs has put it together from docs/openapi/; and
//! `/docs`, which shows it to people by a script of its own. State: none; both hold nothing of anybody's.

use super::{POLICY, page};
use crate::http::Answer;

/// That it names every route, and no other, is tested in [`crate::routes`].
const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/openapi.json"));

/// The document. Tools of any site may read it.
pub fn document() -> Answer {
    Answer::file("application/json", DOCUMENT)
        .with_header("cache-control", "public, max-age=300")
        .with_header("access-control-allow-origin", "*")
        .with_header("cross-origin-resource-policy", "cross-origin")
}

/// The page.
pub fn html() -> Answer {
    page("text/html; charset=utf-8", include_str!("docs/docs.html"), POLICY)
}

/// Its style.
pub fn css() -> Answer {
    page("text/css; charset=utf-8", include_str!("docs/docs.css"), POLICY)
}

/// Its script.
pub fn script() -> Answer {
    page("text/javascript; charset=utf-8", include_str!("docs/docs.js"), POLICY)
}
