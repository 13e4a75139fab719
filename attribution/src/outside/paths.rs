//! Which path means what: the tracker's files and the two endpoints that browsers call are found under any prefix, and
//! under the names that the operator gives them. Nothing else is: neither a prefix nor an alias is a second door to what
//! needs a key.

use crate::limits::MAX_PREFIX_SEGMENTS;

/// Whether the tracker has a file of this name.
pub type HasFile = fn(&str) -> bool;

/// Where the files are.
const FILES: &str = "/js/";

/// Where the endpoints are.
const ENDPOINTS: &str = "/api/v1/track/";

/// The path of the route that `path` means, where it is one of the tracker's and not at its usual place.
pub fn meant(path: &str, aliases: &PathAliases, has_file: HasFile) -> Option<String> {
    aliases.target(path, has_file).or_else(|| without_prefix(path))
}

/// Whether the tracker is served at this very path.
pub fn is_trackers(path: &str, has_file: HasFile) -> bool {
    if let Some(endpoint) = path.strip_prefix(ENDPOINTS) {
        return is_endpoint(endpoint);
    }
    path.strip_prefix(FILES).is_some_and(has_file)
}

fn is_endpoint(name: &str) -> bool {
    matches!(name, "click" | "lead")
}

fn without_prefix(path: &str) -> Option<String> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (prefix, meant) = match segments.as_slice() {
        [prefix @ .., "js", file] => (prefix, format!("{FILES}{file}")),
        [prefix @ .., "api", "v1", "track", name] if is_endpoint(name) => (prefix, format!("{ENDPOINTS}{name}")),
        _ => return None,
    };
    (1..=MAX_PREFIX_SEGMENTS).contains(&prefix.len()).then_some(meant)
}

/// Other names for the tracker's paths: the setting `PATH_ALIASES`.
#[derive(Clone, Debug, Default)]
pub struct PathAliases {
    aliases: Vec<Alias>,
    /// Entries that are ignored, each with what is wrong with it.
    pub problems: Vec<String>,
}

/// `from=to`; with a `*` behind both, all paths that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Alias {
    from: String,
    to: String,
    is_prefix: bool,
}

impl PathAliases {
    /// Reads entries with spaces or commas between them. What makes no sense is ignored and noted.
    pub fn parse(setting: &str, has_file: HasFile) -> Self {
        let entries = setting.split(|letter: char| letter == ',' || letter.is_whitespace());
        let mut parsed = Self::default();
        for entry in entries.filter(|entry| !entry.is_empty()) {
            match Alias::parse(entry, has_file) {
                Ok(alias) => parsed.aliases.push(alias),
                Err(problem) => parsed.problems.push(format!("{entry} is ignored: {problem}")),
            }
        }
        parsed
    }

    /// What the first alias that fits makes of a path.
    fn target(&self, path: &str, has_file: HasFile) -> Option<String> {
        self.aliases.iter().find_map(|alias| alias.target(path, has_file))
    }
}

