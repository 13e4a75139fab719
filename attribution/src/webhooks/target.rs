//! Where a webhook may go: a public https address by name, and never inwards.
//!
//! Checked when an endpoint is made, when it is changed, and before each attempt. The URL is read by the parser that
//! `fetch` follows too, so that an address written in decimal, octal or hex, in full-width letters or with a dot behind
//! it, is seen here as what it will be there. What a name resolves to is not seen: the platform's own fetch does that,
//! and is kept to the public internet by its configuration.

use crate::limits::MAX_URL;
use url::{Host, Url};

/// Names that stand for something inside: the last labels of a host.
const INSIDE: [&str; 6] = ["localhost", "local", "internal", "home.arpa", "onion", "localdomain"];

/// Which targets are allowed.
#[derive(Clone, Debug)]
pub struct TargetPolicy {
    /// For development and tests: http, and this machine's own addresses on any port, are allowed too.
    pub allow_loopback: bool,
}

/// Why a URL is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetProblem {
    /// No absolute URL, or one without a host.
    #[error("must be an absolute URL, like https://example.com/webhooks")]
    NotAUrl,
    /// Longer than [`MAX_URL`].
    #[error("is longer than {MAX_URL} characters")]
    TooLong,
    /// Another scheme than https.
    #[error("must begin with https://")]
    NotHttps,
    /// A user name or a password.
    #[error("must not contain a user name or a password")]
    Credentials,
    /// Another port.
    #[error("must use port 443")]
    Port,
    /// An address instead of a name.
    #[error("must name a host, not an IP address")]
    IpAddress,
    /// A name that has no place in public DNS.
    #[error("must name a host of the public internet")]
    NotPublic,
    /// This very service.
    #[error("must not be this service itself")]
    OwnHost,
}

impl TargetPolicy {
    /// Whether `url` may be called by the service that is itself reached under `own_host` (`host` or `host:port`).
    pub fn check(&self, url: &str, own_host: &str) -> Result<(), TargetProblem> {
        if url.chars().count() > MAX_URL {
            return Err(TargetProblem::TooLong);
        }
        let target = Url::parse(url).map_err(|_| TargetProblem::NotAUrl)?;
        let host = target.host().ok_or(TargetProblem::NotAUrl)?;
        if !target.username().is_empty() || target.password().is_some() {
            return Err(TargetProblem::Credentials);
        }
        if self.allow_loopback && is_loopback(&host) && matches!(target.scheme(), "http" | "https") {
            return check_own(&target, own_host);
        }
        if target.scheme() != "https" {
            return Err(TargetProblem::NotHttps);
        }
        // The scheme's own port reads as none.
        if target.port().is_some() {
            return Err(TargetProblem::Port);
        }
        let Host::Domain(name) = host else { return Err(TargetProblem::IpAddress) };
        if !is_public(name) {
            return Err(TargetProblem::NotPublic);
        }
        check_own(&target, own_host)
    }
}

