//! Fetches the European Central Bank's rates of exchange.
//!
//! Once an hour, although they change once a day: nobody has to know when. A file is taken whole or not at all, and one that
//! was taken before changes nothing. State: when the source last gave its rates is in the object's SQLite; when it was last
//! asked in vain only in its memory, which costs the source one request more when the object is loaded anew.

use attribution::limits::MAX_RATES_FILE;
use std::pin::pin;
use std::time::Duration;

use attribution::exchange::ecb;
use attribution::ledger::Unavailable;
use attribution::scheduler::MINUTE_MILLISECONDS;
use attribution::time::Timestamp;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use worker::{AbortController, AbortSignal, Delay, Env, Fetch, Headers, Method, Request, RequestInit};

use super::storage::Book;
use crate::platform::{Settings, now};
use crate::store::{self, Database};

/// A source that has given its rates is asked again after so long.
const AGAIN_MILLISECONDS: i64 = 60 * MINUTE_MILLISECONDS;

/// One that has not, after so long.
const RETRY_MILLISECONDS: i64 = 5 * MINUTE_MILLISECONDS;

/// All of the file has come after so many seconds, or none of it counts.
const TIMEOUT_SECONDS: u64 = 15;

/// Fetches the rates, if it is time to, and stores them in one statement.
pub async fn fetch(env: &Env, book: &Book) -> Result<(), Unavailable> {
    let settings = Settings::of(env).map_err(|problem| Unavailable(problem.to_string()))?;
    let Some(url) = &settings.rates_url else { return Ok(()) };
    let now = now();
    if !is_due(now, book.rates_fetched_at(url)?, book.rates_asked_at()) {
        return Ok(());
    }
    book.note_rates_asked(now);
    let file = download(url).await.map_err(|cause| Unavailable(format!("{url} {cause}")))?;
    let quotes = ecb::read(&file).map_err(|cause| Unavailable(format!("{url} {cause}")))?;
    store::exchange_rate::record(&Database::of(env)?, &quotes, None, now).await?;
    book.note_rates_fetched(url, now)
}

/// Whether to ask: an hour after it was answered, and not again within minutes where it was not.
fn is_due(now: Timestamp, fetched: Option<Timestamp>, asked: Option<Timestamp>) -> bool {
    let is_past = |then: Option<Timestamp>, wait: i64| {
        then.is_none_or(|then| now.milliseconds().saturating_sub(then.milliseconds()) >= wait)
    };
    is_past(fetched, AGAIN_MILLISECONDS) && is_past(asked, RETRY_MILLISECONDS)
}

/// The file; or what kept it from coming, to stand behind its address.
async fn download(url: &str) -> Result<String, String> {
    let connection = AbortController::default();
    let signal = connection.signal();
    let limit = Delay::from(Duration::from_secs(TIMEOUT_SECONDS));
    let file = match select(pin!(get(url, &signal)), limit).await {
        Either::Left((file, _)) => file,
        Either::Right(_) => Err(format!("was not read within {TIMEOUT_SECONDS} s")),
    };
    connection.abort();
    file
}

async fn get(url: &str, signal: &AbortSignal) -> Result<String, String> {
    let failed = |cause: worker::Error| format!("cannot be read: {cause}");
    let request = request(url).map_err(failed)?;
    let mut response = Fetch::Request(request).send_with_signal(signal).await.map_err(failed)?;
    if response.status_code() != 200 {
        return Err(format!("answered {}", response.status_code()));
    }
    let mut stream = response.stream().map_err(failed)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend(chunk.map_err(failed)?);
        if bytes.len() > MAX_RATES_FILE {
            return Err(format!("is larger than {MAX_RATES_FILE} bytes"));
        }
    }
    String::from_utf8(bytes).map_err(|_| "is no UTF-8".to_owned())
}

fn request(url: &str) -> worker::Result<Request> {
    let headers = Headers::new();
    headers.set("accept", "application/xml, text/xml")?;
    headers.set("user-agent", concat!("Clickledger/", env!("CARGO_PKG_VERSION")))?;
    let mut init = RequestInit::new();
    init.with_method(Method::Get).with_headers(headers);
    Request::new_with_init(url, &init)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_asked_once_an_hour_and_sooner_where_it_failed() {
        let at = |minutes: i64| Timestamp::from_milliseconds(minutes * MINUTE_MILLISECONDS);
        assert!(is_due(at(0), None, None));
        assert!(!is_due(at(59), Some(at(0)), None));
        assert!(is_due(at(60), Some(at(0)), Some(at(0))));
        assert!(!is_due(at(64), Some(at(0)), Some(at(60))));
        assert!(is_due(at(65), Some(at(0)), Some(at(60))));
        assert!(!is_due(at(4), None, Some(at(0))));
        assert!(is_due(at(5), None, Some(at(0))));
    }
}
