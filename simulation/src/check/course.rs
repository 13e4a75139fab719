//! The course of a referral, worked out anew from its lines: what each sale should have been credited with and earned.
//!
//! The sums here are this module's own: the rate of the rules that the line names, rounded half-up in integers.
//!
//! State: what the lines so far have come to.

use attribution::decision::Reason;
use attribution::ids::AffiliateId;
use attribution::status::SalesStatus;
use attribution::time::DAY_MILLISECONDS;

use crate::rules::Rules;

/// From the click to the first sale.
const WINDOW_DAYS: i64 = 60;

/// See the module.
pub struct Course {
    affiliate: AffiliateId,
    clicked_at: Option<i64>,
    has_sold: bool,
    is_rejected: bool,
}

/// What a sale should have come to.
#[derive(Debug, PartialEq, Eq)]
pub struct Due {
    /// Why.
    pub reason: Reason,
    /// What it earns.
    pub minor: Option<i64>,
}

impl Course {
    /// A referral at its beginning.
    pub fn of(affiliate: &AffiliateId, clicked_at: Option<i64>) -> Self {
        Self { affiliate: affiliate.clone(), clicked_at, has_sold: false, is_rejected: false }
    }

    /// A key's word overrode it.
    pub fn reject(&mut self) {
        self.is_rejected = true;
    }

    /// What a lead earns under these rules.
    pub fn lead(&self, rules: &Rules) -> Option<i64> {
        (rules.approves(&self.affiliate) && rules.lead_minor > 0).then_some(rules.lead_minor)
    }

    /// A sale of `minor` at `now`, by a customer who has brought `so_far`.
    pub fn sell(&mut self, minor: i64, status: SalesStatus, now: i64, rules: &Rules, so_far: i64) -> Due {
        let nothing = |reason| Due { reason, minor: None };
        if self.is_rejected {
            return nothing(Reason::ReferralRejected);
        }
        let ended = self.clicked_at.is_some_and(|clicked_at| now > clicked_at + WINDOW_DAYS * DAY_MILLISECONDS);
        if !self.has_sold && ended {
            return nothing(Reason::AttributionWindowExpired);
        }
        if status != SalesStatus::Complete {
            return nothing(Reason::SaleNotComplete);
        }
        self.has_sold = true;
        if !rules.approves(&self.affiliate) {
            return nothing(Reason::AffiliateNotApproved);
        }
        let full = half_up(minor, rules.share_ppm);
        match rules.cap_minor {
            Some(cap) if so_far >= cap => nothing(Reason::CapReached),
            Some(cap) if so_far + full > cap => Due { reason: Reason::ReducedToCap, minor: Some(cap - so_far) },
            _ => Due { reason: Reason::CommissionEarned, minor: Some(full) },
        }
    }
}

/// A share in parts per million, rounded half-up.
pub fn half_up(minor: i64, parts_per_million: i64) -> i64 {
    (minor * parts_per_million + 500_000) / 1_000_000
}
