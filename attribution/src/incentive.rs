//! Incentives: which one prices a lead or a sale, and what it pays.
//!
//! An affiliate's override beats the group's; among equals the most specific wins: named products or prices, then
//! yearly, monthly, one-time, everything. Only a fixed amount may be 0, and that excludes what it applies to.

use serde::{Deserialize, Serialize};

use crate::exchange::Exchange;
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
    /// How long it pays for one customer.
    pub length: Length,
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
    /// The word in answers and the database.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::SpecificProducts(_) => "specific_products",
            Self::YearlyPlans => "yearly_plans",
            Self::MonthlyPlans => "monthly_plans",
            Self::OneTimeProducts => "one_time_products",
            Self::AllPlans => "all_plans",
        }
    }

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
    /// What a sale of `amount` earns in the team's currency; `None` when that needs a rate of exchange and there is none.
    /// A share is taken and converted in one calculation.
    pub fn for_sale(self, amount: Money, currency: Currency, exchange: Option<&Exchange>) -> Option<i64> {
        match self {
            Self::Fixed(minor) => Some(minor),
            Self::Percentage(rate) if amount.currency == currency => Some(amount.share(rate).minor),
            Self::Percentage(rate) => exchange?.share(amount.minor, rate),
        }
    }

    /// Whether this excludes what it applies to: a fixed amount of nothing.
    pub fn is_exclusion(self) -> bool {
        self == Self::Fixed(0)
    }
}

/// What became of an incentive when a purchase was priced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It prices the purchase.
    Chosen,
    /// It does not cover what was bought.
    DoesNotCover,
    /// It is the group's, and an override covers the purchase.
    BeatenByOverride,
    /// A more specific one covers the purchase.
    LessSpecific,
    /// An older one is as specific.
    Younger,
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
        of_affiliate(incentives, affiliate, pays_for)
            .filter(move |incentive| incentive.is_override() == is_override)
            .filter(|incentive| incentive.covers(purchase))
            // `max_by_key` keeps the last of equals; reversed, that is the oldest.
            .rev()
            .max_by_key(|incentive| incentive.applies_to.specificity())
    };
    candidates(true).or_else(|| candidates(false))
}

/// Every incentive of `affiliate`, oldest first, and what became of it when `purchase` was priced.
pub fn weigh<'a>(
    incentives: &'a [Incentive],
    affiliate: &Affiliate,
    pays_for: PaysFor,
    purchase: &Purchase,
) -> Vec<(&'a Incentive, Standing)> {
    let chosen = choose(incentives, affiliate, pays_for, purchase);
    let standing = |incentive: &Incentive| match chosen {
        Some(chosen) if chosen.id == incentive.id => Standing::Chosen,
        _ if !incentive.covers(purchase) => Standing::DoesNotCover,
        Some(chosen) if chosen.is_override() && !incentive.is_override() => Standing::BeatenByOverride,
        Some(chosen) if chosen.applies_to.specificity() > incentive.applies_to.specificity() => Standing::LessSpecific,
        _ => Standing::Younger,
    };
    of_affiliate(incentives, affiliate, pays_for).map(|incentive| (incentive, standing(incentive))).collect()
}

/// What the affiliate may earn by: their own incentives and their group's.
fn of_affiliate<'a>(
    incentives: &'a [Incentive],
    affiliate: &Affiliate,
    pays_for: PaysFor,
) -> impl DoubleEndedIterator<Item = &'a Incentive> {
    incentives.iter().filter(move |incentive| incentive.pays_for == pays_for).filter(move |incentive| match &incentive
        .owner
    {
        Owner::Affiliate(owner) => *owner == affiliate.id,
        Owner::Group(group) => affiliate.group_id.as_ref() == Some(group),
    })
}

impl Incentive {
    /// Whether it is one affiliate's own.
    pub fn is_override(&self) -> bool {
        matches!(self.owner, Owner::Affiliate(_))
    }

    /// Whether it prices `purchase`; a lead incentive prices every lead.
    fn covers(&self, purchase: &Purchase) -> bool {
        self.pays_for == PaysFor::Lead || self.applies_to.covers(purchase)
    }

    /// Whether it is over for a customer whose first complete sale was at `first_paid_at` and `paid_sales` of whose sales
    /// have earned a commission, when a sale happens at `occurred_at`.
    pub fn is_over(&self, first_paid_at: Option<Timestamp>, paid_sales: i64, occurred_at: Timestamp) -> bool {
        match self.length {
            Length::CustomerLifetime => false,
            Length::Months(months) => first_paid_at.is_some_and(|first| occurred_at >= first.plus_months(months)),
            Length::Payments(payments) => paid_sales >= i64::from(payments),
        }
    }
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
        assert_eq!(fixed("f", 500).reward.for_sale(sale, usd, None), Some(500));
        assert_eq!(percentage("p", 300_000, AppliesTo::AllPlans).reward.for_sale(sale, usd, None), None);
    }

    #[test]
    fn each_incentive_of_the_affiliate_is_weighed() {
        let mut own = percentage("own", 400_000, AppliesTo::YearlyPlans);
        own.owner = Owner::Affiliate(affiliate().id);
        let incentives = [
            percentage("all", 300_000, AppliesTo::AllPlans),
            percentage("once", 300_000, AppliesTo::OneTimeProducts),
            percentage("once again", 300_000, AppliesTo::OneTimeProducts),
            own,
        ];
        let weighed: Vec<_> = weigh(&incentives, &affiliate(), PaysFor::Sale, &Purchase::default())
            .into_iter()
            .map(|(incentive, standing)| (incentive.id.as_str(), standing))
            .collect();
        let expected = [
            ("all", Standing::LessSpecific),
            ("once", Standing::Chosen),
            ("once again", Standing::Younger),
            ("own", Standing::DoesNotCover),
        ];
        assert_eq!(weighed, expected);
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
