//! What each command says. They travel from Worker to object as they stand here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::command::Context;
use crate::edits::Edit;
use crate::email::EmailAddress;
use crate::ids::{AffiliateId, CommissionId, ConversionId, PayoutId, ProgramId, ReferralId, RefundId};
use crate::money::{Currency, Money};
use crate::program::Program;
use crate::referral::{Identity, Scope};
use crate::sale::{ParkedRefund, SaleDetails};
use crate::status::{CommissionStatus, ReferralStatus, SalesStatus};
use crate::time::Timestamp;

/// A visitor who came through a click has signed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a term of the caller's interface, independent of the others"
)]
pub struct SignUp {
    /// Who asks.
    pub context: Context,
    /// The gate: the click, or the referral of the customer who was found by key.
    pub click_id: ReferralId,
    /// What to do when there is no such click.
    pub unknown_click: UnknownClick,
    /// The program that the caller speaks for, where the click does not say.
    pub program_id: Option<ProgramId>,
    /// The page's origin, for a call from a browser.
    pub origin: Option<String>,
    /// Whether a key vouches for it.
    pub verified: bool,
    /// Whether the caller's interface keeps addresses at all.
    pub keep_address: bool,
    /// Whether a sign-up without any name of its customer is refused. One of the two APIs takes the click alone.
    pub identity_required: bool,
    /// Whether a customer who is beyond a lead already is refused. The other API answers with the referral.
    pub only_leads: bool,
    /// The merchant's user id.
    pub external_user_id: Option<String>,
    /// The customer's address.
    pub email: Option<EmailAddress>,
    /// The customer's name.
    pub name: Option<String>,
    /// What else was sent; kept in the event's line.
    pub detail: Map<String, Value>,
    /// The network address of a page's call: limits what one address may claim, and is kept as a keyed hash only.
    pub caller_address: Option<String>,
    /// Minted for a lead incentive's commission, before the first try.
    pub commission_id: CommissionId,
}

/// What a sign-up does when its click is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnknownClick {
    /// Refuses.
    Refuse,
    /// Looks for the customer by user id.
    FindCustomer,
}

/// A program's owner records a referral directly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateReferral {
    /// Who asks.
    pub context: Context,
    /// The referral's id: the click's, or a minted one.
    pub referral_id: ReferralId,
    /// Whether `referral_id` names a click that must exist.
    pub from_click: bool,
    /// Whose it will be: the caller's program.
    pub scope: Scope,
    /// Who is credited.
    pub affiliate_id: AffiliateId,
    /// The customer's address.
    pub email: EmailAddress,
    /// The billing customer.
    pub customer_id: Option<String>,
    /// The subscription.
    pub subscription_id: Option<String>,
    /// How far the customer has come.
    pub status: ReferralStatus,
    /// When it began, where that is not now.
    pub created_at: Option<Timestamp>,
    /// The customer's name.
    pub name: Option<String>,
    /// The caller's own data.
    pub metadata: Option<Value>,
    /// Minted for a lead incentive's commission.
    pub commission_id: CommissionId,
}

/// A customer has bought something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordSale {
    /// Who asks.
    pub context: Context,
    /// The gate: the referral, or the click, that the caller's identifiers were found to mean.
    pub gate: ReferralId,
    /// Whose it will be: the caller's program.
    pub scope: Scope,
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub sales_status: SalesStatus,
    /// The key by which the same sale is recognised.
    pub sale_key: Option<String>,
    /// What else the same sale is called, by a payment provider: its charge, its payment.
    #[serde(default)]
    pub further_keys: Vec<String>,
    /// When it happened, where that is not now.
    pub occurred_at: Option<Timestamp>,
    /// Identifiers, products and the rest, as the caller sent them.
    pub details: SaleDetails,
    /// Minted before the first try.
    pub conversion_id: ConversionId,
    /// Minted before the first try.
    pub commission_id: CommissionId,
    /// Whether it is only tried: decided and answered, and nothing written.
    pub dry_run: bool,
}

impl RecordSale {
    /// Every key by which the sale may have been recorded, its own first.
    pub(super) fn keys(&self) -> Vec<String> {
        self.sale_key.iter().chain(&self.further_keys).cloned().collect()
    }
}

