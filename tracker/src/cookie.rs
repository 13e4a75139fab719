//! Setting cookies: the lines to assign to `document.cookie`.
//!
//! Reading them is the loader's, which must know the click id before the core is there. State lives in the browser's
//! cookie store alone. Written values are percent-encoded where a cookie demands it, so neither an answer of the server
//! nor an address can add an attribute or a second cookie.

use crate::output;
use crate::text::Text;

/// Browsers keep no cookie longer.
const LONGEST_DAYS: u32 = 400;

const SECONDS_PER_DAY: u32 = 24 * 60 * 60;

/// Writes the line that sets a cookie for `days` on the domain made of the last `labels` labels of the page's `host`;
/// on the host alone if `labels` is one more than it has; nothing beyond that.
///
/// Called with 2, 3, … it goes from the widest domain to the host alone. A browser refuses a domain that is a public
/// suffix (`co.uk`), so the first one that sticks is the widest there can be.
pub fn line(name: Text, value: Text, host: Text, days: u32, labels: u32, secure: bool) {
    let all = count_labels(host);
    if labels > all + 1 {
        return;
    }
    output::copy(name);
    output::byte(b'=');
    encoded(value);
    output::text(b"; path=/; SameSite=Lax; max-age=");
    output::decimal(days.min(LONGEST_DAYS) * SECONDS_PER_DAY);
    let mut domain = host;
    if labels <= all {
        domain = (labels..all).fold(host, |domain, _| domain.tail(b'.'));
        output::text(b"; domain=");
        encoded(domain);
    }
    if secure {
        output::text(b"; Secure");
    }
    output::byte(b'\n');
    if labels <= all {
        output::copy(domain);
    }
}

/// How many labels the host's name has. An address has but one: no part of it is a domain.
fn count_labels(mut host: Text) -> u32 {
    let (mut labels, mut last) = (1, 0);
    while !host.is_empty() {
        last = host.take();
        labels += u32::from(last == b'.');
    }
    if last.is_ascii_digit() { 1 } else { labels }
}

/// Writes `value` with what a cookie may not carry percent-encoded. `%` stays, so an address reads as it was, and
/// `decodeURIComponent` does it no harm.
fn encoded(mut value: Text) {
    while !value.is_empty() {
        let byte = value.take();
        if !byte.is_ascii_graphic() || matches!(byte, b'"' | b',' | b';' | b'\\') {
            output::byte(b'%');
            output::hexadecimal(byte);
        } else {
            output::byte(byte);
        }
    }
}
