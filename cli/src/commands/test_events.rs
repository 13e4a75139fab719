//! `test`: a test event, or a chain through the real pipeline. What they write are test rows, which count nowhere.

use serde_json::{Value, json};

use super::{data, is_true, number, text};
use crate::api::{Api, Call};
use crate::arguments::TestKind;
use crate::output::Output;
use crate::problem::Problem;

/// The steps of a chain, in order.
const STEPS: [&str; 3] = ["click", "lead", "sale"];

/// Sends it. `false`: the chain came through, and something in it was not credited.
pub fn send(kind: TestKind, api: &Api, output: Output) -> Result<bool, Problem> {
    let event = match kind {
        TestKind::Chain => {
            let chain = data(chain(api)?);
            let verdict = verdict(&chain);
            output.document(&chain, &verdict)?;
            return Ok(is_attributed(&chain));
        }
        TestKind::Click => "click",
        TestKind::Lead => "lead",
        TestKind::Sale => "sale",
    };
    let body = json!({ "event_type": event });
    let answer = api.call(&Call { body: Some(&body), ..Call::to("POST", &["api", "v1", "cli", "test-event"]) })?;
    output.document(&answer, &format!("{} (event {})", text(&answer, "/message"), number(&answer, "/event_id")))?;
    Ok(is_true(&answer, "/received"))
}

/// Click, lead and sale of a made-up customer.
pub fn chain(api: &Api) -> Result<Value, Problem> {
    let body = json!({ "type": "chain" });
    api.call(&Call { body: Some(&body), ..Call::to("POST", &["api", "v1", "cli", "test-event"]) })
}

/// Whether all of it was credited to the affiliate of the click.
pub fn is_attributed(chain: &Value) -> bool {
    is_true(chain, "/attributed")
}

/// What became of each step, in one line.
pub fn verdict(chain: &Value) -> String {
    let of = |step: &&str| {
        format!("{step} {}", chain.pointer(&format!("/verdict/{step}")).and_then(Value::as_str).unwrap_or("not sent"))
    };
    STEPS.iter().map(of).collect::<Vec<_>>().join(", ")
}
