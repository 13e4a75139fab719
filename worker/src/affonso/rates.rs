//! `/v1/rates`: the rates of exchange that a team's sales are converted by, its own ones among them, and the sales that wait
//! for one. The dialect publishes no such routes; these are additions in its form. Rules: docs/rules.md, section 5.

use attribution::day::Day;
use attribution::exchange::{DecimalRate, PIVOT, QuotedRate, in_force};
use attribution::limits::MAX_DAYS_AHEAD;
use attribution::limits::MAX_RATES;
use attribution::messages::decimal;
use attribution::money::Currency;
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};

use super::{Problem, caller, scope, success};
use crate::funnel::Funnel;
use crate::http::{Answer, Incoming};
use crate::input::{self, BodyProblem, Fields};
use crate::platform::now;
use crate::store::exchange_rate;
use crate::store::waiting_sale::{self, Waiting};

#[derive(Deserialize)]
struct Body {
    base: Option<String>,
    rates: Option<Map<String, Value>>,
}

/// Sets the team's own rates of a day:
/// 1. a live key (401, 403), date and body (400);
/// 2. stored; those of that day and base that are not named stay. The answer shows the day's own rates.
pub async fn set(incoming: &Incoming, funnel: &Funnel, date: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    if key.is_test {
        return Err(Problem::Forbidden("Rates of exchange price live sales too: use a live key"));
    }
    let body = input::read::<Body>(incoming)?;
    let (day, quotes) = check(body, date)?;
    exchange_rate::record(&funnel.database, &quotes, Some(&key.team_id), now()).await?;
    let mut own = exchange_rate::quoted(&funnel.database, day, &key.team_id).await?;
    own.retain(|quote| quote.own && quote.day == day);
    Ok(success(200, &json!({ "date": day.to_string(), "rates": views(&in_force(day, own)) })))
}

fn check(body: Body, date: &str) -> Result<(Day, Vec<QuotedRate>), BodyProblem> {
    let mut fields = Fields::default();
    let day = read_date(&mut fields, date);
    if day.is_some_and(|day| day > Day::of(now()).plus(MAX_DAYS_AHEAD)) {
        fields.refuse("date", "is more than a day ahead");
    }
    let base = body.base.filter(|code| !code.trim().is_empty()).unwrap_or_else(|| PIVOT.to_owned());
    let base = fields.currency("base", Some(base));
    let rates = body.rates.unwrap_or_default();
    if rates.is_empty() || rates.len() > MAX_RATES {
        fields.refuse("rates", format!("is required: 1 to {MAX_RATES} rates by their currency"));
    }
    let mut quotes: Vec<QuotedRate> = Vec::new();
    for (code, value) in rates.iter().take(MAX_RATES) {
        let (Some(day), Some(base)) = (day, base) else { break };
        let field = format!("rates.{code}");
        match read_rate(code, value, base) {
            Ok((currency, _)) if quotes.iter().any(|quote| quote.currency == currency) => {
                fields.refuse(&field, "is there twice");
            }
            Ok((currency, rate)) => quotes.push(QuotedRate { base, currency, day, rate, own: true }),
            Err(problem) => fields.refuse(&field, problem),
        }
    }
    fields.finish(day.map(|day| (day, quotes)))
}

fn read_rate(code: &str, value: &Value, base: Currency) -> Result<(Currency, DecimalRate), String> {
    let currency = Currency::from_code(code).ok_or("is no three-letter currency code of ISO 4217")?;
    if currency == base {
        return Err("is the base itself".to_owned());
    }
    let rate = match value {
        Value::Number(number) => DecimalRate::parse(&number.to_string()),
        Value::String(text) => DecimalRate::parse(text.trim()),
        _ => return Err("must be a number or a decimal text".to_owned()),
    };
    rate.map(|rate| (currency, rate)).map_err(|problem| problem.to_string())
}

fn read_date(fields: &mut Fields, date: &str) -> Option<Day> {
    let day = Day::parse(date);
    if day.is_none() {
        fields.refuse("date", "must be a day like 2026-01-31, from 1970 on");
    }
    day
}

/// What applies on a day, of every two currencies that are quoted.
pub async fn show(incoming: &Incoming, funnel: &Funnel, date: &str) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let mut fields = Fields::default();
    let day = read_date(&mut fields, date);
    let day = fields.finish(day)?;
    let quoted = exchange_rate::quoted(&funnel.database, day, &key.team_id).await?;
    Ok(success(200, &json!({ "date": day.to_string(), "rates": views(&in_force(day, quoted)) })))
}

/// What applies today, and what the program's owner should know: whether sales can be converted to the team's currency, and
/// in which currencies there were sales that nobody has a rate for.
pub async fn latest(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let today = Day::of(now());
    let currency = funnel.program(&key.program_id).await?.currency;
    let quoted = exchange_rate::quoted(&funnel.database, today, &key.team_id).await?;
    let waiting = waiting_sale::by_currency(&funnel.database, &scope(&key), currency).await?;
    let unknown = waiting.iter().filter(|waiting| !waiting.is_quoted).map(|waiting| waiting.amount.currency.code());
    let data = json!({
        "date": today.to_string(),
        "team_currency": currency.code(),
        "team_currency_has_rates": exchange_rate::is_quoted(&funnel.database, currency, &key.team_id).await?,
        "currencies_without_rates": unknown.collect::<Vec<_>>(),
        "rates": views(&in_force(today, quoted)),
    });
    Ok(success(200, &data))
}

/// The sales of the caller's program that wait for a rate, by currency.
pub async fn missing(incoming: &Incoming, funnel: &Funnel) -> Result<Answer, Problem> {
    let key = caller(incoming, funnel).await?;
    let currency = funnel.program(&key.program_id).await?.currency;
    let waiting = waiting_sale::by_currency(&funnel.database, &scope(&key), currency).await?;
    Ok(success(200, &waiting.iter().map(missing_view).collect()))
}

fn missing_view(waiting: &Waiting) -> Value {
    json!({
        "currency": waiting.amount.currency.code(),
        "count": waiting.count,
        "oldest_day": Day::of(waiting.oldest).to_string(),
        "newest_day": Day::of(waiting.newest).to_string(),
        "amount": decimal(waiting.amount),
        "has_rates": waiting.is_quoted,
    })
}

fn views(quotes: &[QuotedRate]) -> Vec<Value> {
    let view = |quote: &QuotedRate| {
        json!({
            "currency": quote.currency.code(),
            "base": quote.base.code(),
            "rate": quote.rate.as_str().parse::<Number>().map_or(Value::Null, Value::Number),
            "day": quote.day.to_string(),
            "source": if quote.own { "own" } else { "ecb" },
        })
    };
    quotes.iter().map(view).collect()
}
