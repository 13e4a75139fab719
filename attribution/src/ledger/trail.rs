//! The trail of a decision: every rule that was asked, in order, and the sum in digits. Kept with the sale, so that it can
//! be explained as it was decided, whatever the rules say later. Source: design, section 9.

use crate::decision::{Consideration, Decision, Verdict};

/// A program may have any number of incentives; a row stays small.
const MAX_CONSIDERATIONS: usize = 50;

/// What the rules said so far.
#[derive(Default)]
pub(super) struct Trail {
    considered: Vec<Consideration>,
    sum: Vec<String>,
}

impl Trail {
    /// The trail that a decision has so far, to be continued.
    pub fn of(decision: &Decision) -> Self {
        Self { considered: decision.considered.clone(), sum: decision.sum.clone() }
    }

    /// The rule had nothing against it.
    pub fn passed(&mut self, rule: &str, because: impl Into<String>) {
        self.note(rule, Verdict::Passed, because);
    }

    /// The rule gave the reason.
    pub fn decided(&mut self, rule: &str, because: impl Into<String>) {
        self.note(rule, Verdict::Decided, because);
    }

    /// The rule set or changed the amount.
    pub fn applied(&mut self, rule: &str, because: impl Into<String>) {
        self.note(rule, Verdict::Applied, because);
    }

    /// The rule spoke against the commission, and is only put on record.
    pub fn noted(&mut self, rule: &str, because: impl Into<String>) {
        self.note(rule, Verdict::Noted, because);
    }

    /// The rule did not apply.
    pub fn left_out(&mut self, rule: &str, because: impl Into<String>) {
        self.note(rule, Verdict::NotApplied, because);
    }

    /// A line of the calculation.
    pub fn sum(&mut self, line: String) {
        self.sum.push(line);
    }

    /// The decision with its trail.
    pub fn onto(self, decision: Decision) -> Decision {
        Decision { considered: self.considered, sum: self.sum, ..decision }
    }

    fn note(&mut self, rule: &str, verdict: Verdict, because: impl Into<String>) {
        if self.considered.len() < MAX_CONSIDERATIONS {
            self.considered.push(Consideration { rule: rule.to_owned(), verdict, because: because.into() });
        }
    }
}
