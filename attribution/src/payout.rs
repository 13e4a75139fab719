//! Payouts: what an affiliate is paid at once, and what that is made of. Source: docs/rules.md, section 8.
//!
//! A payout and its status are rows of their own; its commissions are moved through the gates of their referrals, so that
//! no refund meets a payout half way. Nothing here keeps state.

use serde::{Deserialize, Serialize};

use crate::ids::{AffiliateId, CommissionId, PayoutId, ReferralId};
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

/// Whether a sum is paid out at all: more than nothing, and not below the program's threshold.
pub fn is_payable(sum_minor: i64, threshold_minor: i64) -> bool {
    sum_minor > 0 && sum_minor >= threshold_minor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sum_above_nothing_and_not_below_the_threshold_is_paid() {
        assert!(is_payable(1, 0) && is_payable(5000, 5000));
        assert!(!is_payable(0, 0) && !is_payable(-1, 0) && !is_payable(4999, 5000));
    }
}