/// On this machine the port tells one service from another; elsewhere the name alone.
fn check_own(target: &Url, own_host: &str) -> Result<(), TargetProblem> {
    let own = Url::parse(&format!("{}://{own_host}/", target.scheme())).ok();
    let is_own = own.is_some_and(|own| {
        let same_name = own.host_str().map(|name| name.trim_end_matches('.')) == target.host_str();
        let same_port = own.port_or_known_default() == target.port_or_known_default();
        same_name && (same_port || !target.host().is_some_and(|host| is_loopback(&host)))
    });
    if is_own { Err(TargetProblem::OwnHost) } else { Ok(()) }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// A name of at least two labels, none of them empty, that does not end inside.
fn is_public(name: &str) -> bool {
    let labels_are_there = name.contains('.') && name.split('.').all(|label| !label.is_empty());
    let ends_inside = INSIDE
        .iter()
        .any(|inside| name.strip_suffix(inside).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')));
    labels_are_there && !ends_inside
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: TargetPolicy = TargetPolicy { allow_loopback: false };
    const DEVELOPMENT: TargetPolicy = TargetPolicy { allow_loopback: true };
    const OWN: &str = "api.clickledger.example";

    #[test]
    fn public_names_over_https_are_allowed() {
        for url in [
            "https://example.com",
            "https://hooks.example.com:443/a/b?c=d#e",
            "HTTPS://EXAMPLE.COM/",
            "https://bücher.example/hook",
            "https://internal.example.com/",
            "https://local.example.com/",
            "https://mylocal.com/",
            "https://10.example.com/",
        ] {
            assert_eq!(PUBLIC.check(url, OWN), Ok(()), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        use TargetProblem::{Credentials, IpAddress, NotAUrl, NotHttps, NotPublic, OwnHost, Port};
        let refused = [
            ("", NotAUrl),
            ("example.com/hook", NotAUrl),
            ("//example.com/hook", NotAUrl),
            ("https://", NotAUrl),
            ("https://exa mple.com/", NotAUrl),
            ("https://example.com:99999/", NotAUrl),
            ("https://[::1/", NotAUrl),
            ("https://256.256.256.256/", NotAUrl),
            ("http://example.com/", NotHttps),
            ("ftp://example.com/", NotHttps),
            ("ws://example.com/", NotHttps),
            ("data:text/plain,hello", NotAUrl),
            ("file:///etc/passwd", NotAUrl),
            ("https://user@example.com/", Credentials),
            ("https://user:pass@example.com/", Credentials),
            ("https://:pass@example.com/", Credentials),
            ("https://example.com:8443/", Port),
            ("https://example.com:80/", Port),
            ("https://127.0.0.1/", IpAddress),
            ("https://127.1/", IpAddress),
            ("https://2130706433/", IpAddress),
            ("https://0x7f000001/", IpAddress),
            ("https://0x7f.0.0.1/", IpAddress),
            ("https://0177.0.0.1/", IpAddress),
            ("https://017700000001/", IpAddress),
            ("https://127.0.0.1./", IpAddress),
            ("https://127%2E0%2E0%2E1/", IpAddress),
            ("https://１２７.０.０.１/", IpAddress),
            ("https://127。0。0。1/", IpAddress),
            ("https://0/", IpAddress),
            ("https://10.0.0.1/", IpAddress),
            ("https://169.254.169.254/latest/meta-data/", IpAddress),
            ("https://100.64.0.1/", IpAddress),
            ("https://8.8.8.8/", IpAddress),
            ("https://[::1]/", IpAddress),
            ("https://[::]/", IpAddress),
            ("https://[::ffff:127.0.0.1]/", IpAddress),
            ("https://[::ffff:7f00:1]/", IpAddress),
            ("https://[fd00::1]/", IpAddress),
            ("https://[fe80::1]/", IpAddress),
            ("https://[64:ff9b::7f00:1]/", IpAddress),
            ("https://[2002:7f00:1::]/", IpAddress),
            ("https://[2606:4700::1111]/", IpAddress),
            ("https://localhost/", NotPublic),
            ("https://LOCALHOST/", NotPublic),
            ("https://localhost./", NotPublic),
            ("https://loc%61lhost/", NotPublic),
            ("https://ｌocalhost/", NotPublic),
            ("https://api.localhost/", NotPublic),
            ("https://printer.local/", NotPublic),
            ("https://metadata.google.internal/", NotPublic),
            ("https://router.home.arpa/", NotPublic),
            ("https://home.arpa/", NotPublic),
            ("https://abcdef.onion/", NotPublic),
            ("https://localhost.localdomain/", NotPublic),
            ("https://intranet/", NotPublic),
            ("https://example.com./", NotPublic),
            ("https://example.com../", NotPublic),
            ("https://.example.com/", NotPublic),
            ("https://example..com/", NotPublic),
            ("https://api.clickledger.example/v1/clicks", OwnHost),
            ("https://API.clickledger.example/", OwnHost),
        ];
        for (url, problem) in refused {
            assert_eq!(PUBLIC.check(url, OWN), Err(problem), "{url}");
        }
        assert_eq!(
            PUBLIC.check(&format!("https://example.com/{}", "a".repeat(2048)), OWN),
            Err(TargetProblem::TooLong)
        );
    }

    #[test]
    fn the_own_host_is_known_with_port_and_dot_too() {
        for own in ["api.example.com:8443", "api.example.com.", "API.example.com"] {
            assert_eq!(PUBLIC.check("https://api.example.com/", own), Err(TargetProblem::OwnHost), "{own}");
            assert_eq!(PUBLIC.check("https://example.com/", own), Ok(()), "{own}");
        }
    }

    #[test]
    fn development_allows_this_machine_and_nothing_more() {
        let own = "127.0.0.1:8787";
        for url in
            ["http://127.0.0.1:9000/hook", "http://localhost:9000/", "https://[::1]:9000/", "https://example.com/"]
        {
            assert_eq!(DEVELOPMENT.check(url, own), Ok(()), "{url}");
        }
        let refused = [
            ("http://127.0.0.1:8787/v1/clicks", TargetProblem::OwnHost),
            ("http://example.com/", TargetProblem::NotHttps),
            ("https://10.0.0.1/", TargetProblem::IpAddress),
            ("http://user@127.0.0.1:9000/", TargetProblem::Credentials),
            ("https://[::ffff:127.0.0.1]/", TargetProblem::IpAddress),
        ];
        for (url, problem) in refused {
            assert_eq!(DEVELOPMENT.check(url, own), Err(problem), "{url}");
        }
    }
}
