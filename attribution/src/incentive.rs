//! Incentives: which one prices a lead or a sale, and what it pays.
//!
//! An affiliate's override beats the group's; among equals the most specific wins: named products or prices, then
//! yearly, monthly, one-time, everything. Only a fixed amount may be 0, and that excludes what it applies to.

use serde::{Deserialize, Serialize};

use crate::ids::{AffiliateId, GroupId, IncentiveId};
use crate::money::{Currency, Money, Rate};
use crate::program::Affiliate;
use crate::status::{CommissionStatus, Interval};
use crate::time::Timestamp;

/// The rule that prices a lead or a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incentive {
    /// Its id.
    pub id: IncentiveId,
    /// Who earns by it.
    pub owner: Owner,
    /// What it pays for.
    pub pays_for: PaysFor,
    /// What it pays.
    pub reward: Reward,
    /// Which purchases it prices; a lead incentive prices every lead.
    pub applies_to: AppliesTo,
    /// How its commissions come to be payable.
    pub approval: Approval,
    /// All that an affiliate may earn by one customer, in minor units of the team's currency.
    pub cap_minor: Option<i64>,
}

/// How long an incentive pays for one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Length {
    /// As long as there are sales.
    CustomerLifetime,
    /// So many calendar months from the customer's first complete sale.
    Months(u32),
    /// So many sales that earn a commission.
    Payments(u32),
}

/// Who earns by an incentive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// Everyone in a group.
    Group(GroupId),
    /// One affiliate: an override.
    Affiliate(AffiliateId),
}

/// What an incentive pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaysFor {
    /// A sign-up.
    Lead,
    /// A purchase.
    Sale,
}

/// What an incentive pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reward {
    /// A share of the sale.
    Percentage(Rate),
    /// Minor units of the team's currency.
    Fixed(i64),
}

/// Which purchases an incentive prices, most specific first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppliesTo {
    /// Those with one of these product or price ids.
    SpecificProducts(Vec<String>),
    /// Subscriptions billed yearly.
    YearlyPlans,
    /// Subscriptions billed monthly.
    MonthlyPlans,
    /// What is no subscription.
    OneTimeProducts,
    /// Everything.
    AllPlans,
}

/// How a commission comes to be payable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Approval {
    /// At once.
    Automatic,
    /// After so many days.
    HoldPeriod {
        /// Whole days from the moment the commission is made.
        days: u32,
    },
    /// By a person.
    Manual,
}

/// What was bought, as far as incentives look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The caller's product ids.
    pub product_ids: Vec<String>,
    /// The caller's price ids.
    pub price_ids: Vec<String>,
    /// How often it is billed.
    pub interval: Option<Interval>,
    /// Whether it comes from a subscription.
    pub is_subscription: bool,
}

impl AppliesTo {
    fn specificity(&self) -> u8 {
        match self {
            Self::SpecificProducts(_) => 4,
            Self::YearlyPlans => 3,
            Self::MonthlyPlans => 2,
            Self::OneTimeProducts => 1,
            Self::AllPlans => 0,
        }
    }

    fn covers(&self, purchase: &Purchase) -> bool {
        match self {
            Self::SpecificProducts(ids) => {
                purchase.product_ids.iter().chain(&purchase.price_ids).any(|bought| ids.contains(bought))
            }
            Self::YearlyPlans => purchase.interval == Some(Interval::Yearly),
            Self::MonthlyPlans => purchase.interval == Some(Interval::Monthly),
            Self::OneTimeProducts => !purchase.is_subscription && purchase.interval.is_none(),
            Self::AllPlans => true,
        }
    }
}

impl Approval {
    /// The status of a commission made at `now`, and when its hold ends.
    pub fn first_status(self, now: Timestamp) -> (CommissionStatus, Option<Timestamp>) {
        match self {
            Self::Automatic | Self::HoldPeriod { days: 0 } => (CommissionStatus::ReadyForPayment, None),
            Self::HoldPeriod { days } => (CommissionStatus::Pending, Some(now.plus_days(days))),
            Self::Manual => (CommissionStatus::PendingManualApproval, None),
        }
    }

    /// Days of hold, where there is one.
    pub fn hold_days(self) -> Option<u32> {
        match self {
            Self::HoldPeriod { days } => Some(days),
            Self::Automatic | Self::Manual => None,
        }
    }
}

impl Reward {
    /// What a sale of `amount` earns in the team's currency; `None` when that needs a rate of exchange.
    pub fn for_sale(self, amount: Money, currency: Currency) -> Option<Money> {
        match self {
            Self::Fixed(minor) => Some(Money { minor, currency }),
            Self::Percentage(rate) => (amount.currency == currency).then(|| amount.share(rate)),
        }
    }

    /// Whether this excludes what it applies to: a fixed amount of nothing.
    pub fn is_exclusion(self) -> bool {
        self == Self::Fixed(0)
    }
}

