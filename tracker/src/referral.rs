//! The referral parameter in a landing page's address: `?aff=partner`, or one of its other names.
//!
//! Finds it, decides from it whether the landing is a click, and writes down what is remembered of the landing. State
//! lives in the page's cookies, which the caller reads and writes.

use crate::output;
use crate::text::Text;

/// Longest address, up to its query, and longest parameter that are kept of a landing: together they fit a cookie, which
/// holds 4096 bytes, and a field of the ledger.
const KEPT: u16 = 900;

/// Finds the referral parameter in `url`, as `name=value`, still percent-encoded; empty if there is none. `names` has `|`
/// between them; the first one that the address carries with a value wins, wherever it stands there. An address is read
/// as `URLSearchParams` reads it: of pairs with the same name the first one counts.
pub fn find(url: Text, mut names: Text) -> Text {
    let query = url.head(b'#').tail(b'?');
    while !names.is_empty() {
        let found = query.pair(names.next(b'|'));
        if !found.tail(b'=').is_empty() {
            return found;
        }
    }
    names
}

/// Whether the landing is a click to report: the visitor's first, or the first through this partner. `known` is what was
/// remembered of the landing that led to the visitor's click; empty if there is no click. Another page of the site, or
/// the same link once more, is none.
pub fn is_click(parameter: Text, known: Text, names: Text) -> bool {
    !find(known, names).tail(b'=').reads_like(parameter.tail(b'='))
}

/// Writes the partner's code, decoded.
pub fn partner(parameter: Text) {
    let mut code = parameter.tail(b'=');
    while !code.is_empty() {
        output::byte(code.take_decoded());
    }
}

/// Writes what is remembered of a landing: its address with no other parameter than the referral's, `parameter` being
/// what [`find`] found in it. The rest of a query can be anything, secrets included, and a cookie goes out with every
/// request.
pub fn landing(url: Text, parameter: Text) {
    output::copy(url.head(b'#').head(b'?').at_most(KEPT));
    output::byte(b'?');
    output::copy(parameter.at_most(KEPT));
}