impl Alias {
    fn parse(entry: &str, has_file: HasFile) -> Result<Self, &'static str> {
        let (from, to) = entry.split_once('=').ok_or("it must be one path, =, and another one")?;
        if ![from, to].iter().all(|path| path.starts_with('/')) {
            return Err("both paths must begin with /");
        }
        let (from, to, is_prefix) = match (from.strip_suffix('*'), to.strip_suffix('*')) {
            (Some(from), Some(to)) => (from, to, true),
            (None, None) => (from, to, false),
            _ => return Err("a * stands at the end of both paths or of none"),
        };
        if [from, to].iter().any(|path| path.contains(['*', '?', '#', '='])) {
            return Err("a path has a * at its end only, and no ?, # or =");
        }
        let is_allowed =
            if is_prefix { to.starts_with(FILES) || to.starts_with(ENDPOINTS) } else { is_trackers(to, has_file) };
        if !is_allowed {
            return Err("the second path must be one of the tracker's: /js/…, /api/v1/track/click, /api/v1/track/lead");
        }
        Ok(Self { from: from.to_owned(), to: to.to_owned(), is_prefix })
    }

    /// With a prefix too, the whole of what comes out must be one of the tracker's paths.
    fn target(&self, path: &str, has_file: HasFile) -> Option<String> {
        let rest = path.strip_prefix(self.from.as_str()).filter(|rest| self.is_prefix || rest.is_empty())?;
        Some(format!("{}{rest}", self.to)).filter(|target| is_trackers(target, has_file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_file(name: &str) -> bool {
        matches!(name, "tracker.js" | "pixel.min.js")
    }

    fn meant_with(aliases: &str, path: &str) -> Option<String> {
        let aliases = PathAliases::parse(aliases, has_file);
        assert_eq!(aliases.problems, Vec::<String>::new());
        meant(path, &aliases, has_file)
    }

    #[test]
    fn files_and_browser_endpoints_are_found_under_a_prefix() {
        for (path, expected) in [
            ("/x/js/tracker.js", "/js/tracker.js"),
            ("/a/b/c/d/js/core.00000000.js", "/js/core.00000000.js"),
            ("/x/api/v1/track/click", "/api/v1/track/click"),
            ("/x/api/v1/track/click/", "/api/v1/track/click"),
            ("/js/js/tracker.js", "/js/tracker.js"),
            ("/api/api/v1/track/lead", "/api/v1/track/lead"),
        ] {
            assert_eq!(meant_with("", path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for path in [
            "/",
            "/x",
            "/x/js",
            "/x/js/",
            "/a/b/c/d/e/js/tracker.js",
            "/x/js/deeper/tracker.js",
            "/x/api/v1/track/sale",
            "/x/api/v1/track/refund",
            "/x/api/v1/track/click/more",
            "/x/api/v1/cli/test-event",
            "/x/v1/clicks",
            "/x/healthz",
            "/x/dashboard",
            "/x/JS/tracker.js",
        ] {
            assert_eq!(meant_with("", path), None, "{path}");
        }
    }

    #[test]
    fn an_alias_stands_for_one_path_or_for_all_that_begin_so() {
        let aliases = "/a/b.js=/js/tracker.js, /a/*=/js/*\n/z/*=/api/v1/track/* /t=/api/v1/track/lead";
        for (path, expected) in [
            ("/a/b.js", Some("/js/tracker.js")),
            ("/a/pixel.min.js", Some("/js/pixel.min.js")),
            ("/z/click", Some("/api/v1/track/click")),
            ("/z/lead", Some("/api/v1/track/lead")),
            ("/t", Some("/api/v1/track/lead")),
            ("/t/", None),
            ("/a/nothing.js", None),
            ("/a/x/tracker.js", None),
            ("/z/sale", None),
            ("/z/click/more", None),
            ("/z/../../../v1/clicks", None),
            ("/z", None),
            ("/zz/click", None),
        ] {
            assert_eq!(meant_with(aliases, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn the_first_alias_that_fits_counts_and_comes_before_a_prefix() {
        let aliases = "/s.js=/js/tracker.js /s.js=/js/pixel.min.js /x/js/mine.js=/js/tracker.js";
        assert_eq!(meant_with(aliases, "/s.js").as_deref(), Some("/js/tracker.js"));
        assert_eq!(meant_with(aliases, "/x/js/mine.js").as_deref(), Some("/js/tracker.js"));
    }

    #[test]
    fn an_alias_that_makes_no_sense_is_ignored_and_named() {
        for entry in [
            "/a",
            "a=/js/tracker.js",
            "/a=js/tracker.js",
            "/a*=/js/tracker.js",
            "/a=/js/*",
            "/*/a=/js/tracker.js",
            "/a?b=/js/tracker.js",
            "/a=/js/nothing.js",
            "/a=/v1/clicks",
            "/a/*=/v1/*",
            "/a/*=/*",
            "/a/*=/api/v1/*",
            "/a=/api/v1/track/sale",
            "/a=/js/../v1/clicks",
            "=",
        ] {
            let parsed = PathAliases::parse(&format!("{entry},/good.js=/js/tracker.js"), has_file);
            assert_eq!(parsed.problems.len(), 1, "{entry}");
            assert!(parsed.problems[0].starts_with(entry), "{entry}");
            assert_eq!(parsed.target("/good.js", has_file).as_deref(), Some("/js/tracker.js"), "{entry}");
            assert_eq!(parsed.aliases.len(), 1, "{entry}");
        }
        assert!(PathAliases::parse(" , \n", has_file).problems.is_empty());
    }
}
