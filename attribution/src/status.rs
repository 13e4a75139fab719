//! The vocabularies: every status and mode, as text in requests, answers and the database (lower-case, underscores).
//!
//! Sources: seed 002 (commission and sales status), seed 003 (referral status), `DESIGN` §2.

use serde::{Deserialize, Serialize};
use strum::{AsRefStr, EnumString, IntoStaticStr, VariantNames};

macro_rules! vocabulary {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, AsRefStr, EnumString, IntoStaticStr, VariantNames,
        )]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The word as requests, answers and the database write it.
            pub fn as_str(self) -> &'static str {
                self.into()
            }

            /// Finds the value for a word; `None` for any other text.
            pub fn from_word(word: &str) -> Option<Self> {
                word.parse().ok()
            }

            /// Every word, in the order of the published lists.
            pub fn words() -> &'static [&'static str] {
                <Self as VariantNames>::VARIANTS
            }
        }
    )*};
}

vocabulary! {
    /// How far a referred customer has come.
    ReferralStatus {
        /// Signed up.
        Lead,
        /// In a trial.
        Trialing,
        /// Bought once.
        Customer,
        /// Has a running subscription.
        Active,
        /// Ended the subscription.
        Canceled,
        /// Refused, by a fraud rule or a person.
        Rejected,
        /// Removed by its owner; the row stays for the ledger's sake.
        Deleted,
    }

    /// Where a commission is on its way to the affiliate.
    CommissionStatus {
        /// Waits for its hold to end, or for a rate.
        Pending,
        /// Waits for a person.
        PendingManualApproval,
        /// May enter the next payout.
        ReadyForPayment,
        /// Is in a payout that is under way.
        ProcessingPayout,
        /// Was paid.
        Paid,
        /// Refused by a person.
        Declined,
        /// Its sale was refunded.
        Refunded,
        /// Its sale is disputed.
        Dispute,
    }

    /// Where the purchase itself is.
    SalesStatus {
        /// Begun, not paid.
        Open,
        /// Paid.
        Complete,
        /// A trial without payment yet.
        Trialing,
        /// The payment failed.
        Failed,
        /// Paid back in full.
        Refunded,
        /// Paid back in part.
        PartialRefunded,
    }

    /// How often a subscription is billed.
    Interval {
        /// Every month.
        Monthly,
        /// Every quarter.
        Quarterly,
        /// Every year.
        Yearly,
    }

    /// Which click counts when a visitor came through two affiliates.
    AttributionModel {
        /// The last one.
        LastClick,
        /// The first one, while its window lasts.
        FirstClick,
    }

    /// What a commission is earned for.
    CommissionKind {
        /// A sale.
        Sale,
        /// A sign-up.
        Lead,
        /// A sale of somebody whom the affiliate recruited.
        Level,
        /// Takes back what was paid out for a sale that was refunded later.
        Clawback,
        /// What the program's owner says.
        Manual,
    }

    /// Where a payout is.
    PayoutStatus {
        /// Put together.
        Pending,
        /// On its way.
        Processing,
        /// Paid.
        Completed,
        /// Could not be paid.
        Failed,
        /// Was called off.
        Cancelled,
    }

    /// Whether an affiliate may take part in a program.
    Partnership {
        /// Asked to.
        Pending,
        /// May.
        Approved,
        /// May not.
        Rejected,
    }

    /// How an affiliate wants to be paid.
    PayoutMethod {
        /// PayPal.
        Paypal,
        /// Wise.
        Wise,
        /// Payoneer.
        Payoneer,
        /// Paxum.
        Paxum,
        /// WebMoney.
        Webmoney,
        /// Skrill.
        Skrill,
        /// To a bank account, worldwide.
        WireTransfer,
        /// To a bank account, within the United States.
        Ach,
        /// Bitcoin.
        Bitcoin,
        /// Ethereum.
        Ethereum,
        /// Alipay.
        Alipay,
        /// WeChat Pay.
        Wechat,
        /// By hand.
        Manual,
        /// In no way: takes back what was said before.
        None,
    }

    /// For how long a coupon takes its discount off.
    CouponDuration {
        /// Off every invoice.
        Forever,
        /// Off the first invoice.
        Once,
        /// Off the invoices of some months.
        Repeating,
    }

    /// A fraud rule; docs/fraud.md says what each looks at.
    FraudRule {
        /// The customer is the affiliate.
        SelfReferral,
        /// The customer's address is a throw-away one.
        SuspiciousEmail,
        /// An advertisement was paid for the visit.
        PaidTraffic,
        /// The visitor came from a banned site.
        BannedReferral,
        /// The visitor came from a blocked country.
        BlockedCountry,
        /// Others signed up from the same network address.
        DuplicateIp,
        /// The sign-up came too soon after the click.
        FastSignup,
    }

    /// Who may say that a visitor has signed up.
    LeadAuth {
        /// A page, too.
        Open,
        /// A backend with its key: what a page says is provisional until a key, or a sale, says it as well.
        ServerRequired,
    }

    /// What a fraud rule does when it hits.
    FraudMode {
        /// Is not looked at.
        Off,
        /// Is noted in the decision.
        Detect,
        /// Rejects the referral.
        Block,
    }

    /// What a program keeps of a customer's e-mail address.
    EmailPolicy {
        /// The address, its keyed hash and its mask.
        Full,
        /// Keyed hash and mask only.
        Masked,
        /// Nothing: addresses are ignored.
        Off,
    }
}

impl CommissionStatus {
    /// Whether it counts towards caps and sums.
    pub fn counts(self) -> bool {
        !matches!(self, Self::Declined | Self::Refunded)
    }

    /// Whether it is in a payout: what is paid is netted by a later one, and not changed.
    pub fn is_paid_out(self) -> bool {
        matches!(self, Self::ProcessingPayout | Self::Paid)
    }
}

impl ReferralStatus {
    /// Whether the customer has gone beyond signing up, so that a lead can no longer be recorded for them.
    pub fn is_converted(self) -> bool {
        matches!(self, Self::Trialing | Self::Customer | Self::Active | Self::Canceled)
    }

    /// Whether the referral still stands for its customer: a rejected or deleted one frees its identities.
    pub fn holds_identities(self) -> bool {
        !matches!(self, Self::Rejected | Self::Deleted)
    }

    /// Whether a caller may set it: deleting has a route of its own.
    pub fn may_be_set(self) -> bool {
        self != Self::Deleted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_words_are_the_words() {
        assert_eq!(
            CommissionStatus::words(),
            [
                "pending",
                "pending_manual_approval",
                "ready_for_payment",
                "processing_payout",
                "paid",
                "declined",
                "refunded",
                "dispute"
            ]
        );
        assert_eq!(SalesStatus::words(), ["open", "complete", "trialing", "failed", "refunded", "partial_refunded"]);
    }

    #[test]
    fn a_word_is_read_back_and_others_are_refused() {
        assert_eq!(ReferralStatus::from_word("canceled"), Some(ReferralStatus::Canceled));
        assert_eq!(ReferralStatus::from_word("Canceled"), None);
        assert_eq!(ReferralStatus::from_word(""), None);
    }
}