/// What is known about a sale goes on: its payment, or the rate of exchange that it waited for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconsider {
    /// Who asks.
    pub context: Context,
    /// The gate: the sale's referral.
    pub gate: ReferralId,
    /// Whose it is.
    pub scope: Scope,
    /// The sale.
    pub conversion_id: ConversionId,
    /// Its currency and moment, by which rates are looked up.
    pub currency: Currency,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What has happened.
    pub turn: Turn,
    /// Minted before the first try, for what a completed sale earns.
    pub commission_id: CommissionId,
}

/// What has happened to a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    /// Its payment went on.
    SalesStatus(SalesStatus),
    /// A rate of exchange may have come.
    RateArrived,
}

/// The program's owner records a sale together with what it earns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManualCommission {
    /// Who asks.
    pub context: Context,
    /// The gate: the referral.
    pub gate: ReferralId,
    /// Whose it will be: the caller's program.
    pub scope: Scope,
    /// What was paid.
    pub amount: Money,
    /// Where the purchase is.
    pub sales_status: SalesStatus,
    /// What it earns; converted where it is not in the team's currency.
    pub commission: Money,
    /// Where the commission is.
    pub status: CommissionStatus,
    /// Days of hold, where it is pending.
    pub hold_days: Option<u32>,
    /// The payment by which the same sale is recognised.
    pub sale_key: Option<String>,
    /// When it happened, where that is not now.
    pub occurred_at: Option<Timestamp>,
    /// What else the caller said.
    pub details: SaleDetails,
    /// Minted before the first try.
    pub conversion_id: ConversionId,
    /// Minted before the first try.
    pub commission_id: CommissionId,
}

impl ManualCommission {
    /// The one of its currencies that a rate is needed for; the team's where none is.
    pub(super) fn foreign_currency(&self, program: &Program) -> Currency {
        let currencies = [self.commission.currency, self.amount.currency];
        currencies.into_iter().find(|currency| *currency != program.currency).unwrap_or(program.currency)
    }
}

/// The program's owner changes a commission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditCommission {
    /// Who asks.
    pub context: Context,
    /// The gate: the commission's referral.
    pub gate: ReferralId,
    /// Whose it is.
    pub scope: Scope,
    /// The commission.
    pub commission_id: CommissionId,
    /// What becomes of it.
    pub edit: CommissionEdit,
}

/// What becomes of a commission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CommissionEdit {
    /// What is named is changed.
    Change {
        /// Where it is to be.
        status: Option<CommissionStatus>,
        /// Days of hold from its making; they run while it is pending.
        hold_days: Option<u32>,
        /// What it pays.
        amount: Option<Money>,
        /// What was paid for the sale.
        sale_amount: Option<Money>,
    },
    /// It is removed, and its levels with it.
    Delete,
    /// The customer's bank takes the payment back until it is decided.
    Dispute,
    /// That was decided: what is still earned is on its way again.
    EndDispute,
}

/// The program's owner changes what is known of a referral.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditReferral {
    /// Who asks.
    pub context: Context,
    /// The referral, and its gate.
    pub referral_id: ReferralId,
    /// Whose it is.
    pub scope: Scope,
    /// Other ids by which the caller names the same referral.
    pub same_as: Vec<ReferralId>,
    /// What the caller knows the customer by: names that nobody holds become the referral's.
    pub known_as: Vec<Identity>,
    /// The customer's address.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub email: Edit<EmailAddress>,
    /// The merchant's user id.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub external_user_id: Edit<String>,
    /// The billing customer.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub customer_id: Edit<String>,
    /// The subscription.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub subscription_id: Edit<String>,
    /// The customer's name.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub name: Edit<String>,
    /// The caller's own data.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub metadata: Edit<Value>,
    /// What a released referral was known by when it was read.
    pub names_to_take_back: Vec<Identity>,
    /// How far the customer has come; `Deleted` removes the referral.
    pub status: Option<ReferralStatus>,
    /// When that was, where it is not now.
    pub occurred_at: Option<Timestamp>,
    /// Who is credited from now on.
    pub reassignment: Option<Reassignment>,
    /// What the caller wants on record.
    pub milestone: Option<Milestone>,
}

