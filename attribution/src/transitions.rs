//! Which status may follow which: the one table of every change of a status, published as section 7 of docs/rules.md.
//!
//! A test reads that page and compares it with this file, pair by pair. Setting what is already so is no change and is
//! not asked here.

use CommissionStatus as C;
use PayoutStatus as P;
use ReferralStatus as R;
use SalesStatus as S;

use crate::status::{CommissionStatus, PayoutStatus, ReferralStatus, SalesStatus};

/// Who changes a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mover {
    /// A person, or a call that names the status.
    Person,
    /// The ledger itself: a sale, a refund, a payout, the end of a hold, a key that overrides a browser's claim.
    Ledger,
}

impl ReferralStatus {
    /// Whether a referral may move on to `next`.
    pub fn may_become(self, next: Self, mover: Mover) -> bool {
        match (self, mover) {
            (R::Lead, Mover::Person) => {
                matches!(next, R::Trialing | R::Customer | R::Active | R::Canceled | R::Rejected | R::Deleted)
            }
            (R::Lead, Mover::Ledger) => matches!(next, R::Trialing | R::Customer | R::Active | R::Rejected),
            (R::Trialing, Mover::Person) => {
                matches!(next, R::Customer | R::Active | R::Canceled | R::Rejected | R::Deleted)
            }
            (R::Trialing | R::Canceled, Mover::Ledger) => matches!(next, R::Customer | R::Active),
            (R::Customer, Mover::Person) => {
                matches!(next, R::Trialing | R::Active | R::Canceled | R::Rejected | R::Deleted)
            }
            (R::Customer, Mover::Ledger) => next == R::Active,
            (R::Active, Mover::Person) => matches!(next, R::Customer | R::Canceled | R::Rejected | R::Deleted),
            (R::Canceled, Mover::Person) => {
                matches!(next, R::Trialing | R::Customer | R::Active | R::Rejected | R::Deleted)
            }
            (R::Rejected, Mover::Person) => {
                matches!(next, R::Lead | R::Trialing | R::Customer | R::Active | R::Canceled | R::Deleted)
            }
            (R::Active | R::Rejected, Mover::Ledger) | (R::Deleted, _) => false,
        }
    }
}

impl CommissionStatus {
    /// Whether a commission may move on to `next`. A person may call one in `processing_payout` paid only where it is in
    /// no payout of the ledger's own, which the caller checks.
    pub fn may_become(self, next: Self, mover: Mover) -> bool {
        match (self, mover) {
            (C::Pending, Mover::Person) => {
                matches!(next, C::PendingManualApproval | C::ReadyForPayment | C::Declined | C::Dispute)
            }
            (C::Pending, Mover::Ledger) => matches!(
                next,
                C::PendingManualApproval
                    | C::ReadyForPayment
                    | C::ProcessingPayout
                    | C::Paid
                    | C::Declined
                    | C::Dispute
                    | C::Refunded
            ),
            (C::PendingManualApproval, Mover::Person) => {
                matches!(next, C::Pending | C::ReadyForPayment | C::Declined | C::Dispute)
            }
            (C::ReadyForPayment, Mover::Person) => {
                matches!(next, C::Pending | C::PendingManualApproval | C::Paid | C::Declined | C::Dispute)
            }
            (C::ReadyForPayment, Mover::Ledger) => matches!(next, C::ProcessingPayout | C::Refunded | C::Declined),
            (C::PendingManualApproval | C::Dispute, Mover::Ledger) => matches!(next, C::Refunded | C::Declined),
            (C::ProcessingPayout, Mover::Person) => next == C::Paid,
            (C::ProcessingPayout, Mover::Ledger) => {
                matches!(next, C::Paid | C::ReadyForPayment | C::Declined | C::Refunded)
            }
            (C::Declined, Mover::Person) => {
                matches!(next, C::Pending | C::PendingManualApproval | C::ReadyForPayment)
            }
            (C::Dispute, Mover::Person) => {
                matches!(next, C::Pending | C::PendingManualApproval | C::ReadyForPayment | C::Declined)
            }
            (C::Declined, Mover::Ledger) => next == C::Refunded,
            (C::Paid | C::Refunded, _) => false,
        }
    }
}

