//! Whether the key works, and whether its program can earn anybody anything: whose pages may call, which cookie they can
//! get, what pays.

use attribution::keys::KeyForm;
use attribution::time::Timestamp;
use serde_json::Value;
use url::{Host, Url};

use super::super::{data, is_true, list, rows, text};
use super::Report;
use crate::api::Api;
use crate::config::Settings;
use crate::problem::Problem;

/// A key that ends sooner is to be rotated now.
const SOON_MILLISECONDS: i64 = 7 * 24 * 3_600_000;

/// Whether there is a key that the API takes.
pub(super) fn key(settings: &Settings, api: &Api, now: i64, report: &mut Report) -> bool {
    let Some(key) = api.key() else {
        if let Err(problem) = Api::keyed(settings) {
            report.wrong_by("key", &problem);
        }
        return false;
    };
    let fix = "Put a secret key (sk_live_… or sk_test_…) there.";
    match KeyForm::of(&key.value) {
        None => report.wrong("key", format!("what stands in {} is no API key", key.source), fix),
        Some(KeyForm::ProgramToken) => {
            report.wrong(
                "key",
                format!("{} has a program's token, which the tracking API alone takes", key.source),
                fix,
            );
        }
        Some(form) => match api.get(&["v1", "program"], &[]) {
            Ok(_) => {
                report.fine("key", format!("{} key from {}", if form.is_test() { "test" } else { "live" }, key.source));
                expiry(api, now, report);
                return true;
            }
            Err(problem) => report.wrong_by("key", &problem),
        },
    }
    false
}

/// Keys that end soon. A key that may not list keys is not asked about.
fn expiry(api: &Api, now: i64, report: &mut Report) {
    let Ok(keys) = api.get(&["v1", "keys"], &[("limit", "200")]) else {
        report.skip("expiry", "this key may not list keys");
        return;
    };
    let keys = rows(keys);
    let soon = keys.iter().filter(|key| text(key, "/disabled_at").is_empty() && ends_soon(key, now));
    let Some(key) = soon.min_by_key(|key| text(key, "/expires_at").to_owned()) else {
        report.fine("expiry", "no key ends within a week");
        return;
    };
    let id = text(key, "/id");
    report.wrong(
        "expiry",
        format!("key {id} ({}) ends {}", text(key, "/name"), text(key, "/expires_at")),
        format!("Replace it where it is used: clickledger keys rotate {id}"),
    );
}

fn ends_soon(key: &Value, now: i64) -> bool {
    let end = Timestamp::parse(text(key, "/expires_at")).map(Timestamp::milliseconds);
    end.is_some_and(|end| end > now && end - now < SOON_MILLISECONDS)
}

/// Origins and cookie.
pub(super) fn program(api: &Api, site: Option<&Url>, report: &mut Report) -> Result<(), Problem> {
    let program = data(api.get(&["v1", "program"], &[])?);
    report.fine("program", format!("{} ({})", text(&program, "/name"), text(&program, "/id")));
    let origins: Vec<&str> = list(&program, "/origins").iter().filter_map(Value::as_str).collect();
    self::origins(&origins, site, report);
    match site {
        Some(site) => cookie(site, api.url(), report),
        None => report.skip("cookie", "`site` is not set in clickledger.toml"),
    }
    Ok(())
}

fn origins(origins: &[&str], site: Option<&Url>, report: &mut Report) {
    let wanted = site.map(|site| site.origin().ascii_serialization());
    let example = wanted.as_deref().unwrap_or("https://YOUR-SITE");
    let fix = format!("clickledger programs allow {example}");
    if origins.is_empty() {
        report.wrong("origins", "no page of any site may call for this program", fix);
        return;
    }
    let all = origins.join(" ");
    match &wanted {
        None => report.note("origins", format!("{all} (`site` is not set, so nothing to compare with)")),
        Some(wanted) if origins.contains(&wanted.as_str()) => report.fine("origins", all),
        Some(wanted) => report.wrong("origins", format!("{wanted} is not among the program's origins: {all}"), fix),
    }
}

