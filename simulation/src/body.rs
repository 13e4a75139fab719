//! Bodies: what a client asks. A repeat has the same one.
//!
//! Keeps no state.

use attribution::edits::Edit;
use attribution::ids::{AffiliateId, CommissionId, ConversionId, PayoutId, ReferralId};
use attribution::ledger::{CommissionEdit, Reassignment};
use attribution::money::Money;
use attribution::status::{CommissionStatus, PayoutStatus, ReferralStatus, SalesStatus};

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A visit.
    Click {
        /// Who is credited.
        affiliate: AffiliateId,
        /// Days before the call at which it was, where the caller dates it.
        days_ago: Option<u32>,
        /// The number of the landing, where a browser names it.
        landing: Option<u32>,
    },
    /// A sign-up.
    SignUp {
        /// The click.
        click: ReferralId,
        /// The merchant's user id.
        user: Option<String>,
        /// The address.
        email: Option<String>,
        /// Whether a key vouches for it.
        verified: bool,
        /// Whether a customer beyond a lead is refused.
        only_leads: bool,
    },
    /// A direct referral.
    Direct {
        /// Who is credited.
        affiliate: AffiliateId,
        /// The address.
        email: String,
        /// The billing customer.
        customer: Option<String>,
        /// The click that it comes from.
        click: Option<ReferralId>,
        /// How far the customer has come.
        status: ReferralStatus,
    },
    /// A sale.
    Sale(Box<SaleBody>),
    /// A refund.
    Refund {
        /// The sale's key.
        sale: String,
        /// What is paid back; all that remains if there is none.
        amount: Option<Money>,
        /// The key by which the same refund is recognised.
        key: Option<String>,
        /// Whether it may come before its sale.
        may_wait: bool,
    },
    /// A sale with what it earns, as its owner says.
    Manual {
        /// The referral.
        referral: ReferralId,
        /// The key by which the same sale is recognised.
        key: Option<String>,
        /// What was paid.
        amount: Money,
        /// What it earns.
        commission: Money,
        /// Where the commission is.
        status: CommissionStatus,
        /// Days of hold.
        hold_days: Option<u32>,
    },
    /// The payment of a sale goes on.
    Proceed {
        /// The sale.
        sale: ConversionId,
        /// Where it is now.
        status: SalesStatus,
    },
    /// A person changes a commission.
    EditCommission {
        /// Its referral.
        referral: ReferralId,
        /// The commission.
        commission: CommissionId,
        /// What becomes of it.
        edit: CommissionEdit,
    },
    /// A person changes a referral.
    EditReferral {
        /// The referral.
        referral: ReferralId,
        /// What becomes of it.
        change: ReferralChange,
    },
    /// A person pays an affiliate out.
    PayOut {
        /// Who is paid.
        affiliate: AffiliateId,
    },
    /// A person says what has become of a payout.
    EndPayout {
        /// The payout.
        payout: PayoutId,
        /// Where it is now.
        status: PayoutStatus,
    },
}

/// A sale as its caller describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct SaleBody {
    /// The referral that is named.
    pub referral: Option<ReferralId>,
    /// The click that is named.
    pub click: Option<ReferralId>,
    /// The user that is named.
    pub user: Option<String>,
    /// The billing customer that is named.
    pub customer: Option<String>,
    /// The key by which the same sale is recognised.
    pub key: Option<String>,
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub status: SalesStatus,
    /// Where the commission is to be, where the caller says so.
    pub asked: Option<CommissionStatus>,
    /// Whether it is of a subscription.
    pub is_subscription: bool,
    /// Whether it is only tried.
    pub dry_run: bool,
}

/// What becomes of a referral.
#[derive(Clone, Debug, PartialEq)]
pub enum ReferralChange {
    /// The customer has come so far; rejected, released, deleted.
    Status(ReferralStatus),
    /// It is given to another affiliate.
    Reassign(Reassignment),
    /// The customer is called otherwise.
    Names {
        /// The merchant's user id.
        user: Edit<String>,
        /// The billing customer.
        customer: Edit<String>,
        /// The address.
        email: Option<String>,
    },
    /// Something is put on record.
    Milestone,
}

impl Body {
    /// The route that it is sent to: the name space of its key.
    pub fn route(&self) -> &'static str {
        match self {
            Self::Click { .. } => "POST clicks",
            Self::SignUp { verified: true, .. } => "POST signups",
            Self::SignUp { verified: false, .. } => "browser POST signups",
            Self::Direct { .. } => "POST referrals",
            Self::Sale(_) => "POST conversions",
            Self::Refund { .. } => "POST refund",
            Self::Manual { .. } => "POST commissions",
            Self::Proceed { .. } => "PUT conversions",
            Self::EditCommission { .. } => "PUT commissions",
            Self::EditReferral { .. } => "PUT referrals",
            Self::PayOut { .. } => "POST payouts",
            Self::EndPayout { .. } => "PUT payouts",
        }
    }

    /// Whether its route keeps answers under keys.
    pub fn may_have_key(&self) -> bool {
        let keeps = self.route().contains("POST") && !matches!(self, Self::PayOut { .. });
        keeps && !matches!(self, Self::Sale(sale) if sale.dry_run)
    }

    /// The referral that it names as one that must be there.
    pub fn edited_referral(&self) -> Option<&ReferralId> {
        match self {
            Self::EditReferral { referral, .. } => Some(referral),
            _ => None,
        }
    }
}
