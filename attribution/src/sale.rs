//! Conversions and commissions: a sale, and what it earns.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::day::Day;
use crate::decision::{Decision, Reason};
use crate::ids::{AffiliateId, CommissionId, ConversionId, IncentiveId, PayoutId, ReferralId, RefundId};
use crate::incentive::Purchase;
use crate::money::{Currency, Money, pro_rata};
use crate::referral::Scope;
use crate::status::{CommissionKind, CommissionStatus, SalesStatus};
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
    /// What was paid back of it, in minor units of its currency.
    pub refunded_minor: i64,
    /// The whole sale in the team's currency; `None` while a rate of exchange is missing.
    pub converted: Option<Converted>,
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

/// A sale in the team's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Converted {
    /// In minor units, rounded half-up.
    pub minor: i64,
    /// By which rate; `None` where the sale was in the team's currency.
    pub by: Option<UsedRate>,
}

/// A rate of exchange as it was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedRate {
    /// So many units of the team's currency for one of the sale's: a decimal, for people.
    pub rate: String,
    /// The day of the rate; of the older one, where there were two.
    pub day: Day,
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

/// What an affiliate earns.
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
    /// What it is earned for.
    pub kind: CommissionKind,
    /// 0 for the selling affiliate, 1 for who recruited them, and so on.
    pub level: u8,
    /// The incentive, or the level, that priced it; `None` where the owner did.
    pub incentive_id: Option<IncentiveId>,
    /// In minor units of `currency`, refunds taken off; `None` while it waits for a rate of exchange.
    pub amount_minor: Option<i64>,
    /// What it was before any refund.
    pub earned_minor: Option<i64>,
    /// What later commissions take back of it since it was paid out.
    pub clawed_back_minor: i64,
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
    /// The payout that it is in, or was paid by.
    pub payout_id: Option<PayoutId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its owner removed it.
    pub deleted_at: Option<Timestamp>,
}

impl Conversion {
    /// What was paid and not paid back.
    pub fn remaining(&self) -> Money {
        Money { minor: self.amount.minor - self.refunded_minor, currency: self.amount.currency }
    }

    /// The same in minor units of the team's currency; `None` while a rate of exchange is missing.
    pub fn remaining_converted(&self) -> Option<i64> {
        let converted = self.converted.as_ref()?;
        Some(pro_rata(converted.minor, self.remaining().minor, self.amount.minor))
    }
}

impl Commission {
    /// What is earned by it after all refunds; `None` while it waits for a rate.
    pub fn amount(&self) -> Option<Money> {
        let minor = self.amount_minor? - self.clawed_back_minor;
        Some(Money { minor, currency: self.currency })
    }

    /// What it adds to all that `affiliate` may keep by the customer, in minor units: the sum that caps look at.
    pub fn counted_minor(&self, affiliate: &AffiliateId) -> i64 {
        let is_theirs = self.level == 0 && self.affiliate_id == *affiliate && self.deleted_at.is_none();
        let counts = is_theirs && self.kind != CommissionKind::Clawback && self.status.counts();
        if counts { self.amount().map_or(0, |amount| amount.minor) } else { 0 }
    }
}

/// A sale with what it earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedSale {
    /// The sale.
    pub conversion: Conversion,
    /// What it earned, if anything.
    pub commission: Option<Commission>,
    /// What those earned by it who recruited the affiliate.
    pub levels: Vec<Commission>,
}

/// What was paid back of a sale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaleRefund {
    /// Its id.
    pub id: RefundId,
    /// Whose it is.
    pub scope: Scope,
    /// The sale.
    pub conversion_id: ConversionId,
    /// The key by which the same refund is recognised.
    pub refund_key: Option<String>,
    /// What was paid back.
    pub amount: Money,
    /// What the caller asked for; `None` for all that remained.
    pub asked: Option<Money>,
    /// What the affiliate earns less, in minor units of the team's currency.
    pub deducted_minor: i64,
    /// The negative commission, where the sale's was paid out.
    pub clawback_id: Option<CommissionId>,
    /// Why, as the caller said it.
    pub reason: Option<String>,
    /// When it was paid back.
    pub refunded_at: Timestamp,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// A refund that came before its sale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParkedRefund {
    /// Its id.
    pub id: RefundId,
    /// Whose it is.
    pub scope: Scope,
    /// The key of the sale that it waits for.
    pub sale_key: String,
    /// The key by which the same refund is recognised.
    pub refund_key: Option<String>,
    /// What is to be paid back; `None` for everything.
    pub amount: Option<Money>,
    /// Why, as the caller said it.
    pub reason: Option<String>,
    /// When it was paid back.
    pub refunded_at: Timestamp,
    /// Since when it waits.
    pub parked_at: Timestamp,
    /// When it is given up.
    pub expires_at: Timestamp,
}
