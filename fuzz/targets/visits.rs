//! What a page says of a landing: the facts of a click, the addresses in it and their queries, the browser's name.
#![no_main]

use attribution::bots::is_bot;
use attribution::fraud::Visit;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|text: &str| {
    let _ = is_bot(text);
    let addresses =
        json!({ "referrer": text, "page_url": text, "affiliate_url": text, "gclid": text, "country": text });
    look_at(&addresses);
    if let Ok(facts) = serde_json::from_str(text) {
        look_at(&facts);
    }
});

fn look_at(facts: &Value) {
    let visit = Visit::of(facts);
    for (name, _) in &visit.parameters {
        assert!(visit.values(name).all(|value| !value.is_empty()));
    }
}
