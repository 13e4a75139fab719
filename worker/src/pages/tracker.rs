//! The tracker's files, as scripts/build-tracker has made them, under the names that it gave them: one that is the latest,
//! and versioned ones that never change.

use crate::http::Answer;

/// How long browsers keep a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// It is the latest of its name.
    Briefly,
    /// Its name says which version it is.
    ForGood,
}

/// Name, bytes and how long they are kept.
const FILES: &[(&str, &[u8], Kept)] = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tracker/dist/files.rs"));

/// The script that pages include.
const LOADER: &str = "tracker.js";

/// What the two products call it, whose tags work here too.
const OTHER_NAMES: [&str; 2] = ["affitor-tracker.js", "pixel.min.js"];

/// Whether there is a file of this name.
pub fn has(name: &str) -> bool {
    find(name).is_some()
}

/// The file of this name, or that there is none: a page that still asks for a version of the past can do nothing with an
/// explanation.
pub fn file(name: &str) -> Answer {
    let Some((content_type, body, kept)) = find(name) else {
        return Answer::text(404, "There is no such file.\n").with_header("cache-control", "no-store");
    };
    let lifetime = match kept {
        Kept::Briefly => "public, max-age=300",
        Kept::ForGood => "public, max-age=31536000, immutable",
    };
    Answer::file(content_type, body)
        .with_header("cache-control", lifetime)
        // Pages of other sites load it; it holds nothing of anybody's.
        .with_header("access-control-allow-origin", "*")
        .with_header("cross-origin-resource-policy", "cross-origin")
}

fn find(name: &str) -> Option<(&'static str, &'static [u8], Kept)> {
    let name = if OTHER_NAMES.contains(&name) { LOADER } else { name };
    let (name, body, kept) = FILES.iter().find(|(known, _, _)| *known == name)?;
    Some((content_type(name)?, body, *kept))
}

/// By the extension; `None` for what is not for browsers.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit('.').next()? {
        "js" => Some("text/javascript; charset=utf-8"),
        "json" => Some("application/json"),
        "wasm" => Some("application/wasm"),
        _ => None,
    }
}
