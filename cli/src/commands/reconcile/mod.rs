//! `reconcile`: the payment provider's paid invoices beside the ledger's sales. An invoice's id is the key of its sale,
//! whoever reported it, so each invoice is looked for under its id.
//!
//! Nothing is kept here. What is missing is credited by the same call that any backend makes, under the invoice's id: done
//! twice, or while the provider's own event arrives, it adds nothing.

mod apply;
mod comparison;
mod invoices;
mod recorded;
mod stripe_api;

use attribution::time::{DAY_MILLISECONDS, Timestamp};
use serde_json::{Value, json};

use self::apply::Applied;
use self::comparison::{Comparison, compare};
use self::invoices::{Export, Unpaid};
use crate::api::Api;
use crate::arguments::Reconcile;
use crate::config::{STRIPE_KEY_VARIABLE, Settings};
use crate::output::{Output, note, printable};
use crate::problem::Problem;

/// From when to when, both included.
#[derive(Clone, Copy)]
struct Period {
    from: Timestamp,
    to: Timestamp,
}

impl Period {
    fn has(self, at: Timestamp) -> bool {
        self.from <= at && at <= self.to
    }
}

/// Compares, and with `--apply` credits what is missing. `false`: something is missing still, or differs.
pub fn run(arguments: &Reconcile, settings: &Settings, output: Output) -> Result<bool, Problem> {
    let api = &Api::keyed(settings)?;
    let given = Given {
        from: moment("--from", arguments.from.as_deref(), 0)?,
        to: moment("--to", arguments.to.as_deref(), DAY_MILLISECONDS - 1)?,
    };
    let Export { mut invoices, unpaid } = match (&arguments.invoices, &settings.stripe_key) {
        (Some(file), _) => invoices::read(file)?,
        (None, Some(key)) => stripe_api::read(key, &given)?,
        (None, None) => {
            let fix = format!("Name an export with --invoices FILE, or set {STRIPE_KEY_VARIABLE}.");
            return Err(Problem::settings("no_invoices", "there are no invoices to compare with", fix));
        }
    };
    invoices.retain(|invoice| given.has(invoice.at));
    let Some(period) = given.around(&invoices) else {
        note("there is no paid invoice in that time");
        return report(&Comparison::default(), &unpaid, &[], false, output).map(|()| true);
    };
    let recorded = recorded::read(api, period, &invoices)?;
    let comparison = compare(invoices, recorded, |at| period.has(at));
    let applied = if arguments.apply { apply::credit(api, &comparison.missing)? } else { Vec::new() };
    report(&comparison, &unpaid, &applied, arguments.apply, output)?;
    let is_whole = applied.len() == comparison.missing.len() && applied.iter().all(Applied::is_done);
    Ok(is_whole && comparison.differing.is_empty())
}

/// The time that was asked about.
struct Given {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Given {
    fn has(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
    }

    /// The same; an end that was not given is that of the invoices.
    fn around(&self, invoices: &[invoices::Invoice]) -> Option<Period> {
        let first = invoices.iter().map(|invoice| invoice.at).min();
        let last = invoices.iter().map(|invoice| invoice.at).max();
        Some(Period { from: self.from.or(first)?, to: self.to.or(last)? })
    }
}

/// A date, which is so far into its day in UTC, or a date and time with its offset.
fn moment(name: &'static str, text: Option<&str>, into_the_day: i64) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let day = Timestamp::parse(&format!("{text}T00:00:00Z"));
    let within = day.map(|day| Timestamp::from_milliseconds(day.milliseconds() + into_the_day));
    within.or_else(|| Timestamp::parse(text)).map(Some).ok_or_else(|| {
        let fix = "Write a date like 2026-01-31, or a date and time with its offset like 2026-01-31T15:30:00Z.";
        Problem::settings("bad_argument", format!("{name}: {text:?} is no date"), fix)
    })
}

fn report(
    comparison: &Comparison,
    unpaid: &Unpaid,
    applied: &[Applied],
    was_applied: bool,
    output: Output,
) -> Result<(), Problem> {
    let Comparison { fine, missing, differing, nobodys } = comparison;
    let document = json!({
        "invoices": fine + missing.len() + differing.iter().filter(|one| one.is_of_invoice()).count() + nobodys.len(),
        "skipped": { "not_paid": unpaid.not_paid, "nothing_paid": unpaid.nothing_paid },
        "recorded": fine,
        "missing": missing.iter().map(invoices::Invoice::json).collect::<Vec<_>>(),
        "differing": differing.iter().map(comparison::Difference::json).collect::<Vec<_>>(),
        "unattributed": nobodys.iter().map(comparison::Nobodys::json).collect::<Vec<_>>(),
        "applied": if was_applied { applied.iter().map(Applied::json).collect::<Vec<_>>().into() } else { Value::Null },
    });
    let mut lines: Vec<String> = Vec::new();
    if applied.is_empty() {
        lines.extend(missing.iter().map(|invoice| format!("missing    {invoice}")));
    }
    lines.extend(applied.iter().map(ToString::to_string));
    lines.extend(differing.iter().map(|difference| format!("differs    {difference}")));
    lines.push(format!(
        "{fine} recorded, {} missing, {} differing, {} of customers whom nobody referred; \
         not looked at: {} not paid, {} of 0",
        missing.len(),
        differing.len(),
        nobodys.len(),
        unpaid.not_paid,
        unpaid.nothing_paid
    ));
    let text: String = lines.iter().map(|line| printable(line) + "\n").collect();
    output.document(&document, &text)?;
    if !was_applied && !missing.is_empty() {
        note("the same with --apply credits those that are missing");
    }
    Ok(())
}
