//! Why each decision came out as it did, in the browser's console: the build that `data-debug="true"` loads.
//!
//! Holds no state. Each function is told what [`crate::exports`] decided, after the fact: this build decides nothing of
//! its own.

use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::console;

use crate::output;
use crate::referral;
use crate::text::Text;

/// Shows panics with their place. The browser calls it when the module is loaded.
#[wasm_bindgen(start)]
pub fn begin() {
    console_error_panic_hook::set_once();
}

fn say(text: &str) {
    console::info_1(&format!("[tracker] {text}").into());
}

/// What was found in a landing's address, and whether it is a click.
pub fn landing(url: Text, names: Text, known: Text, parameter: Text) {
    if parameter.is_empty() {
        return say(&format!("{url} carries none of the parameters {names}: no referral"));
    }
    if referral::is_click(parameter, known, names) {
        return say(&format!("{url} carries {parameter}: a click to report"));
    }
    say(&format!("{url} carries {parameter}, and {known} is remembered: the same partner's click, reported before"));
}

/// The line that a cookie is tried with; none if every domain was refused.
pub fn cookie(name: Text, days: u32) {
    let line = output::so_far();
    if line.is_empty() {
        return say(&format!("{name}: no domain takes this cookie; it lives as long as the page"));
    }
    say(&format!("trying a cookie for {days} days: {}", line.trim_end()));
}

/// What became of an attempt to send.
pub fn retry(status: u32, attempt: u32, delay: u32) {
    let answer = if status == 0 { "no readable answer".to_owned() } else { format!("status {status}") };
    if delay == 0 {
        return say(&format!("attempt {attempt}: {answer}: final"));
    }
    say(&format!("attempt {attempt}: {answer}: again in about {delay} ms"));
}
