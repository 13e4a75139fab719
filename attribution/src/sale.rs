//! Conversions and commissions: a sale, and what it earns.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::decision::{Decision, Reason};
use crate::ids::{AffiliateId, CommissionId, ConversionId, IncentiveId, ReferralId};
use crate::incentive::Purchase;
use crate::money::{Currency, Money};
use crate::referral::Scope;
use crate::status::{CommissionStatus, SalesStatus};
use crate::time::Timestamp;

/// A sale by a referred customer, credited or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// Its id.
    pub id: ConversionId,
    /// Whose it is.
    pub scope: Scope,
    /// The customer's referral.
    pub referral_id: ReferralId,
    /// Who is credited.
    pub affiliate_id: AffiliateId,
    /// The key by which the same sale is recognised.
    pub sale_key: Option<String>,
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub sales_status: SalesStatus,
    /// What was bought, by whom, as the caller said it.
    pub details: SaleDetails,
    /// Whether an affiliate is credited with it.
    pub attributed: bool,
    /// What it earned.
    pub commission_id: Option<CommissionId>,
    /// The incentive that priced it.
    pub matched_incentive_id: Option<IncentiveId>,
    /// Why it is as it is.
    pub decision: Decision,
    /// When the sale happened.
    pub created_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A sale as its caller described it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SaleDetails {
    /// The billing customer that was named.
    pub customer_id: Option<String>,
    /// The merchant's user that was named.
    pub external_user_id: Option<String>,
    /// The click that was named.
    pub click_id: Option<String>,
    /// The referral that was named.
    pub referral_id: Option<String>,
    /// The subscription that was named.
    pub subscription_id: Option<String>,
    /// What was bought.
    pub purchase: Purchase,
    /// The commission status that the caller asked for.
    pub commission_status: Option<CommissionStatus>,
    /// The caller's own data.
    pub metadata: Option<Value>,
    /// What else was sent: fields that only one of the two APIs has.
    pub extra: Map<String, Value>,
}

/// What an affiliate earns by a sale or a lead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commission {
    /// Its id.
    pub id: CommissionId,
    /// Whose it is.
    pub scope: Scope,
    /// The customer's referral.
    pub referral_id: ReferralId,
    /// Who earns it.
    pub affiliate_id: AffiliateId,
    /// The sale; `None` for a lead.
    pub conversion_id: Option<ConversionId>,
    /// The incentive that priced it.
    pub incentive_id: IncentiveId,
    /// In minor units of `currency`; `None` while it waits for a rate of exchange.
    pub amount_minor: Option<i64>,
    /// The team's currency.
    pub currency: Currency,
    /// Where it is on its way.
    pub status: CommissionStatus,
    /// Days of hold, where there is one.
    pub hold_days: Option<u32>,
    /// When the hold ends.
    pub hold_until: Option<Timestamp>,
    /// Why it was made.
    pub reason: Reason,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Commission {
    /// The amount with its currency; `None` while it waits for a rate.
    pub fn amount(&self) -> Option<Money> {
        self.amount_minor.map(|minor| Money { minor, currency: self.currency })
    }
}

/// A sale with what it earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedSale {
    /// The sale.
    pub conversion: Conversion,
    /// What it earned, if anything.
    pub commission: Option<Commission>,
}