/// Whether the API's host can set a cookie for the site: only where both are of one site, as browsers see it.
fn cookie(site: &Url, api: &Url, report: &mut Report) {
    let (Some(Host::Domain(page)), Some(Host::Domain(host))) = (site.host(), api.host()) else {
        report.skip("cookie", "a number for a host has no cookies of a site");
        return;
    };
    if page == host {
        report.fine("cookie", format!("{host} sets it itself"));
        return;
    }
    match (registered(page), registered(host)) {
        (Some(page), Some(host)) if page == host => report.fine("cookie", format!("the API sets it for all of {page}")),
        (None, _) => {
            report.note("cookie", format!("{page} is a public suffix: each of its pages keeps a cookie of its own"));
        }
        _ => report.note(
            "cookie",
            format!(
                "{host} is another site than {page}: the script sets the cookie, and Safari forgets it after 7 days. \
                 A host below the site's own domain lasts longer: docs/first-party.md"
            ),
        ),
    }
}

/// The part of a host that somebody registered.
fn registered(host: &str) -> Option<&str> {
    psl::domain_str(host)
}

/// Whether a sale can earn anything, and whether there is anybody to earn it.
pub(super) fn incentives(api: &Api, report: &mut Report) -> Result<(), Problem> {
    let groups = rows(api.get(&["v1", "program", "groups"], &[("expand", "incentives")])?);
    let default = groups.iter().find(|group| is_true(group, "/is_default"));
    let paying =
        |group: &Value| list(group, "/incentives").iter().any(|incentive| text(incentive, "/apply_to") != "signups");
    match default {
        Some(group) if paying(group) => report.fine("incentives", format!("the group {} pays for sales", text(group, "/name"))),
        _ if groups.iter().any(paying) => {
            report.note("incentives", "the default group pays for no sale; another one does");
        }
        _ => report.wrong(
            "incentives",
            "no group pays for sales: every sale is recorded, and none earns anything",
            "Say what a sale pays: PATCH /v1/program/payment-terms {\"commission_type\": \"percentage\", \"commission_rate\": 30}",
        ),
    }
    let approved = api.get(&["v1", "affiliates"], &[("partnership_status", "approved"), ("limit", "1")])?;
    match approved.pointer("/pagination/total").and_then(Value::as_u64) {
        Some(0) | None => report.note("affiliates", "nobody is approved yet: clickledger affiliates create"),
        Some(count) => report.fine("affiliates", format!("{count} approved")),
    }
    Ok(())
}

/// How far the service itself says that the program has come, and what it waits for.
pub(super) fn readiness(api: &Api, report: &mut Report) -> Result<(), Problem> {
    let readiness = api.get(&["api", "v1", "programs", "me", "readiness"], &[])?;
    let state = text(&readiness, "/state").replace('_', " ");
    match text(&readiness, "/blocker/message") {
        "" => report.fine("readiness", state),
        waits_for => report.note("readiness", format!("{state}: {waits_for}")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn finding(look: impl FnOnce(&mut Report)) -> (State, String) {
        let mut report = Report::default();
        look(&mut report);
        let finding = report.findings.pop().unwrap();
        (finding.state, finding.says)
    }

    #[test]
    fn a_cookie_is_the_sites_own_where_both_hosts_are_of_one_site() {
        let look = |site: &str, api: &str| {
            finding(|report| cookie(&Url::parse(site).unwrap(), &Url::parse(api).unwrap(), report)).0
        };
        assert_eq!(look("https://shop.example.com", "https://shop.example.com"), State::Fine);
        assert_eq!(look("https://shop.example.co.uk", "https://t.example.co.uk"), State::Fine);
        assert_eq!(look("https://one.co.uk", "https://two.co.uk"), State::Note);
        assert_eq!(look("https://one.github.io", "https://two.github.io"), State::Note);
        assert_eq!(look("https://shop.example.com", "https://clickledger.workers.dev"), State::Note);
        assert_eq!(look("http://127.0.0.1:8787", "http://127.0.0.1:8787"), State::Skipped);
    }

    #[test]
    fn an_origin_is_compared_exactly() {
        let site = Url::parse("https://shop.example").unwrap();
        let look = |known: &[&str]| finding(|report| origins(known, Some(&site), report)).0;
        assert_eq!(look(&["https://shop.example"]), State::Fine);
        for wrong in
            [&[] as &[&str], &["http://shop.example"], &["https://www.shop.example"], &["https://shop.example:8443"]]
        {
            assert_eq!(look(wrong), State::Wrong, "{wrong:?}");
        }
    }
}
