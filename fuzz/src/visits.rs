//! What a page says of a landing: the facts of a click, the addresses in it and their queries, the browser's name.

use attribution::bots::is_bot;
use attribution::fraud::Visit;
use serde_json::{Value, json};

/// Looks at one input.
pub fn look(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let _ = is_bot(text);
    let addresses =
        json!({ "referrer": text, "page_url": text, "affiliate_url": text, "gclid": text, "country": text });
    look_at(&addresses);
    if let Ok(facts) = serde_json::from_str(text) {
        look_at(&facts);
    }
}

fn look_at(facts: &Value) {
    let visit = Visit::of(facts);
    for (name, _) in &visit.parameters {
        assert!(visit.values(name).all(|value| !value.is_empty()));
    }
}
