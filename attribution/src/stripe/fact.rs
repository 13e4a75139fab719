//! Facts: what events come to, and how two that are about the same thing become one, whichever came first.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names::Names;
use crate::incentive::Purchase;
use crate::money::Money;
use crate::status::ReferralStatus;
use crate::time::Timestamp;
use crate::transitions::Mover;

/// Something that Stripe has said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The object that it is about: facts with the same one become one.
    pub object: String,
    /// What the customer is called.
    pub names: Names,
    /// What the sale is called: its own key first.
    pub sale_keys: Vec<String>,
    /// What is so.
    pub body: Body,
    /// The event that said it first: its type and its id. For people only.
    #[serde(default)]
    pub said_by: Option<(String, String)>,
}

/// What is so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// All the names are one customer's.
    Customer,
    /// All the keys are one sale's.
    SameSale,
    /// A customer has paid.
    Sale(Sale),
    /// So much of a charge was paid back by now.
    PaidBack(PaidBack),
    /// A customer's bank asks for a payment back.
    Dispute(Dispute),
    /// How a subscription stands.
    Subscription(Subscription),
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sale {
    /// What counts: what was paid, after discounts and without tax.
    pub amount: Money,
    /// What was paid, tax included, in minor units of the amount's currency: what refunds are parts of.
    pub paid_minor: i64,
    /// When it was paid.
    pub paid_at: Timestamp,
    /// What was bought.
    pub purchase: Purchase,
    /// Ids of Stripe's objects, for people.
    pub about: Map<String, Value>,
}

/// A running total: a later one includes the earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidBack {
    /// Paid back by now, in Stripe's minor units.
    pub minor: i64,
    /// Of so much.
    pub of_minor: i64,
    /// When the last part was.
    pub at: Timestamp,
    /// Why, where Stripe says it.
    pub reason: Option<String>,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Where it stands.
    pub turn: DisputeTurn,
    /// What it is about.
    pub amount: Money,
    /// When it turned.
    pub at: Timestamp,
}

/// Where a dispute stands; the later ones are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DisputeTurn {
    /// Undecided.
    Open,
    /// The merchant keeps the money.
    Won,
    /// The customer has it back.
    Lost,
}

/// A subscription's last known state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// How it stands.
    pub turn: SubscriptionTurn,
    /// Since when, by Stripe's clock.
    pub at: Timestamp,
}

/// How a subscription stands. What is further down wins where two are said of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SubscriptionTurn {
    /// On trial.
    Trialing,
    /// Paid, or about to be.
    Active,
    /// Over.
    Canceled,
}

impl SubscriptionTurn {
    /// What becomes of the customer's referral; `None` where it stays.
    pub fn moves(self, from: ReferralStatus) -> Option<ReferralStatus> {
        let next = match self {
            Self::Trialing => ReferralStatus::Trialing,
            Self::Active => ReferralStatus::Active,
            Self::Canceled => ReferralStatus::Canceled,
        };
        // Nobody's rejection is taken back by a subscription.
        let is_open = from.holds_identities() && from != next && from.may_become(next, Mover::Person);
        let goes_back = next == ReferralStatus::Trialing && from != ReferralStatus::Lead;
        (is_open && !goes_back).then_some(next)
    }
}

impl Fact {
    /// What both say: a larger total includes a smaller one, a decided dispute an open one, a later state of a
    /// subscription an earlier one.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.names.merge(other.names);
        for key in other.sale_keys {
            if !self.sale_keys.contains(&key) {
                self.sale_keys.push(key);
            }
        }
        self.body = match (self.body, other.body) {
            (Body::PaidBack(one), Body::PaidBack(two)) => Body::PaidBack(if two.minor > one.minor { two } else { one }),
            (Body::Dispute(one), Body::Dispute(two)) => Body::Dispute(if two.turn > one.turn { two } else { one }),
            (Body::Subscription(one), Body::Subscription(two)) => {
                let is_later = (two.at, two.turn) > (one.at, one.turn);
                // A subscription that has ended stays so.
                let has_ended = one.turn == SubscriptionTurn::Canceled && two.turn != SubscriptionTurn::Canceled;
                let ends = two.turn == SubscriptionTurn::Canceled && one.turn != SubscriptionTurn::Canceled;
                Body::Subscription(if ends || (is_later && !has_ended) { two } else { one })
            }
            (one, _) => one,
        };
        self
    }

    /// Whether it is kept also when everything that it says is done: only its last state tells what comes too late.
    pub fn is_state(&self) -> bool {
        matches!(self.body, Body::Dispute(_) | Body::Subscription(_))
    }
}
