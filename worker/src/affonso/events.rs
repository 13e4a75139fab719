//! `POST /v1/events`: what happened to a customer, with or without revenue. Source: reference of the dialect, section 1.8;
//! docs/rules.md, section 10.
//!
//! A conversion goes the way of `POST /v1/conversions`. Everything else passes the customer's gate and is kept once under
//! its `external_event_id` and `event_type`, for as long as answers are kept (30 days); an event without one under the
//! call's `Idempotency-Key`, or under the request itself, so that a commit whose answer was lost is recognised. The answer
//! to the call's `Idempotency-Key` is kept beside that, so that a call may have both. `replayed` is an addition.

use attribution::ledger::{Context, IdempotencyKey, Milestone};
use attribution::referral::Referral;
use attribution::status::ReferralStatus;
use attribution::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::conversions::{self, body};
use super::{Problem, caller, once, program_context, scope, success};
use crate::funnel::{CustomerNames, Funnel, NewEvent, NewSale, Recorded};
use crate::http::{Answer, Incoming};
use crate::input::{self, Fields, MAX_TEXT};
use crate::store::api_key::ApiKey;

/// What can happen, by the published words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EventType {
    Conversion,
    Lead,
    Trial,
    Milestone,
}

const EVENT_TYPES: [(&str, EventType); 4] = [
    ("conversion", EventType::Conversion),
    ("lead", EventType::Lead),
    ("trial", EventType::Trial),
    ("milestone", EventType::Milestone),
];

impl EventType {
    fn as_str(self) -> &'static str {
        EVENT_TYPES.into_iter().find(|(_, known)| *known == self).map_or("", |(word, _)| word)
    }
}

/// The fields that sales do not have; all others are those of a sale.
#[derive(Deserialize)]
struct Body {
    #[serde(alias = "eventName")]
    event_name: Option<String>,
    #[serde(alias = "eventType")]
    event_type: Option<String>,
    #[serde(alias = "occurredAt")]
    occurred_at: Option<String>,
}

/// What every event has.
struct Event {
    name: String,
    kind: EventType,
    occurred_at: Option<Timestamp>,
}

/// An event in which nothing is wrong.
enum Checked {
    /// It brought revenue.
    Sale(Event, Box<body::Checked>),
    /// It did not.
    Other(Event, Other),
}

/// What an event without revenue has besides.
struct Other {
    names: CustomerNames,
    external_event_id: Option<String>,
    metadata: Option<Value>,
}

/// Records an event:
/// 1. key (401) and body (400);
/// 2. the gate of its customer decides: recorded (201), recorded before or nothing new (200), identifiers that disagree
///    (400), nobody's (404).
pub async fn create(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let event = read(incoming, funnel, &key).await?;
    once(incoming, funnel, Box::pin(record(incoming, funnel, &key, event))).await
}

async fn record(incoming: &Incoming, funnel: &Funnel, key: &ApiKey, event: Checked) -> Result<Answer, Problem> {
    // The answer to the caller's own key is kept around all of this.
    let context = Context { idempotency: None, ..program_context(incoming, key)? };
    match event {
        Checked::Sale(event, sale) => record_sale(funnel, key, event, sale.by(context, scope(key))).await,
        Checked::Other(event, other) => {
            let sent_key = input::idempotency_key(incoming, true)?;
            record_other(funnel, key, event, other, (context, sent_key)).await
        }
    }
}

async fn record_sale(funnel: &Funnel, key: &ApiKey, event: Event, mut sale: NewSale) -> Result<Answer, Problem> {
    let team = funnel.program(&key.program_id).await?.currency;
    sale.details.extra.insert("event_name".to_owned(), event.name.as_str().into());
    let Recorded { row: mut data, is_new, .. } = conversions::record(funnel, sale, team).await?;
    if let Some(data) = data.as_object_mut() {
        let id = data.get("id").cloned().unwrap_or_default();
        data.insert("transaction_id".to_owned(), id);
        data.insert("event_name".to_owned(), event.name.into());
        data.insert("event_type".to_owned(), event.kind.as_str().into());
        data.insert("action".to_owned(), "conversion_recorded".into());
    }
    Ok(success(if is_new { 201 } else { 200 }, &data))
}

async fn record_other(
    funnel: &Funnel,
    key: &ApiKey,
    event: Event,
    other: Other,
    (context, sent_key): (Context, Option<IdempotencyKey>),
) -> Result<Answer, Problem> {
    let sent = sent(&event, &other);
    // A repeat of the call is answered verbatim; one of the event says that it is one.
    let repeats_call = other.external_event_id.is_none();
    let idempotency = Some(own_key(&event, &other, sent_key, &context));
    let new = NewEvent {
        context: Context { idempotency, ..context },
        scope: scope(key),
        names: other.names,
        milestone: milestone(&event, &sent),
        occurred_at: event.occurred_at,
        opens_click: matches!(event.kind, EventType::Lead | EventType::Trial),
        sent,
    };
    let Recorded { row: referral, is_new, replayed } = funnel.record_event(new).await?;
    let is_known = replayed && !repeats_call;
    let data = view(&event, other.external_event_id.as_deref(), &referral, is_known);
    let status = if is_new && !is_known { 201 } else { 200 };
    Ok(success(status, &data).replayed(replayed && repeats_call))
}

