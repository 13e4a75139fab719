//! Decisions: the recorded reason for every outcome, with what it was decided on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::{EnumString, IntoStaticStr};

use crate::money::Rate;
use crate::status::CommissionStatus;

/// Why something is as it is. The word is part of the API; the explanation is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// A click became a lead.
    LeadRecorded,
    /// A referral was recorded without a sign-up call.
    ReferralRecorded,
    /// The click had become a referral before.
    ClickAlreadyConverted,
    /// The customer is known already; their first referral stands.
    CustomerAlreadyReferred,
    /// The key belongs to one referral and the address to another: the key won.
    EmailBelongsToAnotherReferral,
    /// The customer is the affiliate, and the program blocks that.
    SelfReferralBlocked,
    /// The customer's address is a throw-away one, and the program blocks that.
    SuspiciousEmailBlocked,
    /// An advertisement was paid for the visit, and the program blocks that.
    PaidTrafficBlocked,
    /// The visitor came from a site that the program bans.
    BannedReferralBlocked,
    /// The visitor came from a country that the program blocks.
    BlockedCountryBlocked,
    /// Others of the affiliate signed up from the same network address, and the program blocks that.
    DuplicateIpBlocked,
    /// The sign-up came too soon after the click, and the program blocks that.
    FastSignupBlocked,
    /// A page says that its visitor has signed up, and the program waits for a key's word.
    LeadProvisional,
    /// A key vouched for another referral of the customer whom a browser had claimed.
    ClaimOverridden,
    /// A lead earned its fixed amount.
    LeadCommissionEarned,
    /// A lead earned its amount, but only a browser vouches for it.
    LeadAwaitsApproval,
    /// A sale earned a commission.
    CommissionEarned,
    /// The sale came too long after the click.
    AttributionWindowExpired,
    /// The sale happened before the click.
    SaleBeforeClick,
    /// No incentive covers the purchase.
    NoMatchingIncentive,
    /// A fixed incentive of 0 excludes the purchase.
    ExcludedByIncentive,
    /// The sale is not complete, so nothing is earned yet.
    SaleNotComplete,
    /// The referral was rejected.
    ReferralRejected,
    /// The affiliate's partnership is not approved.
    AffiliateNotApproved,
    /// The commission waits for a rate of exchange.
    MissingRate,
    /// No referral is known by any of the identifiers.
    ReferralNotFound,
    /// The sale is credited, but its event named a click or a customer who does not exist.
    IdentifierUnknown,
    /// The incentive's cap for this customer is used up.
    CapReached,
    /// The sale was paid back in full.
    SaleRefunded,
    /// The sale was paid back in part.
    SalePartlyRefunded,
    /// A commission that was paid out is taken back by the next payout.
    PaidCommissionClawedBack,
    /// A refund came before its sale.
    RefundWaitsForItsSale,
    /// The sale of a waiting refund has come.
    RefundMetItsSale,
    /// The sale came, but in another currency, or nothing of it was left.
    RefundDidNotFitItsSale,
    /// The sale of a waiting refund did not come in time.
    RefundExpired,
    /// The hold of commissions has ended.
    HoldEnded,
    /// Commissions were paid out.
    CommissionsPaid,
    /// The program's owner made or changed something.
    EditedByOwner,
    /// The incentive pays for so long or so often, and that is over for this customer.
    IncentiveLengthOver,
    /// The incentive's cap for this customer left less room than it pays.
    ReducedToCap,
    /// Who recruited the selling affiliate earned a share.
    LevelEarned,
    /// A sale that waited for its payment was completed, or its payment went another way.
    SalesStatusChanged,
    /// The rate of exchange that a sale waited for has come.
    RateArrived,
    /// The program's owner changed what is known of a referral.
    ReferralUpdated,
    /// The program's owner took a rejection back.
    ReferralReleased,
    /// The program's owner removed the referral.
    ReferralDeleted,
    /// The program's owner gave the referral to another affiliate.
    ReferralReassigned,
    /// The program's owner named the commission.
    ManualCommission,
    /// The program's owner changed a commission.
    CommissionUpdated,
    /// The program's owner removed a commission.
    CommissionDeleted,
    /// Commissions were gathered into a payout.
    CommissionsGathered,
    /// What was gathered into a payout is not above nothing, or below what the program pays out.
    TooLittleToPayOut,
    /// A payout came to nothing; its commissions are free again.
    PayoutEnded,
    /// Something happened that the caller wants on record.
    MilestoneRecorded,
    /// What the customer was known by was erased, as was asked for.
    CustomerErased,
}

