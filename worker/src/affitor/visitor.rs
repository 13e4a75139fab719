//! What a call of a page says beside its body: whether a person was there, and whether page and call are on one site.

use attribution::bots::is_bot;
use attribution::outside::cookies::{Called, OwnSite};
use attribution::program::Program;

use crate::http::Incoming;

/// Headers by which browsers say that nobody looks at the page yet, and words of theirs that mean it.
const PURPOSE_HEADERS: [&str; 4] = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
const UNSEEN: [&str; 3] = ["prefetch", "prerender", "preview"];

/// Why a visit is no click: nobody looked at the page, nobody was there, or the visitor has opted out.
pub fn untracked(incoming: &Incoming, user_agent: Option<&str>, program: &Program) -> Option<&'static str> {
    let is_unseen = |purpose: String| {
        let purpose = purpose.to_ascii_lowercase();
        UNSEEN.iter().any(|word| purpose.contains(word))
    };
    if PURPOSE_HEADERS.iter().filter_map(|name| incoming.header(name)).any(is_unseen) {
        return Some("prefetch");
    }
    if user_agent.is_some_and(is_bot) {
        return Some("bot");
    }
    let opted_out = incoming.header("sec-gpc").as_deref() == Some("1");
    (opted_out && program.honour_gpc).then_some("gpc")
}

/// The site that both page and call are on, for a call of a page. A call with a key is a backend's.
pub fn own_site(incoming: &Incoming, cookie_domain: Option<&str>) -> Option<OwnSite> {
    let origin = incoming.header("origin").filter(|_| incoming.header("authorization").is_none())?;
    // A proxy of the site's own says which host the browser called. No page can send this header to another site.
    let forwarded = incoming.header("x-forwarded-host");
    let host = forwarded.as_deref().and_then(|hosts| hosts.split(',').next()).map(str::trim);
    let host = host.or_else(|| incoming.url.host_str())?;
    let called = Called { origin: &origin, host, is_https: incoming.url.scheme() == "https" };
    OwnSite::of(&called, cookie_domain)
}
