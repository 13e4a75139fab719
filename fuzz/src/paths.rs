//! The tracker's other paths, as the operator's setting and a call name them: what comes out is the tracker's, and nothing
//! else of the API.

use attribution::outside::paths::{PathAliases, is_trackers, meant};

fn has_file(name: &str) -> bool {
    matches!(name, "tracker.js" | "pixel.min.js")
}

/// Looks at one input: the path of a call, then the setting.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (path, setting) = text.split_once('\n').unwrap_or((text, ""));
    let aliases = PathAliases::parse(setting, has_file);
    if let Some(target) = meant(path, &aliases, has_file) {
        let is_file = target.strip_prefix("/js/").is_some_and(|name| !name.contains('/'));
        assert!(is_file || is_trackers(&target, has_file), "{target}");
    }
}
