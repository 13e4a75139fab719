//! The tracker's files, under its own name and under those of the two products whose tags it replaces.

use crate::http::Answer;

/// How long a browser keeps the latest script.
const CACHE: &str = "public, max-age=300";

fn script(content_type: &'static str, body: &'static [u8]) -> Answer {
    Answer::file(content_type, body)
        .with_header("cache-control", CACHE)
        // Scripts of other sites load it; it holds nothing of anybody's.
        .with_header("access-control-allow-origin", "*")
        .with_header("cross-origin-resource-policy", "cross-origin")
}

/// The loader.
pub fn loader() -> Answer {
    script("text/javascript; charset=utf-8", include_bytes!("../../../tracker/dist/tracker.js"))
}

/// The core, which the loader fetches when there is something to do.
pub fn core() -> Answer {
    script("text/javascript; charset=utf-8", include_bytes!("../../../tracker/dist/core.js"))
}
