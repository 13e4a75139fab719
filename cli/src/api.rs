//! The API over HTTP: one call, its answer, and what its refusal means.
//!
//! No redirect is followed, so a key never reaches another host than the one that was named. A call that was refused for
//! now (429, 503) is repeated after the time that the answer names; every POST has an idempotency key, so that a repetition
//! does nothing twice.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use attribution::ids::mint;
use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::{Agent, Body};
use url::Url;

use crate::config::{Key, SECRETS_FILE, Settings};
use crate::machine::SystemRandom;
use crate::problem::Problem;

/// A call has so long in all.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// So often is a call made that is refused for now.
const ATTEMPTS: u32 = 5;

/// The longest wait between two of them, in seconds.
const LONGEST_WAIT: u64 = 60;

/// The service, as the holder of a key sees it.
pub struct Api {
    agent: Agent,
    url: Url,
    key: Option<Key>,
}

/// What was answered, whatever the status.
pub struct Answer {
    /// HTTP.
    pub status: u16,
    /// Seconds after which to try again, where the answer says so.
    pub retry_after: Option<u64>,
    /// Whether this is the answer to an earlier call with the same idempotency key.
    pub replayed: bool,
    /// Where a redirect points to.
    pub location: Option<String>,
    /// The body, as it came.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

/// One call.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// HTTP.
    pub method: &'static str,
    /// Segments of the path, escaped here.
    pub path: &'a [&'a str],
    /// Parameters, escaped here.
    pub query: &'a [(&'a str, &'a str)],
    /// JSON.
    pub body: Option<&'a Value>,
    /// What makes a repetition recognisable; a POST without one gets one of its own.
    pub idempotency_key: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// A call without anything but its path.
    pub fn to(method: &'static str, path: &'a [&'a str]) -> Self {
        Self { method, path, query: &[], body: None, idempotency_key: None }
    }
}

impl Api {
    /// The service of these settings; a call without a key is made without one.
    pub fn of(settings: &Settings) -> Result<Self, Problem> {
        Ok(Self { agent: agent(), url: settings.api_url()?.clone(), key: settings.key.clone() })
    }

    /// The same, where nothing can be done without a key.
    pub fn keyed(settings: &Settings) -> Result<Self, Problem> {
        let api = Self::of(settings)?;
        if api.key.is_some() {
            return Ok(api);
        }
        let fix = format!("Set CLICKLEDGER_API_KEY, or write CLICKLEDGER_API_KEY=sk_live_… into {SECRETS_FILE}.");
        Err(Problem::settings("no_key", "no API key", fix))
    }

    /// Makes a call and answers whatever came back, once.
    pub fn answer(&self, call: &Call) -> Result<Answer, Problem> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = Request::builder().method(call.method).uri(url.as_str());
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {}", key.value));
        }
        if let Some(key) = call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if call.body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = call.body.map(Value::to_string).unwrap_or_default();
        let sent = request.body(body).map_err(ureq::Error::from).and_then(|request| self.agent.run(request));
        sent.and_then(read).map_err(|cause| self.unreachable(&cause))
    }

    /// Makes a call, again where it is refused for now: what a good answer says, or why there is none.
    pub fn call(&self, call: &Call) -> Result<Value, Problem> {
        self.good_answer(call).map(|answer| answer.json())
    }

    /// The same with all that is known of the answer.
    pub fn good_answer(&self, call: &Call) -> Result<Answer, Problem> {
        let own_key = mint("call", &mut SystemRandom);
        let own_key = Some(own_key.as_str()).filter(|_| call.method == "POST");
        let call = &Call { idempotency_key: call.idempotency_key.or(own_key), ..*call };
        let mut attempt = 1;
        loop {
            let answer = self.answer(call)?;
            if (200..300).contains(&answer.status) {
                return Ok(answer);
            }
            let wait = answer.retry_after.filter(|_| matches!(answer.status, 429 | 503) && attempt < ATTEMPTS);
            let Some(seconds) = wait.filter(|seconds| *seconds <= LONGEST_WAIT) else {
                return Err(self.refusal(call, &answer));
            };
            sleep(Duration::from_secs(seconds.max(1)));
            attempt += 1;
        }
    }

    /// Reads.
    pub fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Problem> {
        self.call(&Call { query, ..Call::to("GET", path) })
    }

    /// Where the service is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The key that calls are made with.
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    fn refusal(&self, call: &Call, answer: &Answer) -> Problem {
        let body = answer.json();
        let text = |at: &str| body.pointer(at).and_then(Value::as_str).map(ToOwned::to_owned);
        let message = text("/error/message").or_else(|| text("/error")).or_else(|| text("/message"));
        let Some(message) = message else { return self.stranger(answer) };
        Problem::Refused {
            method: call.method,
            path: format!("/{}", call.path.join("/")),
            status: answer.status,
            code: text("/error/code").unwrap_or_else(|| "REFUSED".to_owned()),
            message,
            field: text("/error/field"),
        }
    }

    /// Somebody answered, and not this service.
    pub fn stranger(&self, answer: &Answer) -> Problem {
        let (url, status) = (&self.url, answer.status);
        let what = match &answer.location {
            Some(location) => format!("{url} answered {status} and points to {location}"),
            None => format!("{url} answered {status}, and not as Clickledger does"),
        };
        Problem::Network { what, fix: format!("Correct `url`: {url} is not where Clickledger answers.") }
    }

    fn unreachable(&self, cause: &ureq::Error) -> Problem {
        let (url, host) = (&self.url, self.url.host_str().unwrap_or_default());
        let (what, fix) = match cause {
            ureq::Error::HostNotFound => {
                (format!("{url}: there is no host {host}"), format!("Correct `url`, or make a DNS record for {host}."))
            }
            ureq::Error::Io(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => (
                format!("{url}: nobody listens there"),
                "Start the service, or correct host and port in `url`.".to_owned(),
            ),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => tls_problem(url, cause),
            ureq::Error::Io(cause) if is_about_tls(cause) => tls_problem(url, cause),
            ureq::Error::Timeout(_) => (
                format!("{url}: no answer within {} s", TIME_LIMIT.as_secs()),
                "Check that the service runs and that no firewall stands between.".to_owned(),
            ),
            other => (format!("{url}: {other}"), "Check `url` and the network, then try again.".to_owned()),
        };
        Problem::Network { what, fix }
    }
}

fn is_about_tls(cause: &io::Error) -> bool {
    let text = cause.to_string();
    cause.kind() == io::ErrorKind::InvalidData || text.contains("certificate") || text.contains("TLS")
}

fn tls_problem(url: &Url, cause: &impl std::fmt::Display) -> (String, String) {
    let fix = "Give the host a valid certificate (at Cloudflare: add it as a custom domain), or correct `url`.";
    (format!("{url}: no secure connection: {cause}"), fix.to_owned())
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(TIME_LIMIT))
        .user_agent(concat!("clickledger/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

fn read(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: header("retry-after").and_then(|seconds| seconds.parse().ok()),
        replayed: header("idempotent-replayed").is_some(),
        location: header("location"),
        bytes: response.body_mut().read_to_vec()?,
    })
}
