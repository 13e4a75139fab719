//! What a command comes to, and why it is refused. Both travel from object to Worker as they stand here.

use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::decision::Reason;
use crate::ids::{ProgramId, ReferralId};
use crate::money::{Currency, Money};
use crate::referral::{Identity, Referral};
use crate::sale::{Commission, Conversion, ParkedRefund, RecordedSale, SaleRefund};
use crate::status::ReferralStatus;

/// Whether an answer is about something new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FirstSeen {
    /// This request recorded it.
    Now,
    /// An earlier one did.
    Before,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum Outcome {
    /// The referral of a sign-up, or one that was recorded directly.
    Referral {
        /// As stored.
        referral: Box<Referral>,
        /// Whether it is new.
        first_seen: FirstSeen,
        /// Why.
        reason: Reason,
    },
    /// A sale.
    Sale {
        /// As stored.
        sale: Box<RecordedSale>,
        /// Whether it is new.
        first_seen: FirstSeen,
        /// Fields in which a repeated call differs from what is stored.
        differing: Vec<String>,
    },
    /// A refund.
    Refund {
        /// The sale after it.
        sale: Box<RecordedSale>,
        /// The refund; `None` where nothing was left to pay back.
        refund: Option<Box<SaleRefund>>,
        /// Whether it is new.
        first_seen: FirstSeen,
    },
    /// A refund that waits for its sale.
    Parked {
        /// As stored.
        refund: Box<ParkedRefund>,
        /// Whether it is new.
        first_seen: FirstSeen,
    },
    /// A commission that its owner changed.
    Commission {
        /// As stored.
        commission: Box<Commission>,
        /// The sale that it is for.
        conversion: Option<Box<Conversion>>,
    },
    /// What a scheduled job or a payout has moved on.
    Moved {
        /// So many commissions.
        commissions: u32,
    },
}

impl Outcome {
    /// Its name, for the log: what it says may name a customer.
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// The referral that it is about; `None` for a refund that waits and for what a job has moved.
    pub fn referral_id(&self) -> Option<&ReferralId> {
        match self {
            Self::Commission { commission, .. } => Some(&commission.referral_id),
            Self::Referral { referral, .. } => Some(&referral.id),
            Self::Sale { sale, .. } | Self::Refund { sale, .. } => Some(&sale.conversion.referral_id),
            Self::Parked { .. } | Self::Moved { .. } => None,
        }
    }
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
pub enum Rejection {
    /// No such click within the caller's reach.
    ClickNotFound,
    /// The click has become a referral already.
    ClickAlreadyConverted,
    /// The click came through another affiliate than the one named.
    ClickOfOtherAffiliate,
    /// Too many claims came from this network address, or for this affiliate, within an hour.
    TooManyClaims,
    /// No customer is known by the identifiers.
    CustomerNotFound,
    /// No such referral within the caller's reach.
    ReferralNotFound,
    /// The row belongs to another program than the caller's.
    OtherProgram,
    /// No such sale within the caller's reach.
    SaleNotFound,
    /// The refund is not in the sale's currency.
    RefundCurrency {
        /// The sale's.
        expected: Currency,
    },
    /// The refund is more than what is left of the sale.
    RefundTooLarge {
        /// What is left.
        remaining: Money,
    },
    /// The sale's key belongs to another sale.
    SaleKeyTaken,
    /// No such commission within the caller's reach.
    CommissionNotFound,
    /// The status may not follow the one that it has.
    NoSuchTransition {
        /// Of what: `referral`, `commission`, `sale`, `payout`.
        subject: String,
        /// The status that it has.
        from: String,
        /// The one that was asked for.
        to: String,
    },
    /// The commission is in a payout, or paid.
    CommissionPaidOut,
    /// Something of the sale was paid back: its amounts stand.
    SaleIsRefunded,
    /// The commission has no amount yet.
    AmountUnknown,
    /// The ledger made it itself, to take back what was paid out.
    IsClawback,
    /// The incentive's cap leaves less than the commission.
    CapTooSmall {
        /// What it leaves.
        room: Money,
    },
    /// No rate of exchange is known.
    MissingRate {
        /// From it.
        from: Currency,
        /// Into the team's.
        to: Currency,
        /// The sale's day.
        day: Day,
    },
    /// The affiliate's partnership is not approved.
    AffiliateNotApproved,
    /// No such affiliate within the caller's reach.
    AffiliateNotFound,
    /// The customer is beyond a lead: their status.
    BeyondLead {
        /// How far they have come.
        status: ReferralStatus,
    },
    /// The referral's commissions add up to more than an amount can be.
    TotalTooLarge,
    /// A call with the same `Idempotency-Key` is under way.
    KeyInFlight,
    /// The refund's key was used for another refund.
    RefundKeyReused,
    /// The `Idempotency-Key` was used for another body.
    KeyReused,
    /// The page's origin may not record for the program.
    OriginNotAllowed {
        /// The page's origin.
        origin: String,
        /// The program.
        program_id: ProgramId,
    },
    /// All that identifies the customer is an e-mail address, and the program keeps none.
    NothingKeptOfIdentity,
    /// Another referral of the program holds this identity.
    IdentityTaken {
        /// The identity.
        identity: Identity,
    },
    /// Identifiers of one call point to different referrals.
    IdentifiersDisagree {
        /// One of them.
        first: ReferralId,
        /// The other.
        second: ReferralId,
    },
}

impl Rejection {
    /// Its name, for the log: what it says may name a customer.
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// A status that may not follow the one that there is.
    pub fn transition(subject: &str, from: &str, to: &str) -> Self {
        Self::NoSuchTransition { subject: subject.to_owned(), from: from.to_owned(), to: to.to_owned() }
    }
}
