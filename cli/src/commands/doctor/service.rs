//! Whether the service answers, by a safe connection, with everything behind it.

use std::thread::sleep;
use std::time::Duration;

use attribution::time::Timestamp;
use serde_json::Value;
use url::Host;

use super::super::{is_true, list, text};
use super::Report;
use crate::api::{Api, Call};

/// A job runs every minute; the platform's cron restarts the scheduler within five. Later than this it has stopped.
const LATE_MILLISECONDS: i64 = 10 * 60 * 1000;

/// Being asked starts a scheduler that has just been loaded: so often is it asked again, a second apart.
const LOOKS: u32 = 5;

/// Looks at the service; `false` where nothing behind it can be looked at.
pub(super) fn examine(api: &Api, now: i64, report: &mut Report) -> bool {
    let Some(health) = reach(api, report) else { return false };
    connection(api, report);
    if !stands(&health, report) {
        return false;
    }
    place(&health, report);
    if is_true(&health, "/paused") {
        let fix = "When the restore is done (docs/operate.md): LEDGER_PAUSED = \"\", LEDGER_EPOCH raised by one, make deploy.";
        report.wrong("paused", "LEDGER_PAUSED is set: clicks are recorded, and nothing else", fix);
        return false;
    }
    let mut health = health;
    for _ in 1..LOOKS {
        if late_jobs(&health, now).is_empty() {
            break;
        }
        sleep(Duration::from_secs(1));
        health = api.answer(&Call::to("GET", &["healthz"])).map_or(health, |answer| answer.json());
    }
    jobs(&health, now, report);
    true
}

fn reach(api: &Api, report: &mut Report) -> Option<Value> {
    let answer = match api.answer(&Call::to("GET", &["healthz"])) {
        Ok(answer) => answer,
        Err(problem) => {
            report.wrong_by("reach", &problem);
            return None;
        }
    };
    let health = answer.json();
    if text(&health, "/database").is_empty() {
        report.wrong_by("reach", &api.stranger(&answer));
        return None;
    }
    report.fine("reach", format!("{} answers", api.url()));
    Some(health)
}

fn connection(api: &Api, report: &mut Report) {
    let is_own_machine = match api.url().host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match api.url().scheme() {
        "https" => report.fine("connection", "encrypted, and the certificate is valid"),
        _ if is_own_machine => report.note("connection", "not encrypted, on this machine alone"),
        _ => report.wrong(
            "connection",
            "not encrypted: keys and customers go over the net in the clear",
            "Write https:// in `url`.",
        ),
    }
}

/// Whether settings, database and objects are there, with every migration.
fn stands(health: &Value, report: &mut Report) -> bool {
    let is_ok = |part: &str| text(health, part) == "ok";
    for (name, problems) in health.get("settings").and_then(Value::as_object).into_iter().flatten() {
        report.wrong("setting", setting_says(name, problems), setting_fix(name));
    }
    if !report.is_fine() && !is_ok("/status") {
        return false;
    }
    for (part, binding) in [("database", "[[d1_databases]] (DB)"), ("objects", "[[durable_objects.bindings]]")] {
        if is_ok(&format!("/{part}")) {
            report.fine(if part == "database" { "database" } else { "objects" }, "answers");
            continue;
        }
        let fix = format!("See what `wrangler tail` says, and whether {binding} of wrangler.toml was deployed.");
        report.wrong(if part == "database" { "database" } else { "objects" }, "does not answer", fix);
        return false;
    }
    migrations(health, report)
}

/// Where its data must stay, and which state of its database it goes by.
fn place(health: &Value, report: &mut Report) {
    let Some(epoch) = health.get("epoch").and_then(Value::as_u64) else { return };
    let place = match text(health, "/jurisdiction") {
        "" => "no jurisdiction".to_owned(),
        word => format!("within {word}"),
    };
    report.fine("place", format!("{place}; epoch {epoch}"));
}

fn setting_says(name: &str, problems: &Value) -> String {
    let problems = problems.as_array().into_iter().flatten().filter_map(Value::as_str);
    format!("{name}: {}", problems.collect::<Vec<_>>().join("; "))
}

fn setting_fix(name: &str) -> String {
    if name.ends_with("_SECRET") {
        return format!("Set it: wrangler secret put {name} --env production");
    }
    format!("Correct {name} under [vars] in wrangler.toml, and deploy.")
}

fn migrations(health: &Value, report: &mut Report) -> bool {
    let (needed, applied) = (text(health, "/migrations/needed"), text(health, "/migrations/applied"));
    if needed.is_empty() {
        report.skip("migrations", "the service does not say");
        return true;
    }
    if applied >= needed {
        report.fine("migrations", applied);
        return true;
    }
    let has = if applied.is_empty() { "none" } else { applied };
    report.wrong(
        "migrations",
        format!("the service needs {needed}, and the database has {has}"),
        "Apply them where wrangler.toml is: make deploy does, or wrangler d1 migrations apply DB --remote --env production",
    );
    false
}