/// What is put on record. That a known customer is a lead is nothing new.
fn milestone(event: &Event, sent: &Map<String, Value>) -> Option<Milestone> {
    let moves_to = (event.kind == EventType::Trial).then_some(ReferralStatus::Trialing);
    (event.kind != EventType::Lead).then(|| Milestone { name: event.name.clone(), moves_to, detail: sent.clone() })
}

/// By what the same event is recognised. The caller's own id of it says all: whatever else the repeat sends, it is answered
/// as the first time.
fn own_key(event: &Event, other: &Other, sent_key: Option<IdempotencyKey>, context: &Context) -> IdempotencyKey {
    let route = |kept_by: &str| format!("POST /v1/events {} by {kept_by}", event.kind.as_str());
    match (&other.external_event_id, sent_key) {
        (Some(id), _) => {
            IdempotencyKey { route: route("external_event_id"), value: id.clone(), body_hash: String::new() }
        }
        (None, Some(sent)) => IdempotencyKey { route: route("Idempotency-Key"), ..sent },
        (None, None) => {
            IdempotencyKey { route: route("request"), value: context.request_id.clone(), body_hash: String::new() }
        }
    }
}

/// What the history keeps of an event.
fn sent(event: &Event, other: &Other) -> Map<String, Value> {
    let occurred_at = event.occurred_at.map(Timestamp::to_rfc3339);
    let sent = [
        ("event_name", Some(Value::from(event.name.as_str()))),
        ("event_type", Some(event.kind.as_str().into())),
        ("external_event_id", other.external_event_id.as_deref().map(Value::from)),
        ("occurred_at", occurred_at.map(Value::from)),
        ("metadata", other.metadata.clone()),
    ];
    sent.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn view(event: &Event, external_event_id: Option<&str>, referral: &Referral, replayed: bool) -> Value {
    json!({
        "referral_id": referral.id.as_str(),
        "transaction_id": null,
        "event_name": event.name,
        "event_type": event.kind.as_str(),
        "external_event_id": external_event_id,
        "action": "referral_updated",
        "referral_status": referral.status.as_str(),
        "replayed": replayed,
    })
}

async fn read(incoming: &Incoming, funnel: &Funnel, key: &ApiKey) -> Result<Checked, Problem> {
    let event = input::read::<Body>(incoming)?;
    let mut sale = input::read::<body::Body>(incoming)?;
    let mut fields = Fields::default();
    let words = EVENT_TYPES.map(|(word, _)| word);
    let kind = fields.word("event_type", event.event_type, &words, |word| {
        EVENT_TYPES.into_iter().find(|(known, _)| *known == word).map(|(_, kind)| kind)
    });
    let name = fields.required("event_name", event.event_name, MAX_TEXT);
    let occurred_at = fields.moment("occurred_at", event.occurred_at);
    // What a sale calls it.
    let created_at = fields.moment("created_at", sale.created_at.take());
    let occurred_at = occurred_at.or(created_at);
    let kind = kind.unwrap_or(EventType::Milestone);
    let event = |name| Event { name, kind, occurred_at };
    if kind != EventType::Conversion {
        let other = other(&mut fields, sale);
        return Ok(fields.finish(name.map(|name| Checked::Other(event(name), other)))?);
    }
    let team = funnel.program(&key.program_id).await?.currency;
    if sale.sale_amount_currency.is_none() {
        fields.refuse("sale_amount_currency", "is required for a conversion");
    }
    if sale.external_event_id.as_deref().is_none_or(|id| id.trim().is_empty()) {
        fields.refuse("external_event_id", "is required for a conversion");
    }
    let sale = body::sale(&mut fields, sale, team);
    let sale = sale.map(|sale| body::Checked { occurred_at, ..sale });
    Ok(fields.finish(name.zip(sale).map(|(name, sale)| Checked::Sale(event(name), Box::new(sale))))?)
}

fn other(fields: &mut Fields, mut body: body::Body) -> Other {
    let names = body::names(fields, &mut body);
    if body.dry_run == Some(true) {
        fields.refuse("dry_run", "is only for conversions");
    }
    let external_event_id = fields.text("external_event_id", body.external_event_id, MAX_TEXT);
    fields.texts("product_ids", body.product_ids);
    fields.texts("price_ids", body.price_ids);
    fields.positive_number("sale_amount", body.sale_amount.as_ref());
    let metadata = fields.kept("metadata", body.metadata);
    Other { names, external_event_id, metadata }
}
