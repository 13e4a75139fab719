//! The lines of the ledger about a payout: one for each of its versions, with what subscribers are told.

use serde_json::{Map, Value, json};

use super::{Payout, Tally};
use crate::decision::Reason;
use crate::edits::{EditLine, Editor};
use crate::messages::{decimal, payout_message};
use crate::money::Money;
use crate::status::PayoutStatus;

impl Payout {
    /// The line of its beginning; `ready_minor` is what the affiliate had ready then. Nobody is told: it may come to
    /// nothing yet.
    pub fn line_of_beginning(&self, ready_minor: i64, by: Editor) -> EditLine {
        let detail = [("ready", self.amount(ready_minor))];
        self.line("payout.begun", Reason::EditedByOwner, &detail, by)
    }

    /// The line of its commissions being collected. Subscribers hear of a payout that stands, and of none that is given up.
    pub(super) fn line_of_gathering(&self, tally: &Tally, by: Editor) -> EditLine {
        let threshold = self.amount(tally.threshold_minor);
        let detail = [
            ("amount", self.amount(tally.sum_minor)),
            ("commissions", json!(tally.lines)),
            ("payment_threshold", threshold),
        ];
        if self.is_given_up() {
            return self.line("payout.given_up", Reason::TooLittleToPayOut, &detail, by);
        }
        let line = self.line("payout.created", Reason::CommissionsGathered, &detail, by);
        self.telling("payout.created", tally.sum_minor, line)
    }

    /// The line of what a person has made of the payout that was `before`.
    pub fn line_of_edit(&self, before: &Tally, by: Editor) -> EditLine {
        let status = json!({ "from": before.payout.status, "to": self.status });
        let detail = [("status", status), ("amount", self.amount(before.sum_minor))];
        let line = self.line("payout.updated", Reason::EditedByOwner, &detail, by);
        let kind = match self.status {
            same if same == before.payout.status => "payout.updated",
            PayoutStatus::Completed => "payout.paid",
            PayoutStatus::Failed => "payout.failed",
            PayoutStatus::Pending | PayoutStatus::Processing | PayoutStatus::Cancelled => "payout.updated",
        };
        self.telling(kind, before.sum_minor, line)
    }

    fn line(&self, kind: &'static str, reason: Reason, detail: &[(&str, Value)], by: Editor) -> EditLine {
        let subject = self.id.as_str().to_owned();
        let affiliate = ("affiliate_id", json!(self.affiliate_id));
        let detail: Map<String, Value> =
            [&affiliate].into_iter().chain(detail).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        EditLine { subject, kind, reason, detail, messages: Vec::new(), by }
    }

    /// Adds what subscribers are told; nobody is told of test rows.
    fn telling(&self, kind: &str, sum_minor: i64, mut line: EditLine) -> EditLine {
        if !self.scope.is_test {
            line.messages.push(payout_message(kind, self, sum_minor));
        }
        line
    }

    fn amount(&self, minor: i64) -> Value {
        decimal(Money { minor, currency: self.currency })
    }
}