/// The jobs that have not run lately; one word for all where there are none at all.
fn late_jobs(health: &Value, now: i64) -> Vec<String> {
    let jobs = list(health, "/jobs");
    if jobs.is_empty() {
        return vec!["no job has ever run".to_owned()];
    }
    let late = jobs.iter().filter(|job| moment(job, "/last_run_at").is_none_or(|at| now - at > LATE_MILLISECONDS));
    late.map(|job| format!("{} last ran {}", text(job, "/name"), text(job, "/last_run_at"))).collect()
}

fn jobs(health: &Value, now: i64, report: &mut Report) {
    let late = late_jobs(health, now);
    if !late.is_empty() {
        let fix = "Deploy again, so that [triggers] of wrangler.toml starts the scheduler, and see what `wrangler tail` says.";
        report.wrong("jobs", late.join("; "), fix);
        return;
    }
    let jobs = list(health, "/jobs");
    let failed = jobs.iter().filter(|job| moment(job, "/last_error_at") >= moment(job, "/last_run_at"));
    let failed: Vec<&str> = failed.map(|job| text(job, "/name")).collect();
    if failed.is_empty() {
        report.fine("jobs", format!("{} jobs, all of them in the last minutes", jobs.len()));
        return;
    }
    let fix = if failed == ["fetch_rates"] {
        "See that RATES_URL in wrangler.toml is the address of a file of rates, and that it answers."
    } else {
        "See what `wrangler tail` says about them."
    };
    report.wrong("jobs", format!("failed when they last ran: {}", failed.join(", ")), fix);
}

fn moment(job: &Value, at: &str) -> Option<i64> {
    Timestamp::parse(text(job, at)).map(Timestamp::milliseconds)
}

#[cfg(test)]
mod tests {
    use super::super::{Finding, State};
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_769_000_000_000;

    fn healthy() -> Value {
        let at = Timestamp::from_milliseconds(NOW - 60_000).to_rfc3339();
        json!({
            "status": "ok", "database": "ok", "objects": "ok", "scheduler": "ok",
            "migrations": { "needed": "0009_x.sql", "applied": "0009_x.sql" },
            "jobs": [{ "name": "end_holds", "last_run_at": at, "last_error_at": null }],
        })
    }

    fn wrong(health: &Value) -> Vec<Finding> {
        let mut report = Report::default();
        if stands(health, &mut report) {
            jobs(health, NOW, &mut report);
        }
        report.findings.into_iter().filter(|finding| finding.state == State::Wrong).collect()
    }

    #[test]
    fn nothing_is_wrong_with_what_is_healthy() {
        assert_eq!(wrong(&healthy()), []);
    }

    #[test]
    fn each_thing_that_is_wrong_is_one_finding() {
        let changed = |at: &str, value: Value| {
            let mut health = healthy();
            *health.pointer_mut(at).unwrap() = value;
            health
        };
        let hour_ago = Timestamp::from_milliseconds(NOW - 3_600_000).to_rfc3339();
        let just_now = Timestamp::from_milliseconds(NOW - 1_000).to_rfc3339();
        let cases = [
            (changed("/database", json!("unavailable")), "database"),
            (changed("/objects", json!("unavailable")), "objects"),
            (changed("/migrations/applied", json!("0008_w.sql")), "migrations"),
            (changed("/migrations/applied", json!(null)), "migrations"),
            (changed("/jobs/0/last_run_at", json!(hour_ago)), "jobs"),
            (changed("/jobs/0/last_error_at", json!(just_now)), "jobs"),
            (changed("/jobs", json!([])), "jobs"),
        ];
        for (health, check) in cases {
            let found = wrong(&health);
            assert_eq!(found.iter().map(|finding| finding.check).collect::<Vec<_>>(), [check], "{health}");
            assert!(found[0].fix.is_some());
        }
    }

    #[test]
    fn a_missing_secret_is_named_with_the_command_that_sets_it() {
        let health = json!({
            "status": "unavailable", "database": "unavailable", "objects": "unavailable",
            "settings": { "IDENTITY_SECRET": ["must be a secret of at least 16 bytes"] },
        });
        let found = wrong(&health);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].says, "IDENTITY_SECRET: must be a secret of at least 16 bytes");
        assert_eq!(found[0].fix.as_deref(), Some("Set it: wrangler secret put IDENTITY_SECRET --env production"));
    }
}