impl EditReferral {
    /// A change of nothing yet.
    pub fn of(context: Context, referral_id: ReferralId, scope: Scope) -> Self {
        Self {
            context,
            referral_id,
            scope,
            same_as: Vec::new(),
            known_as: Vec::new(),
            email: Edit::Keep,
            external_user_id: Edit::Keep,
            customer_id: Edit::Keep,
            subscription_id: Edit::Keep,
            name: Edit::Keep,
            metadata: Edit::Keep,
            names_to_take_back: Vec::new(),
            status: None,
            occurred_at: None,
            reassignment: None,
            milestone: None,
        }
    }
}

/// A referral is given to another affiliate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reassignment {
    /// Who gets it.
    pub affiliate_id: AffiliateId,
    /// Why.
    pub reason: String,
    /// Whether what is not paid yet becomes theirs too.
    pub moves_unpaid: bool,
}

/// Something that happened to a customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Milestone {
    /// What the caller calls it.
    pub name: String,
    /// How far it takes the customer, where their referral stands and its status allows that.
    pub moves_to: Option<ReferralStatus>,
    /// What else was sent.
    pub detail: Map<String, Value>,
}

/// A sale was paid back, wholly or in part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refund {
    /// Who asks.
    pub context: Context,
    /// The gate: the sale's referral, or a place made from the sale's key while the sale is not known.
    pub gate: ReferralId,
    /// Whose it will be: the caller's program.
    pub scope: Scope,
    /// The sale's id, where the caller knows it.
    pub conversion_id: Option<ConversionId>,
    /// The sale's key, where the caller knows that.
    pub sale_key: Option<String>,
    /// What is paid back; `None` for all that remains.
    pub amount: Option<Money>,
    /// The currency that the caller names, also without an amount.
    pub currency: Option<Currency>,
    /// The key by which the same refund is recognised.
    pub refund_key: Option<String>,
    /// Whether that key with another amount is refused. One of the two APIs answers with what is recorded.
    pub refuses_other_body: bool,
    /// Whether the refund may wait for a sale that is not known.
    pub may_wait: bool,
    /// Why, as the caller says it.
    pub reason: Option<String>,
    /// When it was paid back, where that is not now.
    pub refunded_at: Option<Timestamp>,
    /// Minted before the first try.
    pub refund_id: RefundId,
    /// Minted before the first try, for what a payout has to take back.
    pub clawback_id: CommissionId,
}

impl Refund {
    /// Whether `parked` is this very refund, or an earlier call of it.
    pub(super) fn is_same(&self, parked: &ParkedRefund) -> bool {
        parked.id == self.refund_id || (self.refund_key.is_some() && parked.refund_key == self.refund_key)
    }
}

/// Commissions of a referral are moved on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoveCommissions {
    /// Who asks: a job, or a person who pays out.
    pub context: Context,
    /// The referral, and its gate.
    pub referral_id: ReferralId,
    /// Whose it is.
    pub scope: Scope,
    /// What happens to them.
    pub step: Step,
}

/// What happens to commissions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// Those whose hold is over become ready for payment.
    EndHold,
    /// Those of an affiliate that are ready enter a payout.
    Gather {
        /// The payout.
        payout_id: PayoutId,
        /// Who is paid.
        affiliate_id: AffiliateId,
    },
    /// Those in a payout are paid.
    Pay {
        /// The payout.
        payout_id: PayoutId,
    },
    /// Those in a payout that came to nothing are free again.
    Release {
        /// The payout.
        payout_id: PayoutId,
    },
}

/// A refund has waited too long for its sale.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpireRefund {
    /// The job.
    pub context: Context,
    /// The gate: a place made from the sale's key.
    pub gate: ReferralId,
    /// Whose it is.
    pub scope: Scope,
    /// The refund.
    pub refund_id: RefundId,
    /// The key of the sale that it waits for.
    pub sale_key: String,
}

/// A customer is to be forgotten: one of the referrals that hold, or held, a name of theirs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EraseReferral {
    /// Who asks.
    pub context: Context,
    /// The gate: the referral.
    pub referral_id: ReferralId,
    /// Whose it is.
    pub scope: Scope,
}
