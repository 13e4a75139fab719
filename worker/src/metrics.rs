//! `GET /metrics`: the figures of health for a monitor, in the text form of `OpenMetrics`, which Prometheus reads.
//!
//! State: none. Served to whoever brings `METRICS_TOKEN` as a Bearer token; without that secret there is no such route.
//! There is nothing of any customer, program or affiliate in it, and a series for each job is all that it grows by.

use std::fmt::Write as _;

use attribution::keys::key_hash;
use attribution::time::Timestamp;
use worker::Env;

use crate::affonso::Problem;
use crate::funnel::Funnel;
use crate::health::Report;
use crate::http::{Answer, Incoming};
use crate::scheduler::SchedulerFigures;
use crate::store::migrations::NEEDED;

/// The type of the text.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures; 404 where no token is set, 401 for any other one.
pub async fn show(incoming: &Incoming, funnel: &Funnel, env: &Env) -> Answer {
    let Some(token) = &funnel.settings.metrics_token else { return Problem::UnknownPath.answer() };
    let brought = incoming.header("authorization");
    let brought = brought.as_deref().and_then(|header| header.strip_prefix("Bearer "));
    // Hashes are compared: how long that takes says nothing of the token.
    if brought.map(key_hash) != Some(key_hash(token)) {
        return Answer::text(401, "a Bearer token is needed: METRICS_TOKEN\n")
            .with_header("www-authenticate", "Bearer");
    }
    let text = text(&Report::of(funnel, env).await, funnel);
    Answer::file(CONTENT_TYPE, text).with_header("cache-control", "no-store")
}

/// Figures, one after the other.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, help: &str) {
        // Writing into a text does not fail.
        let _ = writeln!(self.0, "# TYPE clickledger_{name} gauge\n# HELP clickledger_{name} {help}");
    }

    fn sample(&mut self, name: &str, label: &str, value: i64) {
        let _ = writeln!(self.0, "clickledger_{name}{label} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) {
        self.family(name, help);
        self.sample(name, "", value);
    }

    /// A moment in milliseconds; without one there is no series.
    fn moment(&mut self, name: &str, help: &str, at: Option<i64>) {
        if let Some(at) = at {
            self.gauge(name, help, at.div_euclid(1000));
        }
    }
}

fn text(report: &Report, funnel: &Funnel) -> String {
    let mut text = Text::default();
    let settings = &funnel.settings;
    text.gauge("database_up", "Whether D1 answers.", i64::from(report.database.is_ok()));
    text.gauge("objects_up", "Whether Durable Objects answer.", i64::from(report.objects.is_ok()));
    text.gauge("scheduler_up", "Whether the scheduler answers.", i64::from(report.figures.is_ok()));
    text.gauge("epoch", "LEDGER_EPOCH: raised by every restore.", i64::from(settings.epoch.number()));
    text.gauge("paused", "Whether LEDGER_PAUSED is set.", i64::from(settings.is_paused));
    if let Ok(applied) = &report.applied {
        let is_behind = applied.as_deref().unwrap_or_default() < NEEDED;
        text.gauge(
            "migrations_missing",
            "Whether the database lacks migrations of this version.",
            i64::from(is_behind),
        );
    }
    if let Ok(uncounted) = &report.uncounted {
        text.gauge("clicks_uncounted", "Clicks whose count D1 does not have yet.", uncounted.clicks);
        let help = "When the oldest of them was; its hour, once it is counted in its shard.";
        text.moment("clicks_oldest_uncounted_timestamp_seconds", help, uncounted.oldest_at);
    }
    if let Ok(backlog) = &report.backlog {
        text.gauge("payouts_at_work", "Payouts being collected or settled.", backlog.payouts);
        let oldest = backlog.oldest_payout_at.map(Timestamp::milliseconds);
        text.moment("payouts_oldest_at_work_timestamp_seconds", "When the oldest of them last changed.", oldest);
        text.gauge("refunds_parked", "Refunds that wait for their sale; counted up to 10000.", backlog.parked_refunds);
        let help = "Sales that wait for a rate of exchange; counted up to 10000.";
        text.gauge("sales_without_rate", help, backlog.sales_without_rate);
        let help = "What a payment provider said of sales and customers not known yet; counted up to 10000.";
        text.gauge("provider_facts_waiting", help, backlog.provider_facts);
    }
    if let Ok(figures) = &report.figures {
        scheduled(&mut text, figures);
    }
    text.0 + "# EOF\n"
}

fn scheduled(text: &mut Text, figures: &SchedulerFigures) {
    let endpoints = i64::try_from(figures.endpoints).unwrap_or(i64::MAX);
    text.gauge("webhook_endpoints", "Endpoints that get deliveries.", endpoints);
    text.gauge("outbox_lag_lines", "How far the slowest sender is behind.", figures.outbox_lag);
    text.gauge("webhook_deliveries_pending", "Deliveries that wait for their next attempt.", figures.pending);
    text.gauge("webhook_deliveries_failed", "Deliveries that were given up.", figures.failed);
    let help = "When the oldest event that waits to be delivered happened.";
    text.moment("webhook_oldest_pending_timestamp_seconds", help, figures.oldest_pending_at);
    text.family("job_last_run_timestamp_seconds", "When a job last ran.");
    for job in &figures.jobs {
        text.sample("job_last_run_timestamp_seconds", &label(&job.name), job.last_run_at.div_euclid(1000));
    }
    let failed: Vec<_> = figures.jobs.iter().filter_map(|job| Some((&job.name, job.last_error_at?))).collect();
    if !failed.is_empty() {
        text.family("job_last_error_timestamp_seconds", "When a job last failed.");
    }
    for (name, at) in failed {
        text.sample("job_last_error_timestamp_seconds", &label(name), at.div_euclid(1000));
    }
}

/// A job's name is this code's own: a word, with nothing in it to be escaped.
fn label(job: &str) -> String {
    format!("{{job=\"{job}\"}}")
}
