//! `doctor`: everything that has to be right, checked from the outside in. Each finding that something is wrong comes with
//! the one thing to do. What cannot be checked because something before it is wrong is skipped, so that the first cause is
//! told and not its consequences.

mod program;
mod service;
mod tracker;
mod work;

use serde_json::{Value, json};

use crate::api::Api;
use crate::arguments::Doctor;
use crate::config::Settings;
use crate::machine;
use crate::output::{Output, printable};
use crate::problem::Problem;

/// How something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As it should be.
    Fine,
    /// Works, and worth knowing.
    Note,
    /// Has to be put right.
    Wrong,
    /// Was not looked at.
    Skipped,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Wrong => "wrong",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    check: &'static str,
    state: State,
    says: String,
    fix: Option<String>,
}

/// What was found so far.
#[derive(Default)]
struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, check: &'static str, state: State, says: impl Into<String>, fix: Option<String>) {
        self.findings.push(Finding { check, state, says: says.into(), fix });
    }

    fn fine(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(check, State::Fine, says, None);
    }

    fn note(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(check, State::Note, says, None);
    }

    fn skip(&mut self, check: &'static str, says: impl Into<String>) {
        self.add(check, State::Skipped, says, None);
    }

    fn wrong(&mut self, check: &'static str, says: impl Into<String>, fix: impl Into<String>) {
        self.add(check, State::Wrong, says, Some(fix.into()));
    }

    /// What kept a check from its end is what is wrong.
    fn wrong_by(&mut self, check: &'static str, problem: &Problem) {
        self.add(check, State::Wrong, problem.to_string(), problem.fix());
    }

    fn is_fine(&self) -> bool {
        self.findings.iter().all(|finding| finding.state != State::Wrong)
    }

    fn print(&self, output: Output) -> Result<(), Problem> {
        let findings: Vec<Value> = self.findings.iter().map(Finding::json).collect();
        let document = json!({ "healthy": self.is_fine(), "findings": findings });
        let mut said: String = self.findings.iter().map(Finding::sentence).collect();
        let wrong = self.findings.iter().filter(|finding| finding.state == State::Wrong).count();
        said.push_str(&end(wrong));
        output.document(&document, &said)
    }
}

fn end(wrong: usize) -> String {
    match wrong {
        0 => "\nEverything is as it should be.".to_owned(),
        count => format!("\nWrong: {count}."),
    }
}

impl Finding {
    fn json(&self) -> Value {
        json!({ "check": self.check, "state": self.state.word(), "says": self.says, "do": self.fix })
    }

    fn sentence(&self) -> String {
        let found = format!("{:8} {:11} {}\n", self.state.word(), self.check, printable(&self.says));
        let fix = self.fix.as_ref().map(|fix| format!("{:8} {:11} do: {}\n", "", "", printable(fix)));
        found + &fix.unwrap_or_default()
    }
}

/// Looks at everything; `false` where anything is wrong.
pub fn examine(settings: Result<Settings, Problem>, doctor: &Doctor, output: Output) -> Result<bool, Problem> {
    let mut report = Report::default();
    if let Err(problem) = walk(settings, doctor, &mut report) {
        report.wrong_by("settings", &problem);
    }
    report.print(output)?;
    Ok(report.is_fine())
}

/// The checks, in the order in which one rests on another. An error is about the settings.
fn walk(settings: Result<Settings, Problem>, doctor: &Doctor, report: &mut Report) -> Result<(), Problem> {
    let settings = settings?;
    let api = Api::of(&settings)?;
    let place = settings.file.as_ref().map_or("no file".to_owned(), |path| path.display().to_string());
    report.fine("settings", format!("{place}; {}", api.url()));
    if !service::examine(&api, machine::now(), report) {
        for check in ["key", "program", "webhooks", "currency", "tracker", "chain"] {
            report.skip(check, "the service does not work as it is");
        }
        return Ok(());
    }
    tracker::examine(&api, report);
    if doctor.service {
        for check in ["key", "program", "webhooks", "currency", "chain"] {
            report.skip(check, "--service");
        }
        return Ok(());
    }
    if !program::key(&settings, &api, machine::now(), report) {
        for check in ["program", "webhooks", "currency", "chain"] {
            report.skip(check, "there is no key to ask with");
        }
        return Ok(());
    }
    let site = settings.site.as_ref();
    let checks = [
        ("program", program::program(&api, site, report)),
        ("incentives", program::incentives(&api, report)),
        ("readiness", program::readiness(&api, report)),
        ("webhooks", work::webhooks(&api, report)),
        ("currency", work::currency(&api, report)),
    ];
    for (check, result) in checks {
        if let Err(problem) = result {
            report.wrong_by(check, &problem);
        }
    }
    if doctor.skip_chain {
        report.skip("chain", "--skip-chain");
    } else if report.is_fine() {
        work::chain(&api, report);
    } else {
        report.skip("chain", "what is wrong comes first");
    }
    Ok(())
}