/// The incentive by which `affiliate` earns for `purchase`; `None` when no one of theirs covers it. Among equals the
/// oldest wins, so that the answer never depends on the order of rows.
pub fn choose<'a>(
    incentives: &'a [Incentive],
    affiliate: &Affiliate,
    pays_for: PaysFor,
    purchase: &Purchase,
) -> Option<&'a Incentive> {
    let candidates = |is_override: bool| {
        incentives
            .iter()
            .filter(move |incentive| match &incentive.owner {
                Owner::Affiliate(owner) => is_override && *owner == affiliate.id,
                Owner::Group(group) => !is_override && affiliate.group_id.as_ref() == Some(group),
            })
            .filter(|incentive| incentive.pays_for == pays_for)
            .filter(|incentive| pays_for == PaysFor::Lead || incentive.applies_to.covers(purchase))
            // `max_by_key` keeps the last of equals; reversed, that is the oldest.
            .rev()
            .max_by_key(|incentive| incentive.applies_to.specificity())
    };
    candidates(true).or_else(|| candidates(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{affiliate, fixed, percentage};

    fn chosen<'a>(incentives: &'a [Incentive], purchase: &Purchase) -> Option<&'a str> {
        choose(incentives, &affiliate(), PaysFor::Sale, purchase).map(|incentive| incentive.id.as_str())
    }

    #[test]
    fn the_most_specific_incentive_wins() {
        let incentives = [
            percentage("all", 300_000, AppliesTo::AllPlans),
            percentage("once", 300_000, AppliesTo::OneTimeProducts),
            percentage("monthly", 300_000, AppliesTo::MonthlyPlans),
            percentage("yearly", 300_000, AppliesTo::YearlyPlans),
            percentage("product", 300_000, AppliesTo::SpecificProducts(vec!["p1".into()])),
        ];
        let bought = |interval: Option<Interval>, product: &str| Purchase {
            product_ids: vec![product.into()],
            price_ids: vec![],
            interval,
            is_subscription: interval.is_some(),
        };
        assert_eq!(chosen(&incentives, &bought(Some(Interval::Yearly), "p1")), Some("product"));
        assert_eq!(chosen(&incentives, &bought(Some(Interval::Yearly), "p2")), Some("yearly"));
        assert_eq!(chosen(&incentives, &bought(Some(Interval::Monthly), "p2")), Some("monthly"));
        assert_eq!(chosen(&incentives, &bought(None, "p2")), Some("once"));
        assert_eq!(chosen(&incentives, &bought(Some(Interval::Quarterly), "p2")), Some("all"));
    }

    #[test]
    fn a_price_id_names_a_product_too() {
        let incentives = [percentage("product", 300_000, AppliesTo::SpecificProducts(vec!["price_1".into()]))];
        let purchase = Purchase { price_ids: vec!["price_1".into()], ..Purchase::default() };
        assert_eq!(chosen(&incentives, &purchase), Some("product"));
        assert_eq!(chosen(&incentives, &Purchase::default()), None);
    }

    #[test]
    fn an_override_beats_a_more_specific_group_incentive() {
        let mut own = percentage("own", 400_000, AppliesTo::AllPlans);
        own.owner = Owner::Affiliate(affiliate().id);
        let incentives = [percentage("group", 300_000, AppliesTo::OneTimeProducts), own];
        assert_eq!(chosen(&incentives, &Purchase::default()), Some("own"));
    }

    #[test]
    fn another_affiliates_override_and_another_groups_incentive_do_not_count() {
        let mut foreign_override = percentage("foreign", 400_000, AppliesTo::AllPlans);
        foreign_override.owner = Owner::Affiliate(AffiliateId::new("aff_other"));
        let mut foreign_group = percentage("foreign group", 400_000, AppliesTo::AllPlans);
        foreign_group.owner = Owner::Group(GroupId::new("grp_other"));
        assert_eq!(chosen(&[foreign_override, foreign_group], &Purchase::default()), None);
    }

    #[test]
    fn among_equals_the_oldest_wins() {
        let incentives =
            [percentage("first", 300_000, AppliesTo::AllPlans), percentage("second", 200_000, AppliesTo::AllPlans)];
        assert_eq!(chosen(&incentives, &Purchase::default()), Some("first"));
    }

    #[test]
    fn a_fixed_reward_needs_no_rate_of_exchange_and_a_percentage_does() {
        let usd = Currency::from_code("USD").unwrap();
        let sale = Money::from_decimal("100", Currency::from_code("EUR").unwrap()).unwrap();
        assert_eq!(fixed("f", 500).reward.for_sale(sale, usd), Some(Money { minor: 500, currency: usd }));
        assert_eq!(percentage("p", 300_000, AppliesTo::AllPlans).reward.for_sale(sale, usd), None);
    }

    #[test]
    fn approval_gives_the_first_status() {
        let now = Timestamp::from_milliseconds(0);
        assert_eq!(Approval::Automatic.first_status(now), (CommissionStatus::ReadyForPayment, None));
        assert_eq!(
            Approval::HoldPeriod { days: 30 }.first_status(now),
            (CommissionStatus::Pending, Some(now.plus_days(30)))
        );
        assert_eq!(Approval::HoldPeriod { days: 0 }.first_status(now), (CommissionStatus::ReadyForPayment, None));
        assert_eq!(Approval::Manual.first_status(now), (CommissionStatus::PendingManualApproval, None));
    }
}
