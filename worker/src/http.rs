//! What comes in and what goes out, before and after any dialect: the request with its bounded body, and answers.

use std::borrow::Cow;

use attribution::ids::mint;
use attribution::limits::{MAX_BODY, MAX_EVENT};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use worker::wasm_bindgen_futures::JsFuture;
use worker::{Headers, Request, Response, Url, js_sys, web_sys};

use crate::platform::SystemRandom;

/// Seconds after which a caller may try again when something is away.
pub const RETRY_AFTER_SECONDS: &str = "1";

/// On every answer. None is a page unless it says so itself (`crate::pages`): what is loaded as one may load nothing, run
/// nothing and stand in no frame.
const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    // For browsers that do not know `frame-ancestors`.
    ("x-frame-options", "DENY"),
];

/// Of these an answer may have its own instead.
const OWN_INSTEAD: [&str; 2] = ["referrer-policy", "content-security-policy"];

/// Browsers that have seen the service over https come back over nothing else for a year.
const HTTPS_ONLY: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// What every answer to a call of this scheme tells browsers.
fn security_headers(scheme: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    // Over http a browser ignores it, and one that does not would lock a developer out.
    let https_only = (scheme == "https").then_some(HTTPS_ONLY);
    SECURITY_HEADERS.into_iter().chain(https_only)
}

/// A request whose body has been read, or refused for its size.
pub struct Incoming {
    /// The method, as it was sent.
    pub method: String,
    /// Where to.
    pub url: Url,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Result<Vec<u8>, BodyRefused>,
    /// The caller's country as the platform knows it, of a call with a body: ISO 3166, or `T1` for Tor.
    pub country: Option<String>,
    /// Names the request in its answer and in the ledger.
    pub request_id: String,
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug)]
pub enum BodyRefused {
    /// It is larger than what is taken: [`MAX_BODY`], or [`MAX_EVENT`] of a payment provider.
    TooLarge,
    /// It broke off, or its framing is wrong.
    Unreadable,
}

impl Incoming {
    /// Reads a request: the announced length first, then the bytes, and never more of them than are taken. It is taken
    /// as the runtime hands it over: the SDK's own type copies what nothing here looks at.
    pub async fn read(request: web_sys::Request) -> worker::Result<Self> {
        let url = Url::parse(&request.url())?;
        let headers = Headers(request.headers());
        let method = request.method();
        let announced = headers.get("content-length")?.and_then(|length| length.parse::<usize>().ok());
        let has_body = !matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let limit = body_limit(url.path());
        let country = if has_body { country(&request) } else { None };
        let body = match announced {
            _ if !has_body => Ok(Vec::new()),
            Some(length) if length > limit => Err(BodyRefused::TooLarge),
            // The runtime delivers no more than was announced.
            Some(_) => read_at_once(&request).await,
            None => read_in_pieces(request, limit).await,
        };
        Ok(Self { method, url, headers, body, country, request_id: mint("req", &mut SystemRandom) })
    }

    /// A header's value; `None` when it is absent or no text.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// The parts of the path between slashes, as they were meant: without the escapes of URLs.
    pub fn segments(&self) -> Vec<Cow<'_, str>> {
        let parts = self.url.path().trim_matches('/').split('/');
        parts.map(|part| percent_decode_str(part).decode_utf8_lossy()).collect()
    }

    /// A parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// How much is taken: events of a payment provider are longer than calls.
fn body_limit(path: &str) -> usize {
    if path.starts_with("/webhooks/stripe/") { MAX_EVENT } else { MAX_BODY }
}

/// What the platform itself says of the caller; no header, which the caller could send.
fn country(request: &web_sys::Request) -> Option<String> {
    let cf = js_sys::Reflect::get(request, &"cf".into()).ok()?;
    js_sys::Reflect::get(&cf, &"country".into()).ok()?.as_string()
}

async fn read_at_once(request: &web_sys::Request) -> Result<Vec<u8>, BodyRefused> {
    let promise = request.array_buffer().map_err(|_| BodyRefused::Unreadable)?;
    bytes(promise).await.map_err(|_| BodyRefused::Unreadable)
}

async fn read_in_pieces(request: web_sys::Request, limit: usize) -> Result<Vec<u8>, BodyRefused> {
    // A request without a body has no stream.
    let Ok(mut stream) = Request::from(request).stream() else { return Ok(Vec::new()) };
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        body.extend(chunk.map_err(|_| BodyRefused::Unreadable)?);
        if body.len() > limit {
            return Err(BodyRefused::TooLarge);
        }
    }
    Ok(body)
}

/// What a promise of an `ArrayBuffer` comes to.
pub async fn bytes(buffer: js_sys::Promise) -> worker::Result<Vec<u8>> {
    let buffer = JsFuture::from(buffer).await?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// An answer, before it becomes the platform's.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    content_type: &'static str,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// JSON that nobody caches.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: body.to_string().into_bytes(),
            headers: vec![("cache-control", "no-store".to_owned())],
        }
    }

    /// Plain text.
    pub fn text(status: u16, body: &str) -> Self {
        Self { status, ..Self::file("text/plain; charset=utf-8", body) }
    }

    /// A file of the given type.
    pub fn file(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, content_type, body: body.into(), headers: Vec::new() }
    }

    /// Nothing.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: "", body: Vec::new(), headers: Vec::new() }
    }

    /// The body as JSON, for a caller inside this Worker; null when it is none.
    pub fn body_json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Says whether this is the answer to an earlier call with the same `Idempotency-Key`.
    #[must_use]
    pub fn replayed(self, replayed: bool) -> Self {
        if replayed { self.with_header("idempotent-replayed", "true") } else { self }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The platform's response, which carries the request's id and tells browsers what they must not do with it.
    pub fn into_response(self, incoming: &Incoming) -> worker::Result<Response> {
        let headers = Headers::new();
        if !self.content_type.is_empty() {
            headers.set("content-type", self.content_type)?;
        }
        headers.set("x-request-id", &incoming.request_id)?;
        for (name, value) in security_headers(incoming.url.scheme()) {
            headers.set(name, value)?;
        }
        let is_own = |name: &str| OWN_INSTEAD.contains(&name);
        for (name, value) in &self.headers {
            if is_own(name) { headers.set(name, value)? } else { headers.append(name, value)? }
        }
        let response = if self.body.is_empty() { Response::empty()? } else { Response::from_bytes(self.body)? };
        Ok(response.with_status(self.status).with_headers(headers))
    }
}

#[cfg(test)]
mod tests {
    use super::security_headers;

    #[test]
    fn only_an_answer_over_https_asks_for_https() {
        let has = |scheme| security_headers(scheme).any(|(name, _)| name == "strict-transport-security");
        assert!(has("https"));
        assert!(!has("http"));
        for scheme in ["http", "https"] {
            for wanted in ["x-content-type-options", "referrer-policy", "content-security-policy", "x-frame-options"] {
                assert!(security_headers(scheme).any(|(name, _)| name == wanted), "{wanted}");
            }
        }
    }
}
