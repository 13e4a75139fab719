//! The worked cases as they are written: `attribution/tests/worked_cases/README.md` says what each field means.

#![expect(clippy::option_option, reason = "a field that is null says something else than one that is not there")]

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::day::Day;
use crate::exchange::{DecimalRate, QuotedRate};
use crate::fixtures::affiliate;
use crate::ids::{GroupId, IncentiveId};
use crate::incentive::{AppliesTo, Approval, Incentive, Length, Owner, PaysFor, Reward};
use crate::level::{Base, Level};
use crate::money::{Currency, Money, Rate};

#[derive(Deserialize)]
pub struct File {
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    #[serde(rename = "note")]
    pub _note: Option<String>,
    pub currency: String,
    #[serde(default)]
    pub settings: Settings,
    #[serde(default)]
    pub incentives: Vec<IncentiveOf>,
    #[serde(default)]
    pub levels: Vec<LevelOf>,
    #[serde(default)]
    pub recruiters: Vec<Recruiter>,
    #[serde(default)]
    pub rates: Vec<RateOf>,
    pub clicked_at: String,
    pub steps: Vec<Step>,
    pub total: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub attribution_window_days: Option<u32>,
    pub trust_browser_leads: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncentiveOf {
    id: String,
    owner: Option<String>,
    apply_to: Option<String>,
    percentage: Option<String>,
    fixed: Option<String>,
    #[serde(default)]
    product_ids: Vec<String>,
    approval: Option<String>,
    hold_days: Option<u32>,
    length: Option<String>,
    length_value: Option<u32>,
    cap: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelOf {
    base: Base,
    percentage: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recruiter {
    pub approved: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateOf {
    day: String,
    base: String,
    currency: String,
    rate: String,
    #[serde(default)]
    own: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub at: String,
    pub sign_up: Option<SignUpOf>,
    pub sale: Option<SaleOf>,
    pub manual: Option<ManualOf>,
    pub refund: Option<RefundOf>,
    pub rates: Option<Vec<RateOf>>,
    pub settles: Option<Vec<String>>,
    pub expect_sale: Option<Expect>,
    pub complete: Option<String>,
    pub set_sales_status: Option<Change>,
    pub set_commission_status: Option<Change>,
    pub end_holds: Option<bool>,
    pub pay_out: Option<Vec<String>>,
    pub until: Option<String>,
    #[serde(default, rename = "levels")]
    pub pays_levels: bool,
    #[serde(default, deserialize_with = "present")]
    pub expect_payout: Option<Option<String>>,
    pub end_payout: Option<String>,
    pub partnership: Option<String>,
    pub set_incentives: Option<Vec<IncentiveOf>>,
    pub refer: Option<ReferralStep>,
    pub reassign: Option<ReassignStep>,
    pub look: Option<String>,
    pub expect: Option<Expect>,
    pub expect_statuses: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    pub expect_refused: bool,
    #[serde(rename = "arithmetic")]
    pub _arithmetic: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUpOf {
    pub verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaleOf {
    pub id: String,
    pub amount: String,
    pub currency: String,
    pub occurred_at: Option<String>,
    #[serde(default)]
    pub product_ids: Vec<String>,
    #[serde(default)]
    pub price_ids: Vec<String>,
    pub interval: Option<String>,
    #[serde(default)]
    pub is_subscription: bool,
    pub status: Option<String>,
    pub sales_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManualOf {
    pub id: String,
    pub amount: String,
    pub currency: String,
    pub commission: String,
    pub status: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundOf {
    pub sale: String,
    pub amount: Option<String>,
    pub currency: Option<String>,
    pub id: Option<String>,
    #[serde(default)]
    pub early: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub sale: String,
    pub to: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferralStep {
    pub status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReassignStep {
    pub unpaid: String,
}

/// What is not claimed is `None`; what is claimed not to be there is `Some(None)`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub reason: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub incentive: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub commission: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub status: Option<Option<String>>,
    pub sales_status: Option<String>,
    pub remaining: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub converted: Option<Option<String>>,
    pub levels: Option<Vec<Option<String>>>,
    pub level_statuses: Option<Vec<Option<String>>>,
    pub clawbacks: Option<Vec<String>>,
    pub level_clawbacks: Option<Vec<Option<String>>>,
    #[serde(default)]
    pub pending: bool,
}

/// Tells a field that is `null` from one that is not there.
fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

pub fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

pub fn money(amount: &str, code: &str) -> Money {
    Money::from_decimal(amount, currency(code)).unwrap()
}

/// `"12.5"` percent is 125 000 parts per million.
fn rate(percentage: &str) -> Rate {
    let (whole, fraction) = percentage.split_once('.').unwrap_or((percentage, ""));
    let parts: i64 = format!("{whole}{fraction:0<4}").parse().unwrap();
    Rate::from_parts_per_million(parts).unwrap()
}

impl RateOf {
    pub fn quoted(&self) -> QuotedRate {
        QuotedRate {
            base: currency(&self.base),
            currency: currency(&self.currency),
            day: Day::parse(&self.day).unwrap(),
            rate: DecimalRate::parse(&self.rate).unwrap(),
            own: self.own,
        }
    }
}

impl LevelOf {
    pub fn level(&self, position: usize) -> Level {
        Level {
            id: IncentiveId::new(format!("lvl_{position}")),
            group_id: GroupId::new("grp_1"),
            position: u8::try_from(position).unwrap(),
            base: self.base,
            rate: rate(&self.percentage),
        }
    }
}

impl IncentiveOf {
    pub fn incentive(&self, team: &str) -> Incentive {
        let apply_to = self.apply_to.as_deref().unwrap_or("all_plans");
        Incentive {
            id: IncentiveId::new(&self.id),
            owner: match self.owner.as_deref() {
                Some("affiliate") => Owner::Affiliate(affiliate().id),
                _ => Owner::Group(GroupId::new("grp_1")),
            },
            pays_for: if apply_to == "signups" { PaysFor::Lead } else { PaysFor::Sale },
            reward: match (&self.percentage, &self.fixed) {
                (Some(percentage), None) => Reward::Percentage(rate(percentage)),
                (None, Some(fixed)) => Reward::Fixed(money(fixed, team).minor),
                _ => panic!("{} is a percentage or fixed", self.id),
            },
            applies_to: match apply_to {
                "specific_products" => AppliesTo::SpecificProducts(self.product_ids.clone()),
                "yearly_plans" => AppliesTo::YearlyPlans,
                "monthly_plans" => AppliesTo::MonthlyPlans,
                "one_time_products" => AppliesTo::OneTimeProducts,
                "all_plans" | "signups" => AppliesTo::AllPlans,
                other => panic!("apply_to {other}"),
            },
            approval: match self.approval.as_deref() {
                None | Some("automatic") => Approval::Automatic,
                Some("hold_period") => Approval::HoldPeriod { days: self.hold_days.unwrap() },
                Some("manual") => Approval::Manual,
                Some(other) => panic!("approval {other}"),
            },
            length: match self.length.as_deref() {
                None | Some("customer_lifetime") => Length::CustomerLifetime,
                Some("time_limited") => Length::Months(self.length_value.unwrap()),
                Some("payment_limited") => Length::Payments(self.length_value.unwrap()),
                Some(other) => panic!("length {other}"),
            },
            cap_minor: self.cap.as_deref().map(|cap| money(cap, team).minor),
        }
    }
}
