//! Payouts: what an affiliate is paid at once, and what that is made of. Source: docs/rules.md, section 8.
//!
//! A payout and its status are rows of their own; its commissions are moved through the gates of their referrals, so that
//! no refund meets a payout half way. A payout with work to do is carried on by whoever comes ([`carry_on`]), however often
//! and however many at once. Nothing here keeps state.

mod edit;
mod line;
#[cfg(test)]
mod tests;
mod work;

use serde::{Deserialize, Serialize};

pub use self::edit::{PayoutEdit, PayoutRefusal};
pub use self::work::{AT_ONCE, Gates, Payouts, Tally, carry_on};
use crate::ids::{AffiliateId, CommissionId, PayoutId, ReferralId};
use crate::ledger::Step;
use crate::money::Currency;
use crate::referral::Scope;
use crate::status::PayoutStatus;
use crate::time::Timestamp;

/// What an affiliate is paid at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Its id.
    pub id: PayoutId,
    /// Whose it is.
    pub scope: Scope,
    /// Who is paid.
    pub affiliate_id: AffiliateId,
    /// Its place among the program's payouts, from 1.
    pub invoice_number: i64,
    /// The team's currency.
    pub currency: Currency,
    /// Where it is.
    pub status: PayoutStatus,
    /// What is still being done with its commissions.
    pub work: Option<Work>,
    /// How it was paid.
    pub payment_method: Option<String>,
    /// What the payment is called elsewhere.
    pub payment_reference: Option<String>,
    /// When it was completed.
    pub processed_at: Option<Timestamp>,
    /// Raised by every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is still being done with a payout's commissions; a job goes on with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr, strum::EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Work {
    /// They are being collected.
    Gathering,
    /// They are being told how it ended.
    Settling,
}

/// One commission in a payout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutLine {
    /// The payout.
    pub payout_id: PayoutId,
    /// The commission.
    pub commission_id: CommissionId,
    /// Whose gate it passes.
    pub referral_id: ReferralId,
    /// In minor units of the payout's currency; negative for what is taken back.
    pub amount_minor: i64,
    /// When it was gathered.
    pub created_at: Timestamp,
}

impl Payout {
    /// A payout that has just been begun: its commissions are to be collected. Its number is the store's to give.
    pub fn begin(id: PayoutId, scope: Scope, affiliate_id: AffiliateId, currency: Currency, now: Timestamp) -> Self {
        Self {
            id,
            scope,
            affiliate_id,
            invoice_number: 0,
            currency,
            status: PayoutStatus::Pending,
            work: Some(Work::Gathering),
            payment_method: None,
            payment_reference: None,
            processed_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether there is no payout yet that could be paid: its commissions are being collected, or were too little and are
    /// being given back.
    pub fn is_being_made(&self) -> bool {
        self.status == PayoutStatus::Pending && self.work.is_some()
    }

    /// Whether its commissions were too little to be paid out: it is removed when they are free again.
    pub fn is_given_up(&self) -> bool {
        self.status == PayoutStatus::Pending && self.work == Some(Work::Settling)
    }

    /// What its commissions do, referral by referral; `None` when there is nothing to be done.
    pub fn step(&self) -> Option<Step> {
        let payout_id = self.id.clone();
        Some(match (self.work?, self.status) {
            (Work::Gathering, _) => Step::Gather { payout_id, affiliate_id: self.affiliate_id.clone() },
            (Work::Settling, PayoutStatus::Completed) => Step::Pay { payout_id },
            (Work::Settling, _) => Step::Release { payout_id },
        })
    }

    /// The payout once its commissions are collected: it stands, or it is given up.
    #[must_use]
    pub fn gathered(&self, sum_minor: i64, threshold_minor: i64, now: Timestamp) -> Self {
        let work = if is_payable(sum_minor, threshold_minor) { None } else { Some(Work::Settling) };
        Self { work, ..self.changed(now) }
    }

    fn changed(&self, now: Timestamp) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self.clone() }
    }
}

/// The least sum that is paid out: more than nothing, and not below the program's threshold.
pub fn least_payable(threshold_minor: i64) -> i64 {
    threshold_minor.max(1)
}

/// Whether a sum is paid out at all.
pub fn is_payable(sum_minor: i64, threshold_minor: i64) -> bool {
    sum_minor >= least_payable(threshold_minor)
}
