//! Test mode: `additional_data.test_mode`, and `POST /api/v1/cli/test-event`. Touches no production row. State: `test_event`,
//! whose rows live seven days; a program gets so many without a key in a day.
//!
//! A click or lead needs no key here, as published; a sale does. A key that is present must be right.

use attribution::ids::TeamId;
use attribution::ledger::Configuration as _;
use attribution::limits::MAX_KEPT;
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value, json};

use super::{NamedProgram, Problem, caller, named_program, optional_caller, test_chain};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem};
use crate::once;
use crate::platform::now;
use crate::store::test_event::{self, TestEvent, UNCLAIMED_TEAM};

/// `additional_data`: some names mean something, everything is kept.
pub struct AdditionalData {
    /// Whether the call is a test.
    pub test_mode: bool,
    /// The program, by number or id.
    pub program_id: Option<Value>,
    /// All of it, as sent.
    pub sent: Map<String, Value>,
}

impl<'de> Deserialize<'de> for AdditionalData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sent = Map::deserialize(deserializer)?;
        if serde_json::to_string(&sent).is_ok_and(|text| text.len() > MAX_KEPT) {
            return Err(de::Error::custom(format!("is larger than {MAX_KEPT} bytes")));
        }
        let test_mode = match sent.get("test_mode") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(test_mode)) => *test_mode,
            Some(_) => return Err(de::Error::custom("test_mode must be true or false")),
        };
        let program_id = sent.get("program_id").filter(|named| !named.is_null()).cloned();
        if program_id.as_ref().is_some_and(|named| !named.is_string() && !named.is_number()) {
            return Err(de::Error::custom("program_id must be a program's number or id"));
        }
        if sent.get("event_name").is_some_and(|name| !name.is_string() && !name.is_null()) {
            return Err(de::Error::custom("event_name must be text"));
        }
        Ok(Self { test_mode, program_id, sent })
    }
}

/// Keeps a test event and answers its number.
pub async fn answer(kind: &'static str, incoming: &Incoming, funnel: &Funnel, sent: &Value) -> Result<Answer, Problem> {
    once(incoming, funnel, keep_tracked(kind, incoming, funnel, sent)).await
}

/// Carries a test call out, unless one with the same `Idempotency-Key` has been answered.
async fn once(
    incoming: &Incoming,
    funnel: &Funnel,
    work: impl Future<Output = Result<Answer, Problem>>,
) -> Result<Answer, Problem> {
    let key = optional_caller(incoming, funnel).await?;
    let idempotency = input::idempotency_key(incoming, key.is_some())?;
    let nobody = TeamId::new(UNCLAIMED_TEAM);
    let owner = key.as_ref().map_or(&nobody, |key| &key.team_id);
    once::once(incoming, funnel, (owner, true), idempotency, work).await
}

async fn keep_tracked(
    kind: &'static str,
    incoming: &Incoming,
    funnel: &Funnel,
    sent: &Value,
) -> Result<Answer, Problem> {
    let data = sent.get("additional_data");
    let named = data.and_then(|data| data.get("program_id")).or(sent.get("program_id"));
    let (event_id, program_number) = keep(kind, incoming, funnel, sent, named).await?;
    Ok(Answer::json(
        200,
        &json!({
            "success": true,
            "message": format!("Test {kind} event tracked successfully"),
            "data": { "eventId": event_id, "programId": program_number, "test_mode": true },
        }),
    ))
}

async fn keep(
    kind: &'static str,
    incoming: &Incoming,
    funnel: &Funnel,
    sent: &Value,
    named: Option<&Value>,
) -> Result<(i64, Option<i64>), Problem> {
    let key = optional_caller(incoming, funnel).await?;
    let program_id = match &key {
        Some(key) => Some(key.program_id.clone()),
        None => match named_program(funnel, named).await? {
            NamedProgram::Found(program) => Some(program),
            NamedProgram::NotNamed | NamedProgram::Unknown => None,
        },
    };
    let program = match &program_id {
        Some(id) => funnel.configuration().program(id, false).await?,
        None => None,
    };
    let body = without_address(sent);
    let event = TestEvent {
        kind,
        owner: program.as_ref().map(|program| (&program.team_id, &program.id)),
        body: &body,
        at: now(),
    };
    let limit = key.is_none().then_some(test_event::UNKEYED_A_DAY);
    let event_id = test_event::insert(&funnel.database, &event, limit).await?;
    let event_id =
        event_id.ok_or(Problem::TooManyTests { what: "test events without a key", seconds: UNKEYED_WAIT })?;
    Ok((event_id, program.map(|program| program.number)))
}

/// Who has sent too many test events without a key is told to come back after so many seconds: places become free one by
/// one, a day after they were taken.
const UNKEYED_WAIT: i64 = 60 * 60;

/// Test events keep no address.
fn without_address(sent: &Value) -> Value {
    let mut body = sent.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("email");
    }
    body
}

#[derive(Deserialize)]
struct TestEventBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    event_type: Option<String>,
    program_id: Option<Value>,
}

/// `POST /api/v1/cli/test-event`: what the command line's `test` sends. `{"type":"chain"}` runs the whole pipeline; an
/// `event_type` only shows that the endpoint works, and is credited to nobody.
pub async fn command_line(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let body = input::read::<TestEventBody>(incoming)?;
    super::check_program_field("program_id", body.program_id.as_ref())?;
    match body.kind.as_deref() {
        None => {}
        Some("chain") => return once(incoming, funnel, Box::pin(test_chain::run(incoming, funnel, &key))).await,
        Some(_) => return Err(BodyProblem::of("type", "must be: chain").into()),
    }
    let sent = input::sent(incoming);
    let kind = match body.event_type.as_deref() {
        None | Some("click") => "click",
        Some("lead") => "lead",
        Some("sale") => "sale",
        Some(_) => {
            return Err(BodyProblem::of("event_type", "must be one of: click, lead, sale").into());
        }
    };
    once(incoming, funnel, keep_named(kind, incoming, funnel, &sent, body.program_id.as_ref())).await
}

async fn keep_named(
    kind: &'static str,
    incoming: &Incoming,
    funnel: &Funnel,
    sent: &Value,
    program_id: Option<&Value>,
) -> Result<Answer, Problem> {
    let (event_id, _) = keep(kind, incoming, funnel, sent, program_id).await?;
    Ok(Answer::json(
        200,
        &json!({
            "success": true,
            "event_type": kind,
            "event_id": event_id,
            "received": true,
            "attributed": false,
            "message": format!("Test {kind} event received"),
        }),
    ))
}