impl Reason {
    /// The word as answers and the database write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// One sentence for people.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::LeadRecorded => "The visitor came through this affiliate's link and signed up.",
            Self::ReferralRecorded => "The referral was recorded directly by the program's owner.",
            Self::ClickAlreadyConverted => "The click had become a referral before; that one stands.",
            Self::CustomerAlreadyReferred => {
                "This customer was referred before; the first referral stands and nothing is paid twice."
            }
            Self::EmailBelongsToAnotherReferral => {
                "The customer's id belongs to this referral and the e-mail to another; the id decided, the e-mail stayed."
            }
            Self::SelfReferralBlocked => "The affiliate is the customer of their own link, which this program blocks.",
            Self::SuspiciousEmailBlocked => {
                "The customer's e-mail address is a throw-away one, which this program blocks."
            }
            Self::PaidTrafficBlocked => "The visit was paid for by an advertisement, which this program blocks.",
            Self::BannedReferralBlocked => "The visitor came from a site that this program bans.",
            Self::BlockedCountryBlocked => "The visitor came from a country that this program blocks.",
            Self::DuplicateIpBlocked => {
                "Others of this affiliate signed up from the same network address, which this program blocks."
            }
            Self::FastSignupBlocked => {
                "The sign-up came too soon after the click for a person, which this program blocks."
            }
            Self::LeadProvisional => {
                "Only a browser vouches for the sign-up; it counts once a call with a key, or a sale, says so too."
            }
            Self::ClaimOverridden => {
                "Only a browser had claimed this customer; a call with a key named another referral, which stands."
            }
            Self::LeadCommissionEarned => "The sign-up earned the lead incentive's fixed amount.",
            Self::LeadAwaitsApproval => {
                "The sign-up earned the lead incentive; only a browser vouches for it, so it waits for approval."
            }
            Self::CommissionEarned => "The sale came inside the attribution window and an incentive covers it.",
            Self::AttributionWindowExpired => "The first sale came after the attribution window had ended.",
            Self::SaleBeforeClick => "The sale happened before the click, which therefore cannot have led to it.",
            Self::NoMatchingIncentive => "No incentive of this affiliate covers what was bought.",
            Self::ExcludedByIncentive => "An incentive of 0 excludes what was bought.",
            Self::SaleNotComplete => "The sale is not complete, so it has earned nothing yet.",
            Self::ReferralRejected => "The referral was rejected, so its sales earn nothing.",
            Self::AffiliateNotApproved => "The affiliate's partnership with the program is not approved.",
            Self::MissingRate => "The sale's currency has no rate yet; the commission waits for it.",
            Self::CapReached => "The incentive's cap for this customer is used up.",
            Self::SaleRefunded => "The sale was paid back in full; it earns nothing.",
            Self::SalePartlyRefunded => "The sale was paid back in part; what it earned was reduced pro rata.",
            Self::PaidCommissionClawedBack => {
                "The sale was paid back after its commission had been paid out; the next payout nets it."
            }
            Self::RefundWaitsForItsSale => "The refund came before its sale and waits for it.",
            Self::RefundMetItsSale => "The sale came and the refund that waited for it was applied.",
            Self::RefundDidNotFitItsSale => {
                "The sale came in another currency than the waiting refund, unpaid, or with nothing left to pay back."
            }
            Self::RefundExpired => "The sale of this refund did not come in time.",
            Self::HoldEnded => "The hold period has ended; the commissions are ready to be paid.",
            Self::CommissionsPaid => "The commissions were paid out.",
            Self::EditedByOwner => "The program's owner made or changed this.",
            Self::IncentiveLengthOver => "The incentive's months or payments are over for this customer.",
            Self::ReducedToCap => "The incentive's cap for this customer left less room than it pays.",
            Self::LevelEarned => "Somebody whom the affiliate recruited made a sale.",
            Self::SalesStatusChanged => "The sale's payment went on; what it earns was decided then.",
            Self::RateArrived => "The rate of exchange has come; the sale was converted with it.",
            Self::ReferralUpdated => "The program's owner changed what is known of the customer.",
            Self::ReferralReleased => "The program's owner took the rejection back.",
            Self::ReferralDeleted => "The program's owner removed the referral.",
            Self::ReferralReassigned => "The program's owner gave the referral to another affiliate.",
            Self::ManualCommission => "The program's owner named the commission.",
            Self::CommissionUpdated => "The program's owner changed the commission.",
            Self::CommissionDeleted => "The program's owner removed the commission.",
            Self::CommissionsGathered => "The commissions were gathered into a payout.",
            Self::TooLittleToPayOut => "The commissions came to less than is paid out; they wait for the next payout.",
            Self::PayoutEnded => "The payout came to nothing; its commissions are payable again.",
            Self::MilestoneRecorded => "The caller put this on record.",
            Self::CustomerErased => "Everything that the customer was known by was erased.",
            Self::ReferralNotFound => "No referral is known by any identifier of this sale.",
            Self::IdentifierUnknown => "The sale is credited, but it names a click or a customer who does not exist.",
        }
    }

    /// Whether a sale with this reason is credited to the affiliate, whatever it earned.
    pub fn is_attributed(self) -> bool {
        !matches!(
            self,
            Self::AttributionWindowExpired
                | Self::SaleBeforeClick
                | Self::ReferralRejected
                | Self::ReferralDeleted
                | Self::ReferralNotFound
                | Self::SelfReferralBlocked
                | Self::SuspiciousEmailBlocked
                | Self::PaidTrafficBlocked
                | Self::BannedReferralBlocked
                | Self::BlockedCountryBlocked
                | Self::DuplicateIpBlocked
                | Self::FastSignupBlocked
        )
    }
}