impl SalesStatus {
    /// Whether a sale may move on to `next`: a call says how a payment goes on, refunds say the rest.
    pub fn may_become(self, next: Self, mover: Mover) -> bool {
        match (self, mover) {
            (S::Open, Mover::Person) => matches!(next, S::Trialing | S::Complete | S::Failed),
            (S::Trialing, Mover::Person) => matches!(next, S::Open | S::Complete | S::Failed),
            (S::Failed, Mover::Person) => matches!(next, S::Open | S::Trialing | S::Complete),
            (S::Complete, Mover::Ledger) => matches!(next, S::PartialRefunded | S::Refunded),
            (S::PartialRefunded, Mover::Ledger) => next == S::Refunded,
            _ => false,
        }
    }
}

impl PayoutStatus {
    /// Whether a payout may move on to `next`.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            P::Pending => matches!(next, P::Processing | P::Completed | P::Failed | P::Cancelled),
            P::Processing => matches!(next, P::Completed | P::Failed | P::Cancelled),
            P::Completed | P::Failed | P::Cancelled => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PAGE: &str = include_str!("../../docs/rules.md");

    /// The words in backquotes before the first bracket of each of a table's cells, by row.
    fn table(title: &str) -> Vec<Vec<Vec<&'static str>>> {
        let section = PAGE.split("## 7. Statuses").nth(1).expect("the page has the section");
        let table = section.split(&format!("**{title}**")).nth(1).expect("the section has the table");
        let rows = table.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        let words = |cell: &'static str| {
            let quoted = cell.split('`').skip(1).step_by(2);
            quoted.collect::<Vec<_>>()
        };
        rows.skip(2).map(|row| row.trim_matches('|').split('|').map(words).collect()).collect()
    }

    fn published(title: &str, column: usize) -> BTreeSet<(&'static str, &'static str)> {
        let pairs = table(title).into_iter().flat_map(|cells| {
            let to = cells.get(column).cloned().unwrap_or_default();
            cells[0].clone().into_iter().flat_map(move |from| to.clone().into_iter().map(move |to| (from, to)))
        });
        pairs.collect()
    }

    fn coded<T: Copy>(
        words: &[&'static str],
        parse: impl Fn(&str) -> Option<T>,
        allows: impl Fn(T, T) -> bool,
    ) -> BTreeSet<(&'static str, &'static str)> {
        let mut pairs = BTreeSet::new();
        for from in words {
            for to in words {
                if allows(parse(from).expect("a word"), parse(to).expect("a word")) {
                    pairs.insert((*from, *to));
                }
            }
        }
        pairs
    }

    #[test]
    fn the_published_table_of_referrals_is_the_one_in_force() {
        for (column, mover) in [(1, Mover::Person), (2, Mover::Ledger)] {
            let code = coded(R::words(), R::from_word, |from, to| from.may_become(to, mover));
            assert_eq!(code, published("Referral", column));
        }
    }

    #[test]
    fn the_published_table_of_commissions_is_the_one_in_force() {
        for (column, mover) in [(1, Mover::Person), (2, Mover::Ledger)] {
            let code = coded(C::words(), C::from_word, |from, to| from.may_become(to, mover));
            assert_eq!(code, published("Commission", column));
        }
    }

    #[test]
    fn the_published_table_of_sales_is_the_one_in_force() {
        let either = |from: S, to| from.may_become(to, Mover::Person) || from.may_become(to, Mover::Ledger);
        assert_eq!(coded(S::words(), S::from_word, either), published("Sale", 1));
    }

    #[test]
    fn the_published_table_of_payouts_is_the_one_in_force() {
        assert_eq!(coded(P::words(), P::from_word, P::may_become), published("Payout", 1));
    }

    #[test]
    fn nothing_follows_what_is_final() {
        for next in C::words().iter().filter_map(|word| C::from_word(word)) {
            assert!(!C::Paid.may_become(next, Mover::Person) && !C::Refunded.may_become(next, Mover::Ledger));
        }
    }
}
