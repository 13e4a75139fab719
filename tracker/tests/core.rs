//! The core through the functions that JavaScript calls, by tests/vectors.json: natively with `cargo test`, and the same in
//! a real browser with `cargo test --target wasm32-unknown-unknown`. The other core, js/fallback.js, is held to the same
//! file by ../tests/tracker/vectors.test.mjs.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;
use tracker::output::{self, CAPACITY};
use tracker::{exports, text};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

#[derive(Deserialize)]
struct Vector {
    says: String,
    call: String,
    #[serde(default)]
    record: Vec<String>,
    #[serde(default)]
    numbers: Vec<Value>,
    expect: Value,
}

impl Vector {
    fn number(&self, place: usize) -> u32 {
        u32::try_from(self.numbers[place].as_u64().unwrap()).unwrap()
    }

    /// What the core makes of it, in the form in which it is expected.
    fn outcome(&self) -> Value {
        match self.call.as_str() {
            "landing" => lines(&self.record, exports::landing),
            "cookieLine" => {
                let (days, labels, secure) = (self.number(0), self.number(1), self.numbers[2].as_bool().unwrap());
                lines(&self.record, |length| exports::cookie_line(length, days, labels, secure))
            }
            "retryDelay" => exports::retry_delay(self.number(0), self.number(1)).into(),
            unknown => panic!("{unknown}: no such call"),
        }
    }
}

/// Calls one function with a record, as a page does, and returns what it leaves.
fn ask(record: &str, call: impl FnOnce(u16) -> usize) -> String {
    // Native tests run in threads; a page has one.
    static CALLING: Mutex<()> = Mutex::new(());
    let _alone = CALLING.lock().unwrap_or_else(PoisonError::into_inner);
    output::read(call(text::fill(record)))
}

fn lines(record: &[String], call: impl FnOnce(u16) -> usize) -> Value {
    ask(&record.join("\n"), call).split('\n').map(str::to_owned).collect()
}

#[test]
fn every_vector_comes_out_as_written() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() > 80);
    for vector in vectors {
        assert_eq!(vector.outcome(), vector.expect, "{}", vector.says);
    }
}

#[test]
fn the_longest_record_comes_out_whole() {
    // In a cookie one byte becomes three.
    let line =
        ask(&format!("id\n{}\nlocalhost", "\u{1}".repeat(60_000)), |length| exports::cookie_line(length, 60, 2, true));
    assert!(line.ends_with("; Secure\n"));
    assert!(line.len() < CAPACITY);
}

#[test]
fn a_record_beyond_the_buffer_is_cut() {
    let url = format!("https://shop.example/?aff={}", "x".repeat(100_000));
    assert!(ask(&format!("{url}\naff\n"), exports::landing).is_empty());
}

#[cfg(target_arch = "wasm32")]
mod in_a_page {
    use super::{ask, exports, test};
    use wasm_bindgen::JsCast;

    fn document() -> web_sys::HtmlDocument {
        web_sys::window().unwrap().document().unwrap().unchecked_into()
    }

    #[test]
    fn a_cookie_comes_back_as_it_was_set() {
        let landing = "https://shop.example/?aff=jane;x";
        let lines =
            ask(&format!("affitor_aff_url\n{landing}\n127.0.0.1"), |length| exports::cookie_line(length, 1, 2, false));
        let (line, domain) = lines.split_once('\n').unwrap();
        assert_eq!(domain, "");
        document().set_cookie(line).unwrap();
        let cookies = document().cookie().unwrap();
        assert!(cookies.contains("affitor_aff_url=https://shop.example/?aff=jane%3Bx"), "{cookies}");
    }
}