/// A reason with its inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Why.
    pub reason: Reason,
    /// What it was decided on, by name.
    pub inputs: Map<String, Value>,
    /// Every rule that was asked, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub considered: Vec<Consideration>,
    /// The calculation, line by line, in digits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sum: Vec<String>,
    /// What a commission without an amount is to become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<Awaiting>,
}

/// One rule that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consideration {
    /// The rule: `attribution_window`, `incentive`, …
    pub rule: String,
    /// What it did.
    pub verdict: Verdict,
    /// Why, with the values that it looked at.
    pub because: String,
}

/// What a rule did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It had nothing against the commission.
    Passed,
    /// It gave the reason.
    Decided,
    /// It was applied: it set or changed the amount.
    Applied,
    /// It spoke against the commission, and was only put on record.
    Noted,
    /// It did not apply.
    NotApplied,
}

/// A commission that waits for a rate of exchange: the terms on which it was made, since old commissions never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaiting {
    /// The share of the sale; `None` where only the levels wait.
    pub rate: Option<Rate>,
    /// The incentive's cap.
    pub cap_minor: Option<i64>,
    /// The status that it will have.
    pub status: CommissionStatus,
    /// Whether the levels wait too.
    pub levels: bool,
}

impl Decision {
    /// A decision without inputs yet.
    pub fn new(reason: Reason) -> Self {
        Self { reason, inputs: Map::new(), considered: Vec::new(), sum: Vec::new(), awaiting: None }
    }

    /// Adds an input.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.inputs.insert(name.to_owned(), value.into());
        self
    }
}
